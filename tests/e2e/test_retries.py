"""A send that comes again (wire-v2 5.3): stored once, answered as the first time."""

import struct

import wire_format as wire
from case import Case
from wire_format import Message


class Retries(Case):
    def sender(self, client_id=None, server=None):
        client = self.client(server)
        if client_id is not None:
            client.logout()
            client.client_id = client_id
            client.register()
        return client

    def send(self, client, frame):
        client.send(frame)
        return wire.confirmation(client.receive().payload())[2:]

    def test_a_repeated_send_is_stored_once_and_gets_the_first_answer(self):
        client = self.client()
        stream, topic = self.topic(client)
        first = client.send_frame(stream, topic, [Message(b"one", id=1), Message(b"two", id=2)])
        self.assertEqual(self.send(client, first), (0, 0))
        self.assertEqual(client.send_messages(stream, topic, [b"three"])[3], 2)
        for _ in range(3):
            self.assertEqual(self.send(client, first), (0, 0))
        self.assertEqual(client.poll(stream, topic).payloads, [b"one", b"two", b"three"])

    def test_the_number_alone_proves_nothing(self):
        client = self.client()
        stream, topic = self.topic(client)
        for i in range(20):
            frame = client.send_frame(stream, topic, [Message(b"%d" % i, id=i + 1)], request=7)
            self.assertEqual(self.send(client, frame), (0, i))
        self.assertEqual(len(client.poll(stream, topic).messages), 20)

    def test_the_body_alone_proves_nothing(self):
        client = self.client()
        stream, topic = self.topic(client)
        for i in range(5):
            frame = client.send_frame(stream, topic, [Message(b"same", id=1)])
            self.assertEqual(self.send(client, frame), (0, i))
        self.assertEqual(self.client().send_messages(stream, topic, [Message(b"same", id=1)])[3], 5)

    def test_a_repeated_deletion_of_segments_deletes_no_more(self):
        client = self.client()
        client.create_stream(self.name)
        client.create_topic(self.name, "t", 1, {"segment_size": 1 << 20})
        for _ in range(12):
            client.send_messages(self.name, "t", [bytes(700_000)])

        def first_offset():
            return client.poll(self.name, "t", count=1).messages[0].offset

        body = wire.identifier(self.name) + wire.identifier("t") + struct.pack("<II", 0, 1)
        deletion = client.frame(wire.DELETE_SEGMENTS, body)
        for _ in range(3):
            client.send(deletion)
            self.assertEqual(client.receive().payload(), b"")
            self.assertEqual(first_offset(), 2)
        for _ in range(4):  # its answer was lost: connections go to the cores in turn
            again = self.sender(client.client_id)
            copy = bytearray(deletion)
            copy[184:192] = again.session.to_bytes(8, "little")
            again.send(bytes(copy))
            self.assertEqual(again.receive().payload(), b"")
        client = self.client()
        self.assertEqual(first_offset(), 2)
        client.delete_segments(self.name, "t", 0, 1)
        self.assertEqual(first_offset(), 4)

    def test_a_repeated_send_over_another_connection_is_stored_once(self):
        first = self.client()
        stream, topic = self.topic(first, 8)
        for where in (wire.to_partition(3), wire.BALANCED, wire.by_key(b"k")):
            frame = first.send_frame(stream, topic, [Message(b"x", id=1)], where)
            answer = self.send(first, frame)
            for _ in range(4):  # connections go to the cores in turn
                again = self.sender(first.client_id)
                copy = bytearray(frame)
                copy[184:192] = again.session.to_bytes(8, "little")
                self.assertEqual(self.send(again, bytes(copy)), answer)
            first = self.sender()
        served = sum(len(first.poll(stream, topic, i).messages) for i in range(8))
        self.assertEqual(served, 3)

    def test_a_repeated_send_is_not_doubled_while_the_first_is_in_flight(self):
        client = self.client()
        stream, topic = self.topic(client)
        frames = [client.send_frame(stream, topic, [Message(b"%d" % i, id=i + 1)])
                  for i in range(5)]
        client.send(b"".join(frame * 3 for frame in frames))
        answers = [wire.confirmation(client.receive().payload())[3] for _ in range(15)]
        self.assertEqual(answers, [i // 3 for i in range(15)])
        self.assertEqual(len(client.poll(stream, topic).messages), 5)

    def test_after_a_purge_a_send_is_new(self):
        client = self.client()
        stream, topic = self.topic(client)
        frame = client.send_frame(stream, topic, [Message(b"x", id=1)])
        self.assertEqual(self.send(client, frame), (0, 0))
        client.purge_topic(stream, topic)
        self.assertEqual(self.send(client, frame), (0, 0))
        self.assertEqual(client.poll(stream, topic).payloads, [b"x"])
