#!/usr/bin/python3
"""The store under many hands: ingests side by side, what runs that were killed left there, compaction and pruning."""

import json
import os
import random
import signal
import subprocess
import time
import unittest

import h5py

from cli_test_lib import ipscore, job_environment
from pipeline_lib import PipelineTest

WRITERS = 8


class StoreTest(PipelineTest):
    def manifest(self, store):
        newest = max((self.dir / store / "manifest").glob("*.json"))
        return json.loads(newest.read_text())

    def segments(self, store="store"):
        return [segment["id"] for segment in self.manifest(store)["segments"]]

    def split(self, inputs, pieces):
        lines = inputs.observations[0].read_text().splitlines(keepends=True)
        files = [self.dir / f"piece-{i}.csv" for i in range(pieces)]
        for i, path in enumerate(files):
            path.write_text(lines[0] + "".join(lines[1 + i::pieces]))
        return files

    def table_text(self, inputs, store="store", days=None):
        """All observations of the days of a model."""
        self.table_count = getattr(self, "table_count", 0) + 1
        self.prepare(store, f"table-{self.table_count}", *(days or inputs.days()))
        return self.export(f"table-{self.table_count}")


class SideBySideTest(StoreTest):
    def start(self, store, *files):
        return subprocess.Popen(ipscore("ingest", "--store", store, "--threads", "1", *files), cwd=self.dir,
                                env={**os.environ, **job_environment()}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)

    def assert_same_observations(self, inputs):
        self.prepare("store", "table", *inputs.days())
        self.ingest("whole", *inputs.observations)
        self.prepare("whole", "whole-table", *inputs.days())
        self.assert_same_text(self.export("table"), self.export("whole-table"), "observations")

    def test_eight_at_once(self):
        inputs = self.generate("demo", "100k")
        files = self.split(inputs, 3 * WRITERS)
        # Three rounds without a pause; the same file twice among them counts once.
        writers = [self.start("store", *files[i::WRITERS], files[0]) for i in range(WRITERS)]
        self.assertEqual([writer.wait(timeout=120) for writer in writers], [0] * WRITERS)
        self.assert_no_litter("store")
        self.assert_same_observations(inputs)

    def test_killed_at_once(self):
        inputs = self.generate("demo", "300k")
        files = self.split(inputs, WRITERS)
        writers = [self.start("store", path) for path in files]
        time.sleep(0.05)
        for i, writer in enumerate(writers):
            time.sleep(0.01 * (i % 3))
            writer.send_signal(signal.SIGKILL)
            writer.wait()
        # What they left goes with the next run, and nothing is lost or counts twice.
        self.ingest("store", *files)
        self.assert_no_litter("store")
        named = {f"{segment}.h5" for source in self.manifest("store")["sources"] for segment in source["segments"]}
        self.assertEqual({path.name for path in (self.dir / "store" / "segments").iterdir()}, named)
        self.assert_same_observations(inputs)

class CompactTest(StoreTest):
    def test_same_observations_in_fewer_segments(self):
        inputs = self.generate("demo", "100k")
        files = self.split(inputs, 20)
        self.ingest("store", *files)
        self.assertEqual(len(self.segments()), 20)
        before = self.table_text(inputs)
        for memory in ((), ("--memory", "25MiB")):
            result = self.verb("compact", "--store", "store", *memory)
            if not memory:
                self.assertRegex(result.stderr, r"\Astore: 1 segments, of 20 before: 1 merges rewrote [\d ]+ rows, in .*\n"
                                 r"store: freed 20 files, .* MiB\n\Z")
            else:
                self.assertRegex(result.stderr, r"\Astore: 1 segments, none worth compacting\n")
        self.assertEqual(len(list((self.dir / "store" / "segments").iterdir())), 1)
        self.assert_same_text(self.table_text(inputs), before, "observations")
        # What is there is known, and new files are merged with it another time.
        result = self.ingest("store", files[3])
        self.assertIn("already in the store", result.stderr)
        self.assertEqual({segment for source in self.manifest("store")["sources"] for segment in source["segments"]},
                         set(self.segments()))

    def test_with_little_memory(self):
        inputs = self.generate("demo", "60k")
        self.ingest("store", *self.split(inputs, 100))
        before = self.table_text(inputs)
        self.verb("compact", "--store", "store", "--memory", "26MiB")
        self.assertLess(len(self.segments()), 8)
        self.assert_same_text(self.table_text(inputs), before, "observations")

    def test_killed_at_any_moment(self):
        inputs = self.generate("demo", "300k")
        files = self.split(inputs, 16)
        self.ingest("store", *files)
        before = self.table_text(inputs)
        random_ = random.Random(4)
        began = time.monotonic()
        self.verb("compact", "--store", "store", "--memory", "1GiB")
        seconds = time.monotonic() - began
        for round_ in range(8):
            self.ingest(f"store-{round_}", *files)
            process = subprocess.Popen(ipscore("compact", "--store", f"store-{round_}"), cwd=self.dir, stdin=subprocess.DEVNULL,
                                       env={**os.environ, **job_environment()}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(random_.uniform(0, seconds))
            process.send_signal(random_.choice([signal.SIGKILL, signal.SIGTERM]))
            self.assertIn(process.wait(), (0, 75, -signal.SIGKILL, -signal.SIGTERM))
            self.assert_same_text(self.table_text(inputs, f"store-{round_}"), before, "after the kill")
            self.verb("compact", "--store", f"store-{round_}")
            self.assertEqual(len(self.segments(f"store-{round_}")), 1)
            self.assertEqual(len(list((self.dir / f"store-{round_}" / "segments").iterdir())), 1)
            self.assert_no_litter(f"store-{round_}")
            self.assert_same_text(self.table_text(inputs, f"store-{round_}"), before, "after the next one")

    def test_a_prepare_that_runs_is_not_disturbed(self):
        inputs = self.generate("demo", "1.2M")
        self.ingest("store", *self.split(inputs, 16))
        before = self.table_text(inputs)
        process = subprocess.Popen(ipscore(*self.prepare_words("store", "table", *inputs.days(), "--threads", "1")), cwd=self.dir,
                                   env={**os.environ, **job_environment()}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE)
        while not (self.dir / "table" / "job.json").exists():
            self.assertIsNone(process.poll())
            time.sleep(0.0005)
        process.send_signal(signal.SIGSTOP)
        result = self.verb("compact", "--store", "store")
        self.assertRegex(result.stderr, r"\nstore: freed 0 files, 0 B\n\Z")
        self.assertEqual(len(list((self.dir / "store" / "segments").iterdir())), 17)
        process.send_signal(signal.SIGCONT)
        self.assertEqual(process.wait(timeout=60), 0, process.stderr.read())
        process.stderr.close()
        self.assert_same_text(self.export("table"), before, "observations")
        self.assertRegex(self.verb("compact", "--store", "store").stderr, r"\nstore: freed 16 files, ")

    def test_beside_ingests(self):
        inputs = self.generate("demo", "100k")
        files = self.split(inputs, 48)
        self.ingest("whole", *inputs.observations)
        self.ingest("store", files[0])
        writers = [subprocess.Popen(["sh", "-c", 'bin=$1; shift; for f; do "$bin" ingest --store store "$f" || exit 1; done', "sh",
                                     *ipscore(), *files[i::4]], cwd=self.dir, env={**os.environ, **job_environment()},
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for i in range(4)]
        while any(writer.poll() is None for writer in writers):
            self.verb("compact", "--store", "store")
        self.assertEqual([writer.wait() for writer in writers], [0] * 4)
        self.verb("compact", "--store", "store")
        self.assertLessEqual(len(self.segments()), 8)
        self.assertEqual(len(list((self.dir / "store" / "segments").iterdir())), len(self.segments()))
        self.assert_same_text(self.table_text(inputs), self.table_text(inputs, "whole"), "observations")


class PruneTest(StoreTest):
    AS_OF = ("--as-of", "2026-11-22", "--lookback-days")

    def by_days(self, days):
        """A store with a segment for each span of days, last first."""
        inputs = self.generate("demo", "100k")
        lines = inputs.observations[0].read_text().splitlines(keepends=True)
        header, rows = lines[0], lines[1:]
        column = header.strip().split(",").index("day")
        for begin, end in days:
            path = self.dir / f"days-{begin}.csv"
            path.write_text(header + "".join(row for row in rows if begin <= row.split(",")[column] < end))
            self.ingest("store", path)
        return inputs

    def test_keep_days(self):
        self.by_days((("2026-11-01", "2026-11-30"), ("2026-09-20", "2026-11-01"), ("2026-08-01", "2026-09-20")))
        whole = self.table_text(None, days=(*self.AS_OF, "30"))
        longer = self.table_text(None, days=(*self.AS_OF, "90"))
        words = ("prune", "--store", "store", "--keep-days", "30")
        would = self.verb(*words, "--dry-run").stderr
        self.assertRegex(would, r"\Astore: would remove [\d ]+ rows of 60 days before 2026-10-24: 1 whole segments, [\d.]+ KiB, and rows of "
                         r"1 segments that are worth rewriting\n\Z")
        self.assertEqual(self.table_text(None, days=(*self.AS_OF, "90")), longer)
        done = self.verb(*words).stderr
        self.assertEqual(done.split("\n")[0], would.replace("would remove", "removed").rstrip("\n"))
        self.assertRegex(done, r"\nstore: 2 segments, of 2 before: 1 merges rewrote [\d ]+ rows, in .*\nstore: freed 2 files, ")
        self.assertEqual(self.table_text(None, days=(*self.AS_OF, "30")), whole)
        # Also where more is asked for: what is pruned is gone.
        self.assertEqual(self.table_text(None, days=(*self.AS_OF, "90")), whole)
        self.assertRegex(self.verb(*words).stderr, r"\Astore: removed 0 rows of 0 days before 2026-10-24: ")
        # The keys that only pruned rows had are gone from the disk as well.
        for path in (self.dir / "store" / "segments").iterdir():
            with h5py.File(path) as file:
                self.assertEqual(len(set(file["rows/key"][:])), len(file["dictionary/offsets"]) - 1)

    def test_rows_that_are_not_worth_rewriting_count_no_more(self):
        inputs = self.by_days((("2026-08-01", "2026-11-30"),))
        whole = self.table_text(inputs, days=(*self.AS_OF, "85"))
        done = self.verb("prune", "--store", "store", "--keep-days", "85").stderr
        self.assertRegex(done, r"and rows of 0 segments that are worth rewriting\nstore: 1 segments, none worth compacting\n")
        self.assertEqual(self.table_text(inputs, days=(*self.AS_OF, "90")), whole)
        self.assertEqual(self.manifest("store")["format_version"], 2)  # for a reader of 1 would count them
        # They go with the next merge.
        self.ingest("store", *self.split(inputs, 8))
        more = self.table_text(inputs, days=(*self.AS_OF, "90"))
        self.verb("compact", "--store", "store")
        self.assertEqual(self.table_text(inputs, days=(*self.AS_OF, "90")), more)

    def test_models(self):
        self.by_days((("2026-11-01", "2026-11-30"), ("2026-08-01", "2026-11-01")))
        (self.dir / "models").mkdir()
        for name, days in (("hot", 7), ("slow", 40)):
            (self.dir / "models" / f"{name}.toml").write_text(f"as_of = 2026-11-22\nlookback_days = {days}\nhalf_life_days = 5\n"
                                                               "recent_days = 2\n")
        models = [f"models/{name}.toml" for name in ("hot", "slow")]
        self.assertIn(" days before 2026-10-14: ", self.verb("prune", "--store", "store", "--dry-run", "--models", *models).stderr)
        self.assertIn(" days before 2026-11-16: ", self.verb("prune", "--store", "store", "--dry-run", "--models", models[0]).stderr)
        self.assertIn(" days before 2026-10-14: ", self.verb("prune", "--store", "store", "--models", *models, "--keep-days", "10",
                                                             "--dry-run").stderr)
        whole = self.table_text(None, days=(*self.AS_OF, "40"))
        self.verb("prune", "--store", "store", "--models", *models)
        self.assertEqual(self.table_text(None, days=(*self.AS_OF, "90")), whole)
        self.assert_fails(self.run_ipscore("prune", "--store", "store"), 2,
                          "ipscore prune: neither --keep-days nor --models tells what to keep; give at least one of them")

    def test_identity_of_a_table(self):
        self.by_days((("2026-11-01", "2026-11-30"), ("2026-08-01", "2026-11-01")))
        self.prepare("store", "short", *self.AS_OF, "20")
        self.prepare("store", "long", *self.AS_OF, "90")
        self.verb("prune", "--store", "store", "--keep-days", "80")
        # What a table does not look back on may go; what it does may not.
        self.assertIn("nothing was done", self.prepare("store", "short", *self.AS_OF, "20").stderr)
        result = self.run_ipscore(*self.prepare_words("store", "long", *self.AS_OF, "90"))
        self.assert_code(result, 2)
        self.assertRegex(result.stderr, r'\(segments\.[0-9a-f-]+: was "[0-9a-f]{16}", now "[0-9a-f]{16} from 2026-09-04"')

    def test_empty_store(self):
        (self.dir / "empty.csv").write_text("ip,day,key\n")
        self.ingest("store", "empty.csv")
        self.assertEqual(self.verb("prune", "--store", "store", "--keep-days", "3").stderr,
                         "store: holds no observations; nothing to prune\n")


if __name__ == "__main__":
    unittest.main()
