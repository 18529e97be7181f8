#!/usr/bin/python3
"""prepare and score on ranks give the values that they give alone, to the last bit. Last argument: the number of ranks."""

import shutil
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))

from pipeline_lib import Inputs, PipelineTest, h5_values, snapshot, write_nasty_inputs  # noqa: E402

RANKS = 1


def all_values(directory):
    """Every value of the parts and the index of a table or of scores."""
    return {path.name: h5_values(path) for path in sorted(Path(directory).glob("*.h5"))}


class RanksTest(PipelineTest):
    def assert_same_values(self, directory, expected):
        values = all_values(self.dir / directory)
        self.assertEqual(list(values), list(expected), directory)
        for file, of_file in expected.items():
            self.assertEqual(list(values[file]), list(of_file), f"{directory}/{file}")
            for name, value in of_file.items():
                self.assertTrue(values[file][name] == value, f"{directory}/{file}: {name} differs from the run without mpirun")

    def check(self, inputs, thread_counts=(None,)):
        """The ranks against a run without mpirun; each in the table and in the scores that it makes of either table."""
        alone = self.pipeline(inputs, "alone")
        table, scores = all_values(self.dir / "alone-table"), all_values(self.dir / "alone-scores")
        for threads in thread_counts:
            with self.subTest(threads=threads):
                options = ("--threads", threads) if threads else ()
                self.prepare("alone-store", "table", *inputs.days(), *options, ranks=RANKS)
                self.assert_same_values("table", table)
                result = self.score(inputs, "table", "scores", *options, ranks=RANKS)
                self.assertIn(f"\n{RANKS} ranks, ", result.stderr)
                self.assert_same_values("scores", scores)
                self.assert_same_exports(self.exports("table", "scores"), alone, f"{RANKS} ranks")
                for directory in ("table", "scores"):
                    self.assert_no_litter(directory)
                    shutil.rmtree(self.dir / directory)
        return alone

    def test_several_parts(self):
        self.check(self.generate("demo", "1.2M"), (None, "1", "3"))
        self.assertEqual(len(list((self.dir / "alone-table").glob("part-*.h5"))), 5)

    def test_an_address_larger_than_a_part(self):
        self.check(self.generate("demo", "600k", "--seed", "2", "--gateway-share", "0.9"))

    def test_reference(self):
        # One part: with more than one rank, the others have nothing to do.
        inputs = self.generate("demo", "50k", "--gateway-share", "0.3")
        self.assert_same_exports(self.check(inputs), self.reference(inputs), "generated")

    def test_every_feature(self):
        inputs = write_nasty_inputs(self.dir / "nasty", 100 + RANKS)
        self.assert_same_exports(self.check(inputs), self.reference(inputs), "every feature")

    def test_several_segments(self):
        inputs = self.generate("demo", "300k")
        lines = inputs.observations[0].read_text().splitlines(keepends=True)
        for third in range(3):
            name = f"third{third}.csv"
            (self.dir / name).write_text(lines[0] + "".join(lines[1 + third::3]))
            self.ingest("thirds", name)
        self.ingest("store", *inputs.observations)
        self.prepare("store", "alone", *inputs.days())
        self.prepare("thirds", "table", *inputs.days(), ranks=RANKS)
        self.assert_same_text(self.export("table"), self.export("alone"), "observations")
        self.score(inputs, "alone", "alone-scores")
        self.score(inputs, "table", "scores", ranks=RANKS)
        self.assert_same_text(self.export("scores"), self.export("alone-scores"), "scores")
        self.assert_same_text(self.export("scores", "--companies"), self.export("alone-scores", "--companies"), "companies")

    def test_no_observations(self):
        alone = self.check(Inputs(self.dir / "in").write(observations="ip,day,key\n"), (None, "3"))
        self.assertEqual(alone["observations"], "ip,day,key,hits\n")
        self.assertEqual(alone["scores"].count("\n"), 1)

    def test_single_address(self):
        alone = self.check(Inputs(self.dir / "in").write(observations="ip,day,key\n192.0.2.7,2026-11-20,shoes.example\n"), (None, "3"))
        self.assertEqual(alone["scores"].count("\n"), 3)

    def test_classified_keys_only(self):
        for name, inputs in (("demo", self.generate("demo", "600k", "--gateway-share", "0.3")),
                             ("nasty", write_nasty_inputs(self.dir / "nasty", 200 + RANKS))):
            with self.subTest(inputs=name):
                lines = inputs.classification.read_bytes().split(b"\n")
                few = self.dir / f"{name}-few.csv"
                few.write_bytes(b"\n".join([lines[0], b"zz nobody,nothing,1", *[line for line in lines[1:] if b'"' not in line][::2]]))
                inputs.classification = few
                options = (*inputs.days(), "--classification", few)
                self.ingest(f"{name}-store", *inputs.observations)
                self.prepare(f"{name}-store", f"{name}-alone", *options)
                self.prepare(f"{name}-store", f"{name}-table", *options, "--threads", "2", ranks=RANKS)
                self.assert_same_values(f"{name}-table", all_values(self.dir / f"{name}-alone"))
                self.assert_no_litter(f"{name}-table")
                self.score(inputs, f"{name}-table", f"{name}-scores", ranks=RANKS)
                self.assert_same_text(self.export(f"{name}-scores"), self.reference(inputs)["scores"], "scores")
                other = self.dir / f"{name}-other.csv"
                other.write_bytes(few.read_bytes().rstrip(b"\n") + b"\nanother key,nothing,1\n")
                line = other.read_bytes().count(b"\n")
                inputs.classification = other
                self.assert_fails(self.run_mpirun(RANKS, *self.score_words(inputs, f"{name}-table", "new")), 2,
                                  f'ipscore score: {other}:{line}: column key: "another key" is not in the classification that '
                                  f"{name}-table was prepared with, so its observations are not there; prepare a table with "
                                  f"--classification {other}")
                self.assertFalse((self.dir / "new").exists())

    def test_finished_and_resumed(self):
        inputs = self.generate("demo", "600k")
        alone = self.pipeline(inputs, "alone")
        values = all_values(self.dir / "alone-scores")
        # What ranks finish, one process knows for finished, and the other way round.
        before = snapshot(self.dir / "alone-scores")
        result = self.score(inputs, "alone-table", "alone-scores", ranks=RANKS)
        self.assertEqual(result.stderr.split("\n")[0],
                         "alone-scores: is finished already, with the same inputs; nothing was done")
        self.assert_unchanged("alone-scores", before)
        (self.dir / "alone-scores" / "index.h5").unlink()
        (self.dir / "alone-scores" / "part-00001.h5").unlink()
        result = self.score(inputs, "alone-table", "alone-scores", ranks=RANKS)
        self.assertIn(f"\nparts that were there already: {len(values) - 2}\n", result.stderr)
        self.assert_same_values("alone-scores", values)
        self.assert_same_exports(self.exports("alone-table", "alone-scores"), alone, "resumed")

    def test_bad_input_is_said_once(self):
        inputs = Inputs(self.dir / "in").write()
        self.ingest("store", *inputs.observations)
        self.prepare("store", "table")
        inputs.classification.write_text("key,tag,weight\na,b,2\n")
        before = snapshot(self.dir)
        self.assert_fails(self.run_mpirun(RANKS, *self.score_words(inputs, "table", "scores")), 2,
                          f'ipscore score: {inputs.classification}:2: column weight: "2" is not above 0 and at most 1')
        self.assert_fails(self.run_mpirun(RANKS, *self.score_words(inputs, "none", "scores")), 2,
                          "ipscore score: none: is no finished table (there is no none/index.h5); run ipscore prepare")
        self.assert_fails(self.run_mpirun(RANKS, *self.prepare_words("none", "new")), 2,
                          "ipscore prepare: none: is no store (there is no none/manifest); run ipscore ingest first")
        self.assert_unchanged(".", before)


if __name__ == "__main__":
    RANKS = int(sys.argv.pop())
    unittest.main()
