"""A real terminal: a shell in tmux, what is typed into it, and what then stands on its screen.

The tmux server is this object's own (its socket lies in `folder`) and ends with it. `-f /dev/null`
is read only: nobody's settings apply.
"""

import os
import re
import subprocess
import tempfile
import time

from server import PATIENCE

WIDTH, HEIGHT = 100, 30
PROMPT = "ready>"


class Tmux:
    def __init__(self, folder, environment):
        """The folder is a new one each time: a server that still ends keeps its socket."""
        folder = tempfile.mkdtemp(prefix="tmux-", dir=folder)
        self.environment = environment | {"TMUX_TMPDIR": folder, "LC_ALL": "C.UTF-8",
                                          "PS1": PROMPT + " ", "TERM": "xterm-256color"}
        self.environment.pop("TMUX", None)
        self.command("new-session", "-d", "-x", str(WIDTH), "-y", str(HEIGHT),
                     "bash", "--norc", "--noprofile", "-i")
        self.until(PROMPT)

    def command(self, *words):
        """What one tmux command prints."""
        done = subprocess.run(["tmux", "-u", "-L", "test", "-f", "/dev/null", *words],
                              capture_output=True, text=True, timeout=20 * PATIENCE,
                              stdin=subprocess.DEVNULL, env=self.environment)
        assert done.returncode == 0, f"tmux {words}: {done.stderr}"
        return done.stdout

    def end(self):
        self.command("kill-server")

    def type(self, text):
        """As fingers do, letter by letter."""
        self.command("send-keys", "-l", text)

    def press(self, key):
        """One that has a name: Enter, C-c."""
        self.command("send-keys", key)

    def resize(self, width, height):
        self.command("resize-window", "-x", str(width), "-y", str(height))

    def screen(self, *options):
        """What is to be seen: lines that were wrapped are whole, blanks at the end are left out."""
        lines = self.command("capture-pane", "-p", "-J", *options).rstrip().split("\n")
        return "\n".join(line.rstrip() for line in lines)

    def colours(self):
        """The same with the escape sequences that give it colours."""
        return self.screen("-e")

    def until(self, wanted):
        """The screen as soon as the pattern is on it."""
        end = time.monotonic() + 15 * PATIENCE
        while True:
            screen = self.screen()
            if re.search(wanted, screen, re.M):
                return screen
            assert time.monotonic() < end, f"never saw {wanted!r} on\n{screen}"
            time.sleep(0.02)

    def start(self, line):
        """Types a command on an empty screen; its exit code will be said behind it."""
        self.type("clear")
        self.press("Enter")
        self.until(rf"\A{PROMPT}\Z")
        self.type(line + "; echo [code $?]")
        self.press("Enter")

    def ended(self):
        """Waits for the end: the exit code, and what stands between the command and it."""
        screen = self.until(r"\[code \d+\]\n" + PROMPT)
        shown, code = re.match(r"(.*)\[code (\d+)\]$", screen, re.S | re.M).groups()
        return int(code), shown.split("\n", 1)[1]

    def run(self, line):
        self.start(line)
        return self.ended()


def path_with(folder, binary):
    """A PATH on which `binary` is found by its name alone."""
    folder.mkdir(exist_ok=True)
    (folder / "levriero").symlink_to(binary)
    return f"{folder}:{os.environ['PATH']}"
