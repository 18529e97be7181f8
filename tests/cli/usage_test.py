#!/usr/bin/python3
"""The words of the command line: help, version, and the exact answers to bad usage."""

import re
import subprocess
import unittest

from cli_test_lib import CliTest, ipscore, run

COLUMNS = 110

# Each verb's options, and what its help says of their defaults.
VERBS = {
    "generate": {
        "--rows N": "(required)",
        "--output DIR": "(required)",
        "--seed N": "(default: 1)",
        "--addresses N": "(default: rows / 14)",
        "--keys N": "(default: rows / 42, within 100 to 1M)",
        "--tags N": "(default: 100)",
        "--days N": "(default: 90)",
        "--as-of YYYY-MM-DD": "(default: 2026-11-22)",
        "--gateway-share SHARE": "(default: 0)",
        "--piece I/N": "(default: all of them)",
        "--threads N": "(default: the cores that this process may use)",
        "--log-format FORMAT": "(default: text on a terminal, logfmt elsewhere)",
    },
    "ingest": {
        "--store DIR": "(required)",
        "--feeds FILE": "(default: none)",
        "--format FORMAT": "(default: by the name: .tsv and .tab; .jsonl, .ndjson and .json; csv for all others)",
        "--columns COLUMN=NAME,...": "(default: ip=ip,day=day,key=key, and hits=hits where it is there)",
        "--time FORM": "(default: date)",
        "--name NAME": "(default: -)",
        "--again": "(default: pass over it)",
        "--replace NAME": "(default: none)",
        "--strict": "(default: skip bad rows, within --max-rejects)",
        "--max-rejects ROWS|PERCENT": "(default: 1%)",
        "--min-rows N": "(default: 0)",
        "--memory SIZE": "(default: 3/4 of what the machine or cgroup has)",
        "--threads N": "(default: the cores that this process may use)",
        "--metrics FILE": "(default: none)",
        "--log-format FORMAT": "(default: text on a terminal, logfmt elsewhere)",
    },
    "prepare": {
        "--store DIR": "(required)",
        "--as-of YYYY-MM-DD": "(required)",
        "--lookback-days N": "(default: 90)",
        "--output DIR": "(required)",
        "--previous DIR": "(default: from the store alone)",
        "--classification FILE": "(default: keep the rows of all keys)",
        "--restart": "(default: refuse)",
        "--require-days": "(default: warn)",
        "--min-rows N": "(default: 0)",
        "--max-unclassified SHARE": "(default: 1)",
        "--memory SIZE": "(default: 3/4 of what the machine or cgroup has, divided by the ranks on the node)",
        "--threads N": "(default: the cores that this process may use, divided by the ranks on its node)",
        "--metrics FILE": "(default: none)",
        "--log-format FORMAT": "(default: text on a terminal, logfmt elsewhere)",
    },
    "score": {
        "--table DIR": "(required)",
        "--classification FILE": "(required)",
        "--companies FILE": "(required)",
        "--model FILE": "(required)",
        "--output DIR": "(required)",
        "--as-of YYYY-MM-DD": "(default: the model's as_of)",
        "--restart": "(default: refuse)",
        "--require-days": "(default: warn)",
        "--min-rows N": "(default: 0)",
        "--max-unclassified SHARE": "(default: 1)",
        "--memory SIZE": "(default: 3/4 of what the machine or cgroup has, divided by the ranks on the node)",
        "--threads N": "(default: the cores that this process may use, divided by the ranks on its node)",
        "--metrics FILE": "(default: none)",
        "--log-format FORMAT": "(default: text on a terminal, logfmt elsewhere)",
    },
    "export": {
        "--output FILE": "(required)",
        "--companies": "(default: the rows of its addresses)",
        "--tag TAG": "(default: all)",
        "--min-score SCORE": "(default: all)",
        "--ip ADDRESS|NETWORK": "(default: all)",
        "--company NAME": "(default: all)",
        "--threads N": "(default: the cores that this process may use)",
        "--log-format FORMAT": "(default: text on a terminal, logfmt elsewhere)",
    },
    "compact": {
        "--store DIR": "(required)",
        "--memory SIZE": "(default: 3/4 of what the machine or cgroup has)",
        "--metrics FILE": "(default: none)",
        "--log-format FORMAT": "(default: text on a terminal, logfmt elsewhere)",
    },
    "prune": {
        "--store DIR": "(required)",
        "--keep-days N": "(default: what --models need)",
        "--models FILE...": "(default: none)",
        "--as-of YYYY-MM-DD": "(default: the newest day of the store, and of a model its own)",
        "--dry-run": "(default: change the store)",
        "--memory SIZE": "(default: 3/4 of what the machine or cgroup has)",
        "--metrics FILE": "(default: none)",
        "--log-format FORMAT": "(default: text on a terminal, logfmt elsewhere)",
    },
    "forget": {
        "--store DIR": "(required)",
        "--ip ADDRESS...": "(default: none)",
        "--network NETWORK...": "(default: none)",
        "--table DIR...": "(default: none)",
        "--scores DIR...": "(default: none)",
        "--check": "(default: forget)",
        "--metrics FILE": "(default: none)",
        "--log-format FORMAT": "(default: text on a terminal, logfmt elsewhere)",
    },
    "status": {
        "--json": "(default: text)",
        "--log-format FORMAT": "(default: text on a terminal, logfmt elsewhere)",
    },
    "inspect": {
        "--models FILE...": "(default: none)",
        "--as-of YYYY-MM-DD": "(default: each model's as_of)",
        "--top N": "(default: 10)",
        "--quick": "(default: reads all)",
        "--json": "(default: text)",
        "--memory SIZE": "(default: 3/4 of what the machine or cgroup has)",
        "--log-format FORMAT": "(default: text on a terminal, logfmt elsewhere)",
    },
    "plan": {
        "--table DIR": "(default: none)",
        "--store DIR": "(default: none)",
        "--observations N": "(default: none)",
        "--addresses N": "(default: as the table has, or the runs had)",
        "--as-of YYYY-MM-DD": "(default: the store's newest day)",
        "--lookback-days N": "(default: all of its days)",
        "--runs PATH...": "(default: none, but one is needed)",
        "--instances FILE": "(required)",
        "--max-nodes N": "(default: 64)",
        "--within SECONDS": "(default: whenever)",
        "--other-seconds SECONDS": "(default: 0)",
        "--nights N": "(default: 30)",
        "--json": "(default: text)",
        "--log-format FORMAT": "(default: text on a terminal, logfmt elsewhere)",
    },
}

REQUIRED = {
    "generate": ["--rows", "10", "--output", "demo"],
    "ingest": ["--store", "store", "file.csv"],
    "prepare": ["--store", "store", "--as-of", "2026-11-22", "--output", "table"],
    "score": ["--table", "t", "--classification", "k", "--companies", "c", "--model", "m", "--output", "s"],
    "export": ["scores", "--output", "-"],
    "status": ["scores"],
    "inspect": ["store"],
    "plan": ["--observations", "1M", "--runs", "run.json", "--instances", "instances.toml"],
    "compact": ["--store", "store"],
    "prune": ["--store", "store", "--keep-days", "90"],
    "forget": ["--store", "store", "--ip", "192.0.2.1"],
}

STOPPABLE = {"ingest", "prepare", "score", "export", "inspect", "compact", "prune", "forget"}


class HelpTest(CliTest):
    def check_layout(self, text):
        self.assertTrue(text.endswith("\n"))
        for number, line in enumerate(text.splitlines(), 1):
            self.assertLessEqual(len(line), COLUMNS, f"line {number} is too long: {line}")
            self.assertEqual(line, line.rstrip(), f"line {number} ends in spaces")

    def test_help_of_the_program(self):
        for word in ("--help", "-h"):
            result = self.run_ipscore(word)
            self.assert_done(result)
            self.assertEqual(result.stderr, "", result)
            self.check_layout(result.stdout)
            self.assertTrue(result.stdout.startswith("usage: ipscore VERB [options]\n"), result)
            for verb in VERBS:
                self.assertRegex(result.stdout, rf"(?m)^  {verb} +\w.*$", f"one line about {verb}")
            for code in (0, 2, 3, 75):
                self.assertRegex(result.stdout, rf"(?m)^  {code} +\w.*$", f"the exit code {code}")

    def test_help_of_each_verb(self):
        for verb, options in VERBS.items():
            with self.subTest(verb=verb):
                result = self.run_ipscore(verb, "--help")
                self.assert_done(result)
                self.assertEqual(result.stderr, "", result)
                self.check_layout(result.stdout)
                self.assertTrue(result.stdout.startswith(f"usage: ipscore {verb} "), result)
                self.check_options(result.stdout, options)
                self.assertRegex(result.stdout, rf"(?m)^example:\n( .*\n)*  .*ipscore {verb} ", "an example")
                codes = re.findall(r"(?m)^  (\d+) +\w", result.stdout.split("exit codes:\n")[1])
                self.assertEqual(codes, ["0", "2", "3"] + (["75"] if verb in STOPPABLE else []))

    def check_options(self, text, options):
        section = text.split("\noptions:\n")[1].split("\n\n")[0]
        # An entry begins with two spaces and dashes; its other lines are joined to the first.
        entries = [" ".join(entry.split()) for entry in re.split(r"(?m)^  (?=--)", section) if entry.strip()]
        for option, default in options.items():
            found = [entry for entry in entries if entry.startswith(option + " ")]
            self.assertEqual(len(found), 1, f"one entry of {option} in\n{section}")
            self.assertTrue(found[0].endswith(default), f"{option} should end in {default}: {found[0]}")
        self.assertEqual(len(entries), len(options) + 1, f"these options and --help, no others:\n{section}")

    def test_help_comes_before_everything_else(self):
        result = self.run_ipscore("score", "--tabel", "x", "--rows", "--help")
        self.assert_done(result)
        self.assertTrue(result.stdout.startswith("usage: ipscore score "), result)

    def test_version(self):
        result = self.run_ipscore("--version")
        self.assert_done(result)
        self.assertEqual((result.stdout, result.stderr), ("ipscore 0.1.0\n", ""))

    def test_no_arguments_print_the_help_on_stderr(self):
        result = self.run_ipscore()
        self.assert_code(result, 2)
        self.assertEqual(result.stdout, "")
        self.assertEqual(result.stderr, self.run_ipscore("--help").stdout)

    def test_full_disk(self):
        for words in (["--help"], ["--version"], ["score", "--help"]):
            with open("/dev/full", "wb") as full:
                result = self.run_ipscore(*words, stdout=full)
            self.assert_fails(result, 3, "ipscore: cannot write standard output: No space left on device")

    def test_closed_stdout(self):
        result = run(["sh", "-c", 'exec "$0" --version >&-', *ipscore()])
        self.assert_fails(result, 3, "ipscore: cannot write standard output: Bad file descriptor")

    def test_closed_pipe(self):
        reader = subprocess.Popen(["true"], stdin=subprocess.PIPE)
        reader.wait()
        result = self.run_ipscore("--help", stdout=reader.stdin)
        reader.stdin.close()
        self.assert_fails(result, 3, "ipscore: cannot write standard output: Broken pipe")


class BadUsageTest(CliTest):
    def check(self, words, line):
        with self.subTest(words=words):
            self.assert_fails(self.run_ipscore(*words), 2, line)
            self.assertEqual(list(self.dir.iterdir()), [], "bad usage must not leave files")

    def test_verbs(self):
        self.check(["scroe"], "ipscore: the verb 'scroe' is unknown; did you mean score? see ipscore --help")
        self.check(["injest", "--help"],
                   "ipscore: the verb 'injest' is unknown; did you mean ingest? see ipscore --help")
        self.check(["dance"], "ipscore: the verb 'dance' is unknown; see ipscore --help")
        self.check([""], "ipscore: the verb '' is unknown; see ipscore --help")
        self.check(["sc\nore"],
                   "ipscore: the verb 'sc?ore' is unknown; did you mean score? see ipscore --help")
        self.check(["--verbose"], "ipscore: the option --verbose is unknown; see ipscore --help")
        self.check(["--version", "now"], "ipscore: the word 'now' is one too many; see ipscore --help")

    def test_every_required_option(self):
        for verb, words in REQUIRED.items():
            for at, option in enumerate(words):
                if option.startswith("--") and "(required)" in next(VERBS[verb][name] for name in VERBS[verb]
                                                                    if name.startswith(option + " ")):
                    self.check([verb] + words[:at] + words[at + 2:],
                               f"ipscore {verb}: the option {option} is missing; see ipscore {verb} --help")
        self.check(["ingest", "--store", "s"], "ipscore ingest: FILE is missing; see ipscore ingest --help")
        self.check(["export", "--output", "-"], "ipscore export: INPUT is missing; see ipscore export --help")
        self.check(["status"], "ipscore status: DIR is missing; see ipscore status --help")
        for words in ([], ["--models", "model.toml", "other.toml"]):
            self.check(["inspect", *words], "ipscore inspect: PATH is missing; see ipscore inspect --help")

    def test_every_option_that_lacks_its_value(self):
        for verb, options in VERBS.items():
            for option in options:
                name = option.split(" ")[0]
                if " " in option:
                    line = f"ipscore {verb}: the option {name} needs a value; see ipscore {verb} --help"
                    self.check([verb, name], line)
                    self.check([verb, f"{name}="], line)
                    self.check([verb, name, "--log-format", "text"], line)
                else:
                    self.check([verb, f"{name}=yes"],
                               f"ipscore {verb}: the option {name} takes no value; see ipscore {verb} --help")

    def test_unknown_options(self):
        for verb, words in REQUIRED.items():
            self.check([verb, *words, "--colour", "red"],
                       f"ipscore {verb}: the option --colour is unknown; see ipscore {verb} --help")
            self.check([verb, *words, "-x"],
                       f"ipscore {verb}: the option -x is unknown; see ipscore {verb} --help")
            self.check([verb, *words, "--log-forma=text"], f"ipscore {verb}: the option --log-forma is unknown; "
                       f"did you mean --log-format? see ipscore {verb} --help")

    def test_surplus_words(self):
        for verb in ("generate", "prepare", "score", "export", "status"):
            self.check([verb, *REQUIRED[verb], "more"],
                       f"ipscore {verb}: the word 'more' is one too many; see ipscore {verb} --help")

    def test_repeated_options(self):
        for verb, words in REQUIRED.items():
            self.check([verb, *words, "--log-format", "logfmt", "--log-format", "logfmt"],
                       f"ipscore {verb}: the option --log-format is given twice; see ipscore {verb} --help")

    def check_value(self, verb, option, value, expected):
        words = REQUIRED[verb]
        if option in words:
            at = words.index(option)
            words = words[:at] + words[at + 2:]
        self.check([verb, *words, f"{option}={value}"],
                   f"ipscore {verb}: the option {option} needs {expected}, not '{value}'; "
                   f"see ipscore {verb} --help")

    def test_values(self):
        for verb, options in VERBS.items():
            self.check_value(verb, "--log-format", "xml", "text, logfmt or json")
            if "--threads N" in options:
                for value in ("0", "-1", "two", "1025"):
                    self.check_value(verb, "--threads", value, "a whole number from 1 to 1024")
        whole = "a whole number, such as 100, 100k, 8.4M or 1G"
        for value in ("1.5", "-1", "8.4MB", "1e6", "20000000000000G"):
            self.check_value("generate", "--rows", value, whole)
        self.check_value("generate", "--seed", "x", whole)
        for option, highest in (("--addresses", 1000000000), ("--keys", 1000000000), ("--tags", 1000000)):
            self.check_value("generate", option, "0",
                             f"a whole number from 1 to {highest}, such as 100, 100k or 8.4M")
        self.check_value("generate", "--days", "1", "a whole number from 2 to 3650")
        self.check_value("generate", "--gateway-share", "1.01", "a number from 0 to 1")
        self.check_value("ingest", "--format", "xml", "csv, tsv or jsonl")
        self.check_value("ingest", "--time", "epoch", "date, epoch_s or epoch_ms")
        for value in ("ip", "host=a", "ip=a,ip=b", "ip=day"):
            self.check_value("ingest", "--columns", value, "names for some of ip, day, key and hits, such as ip=client_ip,day=ts")
        self.check_value("ingest", "--max-rejects", "some",
                         "a number of rows or a percentage, such as 100, 1% or 0.5%")
        self.check_value("inspect", "--top", "0", "a whole number from 1 to 10000")
        self.check_value("prepare", "--lookback-days", "0",
                         "a whole number from 1 to 36525, such as 100, 100k or 8.4M")
        for verb in ("generate", "prepare", "score", "inspect"):
            self.check_value(verb, "--as-of", "22.11.2026", "a day as YYYY-MM-DD")
            self.check_value(verb, "--as-of", "2026-02-30", "a day as YYYY-MM-DD")
            self.check_value(verb, "--as-of", "2100-01-01", "a day from 2000-01-01 to 2099-12-31")
        self.check_value("prune", "--keep-days", "0", "a whole number from 1 to 36525, such as 100, 100k or 8.4M")
        for verb in ("prepare", "score"):
            self.check_value(verb, "--max-unclassified", "1.01", "a number from 0 to 1")
        self.check_value("score", "--min-rows", "-1", whole)
        self.check_value("export", "--min-score", "101", "a number from 0 to 100")
        self.check_value("export", "--ip", "10.0.0.0/33",
                         "an address or a network, such as 192.0.2.7, 198.51.100.0/24 or 2001:db8::/32")
        self.check_value("export", "--ip", "10.1.2.3/8", "a network without host bits, such as 10.0.0.0/8")

    def test_ranks_say_it_once(self):
        for verb, option in (("prepare", "--store"), ("score", "--table")):
            self.assert_fails(self.run_mpirun(3, verb, "--output", "x"), 2,
                              f"ipscore {verb}: the option {option} is missing; see ipscore {verb} --help")


if __name__ == "__main__":
    unittest.main()
