"""Frames of generation 1: right ones, wrong ones, slow ones, and those of nobody's protocol."""

import struct
import time

import wire_v1 as v1
from case import deadline
from case_v1 import CaseV1
from line import Closed
from wire_format import identifier, name, register_body
from wire_v1 import ClientV1


class Frames(CaseV1):

    def test_a_ping_is_answered_before_a_login(self):
        client = self.older(login=False)
        self.assertEqual(client.raw(bytes.fromhex("0400000001000000")), (0, b""))

    def test_every_command_but_ping_and_logins_asks_for_a_login(self):
        client = self.older(login=False)
        body = identifier(0) * 3 + bytes(40)
        bodies = {v1.GET_CLIENT: bytes(4), v1.CREATE_STREAM: name("s"),
                  v1.GET_SNAPSHOT: b"\x02\x01\x04",
                  v1.CREATE_TOKEN: name("tok") + bytes(8), v1.DELETE_TOKEN: name("tok"),
                  v1.CREATE_USER: name("user") + name("pass") + b"\x01\x00",
                  v1.UPDATE_USER: identifier(1) + bytes(2),
                  v1.UPDATE_PERMISSIONS: identifier(1) + bytes(1),
                  v1.CHANGE_PASSWORD: identifier(1) + name("old") + name("new"),
                  v1.UPDATE_STREAM: identifier(0) + name("s"),
                  v1.CREATE_GROUP: identifier(0) * 2 + name("g"),
                  v1.CREATE_TOPIC: identifier(0) + bytes(4) + v1.topic_settings() + name("t"),
                  v1.UPDATE_TOPIC: identifier(0) * 2 + v1.topic_settings() + name("t"),
                  v1.CREATE_PARTITIONS: identifier(0) * 2 + struct.pack("<I", 1),
                  v1.DELETE_PARTITIONS: identifier(0) * 2 + struct.pack("<I", 1)}
        offset = b"\x01" + identifier(1) + identifier(0) * 2 + bytes(13)
        poll = b"\x01" + identifier(1) + identifier(0) * 2 + bytes(5) + b"\x03" + bytes(13)
        bodies |= {code: offset for code in (v1.GET_OFFSET, v1.STORE_OFFSET, v1.DELETE_OFFSET)}
        bodies[v1.POLL] = poll
        for code in set(v1.ALL_CODES) - {v1.PING, v1.LOGIN, v1.LOGIN_WITH_TOKEN}:
            with self.subTest(code=code):
                self.assertEqual(client.raw(v1.frame(code, bodies.get(code, body))), (40, b""))
        client.login().ping()

    def test_a_malformed_payload_is_refused_before_a_missing_login(self):
        client = self.older(login=False)
        for code, payload, number in ((v1.GET_STREAM, b"", 3), (v1.GET_STREAM, b"\x03\x04aaaa", 3),
                                      (v1.GET_STREAM, b"\x01\x03aaa",
                                       4), (v1.CREATE_STREAM, b"\x00", 4),
                                      (v1.CREATE_STREAM, b"\x02\xff\xfe", 3), (v1.POLL, b"\x01", 3),
                                      (v1.LOGIN, name("iggy") + name("iggy"), 3)):
            with self.subTest(code=code, payload=payload):
                self.assertEqual(client.raw(v1.frame(code, payload)), (number, b""))

    def test_unknown_codes_are_refused_and_the_connection_stays_in_step(self):
        client = self.older()
        for code in (0, 2, 13, 14, 40, 45, 103, 104, 123, 606, 999, 0xFFFFFFFF):
            for payload in (b"", b"x" * 5000):
                self.assertEqual(client.raw(v1.frame(code, payload)), (3, b""), code)
        client.ping()

    def test_bytes_after_the_last_field_are_ignored(self):
        client = self.older()
        self.topic_v1(client)
        for code, payload in ((v1.PING, b""), (v1.GET_STREAM, identifier(self.name)),
                              (v1.UPDATE_STREAM, identifier(self.name) + name(self.name)),
                              (v1.GET_CLIENTS, b"")):
            status, _ = client.raw(v1.frame(code, payload + b"\x01\x00\x00\x00\x00"))
            self.assertEqual(status, 0, code)
        status, body = client.raw(v1.frame(v1.CREATE_STREAM, name("after" + self.name) + bytes(9)))
        self.assertEqual((status, len(body)), (0, 33 + len("after" + self.name)))

    def test_a_length_below_four_is_answered_and_the_connection_ends(self):
        for length in (1, 2, 3):
            client = self.older()
            self.assertEqual(client.raw(struct.pack("<II", length, 1)), (3, b""))
            self.assertTrue(client.is_closed_within(10))

    def test_a_frame_longer_than_any_is_answered_and_the_connection_ends(self):
        for code in (v1.GET_STREAM, v1.SEND, 4242):
            client = self.older()
            self.assertEqual(client.raw(struct.pack("<II", 0x7FFFFFFF, code)), (3, b""))
            self.assertTrue(client.is_closed_within(10))

    def test_a_payload_larger_than_a_command_needs_is_discarded(self):
        client = self.older()
        payload = identifier(self.name) + bytes(2_000_000)
        self.assertEqual(client.raw(v1.frame(v1.GET_STREAM, payload)), (3, b""))
        client.ping()
        status, body = client.raw(v1.frame(v1.GET_STREAM, identifier("none") + bytes(500_000)))
        self.assertEqual((status, body), (0, b""))

    def test_a_strangers_payload_claims_no_memory(self):
        client = self.older(login=False)
        self.assertEqual(client.raw(v1.frame(v1.GET_STREAM, bytes(9_000_000))), (40, b""))
        self.assertEqual(client.raw(v1.frame(v1.SEND, bytes(9_000_000))), (40, b""))
        self.assertEqual(client.raw(v1.frame(v1.LOGIN, bytes(200_000))), (3, b""))
        client.login().ping()

    def test_requests_written_ahead_are_answered_in_order(self):
        client = self.older()
        stream, topic = self.topic_v1(client)
        data = b""
        for number in range(50):
            data += v1.frame(v1.SEND, v1.send_body(stream, topic, v1.to_partition(0),
                                                   [b"%d" % number]))
            data += v1.frame(v1.GET_STREAM, identifier("none"))
            data += v1.frame(999)
        client.send_bytes(data)
        statuses = [client.receive()[0] for _ in range(150)]
        self.assertEqual(statuses, [0, 0, 3] * 50)
        polled = client.poll(stream, topic)
        self.assertEqual([message.payload for message in polled.messages],
                         [b"%d" % number for number in range(50)])

    def test_a_request_may_come_byte_by_byte(self):
        client = self.older(login=False)
        for byte in v1.frame(v1.LOGIN, v1.login_body("iggy", "iggy")):
            client.send_bytes(bytes([byte]))
            time.sleep(0.001)
        self.assertEqual(client.receive(), (0, bytes(4)))
        stream, topic = self.topic_v1(client)
        for byte in v1.frame(v1.SEND, v1.send_body(stream, topic, v1.to_partition(0), [b"slow"])):
            client.send_bytes(bytes([byte]))
            time.sleep(0.0005)
        self.assertEqual(client.receive(), (0, b""))
        self.assertEqual(client.poll(stream, topic).messages[0].payload, b"slow")

    def test_a_client_that_vanishes_within_a_frame_leaves_nothing(self):
        whole = v1.frame(v1.SEND, v1.send_body("s", "t", v1.to_partition(0), [b"x" * 50000]))
        for cut in (1, 4, 7, 8, 12, 60, 5000, len(whole) - 1):
            client = self.older()
            client.send_bytes(whole[:cut])
            client.close()
        self.assert_well()

    def test_garbage_harms_nobody(self):
        for seed in range(40):
            data = bytes((seed * 37 + i * i * 11 + i * seed) & 0xFF for i in range(400))
            client = self.older(login=seed % 2 == 0)
            try:
                client.send_bytes((data[0] | 1).to_bytes(1, "little") + data[1:])
            except ConnectionError:
                pass
            client.close()
        self.assert_well()

    @deadline(40)
    def test_a_frame_that_does_not_come_is_given_up(self):
        client = self.older()
        client.send_bytes(v1.frame(v1.GET_STREAM, identifier("abc"))[:9])
        self.assertTrue(client.is_closed_within(30))
        self.assert_well()

    def test_generations_share_the_port(self):
        clients = [self.older() if i % 2 else self.client() for i in range(20)]
        for client in clients:
            client.ping()


class Sessions(CaseV1):

    def test_a_login_gives_the_number_of_the_user(self):
        self.assertEqual(self.older().user, 0)

    def test_each_fault_of_a_login_has_its_number(self):
        client = self.older(login=False)
        long_name, long_password = "u" * 51, "p" * 101
        for user, password, number in (("iggy", "wrong", 42), ("nobody", "iggy", 42),
                                       ("ig", "iggy", 43),
                                       (long_name, "iggy", 43), ("iggy", "ig", 44),
                                       ("iggy", long_password, 44)):
            self.refused(number, client.login, user, password)
        client.ping()
        client.login().get_me()

    def test_everybody_may_log_in_at_once_after_a_start(self):
        server = self.own_server(memory="64M").start()
        clients = [ClientV1(server.address) for _ in range(300)]
        for client in clients:
            self.addCleanup(client.close)
            client.send_bytes(v1.frame(v1.LOGIN, v1.login_body("iggy", "iggy")))
        self.assertEqual({client.receive() for client in clients}, {(0, bytes(4))})

    def test_a_failed_login_keeps_the_session(self):
        client = self.older()
        self.refused(42, client.login, "iggy", "wrong")
        client.get_streams()

    def test_a_login_may_be_repeated(self):
        client = self.older()
        before = client.get_me()
        client.login()
        self.assertEqual(client.get_me(), before)
        self.assertEqual(self.older().get_me()["user"], 0)

    def test_after_a_logout_one_may_log_in_again(self):
        client = self.older()
        client.logout()
        self.refused(40, client.get_streams)
        self.refused(40, client.logout)
        client.login().get_streams()

    def test_nobody_of_generation_2_may_register_with_an_id_of_ours(self):
        older = self.older()
        client = self.connect()
        client.client_id = struct.pack("<QQ", older.get_me()["id"], 0x6C65762D67656E31)
        reply = client.call(1, register_body("iggy", "iggy"))
        self.assertTrue(reply.evicted)
        older.ping()

    def test_a_closed_connection_is_listed_no_more(self):
        watcher, client = self.older(), self.older()
        number = client.get_me()["id"]
        self.assertIn(number, [entry["id"] for entry in watcher.get_clients()])
        client.close()
        end = time.monotonic() + 30
        while watcher.get_client(number) is not None and time.monotonic() < end:
            time.sleep(0.01)
        self.assertIsNone(watcher.get_client(number))


class Small(CaseV1):
    """With little memory."""

    options = {"memory": "64M"}

    def test_a_send_larger_than_this_server_holds_is_discarded(self):
        client = self.older()
        stream, topic = self.topic_v1(client)
        body = v1.send_body(stream, topic, v1.to_partition(0), [bytes(20_000_000)])
        self.assertEqual(client.raw(v1.frame(v1.SEND, body)), (4022, b""))
        client.send(stream, topic, [bytes(10_000_000)])
        self.assertEqual(len(client.poll(stream, topic).messages[0].payload), 10_000_000)

    def test_the_server_ends_sessions_when_it_stops(self):
        server = self.own_server(memory="64M").start()
        client = ClientV1(server.address).login()
        self.addCleanup(client.close)
        server.stop()
        with self.assertRaises(Closed):
            client.ping()
            client.ping()
