#!/usr/bin/python3
"""The entrypoint of jobs/aws-batch, as AWS Batch would run it: three nodes on three hosts, a container in each, with the variables,
the interfaces and the process numbers that a container has. What the job definitions say is tested by aws_files_test.py."""

import os
import re
import shutil
import signal
import subprocess
import unittest
from pathlib import Path

from hosts_lib import (SOON, HostsJob, HostsTest, ask_to_stop, hosts, install, on_host, open_pipe,  # first: it finds the others
                       pipe_for_classification, processes, wait_until, wait_until_midway)
from failure_test import FailureTest
from interruption_lib import handles_signals
from live_job import make_hanging_table, mend_hanging_table

ENDS_WITHIN_SECONDS = 60
STOPPED = "stopped on request; run the same command again to resume"

# A container: processes, mounts and /run of its own. Who kills the first process ends them all.
CONTAINER = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
             "bash", "-c", 'mount -t tmpfs run /run && exec "$@"', "container"]


class Node(HostsJob):
    """The container of a node."""

    def signal(self, number):
        """To the first process, as Docker does."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        self.assert_one(children)
        os.kill(int(children[0]), number)

    @staticmethod
    def assert_one(children):
        assert len(children) == 1, f"a container has one first process, and not {children}"


class EntrypointTest(HostsTest, FailureTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # As in the image: an installed copy.
        cls.installed = install(cls.origin / "installed", "jobs")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", cls.origin / "key"], check=True)
        cls.key = (cls.origin / "key").read_text()

    def setUp(self):
        super().setUp()
        # What a container has besides its address: on every host the same, and of no use between them.
        for host in self.HOSTS:
            for name, address in (("docker0", "172.17.0.1/16"), ("ecs-eth0", "169.254.172.2/22")):
                for words in (("link", "add", name, "type", "bridge"), ("addr", "add", address, "dev", name), ("link", "set", name, "up")):
                    hosts("exec", host, "ip", *words)

    def start(self, index, words, env=None, nodes=3):
        """The container of the node `index`, which is to run ipscore with these words."""
        host = self.HOSTS[index]
        variables = {"AWS_BATCH_JOB_ID": "job", "AWS_BATCH_JOB_NUM_NODES": str(nodes), "AWS_BATCH_JOB_NODE_INDEX": str(index),
                     "AWS_BATCH_JOB_MAIN_NODE_INDEX": "0", "IPSCORE_SSH_KEY": self.key, "IPSCORE_WAIT_SECONDS": "60", **(env or {})}
        if index != 0:
            variables["AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS"] = "10.77.0.1"
        entrypoint = self.installed / "jobs" / "aws-batch" / "entrypoint.sh"
        node = Node(on_host(host, *CONTAINER, entrypoint, *words), self.dir, nodes, env=variables)
        self.addCleanup(node.close)
        return node

    def start_all(self, words, env=None):
        return [self.start(index, words, env) for index in range(3)]

    def assert_ends(self, nodes, code):
        """Main node and children end with that code; returns the main node's result."""
        results = [node.wait(ENDS_WITHIN_SECONDS) for node in nodes]
        for result in results:
            self.assert_code(result, code)
        for index, result in enumerate(results[1:], 1):
            self.assertIn(f"entrypoint.sh: node {index}: ends as the main node did, with {code}\n", result.stderr)
        self.assert_no_secret(*results)
        self.assert_nothing_runs()
        return results[0]

    def assert_no_secret(self, *results):
        secret = self.key.splitlines()[2]
        for result in results:
            self.assertNotIn(secret, result.stderr + result.stdout)

    def start_hanging(self):
        """A job in the middle of its work, of which one rank hangs."""
        make_hanging_table(self.origin / "table", self.dir / "hanging")
        nodes = self.start_all(self.score_command(table="hanging"), SOON)
        wait_until_midway(self.dir / "scores")
        return nodes

    def addresses_of_mpirun(self):
        """Where the launchers of mpirun on the other nodes are told to find it."""
        launchers = [pid for pid, name in processes(self.HOSTS).items() if name == "orted"]
        return {address for pid in launchers for address in re.findall(r"tcp://([0-9.,]+)", Path(f"/proc/{pid}/cmdline").read_text())}


class GoodJobTest(EntrypointTest):
    def test_three_nodes(self):
        main = self.assert_ends(self.start_all(self.score_command()), 0)
        self.assertIn("entrypoint.sh: node 0: runs on 10.77.0.1 10.77.0.2 10.77.0.3\n", main.stderr)
        self.assertRegex(main.stderr, r"\n3 ranks, ")
        self.assert_values("scores")
        self.assert_done(self.run_ipscore("diff", self.origin / "scores", "scores"))

    def test_prepare(self):
        self.assert_ends(self.start_all(self.prepare_words(self.origin / "store", "new/table", *self.inputs.days())), 0)
        self.assert_values("new/table")

    def test_main_node_is_not_the_first_to_come(self):
        nodes = [self.start(index, self.score_command()) for index in (1, 2)]
        wait_until(lambda: "ssh" in processes(("h2",)).values(), "node 1 calls the main node")
        self.assert_ends([self.start(0, self.score_command()), *nodes], 0)

    def test_single_node(self):
        for env in ({"AWS_BATCH_JOB_NUM_NODES": "1"}, {"AWS_BATCH_JOB_NUM_NODES": ""}):
            with self.subTest(env=env):
                result = self.start(0, self.score_command(), {**env, "IPSCORE_SSH_KEY": ""}, nodes=1).wait()
                self.assert_done(result)
                self.assertRegex(result.stderr, r"\n1 ranks, ")
                self.assert_values("scores")
                shutil.rmtree(self.dir / "scores")


class BadJobTest(EntrypointTest):
    def test_bad_input(self):
        (self.dir / "table" / "part-00001.h5").unlink()
        words = self.score_command()
        main = self.assert_ends(self.start_all(words), 2)
        self.assertIn("part-00001.h5: No such file or directory", main.stderr)
        self.assertNotIn("mpirun.sh", main.stderr)
        result = self.start(0, words, {"AWS_BATCH_JOB_NUM_NODES": "1"}, nodes=1).wait()
        self.assert_code(result, 2)

    def test_child_never_comes(self):
        nodes = [self.start(index, self.score_command(), {"IPSCORE_WAIT_SECONDS": "5"}) for index in (0, 1)]
        results = [node.wait(ENDS_WITHIN_SECONDS) for node in nodes]
        self.assert_code(results[0], 3)
        self.assertIn("entrypoint.sh: node 0: did not hear from node 2 of 3 within 5 s; ", results[0].stderr)
        self.assert_code(results[1], 3)
        self.assertIn("entrypoint.sh: node 1: lost the main node at 10.77.0.1\n", results[1].stderr)
        self.assert_nothing_runs()
        self.assertFalse((self.dir / "scores").exists())

    def test_main_node_never_comes(self):
        result = self.start(1, self.score_command(), {"IPSCORE_WAIT_SECONDS": "3"}).wait()
        self.assert_code(result, 3)
        self.assertRegex(result.stderr, r"\Aentrypoint\.sh: node 1: could not call the main node at 10\.77\.0\.1 within 3 s: ssh: [^\n]*Connection refused")

    def test_child_dies(self):
        nodes = self.start_hanging()
        # And at no address of a network that leads nowhere, where they might wait for an answer.
        self.assertEqual(self.addresses_of_mpirun(), {"10.77.0.1"})
        nodes[2].signal(signal.SIGKILL)
        self.assert_lost(nodes[0], "10.77.0.3")
        self.assertIn("node 1: ends as the main node did, with 3\n", nodes[1].wait().stderr)
        self.assert_nothing_runs()
        self.assert_resumes()

    def test_host_of_a_child_is_gone(self):
        nodes = self.start_hanging()
        hosts("kill", "h2")
        self.assert_lost(nodes[0], "10.77.0.2")
        self.assert_nothing_runs()

    def assert_lost(self, main, host):
        result = main.wait(ENDS_WITHIN_SECONDS)
        self.assert_code(result, 3)
        self.assertEqual([line for line in result.stderr.splitlines() if line.startswith("mpirun.sh: ")],
                         [f"mpirun.sh: host {host} is lost: it is down, cut off, or its orted was killed; run the same command again to resume"])

    def assert_resumes(self):
        """The next attempt of the job makes what is missing."""
        there = len(list((self.dir / "scores").glob("part-*.h5")))
        mend_hanging_table(self.origin / "table", self.dir / "hanging")
        main = self.assert_ends(self.start_all(self.score_command(table="hanging")), 0)
        self.assertIn(f"\nparts that were there already: {there}\n", main.stderr)
        self.assert_values("scores")

    def test_settings(self):
        for env, line in (({"IPSCORE_SSH_KEY": ""}, "IPSCORE_SSH_KEY is not set; the job definition takes it from a secret, as README.md says"),
                          ({"IPSCORE_SSH_KEY": "no key"}, "IPSCORE_SSH_KEY is no private key without a passphrase: "),
                          ({"AWS_BATCH_JOB_NODE_INDEX": ""}, "AWS_BATCH_JOB_NODE_INDEX is '', which is no number; AWS Batch sets it in a "
                                                             "multi-node parallel job")):
            with self.subTest(env=env):
                result = self.start(0, self.score_command(), env).wait()
                self.assert_code(result, 2)
                self.assertIn(line, result.stderr)
                self.assertEqual(len(result.stderr.splitlines()), 1, result)

    def test_stranger(self):
        # Another key is let in by neither side.
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.dir / "other"], check=True)
        main = self.start(0, self.score_command(), {"IPSCORE_WAIT_SECONDS": "8"})
        child = self.start(1, self.score_command(), {"IPSCORE_WAIT_SECONDS": "4", "IPSCORE_SSH_KEY": (self.dir / "other").read_text()})
        result = child.wait()
        self.assert_code(result, 3)
        self.assertIn("could not call the main node", result.stderr)
        self.assertIn("Host key verification failed", result.stderr)
        # Nor one who does not ask whom it speaks to.
        ssh = ["ssh", "-p", "2222", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "IdentitiesOnly=yes", "-i", self.dir / "other"]
        stranger = subprocess.run(on_host("h2", *ssh, "10.77.0.1", "true"), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual((stranger.returncode, stranger.stderr), (255, "root@10.77.0.1: Permission denied (publickey).\n"))
        self.assertIn("did not hear from node 1 2 of 3", main.wait().stderr)


class StopTest(EntrypointTest):
    def words_that_wait(self):
        """Rank 0 of this job waits for its classification."""
        words = self.score_command()
        self.pipe = pipe_for_classification(words, self.dir)
        return words

    def stop(self, nodes, victim):
        """SIGTERM to a node while the job is at work."""
        ranks = nodes[0].ranks()
        wait_until(lambda: all(handles_signals(pid) for pid in ranks), "the ranks handle signals")
        with open_pipe(self.pipe) as classification:
            ask_to_stop(lambda: nodes[victim].signal(signal.SIGTERM), ranks)
            classification.write(self.inputs.classification.read_bytes())

    def test_term_to_a_node(self):
        words = self.words_that_wait()
        for victim in (0, 2):
            with self.subTest(victim=victim):
                nodes = self.start_all(words)
                self.stop(nodes, victim)
                main = self.assert_ends(nodes, 75)
                self.assertIn(f"ipscore score: {STOPPED}\n", main.stderr)
        self.pipe.unlink()
        self.pipe.write_bytes(self.inputs.classification.read_bytes())
        self.assert_ends(self.start_all(words), 0)
        self.assert_values("scores")

    def test_term_to_a_single_node(self):
        # The program is the first process then, which gets no signal that it does not handle.
        node = self.start(0, self.words_that_wait(), {"AWS_BATCH_JOB_NUM_NODES": "1"}, nodes=1)
        pids = []

        def started():
            pids[:] = [pid for pid, name in processes(("h1",)).items() if name == "ipscore" and handles_signals(pid)]
            return bool(pids)

        wait_until(started, "ipscore handles signals")
        with open_pipe(self.pipe) as classification:
            ask_to_stop(lambda: node.signal(signal.SIGTERM), pids, signal.SIGTERM)
            classification.write(self.inputs.classification.read_bytes())
        result = node.wait()
        self.assert_code(result, 75)
        self.assertIn(f"ipscore score: {STOPPED}\n", result.stderr)

    def test_term_before_all_nodes_are_there(self):
        node = self.start(0, self.score_command())
        wait_until(lambda: "sleep" in processes(("h1",)).values(), "the main node waits")
        node.signal(signal.SIGTERM)
        result = node.wait()
        self.assert_code(result, 75)
        self.assertIn("entrypoint.sh: node 0: stopped on request before all nodes were there; nothing had begun\n", result.stderr)


if __name__ == "__main__":
    unittest.main()
