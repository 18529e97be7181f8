#!/usr/bin/python3
"""A job on three hosts, a rank on each: the same values as one process makes, over a fast and a slow network. A host that is cut
off or gone ends it within a minute, on all hosts, with one line that says why; the same command afterwards makes only what is
missing, and ends with the same values."""

import contextlib
import json
import os
import signal
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "services"))

from hosts_lib import (SOON, HostsJob, HostsTest, ask_to_stop, hosts, open_pipe, pipe_for_classification,  # noqa: E402  # first: it finds the others
                       processes, wait_until, wait_until_midway)
from cli_test_lib import PROJECT, ipscore_path, run  # noqa: E402
from failure_test import FailureTest  # noqa: E402
from interruption_lib import handles_signals  # noqa: E402
from live_job import HANGING_PART, make_hanging_table, mend_hanging_table  # noqa: E402

ENDS_WITHIN_SECONDS = 60


class JobOnHostsTest(HostsTest, FailureTest):
    def run_job(self, words, env=None):
        return run(self.mpirun(*words), cwd=self.dir, env=env, timeout=120)

    def assert_same(self, theirs, ours):
        result = self.run_ipscore("diff", theirs, self.dir / ours)
        self.assert_done(result)


class GoodJobTest(JobOnHostsTest):
    def test_score_and_prepare(self):
        self.assert_done(self.run_job(self.prepare_words(self.origin / "store", "new/table", *self.inputs.days())))
        self.assert_values("new/table")
        self.assert_same(self.origin / "table", "new/table")
        self.assert_finishes(self.score_command(table="new/table", scores="new/scores"), "new/scores")
        self.assert_same(self.origin / "scores", "new/scores")
        ran = json.loads((self.dir / "new" / "scores" / "run.json").read_text())
        self.assertEqual([rank["host"] for rank in ran["ranks"]], list(self.HOSTS))
        self.assert_nothing_runs()

    def slow(self, host, kind, *words):
        try:
            hosts("slow", host, kind, *words)
        except AssertionError as error:
            if "qdisc kind is unknown" in str(error):
                self.skipTest(f"this kernel has no {kind}")
            raise

    def test_slow_link(self):
        # What a rank is sent takes seconds, and whatever asks for a sign of life waits behind it.
        self.slow("h3", "tbf", "rate", "500kbit", "burst", "16kb", "latency", "20s")
        self.assert_finishes(self.score_command(), "scores")
        self.assert_same(self.origin / "scores", "scores")

    def test_distant_and_lossy_link(self):
        self.slow("h3", "netem", "delay", "40ms", "10ms", "loss", "1%")
        self.assert_finishes(self.score_command(), "scores")
        self.assert_same(self.origin / "scores", "scores")

    def test_request_to_stop(self):
        # While rank 0 waits for the classification.
        words = self.score_command()
        pipe = pipe_for_classification(words, self.dir)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            with self.subTest(signal=number), contextlib.closing(HostsJob(self.mpirun(*words), self.dir, 3)) as job:
                ranks = job.ranks()
                wait_until(lambda: all(handles_signals(pid) for pid in ranks), "the ranks handle signals")
                with open_pipe(pipe) as classification:
                    ask_to_stop(lambda: job.process.send_signal(number), ranks)
                    classification.write(self.inputs.classification.read_bytes())
                result = job.wait()
                self.assert_code(result, 75)
                self.assertIn("stopped on request; run the same command again to resume\n", result.stderr)
                self.assert_nothing_runs()
        self.assert_finishes(self.score_command(), "scores")


class LostHostTest(JobOnHostsTest):
    def start_midway(self, env=None):
        """A job that has made parts, and hangs in another one."""
        make_hanging_table(self.origin / "table", self.dir / "hanging")
        job = HostsJob(self.mpirun(*self.score_command(table="hanging")), self.dir, 3, env=env)
        self.addCleanup(job.close)
        job.ranks()
        wait_until_midway(self.dir / "scores")
        return job

    def parts_there(self):
        return {path.name: path.stat().st_ino for path in (self.dir / "scores").glob("part-*.h5")}

    def check(self, job, code, pattern):
        """It ends in time, with that code and line, and nothing of it runs on. Then the same command makes the rest."""
        result = job.wait(ENDS_WITHIN_SECONDS)
        self.assert_code(result, code)
        told = [line for line in result.stderr.splitlines() if line.startswith("mpirun.sh: ")]
        self.assertEqual(len(told), 1, result)
        self.assertRegex(told[0], rf"\Ampirun\.sh: {pattern}; run the same command again to resume\Z")
        self.assert_nothing_runs()
        self.assert_unfinished("scores", HANGING_PART)

        before = self.parts_there()
        hosts("up")
        mend_hanging_table(self.origin / "table", self.dir / "hanging")
        result = self.run_job(self.score_command(table="hanging"))
        self.assert_done(result)
        self.assertIn(f"\nparts that were there already: {len(before)}\n", result.stderr)
        self.assertEqual(before, {name: inode for name, inode in self.parts_there().items() if name in before})
        self.assert_values("scores")
        self.assert_same(self.origin / "scores", "scores")

    def test_partition(self):
        # With the settings of jobs/env.sh.
        job = self.start_midway()
        hosts("link", "h3", "down")
        self.check(job, 3, "host h3 is lost: .*")

    def test_partition_of_the_first_host(self):
        # It runs mpirun, and sees the others lost; they see it lost.
        job = self.start_midway(SOON)
        hosts("link", "h1", "down")
        self.check(job, 3, "host h[23] is lost: .*")

    def test_host_is_gone(self):
        job = self.start_midway(SOON)
        hosts("kill", "h2")
        self.check(job, 3, "host h2 is lost: .*")

    def test_host_is_gone_and_its_ssh_is_the_first_to_tell(self):
        job = self.start_midway(SOON)
        for pid in processes(("h3",)):
            if b"@notty" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)
        self.check(job, 3, "host h3 is lost: .*")

    def test_killed_rank(self):
        job = self.start_midway(SOON)
        os.kill(job.ranks()[2], signal.SIGKILL)
        self.check(job, 137, "rank 2 on host h3 was ended by signal 9, most likely because memory ran out")

    def test_host_cannot_be_reached(self):
        hosts("link", "h2", "down")
        result = run(self.mpirun(*self.score_command()), cwd=self.dir, timeout=ENDS_WITHIN_SECONDS)
        self.assert_code(result, 3)
        self.assertEqual(result.stderr.splitlines(), [
            "ssh: connect to host h2 port 22: Connection timed out",
            "mpirun.sh: a host cannot be reached by ssh, cannot reach this one by TCP, or has no orted; what ssh says stands above"])
        self.assert_nothing_runs()
        hosts("link", "h2", "up")
        self.assert_finishes(self.score_command(), "scores")


class ProgramTest(JobOnHostsTest):
    def run_program(self, program, env=None):
        command = self.mpirun(*self.score_command())
        at = command.index(ipscore_path())
        return run([*command[:at], program, *command[at + 1:]], cwd=self.dir, env=env)

    def test_program_is_on_the_path(self):
        # Which the other hosts get from this one.
        (self.dir / "bin").mkdir()
        (self.dir / "bin" / "ipscore-here").symlink_to(ipscore_path())
        self.assert_done(self.run_program("ipscore-here", {"PATH": f"{self.dir / 'bin'}:{os.environ['PATH']}"}))
        self.assert_values("scores")

    def test_words_that_mean_nothing(self):
        """Of an ssh that was quicker than mpirun, and of what others notice when a rank is gone; the rank's own line stays."""
        own = 'time=2026-11-22T04:00:00.000Z level=error verb=score rank=0 host=h1 phase=score msg="cannot write scores/: File too large"'
        (self.dir / "words").write_text("\n".join((
            "[h1:7] plm:rsh: Warning: setpgid(8,8) failed in parent with errno=Permission denied(13)",
            "[h1][[15944,1],3][../opal/mca/btl/tcp/btl_tcp_frag.c:135:mca_btl_tcp_frag_send] mca_btl_tcp_frag_send: writev failed: "
            "Connection reset by peer (104)",
            own,
            "[h1][[15944,1],3][../opal/mca/btl/tcp/btl_tcp_endpoint.c:1065:mca_btl_tcp_endpoint_send_handler] invalid connection state (2)",
            "[warn] Epoll MOD(1) on fd 25 failed. Old events were 6; read change was 0 (none); write change was 2 (del); "
            "close change was 0 (none): Bad file descriptor")) + "\n")
        mpirun = self.dir / "mpirun"
        mpirun.write_text("#!/bin/sh\ncat words >&2\nexit 2\n")
        mpirun.chmod(0o755)
        result = run([PROJECT / "jobs" / "mpirun.sh", "-n", "1", "true"], cwd=self.dir, env={"PATH": f"{self.dir}:{os.environ['PATH']}"})
        self.assert_code(result, 2)
        self.assertEqual(result.raw_stderr, own + "\n")

    def test_program_is_not_there(self):
        result = self.run_program("/nowhere/ipscore")
        self.assert_code(result, 2)
        self.assertRegex(result.stderr,
                         r"\Ampirun\.sh: there is no program /nowhere/ipscore on host h[1-3]; it must lie in the same place on every host\n\Z")


if __name__ == "__main__":
    unittest.main()
