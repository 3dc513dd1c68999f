"""The bytes of the 0.8 wire protocol (generation 1), and a small client that speaks them.

Written from the protocol's description alone and independent of the server's code. Whatever comes
back is decoded strictly, to the last byte, with every checksum recomputed.

    client = ClientV1(address).login()       one method a command, raises Refused(number)
"""

import struct
from dataclasses import dataclass

from line import Line
from wire_format import Malformed, Refused, expect, identifier, name, xxh3

MESSAGE_HEADER_BYTES = 64
OFFSET, TIMESTAMP, FIRST, LAST, NEXT = 1, 2, 3, 4, 5
U64_MAX = (1 << 64) - 1

PING, GET_STATS, GET_SNAPSHOT, GET_CLUSTER = 1, 10, 11, 12
GET_ME, GET_CLIENT, GET_CLIENTS = 20, 21, 22
GET_USER, GET_USERS, CREATE_USER, DELETE_USER, UPDATE_USER = 31, 32, 33, 34, 35
UPDATE_PERMISSIONS, CHANGE_PASSWORD, LOGIN, LOGOUT = 36, 37, 38, 39
GET_TOKENS, CREATE_TOKEN, DELETE_TOKEN, LOGIN_WITH_TOKEN = 41, 42, 43, 44
POLL, SEND, FLUSH, GET_OFFSET, STORE_OFFSET, DELETE_OFFSET = 100, 101, 102, 120, 121, 122
GET_STREAM, GET_STREAMS, CREATE_STREAM, DELETE_STREAM, UPDATE_STREAM, PURGE_STREAM = range(200, 206)
GET_TOPIC, GET_TOPICS, CREATE_TOPIC, DELETE_TOPIC, UPDATE_TOPIC, PURGE_TOPIC = range(300, 306)
CREATE_PARTITIONS, DELETE_PARTITIONS, DELETE_SEGMENTS = 402, 403, 503
GET_GROUP, GET_GROUPS, CREATE_GROUP, DELETE_GROUP, JOIN_GROUP, LEAVE_GROUP = range(600, 606)

ALL_CODES = [1, 10, 11, 12, 20, 21, 22, *range(31, 40), *range(41, 45), 100, 101, 102, 120, 121,
             122,
             *range(200, 206), *range(300, 306), 402, 403, 503, *range(600, 606)]

BALANCED = b"\x01\x00"


def to_partition(number):
    return struct.pack("<BBI", 2, 4, number)


def by_key(key):
    return struct.pack("<BB", 3, len(key)) + key


def frame(code, payload=b"", length=None):
    return struct.pack("<II", 4 + len(payload) if length is None else length, code) + payload


def text32(value):
    data = value.encode()
    return struct.pack("<I", len(data)) + data


def login_body(user, password, version="0.8.0", context=""):
    return name(user) + name(password) + text32(version) + text32(context)


def optional_partition(number):
    return struct.pack("<BI", 0 if number is None else 1, number or 0)


def consumer(value):
    """A number or a text is one consumer; ("group", x) is a group."""
    if isinstance(value, tuple):
        return b"\x02" + identifier(value[1])
    return b"\x01" + identifier(value)


# --- Messages ------------------------------------------------------------------------------------


@dataclass
class MessageV1:
    payload: bytes
    user_headers: bytes = b""
    id: bytes = bytes(16)
    origin_timestamp: int = 1_776_000_000_000_000
    offset: int = 0
    timestamp: int = 0
    checksum: int = 0
    reserved: int = 0

    @staticmethod
    def of(value):
        return value if isinstance(value, MessageV1) else MessageV1(value)

    def encode(self):
        header = struct.pack("<Q16sQQQIIQ", self.checksum, self.id, self.offset, self.timestamp,
                             self.origin_timestamp, len(self.user_headers), len(self.payload),
                             self.reserved)
        return header + self.payload + self.user_headers

    def content(self):
        return self.id, self.origin_timestamp, self.payload, self.user_headers


def send_body(stream, topic, partitioning, messages, count=None, metadata_more=b""):
    encoded = [MessageV1.of(message).encode() for message in messages]
    metadata = (identifier(stream) + identifier(topic) + partitioning +
                struct.pack("<I", len(encoded) if count is None else count) + metadata_more)
    index, end = b"", 0
    for data in encoded:
        end += len(data)
        index += struct.pack("<IIQ", 0, end, 0)
    return struct.pack("<I", len(metadata)) + metadata + index + b"".join(encoded)


@dataclass
class PolledV1:
    partition: int
    current_offset: int
    messages: list


def decode_polled(body):
    expect(len(body) >= 16, f"a poll of {len(body)} bytes")
    partition, current, count = struct.unpack_from("<IQI", body)
    messages, at = [], 16
    while at < len(body):
        expect(len(body) - at >= MESSAGE_HEADER_BYTES, "a message header is cut")
        fields = struct.unpack_from("<Q16sQQQIIQ", body, at)
        size = MESSAGE_HEADER_BYTES + fields[5] + fields[6]
        expect(len(body) - at >= size, "a message is cut")
        data = body[at:at + size]
        expect(xxh3(data[8:]) == fields[0], "the checksum of a message is wrong")
        expect(fields[7] == 0, "a reserved field is not zero")
        payload_end = MESSAGE_HEADER_BYTES + fields[6]
        messages.append(MessageV1(data[64:payload_end], data[payload_end:], fields[1], fields[4],
                                  fields[2], fields[3], fields[0]))
        at += size
    expect(len(messages) == count, f"{count} messages announced, {len(messages)} came")
    offsets = [message.offset for message in messages]
    expect(offsets == list(range(offsets[0], offsets[0] + count)) if offsets else True,
           "offsets are not in a row")
    return PolledV1(partition, current, messages)


# --- Records -------------------------------------------------------------------------------------


class Records:
    """Reads a body from front to back; `done` at its very end."""

    def __init__(self, body):
        self.body, self.at = body, 0

    def take(self, layout):
        values = struct.unpack_from("<" + layout, self.body, self.at)
        self.at += struct.calcsize("<" + layout)
        return values if len(values) > 1 else values[0]

    def bytes(self, count):
        expect(count <= len(self.body) - self.at, "a record is cut")
        data = self.body[self.at:self.at + count]
        self.at += count
        return data

    def name(self):
        return self.bytes(self.take("B")).decode()

    def text(self):
        return self.bytes(self.take("I")).decode()

    def more(self):
        return self.at < len(self.body)

    def done(self):
        expect(self.at == len(self.body), f"{len(self.body) - self.at} bytes are left over")


def read_stream(records):
    keys = ("id", "created_at", "topics_count", "size", "messages")
    return dict(zip(keys, records.take("IQIQQ"))) | {"name": records.name()}


def read_topic(records):
    keys = ("id", "created_at", "partitions_count", "message_expiry", "compression",
            "max_topic_size", "replication_factor", "size", "messages")
    return dict(zip(keys, records.take("IQIQBQBQQ"))) | {"name": records.name()}


def read_partition(records):
    keys = ("id", "created_at", "segments", "current_offset", "size", "messages")
    return dict(zip(keys, records.take("IQIQQQ")))


def read_client(records):
    keys = ("id", "user", "transport")
    client = dict(zip(keys, records.take("IIB")))
    return client | {"address": records.text(), "groups_count": records.take("I")}


def read_user(records):
    return dict(zip(("id", "created_at", "status"), records.take("IQB"))) | {"name": records.name()}


def read_group(records):
    return dict(zip(("id", "partitions", "members"),
                    records.take("III"))) | {"name": records.name()}


def all_of(body, read):
    records, found = Records(body), []
    while records.more():
        found.append(read(records))
    return found


def topic_settings(compression=1, expiry=0, size=0, replication=1):
    return struct.pack("<BQQB", compression, expiry, size, replication)


# --- The client ----------------------------------------------------------------------------------


class ClientV1(Line):
    """A socket that knows frames of generation 1."""

    def __init__(self, address, timeout=10.0):
        super().__init__(address, timeout)
        self.user = None

    def receive(self):
        """Status and body of the next reply."""
        status, length = struct.unpack("<II", self.exactly(8))
        expect(status == 0 or length == 0, f"status {status} with a body of {length}")
        expect(length != 1, "a body of one byte puts clients out of step")
        return status, self.exactly(length)

    def raw(self, data):
        self.send_bytes(data)
        return self.receive()

    def call(self, code, payload=b""):
        status, body = self.raw(frame(code, payload))
        if status:
            raise Refused(status)
        return body

    def void(self, code, payload=b""):
        expect(self.call(code, payload) == b"", f"code {code} answers nothing")

    # sessions

    def login(self, user="iggy", password="iggy", **fields):
        body = self.call(LOGIN, login_body(user, password, **fields))
        self.user, = struct.unpack("<I", body)
        return self

    def login_with_token(self, token):
        self.user, = struct.unpack("<I", self.call(LOGIN_WITH_TOKEN, name(token)))
        return self

    def logout(self):
        self.void(LOGOUT)

    def ping(self):
        self.void(PING)

    # streams and topics

    def create_stream(self, stream):
        records = Records(self.call(CREATE_STREAM, name(stream)))
        found = read_stream(records)
        records.done()
        return found

    def get_stream(self, stream):
        body = self.call(GET_STREAM, identifier(stream))
        if not body:
            return None
        records = Records(body)
        found = read_stream(records)
        found["topics"] = [read_topic(records) for _ in range(found["topics_count"])]
        records.done()
        return found

    def get_streams(self):
        return all_of(self.call(GET_STREAMS), read_stream)

    def create_topic(self, stream, topic, partitions=1, **settings):
        body = (identifier(stream) + struct.pack("<I", partitions) + topic_settings(**settings) +
                name(topic))
        return self._topic(self.call(CREATE_TOPIC, body))

    def update_topic(self, stream, topic, new_name, **settings):
        self.void(UPDATE_TOPIC, identifier(stream) + identifier(topic) +
                  topic_settings(**settings) + name(new_name))

    def get_topic(self, stream, topic):
        body = self.call(GET_TOPIC, identifier(stream) + identifier(topic))
        return self._topic(body) if body else None

    @staticmethod
    def _topic(body):
        records = Records(body)
        found = read_topic(records)
        found["partitions"] = [read_partition(records) for _ in range(found["partitions_count"])]
        records.done()
        return found

    def get_topics(self, stream):
        return all_of(self.call(GET_TOPICS, identifier(stream)), read_topic)

    # messages

    def send(self, stream, topic, messages, partitioning=None):
        self.void(SEND, send_body(stream, topic, partitioning or to_partition(0), messages))

    def poll(self, stream, topic, partition=0, strategy=FIRST, value=0, count=100, commit=False,
             by=1):
        body = (consumer(by) + identifier(stream) + identifier(topic) +
                optional_partition(partition) +
                struct.pack("<BQIB", strategy, value, count, commit))
        return decode_polled(self.call(POLL, body))

    def _offset_body(self, by, stream, topic, partition):
        return (consumer(by) + identifier(stream) + identifier(topic) +
                optional_partition(partition))

    def get_offset(self, by, stream, topic, partition=0):
        body = self.call(GET_OFFSET, self._offset_body(by, stream, topic, partition))
        return struct.unpack("<IQQ", body) if body else None

    def store_offset(self, by, stream, topic, offset, partition=0):
        self.void(STORE_OFFSET, self._offset_body(by, stream, topic, partition) +
                  struct.pack("<Q", offset))

    def delete_offset(self, by, stream, topic, partition=0):
        self.void(DELETE_OFFSET, self._offset_body(by, stream, topic, partition))

    # the rest

    def get_me(self):
        return self._client(self.call(GET_ME))

    def get_client(self, number):
        body = self.call(GET_CLIENT, struct.pack("<I", number))
        return self._client(body) if body else None

    @staticmethod
    def _client(body):
        records = Records(body)
        found = read_client(records)
        found["groups"] = [records.take("III") for _ in range(found["groups_count"])]
        records.done()
        return found

    def get_clients(self):
        return all_of(self.call(GET_CLIENTS), read_client)

    def get_stats(self):
        records = Records(self.call(GET_STATS))
        keys = ("process_id", "cpu", "total_cpu", "memory", "total_memory", "available_memory",
                "run_time", "start_time", "read_bytes", "written_bytes", "messages_size",
                "streams", "topics", "partitions", "segments", "messages", "clients", "groups")
        found = dict(zip(keys, records.take("IffQQQQQQQQIIIIQII")))
        for key in ("hostname", "os_name", "os_version", "kernel_version", "version"):
            found[key] = records.text()
        found["version_number"], cache_entries, found["threads"] = records.take("III")
        expect(cache_entries == 0, "no cache entries are sent")
        found["free_disk"], found["total_disk"] = records.take("QQ")
        records.done()
        return found

    def get_cluster(self):
        records = Records(self.call(GET_CLUSTER))
        found = {"name": records.text(), "nodes": []}
        for _ in range(records.take("I")):
            node = {"name": records.text(), "ip": records.text()}
            keys = ("tcp", "quic", "http", "websocket", "role", "status")
            found["nodes"].append(node | dict(zip(keys, records.take("HHHHBB"))))
        records.done()
        return found

    def get_user(self, user):
        body = self.call(GET_USER, identifier(user))
        return self._user(body) if body else None

    @staticmethod
    def _user(body):
        records = Records(body)
        found = read_user(records)
        if records.take("B") == 1:
            found["permissions"] = records.bytes(records.take("I"))
        else:
            expect(records.bytes(3) == bytes(3), "no permissions are four zero bytes")
            found["permissions"] = None
        records.done()
        return found

    def get_users(self):
        return all_of(self.call(GET_USERS), read_user)

    def create_user(self, user, password, status=1, permissions=None):
        body = name(user) + name(password) + bytes([status]) + _permissions(permissions)
        return self._user(self.call(CREATE_USER, body))

    def get_tokens(self):
        return all_of(self.call(GET_TOKENS), lambda records: (records.name(), records.take("Q")))

    def create_token(self, token, expiry=0):
        records = Records(self.call(CREATE_TOKEN, name(token) + struct.pack("<Q", expiry)))
        found = records.name()
        records.done()
        return found

    # groups

    def create_group(self, stream, topic, group):
        records = Records(self.call(CREATE_GROUP, identifier(stream) + identifier(topic) +
                                    name(group)))
        found = read_group(records)
        records.done()
        return found

    def get_group(self, stream, topic, group):
        body = self.call(GET_GROUP, identifier(stream) + identifier(topic) + identifier(group))
        if not body:
            return None
        records = Records(body)
        found = read_group(records)
        found["assigned"] = {}
        for _ in range(found["members"]):
            member, count = records.take("II")
            found["assigned"][member] = [records.take("I") for _ in range(count)]
        records.done()
        return found

    def get_groups(self, stream, topic):
        return all_of(self.call(GET_GROUPS, identifier(stream) + identifier(topic)), read_group)

    def on_group(self, code, stream, topic, group):
        self.void(code, identifier(stream) + identifier(topic) + identifier(group))


def _permissions(block):
    return b"\x00" if block is None else b"\x01" + struct.pack("<I", len(block)) + block


def permissions_body(block):
    return _permissions(block)


__all__ = [key for key in dir() if not key.startswith("_")] + ["Malformed"]
