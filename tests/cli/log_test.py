#!/usr/bin/python3
"""The log: the same fields in each of its formats, each warning once, and text for people at a terminal."""

import os
import pty
import re
import subprocess
import unittest

from cli_test_lib import decode, ipscore
from log_lib import parse_json, parse_logfmt
from pipeline_lib import MODEL, Inputs, PipelineTest


def message_shape(record):
    """Without what differs from run to run: times and sizes."""
    return record["level"], record["phase"], re.sub(r"[\d.]+ (s|MiB|KiB|B|%)", r"N \1", record["msg"])


class FormatTest(PipelineTest):
    def records(self, log_format, parse):
        inputs = Inputs(self.dir / "in").write()
        (self.dir / "bad.csv").write_text("ip,day,key\n192.0.2.1,2026-11-20,a\nnonsense,2026-11-20,b\n")
        result = self.run_ipscore("ingest", "--store", f"store-{log_format}", *inputs.observations, "bad.csv", "--log-format", log_format)
        self.assert_done(result)
        lines = result.raw_stderr.splitlines()
        self.assertEqual(len(lines), 4, result)
        return [parse(line) for line in lines]

    def test_both_formats_say_the_same(self):
        logfmt = self.records("logfmt", parse_logfmt)
        json_ = self.records("json", parse_json)
        same = [[message_shape(record) for record in records] for records in (logfmt, json_)]
        self.assertEqual(same[0], [(level, phase, text.replace("store-json", "store-logfmt")) for level, phase, text in same[1]])
        for record in logfmt + json_:
            self.assertEqual((record["verb"], record["rank"], record["host"]), ("ingest", 0, os.uname().nodename))
        warning = logfmt[0]
        self.assertEqual(warning["level"], "warning")
        self.assertRegex(warning["msg"], r'\Abad\.csv: 1 bad rows were left out, see store-logfmt/rejects/\w+\.csv; the first: line 3: .*\Z')
        self.assertEqual(warning["count"], 1)

    def test_text_and_automatic_format(self):
        # Standard error is a pipe here, and a terminal below.
        words = ["export", "nothing", "--output", "-"]
        message = "cannot read nothing"
        self.assertTrue(self.run_ipscore(*words, "--log-format", "text").raw_stderr.startswith(f"ipscore export: {message}"))
        self.assertTrue(self.run_ipscore(*words, "--log-format=text").raw_stderr.startswith(f"ipscore export: {message}"))
        self.assertIn(message, parse_logfmt(self.run_ipscore(*words).raw_stderr.rstrip("\n"))["msg"])
        self.assertTrue(self.on_terminal(*words).startswith(f"ipscore export: {message}"))
        self.assertIn(message, parse_json(self.on_terminal(*words, "--log-format", "json"))["msg"])

    def on_terminal(self, *words):
        """The only line."""
        ours, theirs = pty.openpty()
        try:
            subprocess.run(ipscore(*words), cwd=self.dir, stderr=theirs, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=False)
            return decode(os.read(ours, 100_000)).rstrip("\r\n")
        finally:
            os.close(ours)
            os.close(theirs)

    def test_bad_usage_is_a_record_too(self):
        result = self.run_ipscore("score", "--log-format", "json", "--colour")
        self.assertEqual(parse_json(result.raw_stderr.rstrip("\n"))["msg"], "the option --colour is unknown; see ipscore score --help")

    def test_nasty_names(self):
        for name in ('with space.csv', 'quo"te.csv', 'back\\slash.csv', 'a=b.csv', 'percent%v.csv', 'line\nend.csv', "tab\tstop.csv"):
            with self.subTest(name=name):
                message = f"cannot read {re.sub(r'[^ -~]', ' ', name)}: No such file or directory"
                for log_format, parse in (("logfmt", parse_logfmt), ("json", parse_json)):
                    result = self.run_ipscore("ingest", "--store", "store", name, "--log-format", log_format)
                    self.assert_code(result, 2)
                    self.assertEqual(parse(result.raw_stderr.removesuffix("\n"))["msg"], message)


class WarningTest(PipelineTest):
    def setUp(self):
        super().setUp()
        self.inputs = Inputs(self.dir / "in").write()
        self.ingest("store", *self.inputs.observations)

    def warnings(self, result):
        return [(warning["msg"], warning["count"], warning["phase"]) for warning in result.warnings]

    def test_each_once_with_a_count(self):
        days = '"2026-08-25", "2026-08-26", "2026-08-27", "2026-08-28", "2026-08-29" and'
        result = self.prepare("store", "table")
        self.assertEqual(self.warnings(result), [
            (f"store: has no observations of 87 of the 90 days of the look-back: {days} 82 more", 87, "check")])
        self.inputs.model.write_text(MODEL + "".join(f"[tags.unseen{i}]\nhalf_saturation = 3\n" for i in range(300)))
        result = self.score(self.inputs, "table", "scores")
        self.assertEqual(self.warnings(result), [
            (f'{self.inputs.model}: tags."unseen0": no key is classified to this tag; nor to 299 more', 300, "check"),
            (f"table: has no observations of 87 of the 90 days of the look-back: {days} 82 more", 87, "check")])

    def test_damaged_parts(self):
        inputs = self.generate("demo", "1.2M")
        self.ingest("large-store", *inputs.observations)
        self.prepare("large-store", "table", *inputs.days())
        self.score(inputs, "table", "scores")
        for part in (1, 3, 4):
            (self.dir / "scores" / f"part-0000{part}.h5").write_bytes(b"")
        self.assertEqual(self.warnings(self.score(inputs, "table", "scores", "--threads", "2")), [
            ("scores/part-00001.h5: is damaged, or of another job, and is made again; so are 2 more parts", 3, "verify")])


if __name__ == "__main__":
    unittest.main()
