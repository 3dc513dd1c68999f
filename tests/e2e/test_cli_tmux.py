"""The command line in a real terminal: colours, questions, secrets, what repaints, how it ends."""

import re
import shutil
import unittest

from server import BINARY
from terminal import PROMPT, Tmux, path_with
from test_cli import REFUSED, Terminal

BOLD, RED = "\x1b[1m", "\x1b[31m"


@unittest.skipUnless(shutil.which("tmux"), "tmux is not installed")
class InTmux(Terminal):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.path = path_with(cls.server.scratch / "bin", BINARY)

    def setUp(self):
        super().setUp()
        self.own = self.client()
        self.stream = self.name[:20]
        self.own.create_stream(self.stream)
        self.own.create_topic(self.stream, "events", 2)

    def terminal(self, **environment):
        tmux = Tmux(self.server.scratch,
                    self.environment() | {"PATH": self.path} | environment)
        self.addCleanup(tmux.end)
        return tmux

    def assert_restored(self, tmux):
        """The terminal does as before: lines, echo, signals, a cursor, and lines that wrap."""
        code, settings = tmux.run("stty -a")
        self.assertEqual(code, 0)
        for setting in ("icanon", "echo", "isig", "icrnl", "opost"):
            self.assertRegex(settings, rf"(?<![-\w]){setting}\b")
        state = tmux.command("display-message", "-p", "#{cursor_flag} #{wrap_flag} #{alternate_on}")
        self.assertEqual(state.strip(), "1 1 0")

    def test_a_table_has_a_bold_heading_and_a_failure_a_red_name(self):
        tmux = self.terminal()
        code, shown = tmux.run(f"levriero topic list {self.stream}")
        self.assertEqual(code, 0)
        heading, row = shown.splitlines()
        self.assertEqual(heading.split()[:2], ["ID", "NAME"])
        self.assertEqual(row.split()[:3], ["0", "events", "2"])
        self.assertIn(BOLD, tmux.colours())
        tmux.run("levriero topic list nowhere")
        self.assertIn(RED + "levriero:", tmux.colours())

    def test_no_color_leaves_the_table_and_takes_the_colours(self):
        tmux = self.terminal(NO_COLOR="1")
        tmux.run(f"levriero topic list {self.stream}; levriero topic list nowhere")
        coloured = tmux.colours()
        self.assertIn("PARTITIONS", coloured)
        self.assertNotIn("\x1b[", coloured)
        tmux.run(f"levriero topic list {self.stream} --color always")
        self.assertIn(BOLD, tmux.colours())

    def test_what_destroys_asks_and_does_what_was_answered(self):
        tmux = self.terminal()
        tmux.start(f"levriero topic delete {self.stream} events")
        tmux.until(r"Go on\? \[y/N\]$")
        tmux.type("n")
        tmux.press("Enter")
        code, shown = tmux.ended()
        self.assertEqual(code, REFUSED)
        self.assertIn("nothing was done", shown)
        self.assertIsNotNone(self.own.get_topic(self.stream, "events"))
        tmux.start(f"levriero topic delete {self.stream} events")
        tmux.until(r"Go on\? \[y/N\]$")
        tmux.type("y")
        tmux.press("Enter")
        self.assertEqual(tmux.ended()[0], 0)
        self.assertIsNone(self.own.get_topic(self.stream, "events"))

    def test_a_question_that_is_interrupted_destroys_nothing(self):
        tmux = self.terminal()
        tmux.start(f"levriero stream delete {self.stream}")
        tmux.until(r"Go on\? \[y/N\]$")
        tmux.press("C-c")
        tmux.until(rf"^{PROMPT}$")
        self.assertIsNotNone(self.own.get_stream(self.stream))
        self.assert_restored(tmux)

    def test_a_password_is_not_shown(self):
        self.own.create_user(self.stream, "a password")
        tmux = self.terminal()
        tmux.start(f"levriero me --username {self.stream}")
        tmux.until(rf"^Password of {self.stream}:$")
        tmux.type("a password")
        tmux.press("Enter")
        code, shown = tmux.ended()
        self.assertEqual(code, 0)
        self.assertIn("TRANSPORT", shown)
        self.assertNotIn("a password", shown)
        self.assert_restored(tmux)

    def test_an_interrupted_password_gives_the_terminal_back(self):
        """Also from a script: an interactive shell would mend the terminal by itself."""
        tmux = self.terminal()
        tmux.start("sh -c 'trap : INT; levriero me -u somebody; echo got $?; stty -a'")
        tmux.until(r"^Password of somebody:$")
        tmux.type("half a pass")
        tmux.press("C-c")
        code, shown = tmux.ended()
        self.assertEqual(code, 0)
        self.assertIn("got 130", shown)
        self.assertNotIn("half a pass", shown)
        self.assertRegex(shown, r"(?<![-\w])echo\b")
        self.assertRegex(shown, r"(?<![-\w])isig\b")

    def test_statistics_are_repainted_in_place_until_they_are_interrupted(self):
        tmux = self.terminal()
        tmux.start("levriero stats --watch --every 100ms")
        tmux.until(rf"^ *{self.stream}/events +0.0 +0.0 +0 ")
        self.own.send_messages(self.stream, "events", [b"x"] * 7)
        screen = tmux.until(rf"^ *{self.stream}/events .* 7 ")
        self.assertEqual(screen.count("MESSAGES PER SECOND"), 2, "one of the server, one of topics")
        tmux.resize(50, 10)
        screen = tmux.until(r"\AAT ")
        self.assertLessEqual(max(map(len, screen.splitlines())), 50)
        tmux.press("C-c")
        tmux.until(r"\[code 0\]\n" + PROMPT)
        tmux.resize(100, 30)
        self.assert_restored(tmux)

    def test_a_follower_prints_what_comes_and_ends_when_it_is_interrupted(self):
        self.own.send_messages(self.stream, "events", [b"before"])
        tmux = self.terminal()
        tmux.start(f"levriero message tail {self.stream} events -f")
        tmux.until("^0/0: before$")
        self.own.send_messages(self.stream, "events", [b"after"])
        tmux.until("^0/1: after$")
        tmux.press("C-c")
        code, shown = tmux.ended()
        self.assertEqual(code, 0)
        self.assertEqual(shown.splitlines()[-1].removeprefix("^C"), "2 messages")
        self.assert_restored(tmux)

    def test_a_table_on_a_narrow_terminal_loses_nothing(self):
        tmux = self.terminal()
        tmux.resize(40, 30)
        code, shown = tmux.run(f"levriero topic list {self.stream}")
        self.assertEqual(code, 0)
        whole = "".join(shown.splitlines())
        self.assertRegex(whole, r"events .*\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")

    def test_wide_and_strange_names_leave_the_columns_where_they_are(self):
        names = ["\u65e5\u672c\u8a9e", "e\u0301t\u00e9", "\x1b[2Jgone", "\u202eback", "plain"]
        for name in names:
            self.own.create_topic(self.stream, name, 1)
        tmux = self.terminal()
        code, shown = tmux.run(f"levriero topic list {self.stream}")
        self.assertEqual(code, 0)
        lines = shown.splitlines()
        self.assertEqual(len(lines), 2 + len(names))
        self.assertIn("?[2Jgone", shown)
        self.assertNotIn("\u202e", shown)
        columns = {cells_before(line, r"none +\d{4}-") for line in lines[1:]}
        self.assertEqual(len(columns), 1, shown)

    def test_a_shell_completes_names_of_the_server(self):
        tmux = self.terminal()
        tmux.run("source <(levriero completion bash)")
        tmux.type(f"levriero topic get {self.stream} ev")
        tmux.press("Tab")
        tmux.until(rf"levriero topic get {self.stream} events")


def cells_before(line, pattern):
    """How many cells of the terminal stand left of it: some letters take two, some none."""
    def width(letter):
        return 0 if letter == "\u0301" else 2 if "\u3000" <= letter <= "\u9fff" else 1
    return sum(map(width, line[:re.search(pattern, line).start()]))
