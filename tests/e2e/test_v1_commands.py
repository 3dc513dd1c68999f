"""Every command of generation 1 that is not about messages, right and wrong."""

import struct
import time

import wire_v1 as v1
from case_v1 import CaseV1
from wire_format import identifier, name

U64_MAX = v1.U64_MAX


class Streams(CaseV1):

    def test_a_stream_lives_and_dies(self):
        client = self.older()
        made = client.create_stream(self.name)
        self.assertEqual((made["name"], made["topics_count"], made["size"], made["messages"]),
                         (self.name, 0, 0, 0))
        self.assertEqual(client.get_stream(made["id"])["created_at"], made["created_at"])
        self.assertIn(made, client.get_streams())
        client.void(v1.UPDATE_STREAM, identifier(self.name) + name(self.name + "2"))
        self.assertIsNone(client.get_stream(self.name))
        self.assertEqual(client.get_stream(made["id"])["name"], self.name + "2")
        client.void(v1.PURGE_STREAM, identifier(made["id"]))
        client.void(v1.DELETE_STREAM, identifier(self.name + "2"))
        self.assertIsNone(client.get_stream(made["id"]))

    def test_each_fault_with_a_stream_has_its_number(self):
        client = self.older()
        client.create_stream(self.name)
        client.create_stream(self.name + "2")
        self.refused(1012, client.create_stream, self.name)
        self.refused(1012, client.void, v1.UPDATE_STREAM,
                     identifier(self.name + "2") + name(self.name))
        client.void(v1.UPDATE_STREAM, identifier(self.name) + name(self.name))
        for code, more in ((v1.DELETE_STREAM, b""), (v1.PURGE_STREAM, b""),
                           (v1.UPDATE_STREAM, name("n"))):
            self.refused(1009, client.void, code, identifier("missing") + more)
            self.refused(1009, client.void, code, identifier(4_000_000) + more)
        self.assertIsNone(client.get_stream("missing"))
        self.assertIsNone(client.get_stream(4_000_000))

    def test_a_stream_shows_its_topics_in_order(self):
        client = self.older()
        client.create_stream(self.name)
        for i in range(5):
            client.create_topic(self.name, f"t{i}", i)
        stream = client.get_stream(self.name)
        self.assertEqual([topic["name"] for topic in stream["topics"]], [f"t{i}" for i in range(5)])
        self.assertEqual(stream["topics"], client.get_topics(self.name))

    def test_names_are_any_utf8(self):
        client = self.older()
        for text in ("a/b", "ü" * 127, "x" * 255, "zero\0byte", " 7 "):
            client.create_stream(text)
            self.assertEqual(client.get_stream(text)["name"], text)
            client.void(v1.DELETE_STREAM, identifier(text))


class Topics(CaseV1):

    def test_a_created_topic_shows_what_was_set(self):
        client = self.older()
        client.create_stream(self.name)
        made = client.create_topic(self.name, "t", 3, compression=2, expiry=605_000_000,
                                   size=2 << 30, replication=5)
        self.assertEqual([made[key] for key in ("compression", "message_expiry", "max_topic_size",
                                                "replication_factor", "partitions_count")],
                         [2, 605_000_000, 2 << 30, 1, 3])
        self.assertEqual([partition["id"] for partition in made["partitions"]], [0, 1, 2])
        self.assertEqual({partition["segments"] for partition in made["partitions"]}, {0})
        found = client.get_topic(self.name, "t")
        self.assertEqual({partition["segments"] for partition in found["partitions"]}, {1})
        for topic in (made, found):
            for partition in topic["partitions"]:
                del partition["segments"]
        self.assertEqual(made, found)

    def test_zero_is_the_default_and_never_stays_never(self):
        client = self.older()
        client.create_stream(self.name)
        for topic, value in (("default", 0), ("never", U64_MAX)):
            made = client.create_topic(self.name, topic, expiry=value, size=value)
            self.assertEqual((made["message_expiry"], made["max_topic_size"]), (U64_MAX, U64_MAX))

    def test_a_topic_may_have_no_partitions(self):
        client = self.older()
        client.create_stream(self.name)
        self.assertEqual(client.create_topic(self.name, "t", 0)["partitions"], [])
        self.refused(2010, client.send, self.name, "t", [b"x"], v1.BALANCED)
        self.refused(2010, client.send, self.name, "t", [b"x"], v1.by_key(b"k"))
        self.refused(3007, client.send, self.name, "t", [b"x"])

    def test_each_fault_with_a_topic_has_its_number(self):
        client = self.older()
        stream, topic = self.topic_v1(client)
        self.refused(2013, client.create_topic, stream, topic)
        self.refused(2015, client.create_topic, stream, "n", 1001)
        self.refused(2015, client.create_topic, "missing", "n", 1001)
        self.refused(3, client.create_topic, stream, "n", compression=3)
        self.refused(3, client.create_topic, stream, "n", compression=0)
        self.refused(1009, client.create_topic, "missing", "n")
        self.refused(1019, client.create_topic, stream, "n", size=1000)
        self.assertIsNone(client.get_topic(stream, "missing"))
        self.assertIsNone(client.get_topic("missing", topic))
        self.assertEqual(client.get_topics("missing"), [])
        for code in (v1.DELETE_TOPIC, v1.PURGE_TOPIC):
            self.refused(1009, client.void, code, identifier("missing") + identifier(0))
            self.refused(2010, client.void, code, identifier(stream) + identifier("missing"))
        self.refused(1009, client.update_topic, "missing", topic, "n")
        self.refused(2010, client.update_topic, stream, "missing", "n")
        self.refused(3, client.update_topic, stream, topic, "n", compression=9)
        client.create_topic(stream, "other")
        self.refused(2013, client.update_topic, stream, topic, "other")

    def test_an_update_replaces_the_settings(self):
        client = self.older()
        stream, topic = self.topic_v1(client)
        client.update_topic(stream, topic, "renamed", compression=2, expiry=1, size=3 << 30,
                            replication=0)
        found = client.get_topic(stream, "renamed")
        self.assertEqual([found[key] for key in ("compression", "message_expiry", "max_topic_size",
                                                 "replication_factor")], [2, 1, 3 << 30, 1])
        self.assertIsNone(client.get_topic(stream, topic))

    def test_partitions_come_and_go(self):
        client = self.older()
        stream, topic = self.topic_v1(client, 2)
        where = identifier(stream) + identifier(topic)
        client.void(v1.CREATE_PARTITIONS, where + struct.pack("<I", 3))
        self.assertEqual(client.get_topic(stream, topic)["partitions_count"], 5)
        client.void(v1.DELETE_PARTITIONS, where + struct.pack("<I", 4))
        self.assertEqual([p["id"] for p in client.get_topic(stream, topic)["partitions"]], [0])
        for code, count, number in ((v1.CREATE_PARTITIONS, 0, 2015),
                                    (v1.CREATE_PARTITIONS, 1001, 2015),
                                    (v1.DELETE_PARTITIONS, 0,
                                     2015), (v1.DELETE_PARTITIONS, 2, 2019)):
            self.refused(number, client.void, code, where + struct.pack("<I", count))
        for code in (v1.CREATE_PARTITIONS, v1.DELETE_PARTITIONS):
            self.refused(1009, client.void, code,
                         identifier("missing") + identifier(0) + struct.pack("<I", 1))
            self.refused(2010, client.void, code,
                         identifier(stream) + identifier("missing") + struct.pack("<I", 1))

    def test_segments_and_flushes_of_what_is_missing_are_refused(self):
        client = self.older()
        stream, topic = self.topic_v1(client)
        client.send(stream, topic, [b"x"])
        for code, more in ((v1.DELETE_SEGMENTS, struct.pack("<I", 1)), (v1.FLUSH, b"\x01")):
            partition = struct.pack("<I", 0)
            client.void(code, identifier(stream) + identifier(topic) + partition + more)
            self.refused(1009, client.void, code,
                         identifier("missing") + identifier(topic) + partition + more)
            self.refused(2010, client.void, code,
                         identifier(stream) + identifier("missing") + partition + more)
            self.refused(3007, client.void, code,
                         identifier(stream) + identifier(topic) + struct.pack("<I", 7) + more)
        self.assertEqual(len(client.poll(stream, topic).messages), 1)

    def test_a_purge_begins_anew(self):
        client = self.older()
        stream, topic = self.topic_v1(client)
        client.send(stream, topic, [b"one", b"two"])
        client.store_offset(1, stream, topic, 1)
        client.void(v1.PURGE_TOPIC, identifier(stream) + identifier(topic))
        found = client.get_topic(stream, topic)
        self.assertEqual((found["size"], found["messages"]), (0, 0))
        self.assertEqual(found["partitions"][0]["current_offset"], 0)
        self.assertIsNone(client.get_offset(1, stream, topic))
        client.send(stream, topic, [b"new"])
        polled = client.poll(stream, topic)
        self.assertEqual([(m.offset, m.payload) for m in polled.messages], [(0, b"new")])


class Server(CaseV1):

    def test_statistics_are_whole_and_true(self):
        client = self.older()
        before = client.get_stats()
        stream, topic = self.topic_v1(client, 2)
        client.send(stream, topic, [b"12345", b"678"])
        after = client.get_stats()
        self.assertEqual((after["version"], after["version_number"]), ("0.8.0", 8000))
        grown = {key: after[key] - before[key] for key in ("streams", "topics", "partitions",
                                                           "segments",
                                                           "messages", "messages_size")}
        self.assertEqual(grown, {"streams": 1, "topics": 1, "partitions": 2, "segments": 2,
                                 "messages": 2, "messages_size": 64 + 5 + 64 + 3})
        self.assertGreater(after["available_memory"], 0)
        self.assertLess(abs(after["start_time"] - time.time() * 1e6), 3600e6)

    def test_sizes_are_exact_in_both_generations(self):
        client, newer = self.older(), self.client()
        stream, topic = self.topic_v1(client)
        sent = 0
        for count in (1, 3, 10):
            messages = [v1.MessageV1(b"p" * i, b"") for i in range(count)]
            client.send(stream, topic, messages)
            sent += sum(64 + i for i in range(count))
        found = client.get_topic(stream, topic)
        self.assertEqual((found["size"], found["messages"]), (sent, 14))
        self.assertEqual(found["partitions"][0]["size"], sent)
        self.assertEqual(client.get_stream(stream)["size"], sent)
        self.assertEqual(newer.get_topic(stream, topic)["size"], sent - 14 * 16 + 3 * 256)

    def test_sizes_are_exact_after_a_restart(self):
        for stop in ("stop", "kill"):
            server = self.own_server(memory="64M").start()
            client = v1.ClientV1(server.address).login()
            self.topic_v1(client)
            for _ in range(7):
                client.send(self.name, "t", [b"12345"] * 3)
            client.close()
            getattr(server, stop)()
            server.start()
            client = v1.ClientV1(server.address).login()
            self.assertEqual(client.get_topic(self.name, "t")["size"], 7 * 3 * 69)
            client.send(self.name, "t", [b"6"])
            self.assertEqual(client.get_topic(self.name, "t")["size"], 7 * 3 * 69 + 65)
            client.close()
            server.discard()

    def test_the_roster_has_one_node(self):
        roster = self.older().get_cluster()
        self.assertEqual(roster["name"], "single-node")
        self.assertEqual(len(roster["nodes"]), 1)
        node = roster["nodes"][0]
        self.assertEqual((node["name"], node["ip"], node["tcp"], node["role"], node["status"]),
                         ("iggy-node", self.server.address[0], self.server.address[1], 0, 0))

    def test_clients_are_listed(self):
        client, stranger = self.older(), self.older(login=False)
        stranger.ping()
        me = client.get_me()
        self.assertEqual((me["user"], me["transport"], me["groups"]), (0, 1, []))
        host, port = client.socket.getsockname()
        self.assertEqual(me["address"], f"{host}:{port}")
        self.assertEqual(client.get_client(me["id"]), me)
        users = {entry["id"]: entry["user"] for entry in client.get_clients()}
        self.assertEqual(users[me["id"]], 0)
        self.assertIn(0xFFFFFFFF, users.values())
        self.assertIsNone(client.get_client(4_000_000))
        self.refused(101, client.get_client, 0)

    def test_an_archive_comes_and_unknown_parts_are_refused(self):
        client = self.older()
        self.assertEqual(client.call(v1.GET_SNAPSHOT, b"\x02\x01\x04")[:2], b"PK")
        for body in (b"\x09\x01\x04", b"\x02\x01\x07", b"\x02\x02\x64\x01", b"\x02"):
            self.refused(3, client.call, v1.GET_SNAPSHOT, body)


class Users(CaseV1):

    NOTHING = bytes(11)

    def test_a_user_lives_and_dies(self):
        root = self.older()
        made = root.create_user("older", "secret", permissions=self.NOTHING)
        self.assertEqual((made["name"], made["status"], made["permissions"]),
                         ("older", 1, self.NOTHING))
        self.assertEqual(root.get_user("older"), made)
        self.assertIn("older", [user["name"] for user in root.get_users()])
        user = self.older(login=False).login("older", "secret")
        self.assertEqual(user.user, made["id"])
        self.assertEqual(user.get_user("older"), made)
        self.refused(41, user.get_users)
        self.refused(41, user.get_user, 0)
        root.void(v1.CHANGE_PASSWORD, identifier("older") + name("secret") + name("new secret"))
        self.refused(42, self.older(login=False).login, "older", "secret")
        self.older(login=False).login("older", "new secret")
        root.void(v1.UPDATE_USER, identifier("older") + b"\x01" + name("elder") + b"\x01\x02")
        self.refused(47, self.older(login=False).login, "elder", "whatever it is")
        root.void(v1.UPDATE_PERMISSIONS, identifier("elder") + b"\x00")
        self.assertIsNone(root.get_user("elder")["permissions"])
        root.void(v1.DELETE_USER, identifier("elder"))
        self.assertIsNone(root.get_user("elder"))
        self.refused(40, user.get_me)

    def test_each_fault_with_a_user_has_its_number(self):
        root = self.older()
        root.create_user("taken", "secret")
        self.refused(46, root.create_user, "taken", "secret")
        self.refused(43, root.create_user, "ab", "secret")
        self.refused(44, root.create_user, "abc", "ab")
        self.refused(3, root.create_user, "abc", "secret", status=3)
        self.refused(4, root.call, v1.CREATE_USER, name("abc") + name("secret") + b"\x01\x01" +
                     struct.pack("<I", 12) + bytes(12))
        self.refused(20, root.void, v1.DELETE_USER, identifier("missing"))
        self.refused(48, root.void, v1.DELETE_USER, identifier(0))
        self.refused(49, root.void, v1.UPDATE_PERMISSIONS, identifier(0) + b"\x00")
        self.refused(20, root.void, v1.UPDATE_PERMISSIONS, identifier("missing") + b"\x00")
        self.refused(20, root.void, v1.UPDATE_USER, identifier("missing") + b"\x00\x00")
        self.refused(46, root.void, v1.UPDATE_USER,
                     identifier("taken") + b"\x01" + name("iggy") + b"\x00")
        self.refused(42, root.void, v1.CHANGE_PASSWORD,
                     identifier("taken") + name("wrong") + name("new"))
        self.assertIsNone(root.get_user("missing"))
        root.void(v1.DELETE_USER, identifier("taken"))

    def test_bytes_that_some_clients_append_are_ignored(self):
        root = self.older()
        root.call(v1.CREATE_USER,
                  name("trailing") + name("secret") + b"\x01\x00" + bytes([1, 0, 0, 0, 0]))
        root.void(v1.UPDATE_USER,
                  identifier("trailing") + b"\x01" + name("trailed") + b"\x01\x01" + b"\x00")
        root.void(v1.DELETE_USER, identifier("trailed"))

    def test_rights_are_the_same_in_both_generations(self):
        root = self.older()
        stream, topic = self.topic_v1(root)
        root.send(stream, topic, [b"x"])
        root.create_user("reader", "secret", permissions=bytes([0] * 8 + [1, 0, 0]))
        user = self.older(login=False).login("reader", "secret")
        self.assertEqual(len(user.poll(stream, topic).messages), 1)
        self.refused(41, user.send, stream, topic, [b"y"])
        self.refused(1009, user.send, "missing", topic, [b"y"])
        self.refused(41, user.create_stream, "mine")
        self.refused(41, user.get_streams)
        self.assertIsNone(user.get_stream("missing"))
        root.void(v1.UPDATE_PERMISSIONS, identifier("reader") + b"\x00")
        self.refused(41, user.poll, stream, topic)
        root.void(v1.DELETE_USER, identifier("reader"))


class Tokens(CaseV1):

    def test_a_token_lives_and_dies(self):
        client = self.older()
        token = client.create_token("first")
        self.assertTrue(0 < len(token) < 256)
        client.create_token("second", 3_600_000_000)
        listed = dict(client.get_tokens())
        self.assertEqual(listed["first"], 0)
        self.assertLess(abs(listed["second"] - (time.time() + 3600) * 1e6), 60e6)
        user = self.older(login=False).login_with_token(token)
        self.assertEqual(user.user, 0)
        user.get_streams()
        client.void(v1.DELETE_TOKEN, name("first") + bytes(4))
        user.get_streams()
        self.refused(20, self.older(login=False).login_with_token, token)
        client.void(v1.DELETE_TOKEN, name("second"))

    def test_each_fault_with_a_token_has_its_number(self):
        client = self.older()
        client.create_token("token")
        self.refused(51, client.create_token, "token")
        self.refused(50, client.create_token, "ab")
        self.refused(50, client.create_token, "x" * 31)
        self.refused(20, client.void, v1.DELETE_TOKEN, name("missing"))
        expired = client.create_token("expires", 1)
        time.sleep(0.01)
        self.refused(54, self.older(login=False).login_with_token, expired)
        self.refused(20, self.older(login=False).login_with_token, "no such token")
        for token in ("token", "expires"):
            client.void(v1.DELETE_TOKEN, name(token))
