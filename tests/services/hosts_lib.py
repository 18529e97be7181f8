"""Hosts for tests, which hosts.sh makes, and jobs that run on several of them.

    class ScoreTest(HostsTest, PipelineTest):
        def test_partition(self):
            job = HostsJob(self.mpirun(...), self.dir, ranks=3)
            hosts("link", "h3", "down")
"""

import errno
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / folder) for folder in ("cli", "mpi")]

from cli_test_lib import PROJECT, ipscore, ipscore_path  # noqa: E402
from live_job import LiveJob, send, stop  # noqa: E402

HERE = Path(__file__).resolve().parent
LOCK = Path("/run/ipscore-hosts.lock")  # beside /run/netns, where hosts.sh has its namespaces
CANNOT_BE_MADE = 77  # exit code of the scripts of this folder where there is no right or no program for what they make

# Of jobs/env.sh: a lost host is noticed in seconds, where a test is not about how long that takes.
SOON = {"OMPI_MCA_oob_tcp_keepalive_time": "3", "OMPI_MCA_oob_tcp_keepalive_intvl": "1", "OMPI_MCA_oob_tcp_keepalive_probes": "2"}

# What a job consists of.
PROGRAMS = ("ipscore", "orted", "mpirun", "mpirun.sh")


def service(script, *words, **options):
    """What became of a script of this folder."""
    return subprocess.run([HERE / script, *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, errors="surrogateescape", check=False, timeout=120, **options)


def said_by(script, *words, **options):
    """What the script says; it must succeed."""
    done = service(script, *words, **options)
    if done.returncode != 0:
        raise AssertionError(f"{script} {' '.join(map(str, words))} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def have_machine(cleanup):
    """Waits until no other test has the hosts of this machine, such as one of another copy of this project; `cleanup` gives them up."""
    try:
        lock = open(LOCK, "w", encoding="utf-8")
    except OSError:
        return  # then there is no right to make hosts either, which the script says
    cleanup(lock.close)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"another test has the hosts of this machine ({LOCK}): waits for it", file=sys.stderr, flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)


def make(script, *words, cleanup):
    """Has the script make what a test needs, and `cleanup` remove it; the test is skipped where that cannot be."""
    have_machine(cleanup)
    made = service(script, "up", *words)
    if made.returncode == CANNOT_BE_MADE:
        raise unittest.SkipTest(made.stderr.strip())
    cleanup(said_by, script, "down")
    if made.returncode != 0:
        raise AssertionError(f"{script} up ended with {made.returncode}: {made.stderr}")


def hosts(*words):
    """hosts.sh with these words."""
    return said_by("hosts.sh", *words)


def on_host(host, *command):
    """The command that runs `command` on that host."""
    return [str(HERE / "hosts.sh"), "exec", host, *map(str, command)]


def install(prefix, *folders):
    """An installed ipscore, which is the one that is tested, with these folders of the project; returns where they are. Not by
    links, for jobs/env.sh goes by where it really lies."""
    share = prefix / "share" / "ipscore"
    for folder in folders:
        shutil.copytree(PROJECT / folder, share / folder)
    (prefix / "bin").mkdir()
    (prefix / "bin" / "ipscore").symlink_to(ipscore_path())
    return share


def wait_until(condition, what, seconds=30, poll_seconds=0.01, tell=lambda: ""):
    """What condition() returns once that is true. Fails when that takes too long, with what `tell` says then."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s still not: {what}\n{tell()}")
        time.sleep(poll_seconds)
    return found


class HostsTest(unittest.TestCase):
    """A test with hosts of its own. Skipped where hosts cannot be made."""

    HOSTS = ("h1", "h2", "h3")

    def setUp(self):
        super().setUp()
        make("hosts.sh", len(self.HOSTS), cleanup=self.addCleanup)

    def mpirun(self, *words):
        """The command that runs ipscore with a rank on each host, from the first of them."""
        hosts = ",".join(self.HOSTS)
        return on_host(self.HOSTS[0], PROJECT / "jobs" / "mpirun.sh", "-n", len(self.HOSTS), "--host", hosts, *ipscore(*words))

    def assert_nothing_runs(self):
        """Nothing of a job is left on any host; gives it a moment."""
        left = {}

        def none():
            left.clear()
            left.update({pid: name for pid, name in processes(self.HOSTS).items() if name in PROGRAMS})
            return not left

        wait_until(none, f"nothing of the job runs: {left}", seconds=10)


def processes(hosts):
    """Process id -> name, of all that lives on these hosts; a host may be gone."""
    found = {}
    for host in hosts:
        for pid in service("hosts.sh", "pids", host).stdout.split():
            try:
                state = Path(f"/proc/{pid}/stat").read_text()
            except OSError:
                continue
            if state.rpartition(")")[2].split()[0] not in "ZX":
                found[int(pid)] = state[state.index("(") + 1:state.rindex(")")]
    return found


class HostsJob(LiveJob):
    """A job on several hosts; its ranks are found on all of them."""

    def __init__(self, command, cwd, ranks, env=None, hosts=HostsTest.HOSTS):
        self.hosts = hosts
        super().__init__(command, cwd, ranks, env)

    def descendants(self):
        return [pid for pid, name in processes(self.hosts).items() if name != "sshd"]


def ask_to_stop(ask, ranks, number=signal.SIGUSR1):
    """Calls `ask`, which has each of the ranks asked to stop, by that signal. Returns when all of them know, and not before."""
    bit = 1 << (number - 1)

    def pending(pid):
        return bool(int(Path(f"/proc/{pid}/status").read_text().partition("\nShdPnd:")[2].split()[0], 16) & bit)

    stop(ranks)  # so that the signal can be seen before it is taken
    ask()
    wait_until(lambda: all(pending(pid) for pid in ranks), "the request to stop has reached the ranks")
    send(ranks, signal.SIGCONT)
    wait_until(lambda: not any(pending(pid) for pid in ranks), "the ranks take the request to stop")


def wait_until_midway(scores):
    """Until some parts are there, of a job that cannot get to the end."""
    wait_until(lambda: len(list(scores.glob("part-*.h5"))) >= 2, "two parts are there")


def pipe_for_classification(words, directory):
    """Has the command read its classification from a named pipe in that directory, which is returned: rank 0 waits for it."""
    pipe = directory / "classification.pipe"
    os.mkfifo(pipe)
    words[words.index("--classification") + 1] = pipe
    return pipe


def open_pipe(path):
    """A named pipe, open for writing: waits until somebody has opened it for reading, who waits for what is written then."""
    opened = []

    def has_reader():
        try:
            opened.append(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
        return bool(opened)

    wait_until(has_reader, f"somebody reads {path}")
    os.set_blocking(opened[0], True)
    return open(opened[0], "wb", buffering=0)
