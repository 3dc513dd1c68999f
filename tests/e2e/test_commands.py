"""Streams, topics, partitions and the questions about them: every answer of wire-v2 4.3 to 4.11."""

import os
import socket
import struct
import threading
import time

import wire_format as wire
from case import Case, deadline

MISSING = 4_000_000
NEVER = UNLIMITED = wire.U64_MAX
CATALOG = {
    "compression_algorithm": "none", "message_expiry": NEVER, "max_topic_size": UNLIMITED,
    "segment_size": 1 << 30, "durability": "replicated",
    "consumer_offset_durability": "replicated", "messages_required_to_save": 1024,
    "size_of_messages_required_to_save": 1 << 20, "preallocate_segments": False,
}


class Streams(Case):
    def test_a_new_stream_is_empty_and_answered_in_full(self):
        client = self.client()
        before = int(time.time() * 1e6)
        stream = client.create_stream(self.name)
        self.assertEqual(stream["name"], self.name)
        self.assertEqual((stream["topics"], stream["size"], stream["messages"]), ([], 0, 0))
        self.assertEqual(stream["options"], {})
        self.assertLess(abs(stream["created_at"] - before), 60_000_000)
        self.assertEqual(client.get_stream(self.name), stream)
        self.assertEqual(client.get_stream(stream["id"]), stream)
        listed = [each for each in client.get_streams() if each["name"] == self.name]
        self.assertEqual(listed, [{key: stream[key] for key in stream if key != "topics"}])

    def test_a_missing_stream_or_topic_is_an_empty_answer(self):
        client = self.client()
        client.create_stream(self.name)
        for stream in (MISSING, "nowhere"):
            self.assertIsNone(client.get_stream(stream))
            self.assertIsNone(client.get_topic(stream, 0))
            self.assertEqual(client.get_topics(stream), [])
        for topic in (0, MISSING, "nowhere"):
            self.assertIsNone(client.get_topic(self.name, topic))
        self.assertEqual(client.get_topics(self.name), [])

    def test_a_taken_name_is_refused_with_1012(self):
        client = self.client()
        client.create_stream(self.name)
        client.create_stream(self.name + "2")
        self.refused(1012, client.create_stream, self.name)
        self.refused(1012, client.update_stream, self.name + "2", self.name)
        client.update_stream(self.name, self.name)

    def test_a_renamed_stream_is_found_by_its_new_name_only(self):
        client = self.client()
        number = client.create_stream(self.name)["id"]
        client.update_stream(number, self.name + "-new")
        self.assertIsNone(client.get_stream(self.name))
        self.assertEqual(client.get_stream(self.name + "-new")["id"], number)
        self.assertEqual(client.get_stream(number)["name"], self.name + "-new")

    def test_a_deleted_stream_is_gone_with_all_below(self):
        client = self.client()
        stream, topic = self.topic(client)
        client.send_messages(stream, topic, [b"x"])
        client.delete_stream(stream)
        self.assertIsNone(client.get_stream(stream))
        self.refused(1009, client.poll, stream, topic)
        self.refused(20, client.send_messages, stream, topic, [b"x"])
        client.create_stream(stream)
        client.create_topic(stream, topic)
        self.assertEqual(client.poll(stream, topic).messages, [], "a deleted message is back")
        self.assertEqual(client.send_messages(stream, topic, [b"y"])[3], 0)

    def test_mutations_of_a_missing_stream_are_refused_with_1009(self):
        client = self.client()
        for stream in (MISSING, "nowhere"):
            for call, *rest in ((client.update_stream, "x"), (client.delete_stream,),
                                (client.purge_stream,), (client.create_topic, "t"),
                                (client.update_topic, 0, "t"), (client.delete_topic, 0),
                                (client.purge_topic, 0), (client.create_partitions, 0, 1),
                                (client.delete_partitions, 0, 1),
                                (client.delete_segments, 0, 0, 1)):
                with self.subTest(call=call.__name__, stream=stream):
                    self.refused(1009, call, stream, *rest)

    def test_streams_take_the_lowest_free_number(self):
        client = self.client()
        numbers = [client.create_stream(f"{self.name}{i}")["id"] for i in range(3)]
        client.delete_stream(numbers[1])
        client.delete_stream(numbers[0])
        again = [client.create_stream(f"{self.name}-again{i}")["id"] for i in range(2)]
        self.assertEqual(again, sorted(numbers[:2]))

    def test_names_are_any_utf8_of_1_to_255_bytes(self):
        client = self.client()
        for text in ("x", "x" * 255, "été/../..", "a\0b", "日本", " ", "0", "12", self.name + "\n"):
            with self.subTest(text=text[:9]):
                number = client.create_stream(text)["id"]
                self.assertEqual(client.get_stream(text)["id"], number, "found by name")
                client.create_topic(text, text)
                client.send_messages(text, text, [b"x"])
                client.delete_stream(text)

    def test_a_number_is_never_a_name(self):
        client = self.client()
        client.create_stream("4000001")
        self.assertIsNone(client.get_stream(4000001))
        self.assertIsNotNone(client.get_stream("4000001"))

    def test_an_empty_or_broken_name_is_refused(self):
        client = self.client()
        for body in (b"", b"\0", b"\x05abc", wire.name(b"\xff\xfe"), wire.name(b"\xc3")):
            with self.subTest(body=body):
                reply = client.call(wire.CREATE_STREAM, body)
                self.assertIn(reply.error, {3, 4})
        self.assertEqual([s for s in client.get_streams() if not s["name"].isprintable()], [])

    def test_broken_identifiers_are_refused(self):
        client = self.client()
        for number, data in ((3, b"\x03\x04\0\0\0\0"), (3, b"\x00\x04\0\0\0\0"),
                             (4, b"\x01\x02\0\0"), (4, b"\x01\x08" + bytes(8)),
                             (4, b"\x02\0"), (3, b"\x01\x04\0"),
                             (3, b"\x02\x09abc"), (3, b"\x02\x02\xff\xff"), (3, b"\x01"), (3, b"")):
            for code in (wire.GET_STREAM, wire.GET_TOPICS):
                self.assertIn(client.read(code, data).error, {number, 6}, data)
            reply = client.call(wire.DELETE_STREAM, data)
            self.assertIn(reply.error, {number, 6}, data)

    def test_bytes_behind_a_body_are_refused(self):
        client = self.client()
        client.create_stream(self.name)
        reply = client.call(wire.DELETE_STREAM, wire.identifier(self.name) + b"\0")
        self.assertIn(reply.error, {0, 3, 4})
        reply = client.call(wire.PURGE_STREAM, wire.identifier(self.name)[:-1])
        self.assertIn(reply.error, {3, 4})

    def test_streams_have_no_options_yet(self):
        client = self.client()
        block = wire.options({"durability": "persisted"})
        self.refused(4041, client.create_stream, self.name, block)
        client.create_stream(self.name)
        self.refused(4041, client.update_stream, self.name, "other", block)

    def test_a_repeated_request_is_not_executed_twice(self):
        """The same bytes again, as after a lost reply: the stored answer, or `already exists`."""
        client = self.client()
        frame = client.frame(wire.CREATE_STREAM, wire.name(self.name))
        answers = []
        for _ in range(2):
            client.send(frame)
            answers.append(client.receive())
        self.assertEqual(answers[0].error, 0)
        self.assertTrue(answers[1].body == answers[0].body or answers[1].error == 1012)
        self.assertEqual([s["name"] for s in client.get_streams()].count(self.name), 1)


class Topics(Case):
    def test_a_new_topic_shows_its_catalog_and_its_partitions(self):
        client = self.client()
        client.create_stream(self.name)
        created = client.create_topic(self.name, "t", 3)
        topic = client.get_topic(self.name, "t")
        self.assertEqual(topic["derived"], CATALOG)
        self.assertEqual(topic["explicit"], {})
        self.assertEqual((topic["message_expiry"], topic["max_topic_size"], topic["compression"]),
                         (NEVER, UNLIMITED, 1))
        self.assertEqual([p["id"] for p in topic["partitions"]], [0, 1, 2])
        self.assertEqual([p["segments"] for p in topic["partitions"]], [1, 1, 1])
        self.assertEqual({p["created_at"] for p in topic["partitions"]}, {topic["created_at"]})
        self.assertEqual({p["current_offset"] for p in topic["partitions"]}, {0})
        self.assertEqual(created["name"], "t")
        self.assertEqual(created["derived"], CATALOG)
        header = {key: topic[key] for key in topic if key != "partitions"}
        self.assertEqual(client.get_topics(self.name), [header])
        self.assertEqual(client.get_stream(self.name)["topics"], [header])

    def test_options_come_back_as_they_were_given(self):
        client = self.client()
        client.create_stream(self.name)
        given = {"compression_algorithm": "gzip", "message_expiry": 3_600_000_000,
                 "max_topic_size": 1 << 31, "segment_size": 1 << 20, "durability": "persisted",
                 "consumer_offset_durability": "persisted", "messages_required_to_save": 7,
                 "size_of_messages_required_to_save": 4096, "preallocate_segments": True}
        topic = client.create_topic(self.name, "t", 1, given)
        self.assertEqual((topic["explicit"], topic["derived"]), (given, {}))
        self.assertEqual((topic["message_expiry"], topic["max_topic_size"], topic["compression"]),
                         (3_600_000_000, 1 << 31, 2))

    def test_the_two_durability_keys_of_released_clients_are_explicit(self):
        client = self.client()
        client.create_stream(self.name)
        given = {"consumer_offset_durability": "replicated", "durability": "replicated"}
        topic = client.create_topic(self.name, "t", 1, given)
        self.assertEqual(topic["explicit"], given)
        self.assertEqual(topic["derived"].keys(), CATALOG.keys() - given.keys())

    def test_values_may_be_written_like_configuration(self):
        client = self.client()
        client.create_stream(self.name)
        texts = {"message_expiry": "7 days", "segment_size": "128 MiB", "max_topic_size": "2 GiB",
                 "preallocate_segments": "true", "messages_required_to_save": "5",
                 "compression_algorithm": "GZIP", "durability": "PERSISTED"}
        explicit = client.create_topic(self.name, "t", 1, texts)["explicit"]
        self.assertEqual(explicit, {
            "message_expiry": 7 * 86_400_000_000, "segment_size": 128 << 20,
            "max_topic_size": 2 << 30, "preallocate_segments": True,
            "messages_required_to_save": 5, "compression_algorithm": "gzip",
            "durability": "persisted"})

    def test_zero_means_the_servers_default_and_is_listed_as_derived(self):
        client = self.client()
        client.create_stream(self.name)
        zeros = {"message_expiry": 0, "max_topic_size": 0, "segment_size": 0,
                 "size_of_messages_required_to_save": 0}
        topic = client.create_topic(self.name, "t", 1, zeros)
        self.assertEqual((topic["explicit"], topic["derived"]), ({}, CATALOG))

    def test_options_out_of_range_are_refused(self):
        client = self.client()
        client.create_stream(self.name)

        def u64(number):
            return 12, struct.pack("<Q", number)

        for number, key, value in (
                (4042, "compression_algorithm", "lz4"), (4042, "durability", "sometimes"),
                (4042, "durability", (1, b"persisted")), (4042, "durability", (3, b"\x01")),
                (4042, "consumer_offset_durability", "none"),
                (4042, "segment_size", u64(1)), (4042, "segment_size", u64((1 << 20) + 1)),
                (4042, "segment_size", u64((1 << 20) - 512)), (4042, "segment_size", u64(2 << 30)),
                (4042, "segment_size", "many"), (4042, "segment_size", (12, b"\0\0\0")),
                (4042, "messages_required_to_save", (11, bytes(4))),
                (4042, "messages_required_to_save", (11, struct.pack("<I", 16_777_217))),
                (4042, "size_of_messages_required_to_save", u64((1 << 30) + 1)),
                (4042, "message_expiry", "7 lightyears"), (4042, "preallocate_segments", "maybe"),
                (1019, "max_topic_size", u64(1000)), (1019, "max_topic_size", u64((1 << 30) - 1)),
                (4041, "enforce_fsync", True), (4041, "replication_factor", u64(1)),
                (4041, "Durability", "persisted")):
            with self.subTest(key=key, value=value):
                self.refused(number, client.create_topic, self.name, "t", 1, {key: value})
        self.assertEqual(client.get_topics(self.name), [])

    def test_broken_option_blocks_are_refused(self):
        client = self.client()
        client.create_stream(self.name)
        twice = wire.options({"durability": "persisted"}) * 2
        good = wire.options({"durability": "persisted"})
        for block in (b"\0", good[:-1], good + b"\x02", twice, b"\x01" + good[1:],
                      wire.options({"": "x"}), wire.options({"durability": (2, b"")}),
                      good.replace(b"durability", b"durabil\xff\xff\xff")):
            with self.subTest(block=block):
                self.refused({3, 4, 4041, 4042}, client.create_topic, self.name, "t", 1,
                             block=block)
        many = wire.options({f"key-{i}": "v" for i in range(1025)})
        self.refused({4041, 4043}, client.create_topic, self.name, "t", 1, block=many)
        large = wire.options({"k" * 200 + str(i): "v" * 255 for i in range(300)})
        self.refused({4041, 4043}, client.create_topic, self.name, "t", 1, block=large)

    def test_options_are_accepted_in_any_order(self):
        client = self.client()
        client.create_stream(self.name)
        block = wire.options({"segment_size": 1 << 20})
        block += wire.options({"durability": "persisted"})
        topic = client.create_topic(self.name, "t", 1, block=block)
        self.assertEqual(topic["explicit"], {"durability": "persisted", "segment_size": 1 << 20})

    def test_an_update_patches_only_what_it_names(self):
        client = self.client()
        client.create_stream(self.name)
        client.create_topic(self.name, "t", 1, {"message_expiry": 1_000_000})
        client.update_topic(self.name, "t", "renamed", {"compression_algorithm": "gzip"})
        topic = client.get_topic(self.name, "renamed")
        self.assertIsNone(client.get_topic(self.name, "t"))
        self.assertEqual(topic["explicit"],
                         {"compression_algorithm": "gzip", "message_expiry": 1_000_000})
        self.assertEqual((topic["compression"], topic["message_expiry"]), (2, 1_000_000))
        client.update_topic(self.name, "renamed", "renamed", {"message_expiry": 0})
        topic = client.get_topic(self.name, "renamed")
        listed = topic["explicit"] | topic["derived"]
        self.assertEqual((topic["message_expiry"], listed["message_expiry"]), (NEVER, NEVER))

    def test_an_update_takes_three_keys_only_and_checks_them(self):
        client = self.client()
        stream, topic = self.topic(client)
        for key in CATALOG.keys() - {"compression_algorithm", "message_expiry", "max_topic_size"}:
            self.refused(4041, client.update_topic, stream, topic, topic, {key: CATALOG[key]})
        self.refused(4042, client.update_topic, stream, topic, topic,
                     {"compression_algorithm": "lz4"})
        self.refused(1019, client.update_topic, stream, topic, topic, {"max_topic_size": 1})
        self.assertEqual(client.get_topic(stream, topic)["derived"], CATALOG)

    def test_a_taken_name_is_refused_with_2013(self):
        client = self.client()
        stream, topic = self.topic(client)
        client.create_topic(stream, "u")
        self.refused(2013, client.create_topic, stream, topic)
        self.refused(2013, client.update_topic, stream, "u", topic)
        client.update_topic(stream, topic, topic)

    def test_mutations_of_a_missing_topic_are_refused_with_2010(self):
        client = self.client()
        client.create_stream(self.name)
        for topic in (MISSING, "nowhere"):
            for call, *rest in ((client.update_topic, "t"), (client.delete_topic,),
                                (client.purge_topic,), (client.create_partitions, 1),
                                (client.delete_partitions, 1), (client.delete_segments, 0, 1)):
                with self.subTest(call=call.__name__, topic=topic):
                    self.refused(2010, call, self.name, topic, *rest)

    def test_topics_take_the_lowest_free_number_from_0(self):
        client = self.client()
        client.create_stream(self.name)
        self.assertEqual([client.create_topic(self.name, f"t{i}")["id"] for i in range(3)],
                         [0, 1, 2])
        client.delete_topic(self.name, 1)
        self.assertEqual(client.create_topic(self.name, "again")["id"], 1)

    def test_partitions_are_added_and_removed_at_the_end(self):
        client = self.client()
        stream, topic = self.topic(client, 2)
        client.send_messages(stream, topic, [b"kept"], wire.to_partition(1))
        client.create_partitions(stream, topic, 3)
        self.assertEqual([p["id"] for p in client.get_topic(stream, topic)["partitions"]],
                         [0, 1, 2, 3, 4])
        client.send_messages(stream, topic, [b"lost"], wire.to_partition(4))
        client.delete_partitions(stream, topic, 3)
        topic_now = client.get_topic(stream, topic)
        self.assertEqual([p["messages"] for p in topic_now["partitions"]], [0, 1])
        self.assertEqual(topic_now["messages"], 1)
        self.refused(20, client.send_messages, stream, topic, [b"x"], wire.to_partition(4))
        self.refused(3007, client.poll, stream, topic, 4)
        client.create_partitions(stream, topic, 3)
        self.assertEqual(client.poll(stream, topic, 4).messages, [], "a deleted message is back")
        self.assertEqual(client.send_messages(stream, topic, [b"x"], wire.to_partition(4))[3], 0)

    @deadline(40)
    def test_the_number_of_partitions_is_limited_a_request(self):
        client = self.client()
        client.create_stream(self.name)
        self.refused(2015, client.create_topic, self.name, "t", 1001)
        self.refused(2015, client.create_topic, self.name, "t", 0xFFFFFFFF)
        client.create_topic(self.name, "none", 0)
        self.assertEqual(client.get_topic(self.name, "none")["partitions"], [])
        self.refused(2015, client.create_partitions, self.name, "none", 0)
        self.refused(2015, client.create_partitions, self.name, "none", 1001)
        self.refused(2015, client.delete_partitions, self.name, "none", 0)
        self.refused(2019, client.delete_partitions, self.name, "none", 1)
        client.create_topic(self.name, "most", 1000)
        client.create_partitions(self.name, "most", 1000)
        self.refused(2015, client.delete_partitions, self.name, "most", 1001)
        client.delete_partitions(self.name, "most", 1000)
        client.delete_partitions(self.name, "most", 1000)
        self.assertEqual(client.get_topic(self.name, "most")["partitions"], [])

    def test_a_purge_starts_again_at_offset_0(self):
        client = self.client()
        for purge in (lambda: client.purge_topic(self.name, "t"),
                      lambda: client.purge_stream(self.name)):
            stream, topic = self.topic(client, 2)
            before = client.get_topic(stream, topic)
            for partition in (0, 1):
                client.send_messages(stream, topic, [b"old"] * 3, wire.to_partition(partition))
            client.store_offset(stream, topic, 0, 2)
            purge()
            self.assertEqual(client.get_topic(stream, topic), before)
            self.assertIsNone(client.get_offset(stream, topic, 0), "a stored offset survived")
            self.assertEqual(client.poll(stream, topic).messages, [])
            client.send_messages(stream, topic, [b"new"])
            self.assertEqual(client.poll(stream, topic, 0, wire.NEXT).payloads, [b"new"])
            self.assertEqual(client.get_stream(stream)["messages"], 1)
            client.delete_stream(stream)

    def test_sends_that_meet_a_purge_are_answered_and_those_after_it_are_there(self):
        client = self.client()
        stream, topic = self.topic(client, 2)
        over = threading.Event()
        replies = [[], []]

        def produce(partition, sender):
            while not over.is_set():
                frames = [sender.send_frame(stream, topic, [b"x" * 500],
                                            wire.to_partition(partition)) for _ in range(16)]
                sender.send(b"".join(frames))
                replies[partition] += [sender.receive().status for _ in frames]

        threads = [threading.Thread(target=produce, args=(i, self.client())) for i in range(2)]
        for thread in threads:
            thread.start()
        for i in range(60):
            (client.purge_stream if i % 2 else client.purge_topic)(*(stream, topic)[:2 - i % 2])
            time.sleep(0.005)
        over.set()
        for thread in threads:
            thread.join()
        for i in range(2):
            self.assertEqual(set(replies[i]), {0})
            left = client.poll_all(stream, topic, i)
            self.assertEqual([m.offset for m in left], list(range(len(left))))
            confirmed = client.send_messages(stream, topic, [b"new"], wire.to_partition(i))
            self.assertEqual(confirmed[3], len(left))

    def test_deleting_segments_spares_the_active_one(self):
        client = self.client()
        client.create_stream(self.name)
        client.create_topic(self.name, "t", 1, {"segment_size": 1 << 20})
        for _ in range(5):
            client.send_messages(self.name, "t", [bytes(700_000)])
        segments = client.get_topic(self.name, "t")["partitions"][0]["segments"]
        self.assertGreater(segments, 2)
        client.delete_segments(self.name, "t", 0, 1)
        after = client.get_topic(self.name, "t")["partitions"][0]
        self.assertEqual((after["segments"], after["current_offset"]), (segments - 1, 4))
        first = client.poll(self.name, "t").messages[0].offset
        self.assertGreater(first, 0)
        self.assertEqual(client.poll(self.name, "t", 0, wire.OFFSET, 0).messages[0].offset, first)
        client.delete_segments(self.name, "t", 0, 1000)
        client.delete_segments(self.name, "t", 0, 1000)
        client.delete_segments(self.name, "t", 0, 0)
        after = client.get_topic(self.name, "t")["partitions"][0]
        self.assertEqual((after["segments"], after["current_offset"]), (1, 4))
        self.assertEqual(client.send_messages(self.name, "t", [b"x"])[3], 5)
        self.refused(3007, client.delete_segments, self.name, "t", 9, 1)

    def test_a_stored_offset_holds_segments_back(self):
        client = self.client()
        client.create_stream(self.name)
        client.create_topic(self.name, "t", 1, {"segment_size": 1 << 20})
        for _ in range(5):
            client.send_messages(self.name, "t", [bytes(700_000)])
        client.store_offset(self.name, "t", 0, 0)
        client.delete_segments(self.name, "t", 0, 1000)
        self.assertLessEqual(client.poll(self.name, "t").messages[0].offset, 1,
                             "what the consumer has not passed was deleted")


class Questions(Case):
    def test_one_node_is_the_whole_cluster(self):
        cluster = self.client().get_cluster()
        self.assertTrue(cluster["name"])
        self.assertEqual(len(cluster["nodes"]), 1)
        node = cluster["nodes"][0]
        self.assertEqual((node["ip"], node["tcp"]), self.server.address)
        self.assertEqual((node["role"], node["status"]), (0, 0))
        self.assertEqual((node["quic"], node["http"], node["websocket"]), (0, 0, 0))
        self.assertTrue(node["name"])

    def test_topic_options_are_described_in_the_order_of_the_catalog(self):
        client = self.client()
        described = client.describe_options(1)
        self.assertEqual(list(described), list(CATALOG))
        self.assertEqual([kind for kind, _, _ in described.values()],
                         [2, 12, 12, 12, 2, 2, 11, 12, 3])
        for key, (kind, default, text) in described.items():
            value = default.decode() if kind == 2 else int.from_bytes(default, "little")
            self.assertEqual(value, CATALOG[key], key)
            self.assertTrue(text, key)
        self.assertEqual((client.describe_options(2), client.describe_options(3)), ({}, {}))
        for body in (b"\0", b"\x04", b"\xff"):
            self.assertEqual(client.read(wire.DESCRIBE_OPTIONS, body).status, 3)

    def test_flushing_is_not_offered(self):
        client = self.client()
        stream, topic = self.topic(client)
        body = wire.identifier(stream) + wire.identifier(topic) + struct.pack("<IB", 0, 1)
        self.assertEqual(client.read(wire.FLUSH, body).status, 5)

    def test_clients_are_numbered_and_listed_before_and_after_login(self):
        client = self.client()
        me = client.get_me()
        self.assertEqual((me["user_id"], me["transport"], me["groups"]), (0, 1, []))
        host, port = client.socket.getsockname()
        self.assertEqual(me["address"], f"{host}:{port}")
        self.assertEqual(client.get_client(me["id"]), me)
        stranger = self.connect()
        stranger.read(wire.PING)
        host, port = stranger.socket.getsockname()
        listed = {each["address"]: each for each in client.get_clients()}
        self.assertEqual(listed[me["address"]]["id"], me["id"])
        seen = listed[f"{host}:{port}"]
        self.assertEqual(seen["user_id"], 0xFFFFFFFF)
        self.assertGreater(seen["id"], me["id"])
        stranger.close()
        end = time.monotonic() + 30
        while client.get_client(seen["id"]) is not None:
            self.assertLess(time.monotonic(), end, "a closed connection stays listed")
            time.sleep(0.01)

    def test_clients_that_never_were_are_an_empty_answer(self):
        client = self.client()
        for number in (0, 0xFFFFFFFF, 1_000_000):
            self.assertIsNone(client.get_client(number))

    def test_a_logged_out_client_is_listed_without_user(self):
        client, other = self.client(), self.client()
        number = other.get_me()["id"]
        self.assertEqual(client.get_client(number)["user_id"], 0)
        other.logout()
        other.ping()
        self.assertEqual(client.get_client(number)["user_id"], 0xFFFFFFFF)

    def test_every_field_of_the_statistics_is_true(self):
        server = self.own_server()
        server.start()
        client = self.client(server)
        client.create_stream("s")
        client.create_topic("s", "t", 3)
        client.create_topic("s", "u", 2)
        client.send_messages("s", "t", [b"12345"] * 3)
        client.send_messages("s", "t", [wire.Message(b"x" * 12, b"h" * 12)])
        stats = client.get_stats()
        self.assertEqual({key: stats[key] for key in (
            "streams", "topics", "partitions", "segments", "messages", "messages_size", "clients",
            "groups", "cache_entries")},
            {"streams": 1, "topics": 2, "partitions": 5, "segments": 5, "messages": 4,
             "messages_size": 743, "clients": 1, "groups": 0, "cache_entries": 0})
        self.assertEqual(stats["process_id"], server.process.pid)
        self.assertLess(abs(stats["memory_usage"] - server.resident_bytes()), 8 << 20)
        pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        self.assertLess(abs(stats["total_memory"] - pages), 64 << 20)
        self.assertTrue(0 < stats["available_memory"] <= stats["total_memory"])
        now = time.time() * 1e6
        self.assertLess(abs(now - stats["start_time"]), 60e6)
        self.assertLess(abs(now - stats["start_time"] - stats["run_time"]), 20e6)
        self.assertGreater(stats["written_bytes"], 0)
        self.assertTrue(0 <= stats["cpu_usage"] <= 100 * os.cpu_count() + 1)
        self.assertTrue(0 <= stats["total_cpu_usage"] <= 101)
        self.assertEqual(stats["hostname"], socket.gethostname())
        self.assertEqual(stats["kernel_version"], os.uname().release)
        for key in ("os_name", "os_version", "server_version"):
            self.assertTrue(stats[key], key)
        self.assertGreater(stats["server_version_number"], 0)
        threads = len(os.listdir(f"/proc/{server.process.pid}/task"))
        self.assertLessEqual(abs(stats["threads"] - threads), 4)
        disk = os.statvfs(server.data)
        self.assertEqual(stats["total_disk"], disk.f_blocks * disk.f_frsize)
        self.assertLess(abs(stats["free_disk"] - disk.f_bavail * disk.f_frsize), 2 << 30)
