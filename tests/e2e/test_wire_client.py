"""The judge is judged first: its frames against the golden frames of the protocol's description.

The checksums are CRC-32 of whole frames which released clients were seen to send, byte for byte.
"""

import unittest
import zlib

import wire_format as wire

CLIENT = bytes(range(16, 0, -1))
SESSION = 7


def crc(operation, body=b"", stamped=False, **fields):
    checksum = wire.xxh3(body) if stamped else 0
    return zlib.crc32(wire.encode_request(operation, body, client=CLIENT, checksum=checksum,
                                          **fields))


class GoldenFrames(unittest.TestCase):
    def test_requests_equal_the_golden_frames(self):
        register = wire.register_body("iggy", "iggy", sdk="rust-sdk", sdk_version="0.11.0")
        self.assertEqual(crc(wire.REGISTER, register, True), 0xE1C49D6B)
        self.assertEqual(crc(wire.NON_REPLICATED, code=wire.PING, request=1), 0x092673BE)
        self.assertEqual(crc(wire.CREATE_STREAM, wire.name("orders"), True, request=1,
                             session=SESSION), 0x2763D149)
        durable = wire.options({"consumer_offset_durability": "replicated",
                                "durability": "replicated"})
        topic = wire.identifier("orders") + b"\x03\0\0\0" + wire.name("events") + durable
        self.assertEqual(crc(wire.CREATE_TOPIC, topic, True, request=2, session=SESSION),
                         0x5979572A)
        poll = wire.poll_body(1, 2, 0, wire.NEXT, count=10)
        self.assertEqual(crc(wire.NON_REPLICATED, poll, code=wire.POLL, request=4,
                             session=SESSION), 0x449F8CD1)
        self.assertEqual(crc(wire.LOGOUT, b"", True, request=5, session=SESSION), 0x407A9FC3)

    def test_a_batch_equals_the_golden_batch(self):
        first = wire.Message(b"first-payload", id=7)
        second = wire.Message(b"second-payload", b"user-header-bytes", 8, timestamp_delta=50)
        batch = wire.encode_batch([first, second], 1000)
        body = wire.send_body(1, 2, wire.to_partition(0), batch, 2)
        self.assertEqual(crc(wire.SEND_MESSAGES, body, request=3, session=SESSION), 0x28DF90BD)

    def test_a_wrong_checksum_in_a_served_batch_is_seen(self):
        batch = bytearray(wire.encode_batch([b"payload"]))
        body = bytes(4) + bytes(8) + b"\x01\0\0\0" + batch
        self.assertEqual(wire.decode_poll(bytes(body)).payloads, [b"payload"])
        for position in (8, 24, 256 + 8, 256 + 24, len(batch) - 1):
            wrong = bytearray(body)
            wrong[16 + position] ^= 1
            with self.assertRaises(wire.Malformed):
                wire.decode_poll(bytes(wrong))
