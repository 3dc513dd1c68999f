"""The crossing: what clients of one generation write, those of the other must read byte for byte.

Every client writes to a stream of its own (topic `t` with one partition, topic `keyed` with five),
telling in lines what it wrote; then every client of the other generation reads it and tells what it
found:

    stream NAME
    message TOPIC PARTITION OFFSET ID ORIGIN PAYLOAD HEADERS
    stored CONSUMER OFFSET

Fields are parted by tabs; bytes are hexadecimal; headers are `kind:key=kind:value` in order, parted
by `;`. A field a client cannot set is empty in what it wrote; one it cannot show is empty, or `?`
for headers, in what it read.
"""

import subprocess

from clients import CLIENTS

PROGRAM_SECONDS = 360
# XXH32 of "key-N", seed 0, modulo 5.
KEY_PARTITIONS = (2, 1, 4, 4, 0, 2, 3, 1, 3, 4, 3, 1)
NO_KEYS = {"python-0.8"}
NO_STORED = {"python-0.8"}


def start(program, *words):
    """The lines a program told, split."""
    done = subprocess.run(
        ["timeout", "--kill-after=5", str(PROGRAM_SECONDS), *map(str, program), *words], text=True,
        capture_output=True, errors="replace", stdin=subprocess.DEVNULL)
    if done.returncode:
        raise AssertionError(f"{words[1]} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return [line.split("\t") for line in done.stdout.splitlines()]


def parted(lines):
    """What was read, by stream."""
    streams = {}
    for line in lines:
        if line[0] == "stream":
            lines_of = streams[line[1]] = []
        else:
            lines_of.append(line)
    return streams


def messages(lines, topic):
    return [line[2:] for line in lines if line[0] == "message" and line[1] == topic]


def short(text):
    return text if len(text) < 80 else f"{text[:80]}... ({len(text)} characters)"


def complaint(wrote, read):
    """What differs between a message as written and as read, or None."""
    names = ("partition", "offset", "id", "origin time", "payload", "headers")
    for name, was, came in zip(names, wrote, read):
        untold = came == "?" or (name in ("id", "origin time") and "" in (was, came))
        if not untold and was != came:
            return f"{name} was {short(was)}, came as {short(came)}"
    return "no id was made" if read[2] == "0" else None


def complaints(writer, reader, wrote, read):
    sent, got = messages(wrote, "t"), messages(read, "t")
    if len(sent) != len(got):
        yield f"{len(got)} of {len(sent)} messages came"
    for number, pair in enumerate(zip(sent, got)):
        found = complaint(*pair)
        if found:
            yield f"message {number}: {found}"
    if writer not in NO_KEYS:
        keyed = sorted((bytes.fromhex(line[4]).decode(), int(line[0]))
                       for line in messages(read, "keyed"))
        wanted = sorted((f"key-{n}", partition) for n, partition in enumerate(KEY_PARTITIONS))
        if keyed != wanted:
            yield f"keys lie elsewhere: {keyed}"
    if writer not in NO_STORED and reader not in NO_STORED:
        stored = [sorted(line for line in lines if line[0] == "stored") for lines in (wrote, read)]
        if stored[0] != stored[1]:
            yield f"stored offsets were {stored[0]}, came as {stored[1]}"


def judge(tally, writer, reader, wrote, read):
    found = list(complaints(writer, reader, wrote, read))
    tally.line(f"{'FAILED' if found else 'ok':7} crossing: {writer} writes, {reader} reads")
    for each in found[:10]:
        print(f"        {each}")


def run(tally, names, programs, address, make):
    """`make(stream)` creates a stream with both topics."""
    written = {}
    for name in names:
        make(f"crossing {name}")
        try:
            written[name] = start(programs[name], address, "write", f"crossing {name}")
        except AssertionError as failure:
            tally.line(f"FAILED  crossing: {name} writes: {failure}")
    for reader in names:
        writers = [each for each in written if CLIENTS[each][1] != CLIENTS[reader][1]]
        if not writers:
            continue
        streams = [f"crossing {writer}" for writer in writers]
        try:
            read = parted(start(programs[reader], address, "read", *streams))
        except AssertionError as failure:
            tally.line(f"FAILED  crossing: {reader} reads: {failure}")
            continue
        for writer in writers:
            judge(tally, writer, reader, written[writer], read.get(f"crossing {writer}", []))
