"""`levriero bench`: what it says it did is what the server has, and it sees what it should see."""

import json
import re
import signal
import subprocess
import threading
import time
import zipfile
from pathlib import Path
from xml.etree import ElementTree

from bench_schema import REPORT, faults
from case import deadline
from server import BINARY, PATIENCE
from test_cli import DONE, REFUSED, USAGE, Terminal


MISSED, INTERRUPTED = 7, 130


class Bench(Terminal):
    def bench(self, *words, code=DONE):
        return self.run_command("bench", *words, code=code)

    def figures(self, *words):
        return json.loads(self.bench("--no-limits", "--json", *words, code=(DONE, MISSED)))

    def messages_in(self, streams):
        client = self.client()
        return sum(client.get_topic(f"bench-stream-{number + 1}", "topic-1")["messages"]
                   for number in range(streams))


class Kinds(Bench):
    SMALL = ("-m", "100", "-P", "20", "-b", "30")

    def expect_written(self, figures, streams, batches):
        self.assertEqual(figures["totals"]["sent_batches"], batches)
        self.assertEqual(figures["totals"]["sent_messages"], batches * 20)
        self.assertEqual(figures["totals"]["sent_bytes"], batches * 2000)
        self.assertEqual(self.messages_in(streams), batches * 20)
        self.assertEqual(figures["latency"]["publish_batch"]["count"], batches)
        self.assertEqual(figures["latency"]["publish_message"]["count"], batches * 20)
        # Of the seconds, thousandths are said, and such a run takes thirty of them.
        self.assertAlmostEqual(figures["sent_bytes_per_second"] * figures["seconds"],
                               batches * 2000, delta=batches * 200)

    def expect_read(self, figures, messages, measure):
        self.assertEqual(figures["totals"]["received_messages"], messages)
        self.assertEqual(figures["totals"]["received_bytes"], messages * 100)
        self.assertEqual(figures["latency"][measure]["count"], messages)
        self.assertEqual(figures["totals"]["early_messages"], 0)

    def test_pinned_producers_write_what_pinned_consumers_then_read(self):
        written = self.figures(*self.SMALL, "pinned-producer", "-p", "3", "tcp")
        self.expect_written(written, 3, 90)
        read = self.figures(*self.SMALL, "pc", "-c", "3")
        self.expect_read(read, 1800, "poll_message")
        self.assertFalse(read["ran_dry"])
        again = self.figures("-m", "100", "-P", "20", "-b", "31", "pc", "-c", "3")
        self.expect_read(again, 1800, "poll_message")
        self.assertTrue(again["ran_dry"])

    def test_pinned_producers_and_consumers_meet(self):
        figures = self.figures(*self.SMALL, "ppc", "-p", "2", "-c", "2")
        self.expect_written(figures, 2, 60)
        self.expect_read(figures, 1200, "end_to_end_message")

    def test_balanced_producers_write_what_a_group_then_reads(self):
        self.expect_written(self.figures(*self.SMALL, "bp", "-p", "2", "-a", "4"), 1, 60)
        self.expect_read(self.figures(*self.SMALL, "bcg", "-c", "2"), 1200, "poll_message")

    def test_two_groups_each_read_what_balanced_producers_write(self):
        figures = self.figures(*self.SMALL, "bpcg", "-p", "2", "-a", "4", "-c", "4", "-g", "2")
        self.expect_written(figures, 1, 60)
        self.expect_read(figures, 2400, "end_to_end_message")

    def test_what_is_sent_in_turns_comes_back(self):
        figures = self.figures(*self.SMALL, "end-to-end-producing-consumer", "-p", "3")
        self.expect_written(figures, 3, 45)
        self.expect_read(figures, 900, "end_to_end_message")

    def test_what_is_sent_in_turns_comes_back_through_a_group(self):
        figures = self.figures(*self.SMALL, "e2ecg", "-p", "2", "-c", "3", "-a", "4")
        self.expect_written(figures, 1, 30)
        self.expect_read(figures, 600, "end_to_end_message")

    def test_a_warm_up_is_not_counted_and_its_messages_are_not_read_again(self):
        figures = self.figures(*self.SMALL, "-w", "100ms", "ppc", "-p", "2", "-c", "2")
        self.assertEqual(figures["totals"]["sent_messages"], 1200)
        self.expect_read(figures, 1200, "end_to_end_message")
        self.assertGreater(self.messages_in(2), 1200)
        grouped = self.figures(*self.SMALL, "-w", "100ms", "bpcg", "-p", "2", "-c", "2", "-a", "4")
        self.expect_read(grouped, 1200, "end_to_end_message")

    def test_sizes_and_batches_of_a_range_add_up(self):
        figures = self.figures("-m", "50..300", "-P", "1..40", "-T", "300KB", "ppc", "-p", "2",
                               "-c", "2")
        totals = figures["totals"]
        self.assertEqual(totals["sent_messages"], self.messages_in(2))
        self.assertEqual(totals["sent_messages"], totals["received_messages"])
        self.assertEqual(totals["sent_bytes"], totals["received_bytes"])
        self.assertGreaterEqual(totals["sent_bytes"], 150000)

    def test_streams_are_made_anew_unless_they_are_to_be_reused(self):
        self.figures(*self.SMALL, "pp", "-p", "1")
        self.figures(*self.SMALL, "pp", "-p", "1")
        self.assertEqual(self.messages_in(1), 600)
        self.figures("--reuse-streams", *self.SMALL, "pp", "-p", "1")
        self.assertEqual(self.messages_in(1), 1200)


    def test_many_connections_write_to_one_partition(self):
        self.expect_written(self.figures(*self.SMALL, "pp", "-s", "1", "-p", "5"), 1, 150)

    def test_clients_of_generation_1_write_and_read_what_generation_2_reads(self):
        older = ("--generation", "1", *self.SMALL)
        self.expect_written(self.figures(*older, "pp", "-p", "2"), 2, 60)
        self.expect_read(self.figures(*older, "pc", "-c", "2"), 1200, "poll_message")
        self.expect_read(self.figures(*self.SMALL, "pc", "-c", "2"), 1200, "poll_message")
        self.expect_written(self.figures(*older, "bp", "-p", "2", "-a", "4"), 1, 60)

    def test_the_library_does_the_same_work_as_bare_requests(self):
        library = ("-H", *self.SMALL)
        written = self.figures(*library, "pp", "-p", "2")
        self.expect_written(written, 2, 60)
        self.assertIn("by the library", written["title"])
        self.expect_read(self.figures(*library, "pc", "-c", "2"), 1200, "poll_message")
        both = self.figures(*library, "-w", "100ms", "ppc", "-p", "2", "-c", "2")
        self.assertEqual(both["totals"]["sent_messages"], 1200)
        self.assertEqual(both["latency"]["end_to_end_message"]["count"], 1200)
        keyed = self.figures(*library, "--keys", "9", "bp", "-p", "2", "-a", "4")
        self.expect_written(keyed, 1, 60)
        self.expect_read(self.figures(*library, "bcg", "-c", "2"), 1200, "poll_message")
        grouped = self.figures(*library, "bpcg", "-p", "2", "-a", "4", "-c", "4", "-g", "2")
        self.assertEqual(grouped["totals"]["received_messages"], 2400)

    def test_keys_choose_partitions_popular_ones_more_often(self):
        words = ("-m", "10", "-P", "1", "-b", "200")
        for how, keys, least, most in (("uniform", "1000", 51, 95), ("zipf", "20", 96, 300)):
            self.expect_messages(self.figures(*words, "--keys", keys, "--key-distribution", how,
                                              "--entropy", "8", "bp", "-p", "2", "-a", "8"), 400)
            self.assertTrue(least <= self.fullest_partition() <= most, how)
        self.expect_messages(self.figures(*words, "--keys", "1", "bp", "-p", "2", "-a", "8"), 400)
        self.assertEqual(self.fullest_partition(), 400)

    def expect_messages(self, figures, count):
        self.assertEqual(figures["totals"]["sent_messages"], count)
        self.assertEqual(self.messages_in(1), count)

    def fullest_partition(self):
        topic = self.client().get_topic("bench-stream-1", "topic-1")
        return max(partition["messages"] for partition in topic["partitions"])

    def test_cold_reads_find_everything(self):
        self.figures(*self.SMALL, "pp", "-p", "2")
        read = self.figures(*self.SMALL, "--cold", "pc", "-c", "2")
        self.expect_read(read, 1200, "poll_message")
        self.assertIn("cold", read["title"])

    def test_consumers_that_reread_begin_again_at_the_first_message(self):
        self.figures(*self.SMALL, "pp", "-p", "1")
        again = self.figures("-m", "100", "-P", "20", "-b", "100", "--reread", "pc", "-c", "1")
        self.expect_read(again, 2000, "poll_message")
        self.assertFalse(again["ran_dry"])
        self.assertEqual(again["totals"]["empty_polls"], 3)


class Words(Bench):
    def test_the_durability_in_force_is_read_from_the_server(self):
        figures = self.figures("-b", "1", "-P", "1", "pp", "-p", "1")
        self.assertEqual(figures["durability"], self.server.durability)
        self.assertIn("durability sync", figures["title"])
        self.assertIn("durability sync",
                      self.bench("--no-limits", "-b", "1", "pp", "-p", "1").decode())

    def test_wrong_words_are_exit_code_2_and_name_the_remedy(self):
        for words, remedy in ((("pinned-producers",), "no kind"), ((), "KIND"),
                              (("--mesage-size", "1", "pp"), "--message-size"),
                              (("-b", "1", "-T", "1MB", "pp"), "exclude"),
                              (("pp", "-s", "3", "-p", "2"), "more streams"),
                              (("bp", "-a", "1"), "two partitions"),
                              (("bcg", "-s", "2", "-g", "1"), "groups"),
                              (("bpcg", "-a", "2", "-c", "3"), "partitions"),
                              (("-b", "0", "pp"), "between 1"), (("pp", "http"), "tcp"),
                              (("--poisson", "pp"), "--rate-limit")):
            printed = self.bench(*words, code=USAGE).decode()
            self.assertIn(remedy, self.said + printed, words)

    def test_reading_what_nobody_wrote_is_refused(self):
        self.bench("pc", "-s", "77", "-c", "77", code=REFUSED)
        self.assertIn("run a kind that writes", self.said)

    def test_examples_and_help_are_to_be_had(self):
        self.assertIn(b"pinned-producer", self.bench("examples"))
        self.assertIn(b"--rate-limit", self.bench("--help"))


class Reports(Bench):
    def report(self, *words):
        """The directory that a run wrote, below one of this test's own."""
        parent = self.server.scratch / self.name
        self.bench("-m", "100", "-P", "20", "-b", "40", *words, "output", "-o", str(parent),
                   "--remark", "a <b>/../c", "--identifier", "here")
        directories = list(parent.iterdir())
        self.assertEqual(len(directories), 1)
        return directories[0]

    def test_report_json_is_what_the_reference_writes_and_ours_beside_it(self):
        for words, kinds in (
                (("--password", "iggy", "ppc", "-p", "2", "-c", "2"),
                 ["producers", "consumers", "producers_and_consumers"]),
                (("--no-limits", "e2e", "-p", "2"), ["producing_consumers"])):
            directory = self.report(*words)
            report = json.loads((directory / "report.json").read_text())
            ours = report.pop("levriero")
            self.assertEqual(faults(report, REPORT), [])
            self.assertEqual([group["summary"]["kind"] for group in report["group_metrics"]], kinds)
            self.assertEqual(ours["durability"], "sync")
            for name, places in ours["histograms_ns"].items():
                wanted = ours["latency"].get(name, {"count": 0, "max_us": 0})
                self.assertEqual(sum(count for _, count in places), wanted["count"], name)
                self.assertAlmostEqual(max((place for place, _ in places), default=0) / 1000,
                                       wanted["max_us"], delta=wanted["max_us"] / 500)
            sent = sum(one["summary"]["total_messages"] for one in report["individual_metrics"])
            self.assertEqual(sent, ours["totals"]["sent_messages"]
                             + ours["totals"]["received_messages"])
            self.assertRegex(report["uuid"], r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
            self.assertRegex(report["timestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
            self.assertNotIn("iggy", report["params"]["bench_command"])
            self.assertIn("durability sync", (directory / "bench.log").read_text())
            self.assertTrue(zipfile.is_zipfile(directory / "server_logs.zip"))
            for name in ("report.json", "report.html", "bench.log", "server_logs.zip"):
                (directory / name).unlink()
            directory.rmdir()
            Path(directory.parent).rmdir()

    def test_the_schema_sees_what_is_missing_unknown_or_of_another_kind(self):
        self.assertEqual(faults({"a": 1}, {"a": int}), [])
        for wrong in ({}, {"a": "1"}, {"a": 1, "b": 2}, {"a": True}, []):
            self.assertEqual(len(faults(wrong, {"a": int})), 1, wrong)

    def test_the_page_of_charts_asks_no_network_and_says_the_durability(self):
        page = (self.report("bpcg", "-p", "2", "-a", "4", "-c", "2") / "report.html").read_text()
        self.assertIn("durability sync", page)
        self.assertGreaterEqual(page.count("<svg"), 4)
        loads = re.compile(r"<script|<link|<img|@import|url\(|https?:|src=", re.I)
        self.assertNotRegex(page, loads)
        self.assertIn("a &lt;b&gt;", page)
        for drawing in re.findall("<svg.*?</svg>", page, re.S):
            lines = ElementTree.fromstring(drawing).findall("polyline")
            self.assertGreaterEqual(len(lines), 1)
            for line in lines:
                for x, y in (point.split(",") for point in line.get("points").split()):
                    self.assertTrue(0 <= float(x) <= 900 and 0 <= float(y) <= 280, (x, y))

    def test_the_references_arithmetic_stands_beside_ours_on_request(self):
        words = ("-m", "100", "-P", "20", "-b", "40", "pp", "-p", "2")
        self.assertNotIn("reference", self.figures(*words))
        figures = self.figures("--reference", *words)
        theirs = figures["reference"]["producers"]
        self.assertGreater(theirs["total_throughput_megabytes_per_second"], 0)
        self.assertLessEqual(theirs["average_p99_latency_ms"] * 1000,
                             figures["latency"]["publish_batch"]["max_us"] + 1)

    def test_limits_are_measured_between_and_the_ratio_is_to_them(self):
        figures = json.loads(self.bench("--json", "-b", "100", "-P", "10", "pp", "-p", "2"))
        limits = figures["limits"]
        self.assertGreaterEqual(limits["rounds"], 2)
        self.assertEqual((limits["connections"], limits["bytes"]), (2, 10000))
        self.assertEqual(limits["held_against"], "exchange")
        self.assertAlmostEqual(
            limits["ratio"],
            figures["sent_bytes_per_second"] / limits["exchange"]["bytes_per_second"], delta=0.01)
        self.assertEqual(list(self.server.data.glob("bare*")), [])
        written = figures["server"]["written_bytes"]
        if written > 0:  # a directory in memory writes nothing
            self.assertGreater(written, figures["totals"]["sent_bytes"])


class Stalls(Bench):
    """A server that stands still for 200 ms: requests that should have been sent meanwhile wait."""

    STALL_SECONDS = 0.2

    def stalled(self, *words):
        """Runs the bench, and stops the server for a moment while it is at work."""
        client = self.client()
        if client.get_stream("bench-stream-1"):
            client.delete_stream("bench-stream-1")

        def stall():
            self.wait_for_messages(client)
            self.server.process.send_signal(signal.SIGSTOP)
            time.sleep(self.STALL_SECONDS)
            self.server.process.send_signal(signal.SIGCONT)

        thread = threading.Thread(target=stall)
        thread.start()
        figures = self.figures("--duration", "2s", "-m", "100", "-P", "1", *words, "pp", "-p", "1")
        thread.join()
        return figures["latency"]

    def wait_for_messages(self, client):
        """The stream holds something: the bench is at work."""
        end = time.monotonic() + 10 * PATIENCE
        while time.monotonic() < end:
            topic = client.get_topic("bench-stream-1", "topic-1")
            if topic and topic["messages"] > 5:
                return
            time.sleep(0.01)

    @deadline(60)
    def test_an_open_loop_sees_a_pause_of_the_server_that_a_closed_loop_hides(self):
        # 100 messages a second: about 20 should have been sent during the pause, of 200.
        rate = ("-r", "10KB")
        opened = self.stalled(*rate)
        closed = self.stalled(*rate, "--closed-loop")
        # The open loop: a tenth of all waited, so p95 shows it.
        self.assertGreater(opened["publish_batch"]["p95_us"], 50_000)
        self.assertGreater(opened["publish_batch"]["max_us"], 150_000)
        # The same pause hit one request of the closed loop: only the maximum knows.
        self.assertGreater(closed["publish_batch"]["max_us"], 150_000)
        self.assertLess(closed["publish_batch"]["p95_us"], opened["publish_batch"]["p95_us"] / 2)
        # And the open loop's own second histogram, from the actual send, hides it as well.
        self.assertLess(opened["service"]["p95_us"], opened["publish_batch"]["p95_us"] / 2)


class Machine(Bench):
    """What needs no server."""

    def test_limits_of_the_machine_by_size_and_connections(self):
        words = ("limits", "--time", "20ms", "--rounds", "1", "--directory",
                 str(self.server.scratch))
        limits = json.loads(self.bench(*words, "--size", "4KiB,64KiB", "--connections", "1,3",
                                       "--json"))["limits"]
        self.assertEqual([(one["name"], one["bytes"], one["connections"]) for one in limits],
                         [(name, size, count) for name in ("exchange", "loop")
                          for size in (4096, 65536) for count in (1, 3)] +
                         [(name, size, 1) for name in ("disk_write", "disk_read", "memory_copy",
                                                       "xxh3") for size in (4096, 65536)])
        for one in limits:
            self.assertGreater(one["bytes_per_second"], 0, one)
            self.assertGreaterEqual(one["p99_us"], one["p50_us"], one)
        self.assertIn(b"exchange", self.bench(*words, "--size", "4KiB"))
        paced = json.loads(self.bench(*words, "--size", "4KiB", "--connections", "1", "--only",
                                      "loop,exchange", "--pause", "5ms", "--json"))["limits"]
        self.assertEqual([one["name"] for one in paced], ["exchange", "loop"])
        for one in paced:
            self.assertLess(one["replies_per_second"], 200, one)

    def test_wrong_words_of_limits_are_exit_code_2(self):
        for words in (("--size", "0"), ("--size", "4KiB,"), ("--connections", "2000"),
                      ("--rounds", "99"), ("--time", "soon"), ("--only", "exchange,"),
                      ("--pause", "x"), ("--wrong", "1"), ("--wrong",)):
            self.bench("limits", *words, code=USAGE)
            self.assertIn("--", self.said)
        self.bench("limits", "--directory", "/nowhere", "--time", "10ms", code=REFUSED)
        self.assertIn("/nowhere", self.said)

    @deadline(120)
    def test_the_tool_adds_less_than_a_twentieth_to_a_bare_call_of_the_same_bytes(self):
        if self.is_sanitized():
            self.skipTest("a sanitizer's own work is larger than that")
        # The median of 31 rounds in turn, of processor time; on a machine that others use too the
        # best of a few is what the tool can do, and no luck makes its own work go away.
        best = {}
        for _ in range(5):
            for one in json.loads(self.bench("loss", "--json")):
                size = one["messages"] * one["message_bytes"]
                best[size] = min(best.get(size, 9), one["cpu_ratio"])
            if all(ratio < 1.05 for ratio in best.values()):
                break
        self.assertEqual(sorted(best), [100, 1000, 1000000])
        for size, ratio in best.items():
            self.assertLess(ratio, 1.05, size)

    @staticmethod
    def is_sanitized():
        program = BINARY.read_bytes()
        return b"__asan_init" in program or b"__tsan_init" in program


class Interrupted(Bench):
    def test_a_server_that_dies_is_a_failure_with_a_sentence(self):
        process = subprocess.Popen(
            [str(BINARY), "bench", "--no-limits", "--duration", "30s", "-P", "1", "pp", "-p", "2",
             "tcp", "--server-address", "%s:%d" % self.server.address],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        client = self.client()
        end = time.monotonic() + 10 * PATIENCE
        while not client.get_stream("bench-stream-2") and time.monotonic() < end:
            time.sleep(0.01)
        self.server.kill()
        _, said = process.communicate(timeout=20 * PATIENCE)
        self.server.start()
        self.assertEqual(process.returncode, REFUSED)
        self.assertRegex(said, "connection|no server|no answer")

    @deadline(60)
    def test_ctrl_c_ends_a_run_with_the_summary_so_far(self):
        client = self.client()
        if client.get_stream("bench-stream-2"):
            client.delete_stream("bench-stream-2")  # what it holds shall be of this run
        process = subprocess.Popen(
            [str(BINARY), "bench", "--no-limits", "--json", "--duration", "50s", "-P", "1", "ppc",
             "-p", "2", "-c", "2", "tcp", "--server-address", "%s:%d" % self.server.address],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + 10 * PATIENCE
        while time.monotonic() < end:
            topic = client.get_topic("bench-stream-2", "topic-1")
            if topic and topic["messages"] > 5:
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=20 * PATIENCE)
        self.assertEqual(process.returncode, INTERRUPTED, said)
        figures = json.loads(printed)
        self.assertTrue(figures["interrupted"])
        self.assertGreater(figures["totals"]["sent_messages"], 0)

    def test_a_sweep_is_each_value_so_often_with_median_and_range(self):
        words = ("--no-limits", "-m", "10", "-b", "5", "--repetitions", "2")
        swept = json.loads(self.bench("--json", *words, "--sweep", "batch=1,7", "pp", "-p", "2"))
        self.assertEqual(sorted(run["totals"]["sent_messages"] for run in swept["runs"]),
                         [10, 10, 70, 70])
        self.assertEqual([point["name"] for point in swept["points"]], ["batch 1", "batch 7"])
        for point in swept["points"]:
            spread = point["p99_us"]
            self.assertEqual(spread["runs"], 2)
            self.assertTrue(0 < spread["min"] <= spread["median"] <= spread["max"], spread)
        printed = self.bench(*words, "--sweep", "rate=50%,100%", "pp", "-p", "1").decode()
        self.assertRegex(printed, r"rate 50 %\s+2 ")

    def test_a_missed_target_is_an_exit_code(self):
        words = ("--no-limits", "-b", "20", "-P", "1", "--target-p99")
        self.assertIn(b"FAILED ITS TARGET", self.bench(*words, "1us", "pp", "-p", "1", code=MISSED))
        figures = json.loads(self.bench("--json", *words, "1h", "ppc", "-p", "1", "-c", "1"))
        self.assertFalse(figures["missed_p99"])
