"""Where and as whom: contexts and logins in files, passwords out of sight."""

import os
import pty
import select
import signal
import subprocess
import time
from pathlib import Path

from server import BINARY, PATIENCE
from test_cli import NOT_ALLOWED, NOT_FOUND, REFUSED, USAGE, Terminal

SERVED = "LEVRIERO_SERVER_URL"


class Screen:
    """A real terminal: what the program writes, and what a person types."""

    def __init__(self, words, environment):
        self.text = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(str(BINARY), [str(BINARY), *words], environment | {"TERM": "xterm"})

    def until(self, text):
        end = time.monotonic() + 10 * PATIENCE
        while text not in self.text:
            assert time.monotonic() < end, f"never saw {text!r} in {self.text!r}"
            self._read(1)

    def _read(self, seconds):
        """False at the end."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            found = os.read(self.fd, 1 << 16).decode(errors="replace")
        except OSError:
            return False
        self.text += found.replace("\r\n", "\n")
        return bool(found)

    def type(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        """Everything until the program ends; its exit code."""
        finish = time.monotonic() + 10 * PATIENCE
        while self._read(1) and time.monotonic() < finish:
            pass
        if time.monotonic() >= finish:
            os.kill(self.pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.fd)
        return code


class Logins(Terminal):
    def setUp(self):
        super().setUp()
        self.user = self.name[:30]
        self.home = Path(self.server.scratch) / self.name[:40]
        self.home.mkdir(mode=0o700)

    def environment(self, server=None):
        return super().environment(server) | {"HOME": str(self.home)}

    def files(self):
        return {path.relative_to(self.home): path for path in self.home.rglob("*")
                if path.is_file()}

    def make_user(self):
        self.client().create_user(self.user, "a password")

    def screen(self, *words, **environment):
        return Screen(words, self.environment() | environment)

    def test_a_context_says_where_and_as_whom(self):
        self.make_user()
        address = "%s:%d" % self.server.address
        password = self.home / "password"
        password.write_text("a password\n")
        nowhere = {SERVED: ""}
        self.run_command("context", "create", "here", "--server", address, "--username", self.user,
                         "--password-file", str(password), environment=nowhere)
        self.run_command("context", "create", "here", code=REFUSED)
        self.run_command("context", "create", "../there", code=USAGE)
        shown = self.run_command("me", "--context", "here", environment=nowhere).decode()
        self.assertNotIn("user_id\t0\n", shown)
        self.run_command("context", "use", "here")
        self.assertEqual(self.run_command("me", environment=nowhere).decode().split("\t")[2:3],
                         shown.split("\t")[2:3])
        self.assertIn("here\ttrue", self.run_command("context", "list").decode())
        self.run_command("stats", environment=nowhere, code=NOT_ALLOWED)
        self.run_command("me", "--context", "there", environment=nowhere, code=USAGE)
        self.run_command("context", "use", "there", code=NOT_FOUND)
        for path in self.files().values():
            if path != password:
                self.assertEqual(path.stat().st_mode & 0o777, 0o600, path)
                self.assertEqual(path.parent.stat().st_mode & 0o777, 0o700, path.parent)
                self.assertNotIn("a password", path.read_text())

    def test_a_context_in_use_that_is_gone_stops_nobody(self):
        self.run_command("context", "create", "gone")
        self.run_command("context", "use", "gone")
        next(path for path in self.files().values() if path.name == "gone").unlink()
        self.run_command("context", "list")
        self.run_command("ping")
        self.run_command("context", "use", "default")

    def test_a_context_that_others_may_read_is_refused_with_the_remedy(self):
        self.run_command("context", "create", "open", "--username", "anna")
        path = next(path for path in self.files().values() if path.name == "open")
        path.chmod(0o644)
        self.run_command("me", "--context", "open", code=USAGE)
        self.assertIn(f"chmod 600 {path}", self.said)

    def test_a_login_lasts_until_the_logout_and_yields_to_a_name(self):
        self.make_user()
        with_password = {"LEVRIERO_PASSWORD": "a password"}
        self.run_command("login", "--username", self.user, "--expiry", "1 h",
                         environment=with_password)
        mine = self.run_command("me", "--json")
        self.assertNotIn(b'"user_id":0,', mine)
        self.run_command("stats", code=NOT_ALLOWED)
        self.run_command("stats", "--username", "iggy", environment={"LEVRIERO_PASSWORD": "iggy"})
        self.assertEqual([path.stat().st_mode & 0o777 for path in self.files().values()], [0o600])
        token = next(iter(self.files().values())).read_text()
        self.assertNotIn("a password", token)
        self.assertEqual(len(self.run_command("token", "list").splitlines()), 1)
        self.run_command("logout")
        self.assertEqual(self.files(), {})
        self.run_command("logout", code=NOT_FOUND)
        self.assertEqual(self.run_command("token", "list", "--username", self.user,
                                          environment=with_password), b"")
        self.run_command("stats")

    def test_a_login_whose_token_is_gone_says_so(self):
        self.make_user()
        self.run_command("login", "--username", self.user,
                         environment={"LEVRIERO_PASSWORD": "a password"})
        name = self.run_command("token", "list").decode().split("\t")[0]
        self.run_command("token", "delete", name, "--yes")
        self.run_command("me", code=NOT_ALLOWED)
        self.assertIn("levriero logout", self.said)

    def test_a_terminal_is_asked_for_the_password_without_echo(self):
        self.make_user()
        screen = self.screen("me", "--username", self.user)
        screen.until(f"Password of {self.user}: ")
        screen.type("a password\n")
        self.assertEqual(screen.end(), 0)
        self.assertIn("TRANSPORT", screen.text)
        self.assertNotIn("a password", screen.text)

    def test_without_a_terminal_a_missing_password_is_a_mistake_not_a_question(self):
        done = subprocess.run([str(BINARY), "me", "--username", self.user], timeout=60,
                              capture_output=True, env=self.environment(), start_new_session=True)
        self.assertEqual(done.returncode, USAGE)
        self.assertIn(b"--password-file", done.stderr)

    def test_secrets_are_refused_as_arguments_and_not_repeated(self):
        for option in ("--password", "--token", "--new-password", "--current-password"):
            self.run_command("user", "password", "anna", option, "geheim", code=USAGE)
            self.assertIn("-file", self.said)
            self.assertNotIn("geheim", self.said)

    def test_tables_colours_and_questions_are_for_terminals(self):
        stream = self.name[:20]
        self.run_command("stream", "create", stream)
        self.run_command("topic", "create", stream, "events", "--partitions", "2")
        screen = self.screen("topic", "list", stream, NO_COLOR="1")
        self.assertEqual(screen.end(), 0)
        heading, row = screen.text.splitlines()
        self.assertEqual(heading.split("  ")[:2], ["ID", "NAME"])
        self.assertEqual(row.split()[:5], ["0", "events", "2", "0", "0"])
        self.assertEqual(heading.index("CREATED AT"), row.index("20"), "columns stand below")
        self.assertNotIn("\x1b", screen.text)
        screen = self.screen("topic", "list", stream)
        screen.end()
        self.assertIn("\x1b[1m ID", screen.text.replace("\x1b[1mID", "\x1b[1m ID"))
        self.assertNotIn(b"\x1b", self.run_command("topic", "list", stream))
        self.assertIn(b"\x1b[31m", self.always("topic", "list", "nowhere"))
        screen = self.screen("topic", "delete", stream, "events")
        screen.until("Go on? [y/N] ")
        screen.type("n\n")
        self.assertEqual(screen.end(), REFUSED)
        self.assertIn(f"topic events of stream {stream}", screen.text)
        screen = self.screen("topic", "delete", stream, "events")
        screen.until("Go on? [y/N] ")
        screen.type("y\n")
        self.assertEqual(screen.end(), 0)
        screen = self.screen("topic", "list", stream)
        screen.end()
        self.assertEqual(screen.text, "no topics\n")

    def always(self, *words):
        done = subprocess.run([str(BINARY), *words, "--color", "always"], timeout=60,
                              capture_output=True, env=self.environment())
        return done.stderr

    def test_long_work_shows_a_bar_on_a_terminal_and_wipes_it_out(self):
        stream = self.name[:20]
        self.run_command("stream", "create", stream)
        self.run_command("topic", "create", stream, "t")
        path = self.home / "lines"
        path.write_bytes((b"x" * 99 + b"\n") * 300_000)
        words = ("message", "send", stream, "t", "--file", str(path))
        screen = self.screen(*words)
        self.assertEqual(screen.end(), 0)
        self.assertRegex(screen.text, r"\[#*\.+\] +\d+ %  [\d.]+ MiB of 28.6 MiB")
        self.assertIn("300000 messages sent", screen.text.rsplit("\x1b[K")[-1])
        self.run_command(*words)
        self.assertNotIn("%", self.said)

    def test_names_cannot_steer_the_terminal(self):
        self.run_command("stream", "create", self.name[:20] + "\x1b[2J")
        screen = self.screen("stream", "list", NO_COLOR="1")
        screen.end()
        self.assertIn("?[2J", screen.text)
        self.assertNotIn("\x1b", screen.text)
