"""The commands of the binary as a person at a terminal uses them: words, exit codes, pipes."""

import os
import subprocess
import zipfile

from case import Case
from server import BINARY
from wire_client import Client

# The exit codes of src/cli/cli_command.h.
DONE, REFUSED, USAGE, NOT_FOUND, NOT_ALLOWED, UNREACHABLE, PARTLY = range(7)


class Terminal(Case):
    def environment(self, server=None):
        """Without what the user who runs the tests has: a home of the test's server."""
        server = server or self.server
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(("LEVRIERO_", "IGGY_", "XDG_")) and name != "NO_COLOR"}
        home = str(server.scratch / "home")
        return kept | {"HOME": home, "LEVRIERO_SERVER_URL": "%s:%d" % server.address}

    def run_command(self, *words, code=DONE, text=None, environment=None, server=None):
        """Runs `levriero words`, with `text` as its standard input; returns what it printed."""
        done = subprocess.run(
            [str(BINARY), *words], input=b"" if text is None else text, capture_output=True,
            timeout=60, env=self.environment(server) | (environment or {}))
        story = f"{words}: {done.stdout[-500:]!r} {done.stderr[-500:]!r}"
        self.assertIn(done.returncode, code if isinstance(code, tuple) else (code,), story)
        self.assertNotIn(b"Sanitizer", done.stderr, story)
        self.said = done.stderr.decode()
        return done.stdout


class Commands(Terminal):
    def test_a_ping_says_how_long_it_took(self):
        self.assertIn(b"answered in", self.run_command("ping"))

    def test_streams_and_topics_are_created_listed_shown_and_deleted(self):
        stream = self.name
        self.run_command("stream", "create", stream)
        self.assertIn(stream.encode(), self.run_command("stream", "list"))
        self.run_command("topic", "create", stream, "t", "--partitions", "3")
        self.assertIn(b"t", self.run_command("topic", "list", stream))
        self.assertIn(stream.encode(), self.run_command("stream", "get", stream))
        self.run_command("topic", "get", stream, "t")
        self.assertEqual(self.client().get_topic(stream, "t")["partitions_count"], 3)
        self.run_command("topic", "delete", stream, "t", code=USAGE)
        self.assertIn("--yes", self.said)
        self.run_command("topic", "delete", stream, "t", "--yes")
        self.run_command("stream", "delete", stream, code=USAGE)
        self.run_command("stream", "delete", stream, "--yes")
        self.assertIsNone(self.client().get_stream(stream))

    def test_groups_are_created_listed_shown_and_deleted(self):
        client = self.client()
        stream, topic = self.topic(client, 2)
        self.run_command("group", "create", stream, topic, "readers")
        client.join_group(stream, topic, "readers")
        listed = self.run_command("group", "list", stream, topic).decode()
        self.assertEqual(listed, "0\treaders\t2\t1\n")
        shown = self.run_command("group", "get", stream, topic, "readers").decode()
        self.assertIn("members\t0\t0 1\n", shown)
        self.run_command("group", "delete", stream, topic, "readers", code=USAGE)
        self.assertIn("--yes", self.said)
        self.run_command("group", "delete", stream, topic, "readers", "--yes")
        self.assertEqual(self.run_command("group", "list", stream, topic), b"")
        self.run_command("group", "get", stream, topic, "readers", code=NOT_FOUND)
        self.assertIn("readers", self.said)

    def test_what_does_not_exist_is_said_with_an_exit_code_of_its_own(self):
        stream, _ = self.topic(self.client())
        for words in (("topic", "list", "nowhere"), ("group", "list", stream, "nowhere"),
                      ("group", "lag", stream, "nowhere", "g"), ("stream", "get", "nowhere"),
                      ("topic", "get", "nowhere", "t"),
                      ("stream", "delete", "nowhere", "--yes"), ("client", "get", "4000000000"),
                      ("message", "send", "nowhere", "t", "text"),
                      ("message", "poll", "nowhere", "t"), ("user", "get", "nobody"),
                      ("token", "delete", "none", "--yes"), ("context", "show", "none")):
            self.run_command(*words, code=NOT_FOUND)
            self.assertTrue(self.said)
        self.run_command("stream", "get", "nowhere", code=NOT_FOUND)
        self.assertIn("nowhere", self.said)

    def test_names_longer_than_the_protocol_carries_are_refused_before_they_are_sent(self):
        long = "x" * 300
        for words in (("message", "send", long, "t", "text"),
                      ("message", "send", "s", long, "text"),
                      ("message", "poll", "s", "t", "--consumer", long),
                      ("message", "poll", "", "t"), ("stream", "get", long),
                      ("user", "rename", "a", long)):
            self.run_command(*words, code=USAGE)
            self.assertIn("255 bytes", self.said)

    def test_a_partition_that_needs_more_than_32_bits_is_not_another_partition(self):
        stream, topic = self.topic(self.client(), 1)
        self.run_command("message", "send", stream, topic, "x", "--partition", str(1 << 32),
                         code=USAGE)
        self.assertIn("--partition", self.said)
        self.run_command("message", "poll", stream, topic, "--count", str(1 << 32), code=USAGE)
        self.assertEqual(self.client().poll(stream, topic).messages, [])

    def test_output_that_cannot_be_written_is_a_failure(self):
        for words in (("stats",), ("stream", "list"), ("ping",)):
            self.client().create_stream(self.name + words[0])
            with open("/dev/full", "wb") as full:
                done = subprocess.run([str(BINARY), *words], stdout=full, stderr=subprocess.PIPE,
                                      stdin=subprocess.DEVNULL, timeout=60,
                                      env=self.environment())
            self.assertEqual(done.returncode, REFUSED, words)
            self.assertIn(b"No space left", done.stderr)

    def test_mistyped_words_are_exit_code_2_and_name_the_nearest(self):
        self.run_command("stream", "list", "--sever", "x", code=USAGE)
        self.assertIn("--server", self.said)
        self.run_command("stream", "crate", "x", code=USAGE)
        self.assertIn("did you mean stream create?", self.said)
        self.run_command("sream", "list", code=USAGE)
        self.assertIn("did you mean stream?", self.said)
        self.run_command("stream", "create", code=USAGE)
        self.assertIn("stream create NAME", self.said)
        self.run_command("message", "poll", "s", "t", "--strategy", "middle", code=USAGE)
        self.run_command("message", "poll", "s", "t", "--count", "many", code=USAGE)

    def test_words_lines_and_files_become_messages(self):
        stream, topic = self.topic(self.client(), 2)
        send = ("message", "send", stream, topic, "--partition", "0")
        self.run_command(*send, "one", "two words", "three")
        self.run_command(*send, text=b"four\n\nsix\nno line break")
        client = self.client()
        self.assertEqual(client.poll(stream, topic).payloads,
                         [b"one", b"two words", b"three", b"four", b"", b"six", b"no line break"])
        path = self.server.scratch / "lines"
        lines = [b"line %d " % i + bytes([97 + i % 26]) * (i % 300) for i in range(20_000)]
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        self.run_command("message", "send", stream, topic, "--partition", "1", "--file", str(path),
                         "--batch-bytes", "64 KiB")
        self.assertEqual([m.payload for m in client.poll_all(stream, topic, 1)], lines)
        raw = self.run_command("message", "poll", stream, topic, "--partition", "1", "--raw")
        self.assertEqual(raw, path.read_bytes(), "what went in comes out, byte for byte")

    def test_a_poll_prints_offsets_and_follows_its_strategy(self):
        client = self.client()
        stream, topic = self.topic(client)
        client.send_messages(stream, topic, [b"m%d" % i for i in range(10)])
        words = ("message", "poll", stream, topic, "--count", "2", "--strategy")
        self.assertEqual(self.run_command(*words, "first"), b"0: m0\n1: m1\n")
        self.assertEqual(self.run_command(*words, "last"), b"8: m8\n9: m9\n")
        self.assertEqual(self.run_command(*words, "offset", "--value", "4"), b"4: m4\n5: m5\n")
        for expected in (b"0: m0\n1: m1\n", b"2: m2\n3: m3\n"):
            self.assertEqual(self.run_command(*words, "next", "--auto-commit"), expected)

    def test_a_wrong_password_and_a_dead_address_are_said(self):
        self.run_command("stream", "list", environment={"LEVRIERO_PASSWORD": "wrong"},
                         code=NOT_ALLOWED)
        self.assertTrue(self.said)
        self.run_command("ping", "--server", "127.0.0.1:1", code=UNREACHABLE)
        self.assertIn("127.0.0.1:1", self.said)
        self.run_command("ping", "--server", "nonsense", code=UNREACHABLE)

    def test_statistics_name_what_they_count(self):
        client = self.client()
        stream, topic = self.topic(client)
        client.send_messages(stream, topic, [b"x"] * 3)
        shown = self.run_command("stats").decode().lower()
        for word in ("streams", "topics", "partitions", "messages", "memory"):
            self.assertIn(word, shown)

    def test_a_snapshot_is_saved_where_nothing_was(self):
        path = self.server.scratch / "snapshot.zip"
        self.assertIn(str(path).encode(), self.run_command("snapshot", "--file", str(path)))
        with zipfile.ZipFile(path) as archive:
            self.assertIn("server_config.txt", archive.namelist())
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        self.run_command("snapshot", "--file", str(path), code=REFUSED)
        self.assertIn("exists", self.said)

    def test_a_reader_that_goes_away_ends_the_poll_quietly(self):
        client = self.client()
        stream, topic = self.topic(client)
        client.send_messages(stream, topic, [bytes([97]) * 1000] * 2000)
        with subprocess.Popen(
                [str(BINARY), "message", "poll", stream, topic, "--raw",
                 "--server", "%s:%d" % self.server.address], stdout=subprocess.PIPE) as command:
            command.stdout.read(10)
            command.stdout.close()
            self.assertNotEqual(command.wait(10), -6, "aborted")

    def test_help_and_version_are_offered_everywhere(self):
        self.assertIn(b"stream create", self.run_command("--help"))
        self.assertIn(b"--data", self.run_command("server", "--help"))
        self.assertIn(b"stream create", self.run_command("stream", "create", "--help"))
        self.assertIn(b"stream purge", self.run_command("stream", "--help"))
        self.assertEqual(self.run_command("help", "stream", "purge"),
                         self.run_command("stream", "purge", "--help"))
        self.assertIn(b"topic purge", self.run_command("help", "topic"))
        self.run_command("help", "sream", code=USAGE)
        shown = self.run_command("message", "send", "--help").decode()
        for text in ("Examples:", "--header", "LEVRIERO_SERVER_URL", "--key anna"):
            self.assertIn(text, shown)
        self.assertIn(b".", self.run_command("--version"))
        self.run_command("sream", "list", code=USAGE)


class Offline(Terminal):
    """What is done to a data directory while no server runs on it."""

    @classmethod
    def setUpClass(cls):
        pass

    def stranger(self, server):
        client = Client(server.address)
        self.addCleanup(client.close)
        return client

    def test_root_can_be_given_a_new_password(self):
        server = self.own_server().start()
        self.client(server).create_stream("kept")
        directory = str(server.data)
        self.run_command("user", "reset-root", "--data", directory, code=REFUSED, server=server)
        server.stop()
        shown = self.run_command("user", "reset-root", "--data", directory, server=server).decode()
        password = shown.split()[-1]
        server.start()
        client = self.stranger(server)
        self.refused(42, client.register)
        client = self.stranger(server)
        client.register("iggy", password)
        self.assertIsNotNone(client.get_stream("kept"))

    def test_the_doctor_finds_a_healthy_directory_healthy_and_changes_nothing(self):
        server = self.own_server().start()
        client = self.client(server)
        client.create_stream("s")
        client.create_topic("s", "t", 2)
        client.send_messages("s", "t", [b"x"] * 10)
        server.stop()
        before = {path: path.read_bytes() for path in server.data.rglob("*") if path.is_file()}
        self.run_command("doctor", "--data", str(server.data), server=server)
        after = {path: path.read_bytes() for path in server.data.rglob("*") if path.is_file()}
        self.assertEqual(before.keys(), after.keys())
        self.assertTrue(before == after, "the doctor changed something")

    def test_the_doctor_names_a_rotten_file(self):
        server = self.own_server().start()
        client = self.client(server)
        client.create_stream("s")
        client.create_topic("s", "t")
        client.send_messages("s", "t", [b"rotten " * 1000])
        client.send_messages("s", "t", [b"sound " * 1000])
        server.stop()
        path = next(server.data.rglob("*.log"))
        data = bytearray(path.read_bytes())
        data[data.index(b"rotten ") + 100] ^= 1
        path.write_bytes(data)
        shown = self.run_command("doctor", "--data", str(server.data), code=REFUSED, server=server)
        self.assertIn(path.name, shown.decode() + self.said)
