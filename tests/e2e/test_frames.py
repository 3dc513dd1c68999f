"""Frames as no client sends them: cut short, too long, lying about their size, unknown, reserved.

Every one is answered with an error or ends the connection; silence, a crash, or harm to anybody
else is a failure (wire-v2 1.1, 2.1, 2.4, 3.4; trap 27).
"""

import os
import struct
import time

import wire_format as wire
from case import Case, deadline
from wire_client import Closed, Client


class Frames(Case):
    def answered_or_closed(self, connection, numbers=None):
        """The answer's error number, or None when the server hung up instead."""
        try:
            error = connection.receive().error
        except Closed:
            return None
        self.assertNotEqual(error, 0, "accepted")
        if numbers:
            self.assertIn(error, numbers)
        return error

    def test_a_frame_may_arrive_one_byte_at_a_time(self):
        client = self.client()
        for byte in client.frame(wire.NON_REPLICATED, wire.identifier(self.name),
                                 code=wire.GET_STREAM):
            client.send(bytes([byte]))
        self.assertEqual(client.receive().payload(), b"")

    def test_header_and_body_may_arrive_as_two_pieces(self):
        client = self.client()
        frame = client.frame(wire.CREATE_STREAM, wire.name(self.name))
        client.send(frame[:256])
        time.sleep(0.05)
        client.send(frame[256:])
        self.assertEqual(client.receive().error, 0)

    def test_a_frame_cut_short_hurts_nobody_else(self):
        client = self.client()
        frame = client.frame(wire.CREATE_STREAM, wire.name(self.name))
        for length in (1, 3, 4, 47, 52, 61, 255, 256, len(frame) - 1):
            with Client(self.server.address).register() as other:
                other.send(frame[:length])
        self.assertIsNone(client.get_stream(self.name), "half a frame was executed")
        self.assert_well()

    def test_a_size_out_of_range_closes_the_connection(self):
        for size in (0, 1, 255, (64 << 20) + 1, 0x7FFFFFFF, 0xFFFFFFFF):
            with self.subTest(size=size):
                client = self.client()
                client.send(client.frame(wire.NON_REPLICATED, code=wire.PING, size=size))
                self.answered_or_closed(client)
                self.assertTrue(client.is_closed_within(3))
        self.assert_well()

    def test_a_command_byte_other_than_request_closes_the_connection(self):
        for command in (0, 1, 2, 4, 6, 8, 13, 255):
            with self.subTest(command=command):
                client = self.client()
                client.send(client.frame(wire.NON_REPLICATED, code=wire.PING, command=command))
                self.answered_or_closed(client)
                self.assertTrue(client.is_closed_within(3))

    def test_bytes_of_other_protocols_close_the_connection(self):
        for data in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\0" + bytes(600),
                     b"\xff" * 600, b"SSH-2.0-OpenSSH_9.2\r\n" + bytes(300)):
            with self.subTest(data=data[:8]):
                connection = self.connect()
                connection.send(data)
                self.assertTrue(connection.is_closed_within(5))
        self.assert_well()

    def test_noise_never_harms_others(self):
        client = self.client()
        for _ in range(200):
            with self.connect() as noisy:
                noise = bytearray(os.urandom(700))
                noise[:4] = bytes(4)
                noise[48:52] = struct.pack("<I", 256 + noise[52] % 200)
                noise[60] = 5
                noisy.send(bytes(noise))
        client.ping()
        self.assert_well()

    def test_the_fields_a_server_ignores_are_ignored(self):
        client = self.client()
        frame = bytearray(client.frame(wire.NON_REPLICATED, code=wire.PING))
        for start, end in ((4, 48), (52, 60), (61, 128), (177, 184), (192, 196), (200, 256)):
            frame[start:end] = os.urandom(end - start)
        client.send(bytes(frame))
        self.assertEqual(client.receive().error, 0)

    def test_a_reply_echoes_checksum_client_request_and_op_and_leaves_the_rest_zero(self):
        client = self.client()
        body = wire.name(self.name)
        reply = client.call(wire.CREATE_STREAM, body, checksum=wire.xxh3(body), request=77)
        self.assertEqual((reply.error, reply.request, reply.operation), (0, 77, wire.CREATE_STREAM))
        self.assertEqual(reply.request_checksum, wire.xxh3(body))
        for start, end in ((0, 32), (52, 60), (61, 128), (144, 160), (209, 216), (220, 256)):
            self.assertFalse(any(reply.header[start:end]), f"bytes {start}..{end - 1} not zero")

    def test_a_wrong_body_checksum_is_refused_with_4(self):
        client = self.client()
        body = wire.name(self.name)
        reply = client.call(wire.CREATE_STREAM, body, checksum=wire.xxh3(body) ^ 1)
        self.assertEqual(reply.error, 4)
        self.assertIsNone(client.get_stream(self.name))

    def test_a_client_id_of_zero_is_refused(self):
        client = self.client()
        client.send(client.frame(wire.NON_REPLICATED, code=wire.PING, client=bytes(16)))
        self.answered_or_closed(client, {3})
        self.assert_well()

    def test_ops_that_do_not_exist_or_belong_between_servers_are_refused(self):
        known = {1, 2, 3} | set(range(128, 150)) | {160, 161, 162}
        client = self.client()
        for operation in sorted(set(range(256)) - known):
            try:
                reply = client.call(operation)
            except Closed:
                client = self.client()
                continue
            self.assertIn(reply.error, {3}, f"op {operation}")
        client.ping()

    def test_an_unknown_code_is_refused_with_3_and_echoed(self):
        client = self.client()
        for code in (0, 2, 9, 15, 16, 17, 99, 105, 199, 607, 9999, 0xFFFFFFFF):
            self.assertEqual(client.read(code).error, 3, f"code {code}")

    def test_the_code_of_a_mutation_is_refused_as_a_read(self):
        client = self.client()
        for code in (101, 121, 122, 202, 203, 302, 503, 602):
            self.assertEqual(client.read(code, wire.name(self.name)).error, 5, f"code {code}")
        self.assertIsNone(client.get_stream(self.name))

    def test_a_mutation_without_session_or_request_number_is_refused(self):
        client = self.client()
        for fields in ({"session": 0}, {"request": 0}):
            with self.subTest(fields=fields):
                client.send(client.frame(wire.CREATE_STREAM, wire.name(self.name), **fields))
                self.assertIn(self.answered_or_closed(client), {None, 3, 40})
                client = self.client()
                self.assertIsNone(client.get_stream(self.name))

    @deadline(60)
    def test_every_command_is_answered_whatever_its_body(self):
        """Empty, short, long and random bodies: an answer or a closed connection, never silence."""
        reads = [1, 10, 11, 12, 13, 14, 20, 21, 22, 31, 32, 41, 100, 102, 103, 104, 120, 123, 200,
                 201, 300, 301, 600, 601, 606]
        writes = [3] + list(range(128, 150)) + [160, 161, 162]
        bodies = [b"", b"\0", b"\xff", b"\x01\x04\0\0\0\0" * 3, b"\x02\xff" + b"x" * 300,
                  os.urandom(40), os.urandom(700), bytes(4096)]
        client = self.client(timeout=5)
        for operation, code in [(2, code) for code in reads] + [(op, 0) for op in writes]:
            for body in bodies:
                try:
                    client.call(operation, body, code)
                except Closed:
                    client = self.client(timeout=5)
                except TimeoutError:
                    self.fail(f"op {operation} code {code} with {len(body)} bytes: silence")
                if operation == wire.LOGOUT:
                    client = self.client(timeout=5)
        self.assert_well()

    def test_mutations_of_other_issues_are_answered_too(self):
        """What is not built yet says so with a number; nothing is ever dropped."""
        client = self.client()
        for operation in list(range(139, 150)):
            self.assertNotEqual(client.call(operation, b"").error, 0, f"op {operation}")
        for code in (11, 31, 32, 41, 102, 600, 601, 606):
            client.read(code)
