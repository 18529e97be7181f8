#!/usr/bin/python3
"""ipscore explain: contributions add up to raw exactly, and are what SPEC makes of the observations."""

import csv
import datetime
import io
import ipaddress
import json
import math
import random
import shutil
import unittest
from collections import defaultdict
from fractions import Fraction

from pipeline_lib import PipelineTest

MODEL = """\
as_of = 2026-11-22
lookback_days = 60
half_life_days = 20
recent_days = 7
half_saturation = 50
company_half_saturation = 500
min_score = 5
exclude_types = ["hosting", "vpn"]
[confident]
min_score = 30
min_keys = 2
min_days = 2
[tags.finance]
lookback_days = 30
half_life_days = 5
half_saturation = 20
"""


def read_csv(text):
    return list(csv.DictReader(io.StringIO(text)))


def ordinal(day):
    return datetime.date.fromisoformat(day).toordinal()


class ExplainTest(PipelineTest):
    @classmethod
    def setUpClass(cls):
        maker = cls.make_origin()
        cls.inputs = maker.generate("data", "400k", "--addresses", "6k", "--keys", "2k", "--tags", "12")
        cls.inputs.model.write_text(MODEL)
        maker.ingest("store", *cls.inputs.observations)
        maker.prepare("store", "table", "--as-of", "2026-11-22", "--lookback-days", "90")
        maker.score(cls.inputs, "table", "scores")
        cls.rows = read_csv(maker.export("scores"))
        cls.company_rows = read_csv(maker.export("scores", "--companies"))
        cls.observations = defaultdict(list)
        for row in read_csv(maker.export("table")):
            cls.observations[row["ip"]].append(row)
        cls.weights = {(row["key"], row["tag"]): int(Fraction(row["weight"]) * 10**6)
                       for row in read_csv(cls.inputs.classification.read_text())}
        cls.networks = [(ipaddress.ip_network(row["network"]), row) for row in read_csv(cls.inputs.companies.read_text())]

    def setUp(self):
        super().setUp()
        for name in ("table", "scores", "data"):
            (self.dir / name).symlink_to(self.origin / name)

    def explain(self, *words):
        return json.loads(self.verb("explain", "--scores", "scores", "--table", "table", *words, "--json").stdout)

    def expected(self, ip, tag):
        """Contributions by (key, day) as SPEC has them, and the observations that are out of the look-back."""
        lookback, half_life = (30, 5) if tag == "finance" else (60, 20)
        inside, outside = {}, set()
        for row in self.observations[ip]:
            weight = self.weights.get((row["key"], tag))
            if weight is None:
                continue
            age = ordinal("2026-11-22") - ordinal(row["day"])
            if not 0 <= age < lookback:
                outside.add((row["key"], row["day"]))
                continue
            decay = math.floor(65536 * 2 ** (-age / half_life) + 0.5)
            inside[row["key"], row["day"]] = int(row["hits"]) * decay * weight
        return inside, outside

    def test_addresses(self):
        random_ = random.Random(1)
        rows = random_.sample(self.rows, 25) + [row for row in self.rows if row["tag"] == "finance"][:5]
        for row in rows:
            ip, tag = row["ip"], row["tag"]
            found = self.explain("--ip", ip, "--tag", tag, "--top", "100000")
            inside, outside = self.expected(ip, tag)
            self.assertEqual({(one["key"], one["day"]): one["raw"] for one in found["contributions"]}, inside)
            self.assertEqual({(one["key"], one["day"]) for one in found["outside_lookback"]}, outside)
            self.assertEqual(sum(one["raw"] for one in found["contributions"]), int(row["raw"]))
            self.assertEqual(len(inside) + len(outside) + found["other_observations"], len(self.observations[ip]))
            sums = found["sums"]
            for name in ("hits", "keys", "days", "raw"):
                self.assertEqual(sums[name], int(row[name]), name)
            self.assertEqual((sums["first_day"], sums["last_day"]), (row["first_day"], row["last_day"]))
            self.assertEqual(sums["confident"], row["confident"] == "1")
            self.assertTrue(found["in_scores"])
            self.assertEqual((found["network"] or {"company": ""})["company"], row["company"])
            for absence in found["without_key"]:
                others = sum(raw for (key, _), raw in inside.items() if key != absence["without"])
                self.assertEqual(absence["raw"], others)
            for absence in found["without_day"]:
                self.assertEqual(absence["raw"], sum(raw for (_, day), raw in inside.items() if day != absence["without"]))
            self.assertEqual(len(found["without_key"]), sums["keys"])

    def test_text(self):
        row = self.rows[len(self.rows) // 2]
        text = self.verb("explain", "--scores", "scores", "--table", "table", "--ip", row["ip"], "--tag", row["tag"]).stdout
        self.assertTrue(text.startswith(f"{row['ip']}, {row['tag']}: score {row['score']}, surge {row['surge']}, "), text)
        self.assertIn(f"raw {row['raw']}", text)

    def test_below_min_score_excluded_and_unseen(self):
        written = {(row["ip"], row["tag"]) for row in self.rows}
        tags = sorted({tag for _, tag in self.weights})

        def network(ip):
            held = [entry for entry in self.networks if ipaddress.ip_address(ip) in entry[0]]
            return max(held, key=lambda entry: entry[0].prefixlen)[1] if held else None

        below = next((ip, tag) for ip in list(self.observations)[:300] for tag in tags
                     if (ip, tag) not in written and self.expected(ip, tag)[0]
                     and (network(ip) or {"type": ""})["type"] not in ("hosting", "vpn"))
        found = self.explain("--ip", below[0], "--tag", below[1])
        self.assertFalse(found["in_scores"])
        self.assertLess(found["sums"]["score"], 5)
        excluded = next(ip for ip in self.observations if (network(ip) or {"type": ""})["type"] in ("hosting", "vpn"))
        found = self.explain("--ip", excluded, "--tag", tags[0])
        self.assertTrue(found["excluded"])
        self.assertFalse(found["in_scores"])
        found = self.explain("--ip", "2001:db8:ffff::1", "--tag", tags[0])
        self.assertFalse(found["in_table"])
        self.assertEqual(found["contributions"], [])

    def test_companies(self):
        for row in random.Random(2).sample(self.company_rows, 10):
            found = self.explain("--company", row["company"], "--tag", row["tag"], "--top", "100000")
            self.assertEqual(sum(one["company_raw"] for one in found["addresses"]), int(row["raw"]))
            self.assertEqual(len(found["addresses"]), int(row["addresses"]))
            self.assertEqual(found["addresses_left_out"], 0)
            for one in found["addresses"]:
                inside, _ = self.expected(one["ip"], row["tag"])
                self.assertEqual(one["sums"]["raw"], sum(inside.values()))
                self.assertEqual(one["company_raw"], sum(inside.values()) * one["confidence_millionths"] // 10**6)
            few = self.explain("--company", row["company"], "--tag", row["tag"], "--top", "1")
            self.assertEqual(few["addresses"], found["addresses"][:1])
            self.assertEqual(few["addresses_left_out_raw"], int(row["raw"]) - found["addresses"][0]["company_raw"])

    def test_after_an_address_was_forgotten(self):
        for name in ("store", "table", "scores"):
            shutil.copytree(self.origin / name, self.dir / f"my-{name}")
        gone = self.rows[0]["ip"]
        self.verb("forget", "--store", "my-store", "--ip", gone, "--table", "my-table", "--scores", "my-scores")
        words = ["explain", "--scores", "my-scores", "--table", "my-table", "--json"]
        row = self.rows[-1]
        found = json.loads(self.verb(*words, "--ip", row["ip"], "--tag", row["tag"]).stdout)
        self.assertEqual(found["sums"]["raw"], int(row["raw"]))
        self.assert_fails(self.run_ipscore(*words, "--ip", gone, "--tag", row["tag"]), 2,
                          "ipscore explain: my-table: is not the table that my-scores was made from; prepare that one again, or "
                          "score this one")

    def test_what_cannot_be_explained(self):
        self.prepare(self.origin / "store", "other", "--as-of", "2026-11-22", "--lookback-days", "61")
        words = ["explain", "--scores", "scores", "--ip", "192.0.2.1"]
        self.assert_fails(self.run_ipscore(*words, "--table", "other", "--tag", "finance"), 2,
                          "ipscore explain: other: is not the table that scores was made from; prepare that one again, or score this one")
        self.assert_fails(self.run_ipscore(*words, "--table", "table", "--tag", "finanze"), 2,
                          'ipscore explain: scores: there is no tag "finanze"; ipscore inspect lists what there is')
        self.assert_fails(self.run_ipscore("explain", "--scores", "scores", "--table", "table", "--company", "nobody", "--tag", "finance"), 2,
                          'ipscore explain: scores: there is no company "nobody"')
        self.assert_fails(self.run_ipscore(*words, "--table", "table", "--tag", "finance", "--company", "x"), 2,
                          "ipscore explain: explain takes --ip or --company, and not both; see ipscore explain --help")


if __name__ == "__main__":
    unittest.main()
