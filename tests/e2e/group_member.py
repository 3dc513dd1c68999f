"""A member of a consumer group as a process of its own, to be killed and paused for real.

    python3 group_member.py HOST PORT STREAM CLIENT_ID KEEPS     (topic t, group g; id in hex)

It joins and says `ready`; polls what is its own, says `read PARTITION OFFSET` for each message,
commits, pings, and goes on. When its session or connection is over it says `over` and ends.
"""

import sys
import time

import wire_format as wire
from line import Closed
from wire_client import Client
from wire_format import Group, Refused


def say(*words):
    print(*words, flush=True)


def one_round(client, stream):
    assignment = client.sync_group(stream, "t", "g")
    for partition in assignment[1] if assignment else ():
        polled = client.poll_group(stream, "t", "g", partition)
        for message in polled.messages:
            say("read", partition, message.offset)
        if polled.messages:
            client.store_offset(stream, "t", partition, polled.offsets[-1], who=Group("g"))
    client.ping()


def main():
    host, port, stream, client_id, keeps = sys.argv[1:]
    client = Client((host, int(port)))
    client.client_id = bytes.fromhex(client_id)
    client.register(keeps=int(keeps))
    client.join_group(stream, "t", "g")
    for _ in range(3):
        client.ping()  # from now on its silence is noticed
    say("ready")
    try:
        while True:
            one_round(client, stream)
            time.sleep(0.02)
    except (Closed, Refused, OSError, wire.Malformed) as end:
        say("over", repr(end))


main()
