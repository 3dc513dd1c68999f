"""The page of the manual: made of the document, complete, and readable for who formats it."""

import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from server import BINARY, ROOT


class Manual(unittest.TestCase):
    def setUp(self):
        self.scratch = Path(tempfile.mkdtemp(prefix="levriero-manual-"))
        self.addCleanup(shutil.rmtree, self.scratch)
        self.page = self.scratch / "levriero.1"
        subprocess.run([ROOT / "tools/manual", ROOT / "docs/command-line.md", self.page],
                       check=True, timeout=60)

    def test_the_manual_has_every_command_and_option_that_the_binary_has(self):
        text = re.sub(r"\\f[BRP]|\\&", "", self.page.read_text()).replace("\\-", "-")
        shown = subprocess.run([BINARY, "--help"], capture_output=True, text=True, timeout=60)
        commands = re.findall(r"^  (?!levriero)(\S+(?: [a-z-]+)?)", shown.stdout, re.M)
        self.assertGreater(len(commands), 50)
        for command in commands:
            self.assertIn(f'.SS "levriero {command}', text)
            told = subprocess.run([BINARY, *command.split(), "--help"], capture_output=True,
                                  text=True, timeout=60)
            for option in re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", told.stdout, re.M):
                self.assertIn(option, text, command)

    @unittest.skipUnless(shutil.which("groff"), "groff is not installed")
    def test_the_manual_is_formatted_without_complaint(self):
        done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-P-c", "-rLL=200n", self.page],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        plain = re.sub(".\b", "", done.stdout)
        for section in ("NAME", "SYNOPSIS", "EXIT CODES", "SHORT WORDS", "COMMANDS", "SEE ALSO"):
            self.assertIn(section, plain)
