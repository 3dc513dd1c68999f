"""`levriero message poll --group`: a member of a group for as long as it reads."""

import os
import signal
import subprocess

import wire_format as wire
from server import BINARY
from test_cli import NOT_FOUND, USAGE, Terminal
from wire_format import Group

GROUP = Group("g")


class GroupPolls(Terminal):
    def group(self, partitions):
        client = self.client()
        stream, topic = self.topic(client, partitions)
        client.create_group(stream, topic, "g")
        for partition in range(partitions):
            client.send_messages(stream, topic, [b"%d-%d" % (partition, i) for i in range(3)],
                                 wire.to_partition(partition))
        return client, stream

    def poll(self, stream, *more, **fields):
        printed = self.run_command("message", "poll", stream, "t", "--group", "g", "--raw", *more,
                                   **fields)
        return printed.split()

    def members(self, client, stream):
        return client.get_group(stream, "t", "g")["members_count"]

    def test_it_prints_commits_and_leaves(self):
        client, stream = self.group(2)
        printed = self.poll(stream)
        self.assertEqual(sorted(printed), [b"0-0", b"0-1", b"0-2", b"1-0", b"1-1", b"1-2"])
        self.assertEqual(self.members(client, stream), 0)
        for partition in range(2):
            self.assertEqual(client.get_offset(stream, "t", partition, who=GROUP)[2], 2)
        self.assertEqual(self.poll(stream), [])

    def test_it_stops_at_the_count_and_the_next_goes_on_behind_it(self):
        _, stream = self.group(1)
        self.assertEqual(self.poll(stream, "--count", "2"), [b"0-0", b"0-1"])
        self.assertEqual(self.poll(stream, "--count", "2"), [b"0-2"])

    def test_it_reads_its_own_partitions_alone(self):
        client, stream = self.group(2)
        other = self.client()
        other.join_group(stream, "t", "g")
        printed = self.poll(stream)
        mine, = {line[:1] for line in printed}
        self.assertEqual(len(printed), 3)
        self.assertEqual(len(other.sync_group(stream, "t", "g")[1]), 2, "it has left")
        self.assertEqual(self.members(client, stream), 1)
        theirs = 1 - int(mine)
        self.assertEqual(other.poll_group(stream, "t", "g", theirs).offsets, [0, 1, 2])

    def test_it_waits_for_more_and_leaves_when_it_is_interrupted(self):
        client, stream = self.group(1)
        words = [str(BINARY), "message", "poll", stream, "t", "--group", "g", "--raw",
                 "--wait", "60s"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, env=self.environment()) as reader:
            for line in (b"0-0\n", b"0-1\n", b"0-2\n"):
                self.assertEqual(reader.stdout.readline(), line)
            client.send_messages(stream, "t", [b"later"])
            self.assertEqual(reader.stdout.readline(), b"later\n")
            self.assertEqual(self.members(client, stream), 1)
            self.wait_until(
                lambda: client.get_offset(stream, "t", 0, who=GROUP)[2] == 3)
            reader.send_signal(signal.SIGINT)
            self.assertEqual(reader.wait(60), 0)
        self.wait_until(lambda: self.members(client, stream) == 0)

    def test_what_could_not_be_printed_is_not_committed(self):
        client, stream = self.group(1)
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [str(BINARY), "message", "poll", stream, "t", "--group", "g"], stdout=full,
                stderr=subprocess.PIPE, timeout=60, env=os.environ | self.environment())
        self.assertNotEqual(done.returncode, 0)
        self.assertIsNone(client.get_offset(stream, "t", 0, who=GROUP))
        self.assertEqual(self.members(client, stream), 0)

    def test_a_group_that_is_not_there_and_options_that_do_not_fit_are_refused(self):
        _, stream = self.group(1)
        self.run_command("message", "poll", stream, "t", "--group", "nobody", code=NOT_FOUND)
        for words in (("--partition", "0"), ("--from", "first")):
            self.poll(stream, *words, code=USAGE)
            self.assertIn("--group", self.said)
