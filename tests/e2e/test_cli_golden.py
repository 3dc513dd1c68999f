"""What every command prints into a pipe, word by word: tests/golden/command_line.txt.

One session, typed in order; of what changes from run to run (times, sizes of the machine, tokens)
only the place is compared. A command of src/cli/cli_commands.def that the session lacks fails the
test. When what is printed was changed on purpose:

    LEVRIERO_GOLDEN=write tests/e2e/run golden_words
"""

import os
import re
import subprocess

from case import deadline
from server import BINARY, ROOT
from test_cli import Terminal

GOLDEN = ROOT / "tests/golden/command_line.txt"
CHANGING = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", "TIME"),
    (r"127\.0\.0\.1:\d+", "ADDRESS"), (r"answered in \d+ us", "answered in N us"),
    (r"(?m)^(id|user_id)\t\d{2,}$", r"\1\tN"), (r"(?m)^\d{4,}\t", "N\t"),
    (r"login-[0-9a-f]{16}", "login-N"), (r"[0-9a-zA-Z_+/=-]{40,}", "TOKEN"),
    (r"/\S+/(?=archive\.zip)", "FOLDER/"), (r"(?m)^(size_bytes)\t\d{4,}$", r"\1\tN"),
    (r"\t\d+\.\d{6}$", "\tSECONDS"),
)
# Of the server and the machine: the names of the fields alone.
ONLY_NAMES = ("stats", "cluster metadata", "me")
ONLY_FIRST = ("completion", "client list", "client get", "stats --watch")


class Golden(Terminal):
    def typed(self, line):
        words = [word.replace("ARCHIVE", str(self.server.scratch / "archive.zip"))
                 for word in line.split()]
        text = b"secret\nanother\n" if "password" in words or "user create" in line else b"piped\n"
        done = subprocess.run([str(BINARY), *words], input=text, capture_output=True, timeout=60,
                              env=self.environment())
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def shown(self, line):
        code, out, err = self.typed(line)
        command = " ".join(word for word in line.split()[:2] if word.isalpha() or "-" in word)
        if line.split()[0] in ONLY_FIRST or command in ONLY_FIRST:
            out = f"({'some' if out else 'no'} lines)\n"
        elif line.split()[0] in ONLY_NAMES or command in ONLY_NAMES:
            out = "".join(row.split("\t")[0] + "\n" for row in out.splitlines())
        for pattern, instead in CHANGING:
            out, err = (re.sub(pattern, instead, text, flags=re.M) for text in (out, err))
        said = "".join(f"! {row}\n" for row in err.splitlines())
        return f"$ levriero {line}\n{out}{said}= {code}\n"

    @deadline(90)
    def test_golden_words_of_every_command(self):
        self.server, shared = self.own_server().start(), self.server
        self.addCleanup(lambda: setattr(self, "server", shared))
        golden = GOLDEN.read_text()
        lines = re.findall(r"^\$ levriero (.*)$", golden, re.M)
        found = "".join(map(self.shown, lines))
        if os.environ.get("LEVRIERO_GOLDEN") == "write":
            GOLDEN.write_text(found)
        self.maxDiff = None
        self.assertEqual(found, golden)
        helped = subprocess.run([BINARY, "--help"], capture_output=True, text=True, timeout=60)
        commands = re.findall(r"^  (?!levriero)(\S+(?: [a-z-]+)?)", helped.stdout, re.M)
        self.assertGreater(len(commands), 50)
        missing = [command for command in commands
                   if not any((line + " ").startswith(command + " ") for line in lines)]
        self.assertEqual(missing, [])
