"""A program as a user would write it, with the released Python client of Apache Iggy 0.9.

    python_client.py ADDRESS send TEXT       four producers send the lines of a file, half is read
    python_client.py ADDRESS verify TEXT     after a restart: all of it is read, by every strategy

One line a check: `ok <sentence>` or `FAILED <sentence>`; the story is on standard error.
"""

import asyncio
import os
import struct
import sys
import time
import traceback

from apache_iggy import (AutoLogin, Consumer, IggyClient, PollingStrategy, SendMessage, TcpConfig)

STREAM, TOPIC = "text-python", "lines"
PARTITIONS, PRODUCERS = 2, 4
LINES_PER_SEND = 1000
STORED_OFFSET = 1234
CHECK_SECONDS = 360
GET_OFFSET, STORE_OFFSET, DELETE_OFFSET = 120, 121, 122


async def connected(address):
    client = IggyClient(TcpConfig(server_address=address,
                                  auto_login=AutoLogin.username_password("iggy", "iggy")))
    await client.connect()
    return client


class Text:
    """The lines of the file, and who sends which: producer p has the p-th quarter."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.lines = file.readlines()

    def quarter(self, producer):
        count = len(self.lines)
        return range(count * producer // PRODUCERS, count * (producer + 1) // PRODUCERS)

    def producers_of(self, partition):
        return [producer for producer in range(PRODUCERS) if producer % PARTITIONS == partition]

    def count_in(self, partition):
        return sum(len(self.quarter(producer)) for producer in self.producers_of(partition))


async def produce(address, text, producer):
    client = await connected(address)
    partition, next_offset = producer % PARTITIONS, 0
    lines = text.quarter(producer)
    for start in range(lines.start, lines.stop, LINES_PER_SEND):
        chunk = range(start, min(start + LINES_PER_SEND, lines.stop))
        messages = [SendMessage(text.lines[line], {"producer": producer, "line": line,
                                                   "kind": "text"}) for line in chunk]
        reply = await client.send_messages(STREAM, TOPIC, partition, messages)
        confirmation = reply.confirmations[0]
        assert confirmation.partition_id == partition
        assert confirmation.base_offset >= next_offset, "offsets of a producer rise"
        next_offset = confirmation.base_offset + len(chunk)


async def poll(client, partition, strategy, count, consumer="plain", auto_commit=False):
    messages = await client.poll_messages(
        STREAM, TOPIC, consumer=Consumer.Single(consumer), polling_strategy=strategy,
        count=count, auto_commit=auto_commit, partition_id=partition)
    assert len(messages) <= count, "more than was asked for"
    return messages


class Reader:
    """What must come next in a partition: the next offset, and each producer's next line."""

    def __init__(self, text, partition):
        self.text, self.partition, self.offset = text, partition, 0
        self.next_line = {each: text.quarter(each).start for each in text.producers_of(partition)}

    def take(self, messages):
        """Each message once, in order, byte for byte, with its headers."""
        for message in messages:
            headers = message.user_headers().to_scalar_dict()
            producer, line = headers["producer"], headers["line"]
            assert headers == {"producer": producer, "line": line, "kind": "text"}
            assert message.offset() == self.offset, "a gap or a repeat"
            assert line == self.next_line[producer], "lines of a producer out of order"
            assert message.payload() == self.text.lines[line], f"line {line} differs"
            self.next_line[producer] += 1
            self.offset += 1

    def take_fresh(self, messages):
        """As take, of a reply that may begin before what is wanted."""
        assert messages, f"nothing at {self.offset}"
        first = messages[0].offset()
        assert first <= self.offset, f"the reply begins at {first}, wanted {self.offset}"
        fresh = messages[self.offset - first:]
        assert fresh, f"nothing new at {self.offset}"
        self.take(fresh)

    def must_be_complete(self):
        assert self.offset == self.text.count_in(self.partition)
        for producer, line in self.next_line.items():
            assert line == self.text.quarter(producer).stop


async def read_next(client, reader, until):
    """Reads with Next and auto-commit up to the offset `until`."""
    while reader.offset < until:
        reader.take_fresh(await poll(client, reader.partition, PollingStrategy.Next(),
                                     min(5000, until - reader.offset), "next-reader", True))


async def read_offsets(client, reader, until):
    while reader.offset < until:
        reader.take_fresh(await poll(client, reader.partition,
                                     PollingStrategy.Offset(reader.offset),
                                     min(7000, until - reader.offset)))


def place(consumer, partition):
    """The body of an offset command up to its partition; this client has no method for them."""
    def name(text):
        return bytes([2, len(text)]) + text.encode()
    return b"\x01" + name(consumer) + name(STREAM) + name(TOPIC) + struct.pack("<BI", 1, partition)


async def stored_offset(client, consumer, partition):
    reply = await client.send_binary_request(GET_OFFSET, place(consumer, partition))
    return struct.unpack("<IQQ", reply)[2] if reply else None


async def send_text(address, text):
    client = await connected(address)
    await client.create_stream(STREAM)
    await client.create_topic(STREAM, TOPIC, PARTITIONS)
    await asyncio.gather(*(produce(address, text, producer) for producer in range(PRODUCERS)))


async def read_half(address, text):
    client = await connected(address)
    for partition in range(PARTITIONS):
        await read_next(client, Reader(text, partition), text.count_in(partition) // 2)
        await client.send_binary_request(
            STORE_OFFSET, place("keeper", partition) + struct.pack("<QB", STORED_OFFSET, 1))


async def counts_are_right(address, text):
    client = await connected(address)
    topic = await client.get_topic(STREAM, TOPIC)
    assert topic.messages_count == len(text.lines)
    for partition in topic.partitions:
        assert partition.messages_count == text.count_in(partition.id)
        assert partition.current_offset == text.count_in(partition.id) - 1


async def offsets_survived(address, text):
    client = await connected(address)
    for partition in range(PARTITIONS):
        half = text.count_in(partition) // 2
        assert await stored_offset(client, "keeper", partition) == STORED_OFFSET
        assert await stored_offset(client, "next-reader", partition) == half - 1
        after = await poll(client, partition, PollingStrategy.Next(), 1, "keeper")
        assert after[0].offset() == STORED_OFFSET + 1
        await client.send_binary_request(DELETE_OFFSET, place("keeper", partition) + b"\x01")
        assert await stored_offset(client, "keeper", partition) is None


async def next_goes_on(address, text):
    client = await connected(address)
    for partition in range(PARTITIONS):
        reader, count = Reader(text, partition), text.count_in(partition)
        await read_offsets(client, reader, count // 2)
        await read_next(client, reader, count)
        reader.must_be_complete()
        assert await poll(client, partition, PollingStrategy.Next(), 9, "next-reader", True) == []


async def read_by_offset(address, text):
    client = await connected(address)
    for partition in range(PARTITIONS):
        reader = Reader(text, partition)
        await read_offsets(client, reader, text.count_in(partition))
        reader.must_be_complete()
        assert await poll(client, partition, PollingStrategy.Offset(reader.offset), 9) == []


async def read_by_timestamp(address, text):
    """A batch has one time, so asking for the last time seen brings that batch once more."""
    client = await connected(address)
    for partition in range(PARTITIONS):
        reader, stamp = Reader(text, partition), 0
        while reader.offset < text.count_in(partition):
            messages = await poll(client, partition, PollingStrategy.Timestamp(stamp), 7000)
            reader.take_fresh(messages)
            stamp = messages[-1].timestamp()
        reader.must_be_complete()


async def read_by_first_and_last(address, text):
    """First reaches as far as one reply does; Last is asked for all that is still unread."""
    client = await connected(address)
    for partition in range(PARTITIONS):
        total = text.count_in(partition)
        Reader(text, partition).take_fresh(
            await poll(client, partition, PollingStrategy.First(), total))
        few = await poll(client, partition, PollingStrategy.Last(), 3)
        assert [message.offset() for message in few] == [total - 3, total - 2, total - 1]
        reader = Reader(text, partition)
        while reader.offset < total:
            reader.take_fresh(await poll(client, partition, PollingStrategy.Last(),
                                         total - reader.offset))
        reader.must_be_complete()


PHASES = {
    "send": [("four producers send a text of 50 MB as lines with headers", send_text),
             ("half of it is read with Next and auto-commit, and an offset is stored", read_half)],
    "verify": [("after the restart all counts are right", counts_are_right),
               ("stored and auto-committed offsets survived the restart", offsets_survived),
               ("Next goes on where it was and reaches the end", next_goes_on),
               ("all is read back by offset, byte for byte", read_by_offset),
               ("all is read back by timestamp", read_by_timestamp),
               ("all is read back by First and Last", read_by_first_and_last)],
}


async def run(address, phase, text):
    failed = 0
    for sentence, check in PHASES[phase]:
        begin, verdict = time.monotonic(), "ok"
        try:
            await asyncio.wait_for(check(address, text), CHECK_SECONDS)
        except (Exception, asyncio.CancelledError):
            traceback.print_exc()
            verdict, failed = "FAILED", failed + 1
        print(f"{verdict:7} {time.monotonic() - begin:6.2f} s  {sentence}", flush=True)
    return failed


if __name__ == "__main__":
    text = Text(sys.argv[3]) if len(sys.argv) > 3 else None
    failed = asyncio.run(run(sys.argv[1], sys.argv[2], text))
    sys.stdout.flush()
    sys.stderr.flush()
    # This client aborts now and then while the interpreter winds down, after all work is done.
    os._exit(1 if failed else 0)
