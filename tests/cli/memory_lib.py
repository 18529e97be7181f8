"""How much memory a job takes, and cgroups that let it have no more."""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

from cli_test_lib import ipscore_path

MIB = 1 << 20

# What is counted is what the system cannot take back: neither the program's own pages nor those of files.
COUNTED = re.compile(rb"^(?:RssAnon|RssShmem):\s+(\d+) kB$", re.MULTILINE)


def children():
    """Process ids by that of their parent."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError, ValueError):
                parent = int(Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()[1])
                found.setdefault(parent, []).append(int(entry))
    return found


class MemoryWatch:
    """While it is entered, looks at every ipscore process below this one and keeps the most memory that each was seen with.

        with MemoryWatch() as watch:
            run(mpirun(2, ...))
        watch.peak_bytes  # of the process that took the most
    """

    SECONDS_BETWEEN_LOOKS = 0.002
    SECONDS_BETWEEN_SEARCHES = 0.02

    def __init__(self):
        self.peaks = {}
        self.program = os.path.realpath(ipscore_path())
        self.statuses = {}  # open, so that a look is one call
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        for status in self.statuses.values():
            os.close(status)

    @property
    def peak_bytes(self):
        return max(self.peaks.values(), default=0)

    def watch(self):
        next_search = 0
        while not self.ended.wait(self.SECONDS_BETWEEN_LOOKS):
            if time.monotonic() >= next_search:
                self.search()
                next_search = time.monotonic() + self.SECONDS_BETWEEN_SEARCHES
            for pid, status in list(self.statuses.items()):
                self.look(pid, status)

    def search(self):
        below = children()
        front = [os.getpid()]
        while front:
            front = [child for pid in front for child in below.get(pid, [])]
            for pid in front:
                with contextlib.suppress(OSError):
                    if pid not in self.statuses and os.readlink(f"/proc/{pid}/exe") == self.program:
                        self.statuses[pid] = os.open(f"/proc/{pid}/status", os.O_RDONLY)

    def look(self, pid, status):
        try:
            text = os.pread(status, 4096, 0)
        except OSError:  # it has ended
            os.close(self.statuses.pop(pid))
            return
        self.peaks[pid] = max(self.peaks.get(pid, 0), sum(int(kib) << 10 for kib in COUNTED.findall(text)))


def own_groups():
    """Directories of the memory cgroups, version 1 or 2, that this process lies in, the innermost first."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, group = line.split(":", 2)
        mounts = []
        if "memory" in controllers.split(","):
            mounts = [Path("/sys/fs/cgroup/memory")]
        elif not controllers:
            mounts = [Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified")]
        for mount in mounts:
            inner = mount / group.lstrip("/")
            yield from (path for path in [inner, *inner.parents] if path.is_dir() and path.is_relative_to(mount))


class MemoryGroup:
    """A cgroup of its own for a job. Raises SkipTest where there can be none."""

    def __init__(self, limit_bytes):
        self.path = self.make()
        self.is_v1 = (self.path / "memory.limit_in_bytes").exists()
        self.write("memory.limit_in_bytes" if self.is_v1 else "memory.max", limit_bytes)
        with contextlib.suppress(OSError):  # not every system counts swap
            self.write("memory.memsw.limit_in_bytes" if self.is_v1 else "memory.swap.max", limit_bytes if self.is_v1 else 0)

    @staticmethod
    def make():
        reason = "there is no memory cgroup"
        for parent in own_groups():
            path = parent / f"ipscore-test-{os.getpid()}-{time.monotonic_ns()}"
            try:
                path.mkdir()
            except OSError as error:
                reason = f"no memory cgroup can be made: {error}"
                continue
            if (path / "memory.limit_in_bytes").exists() or (path / "memory.max").exists():
                return path
            path.rmdir()
            reason = f"{parent} does not give its memory controller away"
        raise unittest.SkipTest(reason)

    def write(self, name, value):
        (self.path / name).write_text(f"{value}\n")

    def command(self, command):
        """The command, which enters the group first."""
        return ["sh", "-c", 'echo $$ >"$0" && exec "$@"', str(self.path / "cgroup.procs"), *command]

    def kills(self):
        """How many processes were killed because there was no memory left to take back."""
        text = (self.path / ("memory.oom_control" if self.is_v1 else "memory.events")).read_text()
        return int(re.search(r"^oom_kill (\d+)$", text, re.MULTILINE).group(1))

    def close(self):
        for _ in range(100):
            try:
                self.path.rmdir()
                return
            except OSError:  # what has ended may need a moment
                time.sleep(0.05)
        self.path.rmdir()


def disk_directory():
    """A fresh directory whose files lie on a disk, for files in memory would be taken for the job's own memory. Raises SkipTest."""
    for parent in (tempfile.gettempdir(), "/var/tmp", os.getcwd()):
        kind = subprocess.run(["stat", "-f", "-c", "%T", parent], stdout=subprocess.PIPE, check=False).stdout.strip()
        if kind not in (b"", b"tmpfs", b"ramfs"):
            return Path(tempfile.mkdtemp(prefix="ipscore-test-", dir=parent))
    raise unittest.SkipTest("all temporary directories lie in memory")


def remove(directory):
    shutil.rmtree(directory, ignore_errors=True)
