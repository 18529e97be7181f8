#!/usr/bin/python3
"""The files of slurm/, submitted as they are to a real Slurm of three nodes. Needs root; see slurm.sh."""

import gzip
import json
import os
import re
import shutil
import signal
import unittest
from datetime import date, timedelta
from pathlib import Path

from hosts_lib import hosts, install, make, said_by, wait_until  # first: it finds the others
from cli_test_lib import PROJECT
from interruption_lib import handles_signals
from live_job import HANGING_PART
from pipeline_lib import PipelineTest

SLURM_STATE = Path(os.environ.get("TMPDIR", "/tmp")) / "ipscore-slurm"
SLURM_CONF = SLURM_STATE / "slurm.conf"
WITHIN_SECONDS = 180  # loosely: a node is given up after half a minute, and nothing else takes so long
NODES = ("h1", "h2", "h3")
AS_OF = "2026-11-22"
LOOKBACK_DAYS = "90"

ORIGIN = None  # what all tests begin with: it takes seconds


def slurm(*words, **options):
    """What a command says that runs beside the controller."""
    return said_by("slurm.sh", "exec", *words, **options)


def command_lines(nodes):
    """Of all processes there: the number, and the words with zeros between."""
    found = {}
    for pid in " ".join(hosts("pids", node) for node in nodes).split():
        try:
            found[int(pid)] = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            pass  # it has ended
    return found


def setUpModule():
    global ORIGIN
    make("slurm.sh", cleanup=unittest.addModuleCleanup)
    ORIGIN = Origin()


def wait_for(what, condition, tell=lambda: "", poll_seconds=0.1):
    return wait_until(condition, what, WITHIN_SECONDS, poll_seconds, tell)


class Origin:
    """Inputs, and the scores of a plain run of one process."""

    def __init__(self):
        maker = PipelineTest("run")
        maker.setUp()
        unittest.addModuleCleanup(maker.doCleanups)
        self.inputs = maker.make_table("1.2M")
        maker.score(self.inputs, "table", "scores")
        self.store = maker.dir / "store"
        self.table = maker.dir / "table"
        self.scores = maker.dir / "scores"
        self.home = install(maker.dir / "installed", "jobs", "slurm")


class Job:
    """A job, or a task of an array, by its name for Slurm, such as 12 or 12_3."""

    def __init__(self, name, log):
        self.name = str(name)
        self.log_path = log

    def fields(self):
        return dict(word.split("=", 1) for word in slurm("scontrol", "show", "job", "-o", self.name).split() if "=" in word)

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def __str__(self):
        return f"{slurm('scontrol', 'show', 'job', self.name)}\n{self.log()}"

    def is_queued_again(self, restarts):
        fields = self.fields()
        return fields["JobState"] == "PENDING" and int(fields["Restarts"]) == restarts

    def wait_until_queued_again(self, restarts=1):
        wait_for("the job is requeued", lambda: self.is_queued_again(restarts), lambda: self)

    def go_on(self, nodes=NODES):
        """Slurm lets a requeued job wait for two minutes. Sooner, what is left on the nodes is in the way: the ends of its steps, and
        within a second that of the job."""
        steps = f"slurmstepd: [{self.fields()['JobId']}.".encode()
        wait_for("nothing is left of the job", lambda: not any(words.startswith(steps) for words in command_lines(nodes).values()), lambda: self)
        slurm("scontrol", "update", f"JobId={self.name}", "StartTime=now+2")

    def wait(self):
        """How it ended: the state, and the exit code."""
        ended = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY")
        fields = wait_for("the job ends", lambda: (fields := self.fields())["JobState"] in ended and fields, lambda: self)
        return fields["JobState"], int(fields["ExitCode"].split(":")[0])


class SlurmTest(PipelineTest):
    def setUp(self):
        super().setUp()
        # Before the directory goes, so that no job writes into it.
        self.addCleanup(self.cancel_all)
        self.out = self.dir / "out"
        self.table = self.out / "table" / AS_OF
        self.scores = self.out / "scores" / AS_OF

    def cancel_all(self):
        slurm("scancel", "--user=root")
        wait_for("the jobs are gone", lambda: not slurm("squeue", "--noheader"), lambda: slurm("squeue"))

    def environment(self, **settings):
        inputs = ORIGIN.inputs
        return {**os.environ, "IPSCORE_HOME": str(ORIGIN.home), "STORE": str(ORIGIN.store), "CLASSIFICATION": str(inputs.classification),
                "COMPANIES": str(inputs.companies), "MODEL": str(inputs.model), "AS_OF": AS_OF, "OUT": str(self.out),
                **{name: str(value) for name, value in settings.items()}}

    def sbatch(self, file, *options, **settings):
        text = slurm("sbatch", "--parsable", *options, PROJECT / "slurm" / file, cwd=self.dir, env=self.environment(**settings))
        name = text.strip()
        return Job(name, self.dir / f"ipscore-{file.removesuffix('.sbatch')}-{name}.log")

    def assert_ends(self, job, state="COMPLETED", code=0, restarts=0):
        self.assertEqual(job.wait(), (state, code), job)
        self.assertEqual(int(job.fields()["Restarts"]), restarts, job)

    def assert_scores(self, scores=None, expected=None):
        self.assert_done(self.run_ipscore("diff", expected or ORIGIN.scores, scores or self.scores))

    def assert_says(self, job, *lines):
        for line in lines:
            self.assertRegex(job.log(), line)

    def ran(self, scores=None):
        return json.loads(((scores or self.scores) / "run.json").read_text())

    def ranks_on(self, *nodes):
        return [pid for pid, words in command_lines(nodes).items() if words.split(b"\0")[1:2] == [b"score"]]

    def start_held(self, *options, **settings):
        """A job in the midst of its parts, which cannot get to the end: one of them is a pipe that nobody writes to."""
        # With one thread a rank, which then scores one part after the other.
        job = self.sbatch("score.sbatch", "--nodes=3", "--cpus-per-task=1", *options, **settings)
        wait_for("the table is there", lambda: (self.table / "index.h5").exists(), lambda: job, poll_seconds=0.002)
        (self.table / HANGING_PART).rename(self.dir / HANGING_PART)
        os.mkfifo(self.table / HANGING_PART)
        wait_for("a part is scored", lambda: list(self.scores.glob("part-*.h5")), lambda: job)
        return job

    def release(self):
        (self.dir / HANGING_PART).rename(self.table / HANGING_PART)

    def assert_goes_on(self, job, restarts=1, nodes=NODES):
        """It was interrupted, and ends as if it had not been: with the parts that it had before."""
        self.release()
        job.go_on(nodes)
        self.assert_ends(job, restarts=restarts)
        self.assertGreater(self.ran()["parts_already_there"], 0, job)
        self.assert_scores()
        # One log of both runs.
        self.assert_says(job, r'restarts=0 msg="run 1 .*SLURM_RESTART_COUNT=0,', r'restarts=1 msg="run 2 .*SLURM_RESTART_COUNT=1,')


class DayTest(SlurmTest):
    def test_three_nodes(self):
        old = self.dir / "old"
        old.mkdir()
        (old / f"scores-{AS_OF}").symlink_to(ORIGIN.scores)
        job = self.sbatch("score.sbatch", "--nodes=3", f"--export=ALL,AS_OF={AS_OF}", AS_OF="", OLD_SCORES=old)
        self.assert_ends(job)
        self.assert_scores()
        self.assertEqual([(rank["host"], rank["threads"]) for rank in self.ran()["ranks"]], [("h1", 4), ("h2", 4), ("h3", 4)])
        self.assert_says(job, "the scores are the same as the old ones", r"--memory 7372MiB")
        self.assert_exported("scores")
        self.assert_exported("companies", "--companies")
        self.assertTrue((self.out / "diff" / f"{AS_OF}.html").exists())
        self.assertEqual([path.name for path in self.out.glob(".*")], [], "the notes of the job are left behind")

    def assert_exported(self, name, *options):
        with gzip.open(self.out / "export" / f"{name}-{AS_OF}.csv.gz", "rt") as text:
            self.assert_same_text(text.read(), self.export(ORIGIN.scores, *options), name)

    def test_settings_of_a_plan(self):
        """What `ipscore plan` gives to paste."""
        instances = self.dir / "instances.toml"
        instances.write_text("[instances.node]\ncores = 2\nmemory_gib = 8\nprice_per_hour = 1\n")
        text = self.verb("plan", "--table", ORIGIN.table, "--runs", ORIGIN.table, ORIGIN.scores, "--instances", instances).stdout
        job = self.sbatch("score.sbatch", *re.search(r"  sbatch (.+) slurm/score\.sbatch", text).group(1).split())
        self.assert_ends(job)
        self.assert_scores()
        self.assertEqual([rank["threads"] for rank in self.ran()["ranks"]], [2])
        self.assert_says(job, r"--memory 6634MiB")  # nine tenths for the job, and of these nine tenths for the rank
        self.assertEqual(job.fields()["TimeLimit"], "00:10:00")

    def test_a_rank_a_socket(self):
        scratch = self.dir / "scratch"
        job = self.sbatch("score.sbatch", "--nodes=2", "--ntasks-per-node=2", "--cpus-per-task=2", SCRATCH=scratch, EXPORT_OPTIONS="--min-score 50")
        self.assert_ends(job)
        self.assertTrue(scratch.is_dir(), "Slurm makes the TMPDIR of a step, so this was none")
        self.assert_scores()
        self.assertEqual([(rank["host"], rank["threads"]) for rank in self.ran()["ranks"]], [("h1", 2), ("h1", 2), ("h2", 2), ("h2", 2)])
        self.assert_says(job, r"--memory 3686MiB")
        self.assert_exported("scores", "--min-score", "50")
        self.assertNotIn("warning", job.log())

    def test_variables_that_are_named(self):
        """And no others: what the script itself sets must reach its steps all the same, such as where ipscore is."""
        names = ("IPSCORE_HOME", "STORE", "CLASSIFICATION", "COMPANIES", "MODEL", "AS_OF", "OUT")
        job = self.sbatch("score.sbatch", f"--export={','.join(names)}")
        self.assert_ends(job)
        self.assert_scores()

    def test_leftover_of_a_killed_step(self):
        """For which srun starts no task, and ends with 0."""
        job = self.sbatch("score.sbatch", "--nodes=3", "--hold")
        for host in NODES:
            (SLURM_STATE / host / f"stepd.slurm.pmix.{job.name}.0").touch()
        slurm("scontrol", "release", job.name)
        self.assert_ends(job)
        self.assert_says(job, "srun ran nothing in attempt 1, and ended with exit code 0")
        self.assert_scores()

    def test_scores_that_differ(self):
        old = self.dir / "old"
        old.mkdir()
        text = self.export(ORIGIN.scores).splitlines(keepends=True)
        (old / f"{AS_OF}.csv").write_text("".join(text[:5] + text[6:]))
        job = self.sbatch("score.sbatch", OLD_SCORES=old)
        self.assert_ends(job, "FAILED", 1)
        self.assert_says(job, f"the scores differ from the old ones, so the job ends with exit code 1; report: .*/{AS_OF}.html")

    def test_without_old_scores_of_the_day(self):
        job = self.sbatch("score.sbatch", OLD_SCORES=self.dir)
        self.assert_ends(job, "FAILED", 2)
        self.assert_says(job, f"OLD_SCORES: {self.dir} does not have one file or folder, and no more, with {AS_OF} in its name")

    def test_bad_input(self):
        job = self.sbatch("score.sbatch", "--nodes=3", CLASSIFICATION=self.dir / "missing.csv")
        self.assert_ends(job, "FAILED", 2)
        self.assert_says(job, "cannot read .*missing.csv: No such file or directory", "the step failed with exit code 2")

    def test_without_ipscore(self):
        for file in ("score.sbatch", "ingest.sbatch"):
            job = self.sbatch(file, IPSCORE_HOME=self.dir)
            self.assert_ends(job, "FAILED", 2)
            self.assertEqual(job.log(), f"{file}: there is no {self.dir}/slurm/job.sh; call sbatch in ipscore's folder, or set IPSCORE_HOME to it\n")
        home = install(self.dir / "installed", "jobs", "slurm")
        (self.dir / "installed" / "bin" / "ipscore").unlink()
        job = self.sbatch("score.sbatch", IPSCORE_HOME=home, PATH="/usr/bin:/bin")
        self.assert_ends(job, "FAILED", 2)
        self.assertRegex(job.log(), rf'level=error .* msg="there is no ipscore on h1; build it in {home}, or install it and set IPSCORE_HOME to [^\n]*\n\Z')

    def test_ingest(self):
        incoming = self.dir / "incoming"
        incoming.mkdir()
        lines = ORIGIN.inputs.observations[0].read_text().splitlines(keepends=True)
        (incoming / "a.csv").write_text("".join(lines[:10000]))
        (incoming / "b.csv").write_text("".join(lines[:1] + lines[10000:20000]))
        self.ingest("plain", incoming)
        for options, limits in (((), "--threads 4 --memory 7372MiB"), (("--mem=0", "--cpus-per-task=2", "--exclusive"), "--threads 2")):
            job = self.sbatch("ingest.sbatch", *options, STORE=self.dir / "store", OBSERVATIONS=incoming)
            self.assert_ends(job)
            self.assert_says(job, f'each with {limits}"', "ipscore compact")
        for store in ("plain", "store"):
            self.prepare(store, f"{store}-table", "--as-of", AS_OF)
        self.assert_done(self.run_ipscore("diff", "plain-table", "store-table"))

        (incoming / "c.csv").write_text("ip,day,key,hits\n" + "no address,2026-11-22,key,1\n" * 1000)
        job = self.sbatch("ingest.sbatch", STORE=self.dir / "store", OBSERVATIONS=incoming)
        self.assert_ends(job, "FAILED", 2)


class InterruptionTest(SlurmTest):
    def test_time_limit(self):
        job = self.start_held("--time=2")  # the signal comes within half a minute
        wait_for("the job is signalled", lambda: "SIGUSR1" in job.log(), lambda: job)
        job.wait_until_queued_again()
        self.assert_says(job, "SIGUSR1: asks the step that runs to stop", "stopped on request; run the same command again to resume",
                         "stopped before the time limit: the job goes back into the queue")
        self.assert_goes_on(job)

    def test_the_day_that_it_began_with(self):
        """Also when that is no longer yesterday, and though the store has got more since."""
        store = self.copy_of_the_store()
        (self.dir / "bin").mkdir()
        self.pretend_yesterday_is(AS_OF)
        path = f"{self.dir / 'bin'}:{os.environ['PATH']}"
        job = self.start_held(AS_OF="", STORE=store, PATH=path)
        slurm("scancel", "--batch", "--signal=USR1", job.name)
        job.wait_until_queued_again()
        self.pretend_yesterday_is("2026-11-23")
        self.ingest_more(store)
        self.assert_goes_on(job)
        self.assertEqual([path.name for path in (self.out / "scores").iterdir()], [AS_OF])

    def copy_of_the_store(self):
        return Path(shutil.copytree(ORIGIN.store, self.dir / "store"))

    def ingest_more(self, store):
        (self.dir / "more.csv").write_text("ip,day,key,hits\n203.0.113.7,2026-11-20,key,1\n")
        self.ingest(store, "more.csv")

    def pretend_yesterday_is(self, day):
        program = self.dir / "bin" / "date"
        program.write_text(f'#!/bin/sh\ncase "$*" in *yesterday*) echo {day} ;; *) exec /usr/bin/date "$@" ;; esac\n')
        program.chmod(0o755)

    def test_unfinished_table_of_a_store_that_has_changed(self):
        store = self.copy_of_the_store()
        segment = next((store / "segments").glob("*.h5"))
        segment.rename(self.dir / "segment")
        os.mkfifo(segment)
        job = self.sbatch("score.sbatch", "--nodes=3", STORE=store)
        wait_for("prepare has begun", lambda: (self.table / "job.json").exists(), lambda: job)
        slurm("scancel", "--batch", "--signal=USR1", job.name)
        job.wait_until_queued_again()
        (self.dir / "segment").rename(segment)
        self.ingest_more(store)
        job.go_on()
        self.assert_ends(job, restarts=1)
        self.assert_says(job, "holds the output of another job", "the table cannot be finished.*it is made anew")
        self.prepare(store, "expected", "--as-of", AS_OF)
        self.assert_done(self.run_ipscore("diff", "expected", self.table))

    def test_rank_killed(self):
        job = self.start_held()
        os.kill(self.ranks_on("h2")[0], signal.SIGKILL)
        job.wait_until_queued_again()
        self.assert_says(job, "a rank was killed, maybe because memory ran out: the job goes back into the queue")
        self.assert_goes_on(job)

    def test_not_for_ever(self):
        job = self.start_held(MAX_REQUEUES=0)
        os.kill(self.ranks_on("h2")[0], signal.SIGKILL)
        self.assert_ends(job, "FAILED", 137)
        self.assert_says(job, "a rank was killed.*and that after 0 restarts, of which MAX_REQUEUES allows no more")

    def test_cancelled(self):
        job = self.start_held()
        slurm("scancel", job.name)
        self.assertEqual(job.wait()[0], "CANCELLED", job)
        wait_for("the job is gone", lambda: not slurm("squeue", "--noheader"), lambda: job)
        self.assert_says(job, "SIGTERM: asks the step that runs to stop")
        self.assertEqual(int(job.fields()["Restarts"]), 0, job)

    def test_term(self):
        """To the script alone: whoever sends it decides what becomes of the job."""
        job = self.start_held()
        slurm("scancel", "--batch", "--signal=TERM", job.name)
        self.assert_ends(job, "FAILED", 75)
        self.assert_says(job, "SIGTERM: asks the step that runs to stop", "stopped; submit the job again to go on")

    def test_node_that_does_not_answer(self):
        """Which the script finds out when the step has failed, before Slurm gives the node up."""
        job = self.start_held("--nodes=2")
        self.have_slurm_wait_for_nodes()
        os.kill(int((SLURM_STATE / "h2.pid").read_text()), signal.SIGKILL)
        try:
            os.kill(self.ranks_on("h2")[0], signal.SIGSEGV)
            wait_for("the script requeues the job", lambda: "a node is lost: the job goes back into the queue" in job.log(), lambda: job)
        finally:
            said_by("hosts.sh", "exec", "h2", "slurmd", "-N", "h2", env={**os.environ, "SLURM_CONF": str(SLURM_CONF)})
        job.wait_until_queued_again()
        self.assert_goes_on(job)

    def have_slurm_wait_for_nodes(self):
        """Instead of giving up one that is silent for a while."""
        configuration = SLURM_CONF.read_text()
        self.addCleanup(self.configure, configuration)
        self.configure(re.sub(r"(?m)^SlurmdTimeout=.*", "SlurmdTimeout=600", configuration))

    def configure(self, configuration):
        SLURM_CONF.write_text(configuration)
        slurm("scontrol", "reconfigure")

    def test_node_cut_off(self):
        job = self.start_held("--nodes=2")
        self.addCleanup(said_by, "slurm.sh", "up")  # a new one: it takes a minute until this one has the node again
        hosts("link", "h2", "down")
        job.wait_until_queued_again()
        left = ["h1", "h3"]
        # On the nodes that are left the job meets the lock of its rank that lives on.
        job.go_on(left)
        job.wait_until_queued_again(2)
        self.assert_says(job, "another job is writing there", "the machine failed the job after a restart: the job goes back into the queue")
        for pid in self.ranks_on("h2"):
            os.kill(pid, signal.SIGKILL)
        self.assert_goes_on(job, restarts=2, nodes=left)
        self.assertEqual([rank["host"] for rank in self.ran()["ranks"]], left)


class WeekTest(SlurmTest):
    @classmethod
    def setUpClass(cls):
        """A week of the old system, of a smaller store."""
        maker = cls.make_origin()
        cls.inputs = maker.generate("week", "60k")
        maker.ingest("week-store", *cls.inputs.observations)
        cls.days = [str(date.fromisoformat(AS_OF) - timedelta(days=6 - i)) for i in range(7)]
        for day in cls.days:
            maker.prepare("week-store", f"table-{day}", "--as-of", day, "--lookback-days", LOOKBACK_DAYS)
            maker.score(cls.inputs, f"table-{day}", f"old/scores-{day}", "--as-of", day)

    def environment(self, **settings):
        return super().environment(**{"STORE": self.origin / "week-store", "CLASSIFICATION": self.inputs.classification,
                                      "COMPANIES": self.inputs.companies, "MODEL": self.inputs.model,
                                      "OLD_SCORES": self.origin / "old", **settings})

    def jobs_named_in(self, text, days):
        named = re.search(r"are job (\d+), the comparison is job (\d+), and its report (\S+)", text)
        self.assertTrue(named, text)
        array, comparison, self.report = named.groups()
        tasks = [Job(f"{array}_{i}", self.dir / f"ipscore-week-{array}_{i}.log") for i in range(days)]
        return tasks, Job(comparison, self.dir / f"ipscore-week-summary-{comparison}.log")

    def validate(self, days, **settings):
        text = slurm(PROJECT / "slurm" / "validate-week.sbatch", "--cpus-per-task=2", cwd=self.dir, env=self.environment(DAYS=days, **settings))
        return self.jobs_named_in(text, days)

    def test_week(self):
        tasks, comparison = self.validate(7)
        self.assert_ends(comparison)
        for task in tasks:
            self.assert_ends(task)
        self.assertEqual(sorted(path.name for path in (self.out / "scores").iterdir()), self.days)
        for day in self.days:
            self.assert_scores(self.out / "scores" / day, self.origin / "old" / f"scores-{day}")
            self.assert_says(comparison, day)
        self.assert_says(comparison, "the scores are the same as the old ones")
        self.assertIn(AS_OF, Path(self.report).read_text())

    def test_day_that_differs(self):
        old = self.dir / "old"
        old.mkdir()
        for name, day in zip(self.days[-2:], (self.days[-2], self.days[-3])):
            (old / name).symlink_to(self.origin / "old" / f"scores-{day}")
        _, comparison = self.validate(2, OLD_SCORES=old)
        self.assert_ends(comparison, "FAILED", 1)
        self.assert_says(comparison, f"{self.days[-2]}: the same", f"{AS_OF}: different", "the scores differ from the old ones")

    def test_days_that_fail(self):
        tasks, comparison = self.validate(2, PREPARE_OPTIONS="--min-rows 1G")
        self.assert_ends(comparison, "FAILED", 2)
        for task, day in zip(tasks, self.days[-2:]):
            self.assert_ends(task, "FAILED", 2)
            self.assert_says(comparison, f"{day}: not compared: ")

    def test_submitted_by_sbatch(self):
        job = self.sbatch("validate-week.sbatch", "--output=starter.log", DAYS=1)
        self.assert_ends(job)
        _, comparison = self.jobs_named_in((self.dir / "starter.log").read_text(), 1)
        self.assert_ends(comparison)

    def test_only_the_day_that_was_stopped_is_queued_again(self):
        pipe = self.dir / "companies.csv"
        os.mkfifo(pipe)
        tasks, comparison = self.validate(2, COMPANIES=pipe)
        wait_for("both tasks wait for their inputs", lambda: len(ranks := self.ranks_on(*NODES)) == 2 and all(map(handles_signals, ranks)),
                 lambda: "\n".join(map(str, tasks)))
        # The task by whose number Slurm calls the whole array.
        tasks.sort(key=lambda task: task.fields()["JobId"] != task.fields()["ArrayJobId"])
        slurm("scancel", "--batch", "--signal=USR1", tasks[0].name)
        tasks[0].wait_until_queued_again()
        self.assertEqual((tasks[1].fields()["JobState"], tasks[1].fields()["Restarts"]), ("RUNNING", "0"), tasks[1])
        slurm("scancel", "--batch", "--signal=USR1", tasks[1].name)
        tasks[1].wait_until_queued_again()
        self.assertEqual(comparison.fields()["JobState"], "PENDING", comparison)
        pipe.unlink()
        pipe.symlink_to(self.inputs.companies)
        for task in tasks:
            task.go_on()
        self.assert_ends(comparison)
        for task in tasks:
            self.assert_ends(task, restarts=1)


class LostNodeTest(SlurmTest):
    """The last of a Slurm, for the node does not come back."""

    def test_node_of_the_batch_script(self):
        job = self.start_held("--nodes=2")
        self.assertEqual(job.fields()["BatchHost"], "h1")
        hosts("kill", "h1")
        job.wait_until_queued_again()
        left = ["h2", "h3"]
        self.assert_goes_on(job, nodes=left)
        self.assertEqual([rank["host"] for rank in self.ran()["ranks"]], left)


if __name__ == "__main__":
    unittest.main(verbosity=2)
