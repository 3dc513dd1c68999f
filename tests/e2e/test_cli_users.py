"""Users and tokens at a terminal."""

from test_cli import NOT_ALLOWED, NOT_FOUND, REFUSED, USAGE, Terminal
from wire_client import Client
from wire_users import ACTIVE, INACTIVE, permissions


class Users(Terminal):
    def setUp(self):
        super().setUp()
        self.user = self.name[-40:]

    def login(self, password, user=None):
        client = Client(self.server.address)
        self.addCleanup(client.close)
        return client.register(user or self.user, password)

    def test_a_user_is_created_shown_listed_and_deleted(self):
        shown = self.run_command("user", "create", self.user, "read_users,send_messages",
                                 "7/3:poll_messages", "7:read_stream", text=b"secret\n")
        self.assertIn(b"created", shown)
        self.assertEqual(self.client().get_user(self.user)["permissions"],
                         ({"read_users", "send_messages"},
                          {7: ({"read_stream"}, {3: {"poll_messages"}})}))
        self.login("secret")
        self.assertIn(self.user.encode(), self.run_command("user", "list"))
        shown = self.run_command("user", "get", self.user).decode()
        self.assertIn("active", shown)
        for words in ("read_users,send_messages", "7:read_stream", "7/3:poll_messages"):
            self.assertIn(words + "\n", shown)
        self.run_command("user", "delete", self.user, code=USAGE)
        self.run_command("user", "delete", self.user, "--yes")
        self.run_command("user", "get", self.user, code=NOT_FOUND)
        self.assertIn(self.user, self.said)

    def test_passwords_are_lines_of_standard_input_or_environment(self):
        self.run_command("user", "create", self.user, text=b"from a pipe\n")
        self.login("from a pipe")
        self.run_command("user", "password", self.user, text=b"from a pipe\nchanged\n")
        self.login("changed")
        self.run_command("user", "password", self.user, environment={
            "LEVRIERO_USERNAME": self.user, "LEVRIERO_PASSWORD": "changed",
            "LEVRIERO_NEW_PASSWORD": "again"})
        self.login("again")
        self.run_command("user", "password", self.user, text=b"wrong\nother\n", code=NOT_ALLOWED)
        self.assertIn("42", self.said)
        self.run_command("user", "create", self.user + "2", text=b"", code=USAGE)

    def test_rights_are_replaced_and_taken_only_with_yes(self):
        client = self.client()
        client.create_user(self.user, "secret")
        self.run_command("user", "permissions", self.user, "manage_streams", "--yes")
        self.assertEqual(client.get_user(self.user)["permissions"], ({"manage_streams"}, {}))
        self.run_command("user", "permissions", self.user, "fly", "--yes", code=USAGE)
        self.assertIn("fly", self.said)
        self.run_command("user", "permissions", self.user, code=USAGE)
        self.assertIn("--yes", self.said)
        self.run_command("user", "permissions", self.user, "--yes")
        self.assertIsNone(client.get_user(self.user)["permissions"])

    def test_a_user_is_renamed_deactivated_and_activated(self):
        client = self.client()
        client.create_user(self.user, "secret")
        self.run_command("user", "rename", self.user, self.user + "2")
        self.run_command("user", "deactivate", self.user + "2")
        self.assertEqual(client.get_user(self.user + "2")["status"], INACTIVE)
        self.run_command("user", "activate", self.user + "2")
        self.assertEqual(client.get_user(self.user + "2")["status"], ACTIVE)
        self.run_command("user", "deactivate", "iggy", code=REFUSED)

    def test_the_doctor_names_users(self):
        server = self.own_server().start()
        client = self.client(server)
        client.create_user("somebody", "secret", permissions(streams={3: ({"read_stream"}, {})}))
        client.create_token("laptop")
        client.create_user("nobody", "secret", status=INACTIVE)
        server.stop()
        shown = self.run_command("doctor", "--data", str(server.data), server=server).decode()
        self.assertIn('user 1 "somebody", active, with rights, tokens: 0', shown)
        self.assertIn('user 2 "nobody", deactivated, without rights, tokens: 0', shown)
        self.assertIn("single streams and topics: 1", shown)

    def test_a_token_is_printed_alone_and_logs_in(self):
        token = self.run_command("token", "create", self.user[:30], "--expiry", "1 h").decode()
        self.assertEqual((len(token), token[-1]), (69, "\n"))
        path = self.server.scratch / "token"
        path.write_text(token)
        listed = self.run_command("token", "list", "--token-file", str(path)).decode()
        self.assertIn(self.user[:30], listed)
        with_token = {"LEVRIERO_TOKEN": token.strip(), "LEVRIERO_PASSWORD": "not needed"}
        self.run_command("stats", environment=with_token)
        self.run_command("token", "delete", self.user[:30], code=USAGE)
        self.run_command("token", "delete", self.user[:30], "--yes")
        self.run_command("stats", environment=with_token, code=NOT_ALLOWED)
        self.assertIn("53", self.said)
        self.run_command("token", "delete", self.user[:30], "--yes", code=NOT_FOUND)
