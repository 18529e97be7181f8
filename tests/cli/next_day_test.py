#!/usr/bin/python3
"""`prepare --previous`: day after day a table out of the one before, whatever happens to the store in between, beside one that is
prepared in full."""

import datetime
import random
import shutil
import unittest

from corrections_test import CorrectionTest
from pipeline_lib import snapshot

FIRST_DAY = datetime.date(2026, 9, 20)
DAYS = 40
LOOKBACK = 14


def day_text(number):
    return (FIRST_DAY + datetime.timedelta(days=number)).isoformat()


class NextDayTest(CorrectionTest):
    def make_days(self, seed, rows_a_day=400):
        """A file for each day, some of whose rows belong to days before; some addresses have rows on every day."""
        random_ = random.Random(seed)
        self.files = {}
        for day in range(DAYS):
            path = self.dir / f"day-{seed}-{day:02}.csv"
            rows = []
            for _ in range(rows_a_day):
                of = day if random_.random() < 0.8 else max(0, day - random_.randrange(1, 20))
                ip = f"192.0.2.{random_.randrange(9)}" if random_.random() < 0.3 else f"198.51.{random_.randrange(9)}.{random_.randrange(256)}"
                # Keys come and go, so that some of a table have no rows any more.
                key = f"key-{random_.choice([random_.randrange(20), 1000 + day * 10 + random_.randrange(10)])}"
                rows.append(f"{ip},{day_text(of)},{key},{random_.choice([1, 2, 3, 4294967295])}\n")
            path.write_text("ip,day,key,hits\n" + "".join(rows))
            self.files[day] = path
        return random_

    def tables(self, name, as_of, *options, previous=None, ranks=None):
        days = ["--as-of", day_text(as_of), "--lookback-days", LOOKBACK, *options]
        more = ["--previous", previous] if previous else []
        return self.prepare("store", name, *days, *more, ranks=ranks)

    def assert_same_table(self, full, other, what):
        result = self.run_ipscore("diff", full, other)
        self.assertEqual(result.code, 0, f"{what}\n{result}")
        self.assert_same_text(self.export(other), self.export(full), what)

    def classification(self, keys):
        path = self.dir / "classification.csv"
        path.write_text("key,tag,weight\n" + "".join(f"key-{key},tag {key % 3},0.5\n" for key in keys))
        return path

    def something_happens(self, random_, ingested, seed):
        """Returns what it was."""
        what = random_.choice(["nothing", "nothing", "replace", "forget", "compact", "prune", "again"])
        if what == "replace":
            day = random_.choice(sorted(ingested))
            lines = self.files[day].read_text().splitlines(keepends=True)
            kept = [line for line in lines[1:] if random_.random() < 0.9]
            new = self.files[day].with_name(f"new-{seed}-{self.files[day].name}")
            new.write_text(lines[0] + "".join(kept) + f"203.0.113.{seed % 200},{day_text(day)},key-5,1\n")
            self.verb("ingest", "--store", "store", "--replace", self.files[day], new)
            self.files[day] = new
        elif what == "forget":
            self.verb("forget", "--store", "store", "--ip", random_.choice([f"192.0.2.{random_.randrange(9)}", f"198.51.{random_.randrange(9)}.0/26"]))
        elif what == "compact":
            self.verb("compact", "--store", "store")
        elif what == "prune":
            self.verb("prune", "--store", "store", "--keep-days", random_.choice([8, 13, 20, 30]), "--as-of", day_text(max(ingested)))
        elif what == "again":
            self.verb("ingest", "--store", "store", "--again", self.files[random_.choice(sorted(ingested))])
        return what

    def run_days(self, seed, classified=False):
        random_ = self.make_days(seed)
        options = ["--classification", self.classification(list(range(0, 15)) + list(range(1000, 1200)))] if classified else []
        ingested = set(range(LOOKBACK))
        late = set()
        self.ingest("store", *(self.files[day] for day in sorted(ingested)))
        as_of = LOOKBACK - 1
        self.tables("table-0", as_of, *options)
        happened = []
        for round_ in range(1, 13):
            before = as_of
            as_of = min(DAYS - 1, as_of + random_.choice([0, 1, 1, 1, 2, 5]))
            for day in range(before + 1, as_of + 1):
                (late if random_.random() < 0.2 else ingested).add(day)
            for day in sorted(late):
                if random_.random() < 0.4:
                    late.discard(day)
                    ingested.add(day)
            for day in sorted(ingested):
                self.ingest("store", self.files[day])  # those that are there count once
            happened.append(self.something_happens(random_, ingested, seed * 100 + round_))
            what = f"seed {seed}, round {round_}, {happened}"
            ranks = random_.choice([None, None, 2])
            self.tables("full", as_of, *options)
            memory = random_.choice([(), (), ("--memory", "48MiB")])
            self.tables(f"table-{round_}", as_of, *options, *memory, previous=f"table-{round_ - 1}", ranks=ranks)
            self.assert_same_table("full", f"table-{round_}", what)
            shutil.rmtree(self.dir / "full")
            # Finished already, and found so.
            again = self.tables(f"table-{round_}", as_of, *options, previous=f"table-{round_ - 1}")
            self.assertIn("is finished already", again.stderr)

    def test_whatever_happens(self):
        for seed in (1, 2, 3):
            self.run_days(seed)
            shutil.rmtree(self.dir / "store")
            for table in self.dir.glob("table-*"):
                shutil.rmtree(table)

    def test_with_a_classification(self):
        self.run_days(4, classified=True)

    def test_other_lookbacks(self):
        self.make_days(5)
        self.ingest("store", *self.files.values())
        for of, to in (((20, 10), (25, 10)), ((20, 10), (25, 20)), ((20, 10), (10, 5)), ((5, 3), (35, 3)), ((20, 10), (20, 4))):
            words = [["--as-of", day_text(as_of), "--lookback-days", days] for as_of, days in (of, to)]
            self.prepare("store", "old", *words[0], "--restart")
            self.prepare("store", "full", *words[1], "--restart")
            self.prepare("store", "new", *words[1], "--previous", "old", "--restart")
            self.assert_same_table("full", "new", f"{of} to {to}")

    def test_scores_are_the_same(self):
        inputs = self.generate("demo", "200k")
        pieces = self.split(inputs, 5)
        self.ingest("store", *pieces[:4])
        self.prepare("store", "old", "--as-of", "2026-11-21", "--lookback-days", 90)
        self.ingest("store", pieces[4])
        self.prepare("store", "full", "--as-of", "2026-11-22", "--lookback-days", 90)
        self.prepare("store", "new", "--as-of", "2026-11-22", "--lookback-days", 90, "--previous", "old", ranks=2)
        for table in ("full", "new"):
            self.score(inputs, table, f"{table}-scores")
        self.assert_same_exports(self.exports("new", "new-scores"), self.exports("full", "full-scores"), "scores")

    def test_of_another_store_or_classification(self):
        self.make_days(6, rows_a_day=50)
        self.ingest("other", *list(self.files.values())[:20])
        self.ingest("store", *list(self.files.values())[10:25])
        self.prepare("other", "old", "--as-of", day_text(18), "--lookback-days", LOOKBACK)
        # Nothing of it counts, but for what both took in.
        self.tables("full", 20)
        self.tables("new", 20, previous="old")
        self.assert_same_table("full", "new", "another store")
        classification = self.classification(range(5))
        result = self.run_ipscore(*self.prepare_words("store", "none", "--as-of", day_text(20), "--lookback-days", LOOKBACK, "--classification",
                                                      classification, "--previous", "old"))
        self.assert_fails(result, 2, "ipscore prepare: old: was prepared without --classification, so rows that count now may not be there; prepare without "
                                     "--previous")
        result = self.run_ipscore(*self.prepare_words("store", "none", "--as-of", day_text(20), "--previous", "nothing"))
        self.assert_fails(result, 2, "ipscore prepare: nothing: is no finished table (there is no nothing/index.h5); run ipscore prepare")
        self.assertFalse((self.dir / "none").exists())
        before = snapshot(self.dir / "new")
        result = self.run_ipscore(*self.prepare_words("store", "new/", "--as-of", day_text(20), "--previous", "new", "--restart"))
        self.assert_fails(result, 2, "ipscore prepare: new/: is the table that --previous names; give --output another directory")
        self.assert_unchanged(self.dir / "new", before)


if __name__ == "__main__":
    unittest.main()
