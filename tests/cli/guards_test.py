#!/usr/bin/python3
"""Guards against a bad night: what is empty or absurd is refused with exit code 2 and gets no final name; without the guard, or with
better data, the same command goes on."""

import unittest

from pipeline_lib import MODEL, Inputs, PipelineTest, snapshot

DAYS = ("--as-of", "2026-11-22", "--lookback-days", "3")
SHORT_MODEL = MODEL.replace("lookback_days = 90", "lookback_days = 3\nrecent_days = 1")
EVERY_DAY = "ip,day,key\n192.0.2.7,2026-11-20,shoes.example\n192.0.2.7,2026-11-21,nobody.knows\n192.0.2.7,2026-11-22,shoes.example\n"
MISSING_DAY = EVERY_DAY.replace("2026-11-21", "2026-11-20")


class GuardsTest(PipelineTest):
    def inputs(self, observations, model=SHORT_MODEL):
        return Inputs(self.dir / "in").write(observations=observations, model=model)

    def assert_refused(self, words, line, unfinished):
        """By an exit before the index has its name; nothing is left under it."""
        for _ in range(2):  # and again by the same command
            self.assert_fails(self.run_ipscore(*words), 2, line)
            self.assertFalse((self.dir / unfinished / "index.h5").exists())
            self.assertFalse((self.dir / unfinished / "run.json").exists())
            if (self.dir / unfinished).exists():
                self.assert_no_litter(unfinished)

    def test_prepare_requires_days(self):
        inputs = self.inputs(MISSING_DAY)
        self.ingest("store", *inputs.observations)
        self.assert_refused(self.prepare_words("store", "table", *DAYS, "--require-days"),
                            'ipscore prepare: store: has no observations of 1 of the 3 days of the look-back: "2026-11-21"; '
                            "--require-days allows no such day", "table")
        self.assertFalse((self.dir / "table").exists())
        (self.dir / "late.csv").write_text("ip,day,key\n192.0.2.9,2026-11-21,shoes.example\n")
        self.ingest("store", "late.csv")
        self.prepare("store", "table", *DAYS, "--require-days")

    def test_score_requires_days(self):
        inputs = self.inputs(MISSING_DAY)
        self.ingest("store", *inputs.observations)
        self.prepare("store", "table", *DAYS)
        self.assert_refused(self.score_words(inputs, "table", "scores", "--require-days"),
                            'ipscore score: table: has no observations of 1 of the 3 days of the look-back: "2026-11-21"; '
                            "--require-days allows no such day", "scores")
        self.score(inputs, "table", "scores")
        # Also where it is finished; what is there stays.
        before = snapshot(self.dir / "scores")
        self.assert_code(self.run_ipscore(*self.score_words(inputs, "table", "scores", "--require-days")), 2)
        self.assert_unchanged("scores", before)

    def test_ingest_min_rows(self):
        inputs = self.inputs(EVERY_DAY)
        (self.dir / "empty.csv").write_text("ip,day,key\n")
        words = ["ingest", "--store", "store", *inputs.observations, "empty.csv", "--min-rows"]
        self.assert_fails(self.run_ipscore(*words, "4"), 2,
                          "ipscore ingest: store: 3 good rows in 2 files are fewer than --min-rows 4; nothing was taken in")
        self.assertEqual([path for path in (self.dir / "store").rglob("*") if path.is_file() and path.parent.name != "status"], [])
        self.verb(*words, "3")
        self.verb(*words, "3")  # although it is there already

    def test_prepare_min_rows(self):
        # Two of the rows are the same observation, in two segments: a table of 2.
        inputs = self.inputs("ip,day,key\n192.0.2.7,2026-11-20,a\n192.0.2.7,2026-11-22,b\n192.0.2.7,2026-01-01,b\n")
        self.ingest("store", *inputs.observations)
        (self.dir / "again.csv").write_text("ip,day,key\n192.0.2.7,2026-11-20,a\n")
        self.ingest("store", "again.csv")
        for least, rows in ((4, 3), (3, 2)):  # more than the store has of these days; more than are left of them
            self.assert_refused(self.prepare_words("store", "table", *DAYS, "--min-rows", str(least)),
                                f"ipscore prepare: table: {rows} observations are fewer than --min-rows {least}; the table gets no "
                                "index", "table")
        self.prepare("store", "table", *DAYS, "--min-rows", "2")
        before = snapshot(self.dir / "table")
        self.assert_code(self.run_ipscore(*self.prepare_words("store", "table", *DAYS, "--min-rows", "3")), 2)
        self.assert_unchanged("table", before)

    def test_score_min_rows(self):
        inputs = self.inputs(EVERY_DAY)
        self.ingest("store", *inputs.observations)
        self.prepare("store", "table", *DAYS)
        words = self.score_words(inputs, "table", "scores", "--min-rows")
        self.assert_refused([*words, "3"], "ipscore score: scores: 2 rows are fewer than --min-rows 3; the scores get no index", "scores")
        self.verb(*words, "2")
        before = snapshot(self.dir / "scores")
        self.assert_code(self.run_ipscore(*words, "3"), 2)
        self.assert_unchanged("scores", before)

    def test_max_unclassified(self):
        inputs = self.inputs(EVERY_DAY)  # one of three is unclassified
        self.ingest("store", *inputs.observations)
        self.prepare("store", "table", *DAYS)
        words = self.score_words(inputs, "table", "scores", "--max-unclassified")
        self.assert_refused([*words, "0.33"], "ipscore score: scores: 0.3333 of the observations have no tag, more than "
                            "--max-unclassified 0.33; the scores get no index", "scores")
        self.verb(*words, "0.34")

    def test_ranks_say_it_once(self):
        inputs = self.inputs(EVERY_DAY)
        self.ingest("store", *inputs.observations)
        self.prepare("store", "table", *DAYS)
        result = self.run_mpirun(3, *self.score_words(inputs, "table", "scores", "--min-rows", "1M"))
        self.assert_fails(result, 2, "ipscore score: scores: 2 rows are fewer than --min-rows 1000000; the scores get no index")
        self.assertFalse((self.dir / "scores" / "index.h5").exists())


if __name__ == "__main__":
    unittest.main()
