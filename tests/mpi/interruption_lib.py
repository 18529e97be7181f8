"""Jobs that are interrupted again and again at moments that a seed chooses, and damaged in between, until they end by
themselves. The tests run some such points, the soak of interruption_test.py as many as one likes."""

import filecmp
import os
import random
import shutil
import signal
import time
from pathlib import Path

from cli_test_lib import Result, ipscore, mpirun
from live_job import LiveJob, send
from pipeline_lib import PipelineTest, h5_values

STOP_SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)
STOPS_WITHIN_SECONDS = 10
ORPHANS_END_WITHIN_SECONDS = 3
STOPPED = "stopped on request; run the same command again to resume"
LARGE_BYTES = 64 << 20  # a directory beyond this is compared byte by byte alone


def signal_name(number):
    return signal.Signals(number).name[3:]


def part_names(directory):
    return sorted(path.name for path in Path(directory).glob("part-*.h5"))


def fingerprint(path):
    """What a file has for as long as nobody replaces or writes it."""
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def handles_signals(pid):
    """Whether the process has come so far that it stops on request; before that, a signal simply ends it."""
    try:
        caught = int(Path(f"/proc/{pid}/status").read_text().partition("SigCgt:")[2].split()[0], 16)
    except (OSError, IndexError):
        return False
    return all(caught >> (number - 1) & 1 for number in STOP_SIGNALS)


def same_file(path, expected):
    """Whether two HDF5 files hold the same values; equal values nearly always mean equal bytes."""
    if filecmp.cmp(path, expected, shallow=False):
        return True
    if path.stat().st_size > LARGE_BYTES:
        return False
    try:
        return h5_values(path) == h5_values(expected)
    except (OSError, KeyError, RuntimeError, ValueError):
        return False  # damaged


class Origin:
    """The store, the table and the scores that jobs without interruptions make, and how long they take. Lies in the directory of
    `maker`, a PipelineTest."""

    def __init__(self, maker, rows, ranks, options=()):
        self.directory = maker.dir
        self.options = options
        self.inputs = maker.generate("demo", rows)
        self.days = self.inputs.days()
        self.seconds = {}
        began = time.monotonic()
        maker.ingest("store", *self.inputs.observations)
        self.seconds["ingest", 0] = time.monotonic() - began
        for count in ranks:
            for verb in ("prepare", "score"):
                shutil.rmtree(self.output(verb), ignore_errors=True)
                began = time.monotonic()
                maker.verb(*self.words(verb, self.output(verb)), ranks=count, timeout=3600)
                self.seconds[verb, count] = time.monotonic() - began

    def output(self, verb):
        return self.directory / {"prepare": "table", "score": "scores"}[verb]

    def words(self, verb, output, *options):
        if verb == "prepare":
            return PipelineTest.prepare_words(self.directory / "store", output, *self.days, *self.options, *options)
        return PipelineTest.score_words(self.inputs, self.directory / "table", output, *self.options, *options)


class Point:
    """One verb at one number of ranks, from one seed. `test` is a TestCase whose directory it uses."""

    INTERRUPTIONS_MOST = 5

    def __init__(self, test, origin, seed, ranks):
        self.test = test
        self.origin = origin
        self.random = random.Random(seed)
        self.ranks = ranks
        self.verb = self.random.choice(["prepare", "score", "score"])
        self.output = test.dir / f"output-{seed}"
        self.expected = origin.output(self.verb)
        self.threads = self.random.choice(["1", "1", "3"])
        self.told = []
        self.damaged = set()  # names of parts that are not what a job wrote
        self.old_ranks = []

    def __str__(self):
        return f"{self.verb} of {self.ranks} ranks: {', '.join(self.told)}"

    def run(self):
        """Fails when anything is not as promised."""
        for _ in range(self.random.randint(1, self.INTERRUPTIONS_MOST)):
            whole = self.whole_parts()
            if self.interrupt():
                break
            self.check_unfinished(whole)
            while self.random.random() < 0.4:
                self.damage()
        whole = self.whole_parts()
        job = self.start()
        result = job.wait(seconds=3600)
        self.told.append("to the end")
        self.check(result.code == 0, f"the last command should succeed\n{result}")
        self.check_untouched(whole)
        self.check_orphans()
        self.check_values()
        shutil.rmtree(self.output)

    def check(self, good, message):
        if not good:
            self.test.fail(f"{self}: {message}")

    # ---- one run

    def start(self):
        words = self.origin.words(self.verb, self.output, "--threads", self.threads)
        return LiveJob(mpirun(self.ranks, *words), self.test.dir, self.ranks)

    def interrupt(self):
        """Runs the command and interrupts it. True when it had ended by itself before."""
        job = self.start()
        try:
            return self.interrupt_job(job)
        finally:
            job.close()

    def interrupt_job(self, job):
        began = time.monotonic()
        pids = job.ranks(or_end=True)
        while pids and not all(handles_signals(pid) for pid in pids) and job.process.poll() is None:
            time.sleep(0.001)
        self.wait_for_moment(job, began)
        action = self.random.choice(["rank", "rank", "mpirun", "kill rank", "kill all", "kill mpirun"])
        number = self.random.choice(STOP_SIGNALS)
        victim = self.random.randrange(self.ranks)
        if not pids or job.process.poll() is not None:
            self.told.append(f"too late for {action}")
            return self.ended_by_itself(job.wait())
        if action == "rank":
            self.told.append(f"{signal_name(number)} to rank {victim}")
            send([pids[victim]], number)
            if self.random.random() < 0.3:  # once more does no harm
                time.sleep(self.random.random() * 0.05)
                send([pids[victim]], self.random.choice(STOP_SIGNALS))
        elif action == "mpirun":
            self.told.append(f"{signal_name(number)} to mpirun")
            send([job.process.pid], number)
        elif action == "kill rank":
            self.told.append(f"kill -9 of rank {victim}")
            send([pids[victim]], signal.SIGKILL)
        elif action == "kill all":
            self.told.append("kill -9 of all ranks")
            send(pids, signal.SIGKILL)
        else:
            self.told.append("kill -9 of mpirun")
            send([job.process.pid], signal.SIGKILL)
        result = self.wait_for_end(job, pids, action == "kill mpirun")
        self.old_ranks += pids
        if result is None:
            self.told[-1] += " (mpirun itself hung or crashed)"
            return False
        code = result.code
        self.told[-1] += f" (exit {code})"
        if action == "rank":
            self.check(code in (0, 75), f"should end with 75\n{result}")
            if code == 75:
                self.check(STOPPED in result.stderr, f"should say that it was stopped\n{result}")
        elif action == "kill mpirun":
            self.check(code in (0, -signal.SIGKILL), f"ends with {code}")
        elif action != "mpirun":
            self.check(code in (0, 137), f"should end with 137\n{result}")
        # The next command comes at once, or when the ranks of this one are gone.
        if self.random.random() < 0.5:
            self.check_orphans()
        else:
            time.sleep(0.1)
        if code == 0:
            return self.ended_by_itself(result)
        return False

    def wait_for_end(self, job, pids, of_mpirun_alone):
        """Standard error is open for as long as any of the ranks lives, so without mpirun it is not waited for. Nothing when the
        ranks ended and mpirun did not, or crashed behind them: that of Open MPI 4.1.4 with PMIx 4.2.2 locks itself out, or meets
        a null pointer, in PMIx_server_finalize() about once in some hundred kills of ranks."""
        deadline = time.monotonic() + STOPS_WITHIN_SECONDS
        while time.monotonic() < deadline and job.process.poll() is None:
            time.sleep(0.005)
        if job.process.poll() is None:
            alive = [pid for pid in pids if runs(pid)]
            self.check(not alive, f"still running after {STOPS_WITHIN_SECONDS} s: {alive}")
            job.kill()
            return None
        if of_mpirun_alone:
            return Result(job.command, job.process.returncode, "", "")
        if job.process.returncode == -signal.SIGSEGV:
            job.process.communicate()  # its stack trace, where it has the time for one
            self.check(not [pid for pid in pids if runs(pid)], "ranks outlive their mpirun, which crashed")
            return None
        return job.wait()

    def wait_for_moment(self, job, began):
        """Some share of the time that it takes, or some number of parts and perhaps a moment more."""
        seconds = self.origin.seconds[self.verb, self.ranks]
        if self.random.random() < 0.5:
            moment = began + self.random.uniform(0, 1.1) * seconds
            while time.monotonic() < moment and job.process.poll() is None:
                time.sleep(0.001)
            return
        wanted = self.random.randint(0, len(part_names(self.expected)))
        deadline = time.monotonic() + 2 * seconds
        while time.monotonic() < deadline and job.process.poll() is None and len(part_names(self.output)) < wanted:
            time.sleep(0.0005)
        time.sleep(self.random.choice([0, 0, 0.002, 0.01, 0.05]))

    def ended_by_itself(self, result):
        self.check(result.code == 0, f"should have ended well\n{result}")
        self.check((self.output / "index.h5").exists(), "ended well without an index")
        return True

    # ---- what must be so after each run

    def whole_parts(self):
        """Fingerprints of the parts that nobody damaged."""
        return {name: fingerprint(self.output / name) for name in part_names(self.output) if name not in self.damaged}

    def check_untouched(self, whole):
        for name, before in whole.items():
            path = self.output / name
            self.check(path.exists(), f"{name} was whole, and is gone")
            self.check(fingerprint(path) == before, f"{name} was whole, and was made again")

    def check_unfinished(self, whole):
        self.check_untouched(whole)
        for name in part_names(self.output):
            # The checksums are of more than the values: a part with the right ones may yet be damaged.
            if filecmp.cmp(self.output / name, self.expected / name, shallow=False):
                self.damaged.discard(name)
            elif name not in self.damaged:
                self.check(same_file(self.output / name, self.expected / name), f"{name} is not whole")
        if (self.output / "index.h5").exists():
            self.check(same_file(self.output / "index.h5", self.expected / "index.h5"), "index.h5 is not whole")
            # What was damaged before lies under an index only when that was there before, too.

    def check_orphans(self):
        deadline = time.monotonic() + ORPHANS_END_WITHIN_SECONDS
        while self.old_ranks and time.monotonic() < deadline:
            self.old_ranks = [pid for pid in self.old_ranks if runs(pid)]
            time.sleep(0.005)
        self.check(not self.old_ranks, f"ranks live on without their launcher: {self.old_ranks}")

    def check_values(self):
        names = sorted(path.name for path in self.output.glob("*.h5"))
        expected = sorted(path.name for path in self.expected.glob("*.h5"))
        self.check(names == expected, f"holds {names}")
        for name in names:
            self.check(same_file(self.output / name, self.expected / name), f"{name} differs from that of a run without interruptions")
        hidden = [path.name for path in self.output.rglob(".*")]
        self.check(not hidden, f"left behind: {hidden}")

    # ---- what happens between runs

    def damage(self):
        kind = self.random.choice(["flip", "flip", "truncate", "delete", "temporary", "empty"])
        number = self.random.randrange(len(part_names(self.expected)))
        name = f"part-{number:05}.h5"
        if kind == "temporary":
            self.output.mkdir(exist_ok=True)
            (self.output / f".tmp-{name}-elsewhere-12345-{number}").write_bytes(b"half")
        elif kind == "empty":
            self.output.mkdir(exist_ok=True)
            (self.output / name).write_bytes(b"")
            self.damaged.add(name)
        else:
            there = part_names(self.output)
            if not there:
                return
            name = self.random.choice(there)
            path = self.output / name
            size = path.stat().st_size
            if kind == "delete" or size == 0:
                kind = "delete"
                path.unlink()
            elif kind == "truncate":
                os.truncate(path, self.random.randrange(size))
            else:
                place = self.random.randrange(size)
                with open(path, "r+b") as file:
                    file.seek(place)
                    byte = file.read(1)[0]
                    file.seek(place)
                    file.write(bytes([byte ^ (1 << self.random.randrange(8))]))
            self.damaged.add(name)
        self.told.append(f"{kind} {name}")


class IngestPoint:
    """As Point, for ingest: one process, and a store that is as before or as after."""

    def __init__(self, test, origin, seed):
        self.test = test
        self.origin = origin
        self.random = random.Random(seed)
        self.store = f"store-{seed}"
        self.told = []

    def __str__(self):
        return f"ingest: {', '.join(self.told)}"

    def check(self, good, message):
        if not good:
            self.test.fail(f"{self}: {message}")

    def words(self):
        return ["ingest", "--store", self.store, *self.origin.inputs.observations]

    def run(self):
        first = self.test.dir / f"first-{self.store}.csv"
        first.write_text("ip,day,key,hits\n192.0.2.7,2026-11-20,before.example,3\n")
        self.test.ingest(self.store, first.name)
        before = self.table("before")
        for _ in range(self.random.randint(1, 4)):
            code = self.interrupt()
            table = self.table("now")
            manifests = len(list((self.test.dir / self.store / "manifest").glob("*.json")))
            self.check(manifests in (1, 2), f"{manifests} manifests")
            if manifests == 1:
                self.check(table == before, "the store is not as before")
                self.check(code != 0, "ended well, and took nothing in")
            else:
                self.check_after()
        self.told.append("to the end")
        self.test.ingest(self.store, *self.origin.inputs.observations)
        self.check(not self.hidden(), f"what runs that were killed left is still there: {self.hidden()}")
        self.table("now")
        self.check_after()
        for path in self.test.dir.glob(f"*{self.store}*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def hidden(self):
        return {path.name for path in (self.test.dir / self.store).rglob(".*")}

    def table(self, name):
        """The index of the table of all that the store holds, as values."""
        output = f"{name}-{self.store}"
        shutil.rmtree(self.test.dir / output, ignore_errors=True)
        self.test.prepare(self.store, output, *self.origin.days)
        return h5_values(self.test.dir / output / "index.h5")

    def check_after(self):
        expected = getattr(self.origin, "after_ingest", None)
        if expected is None:
            # The store of a run without interruptions.
            self.test.ingest("whole-store", f"first-{self.store}.csv")
            self.test.ingest("whole-store", *self.origin.inputs.observations)
            self.test.prepare("whole-store", "whole-table", *self.origin.days)
            expected = self.origin.after_ingest = {path.name: h5_values(path) for path in (self.test.dir / "whole-table").glob("*.h5")}
        table = self.test.dir / f"now-{self.store}"
        for name, values in expected.items():
            self.check(h5_values(table / name) == values, f"{name} of the table differs from that of a store without interruptions")

    def interrupt(self):
        litter = self.hidden()
        job = LiveJob(ipscore(*self.words()), self.test.dir, 0)
        try:
            while not handles_signals(job.process.pid) and job.process.poll() is None:
                time.sleep(0.0005)
            moment = time.monotonic() + self.random.uniform(0, 1.1) * self.origin.seconds["ingest", 0]
            while time.monotonic() < moment and job.process.poll() is None:
                time.sleep(0.001)
            number = self.random.choice([*STOP_SIGNALS, signal.SIGKILL])
            self.told.append(signal_name(number))
            asked = time.monotonic()
            send([job.process.pid], number)
            result = job.wait(60)
            seconds = time.monotonic() - asked
            self.told[-1] += f" (exit {result.code})"
            self.check(seconds < STOPS_WITHIN_SECONDS, f"took {seconds:.1f} s to stop")
            self.check(result.code in ((0, -signal.SIGKILL) if number == signal.SIGKILL else (0, 75)), f"ends wrongly\n{result}")
            if result.code == 75:
                self.check(STOPPED in result.stderr, f"should say that it was stopped\n{result}")
                self.check(not self.hidden() - litter, f"left behind: {self.hidden() - litter}")
            return result.code
        finally:
            job.close()
