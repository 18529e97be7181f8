#!/usr/bin/python3
"""Files in, scores out: the verbs in order, and what export makes of their results, against the reference."""

import csv
import gzip
import io
import shutil
import subprocess
import unittest

import h5py
import numpy

from pipeline_lib import AS_OF, MODEL, Inputs, PipelineTest, h5_values, snapshot, write_nasty_inputs

SCORES_HEADER = "ip,company,tag,score,surge,confident,hits,keys,days,first_day,last_day,raw\n"
COMPANIES_HEADER = "company,tag,score,surge,addresses,hits,days,raw\n"
TABLE_HEADER = "ip,day,key,hits\n"


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


class ReferenceTest(PipelineTest):
    """The program equals the reference, byte for byte."""

    def check(self, inputs, name, least_rows=1):
        ours = self.pipeline(inputs, name)
        self.assert_same_exports(ours, self.reference(inputs), name)
        for part, text in ours.items():
            self.assertGreater(text.count("\n"), least_rows, f"{name}: {part} is nearly empty, and shows nothing")

    def test_generated(self):
        for seed, options in ((1, ()), (2, ("--gateway-share", "0.3")), (3, ("--days", "120", "--tags", "7"))):
            with self.subTest(seed=seed):
                inputs = self.generate(f"demo{seed}", "100k", "--seed", seed, *options)
                self.check(inputs, f"demo{seed}", least_rows=50)

    def test_every_feature(self):
        for seed in range(6):
            with self.subTest(seed=seed):
                self.check(write_nasty_inputs(self.dir / f"nasty{seed}", seed), f"nasty{seed}", least_rows=10)

    def test_several_parts(self):
        inputs = self.generate("demo", "290k", "--seed", "4")
        self.check(inputs, "many", least_rows=50)
        parts = list((self.dir / "many-scores").glob("part-*.h5"))
        self.assertEqual(len(parts), 2, "the set should be cut into parts")

    def test_as_of_overrides_the_model(self):
        inputs = self.generate("demo", "20k")
        self.ingest("store", *inputs.observations)
        self.prepare("store", "table", "--as-of", "2026-11-10", "--lookback-days", "128")
        result = self.score(inputs, "table", "scores", "--as-of", "2026-11-10")
        self.assertIn(", as of 2026-11-10\n", result.stderr)
        theirs = self.reference(inputs, "--as-of", "2026-11-10")
        self.assert_same_text(self.export("scores"), theirs["scores"], "scores")
        self.assert_same_text(self.export("scores", "--companies"), theirs["companies"], "companies")
        self.assertNotEqual(theirs["scores"], self.reference(inputs)["scores"])

    def test_model_without_as_of(self):
        inputs = Inputs(self.dir / "in").write(model=MODEL.replace("as_of = 2026-11-22\n", ""))
        self.ingest("store", *inputs.observations)
        self.prepare("store", "table")
        self.score(inputs, "table", "scores", "--as-of", AS_OF)
        self.assert_same_text(self.export("scores"), self.reference(inputs, "--as-of", AS_OF)["scores"], "scores")


class SmallInputsTest(PipelineTest):
    def check(self, observations, scores):
        """The scores without header and floating point, and everything against the reference."""
        inputs = Inputs(self.dir / "in").write(observations=observations)
        ours = self.pipeline(inputs, "small")
        self.assert_same_exports(ours, self.reference(inputs), "small")
        self.assertEqual([(row["ip"], row["company"], row["tag"], row["hits"]) for row in rows_of(ours["scores"])], scores)
        return ours

    def test_no_observations(self):
        ours = self.check("ip,day,key,hits\n", [])
        self.assertEqual(ours, {"scores": SCORES_HEADER, "companies": COMPANIES_HEADER, "observations": TABLE_HEADER})
        run_json = (self.dir / "small-scores" / "run.json").read_text()
        self.assertIn('"observations_without_tag_share": 0.0', run_json)

    def test_nothing_but_other_days(self):
        ours = self.check("ip,day,key,hits\n192.0.2.7,2026-01-01,shoes.example,1\n192.0.2.7,2026-11-23,shoes.example,1\n", [])
        self.assertEqual((ours["scores"], ours["companies"]), (SCORES_HEADER, COMPANIES_HEADER))

    def test_single_address(self):
        ours = self.check("ip,day,key\n192.0.2.7,2026-11-20,shoes.example\n",
                          [("192.0.2.7", "Example, Inc.", "fashion", "1"), ("192.0.2.7", "Example, Inc.", "shoes", "1")])
        self.assertEqual(ours["observations"], TABLE_HEADER + "192.0.2.7,2026-11-20,shoes.example,1\n")

    def test_ipv6_only(self):
        self.check("ip,day,key\n2001:db8::1,2026-11-20,news.example\nFE80:0::1,2026-11-20,news.example\n",
                   [("2001:db8::1", "Six", "politics, local", "1"), ("fe80::1", "", "politics, local", "1")])

    def test_equal_observations_add_up(self):
        ours = self.check("day,hits,colour,ip,key\r\n\r\n"
                          "2026-11-20,4294967290,red,192.0.2.7,shoes.example\r\n"
                          "2026-11-20T23:00:00Z,3,green,::ffff:192.0.2.7,shoes.example\r\n"
                          "2026-11-21T00:30:00+01:00,9,,::ffff:c000:207,\"shoes.example\"",
                          [("192.0.2.7", "Example, Inc.", tag, "4294967295") for tag in ("fashion", "shoes")])
        self.assertEqual(ours["observations"], TABLE_HEADER + "192.0.2.7,2026-11-20,shoes.example,4294967295\n")


class SameInputsTest(PipelineTest):
    """Order, number and compression of the input files are no part of the result."""

    def test_order_and_compression(self):
        inputs = self.generate("demo", "30k")
        whole = self.pipeline(inputs, "whole")
        lines = inputs.observations[0].read_text().splitlines(keepends=True)
        header, rows = lines[0], lines[1:]
        a, b, c = (self.dir / name for name in ("a.csv", "b.csv.gz", "c.csv.zst"))
        a.write_text(header + "".join(reversed(rows[:10000])))
        # gzip of several members, as `cat a.gz b.gz` makes them
        b.write_bytes(gzip.compress((header + "".join(rows[10000:15000])).encode()) +
                      gzip.compress("".join(rows[15000:20000]).encode()))
        swapped = io.StringIO(newline="")
        csv.writer(swapped, lineterminator="\n").writerows(row[::-1] for row in csv.reader(rows[20000:]))
        subprocess.run(["zstd", "-q", "-o", c], input="\ufeffhits,key,day,ip\n" + swapped.getvalue(), text=True, check=True)
        packed = []
        for path in (inputs.classification, inputs.companies):
            packed.append(path.with_suffix(".csv.gz"))
            packed[-1].write_bytes(gzip.compress(path.read_bytes()))
        inputs.classification, inputs.companies = packed

        for name, calls in (("one", [[a, b, c]]), ("other", [[c, a, b]]), ("apart", [[b], [c], [a]])):
            with self.subTest(name=name):
                for files in calls:
                    self.ingest(f"{name}-store", *files)
                self.prepare(f"{name}-store", f"{name}-table", *inputs.days())
                self.score(inputs, f"{name}-table", f"{name}-scores")
                self.assert_same_exports(self.exports(f"{name}-table", f"{name}-scores"), whole, name)

    def test_a_file_counts_once(self):
        inputs = Inputs(self.dir / "in").write()
        self.ingest("store", *inputs.observations)
        before = snapshot(self.dir / "store")
        shutil.copy(inputs.observations[0], self.dir / "copy.csv")
        result = self.ingest("store", "copy.csv")
        self.assertRegex(result.stderr, r"\Acopy\.csv: already in the store\nstore: 5 rows in manifest 1, in \d.*\n\Z")
        self.assert_unchanged("store", before)
        result = self.ingest("other", "copy.csv", inputs.observations[0])
        self.assertIn("observations.csv: already in the store\n", result.stderr)
        self.assertIn("other: 5 rows in manifest 1,", result.stderr)

    def test_threads(self):
        inputs = self.generate("demo", "30k")
        whole = self.pipeline(inputs, "whole")
        for threads in ("1", "5"):
            self.verb("ingest", "--store", f"store{threads}", "--threads", threads, *inputs.observations)
            self.prepare(f"store{threads}", f"table{threads}", *inputs.days(), "--threads", threads)
            self.score(inputs, f"table{threads}", f"scores{threads}", "--threads", threads)
            self.assert_same_exports(self.exports(f"table{threads}", f"scores{threads}"), whole, f"--threads {threads}")
            self.assert_same_text(self.export(f"scores{threads}", "--threads", threads), whole["scores"], "export --threads")


class ExportTest(PipelineTest):
    def setUp(self):
        super().setUp()
        self.inputs = write_nasty_inputs(self.dir / "in", 2)
        self.all = self.pipeline(self.inputs, "x")
        self.rows = rows_of(self.all["scores"])

    def lines(self, text, keep):
        """The header and those rows of a CSV text that pass, in their quotes."""
        out = io.StringIO(newline="")
        reader = csv.reader(io.StringIO(text, newline=""))
        writer = csv.writer(out, lineterminator="\n")
        header = next(reader)
        writer.writerow(header)
        kept = [row for row in reader if keep(dict(zip(header, row)))]
        writer.writerows(kept)
        self.assertGreater(len(kept), 0, "the filter should let something pass")
        self.assertLess(len(kept), text.count("\n") - 1, "the filter should keep something back")
        return out.getvalue()

    def test_text_is_rfc_4180(self):
        # Python's writer quotes what needs it and nothing else, as SPEC asks for.
        for name, text in self.all.items():
            out = io.StringIO(newline="")
            csv.writer(out, lineterminator="\n").writerows(csv.reader(io.StringIO(text, newline="")))
            self.assert_same_text(text, out.getvalue(), name)

    def test_compressed(self):
        for options, name in (((), "scores"), (("--companies",), "companies")):
            for suffix in ("csv", "csv.gz", "csv.zst"):
                self.verb("export", "x-scores", "--output", f"{name}.{suffix}", *options)
        for suffix in ("csv", "csv.gz", "csv.zst"):
            self.verb("export", "x-table", "--output", f"observations.{suffix}")
        for name, text in self.all.items():
            data = text.encode(errors="surrogateescape")
            self.assertEqual((self.dir / f"{name}.csv").read_bytes(), data)
            self.assertEqual(gzip.decompress((self.dir / f"{name}.csv.gz").read_bytes()), data)
            unpacked = subprocess.run(["zstd", "-dc", self.dir / f"{name}.csv.zst"], stdout=subprocess.PIPE, check=True)
            self.assertEqual(unpacked.stdout, data)
            self.assertLess((self.dir / f"{name}.csv.gz").stat().st_size, len(data))
        self.assert_no_litter(".")

    def test_replaces_a_file_and_leaves_other_names(self):
        (self.dir / "scores.csv").write_text("old\n")
        result = self.verb("export", "x-scores", "--output", "scores.csv")
        self.assertEqual(result.stdout, "")
        self.assertRegex(result.stderr, r"\Ascores\.csv: [\d ]+ rows, .* in .*\n\Z")
        self.assert_same_text((self.dir / "scores.csv").read_bytes().decode(errors="surrogateescape"), self.all["scores"], "file")

    def test_filters(self):
        tags = sorted({row["tag"] for row in self.rows})
        companies = sorted({row["company"] for row in self.rows if row["company"]})
        limit = numpy.float32(sorted(float(row["score"]) for row in self.rows)[len(self.rows) // 2])
        checks = [
            (("--tag", tags[0]), lambda row: row["tag"] == tags[0]),
            (("--tag", tags[0], "--tag", tags[2]), lambda row: row["tag"] in (tags[0], tags[2])),
            (("--company", companies[0]), lambda row: row["company"] == companies[0]),
            (("--company", companies[0], "--company", companies[1], "--tag", tags[1]),
             lambda row: row["company"] in companies[:2] and row["tag"] == tags[1]),
            (("--min-score", str(limit)), lambda row: numpy.float32(row["score"]) >= limit),
        ]
        for options, keep in checks:
            with self.subTest(options=options):
                self.assert_same_text(self.export("x-scores", *options), self.lines(self.all["scores"], keep), "scores")
        networks = [
            (("--ip", "192.0.2.0"), lambda row: row["ip"] == "192.0.2.0"),
            (("--ip", "::ffff:192.0.2.0"), lambda row: row["ip"] == "192.0.2.0"),
            (("--ip", "192.0.2.0/28"), lambda row: row["ip"] in ("192.0.2.0", "192.0.2.5", "192.0.2.10", "192.0.2.15")),
            (("--ip", "2001:db8::/32"), lambda row: row["ip"].startswith("2001:db8:")),
            (("--ip", "10.1.0.1", "--ip", "2001:db8::/32", "--ip", "2001:db8::7"),
             lambda row: row["ip"] == "10.1.0.1" or row["ip"].startswith("2001:db8:")),
        ]
        for options, keep in networks:
            with self.subTest(options=options):
                self.assert_same_text(self.export("x-scores", *options), self.lines(self.all["scores"], keep), "scores")
                self.assert_same_text(self.export("x-table", *options), self.lines(self.all["observations"], keep), "table")
        self.assertEqual(self.export("x-scores", "--ip", "198.51.100.1"), SCORES_HEADER)
        both = ("--company", companies[0], "--tag", tags[0])
        self.assert_same_text(
            self.export("x-scores", "--companies", *both),
            self.lines(self.all["companies"], lambda row: (row["company"], row["tag"]) == (companies[0], tags[0])), "companies")

    def test_packed_scores(self):
        result = self.verb("export", "x-scores", "--output", "scores.h5")
        count = f"{len(self.rows):,}".replace(",", " ")
        self.assertRegex(result.stderr, rf"\Ascores\.h5: {count} rows, [\d.]+ KiB, in [\d.]+ s\n\Z")
        with h5py.File(self.dir / "scores.h5", "r") as file:
            self.assertEqual(file.attrs["format"], b"ipscore scores")
            tags, names = strings(file["tags"]), strings(file["companies"])
            addresses = [(int(hi) << 64) + int(lo) for hi, lo in zip(file["addresses/hi"], file["addresses/lo"])]
            of_row = numpy.repeat(numpy.arange(len(addresses)), file["addresses/rows"][:].astype(int))
            rows, company = file["rows"], file["addresses/company"][:]
            self.assertEqual(len(self.rows), len(of_row))
            for column in ("hits", "keys", "days", "raw", "confident"):
                self.assertEqual([int(row[column]) for row in self.rows], rows[column][:].tolist(), column)
            for column in ("score", "surge"):
                self.assertEqual([numpy.float32(row[column]) for row in self.rows], rows[column][:].tolist(), column)
            for column in ("first_day", "last_day"):
                days = numpy.array([row[column] for row in self.rows], "datetime64[D]").astype(int)
                self.assertEqual(days.tolist(), rows[column][:].tolist(), column)
            self.assertEqual([row["tag"] for row in self.rows], [tags[tag] for tag in rows["tag"]])
            self.assertEqual([row["company"] for row in self.rows],
                             ["" if company[i] == 2**32 - 1 else names[company[i]] for i in of_row])
            self.assertEqual(sorted(addresses), addresses)
            company_rows = rows_of(self.all["companies"])
            self.assertEqual([(row["company"], row["tag"], int(row["raw"])) for row in company_rows],
                             [(names[c], tags[t], int(raw)) for c, t, raw in
                              zip(file["company_rows/company"], file["company_rows/tag"], file["company_rows/raw"])])

    def test_packed_table(self):
        self.verb("export", "x-table", "--output", "table.h5")
        rows = rows_of(self.all["observations"])
        with h5py.File(self.dir / "table.h5", "r") as file:
            self.assertEqual(file.attrs["format"], b"ipscore table")
            keys = strings(file["dictionary"])
            self.assertEqual([row["key"] for row in rows], [keys[key] for key in file["rows/key"]])
            self.assertEqual([int(row["hits"]) for row in rows], file["rows/hits"][:].tolist())


def strings(group):
    data, offsets = group["bytes"][:].tobytes(), group["offsets"][:]
    return [data[begin:end].decode(errors="surrogateescape") for begin, end in zip(offsets[:-1], offsets[1:])]


class ExistingOutputTest(PipelineTest):
    def setUp(self):
        super().setUp()
        self.inputs = Inputs(self.dir / "in").write()
        self.ingest("store", *self.inputs.observations)
        self.prepare("store", "table")
        self.score(self.inputs, "table", "scores")

    def assert_first_line(self, result, line):
        self.assertEqual(result.stderr.split("\n")[0], line, result)

    def test_finished(self):
        before = snapshot(self.dir)
        self.assert_first_line(self.prepare("store", "table"),
                               "table: is finished already, with the same inputs; nothing was done")
        self.assert_first_line(self.score(self.inputs, "table", "scores"),
                               "scores: is finished already, with the same inputs; nothing was done")
        self.assert_unchanged(".", before)

    def test_finished_whatever_the_files_are_called(self):
        self.inputs.directory.rename(self.dir / "elsewhere")
        result = self.score(Inputs(self.dir / "elsewhere"), "table", "scores", "--threads", "1")
        self.assert_first_line(result, "scores: is finished already, with the same inputs; nothing was done")

    def test_finished_but_damaged(self):
        whole = self.exports("table", "scores")
        damages = {"is missing": lambda path: path.unlink(),
                   "is empty": lambda path: path.write_bytes(b""),
                   "is cut": lambda path: path.write_bytes(path.read_bytes()[:-1]),
                   "is changed": lambda path: flip_a_chunk(path)}
        for directory, again in (("table", lambda: self.prepare("store", "table")),
                                 ("scores", lambda: self.score(self.inputs, "table", "scores"))):
            for name in ("part-00000.h5", "index.h5"):
                for damage, do in damages.items():
                    with self.subTest(file=f"{directory}/{name} {damage}"):
                        path = self.dir / directory / name
                        intact = h5_values(path)
                        do(path)
                        result = again()
                        self.assertNotIn("nothing was done", result.stderr)
                        self.assertEqual(h5_values(path), intact)
                        self.assert_same_exports(self.exports("table", "scores"), whole, "repaired")

    def test_other_model_is_refused(self):
        before = snapshot(self.dir / "scores")
        self.inputs.model.write_text(MODEL.replace("half_life_days = 30", "half_life_days = 7.5"))
        result = self.run_ipscore(*self.score_words(self.inputs, "table", "scores"))
        self.assert_fails(result, 2, "ipscore score: scores: holds the output of another job (model.half_life_days: was 30.0, "
                          "now 7.5); give another directory, or --restart to replace it")
        self.assert_unchanged("scores", before)

        self.score(self.inputs, "table", "scores", "--restart")
        self.assert_same_text(self.export("scores"), self.reference(self.inputs)["scores"], "scores after --restart")
        self.assertNotEqual(snapshot(self.dir / "scores"), before)
        self.assert_no_litter("scores")

    def test_every_other_input_is_named(self):
        hash_ = r'"[0-9a-f]{32}"'
        appended = {"classification": "seen.example,shoes,1\n", "companies": "198.51.100.0/24,More,1,isp\n"}
        for name, line in appended.items():
            path = getattr(self.inputs, name)
            text = path.read_text()
            path.write_text(text + line)
            result = self.run_ipscore(*self.score_words(self.inputs, "table", "scores"))
            self.assert_code(result, 2)
            self.assertRegex(result.stderr, rf"\Aipscore score: scores: holds the output of another job \({name}: was {hash_}, "
                             rf"now {hash_}\); give another directory, or --restart to replace it\n\Z")
            path.write_text(text)
        (self.dir / "more.csv").write_text("ip,day,key\n192.0.2.1,2026-11-22,shoes.example\n")
        self.ingest("store", "more.csv")
        result = self.run_ipscore("prepare", "--store", "store", "--as-of", AS_OF, "--output", "table")
        self.assert_code(result, 2)
        self.assertRegex(result.stderr, r"\Aipscore prepare: table: holds the output of another job \(segments\.[0-9a-f-]+: "
                         r'was nothing, now "[0-9a-f]{16}"\); give another directory, or --restart to replace it\n\Z')
        self.prepare("store", "table", "--as-of", AS_OF, "--restart")
        result = self.run_ipscore(*self.score_words(self.inputs, "table", "scores"))
        self.assertRegex(result.stderr, rf"\(table: was {hash_}, now {hash_}\)")
        result = self.run_ipscore("prepare", "--store", "store", "--as-of", "2026-11-21", "--output", "table")
        self.assert_code(result, 2)
        # Nor does it have the segment that has no row of these days.
        self.assertRegex(result.stderr, r'\Aipscore prepare: table: holds the output of another job \(first_day: was "2026-08-25", now '
                         r'"2026-08-24"; last_day: was "2026-11-22", now "2026-11-21"; segments\.[0-9a-f-]+: was "[0-9a-f]{16}", now '
                         r"nothing\); give another directory, or --restart to replace it\n\Z")

    def test_other_verb_and_foreign_files(self):
        result = self.run_ipscore(*self.score_words(self.inputs, "table", "table"))
        self.assert_fails(result, 2, "ipscore score: table: holds the output of ipscore prepare; give another directory, or "
                          "--restart to replace it")
        (self.dir / "mine").mkdir()
        (self.dir / "mine" / "thesis.txt").write_text("years of work\n")
        before = snapshot(self.dir / "mine")
        for restart in ((), ("--restart",)):
            result = self.run_ipscore(*self.score_words(self.inputs, "table", "mine", *restart))
            self.assert_fails(result, 2, "ipscore score: mine: holds thesis.txt, which no job of this program wrote; give an empty "
                              "directory")
            self.assert_unchanged("mine", before)

    def test_unfinished_is_resumed(self):
        whole = self.exports("table", "scores")
        (self.dir / "scores" / "index.h5").unlink()
        (self.dir / "scores" / ".tmp-part-00000.h5-host-1-1").write_text("litter of a killed job")
        result = self.score(self.inputs, "table", "scores")
        self.assertIn("\nparts that were there already: 1\n", result.stderr)
        self.assert_same_exports(self.exports("table", "scores"), whole, "resumed")
        self.assert_no_litter("scores")


def flip_a_chunk(path):
    """Changes a bit in the first chunk of the first column."""
    with h5py.File(path, "r") as file:
        columns = []
        file.visititems(lambda name, item: columns.append(item) if isinstance(item, h5py.Dataset) and item.size else None)
        at = columns[0].id.get_chunk_info(0).byte_offset
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


class SummaryTest(PipelineTest):
    def test_summary(self):
        inputs = Inputs(self.dir / "in").write(model=MODEL + "min_score = 5\n[tags.unseen]\nhalf_saturation = 3\n")
        (self.dir / "more.csv").write_text("ip,day,key\n192.0.2.7,2026-11-20,nobody knows\n192.0.2.7,2026-08-01,shoes.example\n")
        self.ingest("store", *inputs.observations, "more.csv")
        self.prepare("store", "table", "--as-of", AS_OF, "--lookback-days", "128")
        inputs.classification.write_text(inputs.classification.read_text() + "unseen.example,lonely,1\n")
        result = self.score(inputs, "table", "scores")
        verdict, read, below, coverage, wrote, seconds, load, end = result.stderr.split("\n")
        self.assertEqual(end, "")
        self.assertEqual([(warning["msg"], warning["count"]) for warning in result.warnings], [
            (f'{inputs.model}: tags."unseen": no key is classified to this tag', 1),
            ('table: has no observations of 87 of the 90 days of the look-back: "2026-08-25", "2026-08-26", "2026-08-27", '
             '"2026-08-28", "2026-08-29" and 82 more', 87)])
        self.assertRegex(verdict, r"\Ascores: \d rows of \d addresses, \d company rows, in 1 parts?, as of 2026-11-22\Z")
        self.assertEqual(read, "read 7 observations of 4 addresses: 4 (57.1 %) classified, 1 (14.3 %) without a tag, 1 (14.3 %) "
                         "outside the look-back, 1 (14.3 %) of excluded networks")
        self.assertRegex(below, r"\A\d rows below min_score were not written\Z")
        self.assertEqual(coverage, 'coverage: 20.0 % of the observations have no tag; tags without keys: 1 of 4, "lonely"; days '
                         'without data: 87 of 90, "2026-08-25", "2026-08-26", "2026-08-27", "2026-08-28", "2026-08-29" and 82 more')
        self.assertRegex(wrote, r"\Awrote [1-9][\d.]* (B|KiB)\Z")
        self.assertRegex(seconds, r"\A[\d.]+ s in all: check [\d.]+ s, broadcast [\d.]+ s, score [\d.]+ s, flush [\d.]+ s, companies [\d.]+ s, "
                         r"index [\d.]+ s\Z")
        self.assertRegex(load, r"\A1 ranks?, \d+ threads?; at most [\d.]+ MiB of memory a rank; busiest rank 0\.0 % above the mean\Z")


if __name__ == "__main__":
    unittest.main()
