"""Personal access tokens (wire-v2 3.2 and 4, behaviour 7.7)."""

import base64
import time

import wire_format as wire
import wire_users
from case import Case
from wire_client import Client
from wire_users import INACTIVE, permissions

SECOND = 1_000_000


class Tokens(Case):
    def user(self, block=None, server=None):
        """A session of a new user, named after the test."""
        self.username = self.name[-40:]
        self.client(server).create_user(self.username, "secret", block)
        client = Client((server or self.server).address)
        self.addCleanup(client.close)
        return client.register(self.username, "secret")

    def login(self, token, server=None):
        client = Client((server or self.server).address)
        self.addCleanup(client.close)
        return client.register_token(token)

    def no_login(self, token, reason=10, server=None):
        reply = self.connect(server).call(wire.REGISTER, wire_users.token_body(token))
        self.assertEqual((reply.evicted, reply.reason), (True, reason))

    def test_a_token_is_random_text_and_logs_its_owner_in(self):
        owner = self.user(permissions("read_streams"))
        token = owner.create_token("laptop")
        self.assertEqual(len(token), 68)
        self.assertEqual(len(base64.b64decode(token, validate=True)), 50)
        client = self.login(token)
        self.assertEqual(client.registered["user_id"], owner.registered["user_id"])
        self.assertGreater(client.session, owner.session)
        client.get_streams()
        self.refused(41, client.create_stream, "mine")
        self.assertEqual(client.get_me()["user_id"], owner.registered["user_id"])

    def test_a_login_may_carry_a_context(self):
        token = self.user().create_token("laptop")
        body = wire_users.token_body(token, b"from the test")
        self.assertEqual(self.connect().call(wire.REGISTER, body).error, 0)

    def test_tokens_are_listed_in_order_with_their_expiry(self):
        owner = self.user()
        self.assertEqual(owner.get_tokens(), [])
        now = int(time.time() * 1e6)
        owner.create_token("never", 0)
        owner.create_token("hour", 3600 * SECOND)
        owner.create_token("also never", wire.U64_MAX)
        names = dict(owner.get_tokens())
        self.assertEqual(list(names), ["never", "hour", "also never"])
        self.assertEqual((names["never"], names["also never"]), (0, 0))
        self.assertLess(abs(names["hour"] - now - 3600 * SECOND), 60 * SECOND)

    def test_names_are_of_3_to_30_bytes_and_taken_once_a_user(self):
        owner = self.user()
        for name in ("ab", "x" * 31, "x" * 255):
            self.refused(50, owner.create_token, name)
        owner.create_token("abc")
        owner.create_token("x" * 30)
        self.refused(51, owner.create_token, "abc")
        self.client().create_token(self.name[-30:])
        owner.create_token(self.name[-30:])

    def test_an_expiry_beyond_all_time_is_refused_with_56(self):
        owner = self.user()
        self.refused(56, owner.create_token, "abc", wire.U64_MAX - 1)
        owner.create_token("abc", 1 << 62)

    def test_each_user_has_its_own_tokens_and_a_limit(self):
        server = self.own_server(config="[personal_access_token]\nmax_tokens_per_user = 2\n")
        server.start()
        owner, root = self.user(server=server), self.client(server)
        owner.create_token("one")
        owner.create_token("two")
        self.refused(52, owner.create_token, "three")
        root.create_token("three")
        self.assertEqual([name for name, _ in owner.get_tokens()], ["one", "two"])
        self.assertEqual([name for name, _ in root.get_tokens()], ["three"])
        self.refused(20, owner.delete_token, "three")
        owner.delete_token("one")
        owner.create_token("three")

    def test_bodies_that_are_no_request_are_refused(self):
        owner = self.user()
        for operation, body in ((wire.CREATE_TOKEN, b""), (wire.CREATE_TOKEN, wire.name("abc")),
                                (wire.CREATE_TOKEN, b"\0" + bytes(8)), (wire.DELETE_TOKEN, b""),
                                (wire.DELETE_TOKEN, b"\x05abc")):
            self.assertIn(owner.call(operation, body).error, {3, 4}, body)
        self.refused(20, owner.delete_token, "x" * 255)
        self.assertEqual(owner.get_tokens(), [])

    def test_a_deleted_token_logs_nobody_in_and_its_sessions_go_on(self):
        owner = self.user()
        token = owner.create_token("abc")
        session = self.login(token)
        owner.delete_token("abc")
        self.assertEqual(owner.get_tokens(), [])
        self.no_login(token)
        session.get_me()
        self.refused(20, owner.delete_token, "abc")

    def test_an_expired_token_logs_nobody_in_and_can_still_be_deleted(self):
        owner = self.user()
        token = owner.create_token("brief", 1)
        self.no_login(token)
        self.assertEqual([name for name, _ in owner.get_tokens()], ["brief"])
        owner.delete_token("brief")

    def test_the_token_of_an_inactive_user_is_evicted_with_reason_11(self):
        owner = self.user()
        token = owner.create_token("abc")
        root = self.client()
        root.update_user(self.username, None, INACTIVE)
        self.no_login(token, 11)
        root.delete_user(self.username)
        self.no_login(token, 10)

    def test_texts_that_are_no_token_are_all_refused_alike(self):
        token = self.user().create_token("abc")
        for wrong in ("x", token[:-1], token + "=", token[::-1], "x" * 255):
            self.no_login(wrong)
        self.login(token)

    def test_a_new_password_leaves_tokens_alone(self):
        owner = self.user()
        token = owner.create_token("abc")
        owner.change_password(self.username, "secret", "changed")
        self.login(token)

    def test_a_token_is_answered_once_and_no_file_holds_it(self):
        server = self.own_server().start()
        token = self.user(server=server).create_token("abc")
        server.stop()
        for path in server.data.rglob("*"):
            if path.is_file():
                self.assertNotIn(token.encode(), path.read_bytes(), path)

    def test_tokens_are_there_after_a_stop_and_after_a_kill(self):
        server = self.own_server().start()
        owner = self.user(server=server)
        token, gone = owner.create_token("abc", 3600 * SECOND), owner.create_token("gone")
        owner.delete_token("gone")
        before = owner.get_tokens()
        for end in (server.stop, server.kill, server.kill):
            end()
            server.start()
            self.assertEqual(self.login(token, server).get_tokens(), before)
            self.no_login(gone, server=server)
