"""Frames that official clients were recorded sending, sent once more to the real server.

The registries do not have the 0.9 clients for Go, Node, C# and Java, so these frames stand for
them, with the two rules only they depend on: the request number and the op of every reply are those
of the request (Go drops the connection otherwise, Java closes the channel), whatever the numbers
are and however many requests are under way.
"""

import re
import struct
from pathlib import Path

import wire_format as wire
from case import Case, deadline
from wire_client import Closed, Connection
from wire_v1 import ClientV1

VECTORS = Path(__file__).resolve().parents[1] / "golden/vectors"
FILES = ("exchanges_clients.txt", "exchanges_reference.txt")
REQUEST, OPERATION, SESSION, CLIENT = slice(168, 176), 176, slice(184, 192), slice(128, 144)
FILES_V1 = ("exchanges_v1_clients.txt", "exchanges_v1_reference.txt")
LOGOUT_V1 = 39
INVALID_V1 = {3, 4, 6}
INVALID = {3, 4}  # what a request that cannot be understood is answered with


def bytes_of(text):
    """Hexadecimal, with [n] for n zero bytes."""
    parts = re.findall(r"\[(\d+)\]|([0-9a-f]+)", text)
    return b"".join(bytes(int(zeros)) if zeros else bytes.fromhex(digits)
                    for zeros, digits in parts)


def exchanges(name):
    """(title, request, reply) of every recorded exchange, in order."""
    for block in (VECTORS / name).read_text().split("\n= ")[1:]:
        title, *lines = block.split("\n")
        sides = {side: "".join(line[1:] for line in lines if line.startswith(side))
                 for side in "<>"}
        yield title, bytes_of(sides[">"]), bytes_of(sides["<"])


def conversations(name):
    """What each recorded client said, as one list: a client id is a connection."""
    said = {}
    for exchange in exchanges(name):
        said.setdefault(exchange[1][CLIENT], []).append(exchange)
    return said.values()


def by_client(name):
    """What each recorded client of generation 1 said; the title names it after the comma."""
    said = {}
    for exchange in exchanges(name):
        said.setdefault(exchange[0].split(", ")[1], []).append(exchange)
    return said.values()


def send_body(stream, payload, partition=0):
    where = wire.to_partition(partition)
    return wire.send_body(stream, "t", where, wire.encode_batch([payload]), 1)


class Replay(Case):
    def test_every_recorded_request_is_understood_and_echoed(self):
        count = 0
        for name in FILES:
            for conversation in conversations(name):
                with Connection(self.server.address) as connection:
                    count += self.replay(connection, conversation)
        self.assertGreater(count, 150, "most of the recorded frames were not sent")

    def replay(self, connection, conversation):
        """One connection; its session is put into the frames. Returns how many were answered."""
        session, count = None, 0
        for title, request, recorded in conversation:
            if request[OPERATION] == wire.REGISTER:
                session = None
            elif session:
                request = request[:184] + struct.pack("<Q", session) + request[192:]
            connection.send(request)
            try:
                reply = connection.receive()
            except Closed:
                self.fail(f"{title}: hung up")
            count += 1
            if reply.evicted:
                continue
            self.assertEqual(reply.header[200:208], request[REQUEST], f"{title}: request number")
            self.assertEqual(reply.operation, request[OPERATION], f"{title}: op")
            self.assertEqual(reply.client, request[CLIENT], f"{title}: client id")
            if recorded[60] == wire.COMMAND_REPLY and recorded[216:220] == bytes(4):
                self.assertNotIn(reply.error, INVALID, f"{title}: not understood")
            if request[OPERATION] == wire.REGISTER and not reply.error:
                session = wire.decode_registered(reply.payload())["session"]
        return count

    def test_request_numbers_are_the_clients_own(self):
        """Go counts per partition, others start anywhere: whatever comes is echoed."""
        client = self.client()
        client.create_stream(self.name)
        client.create_topic(self.name, "t", 2)
        for number in (0, 1, 1, 7, (1 << 32) + 5, 1 << 62, (1 << 64) - 1, 3):
            for code in (wire.PING, wire.GET_STREAMS, wire.GET_CLUSTER):
                reply = client.call(wire.NON_REPLICATED, b"", code, request=number)
                self.assertEqual(reply.error, 0, f"code {code} as number {number}")

    def test_a_number_that_comes_again_with_another_body_is_another_send(self):
        client = self.client()
        client.create_stream(self.name)
        client.create_topic(self.name, "t", 2)
        for partition in (0, 1):
            for payload in (b"one", b"two"):
                body = send_body(self.name, payload, partition)
                reply = client.call(wire.SEND_MESSAGES, body, request=1)
                self.assertEqual(reply.error, 0)
        for partition in (0, 1):
            polled = client.poll(self.name, "t", partition, count=9)
            self.assertEqual([each.payload for each in polled.messages], [b"one", b"two"])

    @deadline(40)
    def test_answers_to_many_requests_under_way_are_told_apart_by_op_and_number(self):
        client = self.client()
        client.create_stream(self.name)
        client.create_topic(self.name, "t", 1)
        asked = {}
        for number in range(1, 201):
            operation, code, body = (
                (wire.NON_REPLICATED, wire.GET_STREAMS, b"") if number % 3 == 0 else
                (wire.NON_REPLICATED, wire.PING, b"") if number % 3 == 1 else
                (wire.SEND_MESSAGES, 0, send_body(self.name, b"%d" % number)))
            asked[operation, number] = code
            client.send(client.frame(operation, body, code=code, request=number))
        while asked:
            reply = client.receive()
            self.assertEqual(reply.error, 0)
            number = int.from_bytes(reply.header[200:208], "little")
            self.assertIsNotNone(asked.pop((reply.operation, number), None), "nobody asked that")
        sent = [int(each.payload) for each in client.poll(self.name, "t", 0, count=999).messages]
        self.assertEqual(sent, [number for number in range(1, 201) if number % 3 == 2])


class ReplayV1(Case):
    """The clients of 0.8 for Go, Node and C# are not to be had either."""

    def test_every_recorded_request_of_generation_1_is_understood(self):
        count = 0
        for name in FILES_V1:
            for conversation in by_client(name):
                with ClientV1(self.server.address) as client:
                    count += self.replay(client, conversation)
        self.assertGreater(count, 150, "most of the recorded frames were not sent")

    def replay(self, client, conversation):
        """Whoever logs out is logged in again, so that what follows means something."""
        for title, request, recorded in conversation:
            try:
                status, _ = client.raw(request)
            except Closed:
                self.fail(f"{title}: hung up")
            if recorded[:4] == bytes(4):
                self.assertNotIn(status, INVALID_V1, f"{title}: not understood")
            if request[4:8] == struct.pack("<I", LOGOUT_V1):
                client.login()
        return len(conversation)
