#!/usr/bin/python3
"""What AWS reads of this project, checked without AWS: job definitions against the model of the API, their rules for another attempt
against every way in which a job ends, the Dockerfile and the cluster's configuration against what lies in this project."""

import json
import re
import subprocess
import unittest
from pathlib import Path

import botocore.session
import botocore.validate
import yaml

PROJECT = Path(__file__).resolve().parents[2]
BATCH = PROJECT / "jobs" / "aws-batch"
CLUSTER = PROJECT / "jobs" / "parallelcluster"
DEFINITIONS = [json.loads(path.read_text()) for path in sorted(BATCH.glob("job-definition-*.json"))]


def containers(definition):
    if definition["type"] == "container":
        return [definition["containerProperties"]]
    return [group["container"] for group in definition["nodeProperties"]["nodeRangeProperties"]]


def next_step(definition, status_reason="Essential container in task exited", reason="", code=None):
    """What AWS Batch does with an attempt that failed: the first rule all of whose conditions fit decides; a condition fits as a whole,
    or where it ends in * by its beginning; without a rule that fits, it tries again."""
    found = {"onStatusReason": status_reason, "onReason": reason, "onExitCode": "" if code is None else str(code)}

    def fits(pattern, text):
        return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern

    for rule in definition["retryStrategy"]["evaluateOnExit"]:
        if all(fits(rule[name], text) for name, text in found.items() if name in rule):
            return rule["action"].upper()
    return "RETRY"


class JobDefinitionsTest(unittest.TestCase):
    def test_there_are_two(self):
        self.assertEqual([definition["type"] for definition in DEFINITIONS], ["multinode", "container"])

    def test_the_api_takes_them(self):
        shape = botocore.session.Session().get_service_model("batch").operation_model("RegisterJobDefinition").input_shape
        for definition in DEFINITIONS:
            report = botocore.validate.ParamValidator().validate(definition, shape)
            self.assertFalse(report.has_errors(), report.generate_report())
            self.assert_known_values(definition, shape, definition["jobDefinitionName"])

    def assert_known_values(self, value, shape, where):
        """The validator knows types and names, but not which words an enumeration has."""
        if shape.type_name == "structure":
            for name, member in value.items():
                self.assert_known_values(member, shape.members[name], f"{where}.{name}")
        elif shape.type_name == "list":
            for member in value:
                self.assert_known_values(member, shape.member, where)
        elif shape.type_name == "string" and shape.enum:
            self.assertIn(value, shape.enum, where)

    def test_limits(self):
        for definition in DEFINITIONS:
            retry = definition["retryStrategy"]
            self.assertTrue(1 <= retry["attempts"] <= 10)
            self.assertTrue(1 <= len(retry["evaluateOnExit"]) <= 5)
            for rule in retry["evaluateOnExit"]:
                self.assertRegex(rule.get("onExitCode", ""), r"\A[0-9]*\*?\Z")
                for name in ("onReason", "onStatusReason"):
                    self.assertRegex(rule.get(name, ""), r"\A[A-Za-z0-9.:\s]*\*?\Z")

    def test_another_attempt(self):
        for definition in DEFINITIONS:
            for step, ends in (("RETRY", [{"code": 75}, {"code": 3},
                                          {"status_reason": "Host EC2 (instance i-0123456789abcdef0) terminated."},
                                          {"status_reason": "Host EC2 (instance i-0123456789abcdef0) terminated.", "code": 137}]),
                               ("EXIT", [{"code": code} for code in (1, 2, 30, 31, 126, 127, 137, 139, 143, 175, 255)] +
                                [{"code": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"},
                                 {"reason": "CannotPullContainerError: not found"},
                                 {"status_reason": "Job attempt duration exceeded timeout", "code": 137}])):
                for end in ends:
                    with self.subTest(definition=definition["jobDefinitionName"], end=end):
                        self.assertEqual(next_step(definition, **end), step)

    def test_commands_have_their_parameters(self):
        for definition in DEFINITIONS:
            for container in containers(definition):
                used = {word[len("Ref::"):] for word in container["command"] if word.startswith("Ref::")}
                self.assertEqual(used, set(definition["parameters"]))

    def test_all_nodes_are_described(self):
        (multinode,) = [definition for definition in DEFINITIONS if definition["type"] == "multinode"]
        self.assertEqual([group["targetNodes"] for group in multinode["nodeProperties"]["nodeRangeProperties"]], ["0:"])
        # The entrypoint of a multi-node job needs the key, and finds it under this name.
        for container in containers(multinode):
            (secret,) = container["secrets"]
            self.assertIn(f'"${{{secret["name"]}:-}}"', (BATCH / "entrypoint.sh").read_text())


class DockerfileTest(unittest.TestCase):
    def setUp(self):
        text = (BATCH / "Dockerfile").read_text()
        self.instructions = [line.split() for line in text.splitlines() if line and not line.startswith("#")]

    def test_what_it_copies_is_there_and_sent(self):
        sent = [line[1:] for line in (BATCH / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")]
        for words in self.instructions:
            if words[0] == "COPY" and not words[1].startswith("--from"):
                for source in words[1:-1]:
                    self.assertTrue((PROJECT / source).exists(), source)
                    self.assertTrue(source == "." or source.split("/")[0] in sent, source)
        for name in sent:
            self.assertTrue((PROJECT / name).exists(), name)
        # COPY . brings only what is sent, and the build wants all that CMakeLists.txt names.
        cmake = (PROJECT / "CMakeLists.txt").read_text()
        wanted = {path.name for path in PROJECT.iterdir() if path.name != "build" and re.search(rf"\b{re.escape(path.name)}\b", cmake)}
        self.assertLessEqual(wanted | {"CMakeLists.txt", "CMakePresets.json"}, set(sent))

    def test_packages_come_from_the_list(self):
        groups = re.findall(r"RUN \S*install-packages\.sh ([a-z ]+)", (BATCH / "Dockerfile").read_text())
        self.assertEqual([group.split() for group in groups], [["build"], ["run", "batch"]])
        known = re.findall(r"(?m)^\[(\w+)\]$", (PROJECT / "jobs" / "packages.txt").read_text())
        self.assertLessEqual({"build", "run", "batch"}, set(known))
        self.assertNotIn("apt-get", (BATCH / "Dockerfile").read_text())

    def test_entrypoint(self):
        (entrypoint,) = [json.loads(words[1]) for words in self.instructions if words[0] == "ENTRYPOINT"]
        self.assertEqual(len(entrypoint), 1)
        place = entrypoint[0].removeprefix("/opt/ipscore/share/ipscore/")
        self.assertTrue((PROJECT / place).samefile(BATCH / "entrypoint.sh"))


class ClusterTest(unittest.TestCase):
    def setUp(self):
        self.arm = (CLUSTER / "cluster.yaml").read_text()
        self.x86 = subprocess.run(["sed", "-f", CLUSTER / "x86.sed", CLUSTER / "cluster.yaml"], stdout=subprocess.PIPE, text=True, check=True).stdout
        self.both = [yaml.safe_load(text) for text in (self.arm, self.x86)]

    @staticmethod
    def instance_types(cluster):
        types = [cluster["HeadNode"]["InstanceType"]]
        for queue in cluster["Scheduling"]["SlurmQueues"]:
            for resource in queue["ComputeResources"]:
                types += [instance["InstanceType"] for instance in resource["Instances"]]
        return types

    def test_one_kind_of_processor(self):
        # Those of Graviton have a g behind the number.
        arm, x86 = [[bool(re.match(r"[a-z]+\d+g", name)) for name in self.instance_types(cluster)] for cluster in self.both]
        self.assertTrue(all(arm))
        self.assertFalse(any(x86))

    def test_both_are_the_same_otherwise(self):
        def without_types(cluster):
            text = re.sub(r"InstanceType: \S+", "", yaml.safe_dump(cluster))
            return re.sub(r"ondemand-\d+", "", text)

        self.assertEqual(without_types(self.both[0]), without_types(self.both[1]))

    def test_queues(self):
        for cluster in self.both:
            spot, ondemand = cluster["Scheduling"]["SlurmQueues"]
            self.assertEqual((spot["Name"], spot["CapacityType"]), ("spot", "SPOT"))
            self.assertEqual((ondemand["Name"], ondemand["CapacityType"]), ("ondemand", "ONDEMAND"))
            self.assertTrue(ondemand["Networking"]["PlacementGroup"]["Enabled"])
            self.assertTrue(all(resource["Efa"]["Enabled"] for resource in ondemand["ComputeResources"]))
            readme = (CLUSTER / "README.md").read_text()
            for queue in (spot, ondemand):
                self.assertIn(f"--partition={queue['Name']} ", readme)

    def test_names(self):
        # As ParallelCluster wants them: letters, digits and hyphens, at most 25 of a queue, and no two alike.
        for cluster in self.both:
            queues = cluster["Scheduling"]["SlurmQueues"]
            names = [queue["Name"] for queue in queues] + [resource["Name"] for queue in queues for resource in queue["ComputeResources"]]
            for name in names:
                self.assertRegex(name, r"\A[a-z][a-z0-9-]{0,24}\Z")
            self.assertEqual(len(names), len(set(names)))

    def test_bootstrap_gets_what_it_takes(self):
        for cluster in self.both:
            action = cluster["HeadNode"]["CustomActions"]["OnNodeConfigured"]
            bucket = cluster["HeadNode"]["Iam"]["S3Access"][0]
            for url in (action["Script"], action["Args"][0]):
                self.assertTrue(url.startswith(f"s3://{bucket['BucketName']}/{bucket['KeyName'].rstrip('*')}"), url)
            self.assertTrue((CLUSTER / Path(action["Script"]).name).exists())
            self.assertEqual(len(action["Args"]), 2)
            self.assertTrue(action["Args"][1].startswith(cluster["SharedStorage"][0]["MountDir"] + "/"))


if __name__ == "__main__":
    unittest.main()
