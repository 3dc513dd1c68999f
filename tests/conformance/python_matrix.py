"""The matrix of the released Python client of Apache Iggy 0.9: its every command, right and wrong.

    python_matrix.py ADDRESS matrix            one line a row
    python_matrix.py ADDRESS write STREAM      for the crossing: what other clients must read
    python_matrix.py ADDRESS read STREAM...    what others wrote, as lines (see crossing.py)

The client's errors are texts without numbers, so texts are compared; the Rust programs have the
numbers. Stored offsets it has only by its raw requests.
"""

import asyncio
import os
import struct
import sys
import time
from datetime import timedelta

from apache_iggy import (AutoCommit, Consumer, DirectProducerConfig, Durability, GlobalPermissions,
                         HeaderKey, HeaderValue, IggyClient, IggyExpiry, MaxTopicSize,
                         Partitioning, Permissions, PollingStrategy, SendMessage,
                         StreamPermissions, TcpConfig, TopicPermissions, UserStatus)

from python_rows import main, refused, run

NAME = "python-0.9"
MISSING = 4_000_000
PASSWORD = "a long password"
STATS_TRIES = 1000
UNAUTHORIZED, NOT_FOUND, EXISTS = "Unauthorized", "was not found", "already exists"
INACTIVE = "Invalid credentials"  # what an inactive user is told
GET_OFFSET, STORE_OFFSET, DELETE_OFFSET = 120, 121, 122
# XXH32 of "key-N", seed 0, modulo 5.
KEY_PARTITIONS = (2, 1, 4, 4, 0, 2, 3, 1, 3, 4, 3, 1)


def named(what):
    return f"{NAME} {what}"


async def logged_in(address, user="iggy", password="iggy"):
    client = IggyClient(TcpConfig(server_address=address))
    await client.connect()
    await client.login_user(user, password)
    return client


class Desk:
    """Root, and a user who may do nothing; both stay connected from row to row."""

    def __init__(self, address):
        self.address, self.root, self._nobody = address, None, None

    async def open(self):
        self.root = await logged_in(self.address)
        try:
            await self.root.create_user(named("nobody"), PASSWORD)
            self._nobody = await logged_in(self.address, named("nobody"), PASSWORD)
        except RuntimeError as error:
            print(f"a user without permissions cannot be had: {error}", file=sys.stderr)
        return self

    @property
    def nobody(self):
        assert self._nobody, "no user without permissions"
        return self._nobody

    async def another(self):
        return await logged_in(self.address)

    async def topic(self, what, partitions=1):
        await self.root.create_stream(named(what))
        await self.root.create_topic(named(what), "t", partitions)
        return named(what)

    async def send(self, stream, partition, count):
        messages = [SendMessage(f"message {i}") for i in range(count)]
        reply = await self.root.send_messages(stream, "t", partition, messages)
        assert len(reply.confirmations) == 1
        return reply.confirmations[0].base_offset

    async def poll(self, stream, strategy, count=100, partition=0, client=None, **fields):
        fields.setdefault("consumer", Consumer.Single(1))
        fields.setdefault("auto_commit", False)
        messages = await (client or self.root).poll_messages(
            stream, "t", polling_strategy=strategy, count=count, partition_id=partition, **fields)
        return [message.offset() for message in messages]


async def ping(desk):
    client = IggyClient(TcpConfig(server_address=desk.address))
    await client.connect()
    await client.ping()
    await desk.root.ping()
    await desk.nobody.ping()


async def login(desk):
    client = IggyClient(TcpConfig(server_address=desk.address))
    await client.connect()
    await refused("Invalid credentials", client.login_user("iggy", "wrong"))
    await refused("Invalid credentials", client.login_user("stranger", "iggy"))
    await client.login_user("iggy", "iggy")
    await client.get_streams()
    await desk.root.create_user(named("inactive"), PASSWORD, UserStatus.Inactive)
    await refused(INACTIVE, logged_in(desk.address, named("inactive"), PASSWORD))


async def logout(desk):
    client = await desk.another()
    await client.logout_user()
    await refused("Unauthenticated", client.get_streams())
    await client.login_user("iggy", "iggy")
    await client.get_streams()


def sums(streams):
    return [(each.id, each.messages_count, each.size) for each in streams]


async def get_stats(desk):
    stream = await desk.topic("stats", 2)
    await desk.send(stream, 1, 3)
    for _ in range(STATS_TRIES):  # others are at work meanwhile
        streams, stats = await desk.root.get_streams(), await desk.root.get_stats()
        if sums(await desk.root.get_streams()) == sums(streams):
            break
    else:
        raise AssertionError("the streams never stayed as they were")
    assert stats.streams_count == len(streams)
    assert stats.messages_count == sum(each.messages_count for each in streams)
    assert stats.messages_size_bytes == sum(each.size for each in streams)
    assert stats.clients_count >= 1 and stats.hostname and stats.iggy_server_version
    await refused(UNAUTHORIZED, desk.nobody.get_stats())


async def describe_options(desk):
    assert len(await desk.root.describe_options("topic")) == 9
    assert len(await desk.nobody.describe_options("stream")) == 0
    await desk.root.create_stream(named("options"))
    await refused("option", desk.root.create_topic(named("options"), "t", 1,
                                                   options={"colour": "red"}))


def some_permissions():
    topic = TopicPermissions(read_topic=True, send_messages=True)
    stream = StreamPermissions(read_stream=True, poll_messages=True, topics={0: topic, 7: topic})
    return Permissions(GlobalPermissions(read_servers=True), {3: stream, 900: stream})


async def get_user(desk):
    made = await desk.root.create_user(named("get-user"), PASSWORD, permissions=some_permissions())
    for user in (made.id, named("get-user")):
        found = await desk.root.get_user(user)
        assert (found.id, found.username) == (made.id, named("get-user"))
        assert found.permissions == some_permissions()
    assert await desk.root.get_user(MISSING) is None
    assert (await desk.nobody.get_user(named("nobody"))).permissions is None
    await refused(UNAUTHORIZED, desk.nobody.get_user(made.id))


async def get_users(desk):
    listed = await desk.root.get_users()
    assert (listed[0].id, listed[0].username) == (0, "iggy")
    assert [user.username for user in listed].count(named("nobody")) == 1
    await refused(UNAUTHORIZED, desk.nobody.get_users())


async def create_user(desk):
    made = await desk.root.create_user(named("create-user"), PASSWORD)
    assert made.id > 0 and made.permissions is None
    await refused(EXISTS, desk.root.create_user(named("create-user"), PASSWORD))
    await refused(UNAUTHORIZED, desk.nobody.create_user("anyone", PASSWORD))
    await (await logged_in(desk.address, named("create-user"), PASSWORD)).ping()


async def delete_user(desk):
    await desk.root.create_user(named("delete-user"), PASSWORD)
    await refused(UNAUTHORIZED, desk.nobody.delete_user(named("delete-user")))
    await desk.root.delete_user(named("delete-user"))
    await refused(NOT_FOUND, desk.root.delete_user(named("delete-user")))
    await refused("Cannot delete user", desk.root.delete_user(0))
    await refused("Invalid credentials", logged_in(desk.address, named("delete-user"), PASSWORD))


async def update_user(desk):
    made = await desk.root.create_user(named("update-user"), PASSWORD)
    await desk.root.update_user(made.id, username=named("renamed"))
    await refused(EXISTS, desk.root.update_user(named("renamed"), username="iggy"))
    await desk.root.update_user(named("renamed"), status=UserStatus.Inactive)
    await refused(INACTIVE, logged_in(desk.address, named("renamed"), PASSWORD))
    await refused(NOT_FOUND, desk.root.update_user(MISSING, username="anyone"))
    await refused(UNAUTHORIZED, desk.nobody.update_user(made.id, username="anyone"))


async def update_permissions(desk):
    made = await desk.root.create_user(named("permissions"), PASSWORD)
    session = await logged_in(desk.address, named("permissions"), PASSWORD)
    await refused(UNAUTHORIZED, session.get_stats())
    await desk.root.update_permissions(made.id, some_permissions())
    await session.get_stats()
    await refused(UNAUTHORIZED, session.get_streams())
    await desk.root.update_permissions(made.id, None)
    await refused(UNAUTHORIZED, session.get_stats())
    await refused(NOT_FOUND, desk.root.update_permissions(MISSING, None))
    await refused("Cannot change permissions", desk.root.update_permissions(0, None))


async def change_password(desk):
    made = await desk.root.create_user(named("password"), PASSWORD)
    new = "another password"
    await refused("Invalid credentials", desk.root.change_password(made.id, "wrong", new))
    await desk.root.change_password(made.id, PASSWORD, new)
    await refused("Invalid credentials", logged_in(desk.address, named("password"), PASSWORD))
    await logged_in(desk.address, named("password"), new)
    await refused(NOT_FOUND, desk.root.change_password(MISSING, PASSWORD, new))
    await refused(UNAUTHORIZED, desk.nobody.change_password(made.id, new, PASSWORD))


async def get_stream(desk):
    name = await desk.topic("get-stream", 2)
    await desk.send(name, 1, 3)
    made = await desk.root.get_stream(name)
    for stream in (name, made.id):
        found = await desk.root.get_stream(stream)
        assert (found.name, found.topics_count, found.messages_count) == (name, 1, 3)
    assert await desk.root.get_stream(MISSING) is None
    assert await desk.root.get_stream("no such stream") is None
    await refused(UNAUTHORIZED, desk.nobody.get_stream(name))


async def get_streams(desk):
    await desk.root.create_stream(named("list"))
    names = [stream.name for stream in await desk.root.get_streams()]
    assert names.count(named("list")) == 1
    await refused(UNAUTHORIZED, desk.nobody.get_streams())


async def create_stream(desk):
    await desk.root.create_stream(named("create"))
    await refused(EXISTS, desk.root.create_stream(named("create")))
    await refused(UNAUTHORIZED, desk.nobody.create_stream(named("forbidden")))


async def delete_stream(desk):
    name = await desk.topic("delete")
    await refused(UNAUTHORIZED, desk.nobody.delete_stream(name))
    await desk.root.delete_stream(name)
    assert await desk.root.get_stream(name) is None
    for missing in (name, MISSING):
        await refused(NOT_FOUND, desk.root.delete_stream(missing))


async def update_stream(desk):
    name = await desk.topic("update")
    await refused(UNAUTHORIZED, desk.nobody.update_stream(name, "x"))
    await desk.root.update_stream(name, named("renamed"))
    assert await desk.root.get_stream(name) is None
    assert (await desk.root.get_stream(named("renamed"))).topics_count == 1
    await desk.root.create_stream(named("taken"))
    await refused(EXISTS, desk.root.update_stream(named("renamed"), named("taken")))
    await refused(NOT_FOUND, desk.root.update_stream(MISSING, "x"))


async def purge_stream(desk):
    name = await desk.topic("purge")
    await desk.send(name, 0, 3)
    await refused(UNAUTHORIZED, desk.nobody.purge_stream(name))
    await desk.root.purge_stream(name)
    assert (await desk.root.get_stream(name)).messages_count == 0
    assert await desk.send(name, 0, 1) == 0
    await refused(NOT_FOUND, desk.root.purge_stream(MISSING))


async def get_topic(desk):
    name = await desk.topic("get-topic", 3)
    await desk.send(name, 2, 4)
    for topic in ("t", 0):
        found = await desk.root.get_topic(name, topic)
        assert (found.id, found.name, found.partitions_count) == (0, "t", 3)
        counts = [(each.id, each.messages_count) for each in found.partitions]
        assert counts == [(0, 0), (1, 0), (2, 4)], counts
    assert await desk.root.get_topic(name, MISSING) is None
    assert await desk.root.get_topic(MISSING, "t") is None
    await refused(UNAUTHORIZED, desk.nobody.get_topic(name, "t"))


async def get_topics(desk):
    name = await desk.topic("get-topics")
    await desk.root.create_topic(name, "u", 2)
    assert [each.name for each in await desk.root.get_topics(name)] == ["t", "u"]
    assert await desk.root.get_topics(MISSING) == []
    await refused(UNAUTHORIZED, desk.nobody.get_topics(name))


async def create_topic(desk):
    name = named("create-topic")
    await desk.root.create_stream(name)
    await desk.root.create_topic(
        name, "t", 3, compression_algorithm="gzip", segment_size=1 << 20,
        message_expiry=IggyExpiry.ExpireDuration(timedelta(hours=1)),
        max_topic_size=MaxTopicSize.Custom(2 << 30), durability=Durability.PERSISTED,
        consumer_offset_durability=Durability.PERSISTED, messages_required_to_save=7,
        preallocate_segments=True)
    found = await desk.root.get_topic(name, "t")
    assert (found.partitions_count, found.compression_algorithm) == (3, "gzip")
    assert len(found.options) == 8, found.options
    await refused(EXISTS, desk.root.create_topic(name, "t", 1))
    await refused("Too many partitions", desk.root.create_topic(name, "many", 1001))
    await refused(NOT_FOUND, desk.root.create_topic(MISSING, "t", 1))
    await refused(UNAUTHORIZED, desk.nobody.create_topic(name, "u", 1))


async def delete_topic(desk):
    name = await desk.topic("delete-topic")
    await refused(UNAUTHORIZED, desk.nobody.delete_topic(name, "t"))
    await desk.root.delete_topic(name, "t")
    assert await desk.root.get_topic(name, "t") is None
    await refused(NOT_FOUND, desk.root.delete_topic(name, "t"))
    await refused(NOT_FOUND, desk.root.delete_topic(MISSING, "t"))


async def update_topic(desk):
    name = await desk.topic("update-topic")
    await refused(UNAUTHORIZED, desk.nobody.update_topic(name, "t", "x"))
    await desk.root.update_topic(name, "t", "renamed", compression_algorithm="gzip")
    assert (await desk.root.get_topic(name, "renamed")).compression_algorithm == "gzip"
    await refused(NOT_FOUND, desk.root.update_topic(name, "t", "x"))
    await refused(NOT_FOUND, desk.root.update_topic(MISSING, "t", "x"))


async def purge_topic(desk):
    name = await desk.topic("purge-topic")
    await desk.send(name, 0, 3)
    await refused(UNAUTHORIZED, desk.nobody.purge_topic(name, "t"))
    await desk.root.purge_topic(name, "t")
    assert await desk.send(name, 0, 1) == 0
    await refused(NOT_FOUND, desk.root.purge_topic(name, MISSING))


async def create_partitions(desk):
    name = await desk.topic("partitions-create")
    await desk.root.create_partitions(name, "t", 2)
    assert (await desk.root.get_topic(name, "t")).partitions_count == 3
    await refused(NOT_FOUND, desk.root.create_partitions(name, MISSING, 1))
    await refused(UNAUTHORIZED, desk.nobody.create_partitions(name, "t", 1))


async def delete_partitions(desk):
    name = await desk.topic("partitions-delete", 4)
    await desk.root.delete_partitions(name, "t", 3)
    assert (await desk.root.get_topic(name, "t")).partitions_count == 1
    await refused("Invalid partitions count", desk.root.delete_partitions(name, "t", 2))
    await refused(UNAUTHORIZED, desk.nobody.delete_partitions(name, "t", 1))


async def send_messages(desk):
    name = await desk.topic("send", 3)
    for where in (Partitioning.balanced(), Partitioning.messages_key("k"), 2):
        reply = await desk.root.send_messages(name, "t", where, [SendMessage("x", {"n": 1})])
        assert len(reply.confirmations) == 1
    message = [SendMessage("x")]
    for stream, topic, partition in ((MISSING, "t", 0), (name, MISSING, 0), (name, "t", 9)):
        await refused(NOT_FOUND, desk.root.send_messages(stream, topic, partition, message))
    await refused(UNAUTHORIZED, desk.nobody.send_messages(name, "t", 0, message))
    assert (await desk.root.get_stream(name)).messages_count == 3


async def send_by_key(desk):
    name = await desk.topic("keys", 5)
    for number, partition in enumerate(KEY_PARTITIONS):
        key = Partitioning.messages_key(f"key-{number}")
        reply = await desk.root.send_messages(name, "t", key, [SendMessage("x")])
        assert reply.confirmations[0].partition_id == partition, f"key-{number}"


def headers_of_every_kind():
    value = HeaderValue
    return {
        HeaderKey.String("raw"): value.Raw(bytes([0, 1, 255])),
        HeaderKey.String("string"): value.String("string \U0001f980"),
        HeaderKey.String("bool"): value.Bool(True),
        HeaderKey.String("int8"): value.Int8(-(1 << 7)),
        HeaderKey.String("int16"): value.Int16(-(1 << 15)),
        HeaderKey.String("int32"): value.Int32(-(1 << 31)),
        HeaderKey.String("int64"): value.Int64(-(1 << 63)),
        HeaderKey.String("int128"): value.Int128(-(1 << 127)),
        HeaderKey.String("uint8"): value.UnsignedInt8((1 << 8) - 1),
        HeaderKey.String("uint16"): value.UnsignedInt16((1 << 16) - 1),
        HeaderKey.String("uint32"): value.UnsignedInt32((1 << 32) - 1),
        HeaderKey.String("uint64"): value.UnsignedInt64((1 << 64) - 1),
        HeaderKey.String("uint128"): value.UnsignedInt128((1 << 128) - 1),
        HeaderKey.String("float32"): value.Float32(1.5),
        HeaderKey.String("float64"): value.Float64(-0.1),
        HeaderKey.UnsignedInt32(7): value.Raw(b"another kind of key"),
    }


async def headers_and_ids(desk):
    name = await desk.topic("headers")
    headers = headers_of_every_kind()
    sent = [SendMessage(b"\x00\xff", headers, id=(1 << 128) - 1), SendMessage("plain")]
    await desk.root.send_messages(name, "t", 0, sent)
    got = await desk.root.poll_messages(
        name, "t", consumer=Consumer.Single(1), polling_strategy=PollingStrategy.First(), count=9,
        auto_commit=False, partition_id=0)
    assert (got[0].payload(), got[0].id()) == (b"\x00\xff", (1 << 128) - 1)
    assert lines_of_headers(got[0].user_headers()) == lines_of_headers(headers)
    assert got[1].payload() == b"plain" and got[1].id() != 0
    assert all(abs(time.time() - each.timestamp() / 1e6) < 60 for each in got)


async def a_large_message(desk):
    name = await desk.topic("large")
    large = os.urandom(10_000_000)
    await desk.root.send_messages(name, "t", 0, [SendMessage(large, id=42)])
    got = await desk.root.poll_messages(
        name, "t", consumer=Consumer.Single(1), polling_strategy=PollingStrategy.Last(), count=1,
        auto_commit=False, partition_id=0)
    assert (got[0].id(), got[0].payload() == large) == (42, True)


async def poll_messages(desk):
    name = await desk.topic("poll", 2)
    for _ in range(5):
        await desk.send(name, 0, 10)
    strategy = PollingStrategy
    assert await desk.poll(name, strategy.First(), 3) == [0, 1, 2]
    assert await desk.poll(name, strategy.Last(), 2) == [48, 49]
    assert await desk.poll(name, strategy.Offset(18), 4) == [18, 19, 20, 21]
    assert await desk.poll(name, strategy.Offset(50)) == []
    assert await desk.poll(name, strategy.Next(), 2) == [0, 1]
    assert await desk.poll(name, strategy.Timestamp(1), 2) == [0, 1]
    assert await desk.poll(name, strategy.First(), partition=1) == []
    await refused(NOT_FOUND, desk.poll(MISSING, strategy.First()))
    await refused(NOT_FOUND, desk.poll(name, strategy.First(), partition=9))
    await refused(UNAUTHORIZED, desk.poll(name, strategy.First(), client=desk.nobody))


async def auto_commit(desk):
    name = await desk.topic("auto-commit")
    await desk.send(name, 0, 10)
    for wanted in ([0, 1, 2, 3], [4, 5, 6, 7], [8, 9], []):
        got = await desk.poll(name, PollingStrategy.Next(), 4, consumer=Consumer.Single("reader"),
                              auto_commit=True)
        assert got == wanted, f"{got}, wanted {wanted}"


async def flush(desk):
    name = await desk.topic("flush")
    body = identifier(name) + identifier("t") + bytes(5)
    await refused("unavailable", desk.root.send_binary_request(102, body))


def identifier(value):
    if isinstance(value, int):
        return b"\x01\x04" + struct.pack("<I", value)
    return bytes([2, len(value)]) + value.encode()


def place(consumer, stream, partition=0):
    return (b"\x01" + identifier(consumer) + identifier(stream) + identifier("t")
            + struct.pack("<BI", 1, partition))


async def stored_offset(client, stream, consumer, partition=0):
    reply = await client.send_binary_request(GET_OFFSET, place(consumer, stream, partition))
    return struct.unpack("<IQQ", reply)[2] if reply else None


async def store_offset(client, stream, consumer, offset):
    await client.send_binary_request(
        STORE_OFFSET, place(consumer, stream) + struct.pack("<QB", offset, 1))


async def offsets(desk):
    name = await desk.topic("offsets")
    await refused("Invalid offset", store_offset(desk.root, name, 9, 0))
    await desk.send(name, 0, 10)
    for consumer in (9, "by-name"):
        assert await stored_offset(desk.root, name, consumer) is None
        await store_offset(desk.root, name, consumer, 5)
        assert await stored_offset(desk.root, name, consumer) == 5
        await refused("Invalid offset", store_offset(desk.root, name, consumer, 10))
        await desk.root.send_binary_request(DELETE_OFFSET, place(consumer, name) + b"\x01")
        assert await stored_offset(desk.root, name, consumer) is None
    await refused(UNAUTHORIZED, stored_offset(desk.nobody, name, 9))
    await refused(UNAUTHORIZED, store_offset(desk.nobody, name, 9, 1))


async def group(desk, what, partitions=1):
    name = await desk.topic(what, partitions)
    await desk.root.create_consumer_group(name, "t", "g")
    return name


async def get_group(desk):
    name = await group(desk, "get-group", 3)
    for key in ("g", 0):
        found = await desk.root.get_consumer_group(name, "t", key)
        assert (found.name, found.partitions_count, found.members_count) == ("g", 3, 0)
    assert await desk.root.get_consumer_group(name, "t", MISSING) is None
    await refused(NOT_FOUND, desk.root.get_consumer_group(MISSING, "t", "g"))
    await refused(UNAUTHORIZED, desk.nobody.get_consumer_group(name, "t", "g"))


async def get_groups(desk):
    name = await group(desk, "get-groups")
    await desk.root.create_consumer_group(name, "t", "h")
    assert [each.name for each in await desk.root.get_consumer_groups(name, "t")] == ["g", "h"]
    await refused(UNAUTHORIZED, desk.nobody.get_consumer_groups(name, "t"))


async def create_group(desk):
    name = await group(desk, "create-group")
    await refused(EXISTS, desk.root.create_consumer_group(name, "t", "g"))
    await refused(NOT_FOUND, desk.root.create_consumer_group(name, MISSING, "g"))
    await refused(UNAUTHORIZED, desk.nobody.create_consumer_group(name, "t", "h"))


async def delete_group(desk):
    name = await group(desk, "delete-group")
    await refused(UNAUTHORIZED, desk.nobody.delete_consumer_group(name, "t", "g"))
    await desk.root.delete_consumer_group(name, "t", "g")
    await refused(NOT_FOUND, desk.root.delete_consumer_group(name, "t", "g"))


async def members(desk, name):
    found = await desk.root.get_consumer_group(name, "t", "g")
    return sorted(len(member.partitions) for member in found.members)


async def join_group(desk):
    name = await group(desk, "join-group", 2)
    first, second = await desk.another(), await desk.another()
    await first.join_consumer_group(name, "t", "g")
    await first.join_consumer_group(name, "t", "g")
    assert await members(desk, name) == [2]
    await second.join_consumer_group(name, "t", "g")
    for _ in range(2000):
        if await members(desk, name) == [1, 1]:
            break
        await asyncio.sleep(0.02)
    assert await members(desk, name) == [1, 1]
    await refused(NOT_FOUND, first.join_consumer_group(name, "t", MISSING))
    await refused(UNAUTHORIZED, desk.nobody.join_consumer_group(name, "t", "g"))


async def leave_group(desk):
    name = await group(desk, "leave-group", 2)
    member = await desk.another()
    await refused("member", member.leave_consumer_group(name, "t", "g"))
    await member.join_consumer_group(name, "t", "g")
    await member.leave_consumer_group(name, "t", "g")
    assert await members(desk, name) == []
    await refused("member", member.leave_consumer_group(name, "t", "g"))
    await refused(UNAUTHORIZED, desk.nobody.leave_consumer_group(name, "t", "g"))


async def turns(desk):
    name = await group(desk, "turns", 3)
    for partition in range(3):
        await desk.send(name, partition, 4)
    member = await desk.another()
    ask = {"consumer": Consumer.Group("g"), "auto_commit": True, "partition": None}
    await refused("member", desk.poll(name, PollingStrategy.Next(), 2, client=member, **ask))
    await member.join_consumer_group(name, "t", "g")
    seen = []
    for _ in range(6):
        seen += await desk.poll(name, PollingStrategy.Next(), 2, client=member, **ask)
    assert seen == [0, 1] * 3 + [2, 3] * 3, seen
    assert await desk.poll(name, PollingStrategy.Next(), 2, client=member, **ask) == []


async def high_level(desk):
    name = named("high-level")
    producer = await desk.root.producer(name, "t", Partitioning.partition_id(0),
                                        DirectProducerConfig(batch_length=100))
    await producer.send([SendMessage(f"message {i}") for i in range(1000)])
    client = await desk.another()
    consumer = await client.consumer_group(
        "g", name, "t", polling_strategy=PollingStrategy.Next(), batch_length=70,
        auto_commit=AutoCommit.Interval(timedelta(milliseconds=100)),
        poll_interval=timedelta(milliseconds=1))
    seen = []
    async for message in consumer.iter_messages():
        seen.append(message.payload())
        if len(seen) == 1000:
            break
    assert seen == [b"message %d" % i for i in range(1000)]
    await consumer.store_offset(500, 0)
    group_consumer = b"\x02" + place("g", name)[1:]
    reply = await desk.root.send_binary_request(GET_OFFSET, group_consumer)
    assert struct.unpack("<IQQ", reply)[2] >= 500


KINDS = ("Raw", "String", "Bool", "Int8", "Int16", "Int32", "Int64", "Int128", "UnsignedInt8",
         "UnsignedInt16", "UnsignedInt32", "UnsignedInt64", "UnsignedInt128", "Float32", "Float64")


def bytes_of(field):
    """The kind's number, and the value as it travels."""
    kind, value = type(field).__name__.rsplit("_", 1)[-1], field.value
    number = KINDS.index(kind) + 1
    if kind == "Raw":
        return number, value
    if kind == "String":
        return number, value.encode()
    if kind == "Bool":
        return number, bytes([value])
    if kind.startswith("Float"):
        return number, struct.pack("<f" if kind == "Float32" else "<d", value)
    bits = int("".join(each for each in kind if each.isdigit()))
    return number, value.to_bytes(bits // 8, "little", signed=not kind.startswith("Unsigned"))


def lines_of_headers(headers):
    fields = []
    for key, value in (headers or {}).items():
        (key_kind, key), (kind, value) = bytes_of(key), bytes_of(value)
        fields.append(f"{key_kind}:{key.hex()}={kind}:{value.hex()}")
    return ";".join(sorted(fields))


async def write(address, stream):
    client = await logged_in(address)
    large = bytes(i % 251 for i in range(251)) * 6000
    sent = [(1, b"\x00", {}), ((1 << 128) - 1, bytes(range(256)), headers_of_every_kind()),
            (42, large, {})]
    await client.send_messages(stream, "t", 0,
                               [SendMessage(data, headers, id=id) for id, data, headers in sent])
    for offset, (id, data, headers) in enumerate(sent):
        print("message", "t", 0, offset, id, "", data.hex(), lines_of_headers(headers), sep="\t")
    for number in range(len(KEY_PARTITIONS)):
        key = f"key-{number}"
        await client.send_messages(stream, "keyed", Partitioning.messages_key(key),
                                   [SendMessage(key)])
    for consumer, offset in ((7, 2), ("crossing", 1)):
        await store_offset(client, stream, consumer, offset)
        print("stored", consumer, offset, sep="\t")


async def read(address, *streams):
    client = await logged_in(address)
    for stream in streams:
        print("stream", stream, sep="\t")
        await read_one(client, stream)


async def read_one(client, stream):
    for topic, partitions in (("t", 1), ("keyed", 5)):
        for partition in range(partitions):
            for each in await client.poll_messages(
                    stream, topic, consumer=Consumer.Single(1000), count=1000, auto_commit=False,
                    polling_strategy=PollingStrategy.First(), partition_id=partition):
                print("message", topic, partition, each.offset(), each.id(),
                      each.origin_timestamp(), each.payload().hex(),
                      lines_of_headers(each.user_headers()), sep="\t")
    for consumer in (7, "crossing"):
        offset = await stored_offset(client, stream, consumer)
        if offset is not None:
            print("stored", consumer, offset, sep="\t")


ROWS = {
    "Ping": ping, "GetStats": get_stats, "DescribeOptions": describe_options,
    "GetUser": get_user, "GetUsers": get_users, "CreateUser": create_user,
    "DeleteUser": delete_user, "UpdateUser": update_user,
    "UpdatePermissions": update_permissions, "ChangePassword": change_password,
    "Login": login, "Logout": logout, "PollMessages": poll_messages, "auto-commit": auto_commit,
    "SendMessages": send_messages, "send by key": send_by_key,
    "headers, ids, times": headers_and_ids, "a message of 10 MB": a_large_message,
    "FlushUnsavedBuffer": flush, "GetConsumerOffset": offsets, "StoreConsumerOffset": offsets,
    "DeleteConsumerOffset": offsets, "GetStream": get_stream, "GetStreams": get_streams,
    "CreateStream": create_stream, "DeleteStream": delete_stream, "UpdateStream": update_stream,
    "PurgeStream": purge_stream, "GetTopic": get_topic, "GetTopics": get_topics,
    "CreateTopic": create_topic, "DeleteTopic": delete_topic, "UpdateTopic": update_topic,
    "PurgeTopic": purge_topic, "CreatePartitions": create_partitions,
    "DeletePartitions": delete_partitions, "GetConsumerGroup": get_group,
    "GetConsumerGroups": get_groups, "CreateConsumerGroup": create_group,
    "DeleteConsumerGroup": delete_group, "JoinConsumerGroup": join_group,
    "LeaveConsumerGroup": leave_group, "group: turns of a member": turns,
    "high-level clients": high_level,
}


async def matrix(address):
    return await run(ROWS, await Desk(address).open())


if __name__ == "__main__":
    main(matrix, write, read)
