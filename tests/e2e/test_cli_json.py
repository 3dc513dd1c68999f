"""Every command with --json, against docs/command-line.schema.json; and what pipes get."""

import json

from json_schema import SCHEMA, check_lines
from test_cli import NOT_ALLOWED, NOT_FOUND, REFUSED, UNREACHABLE, USAGE, Terminal

NOT_COMMANDS = {"time", "error", "dry run"}


class Json(Terminal):
    def json(self, *words, name=None, **fields):
        """The objects that a command printed, as the schema has them."""
        shown = self.run_command(*words, "--json", **fields)
        command = name or " ".join(words[:2])
        if command not in SCHEMA["$defs"]:
            command = words[0]
        self.seen.add(command)
        return check_lines(shown.decode(), command)

    def test_every_command_prints_what_the_schema_says(self):
        self.seen = set()
        server = self.own_server().start()
        self.server, self.shared = server, self.server
        self.addCleanup(lambda: setattr(self, "server", self.shared))
        self.look_at_the_server()
        self.make_a_topic()
        self.read_and_write()
        self.keep_offsets()
        self.keep_users()
        self.keep_contexts()
        self.delete_it_all()
        self.assertEqual(SCHEMA["$defs"].keys() - NOT_COMMANDS - self.seen, set())

    def look_at_the_server(self):
        self.assertEqual(len(self.json("ping", "--count", "2", "--every", "1ms")), 2)
        self.assertEqual(self.json("me")[0]["user_id"], 0)
        connection = self.client()
        listed = self.json("client", "list")
        self.assertEqual(len(listed), 2)
        self.json("client", "get", str(listed[0]["id"]))
        connection.close()
        self.assertEqual(self.json("cluster", "metadata")[0]["nodes"][0]["role"], "leader")
        keys = [row["key"] for row in self.json("options", "topic")]
        self.assertIn("message_expiry", keys)
        self.assertEqual(self.json("options", "stream"), [])
        self.assertEqual(self.json("stats")[0]["streams_count"], 0)
        self.json("stats", "--watch", "--every", "1ms", "--count", "2", name="stats --watch")
        path = self.server.scratch / "archive.zip"
        size = self.json("snapshot", "--file", str(path))[0]["size_bytes"]
        self.assertEqual(size, path.stat().st_size)

    def make_a_topic(self):
        made = self.json("stream", "create", "orders")
        self.assertEqual(made, [{"done": "stream create", "name": "orders", "id": 0}])
        self.json("topic", "create", "orders", "events", "--partitions", "2", "--expiry", "7 days",
                  "--max-size", "10 GiB", "--compression", "gzip", "--set", "segment_size=1 GiB")
        self.json("topic", "update", "orders", "events", "--name", "payments")
        topic = self.json("topic", "get", "orders", "payments")[0]
        self.assertEqual((topic["name"], topic["message_expiry_seconds"],
                          topic["max_topic_size_bytes"], topic["compression"]),
                         ("payments", 7 * 86400, 10 << 30, "gzip"))
        self.json("topic", "update", "orders", "payments", "--expiry", "never")
        topic = self.json("topic", "list", "orders")[0]
        self.assertEqual((topic["message_expiry_seconds"], topic["max_topic_size_bytes"]),
                         (None, 10 << 30), "what is not named stays as it is")
        self.json("partition", "create", "orders", "payments", "1")
        self.assertEqual(len(self.json("partition", "list", "orders", "payments")), 3)
        self.json("partition", "delete", "orders", "payments", "1", "--yes")
        self.json("stream", "update", "orders", "sales")
        self.assertEqual([row["name"] for row in self.json("stream", "list")], ["sales"])
        shown = self.json("stream", "get", "sales")[0]
        self.assertEqual(shown["topics"][0]["partitions_count"], 2)

    def read_and_write(self):
        sent = self.json("message", "send", "sales", "payments", "--partition", "0", "-H", "a=b",
                         "-H", "n:uint8=7", "text", "tab\tquote\"")
        self.assertEqual(sent[0]["messages_count"], 2)
        self.json("message", "send", "sales", "payments", "--partition", "1", "--input", "whole",
                  text=b"\xff\0")
        first, second, third = self.json("message", "poll", "sales", "payments")
        self.assertEqual(first["headers"], [{"key": "a", "kind": "string", "value": "b"},
                                            {"key": "n", "kind": "uint8", "value": "7"}])
        self.assertEqual(second["payload"], "tab\tquote\"")
        self.assertEqual((third["partition"], third["payload_base64"]), (1, "/wA="))
        self.assertEqual(len(self.json("message", "tail", "sales", "payments", "-n", "1")), 2)

    def keep_offsets(self):
        place = ("sales", "payments")
        self.json("group", "create", *place, "readers")
        self.json("group", "create", *place, "members")
        self.assertEqual(self.json("group", "list", *place)[0]["name"], "readers")
        self.client().join_group(*place, "members")
        self.assertEqual(self.json("group", "get", *place, "members")[0]["members"],
                         [{"id": 0, "partitions": "0 1"}])
        self.json("consumer-offset", "set", "readers", *place, "0", "0", "--kind", "group")
        lag = self.json("group", "lag", *place, "readers")
        self.assertEqual([(row["stored_offset"], row["lag_messages"]) for row in lag],
                         [(0, 1), (None, 1)])
        self.assertGreater(lag[0]["lag_seconds"], 0)
        self.assertEqual(self.json("consumer-offset", "get", "readers", *place, "0", "--kind",
                                   "group"), [lag[0] | {"lag_seconds": self.any_number(lag[0])}])
        moved = self.json("consumer-offset", "reset", "readers", *place, "--kind", "group", "--to",
                          "latest", "--yes")
        self.assertEqual([(row["next_before"], row["next_after"]) for row in moved],
                         [(1, 2), (0, 1)])
        self.json("consumer-offset", "delete", "readers", *place, "0", "--kind", "group", "--yes")
        self.run_command("consumer-offset", "set", "members", *place, "0", "0", "--kind", "group",
                         code=REFUSED)
        self.assertIn("has 1 members", self.said)

    def any_number(self, row):
        """Equal to every lag: time goes on between two looks."""
        class Later(float):
            def __eq__(self, other):
                return other >= row["lag_seconds"]
        return Later()

    def keep_users(self):
        self.json("user", "create", "anna", "read_streams", text=b"secret\n")
        self.json("user", "permissions", "anna", "3:read_stream", "--yes")
        self.json("user", "rename", "anna", "annabel")
        self.json("user", "deactivate", "annabel")
        self.assertEqual(self.json("user", "get", "annabel")[0]["rights"],
                         [{"right": "3:read_stream"}])
        self.json("user", "activate", "annabel")
        self.json("user", "password", "annabel", text=b"secret\nanother\n")
        self.assertEqual(len(self.json("user", "list")), 2)
        self.json("user", "delete", "annabel", "--yes")
        token = self.json("token", "create", "laptop", "--expiry", "1 h")[0]["token"]
        self.json("me", environment={"LEVRIERO_TOKEN": token})
        self.assertIsNotNone(self.json("token", "list")[0]["expires_at"])
        self.json("token", "delete", "laptop", "--yes")

    def keep_contexts(self):
        self.json("context", "create", "here", "--username", "anna")
        self.json("context", "use", "here")
        self.assertTrue(self.json("context", "show")[0]["active"])
        self.assertEqual(self.json("context", "list")[0]["username"], "anna")
        self.json("context", "delete", "here", "--yes")
        self.json("login")
        self.json("logout")

    def delete_it_all(self):
        self.json("segment", "delete", "sales", "payments", "0", "1", "--yes")
        self.json("group", "delete", "sales", "payments", "readers", "--yes")
        self.json("topic", "purge", "sales", "payments", "--yes")
        self.json("stream", "purge", "sales", "--yes")
        self.json("topic", "delete", "sales", "payments", "--yes")
        self.json("stream", "delete", "sales", "--yes")

    def test_a_failure_is_an_object_on_standard_error(self):
        for words, code, number in ((("stream", "delete", "none", "--yes"), NOT_FOUND, 1009),
                                    (("topic", "get", "none", "t"), NOT_FOUND, 0),
                                    (("ping", "--server", "127.0.0.1:1"), UNREACHABLE, 0),
                                    (("stream", "delete", "none"), USAGE, 0)):
            self.assertEqual(self.run_command(*words, "--json", code=code), b"")
            said = check_lines(self.said, "error")[0]
            self.assertEqual((said["exit_code"], said["number"]), (code, number))
        for words in (("stream", "list", "--count", "3"), ("topic", "create"),
                      ("message", "poll", "s", "t", "--count", "many")):
            self.run_command(*words, "--json", code=USAGE)
            self.assertEqual(check_lines(self.said, "error")[0]["exit_code"], USAGE)
        self.run_command("stats", "--json", code=NOT_ALLOWED,
                         environment={"LEVRIERO_PASSWORD": "wrong"})
        self.assertEqual(check_lines(self.said, "error")[0]["number"], 42)

    def test_a_dry_run_says_what_there_is_and_leaves_it(self):
        client = self.client()
        stream, topic = self.topic(client)
        client.send_messages(stream, topic, [b"x"] * 3)
        would = self.run_command("topic", "purge", stream, topic, "--dry-run", "--json")
        self.assertIn("3 messages", check_lines(would.decode(), "dry run")[0]["destroys"])
        shown = self.run_command("stream", "delete", stream, "--dry-run", "--yes").decode()
        self.assertIn(f"would destroy stream {stream}", shown)
        self.run_command("stream", "delete", "nowhere", "--dry-run", code=NOT_FOUND)
        self.assertEqual(len(client.poll(stream, topic).messages), 3)

    def test_a_name_with_tabs_and_line_ends_stays_one_line_in_a_pipe(self):
        name = self.name[:20] + "\ttab\nline\\\"\x1b[31m"
        self.run_command("stream", "create", name)
        lines = self.run_command("stream", "list").decode().split("\n")
        rows = [line.split("\t") for line in lines]
        escaped = name.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
        self.assertIn(escaped, [row[1] for row in rows if len(row) == 6])
        listed = self.run_command("stream", "list", "--json").decode().splitlines()
        self.assertIn(name, [json.loads(line)["name"] for line in listed])
