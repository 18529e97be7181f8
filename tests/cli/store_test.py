#!/usr/bin/python3
"""The store under many hands: ingests side by side, and what runs that were killed left there."""

import json
import os
import signal
import subprocess
import time
import unittest

from cli_test_lib import ipscore, job_environment
from pipeline_lib import PipelineTest

WRITERS = 8


class SideBySideTest(PipelineTest):
    def split(self, inputs, pieces):
        lines = inputs.observations[0].read_text().splitlines(keepends=True)
        files = [self.dir / f"piece-{i}.csv" for i in range(pieces)]
        for i, path in enumerate(files):
            path.write_text(lines[0] + "".join(lines[1 + i::pieces]))
        return files

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

    def manifest(self, store):
        newest = max((self.dir / store / "manifest").glob("*.json"))
        return json.loads(newest.read_text())


if __name__ == "__main__":
    unittest.main()
