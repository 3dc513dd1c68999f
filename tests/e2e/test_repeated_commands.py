"""A command that comes again because its answer was lost is carried out once (wire-v2 5.3)."""

import struct

import wire_format as wire
import wire_users
from case import Case
from wire_client import Client


class RepeatedCommands(Case):
    def again(self, client, frame):
        """Sends a frame once more, as it was."""
        client.send(frame)
        return client.receive()

    def create(self, client, name, **fields):
        frame = client.frame(wire.CREATE_STREAM, wire.name(name), **fields)
        return frame, self.again(client, frame)

    def heir(self, client, session_of=None):
        """Another connection under the same client id, which goes on counting where it was."""
        other = Client(self.server.address)
        self.addCleanup(other.close)
        other.client_id, other.request = client.client_id, client.request
        return other.register()

    def test_the_same_answer_comes_again_and_nothing_is_done_twice(self):
        client = self.client()
        frame, first = self.create(client, self.name)
        self.assertEqual(first.error, 0)
        for _ in range(3):
            self.assertEqual(self.again(client, frame).body, first.body)
        self.assertEqual([s["name"] for s in client.get_streams()].count(self.name), 1)

    def test_partitions_are_not_created_twice(self):
        client = self.client()
        stream, topic = self.topic(client)
        body = wire.identifier(stream) + wire.identifier(topic) + struct.pack("<I", 2)
        frame = client.frame(wire.CREATE_PARTITIONS, body)
        self.assertEqual([self.again(client, frame).error for _ in range(3)], [0, 0, 0])
        self.assertEqual(client.get_topic(stream, topic)["partitions_count"], 3)

    def test_a_refusal_is_repeated_too(self):
        client = self.client()
        frame = client.frame(wire.DELETE_STREAM, wire.identifier(self.name))
        self.assertEqual(self.again(client, frame).error, 1009)
        self.client().create_stream(self.name)
        self.assertEqual(self.again(client, frame).error, 1009)
        self.assertIsNotNone(client.get_stream(self.name))

    def test_a_client_that_comes_back_under_its_id_gets_its_answers(self):
        client = self.client()
        frame, first = self.create(client, self.name)
        client.vanish()
        other = self.heir(client)
        frame = other.frame(wire.CREATE_STREAM, wire.name(self.name), request=client.request)
        self.assertEqual(self.again(other, frame).body, first.body)

    def test_only_the_last_answers_are_kept_and_older_numbers_are_refused_with_59(self):
        client = self.client()
        frames = [self.create(client, f"{self.name}{number}")[0] for number in range(8)]
        self.assertEqual([self.again(client, frame).error for frame in frames],
                         [59] * 3 + [0] * 5)

    def test_another_command_under_a_used_number_is_refused_with_59(self):
        client = self.client()
        self.create(client, self.name)
        reply = self.create(client, self.name + "2", request=client.request)[1]
        self.assertEqual(reply.error, 59)
        self.assertIsNone(client.get_stream(self.name + "2"))

    def test_a_token_is_not_shown_twice(self):
        client = self.client()
        frame = client.frame(wire.CREATE_TOKEN, wire.name(self.name[-30:]) + bytes(8))
        self.assertEqual(self.again(client, frame).error, 0)
        self.assertEqual(self.again(client, frame).error, 59)

    def test_a_password_is_changed_once(self):
        client = self.client()
        client.create_user(self.name[-30:], "secret")
        body = wire.identifier(self.name[-30:]) + wire.name("secret") + wire.name("changed")
        frame = client.frame(wire.CHANGE_PASSWORD, body)
        self.assertEqual([self.again(client, frame).error for _ in range(2)], [0, 0])

    def test_reads_and_sends_may_repeat_numbers_in_between(self):
        client = self.client()
        stream, topic = self.topic(client)
        number = client.request
        for _ in range(2):
            client.send(client.send_frame(stream, topic, [b"x"], request=number))
            self.assertEqual(client.receive().error, 0)
        client.create_stream(self.name + "2")

    def test_after_a_logout_numbers_may_begin_again(self):
        client = self.client()
        self.create(client, self.name)
        client.logout()
        client.request = 0
        client.register()
        self.assertEqual(self.create(client, self.name + "2")[1].error, 0)

    def test_another_user_under_the_same_id_is_not_answered_for_the_first(self):
        root = self.client()
        root.create_user(self.name[-30:], "secret", wire_users.permissions("manage_streams"))
        client = self.client()
        self.create(client, self.name)
        client.close()
        other = Client(self.server.address)
        self.addCleanup(other.close)
        other.client_id = client.client_id
        body = wire.register_body(self.name[-30:], "secret")
        reply = other.call(wire.REGISTER, body)
        while reply.evicted:  # until the server has noticed that the first connection is gone
            self.assertEqual(reply.reason, 12)
            reply = other.call(wire.REGISTER, body)
        other.session = wire.decode_registered(reply.payload())["session"]
        self.assertEqual(self.create(other, self.name)[1].error, 1012)
