"""What a data directory serves, as text: the same facts before and after, whoever wrote it."""

import hashlib

import wire_format as wire

# The key that golden directories with encrypted messages were written with.
ENCRYPTED = """[system.encryption]
enabled = true
key = "Z29sZGVuIGRhdGEgaXMgbm90IGEgc2VjcmV0LCBzZWU="
"""

# Who stored offsets in the golden directories.
CONSUMERS = (1, 2, 9, "a consumer with a name")


def _line(message):
    content = hashlib.sha256(message.payload + b"|" + message.user_headers).hexdigest()
    return (f"{message.offset} {message.id} {message.timestamp} {message.origin_timestamp} "
            f"{content}\n")


def _offsets(client, stream, topic, partition):
    stored = {}
    for who in CONSUMERS:
        found = client.get_offset(stream, topic, partition, who)
        if found is not None:
            stored[str(who)] = found[2]
    return stored


def _partition(client, stream, topic, row):
    partition = row["id"]
    first = client.poll(stream, topic, partition, wire.FIRST, count=1).offsets
    messages = client.poll_all(stream, topic, partition, first[0] if first else 0)
    digest = hashlib.sha256("".join(map(_line, messages)).encode()).hexdigest()
    return {"id": partition, "created_at": row["created_at"], "segments": row["segments"],
            "current_offset": row["current_offset"], "bytes": row["size"],
            "messages": len(messages), "first": first, "digest": digest,
            "offsets": _offsets(client, stream, topic, partition)}


def _topic(client, stream, row):
    topic = client.get_topic(stream, row["id"])
    return {"id": topic["id"], "name": topic["name"], "created_at": topic["created_at"],
            "explicit": topic["explicit"], "expiry": topic["message_expiry"],
            "partitions": [_partition(client, stream, row["id"], each)
                           for each in topic["partitions"]]}


def facts_of(client):
    return [{"id": stream["id"], "name": stream["name"], "created_at": stream["created_at"],
             "topics": [_topic(client, stream["id"], row)
                        for row in client.get_topics(stream["id"])]}
            for stream in client.get_streams()]
