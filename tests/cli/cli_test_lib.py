"""What every test of the real program needs. The program is named by the environment variable IPSCORE_BIN.

A test derives from CliTest and runs in a fresh directory, self.dir, which goes with it:

    class ScoreTest(CliTest):
        def test_missing_table(self):
            result = self.run_ipscore("score", "--table", "missing", ...)
            self.assert_fails(result, 2, "ipscore score: ...")
"""

import functools
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

from log_lib import split_log

PROJECT = Path(__file__).resolve().parents[2]

# What must never reach a user: a library's error stack, an abort, a stack trace, a sanitizer's finding.
UNSIGHTLY = re.compile(
    r"HDF5-DIAG"
    r"|terminate called"
    r"|Assertion .* failed"
    r"|Segmentation fault"
    r"|Process received signal"  # Open MPI, before its stack trace
    r"|MPI_ABORT was invoked"
    r"|\(\+0x[0-9a-f]+\)"  # a frame of backtrace_symbols
    r"|^\s*#\d+ +0x[0-9a-f]+"  # a frame of a debugger or a sanitizer
    r"|(Address|Leak|Thread|UndefinedBehavior)Sanitizer"
    r"|runtime error: ",
    re.MULTILINE,
)


def ipscore_path():
    path = os.environ.get("IPSCORE_BIN")
    if not path:
        raise RuntimeError("set IPSCORE_BIN to the ipscore program, such as build/release/bin/ipscore")
    if not os.access(path, os.X_OK):
        raise RuntimeError(f"IPSCORE_BIN is {path}, which is not a program that can be run")
    return os.path.abspath(path)


@functools.lru_cache(maxsize=None)
def job_environment():
    """The settings of jobs/env.sh, which make Open MPI quiet and fit for containers and few cores."""
    shell = subprocess.run(
        ["sh", "-c", '. "$1" && env -0', "sh", str(PROJECT / "jobs" / "env.sh")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if shell.returncode != 0:
        raise RuntimeError(f"jobs/env.sh failed: {shell.stderr.decode(errors='replace')}")
    pairs = (entry.split("=", 1) for entry in os.fsdecode(shell.stdout).split("\0") if "=" in entry)
    return {name: value for name, value in pairs if name.startswith(("OMPI_", "PMIX_", "EVENT_"))}


def ipscore(*words):
    """The command that runs ipscore alone."""
    return [ipscore_path(), *map(str, words)]


def mpirun(n, *words):
    """The command that runs ipscore on n ranks, however few the cores."""
    return ["mpirun", "--oversubscribe", "-n", str(n), *ipscore(*words)]


class Result:
    """How a command ended: code (negative: the signal that ended it), stdout and stderr as text. Of the log records, which must be
    well-formed, stderr holds what a terminal would show, and warnings are apart; raw_stderr is what was written."""

    def __init__(self, command, code, stdout, stderr):
        self.command = command
        self.code = code
        self.stdout = stdout
        self.raw_stderr = stderr
        self.warnings, self.stderr = split_log(stderr)

    def __str__(self):
        return (f"command: {shlex.join(self.command)}\nexit code: {self.code}\n"
                f"stdout:\n{shorten(self.stdout)}\nstderr:\n{shorten(self.raw_stderr)}")


def shorten(text, most=4000):
    return text if len(text) <= most else f"{text[:most]}\n... ({len(text) - most} more characters)"


def run(command, cwd=None, env=None, timeout=120, stdin=None, stdout=subprocess.PIPE):
    """Runs a command of ipscore(...) or mpirun(...); `env` is added to the environment. Fails when it takes
    longer than `timeout` seconds (it is killed) or when its stderr holds what no user should see."""
    environment = {**os.environ, **job_environment(), **(env or {})}
    # A process group of its own, so that no rank is left behind.
    process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=stdout, stderr=subprocess.PIPE,
                               stdin=subprocess.DEVNULL if stdin is None else stdin, start_new_session=True)
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        # mpirun, when it is asked, ends its ranks, which have groups of their own; the kill is for the deaf.
        os.killpg(process.pid, signal.SIGTERM)
        try:
            out, err = process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
        result = Result(command, process.returncode, decode(out), decode(err))
        raise AssertionError(f"still running after {timeout} s\n{result}") from None
    result = Result(command, process.returncode, decode(out), decode(err))
    assert_sightly(result)
    return result


def decode(data):
    return "" if data is None else data.decode("utf-8", errors="surrogateescape")


def assert_sightly(result):
    found = UNSIGHTLY.search(result.raw_stderr)
    if found:
        raise AssertionError(f"stderr holds {found.group(0)!r}, which no user should see\n{result}")


class CliTest(unittest.TestCase):
    """A test with a directory of its own, in which its commands run."""

    maxDiff = None

    def setUp(self):
        self.dir = Path(tempfile.mkdtemp(prefix="ipscore-test-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def run_ipscore(self, *words, **options):
        return run(ipscore(*words), **{"cwd": self.dir, **options})

    def run_mpirun(self, n, *words, **options):
        return run(mpirun(n, *words), **{"cwd": self.dir, **options})

    def assert_code(self, result, code):
        if result.code != code:
            self.fail(f"the exit code should be {code}\n{result}")

    def assert_done(self, result):
        self.assert_code(result, 0)

    def assert_fails(self, result, code, line):
        """It ended with that code, with exactly that line on stderr, and with nothing on stdout."""
        if (result.code, result.stderr, result.stdout) != (code, line + "\n", ""):
            self.fail(f"expected exit code {code}, nothing on stdout, and on stderr:\n{line}\n"
                      f"--- but got\n{result}")
