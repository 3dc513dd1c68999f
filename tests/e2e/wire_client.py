"""A small client of the 0.9 wire protocol. It is deliberately not a library: nothing is retried,
nothing is hidden, and every wait has an end.

    connection = Connection(address)             bytes, frames, raw replies
    client = Client(address).register()          one method a command, raises Refused(number)
"""

import os
import struct

import wire_format as wire
import wire_users
from line import Closed, Line
from wire_format import Reply, expect, identifier


class Connection(Line):
    """A socket that knows frames."""

    def __init__(self, address, timeout=10.0):
        super().__init__(address, timeout)
        self.client_id = os.urandom(15) + b"\x01"
        self.session = 0
        self.request = 0

    def send(self, data):
        self.send_bytes(data)

    def receive(self):
        header = self.exactly(wire.HEADER_BYTES)
        size = int.from_bytes(header[48:52], "little")
        expect(wire.HEADER_BYTES <= size <= wire.FRAME_BYTES_MAX, f"reply of {size} bytes")
        return Reply(header, self.exactly(size - wire.HEADER_BYTES))

    def frame(self, operation, body=b"", **fields):
        """Numbers the request as released Rust does: reads repeat the number, the rest counts."""
        if operation in (wire.NON_REPLICATED, wire.REGISTER):
            fields.setdefault("request", 0 if operation == wire.REGISTER else max(self.request, 1))
        else:
            self.request += 1
            fields.setdefault("request", self.request)
        fields.setdefault("session", 0 if operation == wire.REGISTER else self.session)
        fields.setdefault("client", self.client_id)
        return wire.encode_request(operation, body, **fields)

    def call(self, operation, body=b"", code=0, **fields):
        """One request, one answer, and the echoes that Go and Java insist on."""
        frame = self.frame(operation, body, code=code, **fields)
        self.send(frame)
        reply = self.receive()
        if not reply.evicted:
            expect(reply.header[200:208] == frame[168:176], "request number not echoed")
            expect(reply.operation == frame[176], f"op {frame[176]} answered as {reply.operation}")
            expect(reply.client == frame[128:144], "client id not echoed")
        return reply

    def read(self, code, body=b""):
        return self.call(wire.NON_REPLICATED, body, code)


class Client(Connection):
    """One method a command. Every one raises Refused with the number the server gave."""

    def register(self, user="iggy", password="iggy", **fields):
        reply = self.call(wire.REGISTER, wire.register_body(user, password), **fields)
        self.registered = wire.decode_registered(reply.payload())
        self.session = self.registered["session"]
        expect(0 < self.session < 1 << 63, f"session {self.session}")
        expect(self.registered["version"] != "", "the server has no version")
        return self

    def ping(self):
        expect(self.read(wire.PING).payload() == b"", "a ping is answered with an empty body")

    def logout(self):
        expect(self.call(wire.LOGOUT).payload() == b"", "a logout is answered with an empty body")

    def create_stream(self, stream, block=b""):
        body = wire.name(stream) + block
        return wire.decode_stream(self.call(wire.CREATE_STREAM, body).payload())

    def get_stream(self, stream):
        return wire.decode_stream(self.read(wire.GET_STREAM, identifier(stream)).payload())

    def get_streams(self):
        return wire.decode_streams(self.read(wire.GET_STREAMS).payload())

    def update_stream(self, stream, new_name, block=b""):
        self._mutate(wire.UPDATE_STREAM, identifier(stream) + wire.name(new_name) + block)

    def delete_stream(self, stream):
        self._mutate(wire.DELETE_STREAM, identifier(stream))

    def purge_stream(self, stream):
        self._mutate(wire.PURGE_STREAM, identifier(stream))

    def _mutate(self, operation, body):
        expect(self.call(operation, body).payload() == b"", f"op {operation} answers nothing")

    def create_topic(self, stream, topic, partitions=1, pairs=None, block=None):
        block = wire.options(pairs or {}) if block is None else block
        body = identifier(stream) + struct.pack("<I", partitions) + wire.name(topic) + block
        return wire.decode_topic(self.call(wire.CREATE_TOPIC, body).payload())

    def get_topic(self, stream, topic):
        body = identifier(stream) + identifier(topic)
        return wire.decode_topic(self.read(wire.GET_TOPIC, body).payload())

    def get_topics(self, stream):
        return wire.decode_topics(self.read(wire.GET_TOPICS, identifier(stream)).payload())

    def update_topic(self, stream, topic, new_name, pairs=None):
        self._mutate(wire.UPDATE_TOPIC, identifier(stream) + identifier(topic) + wire.name(new_name)
                     + wire.options(pairs or {}))

    def delete_topic(self, stream, topic):
        self._mutate(wire.DELETE_TOPIC, identifier(stream) + identifier(topic))

    def purge_topic(self, stream, topic):
        self._mutate(wire.PURGE_TOPIC, identifier(stream) + identifier(topic))

    def create_partitions(self, stream, topic, count):
        self._mutate(wire.CREATE_PARTITIONS,
                     identifier(stream) + identifier(topic) + struct.pack("<I", count))

    def delete_partitions(self, stream, topic, count):
        self._mutate(wire.DELETE_PARTITIONS,
                     identifier(stream) + identifier(topic) + struct.pack("<I", count))

    def delete_segments(self, stream, topic, partition, count):
        self._mutate(wire.DELETE_SEGMENTS,
                     identifier(stream) + identifier(topic) + struct.pack("<II", partition, count))

    def send_frame(self, stream, topic, messages, where=wire.to_partition(0), **fields):
        batch = wire.encode_batch(messages)
        body = wire.send_body(stream, topic, where, batch, len(messages))
        return self.frame(wire.SEND_MESSAGES, body, **fields)

    def send_messages(self, stream, topic, messages, where=wire.to_partition(0)):
        """Returns what the server confirmed: (stream id, topic id, partition, base offset)."""
        batch = wire.encode_batch(messages)
        return self.send_batch(stream, topic, batch, len(messages), where)

    def send_batch(self, stream, topic, batch, count, where=wire.to_partition(0)):
        body = wire.send_body(stream, topic, where, batch, count)
        return wire.confirmation(self.call(wire.SEND_MESSAGES, body).payload())

    def poll(self, stream, topic, partition=0, strategy=wire.FIRST, value=0, count=1000,
             auto_commit=False, who=1):
        body = wire.poll_body(stream, topic, partition, strategy, value, count, auto_commit, who)
        polled = wire.decode_poll(self.read(wire.POLL, body).payload())
        expect(len(polled.messages) <= count, f"{len(polled.messages)} served, {count} asked")
        return polled

    def wait_frame(self, stream, topic, wait_ms, partition=0, strategy=wire.NEXT, value=0,
                   count=1000, auto_commit=False, who=1):
        body = struct.pack("<I", wait_ms) + wire.poll_body(stream, topic, partition, strategy,
                                                           value, count, auto_commit, who)
        return self.frame(wire.NON_REPLICATED, body, code=wire.POLL_WAITING)

    def poll_waiting(self, stream, topic, wait_ms, **fields):
        self.send(self.wait_frame(stream, topic, wait_ms, **fields))
        return self.polled()

    def polled(self):
        return wire.decode_poll(self.receive().payload())

    def poll_all(self, stream, topic, partition=0, start=0):
        """Everything from `start`; a reply may end early, so it asks until nothing comes."""
        messages = []
        while True:
            polled = self.poll(stream, topic, partition, wire.OFFSET, start, count=1 << 20)
            if not polled.messages:
                return messages
            messages += polled.messages
            start = messages[-1].offset + 1

    def _place(self, stream, topic, partition, who):
        return (wire.consumer(who) + identifier(stream) + identifier(topic)
                + wire.optional_partition(partition))

    def store_offset(self, stream, topic, partition, offset, who=1, acknowledge=1):
        self._mutate(wire.STORE_OFFSET, self._place(stream, topic, partition, who)
                     + struct.pack("<QB", offset, acknowledge))

    def delete_offset(self, stream, topic, partition, who=1, acknowledge=1):
        self._mutate(wire.DELETE_OFFSET, self._place(stream, topic, partition, who)
                     + bytes([acknowledge]))

    def get_offset(self, stream, topic, partition, who=1):
        """(partition, current offset, stored offset), or None when nothing is stored."""
        payload = self.read(wire.GET_OFFSET, self._place(stream, topic, partition, who)).payload()
        expect(len(payload) in (0, 20), f"an offset of {len(payload)} bytes")
        return struct.unpack("<IQQ", payload) if payload else None

    def get_stats(self):
        return wire.decode_stats(self.read(wire.GET_STATS).payload())

    def get_me(self):
        return wire.decode_client(self.read(wire.GET_ME).payload())

    def get_client(self, client_id):
        body = struct.pack("<I", client_id)
        return wire.decode_client(self.read(wire.GET_CLIENT, body).payload())

    def get_clients(self):
        return wire.decode_clients(self.read(wire.GET_CLIENTS).payload())

    def get_cluster(self):
        return wire.decode_cluster(self.read(wire.GET_CLUSTER).payload())

    def describe_options(self, scope):
        reply = self.read(wire.DESCRIBE_OPTIONS, bytes([scope]))
        return wire.decode_described_options(reply.payload())

    def create_user(self, user, password, block=None, status=wire_users.ACTIVE):
        body = wire_users.create_body(user, password, block, status)
        return wire_users.decode_user(self.call(wire.CREATE_USER, body).payload())

    def get_user(self, user):
        return wire_users.decode_user(self.read(wire.GET_USER, identifier(user)).payload())

    def get_users(self):
        return wire_users.decode_users(self.read(wire.GET_USERS).payload())

    def update_user(self, user, new_name=None, status=None):
        self._mutate(wire.UPDATE_USER, wire_users.update_body(user, new_name, status))

    def delete_user(self, user):
        self._mutate(wire.DELETE_USER, identifier(user))

    def update_permissions(self, user, block):
        self._mutate(wire.UPDATE_PERMISSIONS,
                     identifier(user) + wire_users.optional_permissions(block))

    def change_password(self, user, current, new):
        self._mutate(wire.CHANGE_PASSWORD, identifier(user) + wire.name(current) + wire.name(new))

    def register_token(self, token):
        reply = self.call(wire.REGISTER, wire_users.token_body(token))
        self.registered = wire.decode_registered(reply.payload())
        self.session = self.registered["session"]
        return self

    def create_token(self, name, expiry=0):
        body = wire.name(name) + struct.pack("<Q", expiry)
        payload = self.call(wire.CREATE_TOKEN, body).payload()
        expect(payload[0] == len(payload) - 1, "a token is a name")
        return payload[1:].decode()

    def delete_token(self, name):
        self._mutate(wire.DELETE_TOKEN, wire.name(name))

    def get_tokens(self):
        return wire_users.decode_tokens(self.read(wire.GET_TOKENS).payload())

    @staticmethod
    def _group_body(stream, topic, group):
        return identifier(stream) + identifier(topic) + identifier(group)

    def create_group(self, stream, topic, group):
        body = identifier(stream) + identifier(topic) + wire.name(group)
        return wire.decode_created_group(self.call(wire.CREATE_GROUP, body).payload())

    def delete_group(self, stream, topic, group):
        self._mutate(wire.DELETE_GROUP, self._group_body(stream, topic, group))

    def join_group(self, stream, topic, group):
        self._mutate(wire.JOIN_GROUP, self._group_body(stream, topic, group))

    def leave_group(self, stream, topic, group):
        self._mutate(wire.LEAVE_GROUP, self._group_body(stream, topic, group))

    def get_group(self, stream, topic, group):
        reply = self.read(wire.GET_GROUP, self._group_body(stream, topic, group))
        return wire.decode_group(reply.payload())

    def get_groups(self, stream, topic):
        reply = self.read(wire.GET_GROUPS, identifier(stream) + identifier(topic))
        return wire.decode_groups(reply.payload())

    def sync_group(self, stream, topic, group):
        """(generation, partitions), or None for who is not a member."""
        reply = self.read(wire.SYNC_GROUP, self._group_body(stream, topic, group))
        return wire.decode_assignment(reply.payload())

    def poll_group(self, stream, topic, group, partition, **fields):
        fields.setdefault("strategy", wire.NEXT)
        return self.poll(stream, topic, partition, who=wire.Group(group), **fields)

    def poll_route(self, stream, topic, partition=0, who=1):
        body = wire.poll_body(stream, topic, partition, wire.NEXT, who=who)
        return wire.decode_route(self.read(wire.GET_POLL_ROUTING, body).payload())

    def offset_route(self, stream, topic, partition=0, who=1):
        body = self._place(stream, topic, partition, who)
        return wire.decode_route(self.read(wire.GET_OFFSET_ROUTING, body).payload())

    def attach(self, client_id, session, watermark=0):
        body = client_id + struct.pack("<QQ", session, watermark)
        expect(self.read(wire.ATTACH, body).payload() == b"", "attaching answers nothing")
