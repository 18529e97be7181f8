#!/usr/bin/python3
"""docs/format.md: the reader in it, run as it stands, reads what the program writes, and the tables name what is there."""

import csv
import io
import ipaddress
import json
import os
import re
import shutil
import subprocess
import unittest
from pathlib import Path

import h5py
import numpy

from cli_test_lib import PROJECT
from pipeline_lib import PipelineTest, write_nasty_inputs

DOCUMENT = Path(os.environ.get("PROJECT_DIR", PROJECT)) / "docs" / "format.md"

SAVE = """
import sys
columns, texts = read_scores(sys.argv[1])
numpy.savez(sys.argv[2], **columns, **{name: numpy.array([text.hex() for text in of_name], dtype=str) for name, of_name in texts.items()})
"""


def snippet():
    (code,) = re.findall(r"(?ms)^<!-- tests/cli/format_snippet_test\.py [^\n]*-->\n```python\n(.*?)^```$", DOCUMENT.read_text())
    return code


class SnippetTest(PipelineTest):
    def read(self, directory):
        """Runs the snippet in a Python of its own."""
        return subprocess.run(["/usr/bin/python3", "-c", snippet() + SAVE, directory, "columns.npz"], cwd=self.dir,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=60)

    def check(self, exported):
        done = self.read("x-scores")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        columns = dict(numpy.load(self.dir / "columns.npz"))
        texts = {name: [bytes.fromhex(text).decode(errors="surrogateescape") for text in columns.pop(name)]
                 for name in ("tags", "companies")}
        names = ["score", "surge", "confident", "hits", "keys", "days", "first_day", "last_day", "raw", "tag"]
        self.assertEqual(set(columns), {f"rows/{name}" for name in names} | {f"addresses/{name}" for name in
                                                                             ("hi", "lo", "rows", "company")})
        rows = list(csv.DictReader(io.StringIO(exported, newline="")))
        self.assertGreater(len(rows), 0)
        self.assertTrue(all(len(columns[f"rows/{name}"]) == len(rows) for name in names))

        def column(name, parse, dtype):
            return numpy.array([parse(row[name]) for row in rows], dtype)

        for name in ("hits", "keys", "days", "confident", "raw"):
            numpy.testing.assert_array_equal(columns[f"rows/{name}"], column(name, int, numpy.uint64), name)
        for name in ("score", "surge"):  # bit by bit
            self.assertEqual(columns[f"rows/{name}"].dtype, numpy.float32)
            numpy.testing.assert_array_equal(columns[f"rows/{name}"].view(numpy.uint32),
                                             column(name, numpy.float32, numpy.float32).view(numpy.uint32), name)
        for name in ("first_day", "last_day"):
            numpy.testing.assert_array_equal(columns[f"rows/{name}"], column(name, str, "datetime64[D]").astype(int), name)
        self.assertEqual([texts["tags"][tag] for tag in columns["rows/tag"]], [row["tag"] for row in rows])

        of_row = numpy.repeat(numpy.arange(len(columns["addresses/rows"])), columns["addresses/rows"].astype(int))
        self.assertEqual(len(of_row), len(rows))
        ours = [ipaddress.IPv6Address((int(hi) << 64) | int(lo)) for hi, lo in zip(columns["addresses/hi"], columns["addresses/lo"])]
        ours = [str(address.ipv4_mapped or address) for address in ours]
        self.assertEqual([ours[i] for i in of_row], [row["ip"] for row in rows])
        companies = ["" if company == 2**32 - 1 else texts["companies"][company] for company in columns["addresses/company"]]
        self.assertEqual([companies[i] for i in of_row], [row["company"] for row in rows])

    def test_every_feature(self):
        self.check(self.pipeline(write_nasty_inputs(self.dir / "in", 2), "x")["scores"])

    def test_several_parts(self):
        self.check(self.pipeline(self.generate("demo", "290k", "--tags", "10"), "x")["scores"])
        self.assertTrue((self.dir / "x-scores" / "part-00001.h5").exists())
        for name in ("part-00001.h5", "part-00000.h5", "index.h5"):
            with self.subTest(missing=name):
                (self.dir / "x-scores" / name).rename(self.dir / "aside.h5")
                done = self.read("x-scores")
                self.assertNotEqual(done.returncode, 0)
                self.assertRegex(done.stderr, rf"(FileNotFoundError|OSError): .*{name}")
                (self.dir / "aside.h5").rename(self.dir / "x-scores" / name)
        shutil.copy(self.dir / "x-scores" / "part-00000.h5", self.dir / "x-scores" / "part-00001.h5")
        self.assertIn("ValueError: x-scores/part-00001.h5 is not the part that index.h5 lists", self.read("x-scores").stderr)


class TablesTest(PipelineTest):
    """The document names every dataset and attribute that the files have, with its type, and no other."""

    TYPES = {"|u1": "u8", "<u2": "u16", "<u4": "u32", "<u8": "u64", "<i4": "i32", "<f4": "f32"}

    def documented(self, heading):
        section = DOCUMENT.read_text().split(f"\n{heading}\n")[1].split("\n#")[0]
        types = {}
        for line in section.splitlines():
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if not line.startswith("| `") or len(cells) != 4:
                continue
            names = re.findall(r"`([^`]+)`", cells[0])
            for at, name in enumerate(names):
                if name == "_lo":  # short for the name before
                    name = names[at - 1].replace("_hi", "_lo")
                if cells[1] == "strings":
                    types.update({f"{name}/bytes": "u8", f"{name}/offsets": "u64"})
                else:
                    types[name] = {"JSON": "u8"}.get(cells[1], cells[1])
        return types

    def found(self, path):
        types, checksums = {}, set()
        with h5py.File(self.dir / path, "r") as file:
            def add(name, item):
                if isinstance(item, h5py.Dataset):
                    self.assertEqual(item.ndim, 1)
                    if name.startswith("checksums/"):
                        self.assertEqual(item.dtype.str, "<u8")
                        checksums.add(name.removeprefix("checksums/"))
                    else:
                        types[name] = self.TYPES[item.dtype.str]

            file.visititems(add)
            self.assertEqual(checksums, set(types))
            return types, file.attrs["format"].decode(), set(file.attrs)

    def make_everything(self):
        """The directories x-... of a pipeline, and with-table and with-scores of a table that has classified keys only."""
        inputs = write_nasty_inputs(self.dir / "in", 2)
        self.pipeline(inputs, "x")
        self.prepare("x-store", "with-table", *inputs.days(), "--classification", inputs.classification)
        self.score(inputs, "with-table", "with-scores")

    def test_datasets_and_attributes(self):
        self.make_everything()
        (segment,) = (self.dir / "x-store" / "segments").iterdir()
        text = DOCUMENT.read_text()
        part_attributes = {"format", "format_version"} | set(re.findall(r"`(\w+)`", text.split("parts also ")[1].split("\n- ")[0]))
        headings = {str(segment): "Segment", "x-table/part-00000.h5": "Part", "x-table/index.h5": "Index",
                    "x-scores/part-00000.h5": "Part", "x-scores/index.h5": "Index",
                    "with-table/part-00000.h5": "Part", "with-table/index.h5": "Index"}
        parts_list = {name: type_ for name, type_ in self.documented("### Index: `format` = `ipscore table index`").items()
                      if name.startswith("parts/")}
        rows = {name: type_ for name, type_ in self.documented("### Segment: `format` = `ipscore segment`").items()
                if name.startswith(("addresses/", "rows/"))}
        for path, heading in headings.items():
            with self.subTest(path=path):
                types, kind, attributes = self.found(path)
                expected = self.documented(f"### {heading}: `format` = `{kind}`")
                if kind == "ipscore table part":
                    expected = {**rows, "counts": "u8"}
                if kind == "ipscore scores index":
                    self.assertEqual(expected.pop("parts/*"), "u64")
                    expected.update(parts_list)
                if path == "x-table/index.h5":
                    for name in ("unseen_keys/bytes", "unseen_keys/offsets"):
                        del expected[name]
                self.assertEqual(types, expected)
                self.assertEqual(attributes, part_attributes if heading == "Part" else {"format", "format_version"})

    def test_fields_of_json(self):
        def names(value):
            """All names but those that are data: days, segments, ids of sources, and what the model file itself may say."""
            if isinstance(value, list):
                return set().union(*map(names, value))
            if not isinstance(value, dict):
                return set()
            below = [names(item) for name, item in value.items()
                     if name not in ("rows_per_day", "unclassified_per_day", "segments", "model")
                     and not (name == "sources" and isinstance(item, dict))]
            return set(value).union(*below, *(names(item) for item in [value.get("segments")] if isinstance(item, list)))

        self.make_everything()
        documented = set(re.findall(r"`(\w+)(?:\[\])?`", DOCUMENT.read_text()))
        files = ["x-store/manifest/000001.json"] + [f"{of}/{name}.json" for of in ("x-table", "x-scores", "with-table", "with-scores")
                                                    for name in ("job", "run")]
        for path in files:
            found = names(json.loads((self.dir / path).read_text())) - {"path"}  # job.json's `about` is for people
            self.assertEqual(found - documented, set(), path)
        for path in ("x-table/part-00000.h5", "x-scores/part-00000.h5", "x-table/index.h5", "x-scores/index.h5",
                     "with-table/part-00000.h5", "with-table/index.h5"):
            with h5py.File(self.dir / path, "r") as file:
                for name in {"counts", "description"} & set(file):
                    self.assertEqual(names(json.loads(file[name][:].tobytes())) - documented, set(), path)

    def test_fields_of_status(self):
        self.pipeline(write_nasty_inputs(self.dir / "in", 2), "x")
        documented = set(re.findall(r"`(\w+)(?:\[\])?`", DOCUMENT.read_text().split("\n## status\n")[1].split("\n## ")[0]))

        def names(value):
            if isinstance(value, list):
                return set().union(*map(names, value))
            return set(value).union(*map(names, value.values())) if isinstance(value, dict) else set()

        for directory in ("x-store", "x-table", "x-scores"):
            self.assertEqual(names(json.loads(self.verb("status", directory, "--json").stdout)) - documented, set(), directory)

    def test_fields_of_inspect(self):
        inputs = write_nasty_inputs(self.dir / "in", 2)
        self.pipeline(inputs, "x")
        for at in range(7):  # the store is worth compacting
            (self.dir / f"{at}.csv").write_text(f"ip,day,key\n192.0.2.1,2026-11-20,{at}\n")
            self.ingest("x-store", f"{at}.csv")
        (self.dir / "new.csv").write_text("ip,day,key\n192.0.2.1,2026-11-20,new\n")
        self.verb("ingest", "--store", "x-store", "--replace", "0.csv", "new.csv")
        self.prepare("x-store", "with-table", "--as-of", "2026-11-22", "--classification", inputs.classification)
        shutil.copytree(self.dir / "x-table", self.dir / "unfinished")
        (self.dir / "unfinished" / "index.h5").unlink()
        section = DOCUMENT.read_text().split("\n## inspect\n")[1].split("\n## ")[0]
        documented = set(re.findall(r"`([\w/]+)(?:\[\])?`", section))

        def names(value):
            """All names but those that are data: days, and what the model file itself may say."""
            if isinstance(value, list):
                return set().union(*map(names, value))
            if not isinstance(value, dict):
                return set()
            return set(value).union(*(names(item) for name, item in value.items() if name not in ("rows_per_day", "model")))

        words = ["x-store", "x-table", "with-table", "x-scores", "unfinished", "x-table/part-00000.h5", "--models", inputs.model, "--json"]
        found = names(json.loads(self.verb("inspect", *words).stdout))
        self.assertEqual(found - documented, set())
        fields = set(re.findall(r"`([a-z_]+)(?:\[\])?`", section))
        self.assertEqual(fields - found, {"format", "none", "deflate", "prepare", "compact"}, "these are words, all others fields")

    def test_fields_of_plan(self):
        inputs = write_nasty_inputs(self.dir / "in", 2)
        self.pipeline(inputs, "x")
        (self.dir / "instances.toml").write_text("[instances.a]\ncores = 1\nmemory_gib = 1\nprice_per_hour = 1\n")
        plan = json.loads(self.verb("plan", "--table", "x-table", "--runs", "x-table", "x-scores", "--instances", "instances.toml",
                                    "--json").stdout)
        option = plan["options"][0]
        section = DOCUMENT.read_text().split("\n## plan\n")[1].split("\n## ")[0]
        self.assertEqual(set(re.findall(r"`([a-z_]+)(?:\[\])?`", section)), {*plan, *option, *option["settings"]})

    def test_packed_files(self):
        self.pipeline(write_nasty_inputs(self.dir / "in", 2), "x")
        index = self.documented("### Index: `format` = `ipscore scores index`")
        part = self.documented("### Part: `format` = `ipscore scores part`")
        segment = self.documented("### Segment: `format` = `ipscore segment`")
        kept = ("addresses/", "rows/", "tags/", "companies/", "company_rows/", "networks/", "dictionary/", "description")
        expected = {"scores": {**index, **part}, "table": {**segment, "description": "u8"}}
        for name, types in expected.items():
            self.verb("export", f"x-{name}", "--output", f"{name}.h5")
            found, kind, attributes = self.found(f"{name}.h5")
            self.assertEqual(found, {column: type_ for column, type_ in types.items() if column.startswith(kept)})
            self.assertEqual((kind, attributes), (f"ipscore {name}", {"format", "format_version"}))


if __name__ == "__main__":
    unittest.main()
