#!/usr/bin/python3
"""ipscore diff: every planted difference is found, and nothing else; in every mix of forms, on any number of ranks."""

import csv
import gzip
import io
import ipaddress
import json
import math
import os
import random
import re
import shutil
import struct
import unittest
from collections import Counter, defaultdict

from pipeline_lib import PipelineTest

F32_COLUMNS = {"score", "surge"}
DAY_COLUMNS = {"first_day", "last_day"}
TEXT_COLUMNS = {"company"}
WITHOUT_DISTANCE = {"company", "confident"}
SCORES_KEY = ("ip", "tag")


def f32(number):
    return struct.unpack("<f", struct.pack("<f", number))[0]


def next_f32(number):
    bits = struct.unpack("<I", struct.pack("<f", number))[0]
    return struct.unpack("<f", struct.pack("<I", bits + 1))[0]


def f32_text(number):
    """The shortest plain decimal that reads back as the same f32."""
    if math.isinf(number):
        return "inf"
    for digits in range(1, 12):
        text = f"{number:.{digits}g}"
        if f32(float(text)) == number:
            break
    return f"{float(text):.60f}".rstrip("0").rstrip(".")


def value_of(column, text):
    if column in F32_COLUMNS:
        return f32(float(text))
    return text if column in TEXT_COLUMNS | DAY_COLUMNS else int(text)


class Expected:
    """What a diff has to find, by the simplest means."""

    def __init__(self, header, old, new, key):
        self.rows = Counter()
        self.columns = Counter()
        self.absolute_max = defaultdict(float)
        self.duplicates = Counter()
        index = [header.index(name) for name in key]
        sides = defaultdict(lambda: ([], []))
        for side, rows in ((0, old), (1, new)):
            for row in rows:
                sides[tuple(row[i] for i in index)][side].append(row)
        for in_old, in_new in sides.values():
            if len(in_old) > 1 or len(in_new) > 1:
                self.duplicates.update({"keys": 1, "rows_old": len(in_old), "rows_new": len(in_new)})
            elif not in_old or not in_new:
                self.rows["only_new" if in_new else "only_old"] += 1
            else:
                self.rows[self.pair(header, in_old[0], in_new[0], key)] += 1

    def pair(self, header, old, new, key):
        outcome = "equal"
        for column, before, now in zip(header, old, new):
            if column in key:
                continue
            a, b = value_of(column, before), value_of(column, now)
            if a != b:
                outcome = "changed"
                self.columns[column] += 1
                if column not in WITHOUT_DISTANCE | DAY_COLUMNS and not math.isinf(a - b):
                    self.absolute_max[column] = max(self.absolute_max[column], abs(a - b))
        return outcome


def read_rows(text):
    rows = list(csv.reader(io.StringIO(text)))
    return rows[0], rows[1:]


def write_rows(path, header, rows):
    with open(path, "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


def plant(header, rows, random_):
    """A copy of the rows with differences of every kind, still in order of their keys."""
    column = {name: i for i, name in enumerate(header)}
    planted = []
    for row in rows:
        dice = random_.random()
        if dice > 0.12:
            planted.append(row)
            continue
        row = list(row)
        kind = random_.choice(["score", "ulp", "raw", "hits", "company", "confident", "day", "surge", "missing", "duplicate"])
        if kind == "missing":
            continue
        if kind == "duplicate":
            planted += [row, row]
            continue
        if kind == "score":
            row[column["score"]] = f32_text(f32(random_.random() * 100))
        elif kind == "ulp":
            row[column["score"]] = f32_text(next_f32(float(row[column["score"]])))
        elif kind in ("raw", "hits"):
            row[column[kind]] = str(int(row[column[kind]]) + random_.choice([1, 10, 12345678]))
        elif kind == "company":
            row[column["company"]] = random_.choice(["", "Somebody, Else"])
        elif kind == "confident":
            row[column["confident"]] = str(1 - int(row[column["confident"]]))
        elif kind == "day":
            row[column["first_day"]] = "2026-08-30"
        elif kind == "surge":
            row[column["surge"]] = "inf" if row[column["surge"]] != "inf" else "2"
        planted.append(row)
        if random_.random() < 0.2:
            extra = list(row)
            extra[column["tag"]] += "\x7f extra"  # behind its own tag, and before any other
            planted.append(extra)
    return planted


class DiffTest(PipelineTest):
    """On scores of some 40 000 rows in 5 parts."""

    @classmethod
    def setUpClass(cls):
        maker = cls.make_origin()
        cls.inputs = maker.generate("data", "1.2M", "--addresses", "4k", "--keys", "3k")
        maker.ingest("store", *cls.inputs.observations)
        maker.prepare("store", "table", *cls.inputs.days())
        maker.score(cls.inputs, "table", "scores")
        maker.verb("export", "scores", "--output", "scores.csv")
        cls.header, cls.rows = read_rows((maker.dir / "scores.csv").read_text())

    def setUp(self):
        super().setUp()
        for name in ("table", "scores", "scores.csv", "data", "store"):
            (self.dir / name).symlink_to(self.origin / name)

    def diff(self, *words, code=None, ranks=None, **options):
        """The JSON of a diff, without what differs from run to run."""
        result = (self.run_mpirun(ranks, "diff", *words, "--json", **options) if ranks
                  else self.run_ipscore("diff", *words, "--json", **options))
        if code is not None:
            self.assert_code(result, code)
        self.assertIn(result.code, (0, 1), result)
        found = json.loads(result.stdout)
        self.assertEqual(found["same"], result.code == 0)
        found.pop("seconds", None)
        return found

    @staticmethod
    def without_paths(found):
        found = json.loads(json.dumps(found))
        for side in ("old", "new"):
            found[side].pop("path")
            found[side].pop("kind")
        found.pop("parts_skipped")
        found.pop("inputs")
        return found

    def assert_found(self, found, expected):
        self.assertEqual({name: count for name, count in found["rows"].items() if count}, dict(+expected.rows))
        duplicates = {name: found["duplicates"][name] for name in ("keys", "rows_old", "rows_new")}
        self.assertEqual(+Counter(duplicates), +expected.duplicates)
        columns = {column["name"]: column for column in found["columns"]}
        self.assertEqual({name: column["rows"] for name, column in columns.items() if column["rows"]}, dict(expected.columns))
        for name, largest in expected.absolute_max.items():
            self.assertEqual(columns[name]["absolute_max"], largest, name)
        for column in found["columns"]:
            measured = column["rows"] - column["rows_without_distance"] - column["rows_infinite"]
            self.assertEqual(sum(column["absolute"].values()), measured, column["name"])

    def test_the_same_in_every_form(self):
        self.verb("export", "scores", "--output", "packed.h5")
        self.verb("export", "scores", "--output", "scores.csv.gz")
        self.verb("export", "scores", "--output", "scores.csv.zst")
        tabs = "".join("\t".join(row) + "\r\n" for row in [self.header, *self.rows])
        (self.dir / "scores.tsv").write_bytes(b"\xef\xbb\xbf" + tabs.encode())
        forms = ["scores", "packed.h5", "scores.csv", "scores.csv.gz", "scores.csv.zst", "scores.tsv"]
        for old, new in [(form, other) for form in forms for other in forms if "scores" in (form, other) or form == other]:
            with self.subTest(old=old, new=new):
                found = self.diff(old, new, code=0)
                self.assertEqual(found["rows"]["equal"], len(self.rows))
                self.assertEqual(found["old"]["rows"], len(self.rows))
        self.assertEqual(self.diff("scores", "scores")["parts_skipped"], len(list((self.origin / "scores").glob("part-*.h5"))))

    def test_every_planted_difference(self):
        for seed in range(2):
            random_ = random.Random(seed)
            planted = plant(self.header, self.rows, random_)
            write_rows(self.dir / "planted.csv", self.header, planted)
            expected = Expected(self.header, self.rows, planted, SCORES_KEY)
            self.assertGreater(sum(expected.rows.values()) - expected.rows["equal"], 2000)
            found = self.diff("scores", "planted.csv", code=1)
            self.assert_found(found, expected)
            self.assertEqual(self.without_paths(self.diff("scores.csv", "planted.csv", code=1)), self.without_paths(found))
            back = Expected(self.header, planted, self.rows, SCORES_KEY)
            self.assert_found(self.diff("planted.csv", "scores", code=1), back)
            # In any order, which nothing but the time depends on; in no more memory than is left.
            random_.shuffle(planted)
            write_rows(self.dir / "shuffled.csv", self.header, planted)
            shuffled = self.diff("scores", "shuffled.csv", "--memory", "80MiB", code=1)
            self.assertEqual(self.without_paths(shuffled)["rows"], found["rows"])
            self.assertEqual(self.without_paths(shuffled)["columns"], self.without_paths(found)["columns"])
            random_.shuffle(planted)
            write_rows(self.dir / "again.csv", self.header, planted)
            same = self.diff("shuffled.csv", "again.csv", code=1)
            self.assertEqual(same["rows"]["changed"] + same["rows"]["only_old"] + same["rows"]["only_new"], 0)
            self.assertEqual(same["duplicates"]["keys"], expected.duplicates["keys"])

    def test_a_changed_weight_is_told_by_its_tags(self):
        weights = list(csv.DictReader(io.StringIO((self.origin / "data/classification.csv").read_text())))
        by_key = defaultdict(list)
        for row in weights:
            by_key[row["key"]].append(row)
        # A key that is seen, which the first of the rows of a common tag tells.
        seen = Counter()
        with open(self.origin / "data/observations.csv", newline="") as file:
            for row in csv.DictReader(file):
                seen[row["key"]] += 1
        key = next(key for key, _ in seen.most_common(400)[200:] if len(by_key[key]) == 2)
        for row in by_key[key]:
            row["weight"] = "0.5" if row["weight"] != "0.5" else "0.25"
        with open(self.dir / "changed.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, ["key", "tag", "weight"])
            writer.writeheader()
            writer.writerows(weights)
        self.verb("score", "--table", "table", "--classification", "changed.csv", "--companies", "data/companies.csv",
                  "--model", "data/model.toml", "--output", "new")
        found = self.diff("scores", "new", code=1)
        self.assertEqual(found["findings"][0]["dimension"], "tag")
        self.assertEqual(sorted(found["findings"][0]["values"]), sorted(row["tag"] for row in by_key[key]))
        self.assertEqual(found["findings"][0]["explained"], 1)
        self.assertEqual(found["findings"][0]["rest"], 0)
        self.assertEqual([entry["name"] for entry in found["inputs"]], ["classification"])
        changed = {column["name"] for column in found["columns"] if column["rows"]}
        self.assertLessEqual({"score", "raw"}, changed)
        self.assertLessEqual(changed, {"score", "raw", "surge", "confident"})
        # The same by way of CSV, and on ranks.
        self.verb("export", "new", "--output", "new.csv")
        self.assertEqual(self.without_paths(self.diff("scores.csv", "new.csv")), self.without_paths(found))
        for ranks in (1, 2, 3):
            self.assertEqual(self.diff("scores", "new", code=1, ranks=ranks), found, f"{ranks} ranks")
        self.assertEqual(self.diff("scores", "new", "--threads", "3"), found)
        companies = self.diff("scores", "new", "--companies", code=1)
        self.assertEqual(companies["old"]["kind"], "company rows")
        self.assertGreater(companies["rows"]["changed"], 0)
        self.assertEqual(companies["rows"]["only_old"] + companies["rows"]["only_new"], 0)
        self.verb("export", "new", "--companies", "--output", "companies.csv")
        self.diff("new", "companies.csv", "--companies", code=0)
        self.assertEqual(self.without_paths(self.diff("scores", "companies.csv", "--companies")), self.without_paths(companies))

    def test_parts_find_what_text_finds(self):
        """Columns are compared where rows lie alike, rows where not; text knows neither. All of them find the same."""
        model = (self.origin / "data/model.toml").read_text()
        networks = list(csv.reader(io.StringIO((self.origin / "data/companies.csv").read_text())))
        header, networks = networks[0], networks[1:]
        name, kind = header.index("company"), header.index("type")
        others = [row[:] for row in networks]
        others[0][name], others[-1][name] = others[-1][name], others[0][name]
        for row in others[::7]:
            row[header.index("confidence")] = "0.125"
        # One network of the first address: all other parts are the same, and not decoded until there is a difference.
        first = ipaddress.ip_address(self.rows[0][0])
        one = [row[:] for row in networks] + [[f"{first}/{first.max_prefixlen}"] + networks[0][1:]]
        one[-1][name], one[-1][kind] = networks[-1][name], "business"
        excluded = [row[:] for row in networks]
        for row in excluded[::20]:
            row[kind] = "vpn"
        variants = {
            "other companies of networks": (model, others),
            "one address": (model, one),
            "networks excluded": (model, excluded),
            "half-life": (re.sub(r"(?m)^half_life_days.*", "half_life_days = 11.5", model), networks),
            "min_score": (re.sub(r"(?m)^min_score = 0.0.*", "min_score = 3", model, count=1), networks),
            "recent days": (re.sub(r"(?m)^recent_days.*", "recent_days = 3", model), networks),
        }
        for what, (model_text, rows) in variants.items():
            with self.subTest(what):
                (self.dir / "model.toml").write_text(model_text)
                write_rows(self.dir / "companies.csv", header, rows)
                self.verb("score", "--table", "table", "--classification", "data/classification.csv", "--companies", "companies.csv",
                          "--model", "model.toml", "--output", "new", "--restart")
                self.verb("export", "new", "--output", "new.csv")
                found = self.diff("scores", "new", code=1)
                if what == "one address":
                    self.assertGreater(found["parts_skipped"], 0)
                new_header, new_rows = read_rows((self.dir / "new.csv").read_text())
                self.assert_found(found, Expected(new_header, self.rows, new_rows, SCORES_KEY))
                self.assertEqual(self.without_paths(self.diff("scores.csv", "new.csv", code=1)), self.without_paths(found))
                self.assertEqual(self.diff("scores", "new", code=1, ranks=2), found)
                options = ("--ignore", "company,score", "--tolerance", "raw=rel:0.3", "--samples", "3")
                self.assertEqual(self.without_paths(self.diff("scores.csv", "new.csv", *options)),
                                 self.without_paths(self.diff("scores", "new", *options)))

    def test_shifted_tags_and_other_cuts(self):
        # More tags, so that each has another number, and a table of more days, which is cut elsewhere.
        with open(self.dir / "classification.csv", "w") as file:
            file.write((self.origin / "data/classification.csv").read_text())
            file.write("a key that nobody saw,\t a tag before all others,1\n")
        (self.dir / "later.csv").write_text("ip,day,key,hits\n" + "".join(
            f"10.{i // 65536}.{i // 256 % 256}.{i % 256},2026-12-24,later.example,1\n" for i in range(300_000)))
        shutil.copytree(self.origin / "store", self.dir / "more")
        self.ingest("more", "later.csv")
        self.prepare("more", "longer", "--as-of", "2026-12-24", "--lookback-days", "128")
        self.verb("score", "--table", "longer", "--classification", "classification.csv", "--companies", "data/companies.csv",
                  "--model", "data/model.toml", "--output", "new")
        found = self.diff("scores", "new", code=0)
        self.assertEqual(found["parts_skipped"], 0)
        self.assertEqual(found["rows"]["equal"], len(self.rows))
        self.assertEqual({entry["name"] for entry in found["inputs"]}, {"classification", "table"})
        self.assertNotEqual(len(list((self.dir / "new").glob("part-*.h5"))), len(list((self.origin / "scores").glob("part-*.h5"))))
        for ranks in (2, 3):
            self.assertEqual(self.diff("new", "scores", code=0, ranks=ranks)["rows"], found["rows"])
        # Of the tables themselves, the rows of the days that one of them has alone.
        tables = self.diff("table", "longer", code=1)
        self.assertEqual(tables["rows"]["only_old"] + tables["rows"]["changed"], 0)
        self.assertGreaterEqual(tables["rows"]["only_new"], 300_000)

    def test_tables(self):
        self.verb("export", "table", "--output", "table.csv.gz")
        self.verb("export", "table", "--output", "packed.h5")
        for other in ("table.csv.gz", "packed.h5", "table"):
            with self.subTest(other=other):
                self.diff("table", other, code=0)
        with gzip.open(self.dir / "table.csv.gz", "rt", newline="") as file:
            lines = file.read().split("\n")
        lines[5] = lines[5].rsplit(",", 1)[0] + ",4294967295"
        (self.dir / "table.csv").write_text("\n".join(lines[:100] + lines[101:]))
        found = self.diff("table", "table.csv", code=1)
        self.assertEqual(found["rows"]["changed"], 1)
        self.assertEqual(found["rows"]["only_old"], 1)
        key = found["columns"][0]["samples"]["worst"][0]["key"]
        self.assertEqual(list(key), ["ip", "key", "day"])
        self.assertEqual(found["columns"][0]["samples"]["worst"][0]["new"], {"hits": "4294967295"})


class TextTest(PipelineTest):
    """Small files, written by hand."""

    OLD = "ip,tag,score,hits\n192.0.2.1,a,10,5\n192.0.2.1,b,20,6\n192.0.2.2,a,30,7\n"

    def write(self, name, text):
        (self.dir / name).write_text(text)

    def diff(self, *words, code):
        result = self.run_ipscore("diff", *words, "--json")
        self.assert_code(result, code)
        return json.loads(result.stdout)

    def test_tolerances(self):
        self.write("old.csv", self.OLD)
        self.write("new.csv", self.OLD.replace("10,5", "10.5,5").replace("30,7", "33,7"))
        self.diff("old.csv", "new.csv", code=1)
        found = self.diff("old.csv", "new.csv", "--tolerance", "score=abs:0.5", code=1)
        self.assertEqual(found["rows"]["changed"], 1)
        self.assertEqual(found["columns"][0]["rows_within_tolerance"], 1)
        self.diff("old.csv", "new.csv", "--tolerance", "score=abs:0.5", "--tolerance", "score=rel:0.1", code=0)
        self.diff("old.csv", "new.csv", "--ignore", "score", code=0)

    def test_columns_of_another_system(self):
        self.write("old.csv", self.OLD)
        self.write("new.csv", 'client_ip,topic,rank,n,"more, even"\n::ffff:192.0.2.1,b,2.0e1,6.0,x\n192.0.2.1,a,+10,5,y\n192.0.2.2,a,30.0,7,z\n')
        mapping = ("--columns", "ip=client_ip,tag=topic", "--columns", "score=rank,hits=n")
        found = self.diff("old.csv", "new.csv", *mapping, code=1)
        self.assertEqual(found["new"]["columns_alone"], ["more, even"])
        self.assertEqual(found["rows"]["equal"], 3)
        self.diff("old.csv", "new.csv", *mapping, "--ignore", '"more, even"', code=0)

    def test_missing_nan_and_infinite(self):
        header = "ip,tag,score\n"
        self.write("old.csv", header + "1.1.1.1,a,\n1.1.1.1,b,nan\n1.1.1.1,c,inf\n1.1.1.1,d,0\n1.1.1.1,e,1\n1.1.1.1,f,1\n1.1.1.1,g,inf\n")
        self.write("new.csv", header + "1.1.1.1,a,\n1.1.1.1,b,NaN\n1.1.1.1,c,Infinity\n1.1.1.1,d,-0\n1.1.1.1,e,\n1.1.1.1,f,nan\n1.1.1.1,g,3\n")
        found = self.diff("old.csv", "new.csv", "--tolerance", "score=abs:1e30", code=1)
        self.assertEqual(found["rows"], {"equal": 4, "changed": 3, "only_old": 0, "only_new": 0})
        self.assertEqual(found["columns"][0]["rows_without_distance"], 2)
        self.assertEqual(found["columns"][0]["rows_infinite"], 1)

    def test_other_files_by_key(self):
        self.write("old.csv", 'campaign,day,spent,note\nx,2026-11-01,1.50,"a\nb"\ny,2026-11-01,2,c\nx,2026-11-02,3,d\n')
        self.write("new.csv", 'day,campaign,note,spent\n2026-11-02,x,e,3.0\n2026-11-01,x,"a\nb",1.5\n2026-11-01,y,c,2.25\n')
        found = self.diff("old.csv", "new.csv", "--key", "campaign,day", code=1)
        self.assertEqual(found["rows"], {"equal": 1, "changed": 2, "only_old": 0, "only_new": 0})
        columns = {column["name"]: column for column in found["columns"]}
        self.assertEqual(columns["spent"]["absolute_max"], 0.25)
        self.assertEqual(columns["note"]["rows_without_distance"], 1)

    def test_out_of_order_where_blocks_of_text_meet(self):
        # Lines of 64 bytes, so that blocks of 256 KiB end with each 4096th.
        header = "ip,tag," + "x" * 56 + "\n"
        rows = [f"10.{100 + i // 100}.{100 + i % 100}.100,a,{'y' * 46}\n" for i in range(9000)]
        self.assertEqual({len(row) for row in [header, *rows]}, {64})
        self.write("sorted.csv", header + "".join(rows))
        for cut in range(4090, 4100):
            self.write("new.csv", header + "".join(rows[-cut:] + rows[:-cut]))
            found = self.diff("sorted.csv", "new.csv", code=0)
            self.assertEqual(found["rows"]["equal"], 9000)

    def test_duplicates_are_never_equal(self):
        self.write("old.csv", self.OLD + "192.0.2.2,a,30,7\n")
        found = self.diff("old.csv", "old.csv", code=1)
        self.assertEqual(found["rows"]["equal"], 2)
        self.assertEqual([found["duplicates"][name] for name in ("keys", "rows_old", "rows_new")], [1, 2, 2])
        sample = found["duplicates"]["samples"]["first"][0]
        self.assertEqual(sample["key"], {"ip": "192.0.2.2", "tag": "a"})
        self.assertEqual((sample["rows_old"], sample["rows_new"]), (2, 2))

    def test_series(self):
        for day, text in (("2026-11-20", self.OLD), ("2026-11-21", self.OLD), ("2026-11-22", self.OLD)):
            for side in ("old", "new"):
                (self.dir / side).mkdir(exist_ok=True)
                self.write(f"{side}/{'scores-' if side == 'old' else ''}{day}.csv", text)
        self.write("new/notes.txt", "no date, so nobody looks")
        self.assertTrue(self.diff("--series", "old", "new", code=0)["same"])
        self.write("new/2026-11-21.csv", self.OLD.replace("20,6", "21,6"))
        (self.dir / "old/scores-2026-11-22.csv").unlink()
        result = self.run_ipscore("diff", "--series", "old", "new", "--report", "week.html")
        self.assert_code(result, 1)
        self.assertEqual(result.stdout.splitlines(), [
            "2026-11-20  the same: 3 rows",
            "2026-11-21  different: 1 changed (of 3 rows in OLD and 3 in NEW)",
            "2026-11-22  missing in old",
            "different on 2 of 3 days"])
        page = (self.dir / "week.html").read_text()
        for day in ("2026-11-20", "2026-11-21", "2026-11-22"):
            self.assertIn(day, page)
        self.write("old/scores-2026-11-22.csv", "ip,tag,score\nnobody,a,1\n")
        result = self.run_ipscore("diff", "--series", "old", "new")
        self.assert_code(result, 2)
        self.assertIn('2026-11-22  not compared: old/scores-2026-11-22.csv:2: column ip: "nobody" is no IPv4 or IPv6 address',
                      result.stdout)
        self.write("old/2026-11-20-again.csv", self.OLD)
        self.assert_fails(self.run_ipscore("diff", "--series", "old", "new"), 2,
                          "ipscore diff: old/2026-11-20-again.csv and scores-2026-11-20.csv are of one day; --series takes one of each")

    def test_the_page_is_whole_and_alone(self):
        self.write("old.csv", self.OLD)
        self.write("new.csv", "ip,tag,score,hits\n192.0.2.1,<script>alert(1)</script>,10,5\n192.0.2.1,b,21,6\n192.0.2.2,a,30,7\n")
        result = self.run_ipscore("diff", "old.csv", "new.csv", "--report", "diff.html")
        self.assert_code(result, 1)
        page = (self.dir / "diff.html").read_text()
        self.assertTrue(page.startswith("<!DOCTYPE html>"))
        self.assertIn("&lt;script&gt;alert(1)&lt;/script&gt;", page)
        self.assertNotIn("<script", page)
        self.assertIsNone(re.search(r"(src|href)=|url\(|https?:", page))
        self.assertIn("<svg", page)
        self.assertIn(result.stdout.splitlines()[0], page)

    def test_what_cannot_be_compared(self):
        self.write("old.csv", self.OLD)
        self.write("other.csv", "a,b\n1,2\n")
        self.write("bad.csv", self.OLD.replace("20,6", "20,six"))
        self.write("short.csv", self.OLD.replace("20,6", "20"))
        self.write("empty.csv", "")
        cases = {
            ("old.csv", "missing.csv"): "ipscore diff: cannot read missing.csv: No such file or directory",
            ("old.csv", "empty.csv"): "ipscore diff: empty.csv: is empty: there is no header",
            ("old.csv", "bad.csv"): 'ipscore diff: bad.csv:3: column hits: "six" is no whole number from 0 to 2^64-1',
            ("old.csv", "short.csv"): "ipscore diff: short.csv:3: has 3 fields, and the header has 4",
            ("old.csv", "old.csv", "--ignore", "socre"):
                'ipscore diff: --ignore "socre": there is no such column; old.csv has ip, tag, score, hits, and old.csv has ip, tag, score, hits',
            ("old.csv", "old.csv", "--tolerance", "tag=abs:1"): 'ipscore diff: --tolerance "tag": is what rows are matched by',
            ("old.csv", "old.csv", "--tolerance", "score=1"):
                "ipscore diff: the option --tolerance needs a column with a size above 0, such as score=abs:1e-6 or "
                "surge=rel:0.0001, not 'score=1'; see ipscore diff --help",
            ("old.csv",): "ipscore diff: OLD and NEW are missing, or one of them; see ipscore diff --help",
        }
        for words, line in cases.items():
            with self.subTest(words=words):
                self.assert_fails(self.run_ipscore("diff", *words), 2, line)
        os.mkfifo(self.dir / "pipe")
        self.assert_fails(self.run_ipscore("diff", "pipe", "old.csv"), 2,
                          "ipscore diff: pipe: is no plain file, and diff reads more than once; write it to one")
        result = self.run_ipscore("diff", "other.csv", "other.csv")
        self.assert_code(result, 2)
        self.assertIn("name others with --key", result.stderr)


if __name__ == "__main__":
    unittest.main()
