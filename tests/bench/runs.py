"""Whole-program runs: how long they take, on how much of the processor, with how much memory at most."""

import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import tempfile
import time


class Run:
    """One run of a command: wall seconds, seconds of all cores, peak memory of its largest process in bytes, and
    what it printed."""

    def __init__(self, words, cwd=None, env=None):
        self.words = [str(word) for word in words]
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            began = time.monotonic()
            process = subprocess.Popen(self.words, stdout=out, stderr=err, cwd=cwd, env=env)
            _, status, usage = os.wait4(process.pid, 0)
            self.seconds = time.monotonic() - began
            process.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            err.seek(0)
            self.out = out.read()
            self.err = err.read()
        self.code = process.returncode
        self.cpu_seconds = usage.ru_utime + usage.ru_stime
        self.peak_bytes = usage.ru_maxrss * 1024

    def check(self):
        if self.code != 0:
            raise SystemExit(f"{' '.join(self.words)}\nexit code {self.code}\n{self.err or self.out}")
        return self


def mpirun(ranks, *options):
    """What starts so many ranks; nothing for 0."""
    return ["mpirun", "--oversubscribe", "-n", ranks, *options] if ranks else []


def remove(path):
    path = pathlib.Path(path)
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():
        path.unlink()


def phases_of(output):
    """Seconds by phase, of what prepare and score leave beside their results."""
    return json.loads((pathlib.Path(output) / "run.json").read_text())["phases_seconds"]


def median(values):
    return statistics.median(values)


def machine():
    """What the figures were measured on, as (name, value)."""
    cpu = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    memory = re.search(r"^MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text(), re.M)
    compiler = subprocess.run(["g++", "--version"], capture_output=True, text=True, check=False).stdout.split("\n")[0]
    return [
        ("processor", f"{cpu.group(1) if cpu else os.uname().machine}, {len(os.sched_getaffinity(0))} cores"),
        ("memory", f"{int(memory.group(1)) / 2**20:.0f} GiB"),
        ("system", f"Linux {os.uname().release}"),
        ("compiler", compiler),
    ]
