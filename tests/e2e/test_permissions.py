"""Who may do what: every command against every right, changed under a live session
(behaviour 7.2 and 7.3). The table is written down here once more, from the description alone."""

import struct

import wire_format as wire
import wire_users
from case import Case, deadline
from wire_client import Client
from wire_format import identifier
from wire_users import permissions

LIST = {"manage_streams", "read_streams", "manage_topics", "read_topics"}
LIST_OF_STREAM = {"manage_stream", "read_stream", "manage_topics", "read_topics"}
SERVERS = ({"manage_servers", "read_servers"}, set(), set())
READ_USERS = ({"manage_users", "read_users"}, set(), set())
MANAGE_USERS = ({"manage_users"}, set(), set())
LIST_STREAMS = ({"manage_streams", "read_streams"}, set(), set())
READ_STREAM = ({"manage_streams", "read_streams"}, {"manage_stream", "read_stream"}, set())
CREATE_STREAM = ({"manage_streams"}, set(), set())
MANAGE_STREAM = ({"manage_streams"}, {"manage_stream"}, set())
LIST_TOPICS = (LIST, LIST_OF_STREAM, set())
READ_TOPIC = (LIST, LIST_OF_STREAM, {"manage_topic", "read_topic"})
CREATE_TOPIC = ({"manage_streams", "manage_topics"}, {"manage_stream", "manage_topics"}, set())
MANAGE_TOPIC = ({"manage_streams", "manage_topics"}, {"manage_stream", "manage_topics"},
                {"manage_topic"})
POLL = (LIST | {"poll_messages"}, LIST_OF_STREAM | {"poll_messages"},
        {"manage_topic", "read_topic", "poll_messages"})
SEND = ({"manage_streams", "manage_topics", "send_messages"},
        {"manage_stream", "manage_topics", "send_messages"}, {"manage_topic", "send_messages"})

STREAM, PLACE = identifier("s"), identifier("s") + identifier("t")
ONE = struct.pack("<I", 1)
OFFSET = wire.consumer(1) + PLACE + wire.optional_partition(0)
BATCH = wire.encode_batch([b"x"])


def read(code, body=b""):
    return wire.NON_REPLICATED, body, code


def mutation(operation, body=b""):
    return operation, body, 0


# name -> what is sent, who may, and whether the stream has to be made again afterwards
COMMANDS = {
    "get stats": (read(wire.GET_STATS), SERVERS, False),
    "get snapshot": (read(wire.GET_SNAPSHOT, b"\x01\x01\x01"), SERVERS, False),
    "get client": (read(wire.GET_CLIENT, ONE), SERVERS, False),
    "get clients": (read(wire.GET_CLIENTS), SERVERS, False),
    "get user": (read(wire.GET_USER, identifier("iggy")), READ_USERS, False),
    "get users": (read(wire.GET_USERS), READ_USERS, False),
    "create user": (mutation(wire.CREATE_USER, wire_users.create_body("user-2", "secret")),
                    MANAGE_USERS, False),
    "update user": (mutation(wire.UPDATE_USER, wire_users.update_body("other")), MANAGE_USERS,
                    False),
    "update permissions": (mutation(wire.UPDATE_PERMISSIONS, identifier("other") + b"\0"),
                           MANAGE_USERS, False),
    "delete user": (mutation(wire.DELETE_USER, identifier("nobody")), MANAGE_USERS, False),
    "change password": (mutation(wire.CHANGE_PASSWORD, identifier("other") + wire.name("secret")
                                 + wire.name("secret")), MANAGE_USERS, False),
    "get streams": (read(wire.GET_STREAMS), LIST_STREAMS, False),
    "get stream": (read(wire.GET_STREAM, STREAM), READ_STREAM, False),
    "create stream": (mutation(wire.CREATE_STREAM, wire.name("s")), CREATE_STREAM, False),
    "update stream": (mutation(wire.UPDATE_STREAM, STREAM + wire.name("s")), MANAGE_STREAM, False),
    "purge stream": (mutation(wire.PURGE_STREAM, STREAM), MANAGE_STREAM, False),
    "delete stream": (mutation(wire.DELETE_STREAM, STREAM), MANAGE_STREAM, True),
    "get topics": (read(wire.GET_TOPICS, STREAM), LIST_TOPICS, False),
    "get topic": (read(wire.GET_TOPIC, PLACE), READ_TOPIC, False),
    "create topic": (mutation(wire.CREATE_TOPIC, STREAM + ONE + wire.name("t")), CREATE_TOPIC,
                     False),
    "update topic": (mutation(wire.UPDATE_TOPIC, PLACE + wire.name("t")), MANAGE_TOPIC, False),
    "purge topic": (mutation(wire.PURGE_TOPIC, PLACE), MANAGE_TOPIC, False),
    "create partitions": (mutation(wire.CREATE_PARTITIONS, PLACE + ONE), MANAGE_TOPIC, False),
    "delete partitions": (mutation(wire.DELETE_PARTITIONS, PLACE + ONE), MANAGE_TOPIC, True),
    "delete segments": (mutation(wire.DELETE_SEGMENTS, PLACE + struct.pack("<II", 0, 1)),
                        MANAGE_TOPIC, False),
    "delete topic": (mutation(wire.DELETE_TOPIC, PLACE), MANAGE_TOPIC, True),
    "send": (mutation(wire.SEND_MESSAGES, wire.send_body("s", "t", wire.to_partition(0), BATCH, 1)),
             SEND, False),
    "flush": (read(wire.FLUSH, PLACE + struct.pack("<IB", 0, 1)), SEND, False),
    "poll": (read(wire.POLL, wire.poll_body("s", "t", 0, wire.FIRST)), POLL, False),
    "get offset": (read(wire.GET_OFFSET, OFFSET), POLL, False),
    "store offset": (mutation(wire.STORE_OFFSET, OFFSET + struct.pack("<QB", 0, 1)), POLL, False),
    "delete offset": (mutation(wire.DELETE_OFFSET, OFFSET + b"\1"), POLL, False),
    "get group": (read(wire.GET_GROUP, PLACE + identifier("g")), READ_TOPIC, False),
    "get groups": (read(wire.GET_GROUPS, PLACE), READ_TOPIC, False),
    "create group": (mutation(wire.CREATE_GROUP, PLACE + wire.name("g")), READ_TOPIC, False),
    "join group": (mutation(wire.JOIN_GROUP, PLACE + identifier("g")), READ_TOPIC, False),
    "sync group": (read(wire.SYNC_GROUP, PLACE + identifier("g")), READ_TOPIC, False),
    "leave group": (mutation(wire.LEAVE_GROUP, PLACE + identifier("g")), READ_TOPIC, False),
    "delete group": (mutation(wire.DELETE_GROUP, PLACE + identifier("g")), READ_TOPIC, False),
}


class Permissions(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.root = Client(cls.server.address).register()
        cls.root.create_user("other", "secret")

    @classmethod
    def tearDownClass(cls):
        cls.root.close()
        super().tearDownClass()

    def place(self):
        """The stream s with the topic t, and their numbers."""
        if self.root.get_stream("s") is None:
            self.root.create_stream("s")
        if self.root.get_topic("s", "t") is None:
            self.root.create_topic("s", "t")
        if self.root.get_topic("s", "t")["partitions_count"] == 0:
            self.root.create_partitions("s", "t", 1)
        return self.root.get_stream("s")["id"], self.root.get_topic("s", "t")["id"]

    def user(self, block=None):
        """A session of a new user; its permissions are self.allow's to change."""
        self.username = self.name[-40:]
        self.root.create_user(self.username, "secret", block)
        client = Client(self.server.address)
        self.addCleanup(client.close)
        return client.register(self.username, "secret")

    def allow(self, *rights, streams=None):
        self.root.update_permissions(self.username, permissions(*rights, streams=streams))

    def error(self, client, command):
        (operation, body, code), _, _ = COMMANDS[command]
        return client.call(operation, body, code).error

    def judge(self, client, right, level):
        """Every command, while the user has exactly this one right."""
        for command, (_, rights, destroys) in COMMANDS.items():
            error = self.error(client, command)
            may = right in rights[level]
            self.assertEqual(error != 41, may, f"{command} with {right}: {error}")
            if may and destroys:
                stream, topic = self.place()
                self.grant(right, level, stream, topic)
            if command == "create user" and may:
                self.root.delete_user("user-2")

    def grant(self, right, level, stream, topic):
        if level == 0:
            self.allow(right)
        elif level == 1:
            self.allow(streams={stream: ({right}, {})})
        else:
            self.allow(streams={stream: (set(), {topic: {right}})})

    @deadline(60)
    def test_each_global_right_allows_what_the_table_says_at_once(self):
        client = self.user()
        for right in wire_users.GLOBAL:
            stream, topic = self.place()
            self.grant(right, 0, stream, topic)
            self.judge(client, right, 0)

    @deadline(60)
    def test_each_right_of_a_stream_allows_what_the_table_says_at_once(self):
        client = self.user()
        for right in wire_users.STREAM:
            stream, topic = self.place()
            self.grant(right, 1, stream, topic)
            self.judge(client, right, 1)

    @deadline(60)
    def test_each_right_of_a_topic_allows_what_the_table_says_at_once(self):
        client = self.user()
        for right in wire_users.TOPIC:
            stream, topic = self.place()
            self.grant(right, 2, stream, topic)
            self.judge(client, right, 2)

    def test_without_permissions_everything_but_ones_own_is_refused(self):
        self.place()
        client = self.user()
        for command in COMMANDS:
            self.assertEqual(self.error(client, command), 41, command)
        client.ping()
        client.get_me()
        client.get_cluster()
        client.describe_options(1)
        self.assertEqual(client.get_user(self.username)["name"], self.username)
        client.change_password(self.username, "secret", "changed")
        self.assertEqual(self.root.get_stream("s")["name"], "s")

    def test_rights_taken_away_are_gone_with_the_next_request(self):
        stream, _ = self.place()
        client = self.user(permissions("poll_messages", "send_messages", "read_servers"))
        for _ in range(3):
            client.send_messages("s", "t", [b"x"])
            client.poll("s", "t")
            client.get_stats()
            self.root.update_permissions(self.username, None)
            self.refused(41, client.send_messages, "s", "t", [b"x"])
            self.refused(41, client.poll, "s", "t")
            self.refused(41, client.get_stats)
            self.allow("read_servers", streams={stream: ({"poll_messages", "send_messages"}, {})})

    def test_the_rights_of_one_place_are_not_those_of_its_neighbours(self):
        stream, topic = self.place()
        self.root.create_stream("near")
        self.root.create_topic("near", "t")
        self.root.create_topic("s", "near")
        client = self.user()
        self.allow(streams={stream: (set(), {topic: {"manage_topic"}})})
        client.send_messages("s", "t", [b"x"])
        for place in (("s", "near"), ("near", "t")):
            self.refused(41, client.send_messages, *place, [b"x"])
            self.refused(41, client.poll, *place)
            self.refused(41, client.get_topic, *place)
            self.refused(41, client.delete_topic, *place)
        self.refused(41, client.get_stream, "s")
        self.refused(41, client.get_topics, "s")
        self.root.delete_topic("s", "near")
        self.root.delete_stream("near")

    def test_what_is_missing_is_said_before_it_is_refused(self):
        self.place()
        client = self.user()
        for stream, topic in (("nowhere", "t"), ("s", "nowhere"), (4_000_000, 0)):
            missing = 2010 if stream == "s" else 1009
            self.assertIsNone(client.get_topic(stream, topic))
            self.refused(missing, client.delete_topic, stream, topic)
            self.refused(missing, client.poll, stream, topic)
            self.refused(20, client.send_messages, stream, topic, [b"x"])
            self.assertIsNone(client.get_offset(stream, topic, 0))
        self.assertIsNone(client.get_stream("nowhere"))
        self.assertEqual(client.get_topics("nowhere"), [])
        self.assertIsNone(client.get_user("nowhere"))
        self.refused(1009, client.delete_stream, "nowhere")
        self.refused(1009, client.create_topic, "nowhere", "t")
        self.refused(20, client.change_password, "nowhere", "secret", "secret")
        self.refused(41, client.delete_user, "nowhere")

    def test_a_refused_send_is_thrown_away_whole_and_the_connection_goes_on(self):
        self.place()
        client = self.user()
        self.refused(41, client.send_messages, "s", "t", [b"x" * 100_000] * 20)
        client.ping()
        self.allow("send_messages")
        client.send_messages("s", "t", [b"x" * 100_000] * 20)

    def test_rights_do_not_pass_on_with_a_number_that_is_used_again(self):
        stream, topic = self.place()
        client = self.user()
        self.allow(streams={stream: ({"read_stream"}, {topic: {"send_messages"}})})
        client.send_messages("s", "t", [b"x"])
        self.root.delete_topic("s", "t")
        self.assertEqual(self.root.create_topic("s", "t")["id"], topic)
        self.refused(41, client.send_messages, "s", "t", [b"x"])
        client.poll("s", "t")
        self.root.delete_stream("s")
        self.assertEqual(self.place(), (stream, topic))
        self.refused(41, client.poll, "s", "t")
        self.assertEqual(self.root.get_user(self.username)["permissions"], (set(), {}))

    def test_who_may_manage_users_may_allow_itself_everything(self):
        self.place()
        client = self.user(permissions("manage_users"))
        self.refused(41, client.get_streams)
        client.update_permissions(self.username, permissions(*wire_users.GLOBAL))
        self.assertIsNotNone(client.get_streams())
        self.refused(49, client.update_permissions, 0, None)
        self.refused(48, client.delete_user, 0)

    def test_hundreds_of_places_find_room_and_more_are_refused(self):
        client = self.user()
        streams = {number: (set(), {0: {"send_messages"}}) for number in range(350)}
        self.allow(streams=streams)
        self.assertEqual(self.root.get_user(self.username)["permissions"], (set(), streams))
        more = {number: ({"read_stream"}, {}) for number in range(5000)}
        self.refused(4022, self.allow, streams=more)
        self.assertEqual(client.get_user(self.username)["permissions"], (set(), streams))

    def test_rights_survive_a_restart(self):
        server = self.own_server().start()
        root = self.client(server)
        root.create_stream("s")
        root.create_topic("s", "t")
        root.create_topic("s", "closed")
        rights = permissions(streams={0: (set(), {0: {"send_messages"}})})
        root.create_user("user", "secret", rights)
        root.create_user("gone", "secret", permissions(*wire_users.GLOBAL))
        root.delete_user("gone")
        for end in (server.stop, server.kill):
            end()
            server.start()
            with Client(server.address) as client:
                client.register("user", "secret")
                client.send_messages("s", "t", [b"x"])
                self.refused(41, client.poll, "s", "t")
                self.refused(41, client.send_messages, "s", "closed", [b"x"])
                self.refused(41, client.create_stream, "mine")
