#!/usr/bin/python3
"""`ipscore plan`: its predictions against formulas worked out here from made-up runs whose costs are known, and its sizes against
those of real tables and scores."""

import copy
import json
import math
import re
import shlex
import unittest

import botocore.session
import botocore.validate

from cli_test_lib import PROJECT, ipscore, run
from pipeline_lib import PipelineTest

# docs/performance.md, "Starting ranks".
START = 0.15
START_A_RANK = 0.03

# A core takes a second for a million observations in prepare, and two in score.
PREPARE = {
    "verb": "prepare", "parts": 1000, "parts_already_there": 0, "keys": 1000, "inputs": 1, "input_keys": 1000,
    "counts": {"rows_read": 1000000, "rows_outside_days": 0, "rows": 1000000, "addresses": 50000, "stored_bytes": 5000000},
    "phases_seconds": {"check": 0.0, "broadcast": 0.0, "dictionary": 0.5, "merge": 1.0, "flush": 0.0, "index": 0.0},
    "ranks": [{"rank": 0, "host": "a", "threads": 1, "peak_memory_bytes": 50 << 20}],
}
SCORE = {
    "verb": "score", "parts": 1000, "parts_already_there": 0, "keys": 1000, "company_rows": 100,
    "counts": {"observations": {"read": 1000000}, "rows": {"written": 1500000}, "addresses": {"read": 50000},
               "company_evidence_rows": 100000, "stored_bytes": 30000000},
    "coverage": {"tags": 100},
    "phases_seconds": {"check": 0.25, "broadcast": 0.0, "score": 2.0, "flush": 0.0, "companies": 0.4, "index": 0.08},
    "ranks": [{"rank": 0, "host": "a", "threads": 1, "peak_memory_bytes": 60 << 20}],
}
INSTANCES = """\
[instances.four]
cores = 4
memory_gib = 16
price_per_hour = 3.6
spot_price_per_hour = 1.8
"""


def on_threads(measured, threads, phases):
    """The same run on another number of threads."""
    other = copy.deepcopy(measured)
    other["ranks"][0]["threads"] = threads
    other["phases_seconds"].update(phases)
    return other


class PlanTest(PipelineTest):
    def write(self, name, content):
        path = self.dir / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def plan_words(self, *options, runs=(PREPARE, SCORE), instances=INSTANCES):
        files = [self.write(f"run-{at}.json", measured) for at, measured in enumerate(runs)]
        return ["plan", *options, "--runs", *files, "--instances", self.write("instances.toml", instances)]

    def plan(self, *options, **more):
        return json.loads(self.verb(*self.plan_words(*options, "--json", **more)).stdout)

    def option(self, plan, nodes, type_="four"):
        return next(option for option in plan["options"] if (option["type"], option["nodes"]) == (type_, nodes))

    def assert_fails_with(self, line, words):
        result = run(ipscore(*words), cwd=self.dir)
        self.assert_fails(result, 2, f"ipscore plan: {line}")


class PredictionTest(PlanTest):
    def test_what_cores_share_and_what_they_do_not(self):
        plan = self.plan("--observations", "10M", "--addresses", "500k")
        # As dense as the runs were, so everything is ten times as much; 16 parts.
        self.assertEqual((plan["parts"], plan["observations"], plan["addresses"]), (16, 10000000, 500000))
        self.assertEqual((plan["score_rows"], plan["scores_bytes"], plan["table_bytes"]), (15000000, 300000000, 50000000))
        for nodes in (1, 2, 4, 8):
            workers = 4 * nodes
            share = 1 / workers + 0.5 / 16  # at the end, all wait for the last parts: half a part
            start = START + START_A_RANK * nodes
            option = self.option(plan, nodes)
            # The dictionary is as large as it was.
            self.assertAlmostEqual(option["prepare_seconds"], start + 0.5 + 10 * share, delta=0.001)
            # Of companies there are 100 rows, tags included, in each of at most 16 parts: all cores add them up, and rank 0 writes 100.
            companies = 0.4 * 16 * 100 / 100000 * share + 0.08
            self.assertAlmostEqual(option["score_seconds"], start + 0.25 + 20 * share + companies, delta=0.001)
            self.assertAlmostEqual(option["seconds"], option["prepare_seconds"] + option["score_seconds"], delta=0.001)
        few = self.option(plan, 64)  # 256 cores, 16 parts: one takes as long as it takes
        self.assertAlmostEqual(few["prepare_seconds"], START + 64 * START_A_RANK + 0.5 + 10 / 16, delta=0.001)

    def test_what_a_node_does_however_many_its_cores(self):
        # 1 s of each node, and 1 s divided by its threads and what they wait for at the end.
        share = 1 / 2 + 0.5 / 1000
        two = on_threads(PREPARE, 2, {"merge": 1 + share})
        one = on_threads(PREPARE, 1, {"merge": 2.0})
        plan = self.plan("--observations", "262144k", runs=(one, two))
        times, parts = 262.144, 250
        for nodes in (1, 2, 8):
            expected = times * (1 / (4 * nodes) + 0.5 / parts + 1 / nodes)
            self.assertAlmostEqual(self.option(plan, nodes)["prepare_seconds"], START + START_A_RANK * nodes + 0.5 + expected, delta=0.05)
        self.assertIsNone(self.option(plan, 1)["score_seconds"])

    def test_more_segments_cost_a_deeper_merge(self):
        run_of_4 = on_threads(PREPARE, 1, {"dictionary": 0})
        run_of_4["inputs"] = 4  # 1 for reading and writing, and 2 comparisons
        self.verb("generate", "--rows", "8k", "--output", "in", "--addresses", "1k")
        text = (self.dir / "in" / "observations.csv").read_text().splitlines(keepends=True)
        for at in range(16):
            self.write(f"{at}.csv", text[0] + "".join(text[1 + at * 500:1 + (at + 1) * 500]))
        self.ingest("store", *(f"{at}.csv" for at in range(16)))
        segments = json.loads(self.verb("inspect", "store", "--json", "--quick").stdout)["reports"][0]
        self.assertEqual(len(segments["store"]["segments"]), 16)
        plan = self.plan("--store", "store", runs=[run_of_4])
        self.assertEqual((plan["inputs"], plan["observations"]), (16, segments["rows"]))
        # One part: one core of the four makes it.
        self.assertAlmostEqual(self.option(plan, 1)["prepare_seconds"], START + START_A_RANK + segments["rows"] / 1e6 * 5 / 3,
                               delta=0.0001)
        # The last of the days: as many rows as the store has of them.
        days = {day: rows for day, rows in segments["rows_per_day"].items() if day > "2026-11-12"}
        plan = self.plan("--store", "store", "--lookback-days", "10", "--as-of", "2026-11-22", runs=[run_of_4])
        self.assertEqual(plan["observations"], sum(days.values()))

    def test_rows_of_scores_saturate_with_the_tags(self):
        """An address whose observations hit one tag of 100 each at random has 100 (1 - 0.99^m) of them after m, and 63 of 100."""
        thin = copy.deepcopy(SCORE)
        thin["counts"]["rows"]["written"] = round(50000 * 100 * (1 - math.exp(-20 / 100)))  # 20 observations an address
        plan = self.plan("--observations", "5M", "--addresses", "50k", runs=[thin])
        self.assertAlmostEqual(plan["score_rows"], 50000 * 100 * (1 - math.exp(-1)), delta=5)
        # An address more is as many rows more.
        plan = self.plan("--observations", "10M", "--addresses", "100k", runs=[thin])
        self.assertAlmostEqual(plan["score_rows"], 100000 * 100 * (1 - math.exp(-1)), delta=10)

    def test_a_faster_core(self):
        twice = INSTANCES + "[instances.fast]\ncores = 4\ncore_speed = 2\nmemory_gib = 16\nprice_per_hour = 1\n"
        plan = self.plan("--observations", "10M", instances=twice)
        start = START + START_A_RANK
        slow, fast = (self.option(plan, 1, type_)["prepare_seconds"] - start for type_ in ("four", "fast"))
        self.assertAlmostEqual(slow, 2 * fast, delta=0.001)

    def test_storage_that_is_slower_than_the_nodes(self):
        storage = "[shared_storage]\nmb_per_second = 10\n" + INSTANCES + "disk_gb = 1\n"
        plan = self.plan("--observations", "10M", runs=[SCORE], instances=storage)
        # 300 MB are written. The table's size is not known, for there is no run of prepare. One node has room on its own disk.
        alone, two = self.option(plan, 1), self.option(plan, 2)
        self.assertEqual((alone["on_own_disk"], alone["storage_seconds"]), (True, 0))
        self.assertEqual((two["on_own_disk"], two["storage_seconds"]), (False, 30))
        self.assertGreater(two["score_seconds"], 30)

    def test_a_node_that_is_too_small(self):
        small = INSTANCES + "[instances.small]\ncores = 4\nmemory_gib = 0.05\nprice_per_hour = 0.01\n"
        plan = self.plan("--observations", "10M", instances=small)
        self.assertEqual([option["fits"] for option in plan["options"] if option["type"] == "small"], [False] * 7)
        self.assertEqual(plan["options"][plan["cheapest"]]["type"], "four", "the small one is cheaper")
        # The runs had one thread; each of three more has its buffers.
        self.assertGreater(self.option(plan, 1)["memory_bytes"], 60 << 20)
        text = self.verb(*self.plan_words("--observations", "10M", instances=small)).stdout
        self.assertRegex(text, r"(?m)^ +1 .* small +needs [\d.]+ MiB of memory$")


class PriceTest(PlanTest):
    STARTS = "start_seconds = 100\nbilled_seconds_min = 300\n" + INSTANCES

    def test_of_a_run_and_of_a_month(self):
        plan = self.plan("--observations", "10M", "--other-seconds", "1000", "--nights", "20")
        for nodes in (1, 4):
            option = self.option(plan, nodes)
            self.assertAlmostEqual(option["seconds"], option["prepare_seconds"] + option["score_seconds"] + 1000, delta=0.001)
            self.assertAlmostEqual(option["price"], nodes * option["seconds"] * 0.001, delta=1e-6)  # 3.6 an hour
            self.assertAlmostEqual(option["spot_price"], option["price"] / 2, delta=1e-6)
            self.assertAlmostEqual(option["month_price"], 20 * option["price"], delta=1e-6)
            self.assertAlmostEqual(option["month_spot_price"], 10 * option["price"], delta=1e-6)

    def test_a_start_that_is_paid_for(self):
        option = self.option(self.plan("--observations", "1G", instances=self.STARTS), 1)
        self.assertGreater(option["seconds"], 300)
        self.assertAlmostEqual(option["price"], (option["seconds"] + 100) * 0.001, delta=1e-6)
        option = self.option(self.plan("--observations", "1M", instances=self.STARTS), 2)
        self.assertAlmostEqual(option["price"], 2 * 300 * 0.001, delta=1e-6)

    def test_no_spot(self):
        option = self.option(self.plan("--observations", "1M", instances=INSTANCES.replace("spot_price_per_hour = 1.8\n", "")), 1)
        self.assertEqual((option["spot_price"], option["month_spot_price"]), (None, None))

    def test_where_more_nodes_stop_paying(self):
        plan = self.plan("--observations", "100M")
        seconds = {option["nodes"]: option["seconds"] for option in plan["options"]}
        self.assertEqual(list(seconds), [1, 2, 4, 8, 16, 32, 64])
        paying = [1]
        for nodes in list(seconds)[1:]:
            if seconds[nodes] > 0.75 * seconds[nodes / 2]:
                break
            paying.append(nodes)
        self.assertEqual([option["nodes"] for option in plan["options"] if option["pays"]], paying)
        self.assertIn(paying[-1], (4, 8, 16, 32), "of so much, some more nodes pay, but not all")
        fastest = plan["options"][plan["fastest"]]
        self.assertLessEqual(fastest["seconds"], 1.05 * seconds[paying[-1]])
        text = self.verb(*self.plan_words("--observations", "100M")).stdout
        self.assertRegex(text, rf"\n  four: up to {paying[-1]} nodes; {2 * paying[-1]} would each be paid for [\d.]+ s instead of [\d.]+ s, [\d.]+ s of it "
                               "for starting ranks, and what rank 0 does alone\n")

    def test_cheapest_within_a_time(self):
        anytime = self.plan("--observations", "1G")
        self.assertEqual(anytime["options"][anytime["cheapest"]]["nodes"], 1)
        within = math.ceil(self.option(anytime, 4)["seconds"])
        plan = self.plan("--observations", "1G", "--within", str(within))
        self.assertEqual(plan["options"][plan["cheapest"]]["nodes"], 4)
        never = self.plan("--observations", "1G", "--within", "1")
        self.assertIsNone(never["cheapest"])
        self.assertIn("\nnone of these ends within 1.00 s; the least is ", self.verb(*self.plan_words("--observations", "1G", "--within", "1")).stdout)


class ReasonTest(PlanTest):
    """What keeps more nodes from paying."""

    def reason(self, *options, instances=INSTANCES, runs=(PREPARE, SCORE)):
        text = self.verb(*self.plan_words(*options, instances=instances, runs=runs)).stdout
        return re.search(r"(?m)^  four: up to .* of it for (.+)$", text).group(1)

    def test_is_named(self):
        self.assertEqual(self.reason("--observations", "100M", instances="start_seconds = 100\n" + INSTANCES), "the start of a node")
        self.assertEqual(self.reason("--observations", "100M", "--other-seconds", "100"), "what else a run does")
        self.assertEqual(self.reason("--observations", "100M", instances="[shared_storage]\nmb_per_second = 100\n" + INSTANCES),
                         "the shared storage")
        alone = copy.deepcopy(SCORE)
        alone["phases_seconds"]["check"] = 10
        self.assertEqual(self.reason("--observations", "100M", runs=[alone]), "starting ranks, and what rank 0 does alone")
        slow = copy.deepcopy(SCORE)
        slow["phases_seconds"]["score"] = 200
        self.assertEqual(self.reason("--observations", "1M", runs=[slow]), "the last of the parts, which are too few")


class ChoiceTest(PlanTest):
    def test_nothing_that_another_type_does_faster_for_less(self):
        """Twice of the slow nodes pay longest, for what they compute with takes longest."""
        types = INSTANCES + "[instances.slow]\ncores = 4\ncore_speed = 0.01\nmemory_gib = 16\nprice_per_hour = 3.6\n"
        for observations in ("1M", "10M", "100M"):
            plan = self.plan("--observations", observations, instances="start_seconds = 20\n" + types)
            chosen = plan["options"][plan["fastest"]]
            better = [option for option in plan["options"] if option["fits"] and
                      option["price"] <= chosen["price"] and option["seconds"] < 0.95 * chosen["seconds"]]
            self.assertEqual(better, [], chosen)
            self.assertEqual(chosen["type"], "four")

    def test_what_is_chosen_is_in_the_table(self):
        text = self.verb(*self.plan_words("--observations", "10M", "--within", "4", "--max-nodes", "64")).stdout
        nodes = re.search(r"cheapest within 4.00 s: (\d+) nodes of four", text).group(1)
        self.assertRegex(text, rf"(?m)^ +{nodes} +\d+ .* four ")

    def test_storage_that_is_too_small(self):
        storage = "[shared_storage]\ncapacity_gb = 0.3\nprice_per_month = 10\n" + INSTANCES
        text = self.verb(*self.plan_words("--observations", "10M", instances=storage)).stdout
        self.assertIn("\nthe shared storage is 10.00 a month more\nand too small: store, table and scores take 0 GB, and it has 0.3\n", text)
        self.assertRegex(text, r"cheapest: .*; with the shared storage 10\.\d+ a month\n")


class SettingsTest(PlanTest):
    def test_to_paste(self):
        plan = self.plan("--observations", "100M", "--within", "60")
        text = self.verb(*self.plan_words("--observations", "100M", "--within", "60")).stdout
        for what, option in (("cheapest within 1 min 00 s", plan["options"][plan["cheapest"]]),
                             ("fastest whose nodes pay", plan["options"][plan["fastest"]])):
            settings = option["settings"]
            minutes = max(10, math.ceil(2 * option["seconds"] / 60))
            self.assertEqual(settings, {"memory_mib": int(0.9 * 16 * 1024), "limit_minutes": minutes})
            sbatch, batch = text.split(f"\n{what}: ")[1].split("\n")[1:3]
            self.assertEqual(sbatch.split(), ["sbatch", f"--nodes={option['nodes']}", "--ntasks-per-node=1", "--cpus-per-task=4",
                                              f"--mem={settings['memory_mib']}M", f"--time={minutes}", "slurm/score.sbatch"])
            self.check_batch(shlex.split(batch), option)

    def check_batch(self, words, option):
        """Against the model that the AWS command line goes by."""
        self.assertEqual(words[:3], ["aws", "batch", "submit-job"])
        options = dict(zip(words[3::2], words[4::2]))
        needs = [{"type": "VCPU", "value": "4"}, {"type": "MEMORY", "value": str(option["settings"]["memory_mib"])}]
        seconds = re.fullmatch(r"attemptDurationSeconds=(\d+)", options["--timeout"]).group(1)
        self.assertEqual(int(seconds), 60 * option["settings"]["limit_minutes"])
        request = {"jobName": options["--job-name"], "jobQueue": options["--job-queue"], "jobDefinition": options["--job-definition"],
                   "timeout": {"attemptDurationSeconds": int(seconds)}}
        definition = "single" if option["nodes"] == 1 else "multinode"
        self.assertEqual(json.loads((PROJECT / f"jobs/aws-batch/job-definition-{definition}.json").read_text())["jobDefinitionName"],
                         request["jobDefinition"])
        if option["nodes"] == 1:
            request["containerOverrides"] = json.loads(options["--container-overrides"])
            self.assertEqual(request["containerOverrides"], {"resourceRequirements": needs})
        else:
            request["nodeOverrides"] = json.loads(options["--node-overrides"])
            self.assertEqual(request["nodeOverrides"]["numNodes"], option["nodes"])
            self.assertEqual(request["nodeOverrides"]["nodePropertyOverrides"][0]["containerOverrides"], {"resourceRequirements": needs})
        session = botocore.session.get_session()
        shape = session.get_service_model("batch").operation_model("SubmitJob").input_shape
        report = botocore.validate.ParamValidator().validate(request, shape)
        self.assertFalse(report.has_errors(), report.generate_report())

    def test_within_what_else_a_run_does(self):
        self.assert_fails_with("--other-seconds leaves nothing of --within; see ipscore plan --help",
                               self.plan_words("--observations", "1M", "--within", "60", "--other-seconds", "60"))


class RealRunsTest(PlanTest):
    def test_of_a_table_and_of_its_own_runs(self):
        inputs = self.generate("in", "60k", "--addresses", "3k", "--tags", "20")
        self.ingest("store", *inputs.observations)
        self.prepare("store", "table", "--as-of", "2026-11-22", "--threads", "1")
        self.score(inputs, "table", "scores", "--threads", "1")
        self.write("instances.toml", INSTANCES.replace("cores = 4", "cores = 1"))
        words = ["--runs", "table", "scores/run.json", "--instances", "instances.toml"]
        plan = json.loads(self.verb("plan", "--table", "table", *words, "--json").stdout)
        table, scores = (json.loads((self.dir / name / "run.json").read_text()) for name in ("table", "scores"))
        self.assertEqual(plan["observations"], table["counts"]["rows"])
        self.assertEqual(plan["addresses"], table["counts"]["addresses"])
        self.assertEqual((plan["parts"], plan["keys"]), (1, table["keys"]))
        self.assertEqual(plan["table_bytes"], table["counts"]["stored_bytes"])
        self.assertAlmostEqual(plan["score_rows"], scores["counts"]["rows"]["written"], delta=1)
        self.assertAlmostEqual(plan["scores_bytes"], scores["counts"]["stored_bytes"], delta=100)
        # What was measured is what is planned for the same on the same.
        option = self.option(plan, 1)
        start = START + START_A_RANK
        self.assertAlmostEqual(option["prepare_seconds"], table["seconds"] + start, delta=0.001)
        self.assertAlmostEqual(option["score_seconds"], scores["seconds"] + start, delta=0.001)
        self.verb("plan", "--store", "store", *words)
        # The example that comes with the program.
        self.verb("plan", "--table", "table", *words[:-1], PROJECT / "jobs" / "instances.toml")

    def test_of_some_days_of_a_store(self):
        """Rows of other days are read, and are neither observations nor a matter of parts."""
        inputs = self.generate("in", "300k", "--addresses", "15k", "--keys", "2k", "--tags", "20")
        self.ingest("store", *inputs.observations)
        self.prepare("store", "table", "--as-of", "2026-11-22", "--lookback-days", "10")
        self.score(self.short_look_back(inputs), "table", "scores")
        self.write("instances.toml", INSTANCES)
        words = ["--runs", "table", "scores", "--instances", "instances.toml", "--json"]
        plan = json.loads(self.verb("plan", "--store", "store", "--lookback-days", "10", *words).stdout)
        counts = json.loads((self.dir / "table" / "run.json").read_text())["counts"]
        self.assertEqual(plan["rows_read"], counts["rows_read"])
        self.assertEqual(plan["observations"], counts["rows"])
        self.assertAlmostEqual(plan["addresses"], counts["addresses"], delta=1)
        self.assertEqual(plan["parts"], 1)
        whole = json.loads(self.verb("plan", "--store", "store", *words).stdout)
        self.assertEqual(whole["parts"], 2)
        # No table has more addresses than its segments.
        self.write("few.csv", "ip,day,key\n" + "".join(f"192.0.2.{i % 5},2026-11-{1 + i % 20:02},{i}\n" for i in range(1000)))
        self.ingest("few", "few.csv")
        self.assertEqual(json.loads(self.verb("plan", "--store", "few", *words).stdout)["addresses"], 5)

    def short_look_back(self, inputs):
        inputs.model.write_text(re.sub(r"(?m)^lookback_days = .*$", "lookback_days = 10", inputs.model.read_text()))
        return inputs

    def test_a_table_without_rows(self):
        self.write("keys.csv", "key,tag,weight\nnone.example,tag,1\n")
        self.write("a.csv", "ip,day,key\n192.0.2.1,2026-11-20,a\n")
        self.ingest("store", "a.csv")
        self.prepare("store", "table", "--as-of", "2026-11-22", "--classification", "keys.csv")
        self.assert_fails_with("table: has no observations, so there is nothing to plan for", self.plan_words("--table", "table"))
        self.write("instances.toml", INSTANCES)
        self.assert_fails_with("table/run.json: is of a run without observations, which tells nothing of others",
                               ["plan", "--observations", "1M", "--runs", "table", "--instances", "instances.toml"])

    def test_runs_that_tell_nothing(self):
        inputs = self.generate("in", "1k")
        self.ingest("store", *inputs.observations)
        self.prepare("store", "table", "--as-of", "2026-11-22")
        self.prepare("store", "table", "--as-of", "2026-11-22")
        run_json = json.loads((self.dir / "table" / "run.json").read_text())
        run_json["parts_already_there"] = 1
        words = ["--observations", "1M"]
        self.assert_fails_with(f"{self.dir}/run-0.json: is of a run that found some of its parts there already, so that its seconds tell "
                               "nothing; take one that made them all", self.plan_words(*words, runs=[run_json]))
        self.assert_fails_with(f"{self.dir}/run-0.json: is of diff; plan goes by runs of prepare and score",
                               self.plan_words(*words, runs=[{"verb": "diff"}]))
        never = {**PREPARE, "phases_seconds": {"merge": 0.0}}
        backwards = {**PREPARE, "phases_seconds": {"merge": 2.0, "dictionary": -1.0}}
        endless = json.dumps(PREPARE).replace('"merge": 1.0', '"merge": 1e999')
        negative = copy.deepcopy(SCORE)
        negative["counts"]["stored_bytes"] = -1
        for damaged in ("{", "[]", '{"verb": "score"}', {**PREPARE, "inputs": "one"}, {**SCORE, "ranks": [{}]}, {**SCORE, "ranks": []},
                        never, backwards, endless, negative, {**PREPARE, "keys": 1e30}):
            self.assert_fails_with(f"{self.dir}/run-0.json: is no run.json of this version's prepare or score; make one with it",
                                   self.plan_words(*words, runs=[damaged]))
        empty = copy.deepcopy(PREPARE)
        empty["counts"]["rows_read"] = 0
        self.assert_fails_with(f"{self.dir}/run-0.json: is of a run without observations, which tells nothing of others",
                               self.plan_words(*words, runs=[empty]))


class BadInputTest(PlanTest):
    def test_what_to_plan_for(self):
        one = "one of --table, --store and --observations says what to plan for; see ipscore plan --help"
        self.assert_fails_with(one, self.plan_words())
        self.assert_fails_with(one, self.plan_words("--observations", "1M", "--table", "table"))
        self.assert_fails_with("--as-of and --lookback-days are for --store; see ipscore plan --help",
                               self.plan_words("--observations", "1M", "--lookback-days", "9"))
        self.assert_fails_with("--runs is missing: a run.json of prepare, of score, or of both; see ipscore plan --help",
                               ["plan", "--observations", "1M", "--instances", "x"])

    def test_numbers(self):
        self.assert_fails_with("--addresses are more than --observations; see ipscore plan --help",
                               self.plan_words("--observations", "1M", "--addresses", "2M"))
        plan = self.plan("--observations", "1")
        self.assertEqual((plan["addresses"], plan["parts"]), (1, 1))
        plan = self.plan("--observations", "1000000G")
        self.assertEqual((plan["observations"], plan["parts"]), (10**15, 4096))
        self.assertEqual({option["settings"]["limit_minutes"] for option in plan["options"][:1]}, {30 * 24 * 60})

    def test_a_store_without_such_days(self):
        self.write("a.csv", "ip,day,key\n192.0.2.1,2026-11-20,a\n")
        self.ingest("store", "a.csv")
        self.assert_fails_with("store: holds no observations from 2026-10-02 to 2026-10-02; its days are 2026-11-20 to 2026-11-20",
                               self.plan_words("--store", "store", "--as-of", "2026-10-02", "--lookback-days", "1"))
        self.write("none.csv", "ip,day,key\n")
        self.ingest("empty", "none.csv")
        self.assert_fails_with("empty: holds no observations; ingest some, or say --observations", self.plan_words("--store", "empty"))

    def test_instances(self):
        where = f"{self.dir}/instances.toml"
        for text, line in (
                ("", f"{where}: there are no instance types; write [instances.\"NAME\"] and what it has"),
                ("[instances.a]\n", f"{where}:1:1: instances.\"a\".cores is missing; write cores = 16"),
                ("[instances.a]\ncores = 0\n", f"{where}:2:9: instances.\"a\".cores: 0 is not a whole number from 1 to 4096"),
                ("[instances.a]\ncores = 1\nmemory_gib = 1\nprice_per_hour = -1\n",
                 f"{where}:4:18: instances.\"a\".price_per_hour: -1 is not above 0"),
                ("[instances.\"\"]\ncores = 1\n", f"{where}: an instance type has an empty name"),
                (INSTANCES + "disk_gb = -1\n", f"{where}:6:11: instances.\"four\".disk_gb: -1 is below 0"),
                (INSTANCES + "colour = 1\n", f"{where}:6:1: unknown name instances.\"four\".\"colour\""),
                ("[shared_storage]\nmb_per_second = \"fast\"\n" + INSTANCES, f"{where}:2:17: shared_storage.mb_per_second: 'fast' is not a number")):
            with self.subTest(text=text):
                result = run(ipscore(*self.plan_words("--observations", "1M", instances=text)), cwd=self.dir)
                self.assert_code(result, 2)
                self.assertEqual(result.stderr, f"ipscore plan: {line}\n")


if __name__ == "__main__":
    unittest.main()
