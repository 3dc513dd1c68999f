"""The matrix of the released Python client of Apache Iggy 0.8: its every command, right and wrong.

    python_matrix_0_8.py ADDRESS matrix            one line a row
    python_matrix_0_8.py ADDRESS write STREAM      for the crossing: what other clients must read
    python_matrix_0_8.py ADDRESS read STREAM...    what others wrote, as lines (see crossing.py)

It knows streams, topics, messages and the high-level consumer of a group; no users, headers or ids.
Its errors are the names of the Rust client's.
"""

import os
import time
from datetime import timedelta

from apache_iggy import AutoCommit, AutoCommitWhen, IggyClient, PollingStrategy, SendMessage

from python_rows import main, refused, run

NAME = "python-0.8"
MISSING = 4_000_000
NOT_FOUND, EXISTS = "NotFound", "AlreadyExists"


def named(what):
    return f"{NAME} {what}"


async def logged_in(address, user="iggy", password="iggy"):
    client = IggyClient(address)
    await client.connect()
    await client.login_user(user, password)
    return client


async def topic(client, what, partitions=1):
    await client.create_stream(named(what))
    await client.create_topic(named(what), "t", partitions)
    return named(what)


async def send(client, stream, partition, count):
    await client.send_messages(stream, "t", partition,
                               [SendMessage(f"message {i}") for i in range(count)])


async def offsets(client, stream, strategy, count=100, partition=0, commit=False):
    messages = await client.poll_messages(stream, "t", partition, strategy, count, commit)
    return [message.offset() for message in messages]


async def ping(address):
    client = IggyClient(address)
    await client.connect()
    await client.ping()
    await (await logged_in(address)).ping()


async def login(address):
    client = IggyClient(address)
    await client.connect()
    await refused("InvalidCredentials", client.login_user("iggy", "wrong"))
    await refused("InvalidCredentials", client.login_user("stranger", "iggy"))
    await refused("Unauthenticated", client.create_stream(named("stranger")))
    await client.login_user("iggy", "iggy")
    await client.get_stream(named("none"))
    by_url = IggyClient.from_connection_string(f"iggy://iggy:iggy@{address}")
    await by_url.connect()
    await by_url.get_stream(named("none"))


async def get_stream(address):
    client = await logged_in(address)
    name = await topic(client, "get-stream")
    await send(client, name, 0, 3)
    made = await client.get_stream(name)
    for stream in (name, made.id):
        found = await client.get_stream(stream)
        assert (found.name, found.topics_count, found.messages_count) == (name, 1, 3)
    assert await client.get_stream(MISSING) is None
    assert await client.get_stream("no such stream") is None


async def create_stream(address):
    client = await logged_in(address)
    await client.create_stream(named("create"))
    await refused(EXISTS, client.create_stream(named("create")))


async def get_topic(address):
    client = await logged_in(address)
    name = await topic(client, "get-topic", 3)
    await send(client, name, 2, 4)
    for key in ("t", 0):
        found = await client.get_topic(name, key)
        assert (found.name, found.partitions_count, found.messages_count) == ("t", 3, 4)
    assert await client.get_topic(name, MISSING) is None
    assert await client.get_topic(MISSING, "t") is None


async def create_topic(address):
    client = await logged_in(address)
    name = named("create-topic")
    await client.create_stream(name)
    await client.create_topic(name, "t", 2, compression_algorithm="gzip", replication_factor=1,
                              message_expiry=timedelta(hours=1), max_topic_size=2 << 30)
    await refused(EXISTS, client.create_topic(name, "t", 1))
    await refused(NOT_FOUND, client.create_topic(MISSING, "t", 1))
    await refused("TooManyPartitions", client.create_topic(name, "many", 1001))


async def send_messages(address):
    client = await logged_in(address)
    name = await topic(client, "send", 2)
    await client.send_messages(name, "t", 1, [SendMessage("text"), SendMessage(b"\x00\xff")])
    message = [SendMessage("x")]
    for stream, key, partition in ((MISSING, "t", 0), (name, MISSING, 0), (name, "t", 9)):
        await refused(NOT_FOUND, client.send_messages(stream, key, partition, message))
    got = await client.poll_messages(name, "t", 1, PollingStrategy.First(), 9, False)
    assert [each.payload() for each in got] == [b"text", b"\x00\xff"]
    assert all(each.id() != 0 and each.partition_id() == 1 for each in got)
    assert all(abs(time.time() - each.timestamp() / 1e6) < 60 for each in got)


async def a_large_message(address):
    client = await logged_in(address)
    name = await topic(client, "large")
    large = os.urandom(10_000_000)
    await client.send_messages(name, "t", 0, [SendMessage(large)])
    got = await client.poll_messages(name, "t", 0, PollingStrategy.Last(), 1, False)
    assert got[0].payload() == large


async def poll_messages(address):
    client = await logged_in(address)
    name = await topic(client, "poll", 2)
    for _ in range(5):
        await send(client, name, 0, 10)
    strategy = PollingStrategy
    assert await offsets(client, name, strategy.First(), 3) == [0, 1, 2]
    assert await offsets(client, name, strategy.Last(), 2) == [48, 49]
    assert await offsets(client, name, strategy.Offset(18), 4) == [18, 19, 20, 21]
    assert await offsets(client, name, strategy.Offset(50)) == []
    assert await offsets(client, name, strategy.Timestamp(1), 2) == [0, 1]
    assert await offsets(client, name, strategy.First(), partition=1) == []
    await refused(NOT_FOUND, offsets(client, MISSING, strategy.First()))
    await refused(NOT_FOUND, offsets(client, name, strategy.First(), partition=9))


async def auto_commit(address):
    client = await logged_in(address)
    name = await topic(client, "auto-commit")
    await send(client, name, 0, 10)
    for wanted in ([0, 1, 2, 3], [4, 5, 6, 7], [8, 9], []):
        got = await offsets(client, name, PollingStrategy.Next(), 4, commit=True)
        assert got == wanted, f"{got}, wanted {wanted}"


async def consume(client, name, group, count):
    """The group's next messages, and the consumer that read them."""
    consumer = await client.consumer_group(
        group, name, "t", polling_strategy=PollingStrategy.Next(), batch_length=10,
        auto_commit=AutoCommit.When(AutoCommitWhen.PollingMessages()),
        poll_interval=timedelta(milliseconds=1))
    seen = []
    async for message in consumer.iter_messages():
        seen.append((message.partition_id(), message.offset()))
        if len(seen) == count:
            return consumer, seen


async def consumer_group(address):
    client = await logged_in(address)
    name = await topic(client, "group", 2)
    await send(client, name, 0, 20)
    await send(client, name, 1, 20)
    _, seen = await consume(client, name, "g", 40)
    assert sorted(seen) == [(p, offset) for p in range(2) for offset in range(20)]


async def group_offsets(address):
    client = await logged_in(address)
    name = await topic(client, "group-offsets")
    await send(client, name, 0, 30)
    consumer, _ = await consume(client, name, "g", 30)
    await refused("InvalidOffset", consumer.store_offset(1000, 0))
    await consumer.store_offset(14, 0)
    _, seen = await consume(await logged_in(address), name, "h", 30)
    assert seen[0] == (0, 0), "another group has another offset"
    await consumer.delete_offset(0)
    await refused(NOT_FOUND, consumer.delete_offset(0))


async def write(address, stream):
    client = await logged_in(address)
    large = bytes(i % 251 for i in range(251)) * 6000
    sent = [b"\x00", bytes(range(256)), large]
    await client.send_messages(stream, "t", 0, [SendMessage(data) for data in sent])
    for offset, data in enumerate(sent):
        print("message", "t", 0, offset, "", "", data.hex(), "", sep="\t")


async def read(address, *streams):
    client = await logged_in(address)
    for stream in streams:
        print("stream", stream, sep="\t")
        await read_one(client, stream)


async def read_one(client, stream):
    for name, partitions in (("t", 1), ("keyed", 5)):
        for partition in range(partitions):
            for each in await client.poll_messages(stream, name, partition,
                                                   PollingStrategy.First(), 1000, False):
                print("message", name, partition, each.offset(), each.id(), "",
                      each.payload().hex(), "?", sep="\t")


ROWS = {
    "Ping": ping, "Login": login, "PollMessages": poll_messages, "auto-commit": auto_commit,
    "SendMessages": send_messages, "a message of 10 MB": a_large_message,
    "StoreConsumerOffset": group_offsets, "DeleteConsumerOffset": group_offsets,
    "GetStream": get_stream, "CreateStream": create_stream, "GetTopic": get_topic,
    "CreateTopic": create_topic, "CreateConsumerGroup": consumer_group,
    "JoinConsumerGroup": consumer_group, "high-level clients": consumer_group,
}


async def matrix(address):
    return await run(ROWS, address)


if __name__ == "__main__":
    main(matrix, write, read)
