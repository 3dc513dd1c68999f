"""Messages at a terminal and in pipes: every way in, every way out."""

import json
import os
import signal
import struct
import subprocess
import time

from server import BINARY, PATIENCE
from test_cli import NOT_FOUND, PARTLY, REFUSED, USAGE, Terminal


class Messages(Terminal):
    def setUp(self):
        super().setUp()
        self.stream, self.topic_name = self.topic(self.client(), 2)
        self.place = (self.stream, self.topic_name)

    def send(self, *words, **fields):
        return self.run_command("message", "send", *self.place, *words, **fields)

    def poll(self, *words, **fields):
        return self.run_command("message", "poll", *self.place, *words, **fields).decode()

    def start(self, *words):
        child = subprocess.Popen([str(BINARY), *words], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 env=self.environment())
        self.addCleanup(self.end, child)
        return child

    @staticmethod
    def end(child):
        child.kill()
        child.wait(10)
        for pipe in (child.stdin, child.stdout, child.stderr):
            pipe.close()

    def test_polls_print_in_every_format(self):
        self.send("-p", "0", "-H", "source=shop", "one", "two")
        self.send("-p", "1", "three")
        golden = {
            (): "0/0: one\n0/1: two\n1/0: three\n",
            ("-p", "0"): "0: one\n1: two\n",
            ("--format", "raw"): "one\ntwo\nthree\n",
            ("--format", "hex", "-p", "1"): "0: 7468726565\n",
            ("--fields", "partition,payload"): "0\tone\n0\ttwo\n1\tthree\n",
            ("--fields", "size,offset", "--json"): '{"size":3,"offset":0}\n{"size":3,"offset":1}\n'
                                                  '{"size":5,"offset":0}\n',
            ("--template", r"%p:%o:%s %v %x [%h] (%H{source}) 100%%\t\\\n", "-n", "1"):
                "0:0:3 one 6f6e65 [source=shop] (shop) 100%\t\\\n"
                "1:0:5 three 7468726565 [] () 100%\t\\\n",
            ("--from", "-1"): "0/1: two\n1/0: three\n",
            ("--from", "1", "-p", "0"): "1: two\n",
            ("--from", "@-1h", "-n", "1"): "0/0: one\n1/0: three\n",
            ("--from", "@2001-01-01"): "0/0: one\n0/1: two\n1/0: three\n",
        }
        for words, expected in golden.items():
            with self.subTest(words=words):
                self.assertEqual(self.poll(*words), expected)

    def test_what_is_no_format_and_no_start_is_refused(self):
        for words in (("--template", "%q"), ("--template", "%"), ("--template", "%H{a"),
                      ("--fields", "colour"), ("--format", "xml"), ("--from", "yesterday")):
            self.poll(*words, code=USAGE)
        self.send("--key", "k", "-p", "0", "x", code=USAGE)
        self.send("-H", "n:int8=900", "x", code=USAGE)
        self.run_command("message", "tail", "nowhere", "t", code=NOT_FOUND)

    def test_messages_of_a_key_go_to_one_partition_and_others_take_turns(self):
        for key in ("anna", "bert", "carl", "dora"):
            self.send("--key", key, key + "1")
            self.send("--key", key, key + "2")
        lines = self.poll("--fields", "partition,payload").splitlines()
        rows = [line.split("\t") for line in lines]
        places = {}
        for partition, payload in rows:
            places.setdefault(payload[:-1], set()).add(partition)
        self.assertEqual({len(found) for found in places.values()}, {1})
        self.send("x")
        self.send("x")
        self.assertEqual(self.poll("--template", "%p%v\\n").count("x"), 2)

    def test_json_lines_that_were_polled_are_sent_again_as_they_were(self):
        self.send("-p", "1", "-H", "n:int64=-5", "text", 'quote"\\\n\tü')
        self.send("-p", "0", "-i", "whole", text=bytes(range(256)))
        first = self.poll("--json")
        other = self.name[:40] + "2"
        self.run_command("stream", "create", other)
        self.run_command("topic", "create", other, "copy", "--partitions", "2")
        self.run_command("message", "send", other, "copy", "--input", "json", text=first.encode())
        again = self.run_command("message", "poll", other, "copy", "--json").decode()
        kept = ("partition", "offset", "id", "headers", "size", "payload", "payload_base64")

        def essence(lines):
            rows = [json.loads(line) for line in lines.splitlines()]
            return [{name: row.get(name) for name in kept} for row in rows]
        self.assertEqual(essence(first), essence(again))

    def test_records_behind_their_length_hold_any_bytes(self):
        payloads = [b"", b"line\nend", bytes(range(256)) * 300, b"\0"]
        self.send("-p", "0", "-i", "length",
                  text=b"".join(struct.pack("<I", len(one)) + one for one in payloads))
        self.assertEqual(self.client().poll(*self.place).payloads, payloads)

    def test_a_broken_record_says_how_far_it_came(self):
        self.send("-i", "json", "-p", "0", text=b'{"payload":"good"}\n{"payload":7}\n', code=PARTLY)
        self.assertIn("line 2", self.said)
        self.assertIn("1 messages sent", self.said)
        self.send("-i", "length", text=b"\5\0\0\0ab", code=REFUSED)
        self.assertIn("ends inside", self.said)
        self.send("--file", "/nowhere/at/all", code=REFUSED)
        self.send("-p", "0", "--batch-bytes", "4 KiB", text=b"x" * 5000, code=REFUSED)
        self.assertIn("--batch-bytes", self.said)
        self.assertEqual(self.poll(), "0/0: good\n")

    def test_lines_are_sent_while_the_pipe_is_open(self):
        child = self.start("message", "send", *self.place, "-p", "0")
        client = self.client()
        for count, line in enumerate((b"first\n", b"second\n"), 1):
            child.stdin.write(line)
            child.stdin.flush()
            self.until(lambda: len(client.poll(*self.place).messages) == count)
        child.stdin.close()
        self.assertEqual(child.wait(10 * PATIENCE), 0)
        child.stdin = open(os.devnull)

    def until(self, is_so):
        end = time.monotonic() + 10 * PATIENCE
        while not is_so():
            self.assertLess(time.monotonic(), end, "it never became so")
            time.sleep(0.01)

    def test_a_follower_prints_what_is_sent_later_until_it_is_interrupted(self):
        self.send("-p", "0", "a", "b", "c")
        child = self.start("message", "tail", *self.place, "-f", "-n", "2")
        self.assertEqual(child.stdout.readline(), b"0/1: b\n")
        self.assertEqual(child.stdout.readline(), b"0/2: c\n")
        self.send("-p", "1", "later")
        self.assertEqual(child.stdout.readline(), b"1/0: later\n")
        child.send_signal(signal.SIGINT)
        self.assertEqual(child.wait(10 * PATIENCE), 0)
        self.assertEqual(child.stderr.read(), b"3 messages\n")

    def test_who_follows_ends_silently_when_nobody_reads(self):
        self.send("-p", "0", "a", "b", "c")
        child = self.start("message", "tail", *self.place, "-f")
        self.assertEqual(child.stdout.readline(), b"0/0: a\n")
        child.stdout.close()
        self.assertEqual(child.wait(10 * PATIENCE), -signal.SIGPIPE)
        self.assertEqual(child.stderr.read(), b"")

    def test_a_list_and_a_poll_cut_short_by_their_reader_are_silent(self):
        self.client().send_messages(*self.place, [b"x" * 1000] * 2000)
        for words in (("message", "poll", *self.place, "--raw"), ("stream", "list")):
            child = self.start(*words)
            child.stdout.close()
            self.assertIn(child.wait(10 * PATIENCE), (0, -signal.SIGPIPE))
            self.assertEqual(child.stderr.read(), b"")

    def test_a_follower_ends_when_it_is_quiet_for_long_enough(self):
        self.send("-p", "0", "a")
        shown = self.run_command("message", "tail", *self.place, "-f", "--idle", "50ms", "-q")
        self.assertEqual((shown, self.said), (b"0/0: a\n", ""))
        self.assertEqual(self.run_command("message", "tail", *self.place, "--from", "first"),
                         b"0/0: a\n")

    def test_a_poll_of_a_whole_topic_waits_for_the_first_message_anywhere(self):
        child = self.start("message", "poll", *self.place, "--wait", "60 s")
        self.send("-p", "1", "at last")
        self.assertEqual(child.stdout.readline(), b"1/0: at last\n")
        self.assertEqual(child.wait(10 * PATIENCE), 0)

    def test_offsets_are_moved_to_both_ends_a_number_and_a_time(self):
        self.send("-p", "0", *(f"m{i}" for i in range(5)))
        self.send("-p", "1", "other")
        reset = ("consumer-offset", "reset", "c", *self.place)
        self.assertEqual(self.run_command(*reset, "--to", "latest", "--yes"), b"0\t0\t5\n1\t0\t1\n")
        self.assertEqual(self.run_command(*reset, "--to", "3", "--dry-run"), b"0\t5\t3\n1\t1\t1\n")
        self.assertEqual(self.run_command(*reset, "0", "--to", "3", "--yes"), b"0\t5\t3\n")
        self.assertEqual(self.poll("--from", "next", "-c", "c"), "0/3: m3\n0/4: m4\n")
        self.assertEqual(self.run_command(*reset, "0", "--to", "@-1h", "--yes"), b"0\t3\t0\n")
        self.assertEqual(self.run_command(*reset, "0", "--to", "-2", "--yes"), b"0\t0\t3\n")
        self.run_command(*reset, "--to", "earliest", "--yes")
        self.run_command("consumer-offset", "get", "c", *self.place, code=NOT_FOUND)
        self.run_command(*reset, "--yes", code=USAGE)
        self.run_command(*reset, "--to", "soon", "--yes", code=USAGE)
        self.run_command(*reset, "9", "--to", "latest", "--yes", code=NOT_FOUND)
