"""Messages of generation 1: sent, polled by every strategy, refused by number, and read by clients
of the other generation."""

import os
import random
import socket
import struct
import time

import wire_format as v2
import wire_v1 as v1
from case import deadline
from case_v1 import CaseV1
from wire_format import identifier, xxh32
from wire_v1 import MessageV1

# One header of each kind: key kind, key, value kind, value.
SIZES = {1: 9, 2: 7, 3: 1, 4: 1, 5: 2, 6: 4, 7: 8, 8: 16, 9: 1, 10: 2, 11: 4, 12: 8, 13: 16, 14: 4,
         15: 8}


def header(kind, size, key=b"key"):
    value = b"\x01" * size if kind == 3 else os.urandom(size).hex().encode()[:size]
    return (struct.pack("<BI", 2, len(key)) + key + struct.pack("<BI", kind, len(value)) + value)


ALL_HEADERS = b"".join(header(kind, size, b"key-%d" % kind) for kind, size in SIZES.items())


def some_messages():
    """Empty and large, with and without headers, with ids and times of all sorts."""
    time_us = 1_776_000_000_000_000
    return [MessageV1(b"", b"", os.urandom(16), time_us),
            MessageV1(b"x", ALL_HEADERS, os.urandom(16), time_us + 5),
            MessageV1(os.urandom(100_000), b"", b"\xff" * 16, time_us + 3),
            MessageV1(b"headers only", ALL_HEADERS * 3, bytes(15) + b"\x01", time_us + 0xFFFFFFFF),
            MessageV1(b"not TLV", b"\x00anything\xff", os.urandom(16), time_us)]


class Sends(CaseV1):

    def test_messages_come_back_as_they_were_sent(self):
        client = self.older()
        where = self.topic_v1(client)
        sent = some_messages()
        client.send(*where, sent)
        polled = client.poll(*where)
        self.assertEqual([m.content() for m in polled.messages], [m.content() for m in sent])
        self.assertEqual(len({m.timestamp for m in polled.messages}), 1)
        self.assertEqual((polled.partition, polled.current_offset), (0, len(sent) - 1))

    def test_what_the_server_assigns_is_not_the_clients(self):
        client = self.older()
        where = self.topic_v1(client)
        client.send(*where, [MessageV1(b"a", offset=7, timestamp=99, checksum=5, reserved=8),
                             MessageV1(b"b", offset=9)])
        first, second = client.poll(*where).messages
        self.assertEqual((first.offset, second.offset), (0, 1))
        self.assertGreater(first.timestamp, 1_700_000_000_000_000)

    def test_messages_without_an_id_get_random_ones(self):
        client = self.older()
        where = self.topic_v1(client)
        client.send(*where, [b"x"] * 100)
        ids = [m.id for m in client.poll(*where).messages]
        self.assertEqual(len(set(ids)), 100)
        self.assertEqual({id[6] >> 4 for id in ids}, {4})

    def test_origin_times_far_apart_are_kept(self):
        client = self.older()
        where = self.topic_v1(client)
        times = [0, 1_776_000_000_000_000, 1, (1 << 64) - 1, 1_776_000_000_000,
                 1_776_000_000_000_001]
        times += [random.Random(4).getrandbits(64) for _ in range(60)]
        sent = [MessageV1(b"%d" % i, id=os.urandom(16), origin_timestamp=t) for i,
                t in enumerate(times)]
        client.send(*where, sent)
        polled = client.poll(*where)
        self.assertEqual([m.content() for m in polled.messages], [m.content() for m in sent])
        self.assertEqual(client.get_topic(*where)["size"], sum(64 + len(m.payload) for m in sent))

    def test_each_fault_of_a_send_has_its_number(self):
        client = self.older()
        stream, topic = self.topic_v1(client)
        good = v1.send_body(stream, topic, v1.to_partition(0), [b"one", b"two"])
        index = 4 + struct.unpack_from("<I", good)[0]
        first = index + 32

        def patched(at, data):
            return good[:at] + data + good[at + len(data):]

        long_headers = v1.send_body(stream, topic, v1.to_partition(0),
                                    [MessageV1(b"x", bytes(100_001))])
        cases = [(b"", 3), (b"\x01\x00\x00", 3), (struct.pack("<I", 5000) + good[4:], 3),
                 (patched(4, b"\x03"), 6), (patched(5, b"\x00"), 6),
                 (v1.send_body(stream, topic, b"\x04\x00", [b"x"]), 3),
                 (v1.send_body(stream, topic, b"\x02\x03abc", [b"x"]), 3),
                 (v1.send_body(stream, topic, b"\x01\x01a", [b"x"]), 3),
                 (v1.send_body(stream, topic, v1.to_partition(0), [b"x"], count=100), 3),
                 (v1.send_body(stream, topic, v1.to_partition(0), []), 4009),
                 (v1.send_body("missing", topic, v1.to_partition(0), []), 4009),
                 (patched(index, b"\x01"), 4031), (patched(index + 8, b"\x01"), 4032),
                 (patched(index + 4, struct.pack("<I", 10)), 4033),
                 (patched(index + 4, struct.pack("<I", 1 << 31)), 4033),
                 (patched(first + 52, struct.pack("<I", 500)), 4033),
                 (long_headers, 4017),
                 (patched(first + 24, b"\x05"), 4100),
                 (patched(index + 20, b"\x01\x00\x00\x00"), 10011),
                 (good + b"more", 4036),
                 (v1.send_body("missing", topic, v1.to_partition(0), [b"x"]), 1009),
                 (v1.send_body(stream, "missing", v1.to_partition(0), [b"x"]), 2010),
                 (v1.send_body(stream, topic, v1.to_partition(7), [b"x"]), 3007)]
        for number, (body, error) in enumerate(cases):
            with self.subTest(number=number, error=error):
                self.assertEqual(client.raw(v1.frame(v1.SEND, body)), (error, b""))
        self.assertEqual(client.poll(stream, topic).messages, [])
        client.send(stream, topic, [MessageV1(b"x", bytes(100_000))])

    def test_unknown_bytes_in_the_metadata_are_skipped(self):
        client = self.older()
        stream, topic = self.topic_v1(client)
        for more in (b"z", bytes(300), bytes(5000)):
            client.void(v1.SEND, v1.send_body(stream, topic, v1.to_partition(0), [b"m"],
                                              metadata_more=more))
        self.assertEqual(len(client.poll(stream, topic).messages), 3)

    def test_a_payload_above_the_limit_is_refused(self):
        client = self.older()
        stream, topic = self.topic_v1(client)
        body = v1.send_body(stream, topic, v1.to_partition(0), [bytes(64_000_001)])
        self.assertEqual(client.raw(v1.frame(v1.SEND, body)), (4022, b""))
        client.ping()

    @deadline(60)
    def test_the_largest_message_goes_through(self):
        client = self.older()
        stream, topic = self.topic_v1(client)
        message = MessageV1(os.urandom(1_000_000) * 64, os.urandom(100_000), os.urandom(16))
        client.send(stream, topic, [message])
        client.send(stream, topic, [b"after"])
        polled = client.poll(stream, topic)
        self.assertEqual(polled.messages[0].content(), message.content())

    def test_balanced_sends_take_turns_from_partition_zero(self):
        client = self.older()
        stream, topic = self.topic_v1(client, 3)
        for number in range(6):
            client.send(stream, topic, [b"%d" % number], v1.BALANCED)
            client.send(stream, topic, [b"other"], v1.to_partition(2))
        found = [[m.payload for m in client.poll(stream, topic, partition).messages]
                 for partition in range(3)]
        self.assertEqual(found[:2], [[b"0", b"3"], [b"1", b"4"]])
        self.assertEqual([payload for payload in found[2] if payload != b"other"], [b"2", b"5"])

    def test_a_key_goes_where_every_client_expects_it(self):
        client = self.older()
        stream, topic = self.topic_v1(client, 3)
        keys = [b"key-0", b"key-100", b"key-200", b"k-0", b"k-100", b"k-200", b""]
        for key, wanted in zip(keys, [1, 1, 1, 2, 0, 1, 1]):
            self.assertEqual(xxh32(key) % 3, wanted)
            client.send(stream, topic, [key], v1.by_key(key))
            payloads = [m.payload for m in client.poll(stream, topic, wanted).messages]
            self.assertIn(key, payloads)

    def test_many_small_messages_in_one_request(self):
        client = self.older()
        where = self.topic_v1(client)
        sent = [MessageV1(b"", id=struct.pack("<QQ", i, 1)) for i in range(50_000)]
        client.send(*where, sent)
        polled = client.poll(*where, count=100_000)
        self.assertEqual([m.id for m in polled.messages], [m.id for m in sent])


class Polls(CaseV1):

    def test_every_strategy_finds_its_start(self):
        client = self.older()
        where = self.topic_v1(client)
        for start in range(0, 100, 7):
            client.send(*where, [b"%d" % i for i in range(start, min(start + 7, 100))])

        def polled(*arguments, **fields):
            return [int(m.payload) for m in client.poll(*where, *arguments, **fields).messages]

        self.assertEqual(polled(count=1000), list(range(100)))
        self.assertEqual(polled(strategy=v1.FIRST, count=10), list(range(10)))
        for value, count in ((0, 1), (3, 9), (6, 2), (13, 30), (99, 5), (98, 1)):
            self.assertEqual(polled(strategy=v1.OFFSET, value=value, count=count),
                             list(range(value, min(value + count, 100))))
        self.assertEqual(polled(strategy=v1.LAST, count=10), list(range(90, 100)))
        self.assertEqual(polled(strategy=v1.LAST, count=1000), list(range(100)))
        self.assertEqual(polled(strategy=v1.OFFSET, value=100), [])
        self.assertEqual(polled(count=0), [])
        times = [m.timestamp for m in client.poll(*where, count=100).messages]
        for value in sorted(set(times)):
            self.assertEqual(polled(strategy=v1.TIMESTAMP, value=value),
                             list(range(times.index(value), 100)))
        self.assertEqual(polled(strategy=v1.TIMESTAMP, value=times[-1] + 10**12), [])
        self.assertEqual(polled(strategy=v1.NEXT, count=30, commit=True, by=5), list(range(30)))
        self.assertEqual(polled(strategy=v1.NEXT, count=30, commit=True, by=5), list(range(30, 60)))
        self.assertEqual(client.get_offset(5, *where), (0, 99, 59))

    def test_nothing_is_an_empty_reply(self):
        client = self.older()
        where = self.topic_v1(client, 2)
        body = v1.consumer(1) + identifier(where[0]) + identifier("t") + v1.optional_partition(1)
        strategy = struct.pack("<BQIB", v1.FIRST, 0, 10, 1)
        self.assertEqual(client.call(v1.POLL, body + strategy), struct.pack("<IQI", 1, 0, 0))
        client.send(*where, [b"a", b"b"], v1.to_partition(1))
        polled = client.poll(*where, 1, count=0)
        self.assertEqual((polled.partition, polled.current_offset, polled.messages), (1, 1, []))

    def test_each_fault_of_a_poll_has_its_number(self):
        client = self.older()
        stream, topic = self.topic_v1(client)
        self.refused(1009, client.poll, "missing", topic)
        self.refused(2010, client.poll, stream, "missing")
        self.refused(3007, client.poll, stream, topic, 5)
        self.refused(3, client.poll, stream, topic, strategy=6)
        self.refused(3, client.poll, stream, topic, strategy=0)

    def test_without_a_partition_it_is_partition_zero(self):
        client = self.older()
        where = self.topic_v1(client, 2)
        client.send(*where, [b"zero"])
        self.assertEqual(client.poll(*where, None).messages[0].payload, b"zero")
        client.store_offset(1, *where, 0, None)
        self.assertEqual(client.get_offset(1, *where, None), (0, 0, 0))

    def test_stored_offsets_follow_the_rules(self):
        client = self.older()
        where = self.topic_v1(client)
        self.refused(4100, client.store_offset, 1, *where, 0)
        client.send(*where, [b"a", b"b", b"c"])
        self.assertIsNone(client.get_offset(1, *where))
        client.store_offset(1, *where, 2)
        client.store_offset(1, *where, 1)
        self.assertEqual(client.get_offset(1, *where), (0, 2, 1))
        self.refused(4100, client.store_offset, 1, *where, 3)
        client.delete_offset(1, *where)
        self.refused(3021, client.delete_offset, 1, *where)
        for call, more in ((client.store_offset, (0,)), (client.delete_offset, ())):
            self.refused(1009, call, 1, "missing", "t", *more)
            self.refused(2010, call, 1, where[0], "missing", *more)
            self.refused(3007, call, 1, *where, *more, 9)
        self.assertIsNone(client.get_offset(1, "missing", "t"))
        self.assertIsNone(client.get_offset(1, *where, 9))
        client.store_offset("name", *where, 2)
        self.assertEqual(client.get_offset("name", *where), (0, 2, 2))

    @deadline(60)
    def test_a_poll_larger_than_a_piece_comes_whole(self):
        client = self.older()
        where = self.topic_v1(client)
        sent = [MessageV1(os.urandom(size), id=os.urandom(16)) for size in
                [1000] * 300 + [70_000] * 10 + [300_000, 5, 1_000_000, 65_536, 65_535, 65_537] * 3]
        for start in range(0, len(sent), 37):
            client.send(*where, sent[start:start + 37])
        for first, count in ((0, 1000), (17, 251), (290, 39)):
            polled = client.poll(*where, strategy=v1.OFFSET, value=first, count=count)
            self.assertEqual([m.content() for m in polled.messages],
                             [m.content() for m in sent[first:first + count]])

    @deadline(60)
    def test_a_slow_reader_gets_everything(self):
        client = self.older(timeout=30)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
        where = self.topic_v1(client)
        sent = [MessageV1(os.urandom(100_000), id=os.urandom(16)) for _ in range(100)]
        for start in range(0, 100, 20):
            client.send(*where, sent[start:start + 20])
        body = (v1.consumer(1) + identifier(where[0]) + identifier("t") + v1.optional_partition(0) +
                struct.pack("<BQIB", v1.FIRST, 0, 100, 0))
        client.send_bytes(v1.frame(v1.POLL, body))
        time.sleep(2.5)  # longer than a reader may hold what was lent
        self.older().ping()
        status, reply = client.receive()
        self.assertEqual(status, 0)
        self.assertEqual([m.content() for m in v1.decode_polled(reply).messages],
                         [m.content() for m in sent])


class BothGenerations(CaseV1):

    def test_what_0_8_sends_0_9_reads(self):
        older, newer = self.older(), self.client()
        where = self.topic_v1(older)
        sent = some_messages()
        older.send(*where, sent)
        polled = newer.poll(*where)
        self.assertEqual([(m.id.to_bytes(16, "little"), m.origin_timestamp, m.payload,
                           m.user_headers)
                          for m in polled.messages], [m.content() for m in sent])
        again = older.poll(*where)
        self.assertEqual([(m.offset, m.timestamp) for m in polled.messages],
                         [(m.offset, m.timestamp) for m in again.messages])

    def test_what_0_9_sends_0_8_reads(self):
        older, newer = self.older(), self.client()
        where = self.topic(newer)
        sent = [v2.Message(b"", b"", 1), v2.Message(b"x" * 70_000, ALL_HEADERS, 1 << 127, 5),
                v2.Message(b"y", b"raw bytes", (1 << 128) - 1, 0xFFFFFFFF)]
        newer.send_messages(*where, sent)
        newer.send_messages(*where, [b"second batch"])
        read = newer.poll(*where).messages
        polled = older.poll(*where).messages
        self.assertEqual([m.content() for m in polled],
                         [(m.id.to_bytes(16, "little"), m.origin_timestamp, m.payload,
                           m.user_headers)
                          for m in read])
        self.assertEqual([m.timestamp for m in polled], [m.timestamp for m in read])
        self.assertEqual([(m.id, m.payload, m.user_headers) for m in read[:3]],
                         [(m.id, m.payload, m.user_headers) for m in sent])

    def test_a_poll_of_0_8_cuts_a_batch_of_0_9(self):
        older, newer = self.older(), self.client()
        where = self.topic(newer)
        newer.send_messages(*where, [b"%d" % i for i in range(100)])
        for first, count in ((0, 1), (10, 33), (99, 10), (50, 50)):
            polled = older.poll(*where, strategy=v1.OFFSET, value=first, count=count)
            self.assertEqual([int(m.payload) for m in polled.messages],
                             list(range(first, min(100, first + count))))

    def test_offsets_and_keys_are_shared(self):
        older, newer = self.older(), self.client()
        where = self.topic_v1(older, 3)
        for number in range(30):
            key = b"key-%d" % number
            older.send(*where, [key], v1.by_key(key))
            newer.send_messages(*where, [key], v2.by_key(key))
        for partition in range(3):
            payloads = [m.payload for m in older.poll(*where, partition).messages]
            self.assertEqual(payloads[::2], payloads[1::2])
        older.store_offset("app", *where, 3, 1)
        self.assertEqual(newer.get_offset(*where, 1, "app")[2], 3)

    def test_a_topic_of_0_8_shows_its_settings_to_0_9(self):
        older, newer = self.older(), self.client()
        older.create_stream(self.name)
        older.create_topic(self.name, "t", 1, compression=2, expiry=77_000_000, size=5 << 30)
        found = newer.get_topic(self.name, "t")
        self.assertEqual((found["compression"], found["message_expiry"], found["max_topic_size"]),
                         (2, 77_000_000, 5 << 30))
        self.assertEqual(set(found["explicit"]), {"compression_algorithm", "message_expiry",
                                                  "max_topic_size"})


class Waiting(CaseV1):
    """A server that was told to let every poll wait."""

    options = {"config": "[poll]\nwait = \"5 s\"\n"}

    def test_an_empty_poll_waits_for_a_message(self):
        reader, writer = self.older(), self.older()
        stream, topic = self.topic_v1(reader)
        body = (v1.consumer(1) + identifier(stream) + identifier(topic) + v1.optional_partition(0) +
                struct.pack("<BQIB", v1.NEXT, 0, 10, 0))
        reader.send_bytes(v1.frame(v1.POLL, body))
        reader.socket.settimeout(0.2)
        with self.assertRaises(TimeoutError):
            reader.socket.recv(1)
        reader.socket.settimeout(10)
        writer.send(stream, topic, [b"at last"])
        _, polled = reader.receive()
        self.assertEqual([m.payload for m in v1.decode_polled(polled).messages], [b"at last"])

    def test_what_waits_does_not_hold_up_what_follows(self):
        client = self.older()
        stream, topic = self.topic_v1(client)
        body = (v1.consumer(1) + identifier(stream) + identifier(topic) + v1.optional_partition(0) +
                struct.pack("<BQIB", v1.NEXT, 0, 10, 0))
        begin = time.monotonic()
        client.send_bytes(v1.frame(v1.POLL, body) + v1.frame(v1.PING))
        self.assertEqual(client.receive(), (0, struct.pack("<IQI", 0, 0, 0)))
        self.assertEqual(client.receive(), (0, b""))
        self.assertLess(time.monotonic() - begin, 4)
