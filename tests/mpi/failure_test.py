#!/usr/bin/python3
"""What happens to a job of 4 ranks when something fails: it ends within seconds, says why in one line, leaves nothing under
the name of its index, and the same command afterwards ends with the same values."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))

import h5py  # noqa: E402

from cli_test_lib import mpirun, run  # noqa: E402
from interruption_lib import STOPPED  # noqa: E402
from live_job import ENDS_WITHIN_SECONDS, LiveJob, send, stop  # noqa: E402
from pipeline_lib import PipelineTest, h5_values, snapshot  # noqa: E402

RANKS = 4


class FailureTest(PipelineTest):
    """A table of 5 parts, and the scores that it should have."""

    @classmethod
    def setUpClass(cls):
        maker = cls.make_origin()
        cls.inputs = maker.make_table("1.2M")
        maker.score(cls.inputs, "table", "scores")
        cls.expected = {name: snapshot_values(cls.origin / name) for name in ("table", "scores")}
        cls.parts = sorted(path.name for path in (maker.dir / "table").glob("part-*.h5"))
        assert len(cls.parts) == 5, cls.parts

    def setUp(self):
        super().setUp()
        # Parts are replaced, never changed in place, so links will do.
        shutil.copytree(self.origin / "table", self.dir / "table", copy_function=os.link)

    def score_command(self, *options, table="table", scores="scores"):
        # One thread a rank, so that the ranks do not finish before the test has looked.
        return self.score_words(self.inputs, table, scores, "--threads", "1", *options)

    def run_job(self, words):
        began = time.monotonic()
        result = self.run_mpirun(RANKS, *words, timeout=2 * ENDS_WITHIN_SECONDS)
        self.assertLess(time.monotonic() - began, ENDS_WITHIN_SECONDS, f"a failing rank should end the job\n{result}")
        return result

    def assert_unfinished(self, directory, *missing):
        """No index, none of the parts `missing`, and what is there is whole."""
        names = {path.name for path in (self.dir / directory).iterdir()}
        self.assertNotIn("index.h5", names)
        self.assertNotIn("run.json", names)
        self.assertEqual(names & set(missing), set())
        for name in names:
            if name.startswith("part-"):
                self.assertTrue(h5_values(self.dir / directory / name) == self.expected[os.path.basename(directory)][name],
                                f"{name} of the unfinished {directory} is not whole")

    def assert_finishes(self, words, directory):
        """The same command again ends with the values that a job without faults has."""
        self.assert_done(self.run_job(words))
        self.assert_values(directory)

    def assert_values(self, directory):
        values = snapshot_values(self.dir / directory)
        expected = self.expected[os.path.basename(directory)]
        self.assertEqual(sorted(values), sorted(expected))
        for name in expected:
            self.assertTrue(values[name] == expected[name], f"{directory}/{name} differs")
        self.assert_no_litter(directory)

    def assert_rank_says(self, result, code, pattern):
        """Every line is one of a rank that failed, one of them as `pattern`: more than one may meet the same fault."""
        self.assert_code(result, code)
        lines = result.stderr.splitlines()
        self.assertTrue(lines, result)
        for line in lines:
            self.assertRegex(line, rf"\Aipscore \w+: (?:rank [1-3]: )?(?:{pattern})\Z", result)
        self.assertEqual(result.stdout, "")


def snapshot_values(directory):
    return {path.name: h5_values(path) for path in sorted(directory.glob("*.h5"))}


class DamagedTableTest(FailureTest):
    def replace(self, name, data):
        path = self.dir / "table" / name
        path.unlink()
        if data is not None:
            path.write_bytes(data)

    def check(self, name, data, pattern, resume=False):
        intact = (self.dir / "table" / name).read_bytes()
        self.replace(name, data)
        result = self.run_job(self.score_command())
        self.assert_rank_says(result, 2, pattern)
        self.assertEqual(len(result.stderr.splitlines()), 1, result)
        self.assert_unfinished("scores", name)
        if (self.dir / "table" / name).exists():
            (self.dir / "table" / name).unlink()
        (self.dir / "table" / name).write_bytes(intact)
        if resume:
            self.assert_finishes(self.score_command(), "scores")
        shutil.rmtree(self.dir / "scores")

    def test_truncated_part(self):
        for name, size_of in ((self.parts[0], lambda size: size - 1), (self.parts[2], lambda size: size // 2),
                              (self.parts[4], lambda size: 1000), (self.parts[1], lambda size: 0)):
            data = (self.dir / "table" / name).read_bytes()
            with self.subTest(part=name, size=size_of(len(data))):
                self.check(name, data[:size_of(len(data))], rf"table/{name}: damaged, truncated or no HDF5 file: [^\n]+",
                           resume=name == self.parts[2])

    def test_flipped_byte(self):
        name = self.parts[1]
        data = (self.dir / "table" / name).read_bytes()
        with h5py.File(self.dir / "table" / name, "r") as file:
            chunks = {column: [file[column].id.get_chunk_info(i) for i in range(file[column].id.get_num_chunks())]
                      for column in ("addresses/lo", "rows/day", "rows/hits")}
        for column, infos in chunks.items():
            number = len(infos) - 1
            place = infos[number].byte_offset + infos[number].size // 2
            with self.subTest(column=column):
                self.check(name, data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1:],
                           f"table/{name}: damaged: column {column}, chunk {number}: the checksum does not match",
                           resume=column == "rows/day")

    def test_missing_part(self):
        self.check(self.parts[1], None, f"cannot read table/{self.parts[1]}: No such file or directory", resume=True)

    def test_part_of_another_place(self):
        self.check(self.parts[1], (self.dir / "table" / self.parts[0]).read_bytes(),
                   f"table/{self.parts[1]}: damaged: it is not the part that the table's index lists", resume=True)

    def test_damaged_segment(self):
        shutil.copytree(self.origin / "store", self.dir / "store")
        shutil.rmtree(self.dir / "table")
        (segment,) = (self.dir / "store" / "segments").iterdir()
        intact = segment.read_bytes()
        with h5py.File(segment, "r") as file:
            info = file["rows/key"].id.get_chunk_info(20)
        place = info.byte_offset + 5
        segment.write_bytes(intact[:place] + bytes([intact[place] ^ 1]) + intact[place + 1:])
        words = self.prepare_words("store", "table", *self.inputs.days(), "--threads", "1")
        result = self.run_job(words)
        self.assert_rank_says(result, 2, f"store/segments/{segment.name}: damaged: column rows/key, chunk 20: the checksum "
                              "does not match")
        self.assert_unfinished("table")
        segment.write_bytes(intact)
        self.assert_finishes(words, "table")


class FullDiskTest(FailureTest):
    def mount(self, size_kib):
        """A file system of that size at self.dir/disk; skips where this may not be had."""
        disk = self.dir / "disk"
        disk.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_kib}k", "ipscore-test", disk],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode != 0:
            self.skipTest(f"no tmpfs can be mounted here, so no full disk: {done.stdout.decode(errors='replace').strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=False)
        return disk

    def grow(self, disk, size_kib):
        subprocess.run(["mount", "-o", f"remount,size={size_kib}k", disk], check=True)

    FULL = r"cannot (?:write|flush|rename to) disk/[^\n]*: No space left on device"

    def check(self, words, directory, small_kib):
        disk = self.mount(small_kib)
        result = self.run_job(words)
        self.assert_rank_says(result, 3, self.FULL)
        self.assert_unfinished(directory)
        self.grow(disk, 200 * 1024)
        self.assert_finishes(words, directory)

    def test_score(self):
        self.check(self.score_command(scores="disk/scores"), "disk/scores", 9 * 1024)

    def test_prepare(self):
        self.check(self.prepare_words(self.origin / "store", "disk/table", *self.inputs.days(), "--threads", "1"), "disk/table", 2 * 1024)

    def test_no_room_for_the_index(self):
        # tmpfs counts pages, and the directory's entries nothing.
        pages = sum(-(-path.stat().st_size // 4096) for path in (self.origin / "scores").glob("part-*.h5"))
        disk = self.mount(4 * (pages + 20))
        words = self.score_command(scores="disk/scores")
        result = self.run_job(words)
        self.assert_code(result, 3)
        self.assertRegex(result.stderr, rf"\Aipscore score: {self.FULL}\n\Z")
        self.assert_unfinished("disk/scores")
        self.grow(disk, 200 * 1024)
        result = self.run_job(words)
        self.assertIn("\nparts that were there already: 5\n", result.stderr)
        self.assert_values("disk/scores")

    def test_ingest_and_export(self):
        disk = self.mount(1024)
        result = self.run_ipscore("ingest", "--store", "disk/store", self.origin / "demo" / "observations.csv")
        self.assert_code(result, 3)
        self.assertRegex(result.stderr, rf"\Aipscore ingest: {self.FULL}\n\Z")
        self.assertEqual([path for path in disk.rglob("*") if path.is_file() and path.parent.name != "status"], [])
        for output in ("scores.csv", "scores.csv.gz", "scores.csv.zst", "scores.h5"):
            result = self.run_ipscore("export", self.origin / "scores", "--output", f"disk/{output}")
            self.assert_code(result, 3)
            self.assertRegex(result.stderr, rf"\Aipscore export: {self.FULL}\n\Z")
            self.assertEqual([path for path in disk.rglob("*") if path.is_file() and path.parent.name != "status"], [])

    def test_file_size_limit(self):
        # For whoever may not mount: no file may grow beyond a limit.
        limit = ["sh", "-c", 'ulimit -f 5000; exec "$0" "$@"']  # blocks of 512 bytes
        # The shared memory of a rank is a file, too, of 2 MiB or more. Where it may not be, Open MPI uses TCP, and complains when
        # a rank goes.
        shared = {"OMPI_MCA_btl_vader_segment_size": str(2 << 20)}
        words = self.score_command()
        result = run(limit + mpirun(RANKS, *words), cwd=self.dir, env=shared, timeout=2 * ENDS_WITHIN_SECONDS)
        self.assert_rank_says(result, 3, r"cannot write scores/[^\n]*: File too large")
        self.assert_unfinished("scores", *self.parts)
        self.assert_finishes(words, "scores")


class EvidenceTest(FailureTest):
    """What happens while company evidence goes from rank to rank: signal_in_call.c is preloaded."""

    def run_until(self, place):
        env = {**os.environ, "LD_PRELOAD": os.environ["SIGNAL_IN_CALL_LIBRARY"], "SIGNAL_IN_CALL": place}
        return run(mpirun(RANKS, *self.score_command()), cwd=self.dir, env=env, timeout=2 * ENDS_WITHIN_SECONDS)

    def check(self, place, code, stderr):
        with self.subTest(place=place):
            result = self.run_until(place)
            self.assert_code(result, code)
            self.assertEqual(result.stderr, stderr, result)
            self.assert_unfinished("scores")
            # What was made is there, and only the evidence is added up anew.
            result = self.run_job(self.score_command())
            self.assertIn("\nparts that were there already: 5\n", result.stderr)
            self.assert_values("scores")
            shutil.rmtree(self.dir / "scores")

    def test_killed_rank(self):
        for place in ("3 send", "0 send", "1 receive-from-any", "0 receive-from-any", "0 receive-from-one"):
            self.check(f"{place} {int(signal.SIGKILL)}", 137, "")

    def test_request_to_stop(self):
        # Not where it sends: a rank that made no part sends only at the end, and a job that is nearly done is finished.
        for place in ("2 receive-from-any", "0 receive-from-any"):
            self.check(f"{place} {int(signal.SIGTERM)}", 75, f"ipscore score: {STOPPED}\n")


class LiveJobTest(FailureTest):
    """What happens to a job in the middle of its work."""

    def start(self, words):
        job = LiveJob(mpirun(RANKS, *words), self.dir, RANKS)
        self.addCleanup(job.process.communicate)
        self.addCleanup(job.kill)
        return job

    def start_midway(self, directory="scores"):
        """A job whose ranks are stopped when some but not all parts are there. On a busy machine all of them may come within one
        look; then it is tried again."""
        for _ in range(20):
            job, pids = self.start_and_stop_ranks(directory)
            if 0 < len(list((self.dir / directory).glob("part-*.h5"))) < 5 and job.process.poll() is None:
                return job, pids
            job.kill()
            job.process.wait()
            shutil.rmtree(self.dir / directory)
        self.fail("the job was never seen in the middle of its work")

    def start_and_stop_ranks(self, directory):
        """The classification comes through a pipe, so that no rank begins before the test has found it; then the ranks go on for a
        moment at a time, until there is a part."""
        classification = self.dir / "classification.pipe"
        os.mkfifo(classification)
        words = self.score_command(scores=directory)
        words[words.index("--classification") + 1] = classification.name
        job = self.start(words)
        pids = job.ranks()
        with open(classification, "wb") as pipe:  # opens when rank 0 reads
            pipe.write(self.inputs.classification.read_bytes())
        classification.unlink()
        deadline = time.monotonic() + ENDS_WITHIN_SECONDS
        while job.process.poll() is None and not list((self.dir / directory).glob("part-*.h5")):
            self.assertLess(time.monotonic(), deadline, "no part appeared")
            send(pids, signal.SIGCONT)
            time.sleep(0.003)
            stop(pids)
        return job, pids

    def test_killed_rank(self):
        for victim in (2, 0):
            with self.subTest(victim=victim):
                job, pids = self.start_midway()
                send([pids[victim]], signal.SIGKILL)
                send(pids, signal.SIGCONT)
                result = job.wait()
                # mpirun's own code: 128 + the signal. jobs/env.sh keeps it quiet.
                self.assert_code(result, 137)
                self.assertEqual(result.stderr, "", result)
                self.assert_unfinished("scores")
                self.assert_finishes(self.score_command(), "scores")
                shutil.rmtree(self.dir / "scores")

    def test_request_to_stop(self):
        for victim, number in ((0, signal.SIGTERM), (3, signal.SIGUSR1)):
            with self.subTest(victim=victim, signal=number):
                job, pids = self.start_midway()
                os.kill(pids[victim], number)
                send([pids[victim]], signal.SIGCONT)
                time.sleep(0.3)  # the others are still at work when it asks them to stop
                send(pids, signal.SIGCONT)
                result = job.wait()
                self.assert_code(result, 75)
                self.assertEqual(result.stderr, f"ipscore score: {STOPPED}\n", result)
                self.assert_unfinished("scores")
                there = len(list((self.dir / "scores").glob("part-*.h5")))
                self.assertGreater(there, 0)
                self.assert_no_litter("scores")
                result = self.run_job(self.score_command())
                self.assertIn(f"\nparts that were there already: {there}\n", result.stderr)
                self.assert_values("scores")
                shutil.rmtree(self.dir / "scores")

    def test_usr1_to_mpirun(self):
        # mpirun hands USR1 on to its ranks.
        job, pids = self.start_midway()
        os.kill(job.process.pid, signal.SIGUSR1)
        time.sleep(0.3)
        send(pids, signal.SIGCONT)
        result = job.wait()
        self.assert_code(result, 75)
        self.assertIn(f"ipscore score: {STOPPED}\n", result.stderr)
        self.assert_unfinished("scores")
        self.assert_finishes(self.score_command(), "scores")

    def test_term_to_mpirun(self):
        # mpirun asks its ranks to stop and kills those that do not within seconds: whatever its code, nothing is lost.
        with self.hanging_part() as job:
            os.kill(job.process.pid, signal.SIGTERM)
            self.assertNotEqual(job.wait().code, 0)
            self.assert_unfinished("scores", self.parts[3])
        self.assert_finishes(self.score_command(), "scores")

    def test_second_job(self):
        job, pids = self.start_midway()
        before = snapshot(self.dir / "scores")
        for ranks in (None, 2):
            words = self.score_command()
            result = self.run_mpirun(ranks, *words) if ranks else self.run_ipscore(*words)
            self.assert_fails(result, 3, "ipscore score: scores: another job is writing there; wait for it, or stop it")
        result = self.run_ipscore(*self.score_command("--restart"))
        self.assert_fails(result, 3, "ipscore score: scores: another job is writing there; wait for it, or stop it")
        self.assert_unchanged("scores", before)
        send(pids, signal.SIGCONT)
        self.assert_done(job.wait())
        self.assert_values("scores")

    @contextlib.contextmanager
    def hanging_part(self):
        """A job that has made what it can, and cannot end: one worker hangs in a read, here of a pipe that nobody writes to."""
        part = self.dir / "table" / self.parts[3]
        intact = part.read_bytes()
        part.unlink()
        os.mkfifo(part)
        job = self.start(self.score_command())
        deadline = time.monotonic() + ENDS_WITHIN_SECONDS
        while len(list((self.dir / "scores").glob("part-*.h5"))) < 3:  # its rank has claimed one more, the others do the rest
            self.assertIsNone(job.process.poll(), "the job ended before its time")
            self.assertLess(time.monotonic(), deadline, "the other parts were not made")
            time.sleep(0.01)
        yield job
        part.unlink()
        part.write_bytes(intact)

    def test_hanging_rank(self):
        # The main threads answer while a worker hangs, so that the others see the end of a rank.
        with self.hanging_part() as job:
            send([job.ranks()[1]], signal.SIGKILL)
            self.assert_code(job.wait(), 137)
            self.assert_unfinished("scores", self.parts[3])
        self.assert_finishes(self.score_command(), "scores")


if __name__ == "__main__":
    unittest.main()
