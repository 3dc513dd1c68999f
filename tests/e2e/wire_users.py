"""Users, permissions and tokens as bytes: what `wire_format` is for everything else."""

import struct

from wire_format import (PROTOCOL_VERSION, decode_options, expect, identifier, name, to_the_end,
                         whole)

GLOBAL = ("manage_servers", "read_servers", "manage_users", "read_users", "manage_streams",
          "read_streams", "manage_topics", "read_topics", "poll_messages", "send_messages")
STREAM = ("manage_stream", "read_stream", "manage_topics", "read_topics", "poll_messages",
          "send_messages")
TOPIC = ("manage_topic", "read_topic", "poll_messages", "send_messages")
ACTIVE, INACTIVE = 1, 2


def _bits(names, allowed):
    expect(set(allowed) <= set(names), f"{allowed} are not among {names}")
    return bytes(each in allowed for each in names)


def _chain(entries):
    """Entries with the byte behind each that says whether another follows; its own flag first."""
    if not entries:
        return b"\0"
    last = len(entries) - 1
    return b"\1" + b"".join(entry + bytes([i < last]) for i, entry in enumerate(entries))


def permissions(*rights, streams=None):
    """permissions("read_users", streams={7: ({"send_messages"}, {3: {"read_topic"}})})"""
    entries = []
    for stream, (allowed, topics) in (streams or {}).items():
        entries.append(struct.pack("<I", stream) + _bits(STREAM, allowed) + _chain(
            [struct.pack("<I", topic) + _bits(TOPIC, each) for topic, each in topics.items()]))
    return _bits(GLOBAL, rights) + _chain(entries)


def optional_permissions(block):
    return b"\0" if block is None else struct.pack("<BI", 1, len(block)) + block


def create_body(user, password, block=None, status=ACTIVE, rest=b""):
    return name(user) + name(password) + bytes([status]) + optional_permissions(block) + rest


def update_body(user, new_name=None, status=None, rest=b""):
    return (identifier(user) + (b"\0" if new_name is None else b"\1" + name(new_name))
            + (b"\0" if status is None else bytes([1, status])) + rest)


def token_body(token, context=b""):
    prefix = struct.pack("<I", PROTOCOL_VERSION) + name("python-test") + name("0.9.0")
    return prefix + name(token) + struct.pack("<I", len(context)) + context


def _read_bits(reader, names):
    data = reader.take(len(names))
    expect(set(data) <= {0, 1}, f"flags {data.hex()}")
    return {each for each, flag in zip(names, data) if flag}


def _read_chain(reader, read):
    entries, more = [], reader.u8()
    while more:
        entries.append(read())
        more = reader.u8()
    return entries


def _permissions(reader):
    """(global rights, {stream: (rights, {topic: rights})}), or None."""
    if not reader.u8():
        expect(reader.take(3) == b"\0\0\0", "no permissions are four zero bytes")
        return None
    end = reader.u32() + reader.at

    def topic():
        return reader.u32(), _read_bits(reader, TOPIC)

    def stream():
        number, allowed = reader.u32(), _read_bits(reader, STREAM)
        topics = _read_chain(reader, topic)
        expect([t for t, _ in topics] == sorted({t for t, _ in topics}), "topics in rising order")
        return number, (allowed, dict(topics))

    rights = _read_bits(reader, GLOBAL)
    streams = _read_chain(reader, stream)
    expect(reader.at == end, "the length in front of the permissions is theirs")
    expect([s for s, _ in streams] == sorted({s for s, _ in streams}), "streams in rising order")
    return rights, dict(streams)


def _user_header(reader):
    user = {"id": reader.u32(), "created_at": reader.u64(), "status": reader.u8(),
            "name": reader.name()}
    expect(decode_options(reader.take(reader.u32())) == {}, "users have no options")
    return user


def _user(reader):
    user = _user_header(reader)
    user["permissions"] = _permissions(reader)
    return user


def _token(reader):
    return reader.name(), reader.u64()


decode_user, decode_users = whole(_user), to_the_end(_user_header)
decode_tokens = to_the_end(_token)
