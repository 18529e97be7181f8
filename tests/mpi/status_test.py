#!/usr/bin/python3
"""What `ipscore status`, --metrics and the log tell of a job of ranks while it runs, when it is stopped, fails or is killed, and
when it goes on."""

import json
import os
import shutil
import signal
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))

from cli_test_lib import ipscore, mpirun, run  # noqa: E402
from log_lib import parse_json  # noqa: E402
from metrics_lib import parse_metrics, value_of  # noqa: E402
from live_job import ENDS_WITHIN_SECONDS, LiveJob, make_hanging_table, send  # noqa: E402
from pipeline_lib import PipelineTest  # noqa: E402

RANKS = 3


class LiveStatusTest(PipelineTest):
    """A job that has made three of five parts. One rank hangs in the fourth, and holds the claim of the last."""

    @classmethod
    def setUpClass(cls):
        cls.inputs = cls.make_origin().make_table("1.2M")

    def setUp(self):
        super().setUp()
        make_hanging_table(self.origin / "table", self.dir / "table")
        words = self.score_words(self.inputs, "table", "scores", "--threads", "1", "--metrics", "metrics.prom", "--log-format", "json")
        self.job = LiveJob(mpirun(RANKS, *words), self.dir, RANKS)
        self.addCleanup(self.job.close)
        self.pids = self.job.ranks()
        self.wait_until(lambda status: status["work"] and status["work"]["done"] == 3)

    def status(self):
        return json.loads(self.verb("status", "scores", "--json").stdout)["jobs"][0]

    def wait_until(self, good):
        deadline = time.monotonic() + ENDS_WITHIN_SECONDS
        while True:
            result = self.run_ipscore("status", "scores", "--json")
            status = json.loads(result.stdout)["jobs"][0] if result.code == 0 else None
            if status and good(status):
                return status
            self.assertIsNone(self.job.process.poll(), "the job ended before its time")
            self.assertLess(time.monotonic(), deadline, f"this never came:\n{json.dumps(status, indent=1)}")
            time.sleep(0.1)

    def finish(self):
        (self.dir / "table" / "part-00003.h5").unlink()
        os.link(self.origin / "table" / "part-00003.h5", self.dir / "table" / "part-00003.h5")
        words = self.score_words(self.inputs, "table", "scores", "--threads", "1", "--metrics", "metrics.prom")
        self.assert_done(self.run_mpirun(RANKS, *words))
        status = self.status()
        self.assertEqual((status["state"], status["exit_code"], status["work"]["done"], status["work"]["done_by_earlier_runs"]),
                         ("done", 0, 5, 3))
        self.assertEqual(sum(rank["work"]["done"] for rank in status["ranks"]), 2)
        self.assertEqual(value_of(parse_metrics((self.dir / "metrics.prom").read_text()), "ipscore_job_state", state="done"), 1)

    def records(self, result):
        return [parse_json(line) for line in result.raw_stderr.splitlines()]

    def test_running(self):
        status = self.status()
        self.assertEqual((status["state"], status["phase"], status["exit_code"], status["reason"]), ("running", "score", None, ""))
        work = status["work"]
        self.assertEqual((work["total"], work["done"], work["done_by_earlier_runs"]), (5, 3, 0))
        self.assertGreater(work["seconds_left"], 0)
        self.assertGreater(work["rows_per_second"], 0)
        self.assertEqual([rank["rank"] for rank in status["ranks"]], list(range(RANKS)))
        self.assertEqual([rank["pid"] for rank in status["ranks"]], self.pids)
        self.assertEqual(sum(rank["work"]["done"] for rank in status["ranks"]), 3)
        slowest = min(status["ranks"], key=lambda rank: rank["work"]["rows"])
        self.assertEqual(status["slowest_rank"], slowest["rank"])
        # Signs of life go on although nothing is done.
        later = self.wait_until(lambda now: all(new["written_at"] > old["written_at"]
                                                for new, old in zip(now["ranks"], status["ranks"])))
        self.assertEqual(later["work"]["done"], 3)
        text = self.verb("status", "scores").stdout
        self.assertRegex(text, r"\Ascores: score is running since [^\n]*, phase score\n"
                         r"score: 3 of 5 parts \(60\.0 %\); [^\n]* parts/s, [^\n]* rows/s; about [^\n]* left\n")
        self.assertRegex(text, r"\nslowest: rank \d on ")
        deadline = time.monotonic() + ENDS_WITHIN_SECONDS
        while True:  # rank 0 writes them every 2 s
            samples = parse_metrics((self.dir / "metrics.prom").read_text())
            if value_of(samples, "ipscore_work_units_done") == 3:
                break
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)
        self.assertEqual(value_of(samples, "ipscore_job_state", state="running"), 1)
        self.assertEqual(sum(value_of(samples, "ipscore_rank_units_done", rank=str(rank)) for rank in range(RANKS)), 3)

    def test_stopped_and_resumed(self):
        send([self.pids[1]], signal.SIGTERM)
        result = self.job.wait()
        self.assert_code(result, 75)
        reason = "stopped on request; run the same command again to resume"
        self.assertIn(("error", "score", reason), [(record["level"], record["phase"], record["msg"]) for record in self.records(result)])
        status = self.status()
        self.assertEqual((status["state"], status["exit_code"], status["work"]["done"]), ("stopped", 75, 3))
        self.assertIn(reason, status["reason"])
        self.assertRegex(self.verb("status", "scores").stdout, r"\Ascores: score was stopped at [^\n]*, with exit code 75: rank \d on ")
        self.finish()

    def test_killed_rank(self):
        send([self.pids[2]], signal.SIGKILL)
        self.assert_code(self.job.wait(), 137)
        self.check_dead()

    def test_killed_ranks(self):
        send(self.pids, signal.SIGKILL)
        self.assert_code(self.job.wait(), 137)
        self.check_dead()

    def check_dead(self):
        """Also where the copy of the directory tells of it: there is no process and no lock."""
        status = self.status()
        if status["state"] == "stopped":  # by the signal of mpirun, which ends the others
            self.assertNotIn("rank 2 ", status["reason"])
        else:
            self.assertEqual((status["state"], status["exit_code"]), ("dead", None))
            self.assertRegex(status["reason"], r"\Ano process of it lives, and none said why: killed, out of memory, or its machine was lost; "
                             r"rank \d on [^ ]+ fell silent first, in phase score\Z")
        self.assertEqual(status["work"]["done"], 3)
        self.finish()

    def test_failed_rank(self):
        with open(self.dir / "table" / "part-00003.h5", "wb"):  # its reader goes on, and finds nothing
            pass
        result = self.job.wait()
        self.assert_code(result, 2)
        errors = [record for record in self.records(result) if record["level"] == "error"]
        self.assertEqual(len(errors), 1, result)
        self.assertIn("table/part-00003.h5", errors[0]["msg"])
        status = self.status()
        self.assertEqual((status["state"], status["exit_code"]), ("failed", 2))
        self.assertEqual(status["reason"], f"rank {errors[0]['rank']} on {errors[0]['host']}: {errors[0]['msg']}")
        samples = parse_metrics((self.dir / "metrics.prom").read_text())
        self.assertEqual(value_of(samples, "ipscore_job_state", state="failed"), 1)
        self.assertEqual(value_of(samples, "ipscore_job_exit_code"), 2)
        self.finish()

    def test_second_job_is_refused_and_changes_nothing(self):
        before = self.status()
        result = self.run_ipscore(*self.score_words(self.inputs, self.origin / "table", "scores"))
        self.assert_code(result, 3)
        self.assertIn("another job is writing there", result.stderr)
        after = self.status()
        self.assertEqual((after["state"], [rank["pid"] for rank in after["ranks"]]), ("running", self.pids))
        self.assertEqual(before["began_at"], after["began_at"])


class FailedWorkerTest(PipelineTest):
    """Rank 1 fails, which ends a rank 0 that hangs: it must tell of that itself."""

    def test_metrics(self):
        inputs = self.generate("demo", "1.2M")
        self.ingest("store", *inputs.observations)
        self.prepare("store", "table", *inputs.days())
        # Whichever parts they get: rank 0 hangs in its first one, and rank 1 fails at its own.
        for table, make in (("hanging", os.mkfifo), ("damaged", Path.touch)):
            shutil.copytree(self.dir / "table", self.dir / table)
            for part in (self.dir / table).glob("part-*.h5"):
                part.unlink()
                make(part)

        def words(table, metrics):
            return self.score_words(inputs, table, "scores", "--threads", "1", "--metrics", metrics)

        # Each with a file of metrics of its own, so that it is known who wrote it: rank 0 rewrites its own every 2 s, and may live long
        # enough to tell of the failure, too.
        result = run([*mpirun(1, *words("hanging", "of-rank-0.prom")), ":", "-n", "1", *ipscore(*words("damaged", "of-rank-1.prom"))],
                     cwd=self.dir)
        self.assert_code(result, 2)
        status = json.loads(self.verb("status", "scores", "--json").stdout)["jobs"][0]
        self.assertEqual((status["state"], status["exit_code"]), ("failed", 2))
        self.assertRegex(status["reason"], r"\Arank 1 on [^ ]+: damaged/part-0000\d\.h5: ")
        samples = parse_metrics((self.dir / "of-rank-1.prom").read_text())
        self.assertEqual(value_of(samples, "ipscore_job_state", state="failed"), 1)
        self.assertEqual(value_of(samples, "ipscore_job_exit_code"), 2)


if __name__ == "__main__":
    unittest.main()
