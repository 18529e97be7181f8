#!/usr/bin/python3
"""The budget of --memory: what is too little is refused with the least that would do, and with that least the whole pipeline runs on
data that is far larger, takes no more, and gives the same files as with more than enough.

Every run is watched, and where the system lets us, it also lies in a cgroup that has room for the budget and a tenth. `memory_test.py`
says of each run what it took at most: the figures of src/stages/memory_needs.hpp come from there."""

import filecmp
import json
import random
import re
import subprocess
import sys
import unittest
from datetime import date, timedelta

from cli_test_lib import ipscore, mpirun, run
from memory_lib import MIB, MemoryGroup, MemoryWatch, disk_directory, remove
from pipeline_lib import AS_OF, CLASSIFICATION, COMPANIES, MODEL, OBSERVATIONS, Inputs, PipelineTest

MORE_THAN_ENOUGH = ("--memory", "2GiB")


def names_below(directory):
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


class MemoryTest(PipelineTest):
    """In a directory on a disk, for files in memory would be taken for the job's own."""

    TIMEOUT = 120

    def setUp(self):
        self.dir = disk_directory()
        self.addCleanup(remove, self.dir)

    def command(self, words, ranks, group=None):
        command = ipscore(*words) if group is None else group.command(ipscore(*words))
        return command if ranks is None else mpirun(ranks)[:-1] + command  # the ranks lie in the group, not mpirun

    def refusal(self, words, ranks=None, group=None):
        """The budget that is too little, as it is said, and the least that would do, in MiB. Leaves nothing behind."""
        before = names_below(self.dir)
        result = run(self.command(words, ranks, group), cwd=self.dir, timeout=self.TIMEOUT)
        self.assert_code(result, 2)
        self.assertEqual(names_below(self.dir), before, f"a refusal should leave nothing behind\n{result}")
        said = re.fullmatch(rf"ipscore {words[0]}: --memory ([\d.]+ [KMG]iB) is too little, (\d+)MiB is the least that would do "
                            r"\([^()\n]+\)\n", result.stderr)
        self.assertTrue(said and not result.stdout, result)
        return said.group(1), int(said.group(2))

    def least(self, words, ranks=None):
        """The least that would do, which is what the refusals of far too little and of a little too little name."""
        said, least = self.refusal([*words, "--memory", "4KiB"], ranks)
        self.assertEqual(said, "4.0 KiB")
        if ranks is None:  # for after a refusal, mpirun waits for 2 s
            self.assertEqual(self.refusal([*words, "--memory", f"{least - 1}MiB"]), (f"{least - 1}.0 MiB", least))
        return least

    def within(self, budget, words, ranks=None):
        """Runs a verb with a budget of so many MiB, and fails when a process of it takes a tenth more."""
        what = f"{words[0]}, {'1 process' if ranks is None else f'mpirun -n {ranks}'}, --memory {budget}MiB"
        limit = budget * MIB * 11 // 10
        group = self.group(limit * (ranks or 1))
        with MemoryWatch() as watch:
            result = run(self.command([*words, "--memory", f"{budget}MiB"], ranks, group), cwd=self.dir, timeout=self.TIMEOUT)
        print(f"\n  {what}: at most {watch.peak_bytes / MIB:.1f} MiB", end=" ", file=sys.stderr, flush=True)
        if group:
            self.assertEqual(group.kills(), 0, f"{what}: killed for want of memory\n{result}")
        self.assert_done(result)
        if not group:  # which holds also what ends before the watch looks at it
            self.assertEqual(len(watch.peaks), ranks or 1, f"{what}: not every process was seen")
        self.assertLessEqual(watch.peak_bytes, limit, f"{what}: took more than the budget and a tenth\n{result}")
        return result

    def group(self, limit_bytes, or_skip=False):
        """None where there are no cgroups for us: then the watch must do."""
        try:
            group = MemoryGroup(limit_bytes)
        except unittest.SkipTest as reason:
            if or_skip:
                raise
            print(f"\n  not in a cgroup, for {reason}", end=" ", file=sys.stderr)
            return None
        self.addCleanup(group.close)
        return group

    def least_does(self, words, ranks=None):
        """Runs a verb with the least that would do."""
        return self.within(self.least(words, ranks), words, ranks)

    def assert_same_files(self, ours, theirs):
        """Of two directories of output; what a run says of itself aside."""
        ours_names, names = ([name for name in names_below(self.dir / directory) if not name.startswith("status")]
                             for directory in (ours, theirs))
        self.assertEqual(ours_names, names)
        for name in set(names) - {"run.json"}:
            self.assertTrue(filecmp.cmp(self.dir / ours / name, self.dir / theirs / name, shallow=False),
                            f"{ours}/{name} differs from {theirs}/{name}")

    def run_json(self, directory):
        return json.loads((self.dir / directory / "run.json").read_text())

    def ingest_words(self, inputs, store="store"):
        return ["ingest", "--store", store, "--threads", "2", *inputs.observations]

    def check_prepare(self, inputs, ranks=None, table="table", options=()):
        """Returns the run.json of the run with the least."""
        if not (self.dir / table).exists():
            self.prepare("store", table, *inputs.days(), *options, *MORE_THAN_ENOUGH)
        name = f"{table}-of-{ranks}"
        words = self.prepare_words("store", name, *inputs.days(), *options)
        self.least_does(words, ranks)
        self.assert_same_files(name, table)
        return self.run_json(name)

    def check_classified(self, inputs, ranks=None):
        """The same of a table of classified keys only."""
        return self.check_prepare(inputs, ranks, "classified", ("--classification", inputs.classification))

    def check_score(self, inputs, ranks=None):
        if not (self.dir / "scores").exists():
            self.score(inputs, "table", "scores", *MORE_THAN_ENOUGH)
        name = f"scores-of-{ranks}"
        words = self.score_words(inputs, "table", name)
        self.least_does(words, ranks)
        self.assert_same_files(name, "scores")
        return self.run_json(name)


def random_inputs(directory, rows, files, seed=1):
    """Values that no codec makes smaller: of all buffers, these fill the most. Every part has evidence of many companies and tags."""
    random_ = random.Random(seed)
    bits = random_.getrandbits

    def text(name, header, lines):
        path = directory / name
        with open(path, "w", encoding="ascii") as file:
            file.write(header + "\n")
            file.writelines(line + "\n" for line in lines)
        return path

    directory.mkdir()
    inputs = Inputs(directory)
    addresses = [":".join(f"{bits(16):x}" for _ in range(8)) for _ in range(rows // 4)]
    days = [str(date.fromisoformat(AS_OF) - timedelta(days=age)) for age in range(90)]
    keys = [f"{bits(128):x}.example/{i}" for i in range(rows // 4)]
    choice = random_.choice
    inputs.observations = [
        text(f"observations-{i}.csv", "ip,day,key,hits",
             (f"{choice(addresses)},{choice(days)},{choice(keys)},{bits(32) or 1}" for _ in range(rows // files)))
        for i in range(files)]
    text("classification.csv", "key,tag,weight",
         (f"{key},tag {tag},0.{1 + bits(19):06}" for key in keys for tag in random_.sample(range(300), choice((1, 2, 6)))))
    text("companies.csv", "network,company,confidence,type",
         (f"{i:x}::/16,Company {bits(14)},0.{1 + bits(19):06},business" for i in range(0, 1 << 16, 4)))
    inputs.model.write_text(MODEL)
    return inputs


class WholePipelineTest(MemoryTest):
    """The whole pipeline, alone and on ranks."""

    def check(self, inputs, ranks):
        """How often segments were merged before the last time, and what was spilled, by number of ranks."""
        self.least_does(self.ingest_words(inputs))
        merges = [self.check_prepare(inputs, count)["segments_merged_first"] for count in ranks]
        for count in ranks:
            self.check_classified(inputs, count)
        spilled = [self.check_score(inputs, count)["spilled_runs"] for count in ranks]
        # Into how many segments the store is cut depends on the budget, and a table names them. What is in them does not.
        self.verb(*self.ingest_words(inputs, "whole-store"), *MORE_THAN_ENOUGH)
        self.prepare("whole-store", "whole-table", *inputs.days(), *MORE_THAN_ENOUGH)
        self.score(inputs, "whole-table", "whole-scores", *MORE_THAN_ENOUGH)
        self.assert_same_exports(self.exports("table", "scores"), self.exports("whole-table", "whole-scores"), "with the least")
        # What is there is verified, within the budget as well.
        result = self.least_does(self.score_words(inputs, "table", "scores"))
        self.assertIn("nothing was done", result.stderr)
        return merges, spilled

    def test_heavy_address(self):
        inputs = self.generate("demo", "3M", "--gateway-share", "0.3")
        merges, _ = self.check(inputs, (None, 1, 2))
        self.assertGreater(min(merges), 2)

    def test_values_that_do_not_compress(self):
        inputs = random_inputs(self.dir / "in", 600_000, 6)
        merges, spilled = self.check(inputs, (None, 4))
        self.assertGreater(min(merges), 2)
        for runs in spilled:
            self.assertGreater(runs["classification"], 4)
            self.assertGreater(runs["company_evidence"], 4)


class LargeTest(WholePipelineTest):
    """The same, much larger."""

    TIMEOUT = 1200

    def test_heavy_address(self):
        self.check(self.generate("demo", "20M", "--gateway-share", "0.3"), (None, 2))

    def test_values_that_do_not_compress(self):
        self.check(random_inputs(self.dir / "in", 3_000_000, 30), (None, 4))


class ShapesTest(MemoryTest):
    """Inputs of which one thing is very large."""

    def test_many_segments(self):
        inputs = self.generate("demo", "60k")
        lines = inputs.observations[0].read_text().splitlines(keepends=True)
        inputs.observations = [inputs.directory / f"observations-{i}.csv" for i in range(1000)]
        for i, path in enumerate(inputs.observations):
            path.write_text("".join([lines[0], *lines[1 + i::1000]]))
        self.within(64, self.ingest_words(inputs))
        self.assertEqual(len(list((self.dir / "store" / "segments").iterdir())), 1000)
        for ranks in (None, 2):
            self.assertGreater(self.check_prepare(inputs, ranks)["segments_merged_first"], 900)
        more = Inputs(self.dir / "more").write()
        self.least_does(self.ingest_words(more))

    def test_large_classification(self):
        inputs = Inputs(self.dir / "in").write()
        with open(inputs.classification, "a", encoding="ascii") as file:
            for i in range(1_000_000):
                file.write(f"{i * 7_368_787 % 1_000_003}.example/a-rather-long-key,shoes,0.5\n")
        self.ingest("store", *inputs.observations)
        self.prepare("store", "table", *inputs.days())
        for ranks in (None, 2):
            self.assertGreater(self.check_score(inputs, ranks)["spilled_runs"]["classification"], 16)
            self.assertEqual(self.check_classified(inputs, ranks)["classification"]["keys"], 1_000_002)
        # As large as a window may be.
        subprocess.run(["zstd", "-q", "--zstd=wlog=23", inputs.classification], check=True)
        self.least_does(self.prepare_words("store", "coded", *inputs.days(), "--classification", f"{inputs.classification}.zst"))
        self.assert_same_text(self.export("coded"), self.export("classified"), "observations")
        self.score(inputs, "classified", "classified-scores")
        self.assert_same_text(self.export("classified-scores"), self.export("scores"), "scores")

    def test_large_evidence(self):
        companies, tags = 4000, 250
        inputs = Inputs(self.dir / "in").write(
            observations="ip,day,key\n" + "".join(f"10.{i >> 8}.{i & 255}.7,{AS_OF},all\n" for i in range(companies)),
            classification="key,tag,weight\n" + "".join(f"all,tag {tag},1\n" for tag in range(tags)),
            companies="network,company,confidence\n" + "".join(
                f"10.{i >> 8}.{i & 255}.0/24,Company {i * 7 % companies},0.5\n" for i in range(companies)))
        self.ingest("store", *inputs.observations)
        self.prepare("store", "table", *inputs.days())
        for ranks in (None, 2):
            run_json = self.check_score(inputs, ranks)
            self.assertEqual(run_json["company_rows"], companies * tags)
            self.assertGreater(run_json["spilled_runs"]["company_evidence"], 16, "evidence should be merged on several levels")

    def test_many_tags_and_companies(self):
        inputs = Inputs(self.dir / "in").write(
            classification="key,tag,weight\n" + "".join(f"shoes.example,a tag with some name {tag},1\n" for tag in range(40_000)),
            companies="network,company,confidence,type\n" + "".join(
                f"10.{i >> 8 & 255}.{i & 255}.{i >> 16 << 5}/27,A company with some name {i},0.5,a type that is long\n"
                for i in range(200_000)))
        self.ingest("store", *inputs.observations)
        self.prepare("store", "table", *inputs.days())
        for ranks in (None, 4):
            self.check_score(inputs, ranks)
            self.check_classified(inputs, ranks)

    def test_long_lines(self):
        long = "x" * (40 << 20)
        quotes = '""' * (20 << 20)
        inputs = Inputs(self.dir / "in").write(
            observations="ip,day,key,note\n192.0.2.7,2026-11-20,shoes.example,a\n"
                         f"192.0.2.8,2026-11-20,shoes.example,{long}\n"
                         f'192.0.2.9,2026-11-20,news.example,"{quotes}"\n'
                         f"192.0.2.10,2026-11-20,{long},a\n"  # bad
                         f"192.0.2.11,2026-11-20,shoes.example{',' * len(long)}\n"  # bad
                         f"192.0.2.12,2026-11-20,shoes.example,a\n"
                         f'192.0.2.13,2026-11-20,shoes.example,"{long}\n',  # bad
            classification=f"key,tag,weight,note\nshoes.example,shoes,1,{long}\nnews.example,news,1,\"{quotes}\"\n",
            companies=f"network,note,company,confidence\n192.0.2.0/24,{long},Example,1\n")
        result = self.least_does(self.ingest_words(inputs))
        self.assertIn(f"{inputs.observations[0]}: 4 rows, 3 rejected", result.stderr)
        self.check_prepare(inputs)
        self.check_classified(inputs)
        self.check_score(inputs)
        self.assertEqual(self.export("scores").count("192.0.2."), 4)

    def test_lines_of_json(self):
        long = "x" * (40 << 20)
        most = "\\u0041" * 43_000  # nearly what a line may have
        good = '{"ip":"192.0.2.%d","day":"2026-11-20","key":"shoes.example","hits":1,"note":%s}\n'
        inputs = Inputs(self.dir / "in").write()
        inputs.observations = [inputs.directory / "observations.jsonl"]
        inputs.observations[0].write_text("".join([
            good % (1, "1"), good % (2, f'"{long}"'), good % (3, "[" * 100_000 + "]" * 100_000), f'{{"key":"{long}', "\n",
            *(good % (i, f'"{most}"') for i in range(4, 100)), *(good % (i, '["a",{"b":null}]') for i in range(100, 200)),
            long]))
        result = self.least_does(self.ingest_words(inputs))
        self.assertIn(f"{inputs.observations[0]}: 197 rows, 4 rejected", result.stderr)
        # Lines as short and as many as can be, with the most distinct keys.
        inputs.observations[0].write_text("".join(f'{{"ip":"::","day":"2026-11-20","key":"{i:x}"}}\n' for i in range(1_000_000)))
        self.least_does(self.ingest_words(inputs, "short"))
        inputs.observations[0].write_text("{}\n" * 10_000_000)
        self.least_does([*self.ingest_words(inputs, "bad"), "--max-rejects", "100%"])

    def test_files_at_once(self):
        inputs = self.generate("demo", "3M")
        inputs.observations += self.generate("more", "3M", "--seed", "2").observations
        for path in inputs.observations:
            subprocess.run(["gzip", "-1", path], check=True)
        inputs.observations = [path.with_suffix(".csv.gz") for path in inputs.observations]
        self.within(240, self.ingest_words(inputs))
        self.ingest("whole-store", *inputs.observations)
        for store in ("store", "whole-store"):
            self.prepare(store, f"{store}-table", *inputs.days(), *MORE_THAN_ENOUGH)
        self.assert_same_text(self.export("store-table"), self.export("whole-store-table"), "observations")

    def test_compressed_files(self):
        inputs = self.generate("demo", "600k")
        plain = inputs.observations[0]
        # A window as wide as zstd's levels take at most without --ultra.
        for coded, command in (("zst", ["zstd", "-q", "--zstd=wlog=23"]), ("gz", ["gzip", "-k1"])):
            subprocess.run([*command, plain], check=True)
            inputs.observations = [plain.with_suffix(f".csv.{coded}")]
            self.least_does(self.ingest_words(inputs, f"store-{coded}"))
            self.prepare(f"store-{coded}", f"table-{coded}", *inputs.days())
        self.assert_same_text(self.export("table-zst"), self.export("table-gz"), "observations of .zst")


class DiffTest(MemoryTest):
    """Two results that are the same: as they are, packed, and as text in any order, many times larger than the budget."""

    def test_with_the_least(self):
        inputs = self.generate("data", "1.2M", "--addresses", "20k", "--keys", "20k")
        self.ingest("store", *inputs.observations)
        self.prepare("store", "table", *inputs.days())
        self.score(inputs, "table", "scores")
        for what in ("table", "scores"):
            self.verb("export", what, "--output", f"{what}.h5")
            header, *lines = self.export(what).splitlines(keepends=True)
            random.Random(1).shuffle(lines)
            (self.dir / f"{what}.csv").write_text(header + "".join(lines))
            # Not the parts themselves: their checksums would be enough.
            for other in (f"{what}.h5", f"{what}.csv"):
                words = ["diff", what, other]
                self.within(self.least(words), words)
        words = ["diff", "scores.csv", "scores.csv", "--key", "ip,tag"]
        self.within(self.least(words), words)
        words = ["diff", "scores", "scores.h5", "--threads", "1"]
        self.within(self.least(words, 2), words, 2)


class DefaultBudgetTest(MemoryTest):
    """Without --memory, three quarters of what the cgroup has, divided by the ranks."""

    def test_in_a_cgroup(self):
        inputs = Inputs(self.dir / "in").write()
        self.ingest("store", *inputs.observations)
        self.prepare("store", "table", *inputs.days())
        prepare = self.prepare_words("store", "new", *inputs.days())
        score = self.score_words(inputs, "table", "new")
        for words, ranks, limit, default in ((self.ingest_words(inputs, "new"), None, 32, "24.0 MiB"), (prepare, None, 20, "15.0 MiB"),
                                             (prepare, 2, 40, "15.0 MiB"), (score, 4, 80, "15.0 MiB")):
            with self.subTest(verb=words[0], ranks=ranks):
                self.assertEqual(self.refusal(words, ranks, self.group(limit * MIB, or_skip=True))[0], default)
        # With more, it does what it is asked to.
        group = self.group(200 * MIB, or_skip=True)
        self.assert_done(run(self.command(prepare, 2, group), cwd=self.dir))


class LeastInputsTest(MemoryTest):
    """What the program takes by itself."""

    def test_every_number_of_ranks(self):
        inputs = Inputs(self.dir / "in").write(OBSERVATIONS, CLASSIFICATION, COMPANIES, MODEL)
        self.least_does(self.ingest_words(inputs))
        for ranks in (None, 1, 2, 4):
            self.check_prepare(inputs, ranks)
            self.check_score(inputs, ranks)


if __name__ == "__main__":
    unittest.main()
