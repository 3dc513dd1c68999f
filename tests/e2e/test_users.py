"""Users: made, changed, deleted, and what becomes of their sessions (wire-v2 4, behaviour 7)."""

import random
import threading
import time

import wire_format as wire
import wire_users
from case import Case, deadline
from wire_client import Client, Closed, Connection
from wire_users import ACTIVE, INACTIVE, permissions

EVERYTHING = set(wire_users.GLOBAL)


class UserCase(Case):
    def setUp(self):
        super().setUp()
        self.user = self.name[-40:]

    def login(self, user, password="secret", server=None):
        client = Client((server or self.server).address)
        self.addCleanup(client.close)
        return client.register(user, password)

    def no_login(self, user, password="secret", server=None):
        with Client((server or self.server).address) as client:
            self.refused(42, client.register, user, password)

    def assert_session_over(self, client):
        """The connection is open, and its user a stranger."""
        client.ping()
        self.assertEqual(client.read(wire.GET_ME).status, 40)
        reply = client.call(wire.CREATE_STREAM, wire.name("never"))
        self.assertEqual((reply.evicted, reply.reason), (True, 1))


class Users(UserCase):
    def test_root_is_shown_with_every_global_right(self):
        root = self.client().get_user(0)
        self.assertEqual((root["name"], root["status"]), ("iggy", ACTIVE))
        self.assertEqual(root["permissions"], (EVERYTHING, {}))

    def test_a_new_user_is_answered_in_full_and_found_by_name_and_number(self):
        client = self.client()
        rights = permissions("read_users", "send_messages",
                             streams={7: ({"read_stream"}, {3: {"send_messages"}, 9: set()}),
                                      2: (set(), {})})
        before = int(time.time() * 1e6)
        user = client.create_user(self.user, "secret", rights)
        self.assertEqual((user["name"], user["status"]), (self.user, ACTIVE))
        self.assertLess(abs(user["created_at"] - before), 60_000_000)
        self.assertEqual(user["permissions"],
                         ({"read_users", "send_messages"},
                          {2: (set(), {}), 7: ({"read_stream"}, {3: {"send_messages"}, 9: set()})}))
        self.assertEqual(client.get_user(self.user), user)
        self.assertEqual(client.get_user(user["id"]), user)
        listed = {each["id"]: each for each in client.get_users()}
        self.assertEqual(list(listed), sorted(listed), "in rising id")
        self.assertEqual(listed[user["id"]],
                         {key: user[key] for key in user if key != "permissions"})
        self.assertIn(0, listed)

    def test_a_user_without_permissions_is_shown_without(self):
        client = self.client()
        self.assertIsNone(client.create_user(self.user, "secret")["permissions"])
        self.assertIsNone(client.get_user(self.user)["permissions"])

    def test_a_missing_user_is_an_empty_answer(self):
        client = self.client()
        for user in ("nobody", 4_000_000):
            self.assertIsNone(client.get_user(user))

    def test_a_new_user_logs_in_with_its_password_only(self):
        user = self.client().create_user(self.user, "secret")
        client = self.login(self.user)
        self.assertEqual(client.registered["user_id"], user["id"])
        self.assertEqual(client.get_me()["user_id"], user["id"])
        self.no_login(self.user, "Secret")
        self.no_login(self.user.upper())

    def test_names_and_passwords_of_forbidden_length_are_refused_with_43_and_44(self):
        client = self.client()
        for user in ("ab", "x" * 51):
            self.refused(43, client.create_user, user, "secret")
        for password in ("", "ab", "x" * 101):
            self.refused(44, client.create_user, self.user, password)
        self.assertIsNone(client.get_user(self.user))
        client.create_user("x" * 50, "y" * 100)
        client.create_user("abc", "abc")
        self.login("x" * 50, "y" * 100)
        client.update_user("abc", "abcd")
        self.refused(43, client.update_user, "abcd", "ab")

    def test_a_taken_name_is_refused_with_46(self):
        client = self.client()
        client.create_user(self.user, "secret")
        self.refused(46, client.create_user, self.user, "secret")
        self.refused(46, client.create_user, "iggy", "secret")
        client.create_user(self.user + "2", "secret")
        self.refused(46, client.update_user, self.user + "2", self.user)
        client.update_user(self.user, self.user)

    def test_of_many_that_want_one_name_exactly_one_gets_it(self):
        outcomes = []

        def create(name):
            with Client(self.server.address).register() as client:
                reply = client.call(wire.CREATE_USER, wire_users.create_body(name, "secret"))
                outcomes.append(reply.error)

        threads = [threading.Thread(target=create, args=(self.user,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(outcomes), [0] + [46] * 7)

    def test_bodies_that_are_no_request_are_refused(self):
        client = self.client()
        good = wire_users.create_body(self.user, "secret", permissions())
        for body in (b"", good[:3], good[:-1],
                     wire_users.create_body(self.user, "secret", status=0),
                     wire_users.create_body(self.user, "secret", status=3),
                     wire_users.create_body(self.user, "secret", permissions()[:-1]),
                     wire_users.create_body(self.user, "secret", permissions() + b"\0")):
            with self.subTest(body=body[-12:]):
                self.assertIn(client.call(wire.CREATE_USER, body).error, {3, 4})
        option = wire.options({"color": "red"})
        self.assertEqual(client.call(wire.CREATE_USER, good + option).error, 4041)
        self.assertIsNone(client.get_user(self.user))

    def test_users_take_the_lowest_free_number(self):
        client = self.client()
        numbers = [client.create_user(f"{self.user}{i}", "secret")["id"] for i in range(3)]
        client.delete_user(numbers[1])
        client.delete_user(numbers[0])
        again = [client.create_user(f"{self.user}-{i}", "secret")["id"] for i in range(2)]
        self.assertEqual(again, sorted(numbers[:2]))

    def test_what_is_done_to_a_missing_user_is_refused_with_20(self):
        client = self.client()
        for user in ("nobody", 4_000_000):
            for call, *rest in ((client.delete_user,), (client.update_user, "name"),
                                (client.update_permissions, None),
                                (client.change_password, "old", "new")):
                with self.subTest(call=call.__name__, user=user):
                    self.refused(20, call, user, *rest)

    def test_a_renamed_user_logs_in_by_its_new_name(self):
        client = self.client()
        number = client.create_user(self.user, "secret")["id"]
        session = self.login(self.user)
        client.update_user(self.user, self.user + "-new")
        self.assertIsNone(client.get_user(self.user))
        self.assertEqual(client.get_user(number)["name"], self.user + "-new")
        session.get_me()
        self.no_login(self.user)
        self.login(self.user + "-new")

    def test_an_update_of_nothing_changes_nothing(self):
        client = self.client()
        before = client.create_user(self.user, "secret")
        client.update_user(self.user)
        self.assertEqual(client.get_user(self.user), before)

    def test_root_stays_root(self):
        client = self.client()
        self.refused(48, client.delete_user, "iggy")
        self.refused(48, client.delete_user, 0)
        self.refused(49, client.update_permissions, 0, permissions())
        self.refused(49, client.update_permissions, "iggy", None)
        self.refused(48, client.update_user, 0, None, INACTIVE)
        client.update_user(0, None, ACTIVE)
        self.assertEqual(client.get_user(0)["permissions"], (EVERYTHING, {}))

    def test_a_name_of_digits_is_a_name(self):
        client = self.client()
        client.create_user("000", "secret")
        self.no_login("000", "iggy")
        self.assertNotEqual(self.login("000").registered["user_id"], 0)


class Sessions(UserCase):
    def test_a_deleted_user_is_a_stranger_at_once_and_so_is_its_number(self):
        client = self.client()
        number = client.create_user(self.user, "secret", permissions("manage_streams"))["id"]
        sessions = [self.login(self.user) for _ in range(5)]
        client.delete_user(self.user)
        for session in sessions:
            self.assert_session_over(session)
        heir = client.create_user(self.user + "2", "secret", permissions(*wire_users.GLOBAL))
        self.assertEqual(heir["id"], number, "the number is used again")
        for session in sessions:
            self.assert_session_over(session)
        self.no_login(self.user)
        self.assertEqual([c["user_id"] for c in client.get_clients()].count(number), 0)

    def test_a_deactivated_user_is_out_until_it_is_active_again(self):
        client = self.client()
        client.create_user(self.user, "secret")
        session = self.login(self.user)
        client.update_user(self.user, None, INACTIVE)
        self.assertEqual(client.get_user(self.user)["status"], INACTIVE)
        self.assert_session_over(session)
        self.no_login(self.user)
        client.update_user(self.user, None, ACTIVE)
        self.assert_session_over(session)
        session.register(self.user, "secret")
        session.get_me()

    def test_a_user_made_inactive_cannot_log_in(self):
        self.client().create_user(self.user, "secret", status=INACTIVE)
        self.no_login(self.user)

    def test_the_list_of_clients_tells_who_is_logged_in(self):
        client = self.client()
        number = client.create_user(self.user, "secret")["id"]
        session = self.login(self.user)
        me = session.get_me()
        self.assertEqual((me["user_id"], me["transport"], me["groups"]), (number, 1, []))
        host, port = session.socket.getsockname()
        self.assertEqual(me["address"], f"{host}:{port}")
        self.assertEqual(client.get_client(me["id"]), me)
        session.logout()
        self.assertEqual(client.get_client(me["id"])["user_id"], 0xFFFFFFFF)
        session.close()
        until = time.monotonic() + 30
        while client.get_client(me["id"]) is not None:
            self.assertLess(time.monotonic(), until, "a closed connection is still listed")
            time.sleep(0.01)

    def test_a_client_that_pinged_and_fell_silent_is_logged_out_with_reason_13(self):
        server = self.own_server(config="[limits]\nheartbeat = \"1 s\"\n").start()
        watcher = self.client(server)
        silent, quiet = self.client(server), self.client(server)
        for _ in range(3):
            silent.ping()
        quiet.ping()
        self.assertEqual(len(watcher.get_clients()), 3)
        reply = silent.receive()
        self.assertEqual((reply.evicted, reply.reason), (True, 13))
        self.assertEqual(reply.client, silent.client_id)
        self.assertTrue(silent.is_closed_within(10))
        quiet.get_me()
        until = time.monotonic() + 10
        while len(watcher.get_clients()) != 2:
            self.assertLess(time.monotonic(), until, "the silent client is still listed")
            time.sleep(0.01)

    def test_deleting_oneself_is_answered_before_the_session_ends(self):
        self.client().create_user(self.user, "secret", permissions("manage_users"))
        session = self.login(self.user)
        session.delete_user(self.user)
        self.assert_session_over(session)


class Passwords(UserCase):
    def test_only_the_new_password_works_and_the_session_that_set_it_goes_on(self):
        client = self.client()
        client.create_user(self.user, "secret")
        session, other = self.login(self.user), self.login(self.user)
        session.change_password(self.user, "secret", "changed")
        session.get_me()
        self.assert_session_over(other)
        self.no_login(self.user)
        self.login(self.user, "changed")

    def test_the_current_password_is_asked_of_everybody(self):
        client = self.client()
        client.create_user(self.user, "secret")
        session = self.login(self.user)
        self.refused(42, session.change_password, self.user, "wrong", "changed")
        self.refused(42, client.change_password, self.user, "wrong", "changed")
        self.refused(42, client.change_password, self.user, "iggy", "changed")
        session.get_me()
        client.change_password(self.user, "secret", "changed")
        self.assert_session_over(session)
        self.login(self.user, "changed")

    def test_lengths_are_judged_before_all_else(self):
        client = self.client()
        for current, new in (("ab", "changed"), ("secret", "ab"), ("secret", "x" * 101)):
            self.refused(44, client.change_password, "nobody", current, new)

    def test_others_may_not_even_with_the_password(self):
        client = self.client()
        client.create_user(self.user, "secret")
        client.create_user(self.user + "2", "secret")
        self.refused(41, self.login(self.user).change_password, self.user + "2", "secret",
                     "changed")
        self.login(self.user + "2")

    def test_guesses_of_a_password_are_limited_like_logins(self):
        server = self.own_server(config="[limits]\nlogin_failures_per_minute = 3\n").start()
        client = self.client(server)
        client.create_user("guessed", "secret")
        session = self.login("guessed", server=server)
        for _ in range(3):
            self.refused(42, session.change_password, "guessed", "wrong", "changed")
        client.create_user("late", "secret")  # so that nothing about the right password is known
        fresh = self.own_server(config="[limits]\nlogin_failures_per_minute = 3\n",
                                data=server.data)
        server.stop()
        fresh.start()
        session = self.login("guessed", server=fresh)
        session.change_password("guessed", "secret", "changed")

    def test_two_changes_at_once_do_not_both_succeed(self):
        client = self.client()
        client.create_user(self.user, "secret")
        first, second = self.client(), self.client()
        frames = [each.frame(wire.CHANGE_PASSWORD, wire.identifier(self.user) + wire.name("secret")
                             + wire.name(new)) for each, new in ((first, "one"), (second, "two"))]
        for each, frame in zip((first, second), frames):
            each.send(frame)
        errors = [each.receive().error for each in (first, second)]
        self.assertEqual(sorted(errors), [0, 42])
        self.login(self.user, "one" if errors[0] == 0 else "two")

    def test_no_file_holds_a_password(self):
        server = self.own_server().start()
        self.client(server).create_user("writer", "a-plain-password")
        self.login("writer", "a-plain-password", server).change_password(
            "writer", "a-plain-password", "another-plain-one")
        server.stop()
        for path in server.data.rglob("*"):
            if path.is_file():
                data = path.read_bytes()
                self.assertNotIn(b"a-plain-password", data, path)
                self.assertNotIn(b"another-plain-one", data, path)


class Restarts(UserCase):
    def everything(self, client):
        return {each["name"]: client.get_user(each["id"]) for each in client.get_users()}

    def test_users_are_there_after_a_stop_and_after_a_kill(self):
        server = self.own_server().start()
        client = self.client(server)
        client.create_user("one", "secret", permissions("read_users", streams={
            3: ({"poll_messages"}, {1: {"send_messages"}})}))
        client.create_user("two", "secret", status=INACTIVE)
        client.create_user("gone", "secret")
        client.update_user("one", "uno")
        client.change_password("uno", "secret", "changed")
        client.update_permissions("two", permissions("manage_servers"))
        client.delete_user("gone")
        before = self.everything(client)
        for end in (server.stop, server.kill, server.kill):
            end()
            server.start()
            self.assertEqual(self.everything(self.client(server)), before)
            self.login("uno", "changed", server)
            self.no_login("uno", "secret", server)
            self.no_login("two", "secret", server)
            self.no_login("gone", "secret", server)

    @deadline(60)
    def test_users_are_the_same_after_snapshots_of_the_control_log(self):
        """A file of it holds some 250 changes; then the state is written into the other one."""
        server = self.own_server().start()
        client = self.client(server)
        client.create_user("kept", "secret", permissions("read_users", streams={
            number: ({"read_stream"}, {7: {"send_messages"}}) for number in range(100)}))
        token = client.create_token("laptop")
        client.create_user("changing", "secret")
        for number in range(600):
            client.update_permissions("changing", permissions("read_topics", streams={
                number: (set(), {1: {"send_messages"}})}))
        self.assertGreaterEqual(server.text().count("control.snapshot"), 3)
        before, tokens = self.everything(client), client.get_tokens()
        server.kill()
        server.start()
        client = Client(server.address)
        self.addCleanup(client.close)
        client.register_token(token)
        self.assertEqual(self.everything(client), before)
        self.assertEqual(client.get_tokens(), tokens)
        self.login("kept", server=server)

    @deadline(120)
    def test_nothing_answered_is_lost_whenever_the_server_is_killed(self):
        """Commands without end, a kill at any moment; what was answered is there, over snapshots
        of the control log too: each start writes one."""
        server = self.own_server()
        model, seed = {}, random.Random(5)
        for life in range(6):
            server.start()
            client = self.client(server)
            found = {name: user for name, user in self.everything(client).items() if name != "iggy"}
            open_name = model.pop("?", None)
            for name in set(found) | set(model):
                if name != open_name:
                    self.assertEqual(name in found, name in model, f"life {life}: {name}")
                    self.assertEqual(found[name]["permissions"], model[name], f"life {life}")
            model = {name: user["permissions"] for name, user in found.items()}
            killer = threading.Timer(seed.uniform(0.3, 1.2), server.kill)
            killer.start()
            try:
                while True:
                    self.change(client, model, seed)
            except (OSError, Closed):
                pass
            killer.join()

    def change(self, client, model, seed):
        name = f"user-{seed.randrange(12)}"
        stream = seed.randrange(9)
        model_before = dict(model)
        model["?"] = name  # until it is answered both may be
        if name not in model_before:
            user = client.create_user(name, "secret", permissions(streams={
                stream: ({"read_stream"}, {})}))
            model[name] = user["permissions"]
        elif seed.random() < 0.3:
            client.delete_user(name)
            del model[name]
        else:
            client.update_permissions(name, permissions("read_topics", streams={
                stream: (set(), {1: {"send_messages"}})}))
            model[name] = ({"read_topics"}, {stream: (set(), {1: {"send_messages"}})})
        del model["?"]
