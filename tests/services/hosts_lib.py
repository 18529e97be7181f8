"""Hosts for tests, which hosts.sh makes, and jobs that run on several of them.

    class ScoreTest(HostsTest, PipelineTest):
        def test_partition(self):
            job = HostsJob(self.mpirun(...), self.dir, ranks=3)
            self.hosts("link", "h3", "down")
"""

import errno
import os
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / folder) for folder in ("cli", "mpi")]

from cli_test_lib import PROJECT, ipscore  # noqa: E402
from live_job import LiveJob, send, stop  # noqa: E402

HOSTS_SH = Path(__file__).with_name("hosts.sh")
NO_HOSTS = 77  # exit code of hosts.sh where hosts cannot be made

# Of jobs/env.sh: a lost host is noticed in seconds, where a test is not about how long that takes.
SOON = {"OMPI_MCA_oob_tcp_keepalive_time": "3", "OMPI_MCA_oob_tcp_keepalive_intvl": "1", "OMPI_MCA_oob_tcp_keepalive_probes": "2"}

# What a job consists of.
PROGRAMS = ("ipscore", "orted", "mpirun", "mpirun.sh")


def hosts_sh(*words, check=True):
    return subprocess.run([HOSTS_SH, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=check)


def on_host(host, *command):
    """The command that runs `command` on that host."""
    return [str(HOSTS_SH), "exec", host, *map(str, command)]


def wait_until(condition, what, seconds=30):
    """Fails when `condition` does not become true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s still not: {what}")
        time.sleep(0.01)


class HostsTest(unittest.TestCase):
    """A test with hosts of its own. Skipped where hosts cannot be made."""

    HOSTS = ("h1", "h2", "h3")

    def setUp(self):
        super().setUp()
        made = hosts_sh("up", str(len(self.HOSTS)), check=False)
        if made.returncode == NO_HOSTS:
            self.skipTest(made.stderr.strip())
        self.addCleanup(hosts_sh, "down")
        self.assertEqual(made.returncode, 0, made.stderr)

    def hosts(self, *words):
        """hosts.sh with these words."""
        done = hosts_sh(*words, check=False)
        self.assertEqual(done.returncode, 0, f"hosts.sh {' '.join(words)}: {done.stderr}")

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
        for pid in hosts_sh("pids", host, check=False).stdout.split():
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
