"""The bytes of the 0.9 wire protocol (generation 2), written and read for judging a server.

Every field of a frame can be set wrong. Whatever comes back is decoded strictly, to the last
byte, with every checksum recomputed: the released clients check far less, so a server that
satisfies this module satisfies them. Sections named here are those of the protocol's description.
"""

import ctypes
import os
import struct
import time
from dataclasses import dataclass, field

HEADER_BYTES = 256
FRAME_BYTES_MAX = 64 << 20
BATCH_HEADER_BYTES = 256
MESSAGE_HEADER_BYTES = 48
PROTOCOL_VERSION = 11 << 10  # 0.11.0, packed

COMMAND_REQUEST, COMMAND_REPLY, COMMAND_EVICTION = 5, 8, 13

REGISTER, NON_REPLICATED, LOGOUT = 1, 2, 3
CREATE_STREAM, UPDATE_STREAM, DELETE_STREAM, PURGE_STREAM = 128, 129, 130, 131
CREATE_TOPIC, UPDATE_TOPIC, DELETE_TOPIC, PURGE_TOPIC = 132, 133, 134, 135
CREATE_PARTITIONS, DELETE_PARTITIONS, DELETE_SEGMENTS = 136, 137, 138
CREATE_GROUP, DELETE_GROUP, CREATE_USER, UPDATE_USER, DELETE_USER = 139, 140, 141, 142, 143
CHANGE_PASSWORD, UPDATE_PERMISSIONS, CREATE_TOKEN, DELETE_TOKEN = 144, 145, 146, 147
JOIN_GROUP, LEAVE_GROUP = 148, 149
SEND_MESSAGES, STORE_OFFSET, DELETE_OFFSET = 160, 161, 162

PING, GET_STATS, GET_SNAPSHOT, GET_CLUSTER, DESCRIBE_OPTIONS, ATTACH = 1, 10, 11, 12, 13, 14
GET_ME, GET_CLIENT, GET_CLIENTS, GET_USER, GET_USERS, GET_TOKENS = 20, 21, 22, 31, 32, 41
POLL_WAITING = 10100  # our own
POLL, FLUSH, GET_POLL_ROUTING, POLL_ON_PRIMARY = 100, 102, 103, 104
GET_OFFSET, GET_OFFSET_ROUTING = 120, 123
GET_STREAM, GET_STREAMS, GET_TOPIC, GET_TOPICS = 200, 201, 300, 301
GET_GROUP, GET_GROUPS, SYNC_GROUP = 600, 601, 606

# Ops whose successful reply begins with a result section (wire-v2 2.4).
FRAMED = {REGISTER, STORE_OFFSET, DELETE_OFFSET} | set(range(128, 150)) - {DELETE_SEGMENTS}

# What a client makes of the reason of an eviction (wire-v2 2.5).
EVICTION_ERROR = {1: 40, 7: 40, 9: 42, 10: 53, 11: 40, 12: 40, 13: 30, 14: 14003, 15: 4}

OFFSET, TIMESTAMP, FIRST, LAST, NEXT = 1, 2, 3, 4, 5
U64_MAX = (1 << 64) - 1
RESYNC = (1 << 32) - 1  # as the partition of a poll: ask for the assignment anew

# The library the server is built with; a pure Python hash would take minutes for 64 MiB.
_xxhash = ctypes.CDLL("libxxhash.so.0")
_xxhash.XXH3_64bits.restype = ctypes.c_uint64
_xxhash.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
_xxhash.XXH32.restype = ctypes.c_uint32
_xxhash.XXH32.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint32]


def xxh3(data):
    return _xxhash.XXH3_64bits(data, len(data))


def xxh32(data):
    return _xxhash.XXH32(data, len(data), 0)


class Malformed(AssertionError):
    """The server sent something that wire-v2 does not allow."""


class Refused(Exception):
    """The server answered with an error number, by status, result section or eviction."""

    def __init__(self, number, reply=None):
        super().__init__(f"error {number}")
        self.number = number
        self.reply = reply


def expect(condition, story):
    if not condition:
        raise Malformed(story)


# --- Encoding ------------------------------------------------------------------------------------


def name(text):
    data = text if isinstance(text, bytes) else text.encode()
    return bytes([len(data)]) + data


def identifier(value):
    """A number travels as kind 1, a text as kind 2; bytes are taken as they are (to be wrong)."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, int):
        return struct.pack("<BBI", 1, 4, value)
    data = value.encode()
    return struct.pack("<BB", 2, len(data)) + data


def options(pairs):
    """The key/value block of streams, topics and users: {"name": (kind, bytes)} or plain values."""
    block = b""
    for key, value in pairs.items():
        kind, data = value if isinstance(value, tuple) else _typed(key, value)
        key = key.encode()
        block += struct.pack("<BI", 2, len(key)) + key + struct.pack("<BI", kind, len(data)) + data
    return block


def _typed(key, value):
    if isinstance(value, bool):
        return 3, bytes([value])
    if isinstance(value, str):
        return 2, value.encode()
    if key == "messages_required_to_save":
        return 11, struct.pack("<I", value)
    return 12, struct.pack("<Q", value)


def to_partition(number):
    return struct.pack("<BBI", 2, 4, number)


def by_key(key):
    return struct.pack("<BB", 3, len(key)) + key


BALANCED = b"\x01\x00"


def optional_partition(number):
    return struct.pack("<BI", 0 if number is None else 1, number or 0)


@dataclass(frozen=True)
class Group:
    """Names a consumer group where otherwise a single consumer would stand."""
    name: object


def consumer(value):
    if isinstance(value, Group):
        return b"\x02" + identifier(value.name)
    return b"\x01" + identifier(value)


@dataclass
class Message:
    payload: bytes
    user_headers: bytes = b""
    id: int = 0
    timestamp_delta: int = 0
    offset: int = -1
    timestamp: int = 0
    origin_timestamp: int = 0

    @staticmethod
    def of(value):
        message = value if isinstance(value, Message) else Message(value)
        message.id = message.id or int.from_bytes(os.urandom(16), "little") or 1
        return message


def encode_frame(message, delta, reserved=0):
    rest = (
        message.id.to_bytes(16, "little")
        + struct.pack("<IIII", delta, message.timestamp_delta, len(message.user_headers),
                      len(message.payload))
        + struct.pack("<Q", reserved) + message.payload + message.user_headers
    )
    return struct.pack("<Q", xxh3(rest)) + rest


def batch_checksum(header, frame_checksums):
    """`header` without its checksum: the five u64 and the count, as sent or as stored."""
    return xxh3(header + b"".join(frame_checksums))


def encode_batch_of(frames, origin_timestamp, count=None, length=None, reserved=bytes(204)):
    blob = b"".join(frames)
    length = BATCH_HEADER_BYTES + len(blob) if length is None else length
    count = len(frames) if count is None else count
    head = struct.pack("<QQQQQ", 0, 0, 0, origin_timestamp, length)
    checksum = batch_checksum(head + struct.pack("<I", count), [f[:8] for f in frames])
    return head + struct.pack("<QI", checksum, count) + reserved + blob


def encode_batch(messages, origin_timestamp=None):
    origin_timestamp = int(time.time() * 1e6) if origin_timestamp is None else origin_timestamp
    frames = [encode_frame(Message.of(message), i) for i, message in enumerate(messages)]
    return encode_batch_of(frames, origin_timestamp)


def send_body(stream, topic, partitioning, batch, count):
    metadata = identifier(stream) + identifier(topic) + partitioning + struct.pack("<I", count)
    return struct.pack("<I", len(metadata)) + metadata + batch


def poll_body(stream, topic, partition, strategy, value=0, count=1000, auto_commit=False, who=1):
    return (
        consumer(who) + identifier(stream) + identifier(topic) + optional_partition(partition)
        + struct.pack("<BQIB", strategy, value, count, auto_commit)
    )


def register_body(user, password, version=PROTOCOL_VERSION, sdk="python-test", sdk_version="0.9.0"):
    return (
        struct.pack("<I", version) + name(sdk) + name(sdk_version) + name(user) + name(password)
        + struct.pack("<I", 0)
    )


def encode_request(operation, body=b"", *, client, request=0, session=0, code=0, checksum=0,
                   size=None, command=COMMAND_REQUEST, timestamp=0, keeps=0):
    """`keeps`: our own flag of Register, for a client that keeps its id over connections."""
    header = bytearray(HEADER_BYTES)
    struct.pack_into("<I", header, 48, HEADER_BYTES + len(body) if size is None else size)
    header[60] = command
    header[62] = keeps
    header[128:144] = client
    struct.pack_into("<Q", header, 144, checksum)
    struct.pack_into("<QQB", header, 160, timestamp, request, operation)
    struct.pack_into("<QII", header, 184, session, 0, code)
    return bytes(header) + body


# --- Decoding ------------------------------------------------------------------------------------


class Reader:
    """Takes fields off the front of a body; `end` insists that nothing is left over."""

    def __init__(self, data):
        self.data = memoryview(data)
        self.at = 0

    def take(self, count):
        expect(self.at + count <= len(self.data), f"body ends at {len(self.data)}, needs {count}")
        self.at += count
        return bytes(self.data[self.at - count:self.at])

    def number(self, size):
        return int.from_bytes(self.take(size), "little")

    def u8(self):
        return self.number(1)

    def u16(self):
        return self.number(2)

    def u32(self):
        return self.number(4)

    def u64(self):
        return self.number(8)

    def name(self):
        return self.take(self.u8()).decode()

    def text(self):
        return self.take(self.u32()).decode()

    def left(self):
        return len(self.data) - self.at

    def end(self):
        expect(self.left() == 0, f"{self.left()} bytes too many in a body of {len(self.data)}")


def decode_options(block):
    reader, pairs, last = Reader(block), {}, b""
    while reader.left():
        expect(reader.u8() == 2, "an option key is not a string")
        key = reader.take(reader.u32())
        kind, value = reader.u8(), reader.take(reader.u32())
        expect(key > last, "option keys do not ascend")
        last = key
        pairs[key.decode()] = _plain(kind, value)
    return pairs


def _plain(kind, value):
    if kind == 2:
        return value.decode()
    number = int.from_bytes(value, "little")
    return bool(number) if kind == 3 else number


def _stream_header(reader):
    stream = {"id": reader.u32(), "created_at": reader.u64(), "topics_count": reader.u32(),
              "size": reader.u64(), "messages": reader.u64(), "name": reader.name()}
    stream["options"] = decode_options(reader.take(reader.u32()))
    return stream


def _topic_header(reader):
    topic = {"id": reader.u32(), "created_at": reader.u64(), "partitions_count": reader.u32(),
             "message_expiry": reader.u64(), "compression": reader.u8(),
             "max_topic_size": reader.u64(), "size": reader.u64(), "messages": reader.u64(),
             "name": reader.name()}
    topic["explicit"] = decode_options(reader.take(reader.u32()))
    topic["derived"] = decode_options(reader.take(reader.u32()))
    expect(not topic["explicit"].keys() & topic["derived"].keys(), "an option is listed twice")
    return topic


def _partition(reader):
    return {"id": reader.u32(), "created_at": reader.u64(), "segments": reader.u32(),
            "current_offset": reader.u64(), "size": reader.u64(), "messages": reader.u64()}


def _stream(reader):
    stream = _stream_header(reader)
    stream["topics"] = [_topic_header(reader) for _ in range(stream["topics_count"])]
    return stream


def _topic(reader):
    topic = _topic_header(reader)
    topic["partitions"] = [_partition(reader) for _ in range(topic["partitions_count"])]
    return topic


def _client(reader):
    return {"id": reader.u32(), "user_id": reader.u32(), "transport": reader.u8(),
            "address": reader.text(), "groups_count": reader.u32()}


def _client_details(reader):
    client = _client(reader)
    client["groups"] = [(reader.u32(), reader.u32(), reader.u32())
                        for _ in range(client["groups_count"])]
    return client


def _group(reader):
    return {"id": reader.u32(), "partitions": reader.u32(), "members_count": reader.u32(),
            "name": reader.name()}


def _group_details(reader):
    """Members by their id: which partitions each reads."""
    group = _group(reader)
    group["members"] = {}
    for _ in range(group["members_count"]):
        member = reader.u32()
        group["members"][member] = [reader.u32() for _ in range(reader.u32())]
    expect(len(group["members"]) == group["members_count"], "two members have one id")
    return group


def _assignment(reader):
    return reader.u64(), [reader.u32() for _ in range(reader.u32())]


def _route(reader):
    return {"client": reader.take(16), "session": reader.u64(), "watermark": reader.u64(),
            "node": _node(reader)}


def _node(reader):
    return {"name": reader.text(), "ip": reader.text(), "tcp": reader.u16(), "quic": reader.u16(),
            "http": reader.u16(), "websocket": reader.u16(), "role": reader.u8(),
            "status": reader.u8()}


def _stats(reader):
    stats = {"process_id": reader.u32()}
    for key in ("cpu_usage", "total_cpu_usage"):
        stats[key] = struct.unpack("<f", reader.take(4))[0]
    for key in ("memory_usage", "total_memory", "available_memory", "run_time", "start_time",
                "read_bytes", "written_bytes", "messages_size"):
        stats[key] = reader.u64()
    for key in ("streams", "topics", "partitions", "segments"):
        stats[key] = reader.u32()
    stats["messages"] = reader.u64()
    stats["clients"], stats["groups"] = reader.u32(), reader.u32()
    expect(reader.at == 108, "the numeric part of the statistics is 108 bytes")
    for key in ("hostname", "os_name", "os_version", "kernel_version", "server_version"):
        stats[key] = reader.text()
    stats["server_version_number"], stats["cache_entries"] = reader.u32(), reader.u32()
    reader.take(36 * stats["cache_entries"])
    stats["threads"], stats["free_disk"], stats["total_disk"] = (reader.u32(), reader.u64(),
                                                                 reader.u64())
    return stats


def _described_options(reader):
    described = {}
    for _ in range(reader.u32()):
        key, kind = reader.name(), reader.u8()
        default, text = reader.take(reader.u32()), reader.take(reader.u32()).decode()
        described[key] = (kind, default, text)
    return described


def whole(decoder):
    """A decoder for a body that holds exactly one of something; an empty body is None."""
    def decode(body):
        if not body:
            return None
        reader = Reader(body)
        value = decoder(reader)
        reader.end()
        return value
    return decode


def to_the_end(decoder):
    def decode(body):
        reader, values = Reader(body), []
        while reader.left():
            values.append(decoder(reader))
        return values
    return decode


def decode_topics(body):
    """The only list that begins with its count."""
    reader = Reader(body)
    topics = [_topic_header(reader) for _ in range(reader.u32())]
    reader.end()
    return topics


def _cluster(reader):
    return {"name": reader.text(), "nodes": [_node(reader) for _ in range(reader.u32())]}


def _registered(reader):
    return {"user_id": reader.u32(), "session": reader.u64(), "protocol": reader.u32(),
            "version": reader.name()}


decode_stream, decode_streams = whole(_stream), to_the_end(_stream_header)
decode_topic = whole(_topic)
decode_client, decode_clients = whole(_client_details), to_the_end(_client)
decode_created_group, decode_groups = whole(_group), to_the_end(_group)
decode_group, decode_assignment = whole(_group_details), whole(_assignment)
decode_route = whole(_route)
decode_stats, decode_cluster = whole(_stats), whole(_cluster)
decode_described_options = whole(_described_options)
decode_registered = whole(_registered)


@dataclass
class Polled:
    partition: int
    current_offset: int
    messages: list = field(default_factory=list)
    batches: list = field(default_factory=list)  # (base_offset, message_count, batch_length)

    @property
    def offsets(self):
        return [message.offset for message in self.messages]

    @property
    def payloads(self):
        return [message.payload for message in self.messages]


def _poll_batch(reader, polled):
    """One stored batch, or a slice of one: wire-v2 4.6 and 4.7, every checksum recomputed."""
    start = reader.at
    header = reader.take(BATCH_HEADER_BYTES)
    partition, base, stamp, origin, length, checksum, count = struct.unpack_from("<QQQQQQI", header)
    expect(not any(header[52:]), "reserved bytes of a served batch are not zero")
    expect(partition == polled.partition, f"batch of partition {partition} served")
    checksums, last = [], -1
    for _ in range(count):
        frame = reader.take(MESSAGE_HEADER_BYTES)
        delta, late, headers_length, payload_length = struct.unpack_from("<IIII", frame, 24)
        content = reader.take(payload_length + headers_length)
        expect(xxh3(frame[8:] + content) == int.from_bytes(frame[:8], "little"),
               f"frame checksum wrong at offset {base + delta}")
        expect(not any(frame[40:]), "reserved bytes of a served frame are not zero")
        expect(last == -1 or delta == last + 1, f"delta {delta} follows {last}")
        last = delta
        checksums.append(frame[:8])
        polled.messages.append(Message(
            content[:payload_length], content[payload_length:],
            int.from_bytes(frame[8:24], "little"), late, base + delta, stamp, origin + late))
    expect(reader.at - start == length, f"batch says {length} bytes, has {reader.at - start}")
    expect(batch_checksum(header[:40] + header[48:52], checksums) == checksum,
           f"batch checksum wrong at base offset {base}")
    polled.batches.append((base, count, length))


def decode_poll(body):
    reader = Reader(body)
    polled = Polled(reader.u32(), reader.u64())
    count = reader.u32()
    while reader.left():
        _poll_batch(reader, polled)
    expect(len(polled.messages) == count, f"{count} promised, {len(polled.messages)} served")
    offsets = polled.offsets
    expect(offsets == list(range(offsets[0], offsets[0] + count)) if count else True,
           f"offsets with a gap: {offsets[:5]}...")
    return polled


@dataclass
class Reply:
    header: bytes
    body: bytes

    def __post_init__(self):
        header = self.header
        self.command, self.reason = header[60], header[255]
        self.evicted = self.command == COMMAND_EVICTION
        self.operation = header[208]
        self.request = int.from_bytes(header[200:208], "little")
        self.status = 0 if self.evicted else int.from_bytes(header[216:220], "little")
        self.client = header[128:144] if self.evicted else header[160:176]
        self.request_checksum = int.from_bytes(header[128:144], "little")
        expect(self.command in (COMMAND_REPLY, COMMAND_EVICTION), f"command {self.command}")
        expect(not (self.status or self.evicted) or not self.body, "an error reply has a body")

    @property
    def error(self):
        """The error number a client would report, 0 for success."""
        if self.evicted:
            return EVICTION_ERROR[self.reason]
        if self.status or self.operation not in FRAMED:
            return self.status
        expect(len(self.body) >= 4, f"op {self.operation} answered without a result section")
        if not int.from_bytes(self.body[:4], "little"):
            return 0
        expect(len(self.body) == 12, "a rejection is 12 bytes long")
        return int.from_bytes(self.body[8:12], "little")

    def payload(self):
        if self.error:
            raise Refused(self.error, self)
        return self.body[4:] if self.operation in FRAMED else self.body


def confirmation(payload):
    expect(len(payload) == 24 and payload[:4] == b"\x01\0\0\0", f"confirmation {payload.hex()}")
    return struct.unpack("<IIIQ", payload[4:])
