#!/usr/bin/python3
"""A job may be interrupted at any moment, in any way: it stops within 10 s, its finished parts stay, and the same command again
ends with the values of a job that nobody interrupted.

    interruption_test.py RANKS                  the tests, at that number of ranks
    interruption_test.py --soak 300 --seed 1    300 random points, a line each, at 1, 2 and 4 ranks in turn
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))

from cli_test_lib import ipscore, ipscore_path, mpirun  # noqa: E402
from interruption_lib import (ORPHANS_END_WITHIN_SECONDS, STOP_SIGNALS, STOPPED, STOPS_WITHIN_SECONDS, IngestPoint, Origin,  # noqa: E402
                              Point, handles_signals, part_names, runs, same_file)
from live_job import ENDS_WITHIN_SECONDS, LiveJob, make_hanging_table, send, stop  # noqa: E402
from pipeline_lib import PipelineTest, snapshot  # noqa: E402

RANKS = 1
ROWS = "1.2M"  # 5 parts
SEEDS = {1: range(100, 110), 2: range(200, 210), 4: range(400, 410)}  # all of the points of a test run
REFUSED = "another job is writing there; wait for it, or stop it"


ORIGIN = None  # for all tests: it takes seconds


def setUpModule():
    global ORIGIN
    maker = PipelineTest("run")
    maker.setUp()
    unittest.addModuleCleanup(maker.doCleanups)
    ORIGIN = Origin(maker, ROWS, [RANKS])


class InterruptionTest(PipelineTest):
    def setUp(self):
        super().setUp()
        self.files = ORIGIN

    def start(self, words, ranks=None):
        job = LiveJob(mpirun(ranks or RANKS, *words), self.dir, ranks or RANKS)
        self.addCleanup(job.close)
        return job

    def words(self, *options, verb="score", output="out"):
        return self.files.words(verb, self.dir / output, "--threads", "1", *options)

    def assert_finishes(self, words=None, verb="score", output="out"):
        result = self.run_mpirun(RANKS, *(words or self.words(verb=verb, output=output)))
        self.assert_done(result)
        for name in sorted(path.name for path in self.files.output(verb).glob("*.h5")):
            self.assertTrue(same_file(self.dir / output / name, self.files.output(verb) / name), f"{name} differs")
        self.assert_no_litter(output)
        return result

    def assert_gone(self, pids, within_seconds=ORPHANS_END_WITHIN_SECONDS):
        deadline = time.monotonic() + within_seconds
        while any(map(runs, pids)) and time.monotonic() < deadline:
            time.sleep(0.005)
        self.assertEqual([pid for pid in pids if runs(pid)], [], "ranks live on without their launcher")

    @contextlib.contextmanager
    def piped(self, words, place, name):
        """The command, with a pipe that nobody writes to as one of its inputs: whoever reads it hangs."""
        os.mkfifo(self.dir / name)
        words = list(words)
        words[words.index(place) + 1] = self.dir / name
        try:
            yield words
        finally:
            (self.dir / name).unlink()

    @contextlib.contextmanager
    def hanging_part(self):
        """The command, with a table of which one part is such a pipe."""
        make_hanging_table(self.files.output("prepare"), self.dir / "hanging")
        words = self.words()
        words[words.index("--table") + 1] = self.dir / "hanging"
        yield words
        shutil.rmtree(self.dir / "hanging")

    def wait_for_parts(self, job, parts, output="out"):
        deadline = time.monotonic() + ENDS_WITHIN_SECONDS
        while len(part_names(self.dir / output)) < parts:
            self.assertIsNone(job.process.poll(), "the job ended before its time")
            self.assertLess(time.monotonic(), deadline, "the parts were not made")
            time.sleep(0.005)

    def ranks_that_stop(self, job):
        pids = job.ranks()
        while not all(map(handles_signals, pids)):
            self.assertIsNone(job.process.poll(), "the job ended before its time")
            time.sleep(0.002)
        return pids


class RandomPointsTest(InterruptionTest):
    def test_points(self):
        for seed in SEEDS[RANKS]:
            with self.subTest(seed=seed):
                point = Point(self, self.files, seed, RANKS)
                point.run()
                print(f"seed {seed}: {point}", flush=True)

    def test_ingest(self):
        if RANKS > 1:
            self.skipTest("ingest is one process")
        for seed in range(4):
            with self.subTest(seed=seed):
                point = IngestPoint(self, self.files, seed)
                point.run()
                print(f"seed {seed}: {point}", flush=True)


class StopTest(InterruptionTest):
    """Requests to stop, at moments in which nobody looks, or again and again."""

    def assert_stops(self, job, pids, victim, code=75):
        began = time.monotonic()
        for number in STOP_SIGNALS:  # more than one does no harm
            send([pids[victim]], number)
            time.sleep(0.05)
        result = job.wait()
        self.assertLess(time.monotonic() - began, STOPS_WITHIN_SECONDS, result)
        self.assert_code(result, code)
        self.assertIn(STOPPED, result.stderr, result)

    def test_while_rank_0_reads_and_the_others_wait(self):
        with self.piped(self.words(), "--classification", "pipe") as words:
            job = self.start(words)
            pids = self.ranks_that_stop(job)
            time.sleep(0.3)
            self.assert_stops(job, pids, RANKS - 1)
        self.assert_finishes()

    def test_while_a_worker_hangs(self):
        with self.hanging_part() as words:
            job = self.start(words)
            pids = self.ranks_that_stop(job)
            if RANKS > 1:
                self.wait_for_parts(job, 3)
            time.sleep(0.3)
            self.assert_stops(job, pids, RANKS - 1)
        self.assertFalse((self.dir / "out" / "index.h5").exists())
        self.assert_finishes()

    def test_ingest_that_hangs(self):
        if RANKS > 1:
            self.skipTest("ingest is one process")
        os.mkfifo(self.dir / "pipe")
        job = LiveJob(ipscore("ingest", "--store", "store", "pipe"), self.dir, 0)
        self.addCleanup(job.close)
        while not handles_signals(job.process.pid):
            time.sleep(0.002)
        time.sleep(0.2)
        began = time.monotonic()
        send([job.process.pid], signal.SIGTERM)
        result = job.wait()
        self.assertLess(time.monotonic() - began, STOPS_WITHIN_SECONDS)
        self.assert_code(result, 75)
        self.assertIn(f"ipscore ingest: {STOPPED}\n", result.stderr)


class HugePartTest(InterruptionTest):
    """One address that has nearly all observations, so that one part is nearly all of the table."""

    @classmethod
    def setUpClass(cls):
        maker = cls.make_origin()
        cls.inputs = maker.generate("huge", "3M", "--gateway-share", "0.95")
        maker.ingest("store", *cls.inputs.observations)
        maker.prepare("store", "table", *cls.inputs.days())
        maker.score(cls.inputs, "table", "scores")
        cls.huge = max((cls.origin / "table").glob("part-*.h5"), key=lambda path: path.stat().st_size).name

    def rows_read(self, output):
        return json.loads(self.verb("status", output, "--json").stdout)["jobs"][0]["work"]["rows"]

    def stop_after(self, seconds, words):
        """Asks the job to stop when the rank that has the part has computed for that long. False when it was too late for that."""
        output = self.dir / "out"
        job = self.start(words)
        pids = self.ranks_that_stop(job)

        def computed(pid):
            try:
                user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
            except OSError:
                return 0
            return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

        def begun_by():
            """The process that has the part in hand, which is in the name that the part has until then."""
            names = [path.name for path in output.glob(f".tmp-{self.huge}-*")]
            return int(names[0].split("-")[-2]) if names else None

        while (having := begun_by()) is None and job.process.poll() is None:
            pass
        before = computed(having)
        while begun_by() and job.process.poll() is None and computed(having) < before + seconds:
            pass
        stop(pids)
        if not begun_by():
            job.close()
            return False
        began = time.monotonic()
        asked = [pid for pid in reversed(pids) if pid != having or RANKS == 1][0]
        send([asked], signal.SIGTERM)
        # One after the other, so that the request is there when the rank that has the part goes on, however busy the machine is.
        for pid in dict.fromkeys((asked, pids[0], *(pid for pid in pids if pid != having), having)):
            send([pid], signal.SIGCONT)
            time.sleep(0.1)
        result = job.wait()
        self.assertLess(time.monotonic() - began, STOPS_WITHIN_SECONDS)
        if (output / self.huge).exists():
            return False
        self.assert_code(result, 75)
        self.assert_no_litter("out")
        return True

    def check(self, words, expected):
        # The address has more than nine tenths of the rows, and all others together less than one. A job that looks for requests only
        # between addresses, or parts, would read the rest of it first, however long that takes.
        whole = self.rows_read(expected)
        output = self.dir / "out"
        seconds = 0.04
        seen = []
        for _ in range(20):  # as it cannot be told how far the job is, nor how quick the machine
            shutil.rmtree(output, ignore_errors=True)
            seen.append(self.rows_read("out") / whole if self.stop_after(seconds, words) else 1)
            if 0.15 < seen[-1] < 0.8:
                break
            seconds *= 1.3 if seen[-1] < 0.5 else 0.7
        else:
            self.fail("the job never stopped in the middle of the address, but after reading these shares of the rows: "
                      + ", ".join(f"{share:.2f}" for share in seen))
        self.assert_done(self.run_mpirun(RANKS, *words))
        for path in expected.glob("*.h5"):
            self.assertTrue(same_file(output / path.name, path), f"{path.name} differs")

    def test_prepare(self):
        self.check(self.prepare_words(self.origin / "store", "out", *self.inputs.days(), "--threads", "1"), self.origin / "table")

    def test_score(self):
        self.check(self.score_words(self.inputs, self.origin / "table", "out", "--threads", "1"), self.origin / "scores")


class OrphanTest(InterruptionTest):
    """mpirun is killed: its ranks end, whatever they are at, and the next command need not wait for it."""

    def check(self, words):
        job = self.start(words)
        pids = self.ranks_that_stop(job)
        if "--table" in words and "hanging" in str(words[words.index("--table") + 1]) and RANKS > 1:
            self.wait_for_parts(job, 3)
        time.sleep(0.3)
        send([job.process.pid], signal.SIGKILL)
        return pids

    def test_while_rank_0_reads_and_the_others_wait(self):
        with self.piped(self.words(), "--classification", "pipe") as words:
            pids = self.check(words)
            time.sleep(0.1)
            self.assert_finishes()
            self.assert_gone(pids)

    def test_while_a_worker_hangs(self):
        with self.hanging_part() as words:
            pids = self.check(words)
            time.sleep(0.1)
            self.assert_finishes()
            self.assert_gone(pids)

    def test_while_mpi_starts(self):
        # A launcher that is killed just then may leave PMIx waiting for its answer for ever. Here nobody ever answers.
        silent = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(silent.close)
        of_it = r"s/^\(PMIX_SERVER_URI[0-9]*=.*:\)[0-9]*$/\1" + str(silent.getsockname()[1]) + "/p"
        command = mpirun(RANKS, *self.words())
        place = command.index(ipscore_path())
        command[place:place] = ["sh", "-c", 'exec env $(env | sed -n "$0") "$@"', of_it]
        for number, gone in ((signal.SIGKILL, ORPHANS_END_WITHIN_SECONDS), (signal.SIGTERM, STOPS_WITHIN_SECONDS)):
            with self.subTest(number):
                job = LiveJob(command, self.dir, RANKS)
                self.addCleanup(job.close)
                pids = self.ranks_that_stop(job)
                time.sleep(0.3)
                send([job.process.pid] if number == signal.SIGKILL else pids, number)
                self.assert_gone(pids, gone)

    def test_without_a_launcher_nobody_is_missed(self):
        # As under nohup or setsid: the shell that started it ends, and it goes on.
        if RANKS > 1:
            self.skipTest("a launcher is needed for several ranks")
        with self.piped(self.words(), "--classification", "pipe") as words:
            job = LiveJob(["sh", "-c", '"$@" & sleep 0.3', "sh", *ipscore(*words)], self.dir, 0)
            self.addCleanup(job.close)
            job.process.wait(timeout=10)
            time.sleep(0.5)
            with open(self.dir / "pipe", "wb") as pipe:
                pipe.write(self.files.inputs.classification.read_bytes())
            job.wait()
            self.assertTrue((self.dir / "out" / "index.h5").exists())
        self.assert_finishes()


class LockTest(InterruptionTest):
    def test_second_live_job(self):
        with self.hanging_part() as words:
            job = self.start(words)
            pids = self.ranks_that_stop(job)
            if RANKS > 1:
                self.wait_for_parts(job, 3)
            else:
                while not (self.dir / "out" / "job.json").exists():
                    time.sleep(0.005)
            before = snapshot(self.dir / "out")
            result = self.run_mpirun(RANKS, *self.words("--restart"))
            self.assert_fails(result, 3, f"ipscore score: {self.dir}/out: {REFUSED}")
            self.assert_unchanged("out", before)
            send(pids, signal.SIGKILL)
            time.sleep(0.1)
            self.assert_finishes()
            job.wait()

    def test_rank_that_outlives_its_job(self):
        # A rank that nobody ends although its rank 0 is no more: what it might still write must not land in the output of the
        # next job. (mpirun stands still too: the system itself lets stopped processes go on when their launcher is gone.)
        if RANKS == 1:
            self.skipTest("there is no other rank")
        with self.hanging_part() as words:
            job = self.start(words)
            pids = self.ranks_that_stop(job)
            self.wait_for_parts(job, 3)
            stop([job.process.pid, pids[-1]])
            send(pids[:-1], signal.SIGKILL)
            self.assert_gone(pids[:-1])
            result = self.run_ipscore(*self.words("--restart"))
            self.assert_fails(result, 3, f"ipscore score: {self.dir}/out: {REFUSED}")
            send([job.process.pid, pids[-1]], signal.SIGKILL)
            self.assert_finishes()


class ChangedInputTest(InterruptionTest):
    """An interrupted job does not go on with another input; which one changed is named."""

    def interrupted(self, verb):
        """A copy of its output, without index and last part."""
        shutil.copytree(self.files.output(verb), self.dir / "out")
        for name in ("index.h5", "run.json", "part-00004.h5"):
            (self.dir / "out" / name).unlink()

    def assert_refused(self, words, verb, what):
        before = snapshot(self.dir / "out")
        result = self.run_mpirun(RANKS, *words)
        self.assert_code(result, 2)
        self.assertRegex(result.stderr, rf"\Aipscore {verb}: [^\n]*out: holds the output of another job \({what}: was [^\n]*, now "
                         rf"[^\n]*\); give another directory, or --restart to replace it\n\Z")
        self.assert_unchanged("out", before)

    def changed(self, option, edit):
        words = self.words()
        place = words.index(option) + 1
        name = Path(words[place]).name
        (self.dir / name).write_text(edit(Path(words[place]).read_text()))
        words[place] = self.dir / name
        return words

    def test_score(self):
        self.interrupted("score")
        self.assert_refused(self.changed("--classification", lambda text: text + "new.example,new tag,1\n"), "score", "classification")
        self.assert_refused(self.changed("--companies", lambda text: text + "2001:db8:ffff::/48,New,1,\n"), "score", "companies")
        self.assert_refused(self.changed("--model", lambda text: text.replace("recent_days = 7", "recent_days = 6")), "score",
                            "model.recent_days")
        self.ingest("other-store", *self.files.inputs.observations)
        (self.dir / "more.csv").write_text("ip,day,key,hits\n192.0.2.7,2026-11-20,more.example,3\n")
        self.ingest("other-store", "more.csv")
        self.prepare("other-store", "other-table", *self.files.days)
        words = self.words()
        words[words.index("--table") + 1] = self.dir / "other-table"
        self.assert_refused(words, "score", "table")
        self.assert_finishes()

    def test_prepare(self):
        self.interrupted("prepare")
        shutil.copytree(self.files.directory / "store", self.dir / "store")
        (self.dir / "more.csv").write_text("ip,day,key,hits\n192.0.2.7,2026-11-20,more.example,3\n")
        self.ingest("store", "more.csv")
        words = self.words(verb="prepare")
        words[words.index("--store") + 1] = self.dir / "store"
        self.assert_refused(words, "prepare", r"segments\.[0-9a-f-]+")
        self.assert_finishes(verb="prepare")


def soak(arguments):
    """Random points, one after the other. Returns the number of those that failed."""
    ranks = [int(count) for count in arguments.ranks.split(",")]
    options = ("--memory", arguments.memory) if arguments.memory else ()
    seeds, failed = [], []

    class Soak(PipelineTest):
        def runTest(self):  # noqa: N802
            origin = Origin(self, arguments.rows, ranks, options)
            print(f"{arguments.rows} rows, {len(part_names(origin.output('score')))} parts; seconds without interruptions: "
                  + ", ".join(f"{verb} of {count} {seconds:.2f}" for (verb, count), seconds in origin.seconds.items()), flush=True)
            for number in range(arguments.soak):
                seed = arguments.seed + number
                # Every tenth is one of ingest.
                point = IngestPoint(self, origin, seed) if number % 10 == 9 else Point(self, origin, seed, ranks[number % len(ranks)])
                began = time.monotonic()
                seeds.append(seed)
                try:
                    point.run()
                    verdict = "same"
                except Exception as error:  # noqa: BLE001
                    failed.append(seed)
                    verdict = f"FAILED: {error}"
                print(f"seed {seed}: {point}: {verdict} ({time.monotonic() - began:.1f} s)", flush=True)

    result = unittest.TextTestRunner(verbosity=0).run(Soak())
    print(f"{len(seeds)} points" + (f", seeds {seeds[0]} to {seeds[-1]}" if seeds else "") + f": {len(failed)} failed"
          + (f", seeds {failed}" if failed else ""), flush=True)
    return len(failed) + len(result.errors) + len(result.failures)


if __name__ == "__main__":
    if "--soak" in sys.argv:
        parser = argparse.ArgumentParser()
        parser.add_argument("--soak", type=int, required=True, metavar="POINTS")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--rows", default=ROWS)
        parser.add_argument("--memory", help="of each rank, such as 512MiB (default: the verbs' own)")
        parser.add_argument("--ranks", default="1,2,4")
        sys.exit(1 if soak(parser.parse_args()) else 0)
    RANKS = int(sys.argv.pop())
    unittest.main()
