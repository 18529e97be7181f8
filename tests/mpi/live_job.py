"""A job that runs while the test looks on: its ranks can be found, stopped, let go on and killed."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from cli_test_lib import Result, assert_sightly, decode, job_environment

# What a shell runs in the background ignores SIGINT, and so would all that this starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

ENDS_WITHIN_SECONDS = 30  # loosely: such a job takes well below a second on an idle machine


class LiveJob:
    """A command under mpirun that runs while the test looks on. The ranks can be stopped and let go on, so that the test
    need not be quicker than the job."""

    def __init__(self, command, cwd, ranks, env=None):
        self.command = command
        self.ranks_expected = ranks
        self.process = subprocess.Popen(command, cwd=cwd, env={**os.environ, **job_environment(), **(env or {})},
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)

    def descendants(self):
        children = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                except (OSError, ValueError):
                    continue
                children.setdefault(parent, []).append(int(entry.name))
        found, front = [], [self.process.pid]
        while front:
            front = [child for pid in front for child in children.get(pid, [])]
            found += front
        return found

    def ranks(self, or_end=False):
        """Process id of each rank; waits until all are there. With `or_end`, nothing when the job ends before."""
        deadline = time.monotonic() + ENDS_WITHIN_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            ranks = {}
            for pid in self.descendants():
                try:
                    environment = (Path("/proc") / str(pid) / "environ").read_bytes()
                    if os.path.basename(os.readlink(f"/proc/{pid}/exe")) != os.path.basename(os.environ["IPSCORE_BIN"]):
                        continue
                except OSError:
                    continue
                rank = re.search(rb"(?:^|\0)OMPI_COMM_WORLD_RANK=(\d+)\0", environment)
                if rank:
                    ranks[int(rank.group(1))] = pid
            if len(ranks) == self.ranks_expected:
                return [ranks[rank] for rank in range(self.ranks_expected)]
            time.sleep(0.002)
        if or_end and self.process.poll() is not None:
            return []
        raise AssertionError(f"the ranks did not come up\n{self.wait()}")

    def wait(self, seconds=ENDS_WITHIN_SECONDS):
        """How it ended; fails when it does not end."""
        try:
            out, err = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            out, err = self.process.communicate()
            raise AssertionError(f"still running after {seconds} s\n"
                                 f"{Result(self.command, self.process.returncode, decode(out), decode(err))}") from None
        result = Result(self.command, self.process.returncode, decode(out), decode(err))
        assert_sightly(result)
        return result

    def kill(self):
        """Ends mpirun and the ranks, stopped ones too."""
        if self.process.poll() is not None:
            return  # its number may be another's by now
        for pid in self.descendants() + [self.process.pid]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def close(self):
        """Ends it, and forgets it."""
        self.kill()
        self.process.wait()
        for stream in (self.process.stdout, self.process.stderr):
            stream.close()


HANGING_PART = "part-00003.h5"


def make_hanging_table(table, copy):
    """A copy of a table of which one part is a pipe that nobody writes to: whoever reads it hangs."""
    shutil.copytree(table, copy, copy_function=os.link)
    part = copy / HANGING_PART
    part.unlink()
    os.mkfifo(part)


def mend_hanging_table(table, copy):
    """From now on the copy is as whole as the table."""
    part = copy / HANGING_PART
    part.unlink()
    os.link(table / HANGING_PART, part)


def send(pids, signal_number):
    for pid in pids:
        try:
            os.kill(pid, signal_number)
        except ProcessLookupError:
            pass


def stop(pids):
    """SIGSTOP, and waits until every thread stands still: one that is inside a write goes on to its end."""
    send(pids, signal.SIGSTOP)
    deadline = time.monotonic() + ENDS_WITHIN_SECONDS
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").glob("*/stat"):
            while time.monotonic() < deadline:
                try:
                    if task.read_text().rpartition(")")[2].split()[0] in "TtZX":
                        break
                except OSError:
                    break
                time.sleep(0.001)
