#!/usr/bin/python3
"""prepare --classification: a table of classified keys only gives the scores of a whole table, says what it lacks, and is not taken
for a whole one."""

import csv
import gzip
import io
import json
import shutil
import unittest

import h5py

from pipeline_lib import AS_OF, CLASSIFICATION, Inputs, PipelineTest, h5_values, snapshot, write_nasty_inputs

DAYS = ("--as-of", AS_OF, "--lookback-days", "90")


def strings(file, name):
    data, ends = file[f"{name}/bytes"][:].tobytes(), file[f"{name}/offsets"][:]
    return [data[a:b] for a, b in zip(ends[:-1], ends[1:])]


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def keys_of(path):
    with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
        return {row["key"] for row in csv.DictReader(file)}


def content_of_scores(directory):
    """All of a result that does not tell of the table it came from."""
    with h5py.File(directory / "index.h5") as file:
        job = json.loads(file["description"][:].tobytes())["job_hash"]
    values = {}
    for path in sorted(directory.glob("*.h5")):
        values[path.name] = {name: value for name, value in h5_values(path).items()
                             if not name.startswith(("postings/", "checksums/postings/")) and job not in str(value) and
                             name not in ("counts", "checksums/counts", "description", "checksums/description")}
    return values


class ClassifiedTableTest(PipelineTest):
    def index(self, table="table"):
        """(dictionary, unseen keys, description) of a table."""
        with h5py.File(self.dir / table / "index.h5") as file:
            return (strings(file, "dictionary"), strings(file, "unseen_keys") if "unseen_keys" in file else None,
                    json.loads(file["description"][:].tobytes()))

    def run_json(self, directory):
        return json.loads((self.dir / directory / "run.json").read_text())

    def write(self, name, text):
        (self.dir / name).write_text(text)
        return name


class ScoresTest(ClassifiedTableTest):
    """The same scores as of a whole table, to the last bit, and as the reference has them."""

    def check(self, inputs, name, ranks=None):
        """Prepares with the classification as it is, and scores with it, and with fewer of its keys."""
        ours = self.pipeline(inputs, name)
        table = f"{name}-classified"
        self.prepare(f"{name}-store", table, *inputs.days(), "--classification", inputs.classification, ranks=ranks)
        rows, keys = rows_of(ours["observations"]), keys_of(inputs.classification)
        kept = [row for row in rows if row["key"] in keys]
        self.assertTrue(0 < len(kept) < len(rows), "all or nothing would show nothing")
        self.assertEqual(rows_of(self.export(table)), kept)
        counts = self.run_json(table)["counts"]
        self.assertEqual((counts["rows"], counts["addresses"]), (len(kept), len({row["ip"] for row in kept})))
        whole = self.run_json(f"{name}-table")["counts"]
        self.assertEqual((counts["rows_read"], counts["rows_outside_days"]), (whole["rows_read"], whole["rows_outside_days"]))
        self.assertEqual(counts["rows_read"],
                         counts["rows_outside_days"] + counts["rows_unclassified"] + counts["duplicates"] + counts["rows"])
        dictionary, unseen, description = self.index(table)
        encoded = {key.encode(errors="surrogateescape") for key in keys}
        self.assertEqual(sorted(dictionary + unseen), sorted(encoded))
        self.assertEqual((dictionary, unseen), (sorted(dictionary), sorted(unseen)))
        self.assertEqual(description["classification"]["keys"], len(keys))

        lines = inputs.classification.read_bytes().split(b"\n")
        fewer = Inputs(inputs.directory)
        fewer.observations, fewer.classification = inputs.observations, self.dir / f"{name}-fewer.csv"
        fewer.classification.write_bytes(b"\n".join(lines[:1] + [line for line in lines[1:] if b'"' not in line][::3]) + b"\n")
        for which, of in (("same", inputs), ("fewer", fewer)):
            for table_name in (table, f"{name}-table"):
                self.score(of, table_name, f"{table_name}-{which}", ranks=ranks)
            self.assertEqual(content_of_scores(self.dir / f"{table}-{which}"), content_of_scores(self.dir / f"{name}-table-{which}"))
            theirs = self.reference(of)
            self.assert_same_text(self.export(f"{table}-{which}"), theirs["scores"], f"{name} {which}: scores")
            self.assert_same_text(self.export(f"{table}-{which}", "--companies"), theirs["companies"], f"{name} {which}: companies")
            self.assertEqual(self.run_json(f"{table}-{which}")["coverage"]["tags_without_keys"],
                             self.run_json(f"{name}-table-{which}")["coverage"]["tags_without_keys"])

    def test_every_feature(self):
        for seed in range(4):
            with self.subTest(seed=seed):
                self.check(write_nasty_inputs(self.dir / f"nasty{seed}", 40 + seed), f"nasty{seed}")

    def test_several_parts(self):
        inputs = self.generate("demo", "290k", "--seed", "4", "--gateway-share", "0.3")
        lines = inputs.classification.read_text().splitlines(keepends=True)
        inputs.classification.write_text("".join(lines[:1] + lines[1::20]))
        self.check(inputs, "many")
        self.assertEqual(len(list((self.dir / "many-classified").glob("part-*.h5"))), 2)


class KeysTest(ClassifiedTableTest):
    def setUp(self):
        super().setUp()
        self.inputs = Inputs(self.dir / "in").write()
        self.ingest("store", *self.inputs.observations)

    def classify(self, text, name="in/classification.csv"):
        (self.dir / name).write_text(text)
        return name

    def prepare_table(self, *options, table="table"):
        return self.prepare("store", table, *DAYS, "--classification", self.inputs.classification, *options)

    def assert_outside(self, line, key, table="table"):
        path = self.inputs.classification
        self.assert_fails(self.run_ipscore(*self.score_words(self.inputs, table, "new")), 2,
                          f'ipscore score: {path}:{line}: column key: "{key}" is not in the classification that {table} was prepared '
                          f"with, so its observations are not there; prepare a table with --classification {path}")
        self.assertFalse((self.dir / "new").exists())

    def test_keys_that_nobody_visited(self):
        unseen = "".join(f"{key},shoes,1\n" for key in ("a", "shoes.exampl", "shoes.example2", "zzz"))
        self.classify(CLASSIFICATION + unseen)
        self.prepare_table()
        self.assertEqual(self.index()[:2], ([b"news.example", b"shoes.example"], [b"a", b"shoes.exampl", b"shoes.example2", b"zzz"]))
        self.score(self.inputs, "table", "scores")
        # With other tags and weights.
        self.classify("key,tag,weight\nzzz,hats,1\na,hats,0.5\nshoes.example,hats,1\n")
        self.score(self.inputs, "table", "other-scores")
        self.assertEqual({row["tag"] for row in rows_of(self.export("other-scores"))}, {"hats"})
        # Between, before, behind and instead of them; the first in byte order is named.
        for key in ("Z", "aa", "news.exampl", "news.examplf", "shoes.example1", "zzzz", "zz"):
            with self.subTest(key=key):
                self.classify(f"key,tag,weight\na,hats,1\n\nshoes.example,hats,1\n{key},hats,1\nzzz,hats,1\nzzzzz,hats,1\n")
                self.assert_outside(5, key)

    def test_the_line_is_that_of_the_first_row_of_the_key(self):
        self.prepare_table()
        self.classify('key,tag,weight\nshoes.example,z,1\n"two\nlines",z,1\nnew,z,1\nnew,a,1\nnew,z,1\n')
        self.assert_outside(5, "new")
        self.classify('key,tag,weight\n"two\nlines",z,1\n')
        self.assert_outside(2, "two\\x0alines")

    def test_a_key_of_observations_that_were_left_out(self):
        self.classify("key,tag,weight\nshoes.example,shoes,1\n")
        self.prepare_table()
        self.assertEqual(self.index()[:2], ([b"shoes.example"], []))
        self.assertEqual({row["ip"] for row in rows_of(self.export("table"))}, {"192.0.2.7", "192.0.2.200", "203.0.113.9"})
        self.classify(CLASSIFICATION)
        self.assert_outside(4, "news.example")
        # What the message says does it.
        self.prepare_table("--restart")
        self.score(self.inputs, "table", "scores")
        self.assert_same_text(self.export("scores"), self.reference(self.inputs)["scores"], "scores")

    def test_nothing_in_common(self):
        for name, text, unseen in (("none", "key,tag,weight\na,shoes,1\nzz,shoes,1\n", [b"a", b"zz"]), ("empty", "key,tag,weight\n", [])):
            with self.subTest(name=name):
                self.classify(text)
                result = self.prepare_table(table=name)
                self.assertIn("\nleft out 5 rows, 100.0 % of those of these days, whose keys are not among the "
                              f"{len(unseen)} of {self.inputs.classification}\n", result.stderr)
                self.assertEqual(self.index(name)[:2], ([], unseen))
                self.score(self.inputs, name, f"{name}-scores")
                self.assert_same_exports(self.exports(name, f"{name}-scores"),
                                         {**self.reference(self.inputs), "observations": "ip,day,key,hits\n"}, name)
                self.prepare_table(table=name)

    def test_store_without_observations(self):
        self.write("none.csv", "ip,day,key\n")
        self.ingest("empty", "none.csv")
        self.prepare("empty", "table", *DAYS, "--classification", self.inputs.classification)
        self.assertEqual(self.index()[:2], ([], [b"news.example", b"shoes.example"]))
        self.score(self.inputs, "table", "scores")

    def test_bad_classification(self):
        before = snapshot(self.dir)
        words = self.prepare_words("store", "table", *DAYS, "--classification", "bad.csv")
        self.assert_fails(self.run_ipscore(*words), 2, "ipscore prepare: cannot read bad.csv: No such file or directory")
        self.assert_unchanged(".", before)
        self.write("bad.csv", "key,tag,weight\na,b,1\na,b,2\n")
        before = snapshot(self.dir)
        self.assert_fails(self.run_ipscore(*words), 2, 'ipscore prepare: bad.csv:3: column weight: "2" is not above 0 and at most 1')
        self.assert_unchanged(".", before)
        self.write("bad.csv", "key,tag,weight\na,b,1\na,b,0.5\n")
        self.assert_fails(self.run_mpirun(2, *words), 2,
                          'ipscore prepare: bad.csv:3: column weight: key "a" has tag "b" with two weights; the other is in line 2')
        self.assertFalse((self.dir / "table").exists())


class SameTableTest(ClassifiedTableTest):
    """What the same command does again."""

    def setUp(self):
        super().setUp()
        self.inputs = Inputs(self.dir / "in").write()
        self.ingest("store", *self.inputs.observations)
        self.options = (*DAYS, "--classification", "in/classification.csv")
        self.prepare("store", "table", *self.options)

    def again(self, *options):
        return self.run_ipscore(*self.prepare_words("store", "table", *(options or self.options)))

    def assert_other_job(self, result, was, now):
        before = snapshot(self.dir / "table")
        self.assert_code(result, 2)
        self.assertRegex(result.stderr, rf"\Aipscore prepare: table: holds the output of another job \(classification: was {was}, now "
                         rf"{now}\); give another directory, or --restart to replace it\n\Z")
        self.assert_unchanged("table", before)

    def test_finished(self):
        before = snapshot(self.dir / "table")
        result = self.again()
        self.assertEqual(result.stderr.split("\n")[0], "table: is finished already, with the same inputs; nothing was done")
        self.assertIn("\nleft out 0 rows, 0.0 % of those of these days, whose keys are not among the 2 of in/classification.csv\n",
                      result.stderr)
        self.assert_unchanged("table", before)
        # The content counts, not the name nor the compression.
        with gzip.open(self.dir / "other.csv.gz", "wb") as file:
            file.write(self.inputs.classification.read_bytes())
        self.assertIn("nothing was done", self.again(*DAYS, "--classification", "other.csv.gz").stderr)

    def test_another_classification(self):
        hash_ = '"[0-9a-f]{32}"'
        self.inputs.classification.write_text(CLASSIFICATION + "more.example,shoes,1\n")
        self.assert_other_job(self.again(), hash_, hash_)
        self.assert_other_job(self.again(*DAYS), hash_, "nothing")
        self.prepare("store", "table", *self.options, "--restart")
        self.assertEqual(self.index()[2]["classification"]["keys"], 3)
        self.prepare("store", "table", *DAYS, "--restart")
        self.assertNotIn("classification", self.index()[2])
        self.assert_other_job(self.again(), "nothing", hash_)

    def test_hash_is_that_of_score(self):
        self.score(self.inputs, "table", "scores")
        job, scores_job = (json.loads((self.dir / name / "job.json").read_text()) for name in ("table", "scores"))
        of_scores = scores_job["identity"]["classification"]
        self.assertEqual(job["identity"]["classification"], of_scores)
        self.assertEqual(job["about"]["classification"], {**scores_job["about"]["classification"], "path": "in/classification.csv"})
        self.assertEqual(self.index()[2]["classification"],
                         {"content_hash": of_scores, "keys": 2, "unclassified_per_day": {}})
        self.assertEqual(self.run_json("table")["classification"], {"content_hash": of_scores, "keys": 2})

    def test_unfinished_and_damaged(self):
        whole = {path.name: h5_values(path) for path in (self.dir / "table").glob("*.h5")}

        def flip(name, column):
            path = self.dir / "table" / name
            with h5py.File(path) as file:
                place = file[column].id.get_chunk_info(0).byte_offset
            data = bytearray(path.read_bytes())
            data[place] ^= 1
            path.write_bytes(data)

        self.inputs.classification.write_text(CLASSIFICATION + "unseen.example,shoes,1\n")
        self.prepare("store", "table", *self.options, "--restart")
        whole = {path.name: h5_values(path) for path in (self.dir / "table").glob("*.h5")}
        for damage in (lambda: (self.dir / "table" / "index.h5").unlink(), lambda: (self.dir / "table" / "part-00000.h5").unlink(),
                       lambda: flip("index.h5", "unseen_keys/bytes"), lambda: flip("part-00000.h5", "rows/hits")):
            damage()
            self.assertNotIn("nothing was done", self.prepare("store", "table", *self.options).stderr)
            self.assertEqual({path.name: h5_values(path) for path in (self.dir / "table").glob("*.h5")}, whole)
            self.assert_no_litter("table")
        flip("index.h5", "unseen_keys/bytes")
        self.assert_fails(self.run_ipscore(*self.score_words(self.inputs, "table", "scores")), 2,
                          "ipscore score: table/index.h5: damaged: column unseen_keys/bytes, chunk 0: the checksum does not match")

    def test_parts_of_another_classification_are_not_kept(self):
        """A part that lies there from a table of other keys, under the job of this one."""
        self.write("one.csv", "key,tag,weight\nnews.example,news,1\n")
        self.prepare("store", "other", *DAYS, "--classification", "one.csv")
        shutil.copy(self.dir / "other" / "part-00000.h5", self.dir / "table" / "part-00000.h5")
        result = self.prepare("store", "table", *self.options)
        self.assertEqual([warning["msg"] for warning in result.warnings if "is damaged" in warning["msg"]],
                         ["table/part-00000.h5: is damaged, or of another job, and is made again"])
        self.assertEqual(len(rows_of(self.export("table"))), 5)


class CoverageTest(ClassifiedTableTest):
    """Nothing says that all is classified because all the rest was left out."""

    # On the second day, nobody looked at what has a tag.
    OBSERVATIONS = ("ip,day,key\n192.0.2.7,2026-11-20,shoes.example\n192.0.2.7,2026-11-21,nobody.knows\n192.0.2.7,2026-11-22,a\n"
                    "192.0.2.7,2026-11-22,shoes.example\n192.0.2.9,2026-11-22,nobody.knows\n192.0.2.9,2026-11-19,nobody.knows\n")
    MODEL = "as_of = 2026-11-22\nlookback_days = 3\nrecent_days = 1\n"

    def setUp(self):
        super().setUp()
        self.inputs = Inputs(self.dir / "in").write(observations=self.OBSERVATIONS, model=self.MODEL)
        self.ingest("store", *self.inputs.observations)
        self.write("in/classification.csv", CLASSIFICATION + "a,shoes,1\n")
        self.words = self.prepare_words("store", "table", "--as-of", AS_OF, "--lookback-days", "4", "--classification",
                                        "in/classification.csv")

    def test_counts_and_summary(self):
        result = self.verb(*self.words)
        self.assertEqual(result.stderr.split("\n")[0],
                         "table: 3 observations of 1 addresses and 2 keys in 1 parts, 2026-11-19 to 2026-11-22")
        self.assertIn("\nleft out 3 rows, 50.0 % of those of these days, whose keys are not among the 3 of in/classification.csv\n",
                      result.stderr)
        self.assertEqual(result.warnings, [])
        run_json = self.run_json("table")
        self.assertEqual(run_json["counts"]["rows_unclassified"], 3)
        self.assertEqual(run_json["days_without_rows"], 0)
        self.assertEqual(self.index()[2]["classification"]["unclassified_per_day"],
                         {"2026-11-19": 1, "2026-11-21": 1, "2026-11-22": 1})

        # Score looks back on three of the days, with a tag less.
        self.inputs.classification.write_text("key,tag,weight\nshoes.example,shoes,1\n")
        result = self.score(self.inputs, "table", "scores", "--require-days")
        self.assertEqual(result.warnings, [])
        self.assertIn("\nread 3 observations of 1 addresses: 2 (66.7 %) classified, 1 (33.3 %) without a tag, ", result.stderr)
        self.assertIn("\ncoverage: rows without a tag that prepare left out: 2; tags without keys: 0 of 1; days without data: 0 of 3\n",
                      result.stderr)
        coverage = self.run_json("scores")["coverage"]
        self.assertIsNone(coverage["observations_without_tag_share"])
        self.assertEqual(coverage["rows_left_out"], 2)
        self.assertEqual(coverage["days_without_observations"], [])

    def test_whole_table(self):
        self.verb(*self.words[:-2])
        self.assertNotIn("rows_unclassified", self.run_json("table")["counts"])
        self.assertNotIn("classification", self.run_json("table"))
        self.assertIsNone(self.index()[1])
        self.score(self.inputs, "table", "scores")
        self.assertNotIn("rows_left_out", self.run_json("scores")["coverage"])

    def test_max_unclassified(self):
        for _ in range(2):
            self.assert_fails(self.run_ipscore(*self.words, "--max-unclassified", "0.49"), 2,
                              "ipscore prepare: table: 0.5000 of the rows have no tag, more than --max-unclassified 0.49; the table "
                              "gets no index")
            self.assertFalse((self.dir / "table" / "index.h5").exists())
        self.verb(*self.words, "--max-unclassified", "0.5")
        before = snapshot(self.dir / "table")
        self.assert_code(self.run_ipscore(*self.words, "--max-unclassified", "0.49"), 2)
        self.assert_unchanged("table", before)
        self.assert_fails(self.run_ipscore(*self.score_words(self.inputs, "table", "scores", "--max-unclassified", "0.9")), 2,
                          "ipscore score: table: was prepared with --classification, without the observations that "
                          "--max-unclassified counts; give that to ipscore prepare")
        self.score(self.inputs, "table", "scores", "--max-unclassified", "1")

    def test_max_unclassified_needs_a_classification(self):
        self.assert_fails(self.run_ipscore(*self.words[:-2], "--max-unclassified", "0.5"), 2,
                          "ipscore prepare: --max-unclassified needs --classification; see ipscore prepare --help")

    def test_min_rows(self):
        self.assert_fails(self.run_ipscore(*self.words, "--min-rows", "4"), 2,
                          "ipscore prepare: table: 3 observations are fewer than --min-rows 4; the table gets no index")

    def test_inspect(self):
        self.verb(*self.words)
        content_hash = self.index()[2]["classification"]["content_hash"]
        report = json.loads(self.verb("inspect", "table", "--json").stdout)["reports"][0]
        self.assertEqual(report["table"], {"first_day": "2026-11-19", "last_day": "2026-11-22", "parts": 1, "classification": {
            "content_hash": content_hash, "keys": 3, "rows_unclassified": 3}})
        self.assertIn("\n1 part, prepared for 2026-11-19 to 2026-11-22\n"
                      f"for the 3 keys of a classification (content {content_hash}), without 3 rows of other keys\nmemory: ",
                      self.verb("inspect", "table").stdout)
        self.assertIn("table index", self.verb("inspect", "table/index.h5").stdout)

    def test_forgotten_addresses(self):
        """A table that forget rewrites is still of classified keys only."""
        self.inputs.classification.write_text(CLASSIFICATION + "a,shoes,1\nzz,shoes,1\n")
        (self.dir / "more.csv").write_text("ip,day,key\n192.0.2.9,2026-11-22,news.example\n")
        self.ingest("store", "more.csv")
        self.verb(*self.words)
        before = self.index()
        self.assertEqual(before[1], [b"zz"])
        self.verb("forget", "--store", "store", "--ip", "192.0.2.9", "--table", "table")
        after = self.index()
        self.assertEqual(after[:2], before[:2])
        self.assertEqual(after[2]["classification"], before[2]["classification"])
        self.assertNotIn("unclassified_per_day", after[2]["counts"])
        self.assertEqual({row["ip"] for row in rows_of(self.export("table"))}, {"192.0.2.7"})
        self.score(self.inputs, "table", "scores")
        self.assertEqual(self.run_json("scores")["coverage"]["rows_left_out"], 2)
        self.inputs.classification.write_text(CLASSIFICATION + "zy,shoes,1\n")
        self.assertIn('column key: "zy" is not in the classification that table was prepared with',
                      self.run_ipscore(*self.score_words(self.inputs, "table", "new")).stderr)
        # And so is the one that prepare makes from then on, of the sources that are left.
        self.verb(*self.words, "--restart")
        self.assertEqual(self.index()[2]["classification"]["unclassified_per_day"], {"2026-11-21": 1, "2026-11-22": 1})

    def test_replaced_source(self):
        (self.dir / "again.csv").write_text("ip,day,key\n192.0.2.8,2026-11-21,shoes.example\n192.0.2.8,2026-11-20,nobody.knows\n")
        self.verb("ingest", "--store", "store", "--replace", self.inputs.observations[0], "again.csv")
        self.verb(*self.words)
        self.assertEqual([(row["ip"], row["key"]) for row in rows_of(self.export("table"))], [("192.0.2.8", "shoes.example")])
        self.assertEqual(self.run_json("table")["counts"]["rows_unclassified"], 1)

    def test_packed_table(self):
        self.verb(*self.words)
        self.verb("export", "table", "--output", "table.h5")
        with h5py.File(self.dir / "table.h5") as file:
            self.assertEqual(strings(file, "dictionary"), [b"a", b"shoes.example"])
            self.assertEqual(len(file["rows/key"]), 3)


if __name__ == "__main__":
    unittest.main()
