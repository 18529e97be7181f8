#!/usr/bin/python3
"""Corrections of a store: sources that count once, that take the place of others, and addresses that are forgotten. What is left
is compared with a store that never had the rest."""

import gzip
import ipaddress
import json
import os
import random
import signal
import subprocess
import time
import unittest

import h5py

from cli_test_lib import ipscore, job_environment, run
from pipeline_lib import snapshot
from store_test import StoreTest


ROWS_OF_PARTS = "1.1M"  # enough for several parts


class CorrectionTest(StoreTest):
    def background(self, *words):
        return subprocess.Popen(ipscore(*words), cwd=self.dir, env={**os.environ, **job_environment()}, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def rows(self, store="store"):
        return sum(rows for segment in self.manifest(store)["segments"] for rows in segment["rows_per_day"].values())

    def store_of(self, name, files):
        self.ingest(name, *files)
        return name

    def assert_same_as(self, inputs, files, what, store="store"):
        """The store holds what one of these files would."""
        self.fresh_count = getattr(self, "fresh_count", 0) + 1
        fresh = self.store_of(f"fresh-{self.fresh_count}", files)
        self.assert_same_text(self.table_text(inputs, store), self.table_text(inputs, fresh), what)
        self.assertEqual(self.manifest_days(store), self.manifest_days(fresh), what)

    def manifest_days(self, store):
        days = {}
        for segment in self.manifest(store)["segments"]:
            for day, rows in segment["rows_per_day"].items():
                days[day] = days.get(day, 0) + rows
        return days


class SourceTest(CorrectionTest):
    ROWS = "ip,day,key,hits\n192.0.2.7,2026-11-20,shoes.example,3\n192.0.2.8,2026-11-21,news.example,1\n"

    def text(self, store="store"):
        self.prepare(store, "table", "--as-of", "2026-11-22", "--restart")
        return self.export("table")

    def write(self, name, text=ROWS):
        (self.dir / name).write_text(text)
        return name

    def test_counts_once(self):
        self.write("monday.csv")
        self.write("copy.csv")
        (self.dir / "monday.csv.gz").write_bytes(gzip.compress(self.ROWS.encode()))
        (self.dir / "in").mkdir()
        self.write("in/monday.csv")
        self.ingest("store", "monday.csv")
        once = self.text()
        for name in ("monday.csv", "monday.csv.gz", "in/monday.csv"):
            result = self.ingest("store", name)
            self.assertEqual(result.warnings, [])
            self.assertIn(f"{name}: already in the store\n", result.stderr)
        result = self.ingest("store", "copy.csv")
        self.assertEqual([warning["msg"] for warning in result.warnings],
                         ['copy.csv: the store has the same content under the name "monday.csv", and it counts once; --again takes it '
                          'all the same'])
        self.assertEqual(self.text(), once)
        result = self.ingest("other", "monday.csv", "copy.csv")
        self.assertEqual(len(result.warnings), 1)
        self.assertEqual(self.text("other"), once)

    def test_again(self):
        self.write("monday.csv")
        self.ingest("store", "monday.csv", "--again")
        self.ingest("store", "monday.csv", "--again")
        self.assertEqual(self.text(), self.ROWS.replace("example,3", "example,6").replace("example,1", "example,2"))
        sources = self.manifest("store")["sources"]
        self.assertEqual([source["name"] for source in sources], ["monday.csv"] * 2)
        self.assertEqual(len({source["id"] for source in sources}), 2)
        # Each has its own segment, also when all is compacted.
        self.assertEqual(len({source["segments"][0] for source in sources}), 2)

    def test_another_way_to_read_it_is_another_source(self):
        self.write("two.csv", "ip,day,key,page,hits\n192.0.2.7,2026-11-20,shoes.example,news.example,3\n")
        self.ingest("store", "two.csv")
        self.assertEqual(self.ingest("store", "two.csv", "--columns", "key=page").warnings, [])
        self.assertEqual(self.text(), "ip,day,key,hits\n192.0.2.7,2026-11-20,news.example,3\n192.0.2.7,2026-11-20,shoes.example,3\n")


class ReplaceTest(CorrectionTest):
    def corrected(self, path, seed):
        """Some rows less, some with other hits, one more."""
        random_ = random.Random(seed)
        lines = path.read_text().splitlines(keepends=True)
        kept = [line if random_.random() < 0.5 else line.rsplit(",", 1)[0] + f",{random_.randrange(1, 99)}\n"
                for line in lines[1:] if random_.random() < 0.9]
        new = path.with_name(f"corrected-{seed}-{path.name}")
        new.write_text(lines[0] + "".join(kept) + f"203.0.113.9,2026-11-20,corrected.example,{seed + 1}\n")
        return new

    def replace(self, name, path, store="store", **options):
        return self.verb("ingest", "--store", store, "--replace", name, path, **options)

    def test_at_any_time(self):
        inputs = self.generate("demo", "60k")
        random_ = random.Random(11)
        files = self.split(inputs, 12)
        self.ingest("store", *files)
        for seed in range(8):
            if random_.random() < 0.6:
                self.verb("compact", "--store", "store", *random_.choice([(), ("--memory", "26MiB")]))
            if random_.random() < 0.3:
                extra = self.corrected(files[0], 100 + seed)
                self.ingest("store", extra)
                files.append(extra)
            at = random_.randrange(len(files))
            new = self.corrected(files[at], seed)
            result = self.replace(files[at], new)
            self.assertRegex(result.stderr, rf'{new.name}: [\d ]+ rows, 0 rejected, in place of ".*{files[at].name}"\n')
            files[at] = new
            self.assert_same_as(inputs, files, f"seed {seed}")
        self.verb("compact", "--store", "store")
        self.assert_same_as(inputs, files, "compacted")
        # Segments with rows of several sources say which.
        segment = max(self.manifest("store")["segments"], key=lambda segment: segment["rows"])
        with h5py.File(self.dir / "store" / "segments" / f"{segment['id']}.h5") as file:
            self.assertEqual(len(file["rows/source"]), len(file["rows/key"]))
            self.assertLess(max(file["rows/source"][:]), len(segment["sources"]))

    def test_the_old_version_does_not_come_back(self):
        inputs = self.generate("demo", "20k")
        files = self.split(inputs, 3)
        self.ingest("store", *files)
        new = self.corrected(files[1], 1)
        self.replace(files[1], new)
        before = self.table_text(inputs)
        result = self.ingest("store", *files)
        self.assertEqual([warning["msg"] for warning in result.warnings],
                         [f'{files[1]}: was replaced in the store by "{new}", and does not count; --again takes it all the same'])
        self.assertEqual(self.table_text(inputs), before)
        # The same command again finds its work done.
        manifest = self.manifest("store")
        self.assertIn("already in the store\n", self.replace(files[1], new).stderr)
        self.assertEqual(self.manifest("store"), manifest)
        # But it may be put back.
        self.verb("compact", "--store", "store")
        self.replace(new, files[1])
        self.assert_same_as(inputs, files, "put back")
        self.verb("compact", "--store", "store")
        self.assert_same_as(inputs, files, "put back and compacted")

    def test_by_what_the_store_has(self):
        inputs = self.generate("demo", "20k")
        files = self.split(inputs, 3)
        self.ingest("store", *files)
        result = self.replace(files[0], files[1])
        self.assertIn(f'{files[1]}: already in the store, in place of "{files[0]}"\n', result.stderr)
        self.assert_same_as(inputs, files[1:], "two files")

    def test_names(self):
        inputs = self.generate("demo", "20k")
        files = self.split(inputs, 2)
        words = ("ingest", "--store", "store", "--replace")
        self.assert_fails(self.run_ipscore(*words, "none.csv", files[0]), 2,
                          "ipscore ingest: store: is no store (there is no store/manifest); run ipscore ingest first")
        self.assertFalse((self.dir / "store").exists())
        self.ingest("store", files[0])
        self.assert_fails(self.run_ipscore(*words, "none.csv", files[1]), 2,
                          'ipscore ingest: store: no source is called "none.csv", so there is nothing to --replace; ipscore inspect '
                          'lists the sources')
        self.assert_fails(self.run_ipscore(*words, files[0], *files), 2,
                          f'ipscore ingest: --replace takes the one file that is to take the place of "{files[0]}", not 2')
        self.ingest("store", files[0], "--again")
        result = self.run_ipscore(*words, files[0], files[1])
        self.assert_code(result, 2)
        ids = [source["id"] for source in self.manifest("store")["sources"]]
        self.assertRegex(result.stderr, rf'2 sources are called "{files[0]}"; give --replace the id of one of them: "{ids[0]} of .*{ids[1]}')
        self.replace(ids[1], files[1])
        self.assert_same_as(inputs, files, "by its id")
        self.assertIn(ids[0], self.verb("inspect", "store", "--quick").stdout)

    def test_killed_at_any_moment(self):
        inputs = self.generate("demo", "60k")
        files = self.split(inputs, 10)
        self.ingest("origin", *files)
        self.verb("compact", "--store", "origin")
        new = self.corrected(files[4], 4)
        before = self.table_text(inputs, "origin")
        after = self.table_text(inputs, self.store_of("after", [*files[:4], new, *files[5:]]))
        random_ = random.Random(5)
        for round_ in range(8):
            store = f"store-{round_}"
            subprocess.run(["cp", "-r", self.dir / "origin", self.dir / store], check=True)
            process = self.background("ingest", "--store", store, "--replace", files[4], new)
            time.sleep(random_.uniform(0, 0.08))
            process.kill()
            process.wait()
            self.assertIn(self.table_text(inputs, store), (before, after))
            self.replace(files[4], new, store)
            self.assertEqual(self.table_text(inputs, store), after)
            self.assert_no_litter(store)

    def test_beside_a_compaction(self):
        inputs = self.generate("demo", "100k")
        files = self.split(inputs, 24)
        self.ingest("store", *files)
        for seed in range(6):
            compaction = self.background("compact", "--store", "store")
            new = self.corrected(files[seed], seed)
            self.replace(files[seed], new)
            files[seed] = new
            more = self.corrected(files[20], 50 + seed)
            self.ingest("store", more)
            files.append(more)
            self.assertEqual(compaction.wait(), 0)
        self.verb("compact", "--store", "store")
        self.assert_same_as(inputs, files, "beside compactions")


class ForgetTest(CorrectionTest):
    def addresses(self, inputs):
        """Of the observations, the ones with the most rows first."""
        counts = {}
        for line in inputs.observations[0].read_text().splitlines()[1:]:
            ip = line.split(",", 1)[0]
            counts[ip] = counts.get(ip, 0) + 1
        return sorted(counts, key=counts.get, reverse=True)

    @staticmethod
    def is_in(ip, networks):
        address = ipaddress.ip_address(ip)
        return any(address in network for network in networks if network.version == address.version)

    def without(self, path, networks):
        networks = [ipaddress.ip_network(network) for network in networks]
        lines = path.read_text().splitlines(keepends=True)
        new = path.with_name(f"without-{path.name}")
        new.write_text(lines[0] + "".join(line for line in lines[1:] if not self.is_in(line.split(",", 1)[0], networks)))
        return new

    def forget(self, *words, store="store"):
        return self.verb("forget", "--store", store, *words)

    def check(self, *words, store="store"):
        return self.run_ipscore("forget", "--check", "--store", store, *words)

    def assert_left(self, result, *names):
        self.assert_code(result, 2)
        self.assertRegex(result.stderr, r"\Aipscore forget: \d+ files hold addresses that are to be forgotten: ")
        for name in names:
            self.assertIn(name, result.stderr)

    def test_at_any_time(self):
        inputs = self.generate("demo", "60k")
        random_ = random.Random(21)
        files = self.split(inputs, 10)
        self.ingest("store", *files[:9])
        everyone = self.addresses(inputs)
        gone = []
        for round_ in range(5):
            if random_.random() < 0.6:
                self.verb("compact", "--store", "store")
            ip = ipaddress.ip_address(random_.choice(everyone[:50]))
            width = random_.choice([0, 0, 0, 8])
            network = ipaddress.ip_network(f"{ip}/{ip.max_prefixlen - width}", strict=False)
            gone.append(network)
            option = ("--ip", ip) if width == 0 else ("--network", network)
            self.assertRegex(self.forget(*option).stderr, r"\Astore: forgot 1 networks: [\d ]+ rows count no more, 0 rejects were redacted\n")
            if round_ == 3:
                self.ingest("store", files[9])
            there = files[:9 if round_ < 3 else 10]
            self.assert_same_as(inputs, [self.without(path, gone) for path in there], f"round {round_}")
        self.assertEqual(self.manifest("store")["format_version"], 2)
        self.verb("compact", "--store", "store")
        self.assertRegex(self.check().stderr, r"\Astore: nothing is left of \d networks in \d+ files\n\Z")
        self.assert_same_as(inputs, [self.without(path, gone) for path in files], "compacted")
        for path in (self.dir / "store" / "segments").iterdir():
            with h5py.File(path) as file:
                self.assertEqual(len(set(file["rows/key"][:])), len(file["dictionary/offsets"]) - 1)

    def test_check_sees_what_is_left(self):
        inputs = self.generate("demo", "20k")
        ip = self.addresses(inputs)[0]
        other = self.addresses(inputs)[1]
        self.ingest("store", *self.split(inputs, 2))
        self.assert_fails(self.check(), 2, "ipscore forget: store: is to forget no address yet; give --ip or --network")
        before = snapshot(self.dir / "store")
        self.assert_left(self.check("--ip", ip), "2 files", ".h5 (1 addresses)")
        self.assert_unchanged("store", before)
        self.forget("--ip", ip)
        self.assert_left(self.check(), ".h5 (1 addresses)")
        # A file that nothing names any more counts, too.
        segment = next((self.dir / "store" / "segments").iterdir())
        kept = segment.read_bytes()
        self.verb("compact", "--store", "store")
        self.assert_done(self.check())
        self.assert_done(self.check("--ip", ip))
        self.assert_left(self.check("--ip", other))
        segment.write_bytes(kept)
        self.assert_left(self.check(), segment.name)
        segment.write_bytes(kept[:1000])
        self.assert_left(self.check(), f"{segment.name} (cannot be read)")
        self.verb("compact", "--store", "store")
        self.assert_done(self.check())

    def test_rejects(self):
        rows = ["203.0.113.7,2026-11-20,key,1", "203.0.113.8,2026-11-20,key,1", "203.0.113.7,never,key,1", '"203.0.113.007",2026-11-20,key,1',
                "203.0.113.8,never,key,1", "2001:db8::7%eth0,2026-11-20,key,1", "[2001:DB8:0::7]:443,2026-11-20,key,1",
                "nobody,203.0.113.77,key,1", '"a ""quoted"" one",never,"line\nbreak",1']
        bad = [2, 3, 5, 6]
        first = self.dir / "203.0.113.7.csv"
        first.write_text("ip,day,key,hits\n" + "\n".join(rows) + "\n")
        self.ingest("store", first)
        path, = (self.dir / "store" / "rejects").iterdir()
        before = path.read_text()
        for text in ("203.0.113.7,never", "203.0.113.007", "2001:db8::7%", "2001:DB8:0::7"):
            self.assertIn(text, before)
        self.assert_left(self.check("--ip", "203.0.113.7", "2001:db8::7"), f"{path.name} (4 bad rows)")
        self.assertIn("1 rows count no more, 4 rejects were redacted", self.forget("--ip", "203.0.113.7", "2001:db8::7").stderr)
        after = path.read_text()
        for text in ("203.0.113.7,", "203.0.113.007", "2001:"):
            self.assertNotIn(text, after)
        self.assertEqual(after.count("names an address that is to be forgotten,\n"), len(bad))
        for text in ("203.0.113.8,never,key,1", "nobody,203.0.113.77,key,1", '"line\nbreak"'.replace('"', '""')):
            self.assertIn(text, after)
        self.verb("compact", "--store", "store")
        self.assert_done(self.check())
        # What comes later is not let in.
        second = self.dir / "second.csv"
        second.write_text("ip,day,key,hits\n" + "\n".join(rows) + "\n::ffff:203.0.113.7,2026-11-21,key,1\n")
        result = self.ingest("store", second)
        self.assertIn("second.csv: 1 rows, 7 rejected, see ", result.stderr)
        self.assertIn(", 2 of addresses to be forgotten left out\n", result.stderr)
        for text in ("203.0.113.7,", "203.0.113.007", "2001:"):
            self.assertNotIn(text, result.raw_stderr)
        self.assert_done(self.check())

    def output_files(self):
        return {"table": self.export("table"), "scores": self.export("scores"), "companies": self.export("scores", "--companies")}

    def test_tables_and_scores(self):
        inputs = self.generate("demo", ROWS_OF_PARTS)
        self.ingest("store", *inputs.observations)
        self.prepare("store", "table", *inputs.days())
        self.score(inputs, "table", "scores")
        ips = [self.addresses(inputs)[0], self.addresses(inputs)[7]]
        before = self.output_files()
        words = ("--table", "table", "--scores", "scores")
        self.assert_left(self.check("--ip", *ips, *words), "table/part-000", "scores/part-000")
        parts = {path.name: path.read_bytes() for path in (self.dir / "table").glob("part-*")}
        result = self.forget("--ip", *ips, *words)
        self.assertRegex(result.stderr, r"\nrewrote [34] parts of tables and scores, without 4 addresses in them\n")
        self.assertGreaterEqual(sum(parts[path.name] == path.read_bytes() for path in (self.dir / "table").glob("part-*")), len(parts) - 2)
        after = self.output_files()
        for name in ("table", "scores"):
            lines = [line for line in before[name].splitlines() if line.split(",", 1)[0] not in ips]
            self.assertLess(len(lines), len(before[name].splitlines()))
            self.assert_same_text(after[name], "\n".join(lines) + "\n", name)
        self.assertEqual(after["companies"], before["companies"])
        self.verb("compact", "--store", "store")
        self.assert_done(self.check(*words))
        # Table and scores are whole: the one is scored, and both say what they hold.
        self.score(inputs, "table", "new-scores")
        self.assert_same_text(self.export("new-scores"), after["scores"], "scored again")
        self.prepare("store", "new-table", *inputs.days())
        self.score(inputs, "new-table", "newest-scores")
        self.assertEqual(self.export("new-table"), after["table"])
        for kind in ("scores", "companies"):
            flag = () if kind == "scores" else ("--companies",)
            self.assertEqual(self.export("newest-scores", *flag), self.export("new-scores", *flag))
        for what, rows in (("table", after["table"]), ("scores", after["scores"])):
            self.assertEqual(json.loads(self.verb("inspect", what, "--json").stdout)["reports"][0]["rows"], rows.count("\n") - 1)
        # Nothing to do the second time; the first address of a part is in no index either.
        self.assertIn("rewrote 0 parts of tables and scores, without 0 addresses", self.forget("--ip", *ips, *words).stderr)
        for directory in ("table", "scores"):
            with h5py.File(self.dir / directory / "index.h5") as file:
                edges = {*file["parts/first_address_lo"][:], *file["parts/last_address_lo"][:]}
            self.assertFalse({0xffff00000000 | int(ipaddress.ip_address(ip)) for ip in ips} & edges)
            self.assert_no_litter(directory)

    def test_the_edges_of_parts(self):
        inputs = self.generate("demo", ROWS_OF_PARTS)
        self.ingest("store", *inputs.observations)
        self.prepare("store", "table", *inputs.days())
        self.score(inputs, "table", "scores")
        with h5py.File(self.dir / "table" / "index.h5") as file:
            first = [str(ipaddress.ip_address(int(lo) & 0xffffffff)) for lo in file["parts/first_address_lo"][:]]
            last = [str(ipaddress.ip_address(int(lo) & 0xffffffff)) for lo in file["parts/last_address_lo"][:]]
        whole = [str(network) for network in ipaddress.summarize_address_range(ipaddress.ip_address(first[1]), ipaddress.ip_address(last[1]))]
        before = self.output_files()
        self.forget("--ip", first[0], last[-1], "--network", *whole, "--table", "table", "--scores", "scores")
        gone = [ipaddress.ip_network(network) for network in [first[0], last[-1], *whole]]
        for name, text in self.output_files().items():
            if name == "companies":
                continue
            header, *lines = before[name].splitlines()
            kept = [line for line in lines if not self.is_in(line.split(",", 1)[0], gone)]
            self.assert_same_text(text, "\n".join([header, *kept]) + "\n", name)
        self.score(inputs, "table", "new-scores")
        self.assert_same_text(self.export("new-scores"), self.export("scores"), "scored again")

    def test_killed_at_any_moment(self):
        inputs = self.generate("demo", ROWS_OF_PARTS)
        self.ingest("store", *self.split(inputs, 4))
        self.prepare("store", "table", *inputs.days())
        self.score(inputs, "table", "scores")
        for name in ("store", "table", "scores"):
            (self.dir / name).rename(self.dir / f"{name}-before")
        ips = self.addresses(inputs)[:40]
        random_ = random.Random(9)
        after = None
        seconds = 0
        for round_ in range(6):
            for name in ("store", "table", "scores"):
                run(["rm", "-rf", name], cwd=self.dir)
                run(["cp", "-r", f"{name}-before", name], cwd=self.dir)
            words = ("--ip", *ips, "--table", "table", "--scores", "scores")
            if round_ > 0:
                process = self.background("forget", "--store", "store", *words)
                time.sleep(random_.uniform(0, seconds))
                process.send_signal(random_.choice([signal.SIGKILL, signal.SIGTERM]))
                self.assertIn(process.wait(), (0, 75, -signal.SIGKILL, -signal.SIGTERM))
            began = time.monotonic()
            self.forget(*words)
            seconds = time.monotonic() - began if round_ == 0 else seconds
            self.verb("compact", "--store", "store")
            self.assert_done(self.check("--table", "table", "--scores", "scores"))
            now = {**self.output_files(), "store": self.table_text(inputs)}
            after = after or now
            for name, text in now.items():
                self.assert_same_text(text, after[name], f"{name} in round {round_}")

    def test_beside_ingests_and_compactions(self):
        inputs = self.generate("demo", "100k")
        files = self.split(inputs, 24)
        ips = self.addresses(inputs)[:6]
        self.ingest("store", *files[:12])
        for i, ip in enumerate(ips):
            others = [self.background("ingest", "--store", "store", *files[12 + 2 * i:14 + 2 * i]),
                      self.background("compact", "--store", "store")]
            self.forget("--ip", ip)
            self.assertEqual([other.wait() for other in others], [0, 0])
        self.assert_same_as(inputs, [self.without(path, ips) for path in files], "in between")
        self.verb("compact", "--store", "store")
        self.assert_done(self.check())
        self.assert_same_as(inputs, [self.without(path, ips) for path in files], "at the end")

    def test_what_cannot_be(self):
        self.assert_fails(self.run_ipscore("forget", "--store", "none", "--ip", "192.0.2.1"), 2,
                          "ipscore forget: none: is no store (there is no none/manifest); run ipscore ingest first")
        inputs = self.generate("demo", "1k")
        self.ingest("store", *inputs.observations)
        self.assert_fails(self.run_ipscore("forget", "--store", "store"), 2,
                          "ipscore forget: store: is to forget no address yet; give --ip or --network")
        result = self.run_ipscore("forget", "--store", "store", "--ip", "192.0.2.1", "--table", "none")
        self.assert_fails(result, 2, "ipscore forget: none: is no finished table (there is no none/index.h5); run ipscore prepare")
        self.assertNotIn("forgotten", self.manifest("store"))


if __name__ == "__main__":
    unittest.main()
