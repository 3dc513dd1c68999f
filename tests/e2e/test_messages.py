"""Sending, reading and remembering: wire-v2 4.6 to 4.8, behaviour.md section 5."""

import struct
import time

import wire_format as wire
from case import Case, deadline
from wire_format import Message


def with_frames(messages, **faults):
    frames = [wire.encode_frame(Message.of(message), i) for i, message in enumerate(messages)]
    return wire.encode_batch_of(frames, 1000, **faults)


class Sending(Case):
    def test_what_was_sent_comes_back_with_the_same_bytes(self):
        client = self.client()
        stream, topic = self.topic(client)
        header = b"\x02" + struct.pack("<I", 3) + b"key" + b"\x02" + struct.pack("<I", 5) + b"value"
        sent = [Message(b"first", header, id=7, timestamp_delta=5), Message(bytes(1000), id=8)]
        numbers = client.send_messages(stream, topic, sent)
        self.assertEqual(numbers, (client.get_stream(stream)["id"], 0, 0, 0))
        served = client.poll(stream, topic).messages
        self.assertEqual([(m.payload, m.user_headers, m.id, m.timestamp_delta) for m in served],
                         [(m.payload, m.user_headers, m.id, m.timestamp_delta) for m in sent])
        self.assertEqual(len({message.timestamp for message in served}), 1)
        self.assertLess(abs(served[0].timestamp - time.time() * 1e6), 60e6)

    def test_headers_of_every_kind_come_back_byte_for_byte(self):
        client = self.client()
        stream, topic = self.topic(client)
        sizes = {1: 7, 2: 5, 3: 1, 4: 1, 5: 2, 6: 4, 7: 8, 8: 16, 9: 1, 10: 2, 11: 4, 12: 8, 13: 16,
                 14: 4, 15: 8}

        def field(kind, data):
            return bytes([kind]) + struct.pack("<I", len(data)) + data

        entries = [field(2, b"key of %d" % kind) + field(kind, bytes(range(1, size + 1)))
                   for kind, size in sizes.items()]
        sent = [Message(b"one", entry, id=i + 1) for i, entry in enumerate(entries)]
        sent += [Message(b"all", b"".join(entries), id=100), Message(b"none", b"", id=101)]
        largest = b"".join(field(2, b"key %d" % i) + field(1, bytes(255)) for i in range(373))
        sent.append(Message(b"many", largest[:100_000], id=102))
        client.send_messages(stream, topic, sent)
        served = client.poll(stream, topic).messages
        self.assertEqual([m.user_headers for m in served], [m.user_headers for m in sent])

    def test_names_and_numbers_lead_to_the_same_partition(self):
        client = self.client()
        stream, topic = self.topic(client)
        number = client.get_stream(stream)["id"]
        for i, (s, t) in enumerate(((stream, topic), (number, topic), (stream, 0), (number, 0))):
            self.assertEqual(client.send_messages(s, t, [b"%d" % i])[3], i)
            self.assertEqual(len(client.poll(s, t).messages), i + 1)

    def test_an_empty_payload_is_a_message(self):
        client = self.client()
        stream, topic = self.topic(client)
        client.send_messages(stream, topic, [b"", b"x", b""])
        self.assertEqual(client.poll(stream, topic).payloads, [b"", b"x", b""])

    def test_offsets_rise_by_one_a_message_over_all_senders(self):
        clients = [self.client() for _ in range(4)]
        stream, topic = self.topic(clients[0])
        expected = 0
        for turn in range(40):
            count = turn % 7 + 1
            numbers = clients[turn % 4].send_messages(stream, topic, [b"x"] * count)
            self.assertEqual(numbers[3], expected)
            expected += count
        messages = clients[0].poll_all(stream, topic)
        self.assertEqual([message.offset for message in messages], list(range(expected)))

    def test_broken_batches_are_refused_and_leave_nothing(self):
        client = self.client()
        stream, topic = self.topic(client)
        good = wire.encode_batch([b"one", b"two"])

        def flipped(position):
            data = bytearray(good)
            data[position] ^= 1
            return bytes(data)

        for story, batch, count, numbers in (
                ("no batch", b"", 1, 3), ("half a header", good[:200], 2, 3),
                ("last byte missing", good[:-1], 2, 3), ("a byte too many", good + b"\0", 2, 3),
                ("count 0", with_frames([], count=0), 0, {3, 4009}),
                ("count differs from metadata", good, 3, 3),
                ("count above frames", with_frames([b"one"], count=2), 2, 3),
                ("count below frames", with_frames([b"one", b"two"], count=1), 1, 3),
                ("length too small", with_frames([b"one"], length=300), 1, 3),
                ("length huge", with_frames([b"one"], length=1 << 63), 1, 3),
                ("reserved bytes of the batch", with_frames([b"one"], reserved=b"\1" + bytes(203)),
                 1, 3),
                ("last reserved byte", with_frames([b"one"], reserved=bytes(203) + b"\1"), 1, 3),
                ("payload changed", flipped(len(good) - 1), 2, 4027),
                ("message id changed", flipped(256 + 8), 2, 4027),
                ("frame checksum changed", flipped(256), 2, {4027, 4039}),
                ("batch checksum changed", flipped(40), 2, 4039),
                ("origin time changed", flipped(24), 2, 4039)):
            with self.subTest(story):
                self.refused(numbers, client.send_batch, stream, topic, batch, count)
        self.assertEqual(client.poll(stream, topic).messages, [])
        self.assertEqual(client.send_batch(stream, topic, good, 2)[3], 0)

    def test_broken_frames_are_refused_even_with_right_checksums(self):
        client = self.client()
        stream, topic = self.topic(client)

        def frame(delta, reserved=0):
            return wire.encode_frame(Message.of(b"x"), delta, reserved)

        def lying(headers_length, payload_length):
            data = bytearray(frame(0))
            data[32:40] = struct.pack("<II", headers_length, payload_length)
            data[:8] = struct.pack("<Q", wire.xxh3(bytes(data[8:])))
            return bytes(data)

        for story, frames in (("reserved bytes", [frame(0, reserved=1)]),
                              ("deltas that repeat", [frame(0), frame(0)]),
                              ("deltas that jump", [frame(0), frame(2)]),
                              ("deltas from one", [frame(1)]),
                              ("payload length too large", [lying(0, 2)]),
                              ("payload length huge", [lying(0, 0xFFFFFFFF)]),
                              ("headers length huge", [lying(0xFFFFFFFF, 1)]),
                              ("lengths that wrap around", [lying(0xFFFFFFFF, 2)])):
            with self.subTest(story):
                batch = wire.encode_batch_of(frames, 1000)
                self.refused({3, 4036}, client.send_batch, stream, topic, batch, len(frames))
        self.assertEqual(client.poll(stream, topic).messages, [])

    def test_broken_metadata_of_a_send_is_refused(self):
        client = self.client()
        stream, topic = self.topic(client)
        good = wire.send_body(stream, topic, wire.to_partition(0), wire.encode_batch([b"x"]), 1)
        length = struct.unpack_from("<I", good)[0]
        for story, body in (
                ("empty", b""), ("three bytes", good[:3]), ("cut metadata", good[:length]),
                ("length one less", struct.pack("<I", length - 1) + good[4:]),
                ("length one more", struct.pack("<I", length + 1) + good[4:]),
                ("length huge", struct.pack("<I", 0xFFFFFFFF) + good[4:]),
                ("length 0", bytes(4) + good[4:])):
            with self.subTest(story):
                self.assertEqual(client.call(wire.SEND_MESSAGES, body).error, 3)
        for story, where in (("kind 4", b"\x04\0"), ("balanced with a value", b"\x01\x01x"),
                             ("partition of two bytes", b"\x02\x02\0\0"), ("kind 0", b"\0\0")):
            with self.subTest(story):
                self.refused(3, client.send_messages, stream, topic, [b"x"], where)
        self.assertEqual(client.poll(stream, topic).messages, [])

    def test_a_send_to_nowhere_is_refused_with_20(self):
        client = self.client()
        stream, topic = self.topic(client)
        self.refused(20, client.send_messages, "nowhere", topic, [b"x"])
        self.refused(20, client.send_messages, stream, "nowhere", [b"x"])
        self.refused(20, client.send_messages, stream, topic, [b"x"], wire.to_partition(1))
        self.refused(20, client.send_messages, stream, topic, [b"x"], wire.to_partition(0xFFFFFFFF))
        client.create_topic(stream, "empty", 0)
        for where in (wire.BALANCED, wire.by_key(b"k"), wire.to_partition(0)):
            self.refused({20, 2010, 3007}, client.send_messages, stream, "empty", [b"x"], where)

    def test_a_key_always_leads_to_its_hash(self):
        client = self.client()
        stream, topic = self.topic(client, 3)
        for key in [b"key-0", b"key-100", b"k-100", b"x" * 255, b"\xff\0"] + [b"%d" % i
                                                                            for i in range(20)]:
            partition = client.send_messages(stream, topic, [key], wire.by_key(key))[2]
            self.assertEqual(partition, wire.xxh32(key) % 3)

    def test_balanced_sends_visit_every_partition(self):
        client = self.client()
        stream, topic = self.topic(client, 3)
        partitions = [client.send_messages(stream, topic, [b"x"], wire.BALANCED)[2]
                      for _ in range(9)]
        self.assertEqual(sorted(partitions), [0, 0, 0, 1, 1, 1, 2, 2, 2])

    def test_sizes_and_counts_are_exact_right_after_the_send(self):
        client = self.client()
        stream, topic = self.topic(client, 2)
        client.send_messages(stream, topic, [b"12345"] * 3)
        client.send_messages(stream, topic, [Message(b"x" * 12, b"h" * 12)])
        client.send_messages(stream, topic, [b"y"], wire.to_partition(1))
        now = client.get_topic(stream, topic)
        self.assertEqual([(p["size"], p["messages"], p["current_offset"])
                          for p in now["partitions"]], [(743, 4, 3), (305, 1, 0)])
        self.assertEqual((now["size"], now["messages"]), (1048, 5))
        whole = client.get_stream(stream)
        self.assertEqual((whole["size"], whole["messages"]), (1048, 5))

    def test_pipelined_sends_are_answered_in_order_with_rising_offsets(self):
        client = self.client()
        stream, topic = self.topic(client)
        frames = [client.send_frame(stream, topic, [b"%d" % i]) for i in range(300)]
        client.send(b"".join(frames))
        replies = [client.receive() for _ in frames]
        self.assertEqual([reply.request for reply in replies],
                         [int.from_bytes(frame[168:176], "little") for frame in frames])
        self.assertEqual([wire.confirmation(reply.payload())[3] for reply in replies],
                         list(range(300)))
        self.assertEqual([m.payload for m in client.poll_all(stream, topic)],
                         [b"%d" % i for i in range(300)])

    def test_pipelined_requests_see_what_went_before_them(self):
        """Create, create, send, poll, delete in one write: each after the one before."""
        client = self.client()
        stream = wire.identifier(self.name)
        create_topic = stream + b"\x02\0\0\0" + wire.name("t")
        frames = [client.frame(wire.CREATE_STREAM, wire.name(self.name)),
                  client.frame(wire.CREATE_TOPIC, create_topic),
                  client.send_frame(self.name, "t", [b"a", b"b"], wire.to_partition(1)),
                  client.send_frame(self.name, "t", [b"c"], wire.to_partition(1)),
                  client.frame(wire.NON_REPLICATED, wire.poll_body(self.name, "t", 1, wire.FIRST),
                               code=wire.POLL),
                  client.frame(wire.DELETE_STREAM, stream),
                  client.frame(wire.NON_REPLICATED, stream, code=wire.GET_STREAM)]
        client.send(b"".join(frames))
        replies = [client.receive() for _ in frames]
        self.assertEqual([reply.error for reply in replies], [0] * len(frames))
        self.assertEqual(wire.decode_poll(replies[4].payload()).payloads, [b"a", b"b", b"c"])
        self.assertEqual(replies[6].payload(), b"")

    def test_a_refused_send_in_a_pipeline_does_not_stop_the_others(self):
        client = self.client()
        stream, topic = self.topic(client)
        frames = [client.send_frame(stream, topic, [b"a"]),
                  client.send_frame(stream, "nowhere", [b"b"]),
                  client.send_frame(stream, topic, [b"c"])]
        client.send(b"".join(frames))
        self.assertEqual([client.receive().error for _ in frames], [0, 20, 0])
        self.assertEqual(client.poll(stream, topic).payloads, [b"a", b"c"])


class Reading(Case):
    def filled(self, batches=10, each=10):
        client = self.client()
        stream, topic = self.topic(client)
        for batch in range(batches):
            client.send_messages(stream, topic,
                                 [b"%d" % (batch * each + i) for i in range(each)])
        return client, stream, topic

    def test_every_offset_can_be_the_start(self):
        client, stream, topic = self.filled()
        for start in range(100):
            polled = client.poll(stream, topic, 0, wire.OFFSET, start, count=15)
            self.assertEqual(polled.offsets, list(range(start, min(start + 15, 100))))
            self.assertEqual(polled.payloads[0], b"%d" % start)
            self.assertEqual(polled.current_offset, 99)

    def test_any_count_cuts_batches_into_valid_slices(self):
        client, stream, topic = self.filled()
        for count in (1, 2, 9, 10, 11, 19, 20, 99, 100, 1000):
            polled = client.poll(stream, topic, 0, wire.OFFSET, 5, count=count)
            self.assertEqual(polled.offsets, list(range(5, min(5 + count, 100))))

    def test_a_slice_keeps_base_offset_and_deltas(self):
        client = self.client()
        stream, topic = self.topic(client)
        client.send_messages(stream, topic, [b"12345"] * 3)
        polled = client.poll(stream, topic, 0, wire.LAST, count=1)
        self.assertEqual((polled.batches, polled.offsets), ([(0, 1, 309)], [2]))

    def test_first_last_and_next_start_where_they_say(self):
        client, stream, topic = self.filled()
        self.assertEqual(client.poll(stream, topic, 0, wire.FIRST, count=3).offsets, [0, 1, 2])
        self.assertEqual(client.poll(stream, topic, 0, wire.LAST, count=3).offsets, [97, 98, 99])
        self.assertEqual(client.poll(stream, topic, 0, wire.LAST, count=500).offsets,
                         list(range(100)))
        self.assertEqual(client.poll(stream, topic, 0, wire.NEXT, count=3).offsets, [0, 1, 2])
        client.store_offset(stream, topic, 0, 41)
        self.assertEqual(client.poll(stream, topic, 0, wire.NEXT, count=3).offsets, [42, 43, 44])

    def test_a_timestamp_finds_the_first_message_at_or_after_it(self):
        client = self.client()
        stream, topic = self.topic(client)
        for i in range(20):
            client.send_messages(stream, topic, [b"%d" % i] * 5)
            time.sleep(0.002)
        stamps = [message.timestamp for message in client.poll_all(stream, topic)]
        self.assertEqual(stamps, sorted(stamps))
        for value in sorted({s + shift for s in stamps for shift in (-1, 0, 1)}) + [0]:
            expected = next((i for i, stamp in enumerate(stamps) if stamp >= value), None)
            polled = client.poll(stream, topic, 0, wire.TIMESTAMP, value, count=1)
            self.assertEqual(polled.offsets, [] if expected is None else [expected])

    def test_nothing_to_read_is_sixteen_bytes(self):
        client = self.client()
        stream, topic = self.topic(client, 2)
        for strategy in (wire.OFFSET, wire.TIMESTAMP, wire.FIRST, wire.LAST, wire.NEXT):
            polled = client.poll(stream, topic, 1, strategy)
            self.assertEqual((polled.partition, polled.current_offset, polled.messages), (1, 0, []))
        client.send_messages(stream, topic, [b"x"] * 5, wire.to_partition(1))
        for strategy, value, count in ((wire.OFFSET, 5, 10), (wire.OFFSET, wire.U64_MAX, 10),
                                       (wire.TIMESTAMP, wire.U64_MAX, 10), (wire.FIRST, 0, 0),
                                       (wire.LAST, 0, 0)):
            polled = client.poll(stream, topic, 1, strategy, value, count)
            self.assertEqual((polled.partition, polled.current_offset, polled.messages), (1, 4, []))

    def test_a_poll_of_nothing_that_exists_has_its_number(self):
        client = self.client()
        stream, topic = self.topic(client)
        self.refused(1009, client.poll, "nowhere", topic)
        self.refused(2010, client.poll, stream, "nowhere")
        self.refused(3007, client.poll, stream, topic, 1)
        self.refused(3007, client.poll, stream, topic, 0xFFFFFFFF)

    def test_a_plain_consumer_without_partition_reads_partition_0(self):
        client = self.client()
        stream, topic = self.topic(client, 2)
        client.send_messages(stream, topic, [b"zero"])
        self.assertEqual(client.poll(stream, topic, None).payloads, [b"zero"])

    def test_broken_polls_are_refused(self):
        client = self.client()
        stream, topic = self.topic(client)
        good = wire.poll_body(stream, topic, 0, wire.FIRST)
        for body in (b"", good[:-1], good[:10], b"\x03" + good[1:], b"\0" + good[1:],
                     wire.poll_body(stream, topic, 0, 0), wire.poll_body(stream, topic, 0, 6),
                     wire.poll_body(stream, topic, 0, 255)):
            with self.subTest(body=body):
                self.assertIn(client.read(wire.POLL, body).error, {3, 4})

    def test_a_reader_on_another_connection_sees_a_message_once_it_is_confirmed(self):
        writer, reader = self.client(), self.client()
        stream, topic = self.topic(writer, 4)
        for i in range(200):
            partition = i % 4
            offset = writer.send_messages(stream, topic, [b"%d" % i],
                                          wire.to_partition(partition))[3]
            polled = reader.poll(stream, topic, partition, wire.OFFSET, offset)
            self.assertEqual(polled.payloads, [b"%d" % i])

    @deadline(60)
    def test_large_and_small_messages_mix_over_many_segments(self):
        client = self.client()
        client.create_stream(self.name)
        client.create_topic(self.name, "t", 1, {"segment_size": 1 << 20})
        sizes = [1, 100, 16_383, 16_384, 16_385, 65_536, 300_000, 1_048_576, 3_000_000, 4096, 0]
        sent = []
        for turn in range(3):
            for size in sizes:
                payload = bytes([turn]) * size
                self.assertEqual(client.send_messages(self.name, "t", [payload])[3], len(sent))
                sent.append(payload)
        self.assertEqual([m.payload for m in client.poll_all(self.name, "t")], sent)
        for start in (0, 7, 20, 32):
            self.assertEqual(client.poll(self.name, "t", 0, wire.OFFSET, start, 1).payloads,
                             [sent[start]])


class Offsets(Case):
    def test_a_stored_offset_is_remembered_a_consumer_and_partition(self):
        client = self.client()
        stream, topic = self.topic(client, 2)
        for partition in (0, 1):
            client.send_messages(stream, topic, [b"x"] * 10, wire.to_partition(partition))
        self.assertIsNone(client.get_offset(stream, topic, 0))
        client.store_offset(stream, topic, 0, 3)
        client.store_offset(stream, topic, 1, 9, who="reader")
        self.assertEqual(client.get_offset(stream, topic, 0), (0, 9, 3))
        self.assertIsNone(client.get_offset(stream, topic, 1))
        self.assertIsNone(client.get_offset(stream, topic, 0, who=2))
        self.assertEqual(client.get_offset(stream, topic, 1, who="reader"), (1, 9, 9))
        client.store_offset(stream, topic, 0, 1, acknowledge=0)
        self.assertEqual(client.get_offset(stream, topic, 0), (0, 9, 1), "it may go back")
        client.store_offset(stream, topic, None, 0)
        self.assertEqual(client.get_offset(stream, topic, None), (0, 9, 0))

    def test_an_offset_that_does_not_exist_cannot_be_stored(self):
        client = self.client()
        stream, topic = self.topic(client)
        self.refused(4100, client.store_offset, stream, topic, 0, 0)
        client.send_messages(stream, topic, [b"x"])
        client.store_offset(stream, topic, 0, 0)
        self.refused(4100, client.store_offset, stream, topic, 0, 1)
        self.refused(4100, client.store_offset, stream, topic, 0, wire.U64_MAX)

    def test_a_deleted_offset_is_forgotten(self):
        client = self.client()
        stream, topic = self.topic(client)
        client.send_messages(stream, topic, [b"x"] * 5)
        self.refused(3021, client.delete_offset, stream, topic, 0)
        client.store_offset(stream, topic, 0, 3)
        client.delete_offset(stream, topic, 0)
        self.assertIsNone(client.get_offset(stream, topic, 0))
        self.assertEqual(client.poll(stream, topic, 0, wire.NEXT).offsets, [0, 1, 2, 3, 4])
        self.refused(3021, client.delete_offset, stream, topic, 0)

    def test_offsets_of_nothing_that_exists(self):
        client = self.client()
        stream, topic = self.topic(client)
        self.assertIsNone(client.get_offset("nowhere", topic, 0))
        self.assertIsNone(client.get_offset(stream, "nowhere", 0))
        self.refused(3007, client.get_offset, stream, topic, 7)
        for s, t, partition in (("nowhere", topic, 0), (stream, "nowhere", 0), (stream, topic, 7)):
            self.refused({20, 1009, 2010, 3007}, client.store_offset, s, t, partition, 0)
            self.refused({20, 1009, 2010, 3007}, client.delete_offset, s, t, partition)

    def test_the_acknowledgement_byte_is_mandatory(self):
        client = self.client()
        stream, topic = self.topic(client)
        client.send_messages(stream, topic, [b"x"])
        place = wire.consumer(1) + wire.identifier(stream) + wire.identifier(topic)
        place += wire.optional_partition(0)
        reply = client.call(wire.STORE_OFFSET, place + struct.pack("<Q", 0))
        self.assertIn(reply.error, {3, 4})
        self.assertIn(client.call(wire.DELETE_OFFSET, place).error, {3, 4})
        self.assertIsNone(client.get_offset(stream, topic, 0))

    def test_auto_commit_stores_the_last_message_served(self):
        client = self.client()
        stream, topic = self.topic(client)
        client.send_messages(stream, topic, [b"%d" % i for i in range(10)])
        for expected in ([0, 1, 2], [3, 4, 5], [6, 7, 8], [9], []):
            polled = client.poll(stream, topic, 0, wire.NEXT, count=3, auto_commit=True)
            self.assertEqual(polled.offsets, expected)
            if expected:
                self.assertEqual(client.get_offset(stream, topic, 0)[2], expected[-1])
        client.poll(stream, topic, 0, wire.FIRST, count=2, auto_commit=True)
        self.assertEqual(client.get_offset(stream, topic, 0)[2], 1, "it may rewind")
        client.poll(stream, topic, 0, wire.FIRST, count=0, auto_commit=True)
        self.assertEqual(client.get_offset(stream, topic, 0)[2], 1, "count 0 commits nothing")

    def test_next_without_auto_commit_stands_still(self):
        client = self.client()
        stream, topic = self.topic(client)
        client.send_messages(stream, topic, [b"x"] * 4)
        for _ in range(3):
            self.assertEqual(client.poll(stream, topic, 0, wire.NEXT, count=2).offsets, [0, 1])
        self.assertIsNone(client.get_offset(stream, topic, 0))
