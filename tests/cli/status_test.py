#!/usr/bin/python3
"""What `ipscore status` and --metrics tell of runs of one process. tests/mpi/status_test.py looks at ranks."""

import json
import os
import shutil
import time
import unittest

from metrics_lib import parse_metrics, value_of
from pipeline_lib import Inputs, PipelineTest

STATES = ("running", "done", "failed", "stopped", "dead")


class StatusTest(PipelineTest):
    def setUp(self):
        super().setUp()
        self.inputs = Inputs(self.dir / "in").write()
        self.ingest("store", *self.inputs.observations)
        self.prepare("store", "table")

    def status(self, directory):
        return self.verb("status", directory).stdout

    def status_json(self, directory):
        jobs = json.loads(self.verb("status", directory, "--json").stdout)["jobs"]
        return jobs[0] if len(jobs) == 1 else jobs

    def metrics(self, name="metrics.prom"):
        return parse_metrics((self.dir / name).read_text())

    def assert_state(self, samples, state):
        self.assertEqual({name: value_of(samples, "ipscore_job_state", state=name) for name in STATES},
                         {name: int(name == state) for name in STATES})

    def test_done(self):
        for directory, verb, phase in (("table", "prepare", "merge"), ("scores", "score", "score")):
            if verb == "score":
                self.score(self.inputs, "table", "scores")
            text = self.status(directory)
            self.assertRegex(text, rf"\A{directory}: {verb} is done, since 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC, after [\d.]+ s\n")
            self.assertRegex(text, rf"\n{phase}: 1 of 1 parts \(100\.0 %\); [\d. ]+ parts/s, [\d. ]+ rows/s\n")
            self.assertRegex(text, rf"\n +0  {os.uname().nodename} +\d+  end +1 +\d+ .* s ago\n\Z")
            job = self.status_json(directory)
            self.assertEqual((job["verb"], job["state"], job["exit_code"], job["reason"]), (verb, "done", 0, ""))
            self.assertEqual((job["work"]["done"], job["work"]["total"], job["work"]["seconds_left"]), (1, 1, None))
            self.assertEqual([rank["work"]["done"] for rank in job["ranks"]], [1])

    def test_elsewhere_and_read_only(self):
        self.score(self.inputs, "table", "scores")
        here = self.status_json("scores")
        shutil.copytree(self.dir / "scores" / "status", self.dir / "copy" / "status")
        there = self.status_json("copy")
        for job in (here, there):
            for name in ("directory", "seen_at"):
                job.pop(name)
            for rank in job["ranks"]:
                rank.pop("silent_seconds")
        self.assertEqual(here, there)
        self.assertEqual([path.name for path in (self.dir / "copy").iterdir()], ["status"])

    def test_failed(self):
        part = self.dir / "table" / "part-00000.h5"
        part.write_bytes(part.read_bytes()[:-1])
        result = self.run_ipscore(*self.score_words(self.inputs, "table", "scores"), "--metrics", "metrics.prom")
        self.assert_code(result, 2)
        reason = result.stderr.removeprefix("ipscore score: ").rstrip("\n")
        self.assertIn("table/part-00000.h5", reason)
        self.assertRegex(self.status("scores"), r"\Ascores: score failed at [^\n]* UTC, after [\d.]+ s, with exit code 2: table/part-0")
        job = self.status_json("scores")
        self.assertEqual((job["state"], job["exit_code"], job["reason"], job["phase"]), ("failed", 2, reason, "score"))
        self.assert_state(self.metrics(), "failed")
        self.assertEqual(value_of(self.metrics(), "ipscore_job_exit_code"), 2)

    def test_metrics_of_a_job_that_never_began(self):
        self.inputs.model.write_text("lookback_days = 0\n")
        result = self.run_ipscore(*self.score_words(self.inputs, "table", "scores"), "--metrics", "metrics.prom")
        self.assert_code(result, 2)
        self.assert_state(self.metrics(), "failed")
        self.assertFalse((self.dir / "scores").exists())
        result = self.run_ipscore("status", "scores")
        self.assert_fails(result, 2, "ipscore status: scores: holds no status of a job; give the --output of prepare or score, or the "
                          "--store of ingest")

    def test_metrics_of_each_verb(self):
        self.verb("ingest", "--store", "other", *self.inputs.observations, "--metrics", "metrics.prom")
        samples = self.metrics()
        self.assert_state(samples, "done")
        size = self.inputs.observations[0].stat().st_size
        self.assertEqual(value_of(samples, "ipscore_work_units", verb="ingest", directory="other", unit="bytes"), size)
        self.assertGreater(value_of(samples, "ipscore_rank_rows_done", rank="0"), 0)
        self.prepare("other", "other-table", "--as-of", "2026-11-22", "--metrics", "metrics.prom")
        samples = self.metrics()
        self.assertEqual(value_of(samples, "ipscore_work_units_done", verb="prepare", phase="merge", unit="parts"), 1)
        self.score(self.inputs, "table", 'sco"res', "--metrics", "metrics.prom")
        samples = self.metrics()
        self.assert_state(samples, "done")
        self.assertEqual(value_of(samples, "ipscore_job_exit_code", directory='sco"res'), 0)
        self.assertGreater(value_of(samples, "ipscore_rank_peak_memory_bytes"), 1e6)
        self.assertEqual([path.name for path in self.dir.glob(".*")], [])

    def test_what_cannot_be_written_does_not_end_the_run(self):
        result = self.score(self.inputs, "table", "scores", "--metrics", "missing/metrics.prom")
        messages = [warning["msg"] for warning in result.warnings if "look-back" not in warning["msg"]]
        self.assertEqual(messages, ["cannot write missing/metrics.prom: No such file or directory; the run goes on, but cannot be seen from "
                                    "outside"])
        self.assertTrue((self.dir / "scores" / "index.h5").exists())

    def test_resumed(self):
        inputs = self.generate("demo", "1.2M")
        self.ingest("large-store", *inputs.observations)
        self.prepare("large-store", "large-table", *inputs.days())
        self.score(inputs, "large-table", "scores")
        (self.dir / "scores" / "part-00002.h5").unlink()
        self.score(inputs, "large-table", "scores")
        self.assertRegex(self.status("scores"), r"\nscore: 5 of 5 parts \(100\.0 %\), 4 of them by earlier runs; ")
        job = self.status_json("scores")
        self.assertEqual((job["work"]["done"], job["work"]["done_by_earlier_runs"], job["ranks"][0]["work"]["done"]), (5, 4, 1))

    def test_several_ingests(self):
        status = self.dir / "store" / "status"
        (ours,) = status.glob("*.json")  # beside the lock of the store
        record = json.loads(ours.read_text())
        now = time.time()
        # One lives, on another machine; one was killed there, long ago.
        for name, written_at in (("alive", now - 5), ("killed", now - 3600)):
            other = {**record, "host": name, "state": "running", "began_at": written_at - 60, "written_at": written_at, "phase": "read"}
            (status / f"ingest-{name}-{record['pid']}.json").write_text(json.dumps(other))
        self.assertEqual([(job["state"], job["ranks"][0]["host"]) for job in self.status_json("store")],
                         [("done", record["host"]), ("running", "alive"), ("dead", "killed")])
        text = self.status("store")
        self.assertRegex(text, r"\nstore: ingest is running since [^\n]*, phase read\n")
        self.assertRegex(text, r"\nstore: ingest is dead, last sign of life at [^\n]*: no process of it lives, and none said why")
        # The next one clears away what has ended.
        (self.dir / "more.csv").write_text("ip,day,key\n192.0.2.9,2026-11-20,more\n")
        self.ingest("store", "more.csv")
        self.assertEqual(sorted((job["state"], job["ranks"][0]["host"]) for job in self.status_json("store")),
                         [("done", record["host"]), ("running", "alive")])


if __name__ == "__main__":
    unittest.main()
