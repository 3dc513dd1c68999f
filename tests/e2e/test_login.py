"""Register, sessions, and what may be said before them (wire-v2 section 3)."""

import os
import statistics
import struct
import threading
import time

import wire_format as wire
from case import Case, deadline
from wire_client import Client, Closed, Connection


class BeforeLogin(Case):
    def test_a_ping_is_answered_before_login(self):
        reply = self.connect().read(wire.PING)
        self.assertEqual((reply.error, reply.body), (0, b""))

    def test_reads_before_login_get_status_40_and_no_eviction(self):
        connection = self.connect()
        for code in (10, 12, 13, 20, 22, 100, 102, 120, 200, 201, 300, 301, 600, 606, 9999):
            reply = connection.read(code)
            self.assertEqual((reply.evicted, reply.status, reply.body), (False, 40, b""),
                             f"code {code}")

    def test_mutations_before_login_are_evicted_with_reason_1(self):
        connection = self.connect()
        for operation in (128, 129, 130, 132, 136, 138, 160, 161, 162):
            for session in (0, 1):
                reply = connection.call(operation, wire.name(self.name), session=session)
                self.assertEqual((reply.evicted, reply.reason), (True, 1), f"op {operation}")
                self.assertEqual(reply.client, connection.client_id)

    def test_a_logout_before_login_succeeds(self):
        for session in (0, 1):
            reply = self.connect().call(wire.LOGOUT, session=session)
            self.assertEqual((reply.evicted, reply.status, reply.body), (False, 0, b""))

    def test_the_old_login_codes_are_evicted_as_malformed(self):
        for code in (38, 44):
            reply = self.connect().read(code, wire.name("iggy") + wire.name("iggy"))
            self.assertEqual((reply.evicted, reply.reason), (True, 15), f"code {code}")


class Login(Case):
    def evicted(self, body, reason, **fields):
        reply = self.connect().call(wire.REGISTER, body, **fields)
        self.assertTrue(reply.evicted, f"answered with error {reply.error}")
        self.assertEqual(reply.reason, reason)
        return reply

    def test_root_is_user_0_and_the_protocol_is_0_11(self):
        client = self.client()
        self.assertEqual((client.registered["user_id"], client.registered["protocol"]),
                         (0, 0x2C00))

    def test_a_wrong_password_is_evicted_with_reason_9(self):
        reply = self.evicted(wire.register_body("iggy", "wrong"), 9)
        self.assertEqual(reply.header[144:152], bytes(8), "a window belongs to reason 14 only")

    def test_an_unknown_user_gets_the_same_answer_as_a_wrong_password(self):
        wrong = self.evicted(wire.register_body("iggy", "wrong"), 9)
        unknown = self.evicted(wire.register_body("nobody", "wrong"), 9)
        self.assertEqual(wrong.header[:128], unknown.header[:128])
        self.assertEqual(wrong.header[144:], unknown.header[144:])

    def test_names_and_passwords_of_forbidden_length_are_wrong_credentials(self):
        for user, password in (("ig", "iggy"), ("x" * 51, "iggy"), ("x" * 255, "iggy"),
                               ("iggy", ""), ("iggy", "ig"), ("iggy", "x" * 101)):
            with self.subTest(user=user[:3], password=password[:3]):
                self.evicted(wire.register_body(user, password), 9)

    def test_an_unknown_token_is_evicted_with_reason_10(self):
        prefix = struct.pack("<I", wire.PROTOCOL_VERSION) + wire.name("go-sdk") + wire.name("0.9.0")
        self.evicted(prefix + wire.name("tok123") + bytes(4), 10)

    def test_a_body_that_is_no_login_is_evicted_with_reason_15(self):
        prefix = struct.pack("<I", wire.PROTOCOL_VERSION) + wire.name("go-sdk") + wire.name("0.9.0")
        for body in (b"", b"\0", prefix[:4], prefix[:9], prefix, prefix + b"\xff" + b"abc"):
            with self.subTest(body=body):
                self.evicted(body, 15)

    def test_other_protocol_versions_are_refused_with_our_window(self):
        for major, minor, patch in ((0, 10, 0), (0, 10, 9), (0, 12, 0), (0, 12, 2), (1, 11, 0)):
            with self.subTest(version=f"{major}.{minor}.{patch}"):
                version = major << 20 | minor << 10 | patch
                reply = self.evicted(wire.register_body("iggy", "iggy", version), 14)
                self.assertEqual(reply.header[144:152], b"\0\x2c\0\0" * 2)

    def test_the_version_is_judged_before_checksum_and_password(self):
        body = wire.register_body("iggy", "wrong", version=12 << 10 | 2)
        self.evicted(body, 14, checksum=12345)

    def test_any_patch_of_0_11_is_welcome(self):
        body = wire.register_body("iggy", "iggy", version=11 << 10 | 7)
        self.assertEqual(self.connect().call(wire.REGISTER, body).error, 0)

    def test_a_wrong_checksum_of_a_login_is_refused_with_4(self):
        body = wire.register_body("iggy", "iggy")
        self.assertEqual(self.connect().call(wire.REGISTER, body, checksum=1).error, 4)

    def test_bytes_after_the_context_are_ignored(self):
        body = wire.register_body("iggy", "iggy")[:-4] + struct.pack("<I", 3) + b"ctx" + b"more"
        self.assertEqual(self.connect().call(wire.REGISTER, body).error, 0)

    def test_sessions_rise_and_survive_nothing_but_their_connection(self):
        first, second = self.client(), self.client()
        self.assertGreater(second.session, first.session)

    def test_the_same_client_id_gets_a_newer_session(self):
        first = self.client()
        second = self.connect()
        second.client_id = first.client_id
        body = wire.register_body("iggy", "iggy")
        payload = second.call(wire.REGISTER, body).payload()
        session = struct.unpack_from("<Q", payload, 4)[0]
        self.assertGreater(session, first.session)
        second.session = session
        self.assertEqual(second.call(wire.CREATE_STREAM, wire.name(self.name)).error, 0)

    def test_an_older_session_number_is_evicted_with_reason_7(self):
        client = self.client()
        reply = client.call(wire.CREATE_STREAM, wire.name(self.name), session=client.session - 1)
        self.assertEqual((reply.evicted, reply.reason), (True, 7))

    def test_a_session_number_of_the_future_is_answered_with_40(self):
        client = self.client()
        reply = client.call(wire.CREATE_STREAM, wire.name(self.name), session=client.session + 1000)
        self.assertEqual((reply.evicted, reply.status), (False, 40))

    def test_reads_are_never_refused_for_their_session_number(self):
        client = self.client()
        for session in (0, client.session + 5):
            self.assertEqual(client.call(wire.NON_REPLICATED, code=wire.GET_ME,
                                         session=session).error, 0)

    def test_after_logout_the_connection_is_open_and_a_stranger_again(self):
        client = self.client()
        client.logout()
        client.ping()
        self.assertEqual(client.read(wire.GET_STREAMS).status, 40)
        reply = client.call(wire.CREATE_STREAM, wire.name(self.name))
        self.assertEqual((reply.evicted, reply.reason), (True, 1))

    def test_a_second_login_on_the_connection_comes_with_a_new_client_id(self):
        client = self.client()
        before = client.session
        client.logout()
        client.client_id = bytes(15) + b"\x07"
        client.register()
        self.assertGreater(client.session, before)
        client.create_stream(self.name)

    def test_after_a_failed_login_the_connection_may_try_again(self):
        client = Client(self.server.address)
        self.addCleanup(client.close)
        self.refused(42, client.register, "iggy", "wrong")
        client.client_id = bytes(15) + b"\x09"
        client.register()


class Failures(Case):
    """Failed logins are counted by user name, ten a minute: every test has its own names."""

    options = {"config": "[limits]\nlogin_failures_per_minute = 20\n"}

    def fail(self, user):
        with Connection(self.server.address) as connection:
            reply = connection.call(wire.REGISTER, wire.register_body(user, "not-it"))
            self.assertEqual(reply.error, 42)

    def ticks_of(self, user):
        """Processor time, which does not depend on what else the machine does."""
        before = self.server.processor_ticks()
        for _ in range(16):
            self.fail(user)
        return self.server.processor_ticks() - before

    def test_a_wrong_password_costs_as_much_as_an_unknown_user(self):
        known, unknown = self.ticks_of("iggy"), self.ticks_of("nobody")
        self.assertLess(max(known, unknown) / max(min(known, unknown), 1), 1.7,
                        f"ticks for a wrong password {known}, for an unknown user {unknown}")
        self.assertGreater(unknown, 4, "an unknown user is answered without any work")

    def test_beyond_the_limit_a_guess_costs_the_server_nothing(self):
        for _ in range(20):
            self.fail("guessed")
        before = self.server.processor_ticks()
        for _ in range(200):
            self.fail("guessed")
        ticks = self.server.processor_ticks() - before
        self.assertLess(ticks, os.sysconf("SC_CLK_TCK"), "hundredths of a second for 200 guesses")

    @deadline(40)
    def test_a_flood_of_wrong_passwords_leaves_room_for_others(self):
        """Sixteen guessers for three seconds: pings stay quick, and so do right logins."""
        server = self.own_server().start()
        client = self.client(server)
        stop = time.monotonic() + 3

        def guess(number):
            while time.monotonic() < stop:
                try:
                    with Connection(server.address) as connection:
                        body = wire.register_body(f"user-{number % 4}", "not-it")
                        connection.call(wire.REGISTER, body)
                        connection.call(wire.REGISTER, wire.register_body("iggy", "not-it"))
                except (OSError, Closed):
                    pass

        guessers = [threading.Thread(target=guess, args=(number,), daemon=True)
                    for number in range(16)]
        for guesser in guessers:
            guesser.start()
        pings, logins = [], []
        while time.monotonic() < stop:
            begin = time.perf_counter()
            client.ping()
            pings.append(time.perf_counter() - begin)
            begin = time.perf_counter()
            with Client(server.address).register():
                logins.append(time.perf_counter() - begin)
            time.sleep(0.05)
        for guesser in guessers:
            guesser.join()
        self.assertLess(statistics.median(pings), 0.5, "the loop waits for password hashes")
        self.assertLess(statistics.median(logins), 2, "a known login queues behind guesses")
        self.assert_within_plan(server)
