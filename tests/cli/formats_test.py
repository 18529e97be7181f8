#!/usr/bin/python3
"""Observations in every format, from files that other programs made, from folders, patterns and standard input, and by feeds: the table
is the same as that of plain CSV."""

import csv
import gzip
import io
import json
import random
import shutil
import subprocess
import unittest
from datetime import datetime, timezone

from pipeline_lib import PipelineTest

HEADER = "ip,day,key,hits\n"
ROWS = [
    ("192.0.2.1", "2026-11-20", "shoes.example", "3"),
    ("192.0.2.2", "2026-11-21", "a,b", "1"),
    ("192.0.2.3", "2026-11-21", 'say "hi"', "1"),
    ("192.0.2.4", "2026-11-22", "two\nlines", "4294967295"),
    ("192.0.2.5", "2026-11-22", "tab\there", "7"),
    ("2001:db8::1", "2026-11-22", "Straße", "2"),
]


def csv_text(rows, header=("ip", "day", "key", "hits"), **options):
    out = io.StringIO(newline="")
    csv.writer(out, **{"lineterminator": "\n", **options}).writerows([header, *rows])
    return out.getvalue()


def json_text(rows, names=("ip", "day", "key", "hits"), **options):
    return "".join(json.dumps(dict(zip(names, row)), **options) + "\n" for row in rows)


def pipe(command, data):
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout


class FormatsTest(PipelineTest):
    def write(self, name, content):
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return name

    def table(self, store):
        table = f"table-of-{store}"
        self.prepare(store, table, "--as-of", "2026-11-30", "--lookback-days", "128")
        text = self.export(table)
        shutil.rmtree(self.dir / table)
        return text

    def taken_in(self, *words, stdin=None):
        """The table of what an ingest of these words makes, and what the ingest said."""
        shutil.rmtree(self.dir / "store", ignore_errors=True)
        if stdin is not None:
            self.write("stdin", stdin)
            with open(self.dir / "stdin", "rb") as file:
                result = self.verb("ingest", "--store", "store", *words, stdin=file)
        else:
            result = self.verb("ingest", "--store", "store", *words)
        return self.table("store"), result

    def refused(self, line, *words):
        result = self.run_ipscore("ingest", "--store", "new", *words)
        self.assert_fails(result, 2, f"ipscore ingest: {line}")

    def source_names(self, store="store"):
        newest = sorted((self.dir / store / "manifest").glob("*.json"))[-1]
        return [source["name"] for source in json.loads(newest.read_text())["sources"]]


class OtherProgramsTest(FormatsTest):
    EXPECTED = csv_text(ROWS)

    def check(self, name, content, *options):
        with self.subTest(name=name, options=options):
            table, result = self.taken_in(*options, self.write(name, content))
            self.assertIn(": 6 rows, 0 rejected\n", result.stderr)
            self.assert_same_text(table, self.EXPECTED, name)

    def test_text(self):
        self.check("python.csv", csv_text(ROWS, lineterminator="\r\n"))
        self.check("quoted.csv", "\ufeff" + csv_text(ROWS, quoting=csv.QUOTE_ALL))
        self.check("tabs.tsv", csv_text(ROWS, dialect="excel-tab"))
        self.check("tabs.tab", "\ufeff" + csv_text(ROWS, delimiter="\t", lineterminator="\r\n", quoting=csv.QUOTE_NONNUMERIC))
        self.check("texts.jsonl", json_text(ROWS))
        self.check("numbers.ndjson", json_text([(*row[:3], int(row[3])) for row in ROWS], ensure_ascii=False))
        self.check("bom.json", "\ufeff" + json_text(ROWS, separators=(",", ":"), sort_keys=True).replace("\n", "\r\n"))
        self.check("any.name", json_text(ROWS), "--format", "jsonl")
        self.check("wrong.csv", csv_text(ROWS, dialect="excel-tab"), "--format", "tsv")

    def test_compressed(self):
        for name, text in (("a.csv", csv_text(ROWS)), ("a.tsv", csv_text(ROWS, dialect="excel-tab")), ("a.jsonl", json_text(ROWS))):
            data = text.encode()
            half = len(data) // 2
            self.check(f"{name}.gz", gzip.compress(data))
            self.check(f"{name}.gz", pipe(["gzip", "-9n"], data))
            self.check(f"{name}.gz", b"".join(pipe(["gzip", "-1"], part) for part in (data[:1], data[1:half], b"", data[half:])))
            self.check(f"{name}.zst", pipe(["zstd", "-q", "-19"], data))
            self.check(f"{name}.zst", pipe(["zstd", "-q"], data[:half]) + pipe(["zstd", "-q", "--no-check"], data[half:]))
            if shutil.which("pigz"):
                self.check(f"{name}.gz", pipe(["pigz", "-b", "128"], data))

    def test_mapped_addresses(self):
        rows = [(f"::ffff:{ip}" if "." in ip else ip, *rest) for ip, *rest in ROWS]
        self.check("mapped.jsonl", json_text(rows))
        self.check("mapped.tsv", csv_text(rows, dialect="excel-tab"))

    def test_nul_bytes(self):
        table, result = self.taken_in(self.write("nul.csv", b"ip,day,key\n192.0.2.1,2026-11-22,a\0b\n192.0.2.2\0,2026-11-22,c\n"),
                                      self.write("nul.tsv", b"ip\tday\tkey\n192.0.2.3\t2026-11-22\ta\0b\n\0\n"),
                                      self.write("nul.jsonl", b'{"ip":"192.0.2.4","day":"2026-11-22","key":"a\\u0000b"}\n'
                                                              b'{"ip":"192.0.2.5","day":"2026-11-22","key":"a\0b"}\n\0\0\n'))
        self.assertEqual(table, HEADER + "".join(f"192.0.2.{i},2026-11-22,a\0b,1\n" for i in (1, 3, 4)))
        self.assertIn("nul.csv: 1 rows, 1 rejected", result.stderr)
        self.assertIn("nul.tsv: 1 rows, 1 rejected", result.stderr)
        self.assertIn("nul.jsonl: 1 rows, 2 rejected", result.stderr)

    def test_rejects_of_json(self):
        good = '{"ip":"192.0.2.1","day":"2026-11-22","key":"k"}\n'
        lines = [good, "\n", '{"ip":"192.0.2.1","day":"2026-11-22"}\n', '{"ip":7,"day":"2026-11-22","key":"k"}\n', "{\n", "\xff\n",
                 good.replace("}", ',"key":"l"}'), good.replace("}", ',"x":' + "[" * 5000 + "]" * 5000 + "}")]
        table, result = self.taken_in(self.write("bad.jsonl", "".join(lines).encode("latin-1")))
        self.assertEqual(table, HEADER + "192.0.2.1,2026-11-22,k,1\n")
        self.assertIn("bad.jsonl: 1 rows, 6 rejected, see store/rejects/", result.stderr)
        (path,) = (self.dir / "store" / "rejects").iterdir()
        with open(path, encoding="latin-1", newline="") as file:
            rejects = list(csv.reader(file))
        self.assertEqual([(row[1], row[2]) for row in rejects[1:]], [
            ("3", 'there is no "key"'), ("4", "column ip is not a text"), ("5", "is not valid JSON"), ("6", "is not UTF-8"),
            ("7", 'the name "key" comes twice'), ("8", "is nested more than 64 deep")])
        self.assertEqual([row[3] for row in rejects[1:]], [line.rstrip("\n") for line in lines[2:]])
        self.refused('bad.jsonl:3: there is no "key"; --strict stops at the first bad row', "--strict", "bad.jsonl")

    def test_the_same_as_csv_in_bulk(self):
        random_ = random.Random(3)
        rows = [(f"10.0.{random_.randrange(256)}.{random_.randrange(256)}", f"2026-11-{random_.randrange(1, 31):02}",
                 f"key,{random_.randrange(5000)}", str(random_.randrange(1, 9))) for _ in range(60_000)]
        expected, _ = self.taken_in(self.write("a.csv", csv_text(rows)))
        for name, text in (("a.tsv", csv_text(rows, dialect="excel-tab")), ("a.jsonl", json_text(rows))):
            for threads in ("1", "3"):
                self.assert_same_text(self.taken_in("--threads", threads, self.write(name, text))[0], expected, name)


class SuppliersTest(FormatsTest):
    """Their names, their times, and the feeds that know them."""

    NAMES = ("client_ip", "ts", "page", "n")
    OPTIONS = ("--columns", "ip=client_ip,key=page,day=ts,hits=n")

    @staticmethod
    def with_epochs(factor, form=str):
        def epoch(day, second):
            return form((int(datetime.fromisoformat(day).replace(tzinfo=timezone.utc).timestamp()) + second) * factor)

        return [(ip, epoch(day, 86399 if at % 2 else 0), key, hits) for at, (ip, day, key, hits) in enumerate(ROWS)]

    def test_columns_and_time(self):
        for form, factor in (("epoch_s", 1), ("epoch_ms", 1000)):
            for name, text in ((f"{form}.csv", csv_text(self.with_epochs(factor), self.NAMES)),
                               (f"{form}.jsonl", json_text(self.with_epochs(factor), self.NAMES)),
                               (f"{form}-numbers.jsonl", json_text(self.with_epochs(factor, int), self.NAMES))):
                with self.subTest(name=name):
                    table, _ = self.taken_in(*self.OPTIONS, "--time", form, self.write(name, text))
                    self.assert_same_text(table, csv_text(ROWS), name)
        self.refused('epoch_s.csv: there is no column "ip"; the header has "client_ip", "ts", "page", "n"', "epoch_s.csv")
        self.refused('epoch_s.csv: there is no column "host"; the header has "client_ip", "ts", "page", "n"',
                     "--columns", "ip=host,day=ts,key=page", "epoch_s.csv")
        self.refused("epoch_s.csv: 6 of 6 rows are bad, more than --max-rejects allows; the first: line 2: column ts: "
                     '"1795132800" is not between 2000-01-01 and 2099-12-31'.replace("1795132800", self.with_epochs(1)[0][1]),
                     *self.OPTIONS, "--time", "epoch_ms", "--max-rejects", "5", "epoch_s.csv")

    FEEDS = """
[feeds.acme]
pattern = "acme-*.log*"
format = "jsonl"
columns = { ip = "client_ip", key = "page", day = "ts", hits = "n" }
time = "epoch_ms"
max_rejects = 0
min_rows = 2

[feeds."others"]
pattern = "observations*"
"""

    def test_feeds(self):
        self.write("feeds.toml", self.FEEDS)
        log = json_text(self.with_epochs(1000, int), self.NAMES).splitlines(keepends=True)
        self.write("in/acme-1.log", "".join(log[:2]))
        self.write("in/acme-2.log.gz", gzip.compress("".join(log[2:4]).encode()))
        self.write("in/observations.tsv", csv_text(ROWS[4:], dialect="excel-tab"))
        table, _ = self.taken_in("--feeds", "feeds.toml", "in")
        self.assert_same_text(table, csv_text(ROWS), "feeds")
        self.assertEqual(self.source_names(), ["in/acme-1.log", "in/acme-2.log.gz", "in/observations.tsv"])
        # Standard input is known by the name that it is given.
        table, _ = self.taken_in("--feeds", "feeds.toml", "--name", "acme-3.log", "-", stdin="".join(log))
        self.assert_same_text(table, csv_text(ROWS), "feeds of standard input")

        self.write("other.csv", "")
        self.refused('other.csv: is of no feed of feeds.toml; there are "acme" (acme-*.log*), "others" (observations*)',
                     "--feeds", "feeds.toml", "in", "other.csv")
        self.write("acme-bad.log", "".join(log) + "{}\n")
        self.refused('acme-bad.log: 1 of 7 rows are bad, more than max_rejects of feed "acme" allows; the first: line 7: '
                     'there is no "client_ip"', "--feeds", "feeds.toml", "acme-bad.log")
        self.write("acme-short.log", log[0])
        self.refused('acme-short.log: 1 good rows are fewer than min_rows 2 of feed "acme"; nothing was taken in',
                     "--feeds", "feeds.toml", "acme-short.log")
        self.write("feeds.toml", self.FEEDS.replace("min_rows", "min_row"))
        self.refused('feeds.toml:8:1: unknown name feeds."acme"."min_row"', "--feeds", "feeds.toml", "in")
        for option in ("--format=csv", "--columns=ip=a", "--time=epoch_s"):
            name = option.split("=")[0]
            self.refused(f"{name} does not go with --feeds, which says it of each feed; see ipscore ingest --help",
                         "--feeds", "feeds.toml", option, "in")


class PlacesTest(FormatsTest):
    def setUp(self):
        super().setUp()
        self.lines = csv_text(ROWS[:1] + ROWS[1:3]).splitlines(keepends=True)[1:]
        self.all = HEADER + "".join(self.lines)

    def one(self, name, line):
        return self.write(name, HEADER + self.lines[line])

    def test_folders(self):
        self.one("in/b.csv", 1)
        self.one("in/a/z.csv", 0)
        self.one("in/c.csv", 2)
        for hidden in ("in/.hidden.csv", "in/_SUCCESS", "in/.git/x.csv", "in/a/_temporary/x.csv"):
            self.write(hidden, "nonsense")
        table, _ = self.taken_in("in")
        self.assertEqual(table, self.all)
        self.assertEqual(self.source_names(), ["in/a/z.csv", "in/b.csv", "in/c.csv"])
        (self.dir / "empty" / "below").mkdir(parents=True)
        self.refused("empty: there are no files in this folder", "in", "empty")

    def test_patterns(self):
        self.one("in/b-2.csv", 1)
        self.one("in/b-1.csv", 0)
        self.one("in/c/d.csv", 2)
        self.write("in/x.csv", "nonsense")
        table, _ = self.taken_in("in/[bc]*")
        self.assertEqual(table, self.all)
        self.assertEqual(self.source_names(), ["in/b-1.csv", "in/b-2.csv", "in/c/d.csv"])
        self.refused("in/*.tsv: there are no files of this pattern", "in/*.tsv")
        self.refused("cannot read in/y.csv: No such file or directory", "in/y.csv")
        # A name is a name before it is a pattern.
        self.one("in/[b]-1.csv", 2)
        self.assertEqual(self.taken_in("in/[b]-1.csv")[0], HEADER + self.lines[2])

    def test_standard_input(self):
        for data, options in ((self.all, ()), (self.all.replace(",", "\t", 3), ("--format", "tsv")),
                              (gzip.compress(self.all.encode()), ()), (pipe(["zstd", "-q"], self.all.encode()), ())):
            with self.subTest(options=options, data=data[:4]):
                if "tsv" in options:
                    data = csv_text(ROWS[:3], dialect="excel-tab")
                self.assertEqual(self.taken_in(*options, "-", stdin=data)[0], self.all)
                self.assertEqual(self.source_names(), ["-"])
        table, result = self.taken_in("--name", "monday.jsonl", "-", stdin=json_text(ROWS[:3]))
        self.assertEqual(table, self.all)
        self.assertIn("monday.jsonl: 3 rows, 0 rejected", result.stderr)
        self.assertEqual(self.source_names(), ["monday.jsonl"])
        self.refused("- is given twice: there is one standard input", "-", "-")
        self.refused("-: is empty; a header row with ip, day and key is needed", "-")
        self.write("-", HEADER + self.lines[0])
        self.assertEqual(self.taken_in("./-")[0], HEADER + self.lines[0])


if __name__ == "__main__":
    unittest.main()
