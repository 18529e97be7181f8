#!/usr/bin/python3
"""Every figure of `ipscore inspect`, against what h5py and the inputs say."""

import collections
import ipaddress
import json
import os
import re
import shutil
import signal
import subprocess
import unittest

import h5py
import numpy

from cli_test_lib import ipscore
from pipeline_lib import AS_OF, Inputs, PipelineTest, snapshot, write_nasty_inputs

TOP = 7
TYPES = {"|u1": "u8", "<u2": "u16", "<u4": "u32", "<u8": "u64", "<i4": "i32", "<f4": "f32"}


def address_text(hi, lo):
    address = ipaddress.IPv6Address((int(hi) << 64) | int(lo))
    return str(address.ipv4_mapped or address)


def strings(file, name):
    data, ends = file[f"{name}/bytes"][:].tobytes(), file[f"{name}/offsets"][:]
    return [data[a:b] for a, b in zip(ends[:-1], ends[1:])]


def as_json_has_it(name):
    return name.decode(errors="replace") if isinstance(name, bytes) else name


def day_text(day):
    return str(numpy.datetime64(int(day), "D"))


class Truth:
    """What some HDF5 files hold, counted row by row."""

    def __init__(self):
        self.rows = collections.Counter()  # by (what, name)
        self.hits = collections.Counter()
        self.order = {}
        self.days = collections.Counter()

    def add(self, what, name, order, rows, hits):
        self.rows[what, name] += rows
        self.hits[what, name] += hits
        self.order[what, name] = order

    def add_observations(self, path, keys=None):
        with h5py.File(path, "r") as file:
            keys = keys if keys is not None else strings(file, "dictionary") if "dictionary" in file else None
            rows_of = file["addresses/rows"][:].astype(int)
            addresses = [(int(hi), int(lo)) for hi, lo in zip(file["addresses/hi"][:], file["addresses/lo"][:])]
            of_row = numpy.repeat(numpy.arange(len(rows_of)), rows_of)
            for address, key, day, hits in zip(of_row, file["rows/key"][:], file["rows/day"][:], file["rows/hits"][:]):
                self.add("addresses", address_text(*addresses[address]), addresses[address], 1, int(hits))
                if keys is not None:
                    self.add("keys", keys[key], keys[key], 1, int(hits))
                self.days[day_text(day)] += 1
        return self

    def count(self, what):
        return sum(of == what for of, _ in self.rows)

    def heaviest(self, what, by):
        weights = {"rows": self.rows, "hits": self.hits}[by]
        names = sorted((name for of, name in self.rows if of == what), key=lambda name: (-weights[what, name], self.order[what, name]))
        return [{"name": as_json_has_it(name), "rows": self.rows[what, name], "hits": self.hits[what, name]} for name in names[:TOP]]


def columns_of(paths):
    """What h5py says of all datasets, as inspect sums them up."""
    columns = {}
    for path in paths:
        seen = set()

        def add(name, item):
            if not isinstance(item, h5py.Dataset):
                return
            filters = "+".join(name for name, has in (("scale-offset", item.scaleoffset is not None), ("deflate", item.compression == "gzip"))
                               if has) or "none"
            name = "checksums/*" if name.startswith("checksums/") else name
            column = columns.setdefault((name, TYPES[item.dtype.str], filters), collections.Counter())
            column["files"] += name not in seen
            seen.add(name)
            column["values"] += item.size
            column["chunks"] += -(-item.size // item.chunks[0])
            column["stored_bytes"] += item.id.get_storage_size()
            column["decoded_bytes"] += item.size * item.dtype.itemsize

        with h5py.File(path, "r") as file:
            file.visititems(add)
    return columns


class InspectTest(PipelineTest):
    def inspect(self, *words):
        """The reports as JSON. Nothing may change."""
        before = snapshot(self.dir)
        result = self.verb("inspect", *words, "--json", "--top", TOP)
        self.assert_unchanged(".", before)
        self.assertEqual(result.raw_stderr, "")
        return json.loads(result.stdout)["reports"]

    def inspect_one(self, *words):
        (report,) = self.inspect(*words)
        return report

    def text(self, *words):
        return self.verb("inspect", *words).stdout

    def segments(self, store="store"):
        return sorted((self.dir / store / "segments").iterdir())

    def manifest(self, store="store"):
        return json.loads(max((self.dir / store / "manifest").glob("*.json")).read_text())

    def parts(self, directory):
        return sorted((self.dir / directory).glob("part-*.h5"))

    def check_columns(self, report, paths):
        found = {(column.pop("name"), column.pop("type"), column.pop("filters")): column for column in map(dict, report["columns"])}
        self.assertEqual(found, {key: dict(column) for key, column in columns_of(paths).items()})
        stored = [column["stored_bytes"] for column in report["columns"]]
        self.assertEqual(stored, sorted(stored, reverse=True))

    def check_observations(self, report, truth):
        self.assertEqual(report["rows"], sum(truth.days.values()))
        for what in ("addresses", "keys"):
            if truth.count(what):
                self.assertEqual(report[what], truth.count(what), what)
                for by in ("rows", "hits"):
                    self.assertEqual(report["heaviest"][f"{what}_by_{by}"], truth.heaviest(what, by), f"{what} by {by}")
        self.assertEqual(report["hits"], sum(hits for (what, _), hits in truth.hits.items() if what == "addresses"))
        self.assertEqual(report["rows_per_day"], dict(sorted(truth.days.items())))

    def check_files(self, report, directory):
        files = [path for path in (self.dir / directory).rglob("*") if path.is_file()]
        self.assertEqual((report["files"], report["bytes"]), (len(files), sum(path.stat().st_size for path in files)))


class FiguresTest(InspectTest):
    def setUp(self):
        super().setUp()
        self.inputs = write_nasty_inputs(self.dir / "in", 3)
        for seed, rows in ((4, 700), (5, 12)):  # so few have some of the keys only
            self.ingest("store", write_nasty_inputs(self.dir / f"in{seed}", seed, rows).observations[0])
        self.ingest("store", *self.inputs.observations)
        self.prepare("store", "table", "--as-of", "2026-12-28", "--lookback-days", "200")

    def test_store(self):
        report = self.inspect_one("store")
        truth = Truth()
        for path in self.segments():
            truth.add_observations(path)
        self.assertEqual((report["path"], report["kind"], report["finished"]), ("store", "store", True))
        self.check_observations(report, truth)
        self.check_columns(report, self.segments())
        self.check_files(report, "store")
        manifest = self.manifest()
        self.assertEqual(report["dictionary_keys"], sum(segment["keys"] for segment in manifest["segments"]))
        store = report["store"]
        self.assertEqual(store["manifest_version"], 3)
        for name, of_manifest in (("segments", manifest["segments"]), ("sources", manifest["sources"])):
            self.assertEqual(len(store[name]), 3)
            self.assertEqual(store[name], [{field: entry[field] for field in store[name][0]} for entry in of_manifest])
        self.assertEqual((store["unnamed_files"], store["unnamed_bytes"], store["compactable"]), (0, 0, []))

    def test_table(self):
        report = self.inspect_one("table")
        with h5py.File(self.dir / "table" / "index.h5") as index:
            keys = strings(index, "dictionary")
        truth = Truth()
        for path in self.parts("table"):
            truth.add_observations(path, keys)
        self.check_observations(report, truth)
        self.check_columns(report, [self.dir / "table" / "index.h5", *self.parts("table")])
        self.check_files(report, "table")
        self.assertEqual(report["table"], {"first_day": "2026-06-12", "last_day": "2026-12-28", "parts": 1})
        self.assertEqual(report["dictionary_keys"], len(keys))
        self.assertEqual((report["kind"], report["finished"]), ("table", True))

    def test_keys_without_rows(self):
        self.prepare("store", "short", "--as-of", "2026-07-01", "--lookback-days", "2")
        report = self.inspect_one("short")
        self.assertLess(report["keys"], report["dictionary_keys"])
        with h5py.File(self.dir / "short" / "part-00000.h5") as part:
            self.assertEqual(report["keys"], len(set(part["rows/key"][:])))

    def test_scores(self):
        self.score(self.inputs, "table", "scores")
        report = self.inspect_one("scores")
        truth, bins, confident, with_rows = Truth(), [0] * 10, 0, set()
        with h5py.File(self.dir / "scores" / "index.h5") as index:
            tags, companies, company_rows = strings(index, "tags"), strings(index, "companies"), index["company_rows/tag"].size
            model = json.loads(index["description"][:].tobytes())["model"]
        for path in self.parts("scores"):
            with h5py.File(path) as part:
                column = {name: part[name][:] for name in ("addresses/hi", "addresses/lo", "addresses/company", "rows/tag", "rows/score",
                                                           "rows/hits", "rows/confident")}
                of_row = numpy.repeat(numpy.arange(part["addresses/rows"].size), part["addresses/rows"][:].astype(int))
            for row, at in enumerate(of_row):
                hits, order = int(column["rows/hits"][row]), (int(column["addresses/hi"][at]), int(column["addresses/lo"][at]))
                truth.add("addresses", address_text(*order), order, 1, hits)
                tag, company = column["rows/tag"][row], column["addresses/company"][at]
                truth.add("tags", tags[tag], tag, 1, hits)
                with_rows.add(tag)
                if company != 2**32 - 1:
                    truth.add("companies", companies[company], company, 1, hits)
                bins[min(int(column["rows/score"][row] / 10), 9)] += 1
                confident += int(column["rows/confident"][row])
        self.assertGreater(sum(bins), 100)
        self.assertEqual(report["rows"], sum(bins))
        self.assertEqual(report["addresses"], truth.count("addresses"))
        for what in ("addresses", "tags", "companies"):
            for by in ("rows", "hits"):
                self.assertEqual(report["heaviest"][f"{what}_by_{by}"], truth.heaviest(what, by), f"{what} by {by}")
        self.assertEqual(report["hits"], sum(hits for (what, _), hits in truth.hits.items() if what == "tags"))
        self.assertEqual(report["scores"], {"parts": 1, "tags": len(tags), "companies": len(companies), "company_rows": company_rows,
                                            "model": model, "confident_rows": confident, "tags_without_rows": len(tags) - len(with_rows),
                                            "rows_per_score": bins})
        self.check_columns(report, [self.dir / "scores" / "index.h5", *self.parts("scores")])
        self.check_files(report, "scores")

    def test_single_files(self):
        self.score(self.inputs, "table", "scores")
        for what in ("table", "scores"):
            self.verb("export", what, "--output", f"{what}.h5")
        paths = {"segment": self.segments()[0].relative_to(self.dir), "table part": "table/part-00000.h5", "table index": "table/index.h5",
                 "scores part": "scores/part-00000.h5", "scores index": "scores/index.h5", "packed table": "table.h5",
                 "packed scores": "scores.h5"}
        reports = self.inspect(*paths.values())
        self.assertEqual([report["path"] for report in reports], [str(path) for path in paths.values()])
        for (kind, path), report in zip(paths.items(), reports):
            with self.subTest(kind=kind):
                self.assertEqual((report["kind"], report["files"], report["bytes"]), (kind, 1, (self.dir / path).stat().st_size))
                self.check_columns(report, [self.dir / path])
                if kind in ("segment", "table part", "packed table"):
                    self.check_observations(report, Truth().add_observations(self.dir / path))
                elif kind.startswith(("scores p", "packed")):
                    with h5py.File(self.dir / path) as file:
                        self.assertEqual((report["rows"], report["addresses"]), (file["rows/tag"].size, file["addresses/hi"].size))

    def test_quick(self):
        for path in ("store", "table", str(self.segments()[0].relative_to(self.dir))):
            full, quick = self.inspect_one(path), self.inspect_one(path, "--quick")
            self.assertEqual((quick["heaviest"], quick["keys"], quick["hits"]), ({}, None, None))
            for name in ("rows", "columns", "dictionary_keys", "bytes", "files"):
                self.assertEqual(quick[name], full[name], name)
        self.assertIsNone(self.inspect_one("store", "--quick")["addresses"])
        # Not a single row was read.
        for path in self.segments():
            with h5py.File(path, "r") as file:
                offset, size = file["rows/hits"].id.get_chunk_info(0).byte_offset, file["rows/hits"].id.get_chunk_info(0).size
            data = bytearray(path.read_bytes())
            data[offset:offset + size] = bytes(size)
            path.write_bytes(data)
        self.inspect_one("store", "--quick")
        result = self.run_ipscore("inspect", "store")
        self.assert_code(result, 2)
        self.assertRegex(result.stderr, r"\Aipscore inspect: store/segments/.*: damaged: column rows/hits, chunk 0: the checksum does not match\n\Z")


class MemoryTest(InspectTest):
    """The least --memory is what the stages themselves say it is."""

    def least_mebibytes(self, *words):
        result = self.run_ipscore(*words, "--memory", "1MiB")
        self.assert_code(result, 2)
        return int(re.search(r", (\d+)MiB is the least that would do ", result.stderr).group(1))

    def test_least(self):
        inputs = self.generate("demo", "60k")
        lines = inputs.observations[0].read_text().splitlines(keepends=True)
        for at in range(9):
            (self.dir / f"{at}.csv").write_text(lines[0] + "".join(lines[1 + at::9]))
            self.ingest("store", f"{at}.csv")
        memory = self.inspect_one("store", "--quick")["memory"]
        rounded = {name: -(-value // 2**20) for name, value in memory.items()}
        self.assertEqual(self.least_mebibytes(*self.prepare_words("store", "x"), "--threads", "1"), rounded["prepare_least_bytes"])
        for budget, levels in (("prepare_least_bytes", True), ("prepare_one_merge_bytes", False)):
            self.prepare("store", budget, "--as-of", AS_OF, "--threads", "1", "--memory", f"{rounded[budget]}MiB")
            merged = json.loads((self.dir / budget / "run.json").read_text())["segments_merged_first"]
            self.assertEqual(merged > 0, levels, budget)
        less = rounded["prepare_one_merge_bytes"] - 1
        self.prepare("store", "narrow", "--as-of", AS_OF, "--threads", "1", "--memory", f"{less}MiB")
        self.assertGreater(json.loads((self.dir / "narrow" / "run.json").read_text())["segments_merged_first"], 0)

        least = -(-self.inspect_one("narrow", "--quick")["memory"]["score_least_bytes"] // 2**20)
        needed = self.least_mebibytes(*self.score_words(inputs, "narrow", "s"), "--threads", "1")
        self.assertLessEqual(least, needed)
        self.assertLessEqual(needed, least + 2)  # for companies, tags and classified keys

    def test_too_little_for_inspect(self):
        self.ingest("store", *Inputs(self.dir / "in").write().observations)
        counting = -(-self.inspect_one("store")["memory"]["counting_bytes"] // 2**20)
        self.assertEqual(self.least_mebibytes("inspect", "store"), counting)
        self.assertEqual(self.least_mebibytes("inspect", "store", "--quick"), 9)
        self.inspect_one("store", "--memory", f"{counting}MiB")


class StoreTest(InspectTest):
    def test_empty(self):
        (self.dir / "none.csv").write_text("ip,day,key\n")
        for version in (0, 1):
            if version:
                self.ingest("store", "none.csv")
            else:
                for name in ("manifest", "segments", "rejects"):
                    (self.dir / "store" / name).mkdir(parents=True)
            report = self.inspect_one("store")
            self.assertEqual([report[name] for name in ("rows", "addresses", "keys", "hits", "rows_per_day")], [0, 0, 0, 0, {}])
            self.assertEqual(report["store"]["manifest_version"], version)
            self.assertRegex(self.text("store"), r"\Astore: store, \d files?, .*\n0 rows, 0 distinct addresses, 0 distinct keys, 0 hits\n")

    def test_worth_compacting(self):
        for at in range(9):
            self.ingest("store", *Inputs(self.dir / f"in{at}").write(f"ip,day,key\n192.0.2.{at},2026-11-20,k\n").observations)
            report = self.inspect_one("store")["store"]
            self.assertEqual(len(report["compactable"]), int(at >= 7), f"{at + 1} segments")
        (tier,) = report["compactable"]
        self.assertEqual(tier["rows"], 9)
        self.assertEqual(sorted(f"{id_}.h5" for id_ in tier["ids"]), [path.name for path in self.segments()])
        self.assertEqual(tier["bytes"], sum(path.stat().st_size for path in self.segments()))
        self.assertRegex(self.text("store"), r"\nworth compacting: 9 segments of about the same size, 9 rows, [\d.]+ KiB\n")
        self.verb("compact", "--store", "store")
        self.assertEqual(self.inspect_one("store")["store"]["compactable"], [])

    def test_pruned(self):
        """Rows that were pruned do not count, though they are in the file yet."""
        rows = [f"192.0.2.{i},2026-{month:02}-{day:02},key{i} of {month}\n" for month in (3, 10, 11) for day in range(1, 20 if month > 3 else 4)
                for i in range(month)]
        self.ingest("store", *Inputs(self.dir / "in").write("ip,day,key\n" + "".join(rows)).observations)
        self.verb("prune", "--store", "store", "--keep-days", "45", "--as-of", "2026-11-19")
        (segment,) = self.manifest()["segments"]
        self.assertGreater(segment["rows"], sum(segment["rows_per_day"].values()), "it was not worth rewriting")
        truth = Truth()
        for row in rows:
            ip, day, key = row.strip().split(",")
            if day >= segment["keep_from"]:
                truth.add("addresses", ip, ipaddress.ip_address(ip), 1, 1)
                truth.add("keys", key, key, 1, 1)
                truth.days[day] += 1
        self.assertLess(sum(truth.days.values()), len(rows))
        self.check_observations(self.inspect_one("store"), truth)

    def test_unnamed_files(self):
        self.ingest("store", *Inputs(self.dir / "in").write().observations)
        (self.dir / "store" / "segments" / ".tmp-left").write_bytes(b"x" * 17)
        shutil.copy(self.segments()[-1], self.dir / "store" / "segments" / "other.h5")
        report = self.inspect_one("store")
        self.assertEqual((report["store"]["unnamed_files"], len(report["store"]["segments"])), (2, 1))
        self.assertEqual(report["store"]["unnamed_bytes"], 17 + (self.dir / "store" / "segments" / "other.h5").stat().st_size)
        self.assertEqual(report["rows"], 5)

    def test_many_hits(self):
        rows = "".join(f"192.0.2.1,2026-11-{day:02},k,4294967295\n" for day in range(1, 21))
        self.ingest("store", *Inputs(self.dir / "in").write("ip,day,key,hits\n" + rows).observations)
        report = self.inspect_one("store")
        hits = 20 * (2**32 - 1)
        self.assertEqual(report["hits"], hits)
        self.assertEqual(report["heaviest"]["keys_by_hits"], [{"name": "k", "rows": 20, "hits": hits}])
        self.assertEqual(report["heaviest"]["addresses_by_hits"], [{"name": "192.0.2.1", "rows": 20, "hits": hits}])

    def test_many_segments(self):
        """More files than a program may have open to begin with."""
        files = 90
        for at in range(files):
            (self.dir / f"{at}.csv").write_text(f"ip,day,key\n192.0.2.1,2026-11-20,k{at}\n")
        self.ingest("store", *(f"{at}.csv" for at in range(files)))
        self.assertEqual(len(self.segments()), files)
        result = subprocess.run(["sh", "-c", 'ulimit -S -n 32 && exec "$0" "$@"', *ipscore("inspect", "store", "--json")], cwd=self.dir,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        (report,) = json.loads(result.stdout)["reports"]
        self.assertEqual((report["addresses"], report["keys"]), (1, files))


class ModelsTest(InspectTest):
    # Of days with rows are the first day and the last day of "short", and the last of "old".
    MODELS = {"short": ("2026-11-21", 30), "old": ("2026-09-28", 10), "long": ("2026-11-20", 60)}

    def setUp(self):
        super().setUp()
        (self.dir / "models").mkdir()
        for name, (as_of, days) in self.MODELS.items():
            (self.dir / "models" / f"{name}.toml").write_text(f"as_of = {as_of}\nlookback_days = {days}\nrecent_days = 2\n")
        for at, months in enumerate(((5, 9), (9, 10, 11, 12))):  # two segments of different days
            rows = "".join(f"192.0.2.{i},2026-{month:02}-{day:02},key{i % 5}\n" for month in months for day in range(1, 29, 1 + at)
                           for i in range(1 + day % 7))
            self.ingest("store", *Inputs(self.dir / f"in{at}").write("ip,day,key\n" + rows).observations)

    def models(self):
        return sorted(path.relative_to(self.dir) for path in (self.dir / "models").iterdir())

    def check(self, report, files, models=MODELS):
        """`files`: their rows per day, and bytes."""
        days = collections.Counter()
        for rows_per_day, _ in files:
            days.update(rows_per_day)
        used, look_backs = set(), []
        for name, (as_of, lookback) in sorted(models.items()):
            first = str(numpy.datetime64(as_of) - lookback + 1)
            of_model = {day for day in days if first <= day <= as_of}
            used |= of_model
            look_backs.append({"path": f"models/{name}.toml", "first_day": first, "as_of": as_of, "lookback_days": lookback,
                               "days_with_rows": len(of_model), "rows": sum(days[day] for day in of_model)})
        last = max(as_of for as_of, _ in models.values())
        self.assertEqual(report["models"]["look_backs"], look_backs)
        for name, of_kind in (("unused", {day for day in days if day not in used and day <= last}),
                              ("later", {day for day in days if day not in used and day > last})):
            found = report["models"][name]
            self.assertGreater(len(of_kind), 0)
            self.assertEqual((found["days"], found["rows"]), (sorted(of_kind), sum(days[day] for day in of_kind)), name)
            expected = sum(size * sum(rows for day, rows in per_day.items() if day in of_kind) // sum(per_day.values())
                           for per_day, size in files)
            self.assertAlmostEqual(found["bytes"], expected, delta=len(files))

    def test_store(self):
        files = [(segment["rows_per_day"], segment["bytes"]) for segment in self.manifest()["segments"]]
        names = [f"models/{name}.toml" for name in sorted(self.MODELS)]
        for words in (["--models", *names], ["--models", names[0], "--models", *names[1:]]):
            self.check(self.inspect_one("store", *words), files)

    def test_as_of(self):
        files = [(segment["rows_per_day"], segment["bytes"]) for segment in self.manifest()["segments"]]
        models = {name: ("2026-10-30", lookback) for name, (_, lookback) in self.MODELS.items()}
        self.check(self.inspect_one("store", "--models", *self.models(), "--as-of", "2026-10-30"), files, models)

    def test_table(self):
        self.prepare("store", "table", "--as-of", "2026-12-10", "--lookback-days", "100")
        report = self.inspect_one("table", "--models", *self.models())
        files = [self.dir / "table" / "index.h5", *self.parts("table")]
        self.check(report, [(report["rows_per_day"], sum(path.stat().st_size for path in files))])

    def test_text(self):
        text = self.text("store", "--models", *self.models())
        self.assertRegex(text, r"\n +60 days  2026-09-22  2026-11-20 +\d+ days +\d+  models/long\.toml\n")
        self.assertRegex(text, r"\nused by none of them: \d+ days, 2026-05-01 to 2026-09-18, [\d ]+ rows, about [\d.]+ KiB\n"
                               r"later than all of them: \d+ days, 2026-11-23 to 2026-12-27, ")
        self.assertNotIn("\nmodels\n", self.text("store"))

    def test_bad_models(self):
        self.assert_fails(self.run_ipscore("inspect", "store", "--models", "none.toml"), 2,
                          "ipscore inspect: cannot read none.toml: No such file or directory")
        (self.dir / "models" / "x.toml").write_text("lookback_days = 3\nrecent_days = 1\n")
        self.assert_fails(self.run_ipscore("inspect", "store", "--models", *self.models()), 2,
                          "ipscore inspect: models/x.toml: as_of is missing; write as_of = YYYY-MM-DD or give --as-of")


class SeveralPartsTest(InspectTest):
    """Parts of several chunks each."""

    def setUp(self):
        super().setUp()
        self.inputs = self.generate("demo", "600k")
        self.ingest("store", *self.inputs.observations)
        self.prepare("store", "table")

    def test_finished(self):
        with h5py.File(self.dir / "table" / "index.h5") as index:
            keys = strings(index, "dictionary")
        truth = Truth()
        for path in self.parts("table"):
            truth.add_observations(path, keys)
        report = self.inspect_one("table")
        self.assertEqual(report["table"]["parts"], 3)
        self.check_observations(report, truth)
        self.check_columns(report, [self.dir / "table" / "index.h5", *self.parts("table")])

    def test_without_index(self):
        self.score(self.inputs, "table", "scores")
        for directory in ("table", "scores"):
            (self.dir / directory / "index.h5").unlink()
            (self.dir / directory / "part-00001.h5").unlink()
            (self.dir / directory / ".tmp-of-somebody").write_bytes(b"12345")
            report = self.inspect_one(directory)
            self.assertEqual((report["kind"], report["finished"]), (directory, False))
            self.check_columns(report, self.parts(directory))
            self.check_files(report, directory)
            with_attributes = [h5py.File(path, "r").attrs for path in self.parts(directory)]
            self.assertGreater(len(with_attributes), 0)
            for name in ("rows", "addresses"):
                self.assertEqual(report[name], sum(int(attributes[name]) for attributes in with_attributes))
            self.assertEqual(report["unfinished"], {"parts": len(with_attributes), "runs": 0, "runs_bytes": 0, "temporary_files": 1,
                                                    "temporary_bytes": 5})
            self.assertRegex(self.text(directory), rf"\A{directory}: unfinished {directory}, .*\n.*\n2 finished parts, 1 temporary file of 5 B\n")

    def test_table_with_runs(self):
        (self.dir / "table" / "index.h5").unlink()
        runs = self.dir / "table" / "runs"
        runs.mkdir()
        for name in ("a.h5", "b.h5"):
            shutil.copy(self.segments()[0], runs / name)
        report = self.inspect_one("table")
        self.assertEqual((report["unfinished"]["runs"], report["unfinished"]["runs_bytes"]), (2, 2 * self.segments()[0].stat().st_size))
        self.check_files(report, "table")
        self.check_columns(report, self.parts("table"))
        self.assertRegex(self.text("table"), r"\n3 finished parts, 2 merged segments of [\d.]+ MiB in runs/\n")

    def test_just_begun(self):
        for path in [*self.parts("table"), self.dir / "table" / "index.h5"]:
            path.unlink()
        report = self.inspect_one("table")
        self.assertEqual((report["rows"], report["columns"], report["unfinished"]["parts"]), (0, [], 0))

    def test_bad_job(self):
        (self.dir / "table" / "index.h5").unlink()
        (self.dir / "table" / "job.json").write_text("{")
        self.assert_fails(self.run_ipscore("inspect", "table"), 2, "ipscore inspect: table/job.json: damaged; start over with --restart")


class BadInputTest(InspectTest):
    def setUp(self):
        super().setUp()
        inputs = Inputs(self.dir / "in").write()
        self.ingest("store", *inputs.observations)
        self.prepare("store", "table")
        self.score(inputs, "table", "scores")

    def fails(self, path, line):
        for options in ([], ["--json"]):
            self.assert_fails(self.run_ipscore("inspect", path, *options), 2, f"ipscore inspect: {line}")

    def test_nothing_of_ours(self):
        (self.dir / "empty").mkdir()
        reads = "inspect reads a store, a table, scores, or one .h5 file of them"
        self.fails("none", "cannot read none: No such file or directory")
        self.fails("empty", f"empty: is nothing that ipscore wrote; {reads}")
        self.fails("in", f"in: is nothing that ipscore wrote; {reads}")
        result = self.run_ipscore("inspect", "in/model.toml")
        self.assert_code(result, 2)
        self.assertRegex(result.stderr, r"\Aipscore inspect: in/model\.toml: damaged, truncated or no HDF5 file: [^\n]*\n\Z")
        # One bad path, and nothing is printed of the good one before it.
        self.assert_fails(self.run_ipscore("inspect", "store", "none"), 2, "ipscore inspect: cannot read none: No such file or directory")

    def test_foreign(self):
        line = "is an HDF5 file of another program"
        for name, attributes in (("bare", {}), ("other", {"format": numpy.bytes_("netcdf")})):
            with h5py.File(self.dir / f"{name}.h5", "w") as file:
                file["values"] = numpy.arange(10.0)
                file.attrs.update(attributes)
            self.fails(f"{name}.h5", f"{name}.h5: {line}")
            (self.dir / name).mkdir()
            shutil.copy(self.dir / f"{name}.h5", self.dir / name / "index.h5")
            self.fails(name, f"{name}/index.h5: {line}")

    def test_newer(self):
        with h5py.File(self.dir / "table" / "index.h5", "r+") as file:
            file.attrs.modify("format_version", numpy.uint64(3))
        line = "has format version 3, but this program reads up to 2; use a newer ipscore"
        self.fails("table/index.h5", f"table/index.h5: {line}")
        self.fails("table", f"table/index.h5: {line}")

    def test_damaged(self):
        (segment,) = self.segments()
        name = segment.relative_to(self.dir)
        whole = segment.read_bytes()
        segment.write_bytes(whole[:-1])
        for path in ("store", name):
            result = self.run_ipscore("inspect", path)
            self.assert_code(result, 2)
            self.assertRegex(result.stderr, rf"\Aipscore inspect: {name}: damaged, truncated or no HDF5 file: [^\n]*\n\Z")
        segment.write_bytes(whole)
        (self.dir / "store" / "manifest" / "000002.json").write_text("{}")
        result = self.run_ipscore("inspect", "store")
        self.assert_code(result, 2)
        self.assertRegex(result.stderr, r"\Aipscore inspect: store/manifest/000002\.json: damaged: [^\n]*\n\Z")

    def test_any_damage_is_one_line(self):
        """A byte anywhere in a file: a report, or a line that says what is wrong, and never a crash."""
        for name in ("table/index.h5", "scores/part-00000.h5"):
            whole = (self.dir / name).read_bytes()
            failures = 0
            for at in range(8, len(whole), len(whole) // 60):
                damaged = bytearray(whole)
                damaged[at] ^= 0xff
                (self.dir / name).write_bytes(damaged)
                for path in (name, name.split("/")[0]):
                    result = self.run_ipscore("inspect", path)
                    self.assertIn(result.code, (0, 2), result)
                    self.assertEqual(result.stderr.count("\n"), int(result.code == 2), result)
                    failures += result.code == 2
            self.assertGreater(failures, 10, name)
            (self.dir / name).write_bytes(whole)

    def test_missing_parts(self):
        for directory in ("table", "scores"):
            (self.dir / directory / "part-00000.h5").rename(self.dir / "aside.h5")
            self.fails(directory, f"cannot read {directory}/part-00000.h5: No such file or directory")
            (self.dir / "aside.h5").rename(self.dir / directory / "part-00000.h5")

    def test_part_of_another_table(self):
        self.ingest("other", *Inputs(self.dir / "in2").write("ip,day,key\n192.0.2.1,2026-11-20,k\n").observations)
        self.prepare("other", "other-table")
        shutil.copy(self.dir / "other-table" / "part-00000.h5", self.dir / "table" / "part-00000.h5")
        self.fails("table", "table/part-00000.h5: is not the part that table/index.h5 lists; make the directory again with --restart")

    def test_full_disk(self):
        with open("/dev/full", "wb") as full:
            result = self.run_ipscore("inspect", "store", stdout=full)
        self.assert_fails(result, 3, "ipscore inspect: cannot write standard output: No space left on device")


class TextTest(InspectTest):
    def test_layout(self):
        inputs = write_nasty_inputs(self.dir / "in", 6)
        self.ingest("store", *inputs.observations)
        self.prepare("store", "table", *inputs.days())
        self.score(inputs, "table", "scores")
        text = self.text("store", "table", "scores", "--models", inputs.model)
        for line in text.splitlines():
            self.assertEqual(line, line.rstrip(), "no spaces at the end")
            self.assertRegex(line, r"\A[^\x00-\x1f\x7f]*\Z")
        for title in ("columns", "rows per day", "sources", "heaviest addresses by rows", "heaviest keys by hits", "heaviest tags by rows",
                      "heaviest companies by hits", "rows per score", "models"):
            self.assertIn(f"\n\n{title}\n", text)
        for kind in ("store", "table", "scores"):
            self.assertRegex(text, rf"(?m)^{kind}: {kind}, \d+ files, [\d.]+ KiB$")
        # The cells of a table end below one another.
        table = text.split("\ncolumns\n")[1].split("\n\n")[0].splitlines()
        self.assertEqual({line.index(word) + len(word) for line in table for word in re.findall(r"^ +(\S+(?: [KM]?i?B)?)", line)},
                         {table[0].index("stored") + len("stored")})

    def test_top(self):
        self.ingest("store", *Inputs(self.dir / "in").write().observations)
        text = self.text("store", "--top", "1")
        self.assertRegex(text, r"\nheaviest addresses by rows\n  rows  hits  address\n     2    15  192\.0\.2\.7\n\nheaviest addresses by hits\n"
                               r"  rows  hits  address\n     1   100  2001:db8::1\n\nheaviest keys by rows\n"
                               r"  rows  hits  key\n     3     9  \"shoes\.example\"\n")


class StoppedTest(InspectTest):
    def test_stopped(self):
        self.ingest("store", *self.generate("demo", "3M").observations)
        self.prepare("store", "table")
        process = subprocess.Popen(ipscore("inspect", *["table"] * 50), cwd=self.dir, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, env={**os.environ})
        with self.assertRaises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=10)
        self.assertEqual((process.returncode, out), (75, ""))
        self.assertRegex(err, r"\A[^\n]*stopped on request; run the same command again to resume[^\n]*\n\Z")


if __name__ == "__main__":
    unittest.main()
