#!/usr/bin/python3
"""SPEC's table of bad input, row by row: the exact line, the exit code, and that nothing appears under its final name."""

import gzip
import shutil
import subprocess
import unittest

import h5py

from cli_test_lib import ipscore, run
from pipeline_lib import AS_OF, CLASSIFICATION, COMPANIES, MODEL, OBSERVATIONS, Inputs, PipelineTest, snapshot


def zstd(text):
    return subprocess.run(["zstd", "-q", "-c"], input=text.encode(), stdout=subprocess.PIPE, check=True).stdout


class BadInputTest(PipelineTest):
    """Runs in a directory with good inputs in `in`, a store and a table. The names are short and fixed, so that the lines
    can be written down."""

    @classmethod
    def setUpClass(cls):
        maker = cls.make_origin()
        inputs = Inputs("in")
        Inputs(maker.dir / "in").write()
        maker.ingest("store", *inputs.observations)
        maker.prepare("store", "table")

    def setUp(self):
        super().setUp()
        shutil.copytree(self.origin, self.dir, dirs_exist_ok=True)

    def score_line(self, line, table="table", scores="scores", code=2, options=()):
        """Scoring fails with that line and leaves the directory as it was."""
        before = snapshot(self.dir)
        result = self.run_ipscore(*self.score_words(Inputs("in"), table, scores, *options))
        self.assert_fails(result, code, f"ipscore score: {line}")
        self.assert_unchanged(".", before)

    def ingest_line(self, line, *words, code=2):
        """Ingesting fails with that line, and leaves no file."""
        before = snapshot(self.dir)
        result = self.run_ipscore("ingest", "--store", "new", *words)
        self.assert_fails(result, code, f"ipscore ingest: {line}")
        after = snapshot(self.dir)
        made = {name for name in after if name not in before}
        self.assertLessEqual(made, {"new", "new/segments", "new/manifest", "new/rejects"})
        self.assertEqual({name: content for name, content in after.items() if name not in made}, before)

    def write(self, name, content):
        (self.dir / name).write_bytes(content if isinstance(content, bytes) else content.encode())


class UnreadableTest(BadInputTest):
    def test_missing(self):
        self.ingest_line("cannot read none.csv: No such file or directory", "none.csv")
        self.ingest_line("cannot read none.csv: No such file or directory", "in/observations.csv", "none.csv")
        for name in ("classification.csv", "companies.csv", "model.toml"):
            for damage in ("missing", "dangling"):
                with self.subTest(file=name, damage=damage):
                    path = self.dir / "in" / name
                    path.rename(self.dir / "aside")
                    if damage == "dangling":
                        path.symlink_to("nowhere")
                    self.score_line(f"cannot read in/{name}: No such file or directory")
                    if damage == "dangling":
                        path.unlink()
                    (self.dir / "aside").rename(path)

    def test_directory(self):
        (self.dir / "folder").mkdir()  # of a folder with files, ingest reads them
        self.ingest_line("folder: there are no files in this folder", "folder")
        for name in ("classification.csv", "companies.csv", "model.toml"):
            with self.subTest(file=name):
                path = self.dir / "in" / name
                path.rename(self.dir / "aside")
                path.mkdir()
                self.score_line(f"cannot read in/{name}: Is a directory")
                path.rmdir()
                (self.dir / "aside").rename(path)

    def test_compressed(self):
        packed = {"gz": ("gzip", gzip.compress(OBSERVATIONS.encode())), "zst": ("zstd", zstd(OBSERVATIONS))}
        for suffix, (kind, data) in packed.items():
            for size in (0, 1, 10, len(data) // 2, len(data) - 1):
                with self.subTest(suffix=suffix, size=size):
                    self.write(f"cut.csv.{suffix}", data[:size])
                    self.ingest_line(f"cannot read cut.csv.{suffix}: truncated {kind} data; fetch the file again",
                                     "in/observations.csv", f"cut.csv.{suffix}")
        self.write("not.csv.gz", OBSERVATIONS)
        self.ingest_line("cannot read not.csv.gz: damaged gzip data (incorrect header check); fetch the file again", "not.csv.gz")
        self.write("not.csv.zst", OBSERVATIONS)
        self.ingest_line("cannot read not.csv.zst: damaged zstd data (Unknown frame descriptor); fetch the file again",
                         "not.csv.zst")
        flipped = bytearray(packed["gz"][1])
        flipped[-6] ^= 1
        self.write("flipped.csv.gz", bytes(flipped))
        self.ingest_line("cannot read flipped.csv.gz: damaged gzip data (incorrect data check); fetch the file again",
                         "flipped.csv.gz")

    def test_compressed_inputs_of_score(self):
        inputs = Inputs("in")
        for name, text in (("classification", CLASSIFICATION), ("companies", COMPANIES)):
            for suffix, kind, data in (("gz", "gzip", gzip.compress(text.encode())), ("zst", "zstd", zstd(text))):
                self.write(f"cut.{suffix}", data[:-1])
                words = self.score_words(inputs, "table", "scores")
                words[words.index(f"--{name}") + 1] = f"cut.{suffix}"
                before = snapshot(self.dir)
                self.assert_fails(self.run_ipscore(*words), 2,
                                  f"ipscore score: cannot read cut.{suffix}: truncated {kind} data; fetch the file again")
                self.assert_unchanged(".", before)

    def test_headers(self):
        good = {"observations": "ip,day,key", "classification": "key,tag,weight", "companies": "network,company,confidence"}
        for file, header in good.items():
            columns = header.split(",")
            path = f"in/{file}.csv"
            cases = [("", f"{path}: is empty; a header row is needed" if file != "observations" else
                      f"{path}: is empty; a header row with ip, day and key is needed"),
                     ("\r\n\n", f"{path}: is empty; a header row is needed" if file != "observations" else
                      f"{path}: is empty; a header row with ip, day and key is needed"),
                     (f"\n{header},{columns[0]}\n", f'{path}:2: the column "{columns[0]}" comes twice'),
                     (f"{header},a,a\n", f'{path}:1: the column "a" comes twice'),
                     (header.encode() + b",\xff\xfe\n", f'{path}:1: the header is not UTF-8: "\\xff\\xfe"'),
                     (header.encode() + b",caf\xe9\n", f'{path}:1: the header is not UTF-8: "caf\\xe9"'),
                     (f'{header},"a\n', f"{path}:1: the header has a quoted field without a closing quote"),
                     (f'{header},a"b\n', f"{path}:1: the header has a quote inside an unquoted field"),
                     (f'{header},"a"b\n', f"{path}:1: the header has text after a closing quote")]
            for at, column in enumerate(columns):
                others = columns[:at] + [column.upper()] + columns[at + 1:]
                named = ", ".join(f'"{name}"' for name in others)
                cases.append((",".join(others) + "\n", f'{path}: there is no column "{column}"; the header has {named}'))
            cases.append((header.replace(",", ";") + "\n",
                          f'{path}: there is no column "{columns[0]}"; the header has "{header.replace(",", ";")}"'))
            intact = (self.dir / path).read_bytes()
            for content, line in cases:
                with self.subTest(file=file, content=content):
                    self.write(path, content)
                    if file == "observations":
                        self.ingest_line(line, path)
                    else:
                        self.score_line(line)
            self.write(path, intact)


class BadObservationsTest(BadInputTest):
    """Each way in which a row can be bad, and its reason in the rejects file."""

    IP = "is not an IPv4 or IPv6 address"
    DAY = "is not YYYY-MM-DD or an RFC 3339 timestamp"
    RANGE = "is not between 2000-01-01 and 2099-12-31"
    HITS = "is not a whole number from 1 to 4294967295"

    def test_every_rule(self):
        good = {"ip": "192.0.2.7", "day": "2026-11-20", "key": "shoes.example", "hits": "1"}
        long_key = "k" * 1025
        bad = [("ip", value, f'"{value}" {self.IP}') for value in (
            "", "192.0.2", "192.0.2.7.1", "192.0.2.256", "192.0.2.07", "192.0.2.-1", "0x7f.0.0.1", " 192.0.2.7", "192.0.2.7 ",
            "192.0.2.7/32", "example.com", "2001:db8::1%eth0", "2001:db8", "2001:db8:::1", "1::2::3", "12345::", "g::",
            "1:2:3:4:5:6:7:8:9", "::192.0.2.07", "[::1]")]
        bad += [("day", value, f'"{value}" {self.DAY}') for value in (
            "", "2026-02-29", "2026-13-01", "2026-00-10", "2026-01-00", "2026-1-1", "20261120", "2026/11/20", "22.11.2026",
            "2026-11-20T", "2026-11-20T12:00:00", "2026-11-20T24:00:00Z", "2026-11-20T12:60:00Z", "2026-11-20T12:00:00+1",
            "2026-11-20T12:00:00.Z", "2026-11-20T12:00:60Z", "1795132800")]
        bad += [("day", value, f'"{value}" {self.RANGE}') for value in (
            "1999-12-31", "2100-01-01", "2000-01-01T00:30:00+01:00", "2099-12-31T23:30:00-01:00")]
        bad += [("key", "", '"" is empty'), ("key", long_key, f'"{"k" * 60}"... is longer than 1024 bytes')]
        bad += [("hits", value, f'"{value}" {self.HITS}') for value in (
            "", "0", "-1", "+1", "1.0", "1e3", "0x1", " 1", "4294967296", "99999999999999999999999", "many")]

        lines, reasons = [], []
        for column, value, reason in bad:
            lines.append(",".join({**good, column: value}.values()))
            reasons.append(f"column {column}: {reason}")
        for line, reason in (("192.0.2.7,2026-11-20,shoes.example", "3 fields, but the header has 4"),
                             ("192.0.2.7,2026-11-20,shoes.example,1,", "5 fields, but the header has 4"),
                             (" ", "1 fields, but the header has 4"),
                             ('192.0.2.7,2026-11-20,a"b,1', "a quote inside an unquoted field"),
                             ('192.0.2.7,2026-11-20,"a" b,1', "text after a closing quote"),
                             ('192.0.2.7,2026-11-20,"two\nlines,1', "a quoted field without a closing quote")):
            lines.append(line)
            reasons.append(reason)
        self.write("bad.csv", "\n".join(["ip,day,key,hits", ",".join(good.values())] + lines))

        result = self.verb("ingest", "--store", "new", "bad.csv")
        (rejects,) = (self.dir / "new" / "rejects").iterdir()
        self.assertEqual(result.stderr.split("\n")[0],
                         f"bad.csv: 1 rows, {len(lines)} rejected, see new/rejects/{rejects.name}")
        expected = "file,line,reason,row\n" + "".join(
            f"bad.csv,{number},{quoted(reason)},{quoted(line)}\n"
            for number, (line, reason) in enumerate(zip(lines, reasons), 3))
        self.assert_same_text(rejects.read_text(), expected, "rejects")
        self.prepare("new", "new-table")
        self.assertEqual(self.export("new-table"), "ip,day,key,hits\n192.0.2.7,2026-11-20,shoes.example,1\n")

    def test_lines_are_those_of_the_file(self):
        self.write("lines.csv", '\ufeff\r\nip,day,key\r\n\r\n192.0.2.7,2026-11-20,"two\nlines\n"\r\n\r\nbad,2026-11-20,a\r\n')
        self.verb("ingest", "--store", "new", "lines.csv")
        (rejects,) = (self.dir / "new" / "rejects").iterdir()
        self.assertEqual(rejects.read_text(), 'file,line,reason,row\nlines.csv,8,"column ip: ""bad"" is not an IPv4 or IPv6 '
                         'address","bad,2026-11-20,a"\n')

    def test_unusual_but_good(self):
        days = ["2000-01-01", "2099-12-31", "2024-02-29", "1999-12-31T23:30:00-01:00", "2100-01-01T00:30:00+01:00",
                "2026-11-20t12:00:00z", "2026-11-20 12:00:00Z", "2026-12-31T23:59:60Z", "2026-11-20T12:00:00.123456789+14:00"]
        rows = [f"192.0.2.7,{day},{number},1" for number, day in enumerate(days)]
        rows += ["::ffff:192.0.2.7,2026-11-20,a,1", "0:0:0:0:0:0:0:0,2026-11-20,a,1", "2001:DB8::,2026-11-20,a,1",
                 "64:ff9b::192.0.2.7,2026-11-20,a,1", f"192.0.2.7,2026-11-20,{'k' * 1024},1",
                 "192.0.2.7,2026-11-20,a,4294967295", "192.0.2.7,2026-11-20,b,00000000000000000000000000007"]
        self.write("good.csv", "\n".join(["ip,day,key,hits"] + rows) + "\n")
        result = self.verb("ingest", "--store", "new", "--strict", "good.csv")
        self.assertEqual(result.stderr.split("\n")[0], f"good.csv: {len(rows)} rows, 0 rejected")
        self.assertEqual(list((self.dir / "new" / "rejects").iterdir()), [])

    def rows(self, good, bad):
        """A file with that many good rows, and bad ones at its end."""
        self.write("rows.csv", "ip,day,key\n" + "192.0.2.7,2026-11-20,a\n" * good + "bad,2026-11-20,a\n" * bad)

    REASON = 'column ip: "bad" is not an IPv4 or IPv6 address'

    def test_strict(self):
        self.rows(1, 2)
        line = f"rows.csv:3: {self.REASON}; --strict stops at the first bad row"
        self.ingest_line(line, "--strict", "rows.csv")
        self.ingest_line(line, "--strict", "in/observations.csv", "rows.csv")

    def test_max_rejects(self):
        cases = [(["--max-rejects", "3"], 10, 3, None), (["--max-rejects", "3"], 10, 4, "line 12"),
                 (["--max-rejects", "0"], 10, 1, "line 12"), (["--max-rejects", "0"], 10, 0, None),
                 (["--max-rejects", "3"], 0, 4, "line 2"), (["--max-rejects", "1000"], 0, 1000, None),
                 # 1 % of the rows, bad ones among them, but 100 rows in any case
                 ([], 0, 100, None), ([], 0, 101, "line 2"), ([], 9998, 101, "line 10000"), ([], 9999, 101, None),
                 (["--max-rejects", "1%"], 9998, 101, "line 10000"), (["--max-rejects", "1%"], 9999, 101, None),
                 (["--max-rejects", "2.5%"], 7799, 200, "line 7801"), (["--max-rejects", "2.5%"], 7800, 200, None),
                 (["--max-rejects", "50%"], 150, 150, None), (["--max-rejects", "50%"], 149, 150, "line 151"),
                 (["--max-rejects", "0%"], 1000, 1, "line 1002"), (["--max-rejects", "100%"], 0, 200, None)]
        for options, good, bad, first in cases:
            with self.subTest(options=options, good=good, bad=bad):
                self.rows(good, bad)
                shutil.rmtree(self.dir / "new", ignore_errors=True)
                if first is None:
                    result = self.verb("ingest", "--store", "new", *options, "rows.csv")
                    self.assertRegex(result.stderr.replace(" ", ""), rf"\Arows\.csv:{good}rows,{bad}rejected[,\n]")
                else:
                    self.ingest_line(f"rows.csv: {bad} of {good + bad} rows are bad, more than --max-rejects allows; the first: "
                                     f"{first}: {self.REASON}", *options, "rows.csv")

    def test_nothing_of_the_call_is_kept(self):
        self.rows(1, 4)
        self.ingest_line(f"rows.csv: 4 of 5 rows are bad, more than --max-rejects allows; the first: line 3: {self.REASON}",
                         "--max-rejects", "3", "in/observations.csv", "rows.csv")
        before = snapshot(self.dir / "store")
        result = self.run_ipscore("ingest", "--store", "store", "--strict", "rows.csv")
        self.assert_code(result, 2)
        self.assert_unchanged("store", before)


class BadTablesTest(BadInputTest):
    """Classification, companies and model: file, line, column and value."""

    def check_rows(self, file, good, cases):
        """Each case: a row, and the rest of the line about it. It stands below the good row, in line 3."""
        header = {"classification": "key,tag,weight", "companies": "network,company,confidence,type"}[file]
        for row, reason in cases:
            with self.subTest(file=file, row=row):
                self.write(f"in/{file}.csv", f"{header}\n{good}\n{row}\n")
                self.score_line(f"in/{file}.csv:3: {reason}")

    DECIMALS = (("0", "is not above 0 and at most 1"), ("0.000000", "is not above 0 and at most 1"),
                ("1.000001", "is not above 0 and at most 1"), ("2", "is not above 0 and at most 1"),
                ("99999999999999999999", "is not above 0 and at most 1"), ("0.0000001", "has more than 6 decimals"),
                ("0.1234567", "has more than 6 decimals"), ("", "is not a decimal such as 0.25"),
                (".", "is not a decimal such as 0.25"), ("-0.5", "is not a decimal such as 0.25"),
                ("+0.5", "is not a decimal such as 0.25"), ("1e-3", "is not a decimal such as 0.25"),
                ("0.5.0", "is not a decimal such as 0.25"), (" 0.5", "is not a decimal such as 0.25"),
                ("50%", "is not a decimal such as 0.25"), ("half", "is not a decimal such as 0.25"))

    def test_classification(self):
        cases = [(f"a,b,{value}", f'column weight: "{value}" {reason}') for value, reason in self.DECIMALS]
        cases += [(",b,1", 'column key: "" is empty'), ("a,,1", 'column tag: "" is empty'),
                  ("k" * 1025 + ",b,1", f'column key: "{"k" * 60}"... is longer than 1024 bytes'),
                  ("a," + "t" * 129 + ",1", f'column tag: "{"t" * 60}"... is longer than 128 bytes'),
                  ("a,b", "2 fields, but the header has 3"), ("a,b,1,", "4 fields, but the header has 3"),
                  ('a"b,b,1', "a quote inside an unquoted field"), ('"a"b,b,1', "text after a closing quote"),
                  ('"a,b,1', "a quoted field without a closing quote"),
                  ("good,tag,0.5", 'column weight: key "good" has tag "tag" with two weights; the other is in line 2'),
                  ('"good","tag",.999999', 'column weight: key "good" has tag "tag" with two weights; the other is in line 2')]
        self.check_rows("classification", "good,tag,1", cases)

    def test_companies(self):
        cases = [(f"10.0.0.0/8,A,{value},", f'column confidence: "{value}" {reason}') for value, reason in self.DECIMALS]
        cases += [(f"{value},A,1,", f'column network: "{value}" is not a network such as 192.0.2.0/24') for value in (
            "", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08", "10.0.0/8", "10.0.0.0/8/8", "010.0.0.0/8",
            "2001:db8::/129", "2001:db8::1%eth0/128", "example.com/8", " 10.0.0.0/8")]
        cases += [(f"{value},A,1,", f'column network: "{value}" has host bits set') for value in (
            "10.0.0.1/8", "192.0.2.7/0", "2001:db8::1/127", "::1/0", "::ffff:10.0.0.1/104")]
        cases += [(f"{value},B,0.5,isp", 'column network: "192.0.2.0/24" comes twice; the other is in line 2') for value in (
            "192.0.2.0/24", "::ffff:192.0.2.0/120", "::ffff:c000:200/120")]
        cases += [("10.0.0.0/8,,1,", 'column company: "" is empty'), ("10.0.0.0/8,A,1", "3 fields, but the header has 4"),
                  ('10.0.0.0/8,A"B,1,', "a quote inside an unquoted field")]
        self.check_rows("companies", "192.0.2.0/24,Good,1,business", cases)

    def test_unusual_but_good(self):
        self.write("in/classification.csv", "key,weight,tag,note\na,1.,b,x\na,01.0000000,b,y\nc,.5,b,\nc,0.50,b,\nd,0.000001,b,\n")
        self.write("in/companies.csv", "company,confidence,network\nA,1,0.0.0.0/0\nB,1,::/0\nC,1,192.0.2.7/32\nD,.1,::1/128\n")
        self.score(Inputs("in"), "table", "scores")

    def model_line(self, model, line, options=()):
        with self.subTest(model=model):
            self.write("in/model.toml", model)
            self.score_line(f"in/model.toml{line}", options=options)

    def test_model(self):
        as_of = "as_of = 2026-11-22\n"
        self.model_line("", ": as_of is missing; write as_of = YYYY-MM-DD or give --as-of")
        for value, shown, reason in (('"2026-11-22"', "'2026-11-22'", "is not a date such as 2026-11-22 (without quotes)"),
                                     ("20261122", "20261122", "is not a date such as 2026-11-22 (without quotes)"),
                                     ("2026-11-22T00:00:00Z", "2026-11-22T00:00:00Z",
                                      "is not a date such as 2026-11-22 (without quotes)"),
                                     ("1999-12-31", "1999-12-31", "is not between 2000-01-01 and 2099-12-31"),
                                     ("2100-01-01", "2100-01-01", "is not between 2000-01-01 and 2099-12-31")):
            self.model_line(f"as_of = {value}\n", f":1:9: as_of: {shown} {reason}")
        lookback = "is not a whole number from 2 to 128"
        for name, value, shown, reason in (
                ("lookback_days", "1", "1", lookback), ("lookback_days", "129", "129", lookback),
                ("lookback_days", "-90", "-90", lookback), ("lookback_days", "90.0", "90.0", "is not a whole number"),
                ("lookback_days", '"90"', "'90'", "is not a whole number"), ("lookback_days", "true", "true", "is not a whole number"),
                ("half_life_days", "0", "0", "is not above 0"), ("half_life_days", "-1.5", "-1.5", "is not above 0"),
                ("half_life_days", "inf", "inf", "is not a finite number"), ("half_life_days", "nan", "nan", "is not a finite number"),
                ("half_life_days", '"30"', "'30'", "is not a number"), ("half_life_days", "false", "false", "is not a number"),
                ("recent_days", "0", "0", "is not a whole number from 1 to 127"),
                ("recent_days", "128", "128", "is not a whole number from 1 to 127"),
                ("recent_days", "7.5", "7.5", "is not a whole number"),
                ("half_saturation", "0", "0", "is not above 0"), ("half_saturation", "-50", "-50", "is not above 0"),
                ("half_saturation", '"fifty"', "'fifty'", "is not a number"),
                ("company_half_saturation", "0.0", "0.0", "is not above 0"), ("min_score", '"0"', "'0'", "is not a number"),
                ("min_score", "nan", "nan", "is not a finite number"),
                ("exclude_types", '"vpn"', "'vpn'", "is not a list of texts"), ("confident", "60", "60", "is not a table"),
                ("tags", '["shoes"]', "[ 'shoes' ]", "is not a table")):
            self.model_line(f"{as_of}{name} = {value}\n", f":2:{len(name) + 4}: {name}: {shown} {reason}")
        self.model_line(as_of + 'exclude_types = ["vpn", 7]\n', ":2:25: exclude_types: 7 is not a text")
        self.model_line(as_of + "lookback_days = 7\n",
                        ":2:17: lookback_days: 7 is not longer than recent_days, 7")
        self.model_line(as_of + "lookback_days = 30\nrecent_days = 30\n", ":3:15: recent_days: 30 is not shorter than "
                        "lookback_days, 30")
        for name, value, shown, reason in (("min_keys", "-1", "-1", "is not a whole number from 0 to 4294967295"),
                                           ("min_days", "2.0", "2.0", "is not a whole number"),
                                           ("min_score", '"60"', "'60'", "is not a number")):
            self.model_line(f"{as_of}[confident]\n{name} = {value}\n", f":3:{len(name) + 4}: confident.{name}: {shown} {reason}")
        tag = as_of + 'lookback_days = 60\n[tags."cyber security"]\n'
        place = ':4:{}: tags."cyber security".{}: '
        for name, value, reason in (("lookback_days", "61", "is longer than the model's own 60"), ("lookback_days", "1", lookback),
                                    ("lookback_days", "7", "is not longer than recent_days, 7"),
                                    ("half_life_days", "0", "is not above 0"), ("half_saturation", "-1", "is not above 0")):
            self.model_line(f"{tag}{name} = {value}\n", place.format(len(name) + 4, name) + f"{value} {reason}")
        self.model_line(as_of + "[tags]\nshoes = 5\n", ":3:9: tags.shoes: 5 is not a table")

    def test_model_names(self):
        as_of = "as_of = 2026-11-22\n"
        self.model_line(as_of + "halflife_days = 30\n", ':2:1: unknown name "halflife_days"')
        self.model_line("AS_OF = 2026-11-22\n", ':1:1: unknown name "AS_OF"')
        self.model_line(as_of + "[confident]\nmin_hits = 3\n", ':3:1: unknown name confident."min_hits"')
        self.model_line(as_of + "[tags.shoes]\nmin_score = 3\n", ':3:1: unknown name tags."shoes"."min_score"')
        self.model_line(as_of + "[tags.shoes.confident]\nmin_score = 3\n", ':2:13: unknown name tags."shoes"."confident"')

    def test_model_that_is_no_toml(self):
        for model, place in (("as_of = 2026-11-22\nas_of = 2026-11-21\n", "2:"), ("as_of = \n", "1:"),
                             ("as_of = 2026-02-30\n", "1:"), ("[tags\n", "1:"), ("just words\n", "1:"), (b"as_of = '\xff'\n", "1:")):
            with self.subTest(model=model):
                self.write("in/model.toml", model)
                before = snapshot(self.dir)
                result = self.run_ipscore(*self.score_words(Inputs("in"), "table", "scores"))
                self.assert_code(result, 2)
                # What is wrong is said in toml++'s words.
                self.assertRegex(result.stderr, rf"\Aipscore score: in/model\.toml:{place}\d+: [^\n]+\n\Z")
                self.assert_unchanged(".", before)


class DaysTest(BadInputTest):
    def test_table_of_other_days(self):
        after = "prepare a table with --as-of {} --lookback-days 90"
        for as_of, first in (("2026-11-23", "2026-08-26"), ("2026-11-21", "2026-08-24"), ("2030-01-01", "2029-10-04")):
            self.score_line(f"table: was prepared for 2026-08-25 to 2026-11-22, but in/model.toml looks back on {first} to {as_of}; "
                            + after.format(as_of), options=("--as-of", as_of))
        self.write("in/model.toml", MODEL.replace("= 90", "= 91"))
        self.score_line("table: was prepared for 2026-08-25 to 2026-11-22, but in/model.toml looks back on 2026-08-24 to "
                        "2026-11-22; prepare a table with --as-of 2026-11-22 --lookback-days 91")

    def test_days_outside_do_not_count(self):
        with_others = OBSERVATIONS + "192.0.2.7,2026-11-23,shoes.example,9\n192.0.2.7,2026-08-24,shoes.example,9\n"
        Inputs(self.dir / "more").write(observations=with_others)
        whole = self.pipeline(Inputs(self.dir / "in"), "a")
        self.verb("ingest", "--store", "b-store", "--strict", "more/observations.csv")
        self.prepare("b-store", "b-table", "--as-of", "2026-11-25", "--lookback-days", "128")
        result = self.score(Inputs("in"), "b-table", "b-scores")
        self.assertIn(", 2 (28.6 %) outside the look-back, ", result.stderr)
        self.assert_same_text(self.export("b-scores"), whole["scores"], "scores")
        self.assert_same_text(self.export("b-scores", "--companies"), whole["companies"], "companies")


class StoresAndTablesTest(BadInputTest):
    def prepare_line(self, line, store, code=2):
        before = snapshot(self.dir)
        result = self.run_ipscore("prepare", "--store", store, "--as-of", AS_OF, "--output", "new")
        self.assert_fails(result, code, f"ipscore prepare: {line}")
        after = snapshot(self.dir)
        self.assertEqual({name: content for name, content in after.items() if not name.startswith("new")}, before)
        self.assertNotIn("new/index.h5", after)
        shutil.rmtree(self.dir / "new", ignore_errors=True)

    def test_store(self):
        self.run_ipscore("ingest", "--store", "empty", "missing.csv")  # fails, and leaves a store without a manifest
        self.prepare_line("empty: is a store into which nothing was taken yet; run ipscore ingest first", "empty")
        self.prepare_line("none: is no store (there is no none/manifest); run ipscore ingest first", "none")
        self.prepare_line("table: is no store (there is no table/manifest); run ipscore ingest first", "table")
        self.prepare_line("in/model.toml: is no store (there is no in/model.toml/manifest); run ipscore ingest first", "in/model.toml")

    def test_damaged_store(self):
        (segment,) = (self.dir / "store" / "segments").iterdir()
        (manifest,) = (self.dir / "store" / "manifest").iterdir()
        name = f"store/segments/{segment.name}"
        intact = segment.read_bytes()
        segment.unlink()
        self.prepare_line(f"cannot read {name}: No such file or directory", "store")
        segment.write_bytes(b"")
        self.prepare_line(f"{name}: damaged, truncated or no HDF5 file: file signature not found", "store")
        for size in (len(intact) - 1, len(intact) // 2, 100):
            segment.write_bytes(intact[:size])
            before = snapshot(self.dir)
            result = self.run_ipscore("prepare", "--store", "store", "--as-of", AS_OF, "--output", "new")
            self.assert_code(result, 2)
            self.assertRegex(result.stderr, rf"\Aipscore prepare: {name}: damaged, truncated or no HDF5 file: [^\n]+\n\Z")
            self.assertLessEqual(set(snapshot(self.dir)) - set(before), {"new", "new/job.json"})
            shutil.rmtree(self.dir / "new")
        segment.write_bytes(intact)
        with h5py.File(segment, "r") as file:
            places = {column: file[column].id.get_chunk_info(0).byte_offset for column in ("rows/key", "seek/row", "dictionary/bytes")}
        for column, place in places.items():
            data = bytearray(intact)
            data[place] ^= 1
            segment.write_bytes(data)
            self.prepare_line(f"{name}: damaged: column {column}, chunk 0: the checksum does not match", "store")
        segment.write_bytes(intact)
        shutil.copy(self.dir / "table" / "part-00000.h5", segment)
        self.prepare_line(f"{name}: is an ipscore table part, not an ipscore segment", "store")

        text = manifest.read_text()
        manifest.write_text("{}\n")
        result = self.run_ipscore("prepare", "--store", "store", "--as-of", AS_OF, "--output", "new")
        self.assertRegex(result.stderr, r"\Aipscore prepare: store/manifest/000001\.json: damaged: [^\n]*format[^\n]*\n\Z")
        manifest.write_text(text.replace('"format_version": 1', '"format_version": 3'))
        self.prepare_line("store/manifest/000001.json: has a newer format than this program reads; use a newer ipscore", "store")

    def test_table(self):
        missing = "{0}: is no finished table (there is no {0}/index.h5); run ipscore prepare"
        self.score_line(missing.format("none"), table="none")
        self.score_line(missing.format("store"), table="store")
        (self.dir / "table" / "index.h5").unlink()
        self.score_line(missing.format("table"))
        shutil.copy(self.dir / "table" / "part-00000.h5", self.dir / "table" / "index.h5")
        self.score_line("table/index.h5: is an ipscore table part, not an ipscore table index")
        self.write("table/index.h5", "words\n")
        self.score_line("table/index.h5: damaged, truncated or no HDF5 file: file signature not found")

    def test_newer_format(self):
        with h5py.File(self.dir / "table" / "index.h5", "r+") as file:
            file.attrs["format_version"] = file.attrs["format_version"] + 2
        self.score_line("table/index.h5: has format version 3, but this program reads up to 2; use a newer ipscore")

    def test_scores_in_place_of_a_table(self):
        self.score(Inputs("in"), "table", "first")
        self.score_line("first/index.h5: is an ipscore scores index, not an ipscore table index", table="first")

    def test_damaged_part(self):
        part = self.dir / "table" / "part-00000.h5"
        intact = part.read_bytes()

        def check(line):
            # The job has begun: its directory is there, but no part and no index.
            result = self.run_ipscore(*self.score_words(Inputs("in"), "table", "scores"))
            self.assert_fails(result, 2, f"ipscore score: {line}")
            self.assertEqual(list(snapshot(self.dir / "scores")), ["job.json"])

        part.unlink()
        check("cannot read table/part-00000.h5: No such file or directory")
        part.write_bytes(b"")
        check("table/part-00000.h5: damaged, truncated or no HDF5 file: file signature not found")
        with h5py.File(self.origin / "table" / "part-00000.h5", "r") as file:
            place = file["rows/hits"].id.get_chunk_info(0).byte_offset
        part.write_bytes(intact[:place] + bytes([intact[place] ^ 1]) + intact[place + 1:])
        check("table/part-00000.h5: damaged: column rows/hits, chunk 0: the checksum does not match")
        self.write("other.csv", "ip,day,key\n192.0.2.9,2026-11-22,shoes.example\n")
        self.ingest("other-store", "other.csv")
        self.prepare("other-store", "other-table")
        shutil.copy(self.dir / "other-table" / "part-00000.h5", part)
        check("table/part-00000.h5: damaged: it is not the part that the table's index lists")
        part.write_bytes(intact)
        self.score(Inputs("in"), "table", "scores")
        self.assertGreater(self.export("scores").count("\n"), 2)


class ExportTest(BadInputTest):
    def setUp(self):
        super().setUp()
        self.score(Inputs("in"), "table", "scores")

    def export_line(self, line, *words, code=2):
        with self.subTest(words=words):
            before = snapshot(self.dir)
            self.assert_fails(self.run_ipscore("export", *words), code, f"ipscore export: {line}")
            self.assert_unchanged(".", before)

    def test_input(self):
        to = ("--output", "out.csv")
        self.export_line("cannot read none: No such file or directory", "none", *to)
        self.export_line("in/model.toml: is no directory; export reads a scores or table directory", "in/model.toml", *to)
        self.export_line("store: is a store; run ipscore prepare and export its table", "store", *to)
        self.export_line("in: is neither finished scores nor a finished table (there is no in/index.h5); run ipscore score or "
                         "prepare to its end", "in", *to)
        shutil.copytree(self.dir / "scores", self.dir / "part")
        (self.dir / "part" / "part-00000.h5").unlink()
        for output in ("out.csv", "out.h5"):
            self.export_line("part/part-00000.h5: is missing, but the index lists it; run the same ipscore score again",
                             "part", "--output", output)
        shutil.copy(self.dir / "table" / "part-00000.h5", self.dir / "part" / "part-00000.h5")
        self.export_line("part/part-00000.h5: is an ipscore table part, not an ipscore scores part", "part", *to)

    def test_filters(self):
        to = ("--output", "out.csv")
        self.export_line('scores: there is no tag "Shoes"; there are "fashion", "politics, local", "shoes"', "scores", *to,
                         "--tag", "shoes", "--tag", "Shoes")
        self.export_line('scores: there is no company "Example"; there are "Example, Inc.", "Host", "Six"', "scores", *to,
                         "--company", "Example")
        for option in (("--companies",), ("--tag", "shoes"), ("--company", "Six"), ("--min-score", "1")):
            self.export_line(f"{option[0]} does not fit: table is a table, which has observations only", "table", *to, *option)
            self.export_line(f"{option[0]} does not fit: an .h5 file packs everything; export CSV to narrow it", "scores",
                             "--output", "out.h5", *option)
        self.export_line("--ip does not fit: company rows have no addresses", "scores", *to, "--companies", "--ip", "192.0.2.7")

    def test_output(self):
        self.export_line("cannot write in: it is a directory; give the name of a file", "scores", "--output", "in")
        for name in ("none/out.csv", "none/out.csv.gz", "none/out.h5", "in/model.toml/out.csv"):
            self.export_line(f"cannot write {name}: there is no directory {name.rpartition('/')[0]}", "scores", "--output", name, code=3)
        self.export_line("cannot write scores/out.h5: it lies in the directory that is exported", "scores", "--output", "scores/out.h5")
        with open("/dev/full", "wb") as full:
            result = self.run_ipscore("export", "scores", "--output", "-", stdout=full)
        self.assert_fails(result, 3, "ipscore export: cannot write standard output: No space left on device")


class UnwritableTest(BadInputTest):
    def test_directories(self):
        self.write("file", "not a directory\n")
        before = snapshot(self.dir)
        for words, code, line in (
                (["ingest", "--store", "file", "in/observations.csv"], 3, "cannot make file/segments: Not a directory"),
                (["prepare", "--store", "store", "--as-of", AS_OF, "--output", "file"], 3, "cannot make file: Not a directory"),
                (["prepare", "--store", "store", "--as-of", AS_OF, "--output", "file/new"], 3, "cannot make file/new: Not a directory"),
                (self.score_words(Inputs("in"), "table", "file/new"), 3, "cannot make file/new: Not a directory"),
                (["generate", "--rows", "10", "--output", "file/new"], 3, "cannot create file/new: Not a directory")):
            with self.subTest(words=words):
                self.assert_fails(self.run_ipscore(*words), code, f"ipscore {words[0]}: {line}")
                self.assert_unchanged(".", before)

    def test_file_size_limit(self):
        # Where no file may grow, as on a full disk, nothing appears under its final name, and a later run goes on.
        limit = ["sh", "-c", 'ulimit -f 0; exec "$0" "$@"']
        words = {"ingest": ["ingest", "--store", "new", "in/observations.csv"],
                 "prepare": ["prepare", "--store", "store", "--as-of", AS_OF, "--output", "new"],
                 "score": self.score_words(Inputs("in"), "table", "new"),
                 "export": ["export", "table", "--output", "new.csv"],
                 "pack": ["export", "table", "--output", "new.h5"]}
        for name, command in words.items():
            with self.subTest(name=name):
                shutil.rmtree(self.dir / "new", ignore_errors=True)
                before = snapshot(self.dir)
                result = run(limit + ipscore(*command), cwd=self.dir)
                self.assert_code(result, 3)
                self.assertRegex(result.stderr, rf"\Aipscore {command[0]}: cannot write [^\n]*: File too large\n\Z")
                made = {path for path, content in snapshot(self.dir).items() if path not in before and content is not None}
                self.assertEqual(made, set())
                self.verb(*command)


def quoted(text):
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\r\n') else text


if __name__ == "__main__":
    unittest.main()
