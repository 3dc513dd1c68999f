"""The README's first program, word for word: its commands, then its program in Python."""

import os
import re
import shlex
import subprocess
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"
ADDRESS = "127.0.0.1:8090"  # what both take when nothing else is said
BINARY_OF_README = "build/release/levriero "
WANTED = "0 b'first'\n1 b'second'\n2 b'third'\n"
SECONDS = 60


def said(words, **fields):
    done = subprocess.run(words, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=SECONDS, **fields)
    assert done.returncode == 0, f"{words}: {done.stdout}"
    return done.stdout


def run(tally, binary, python, address):
    readme = README.read_text().split("## A first program", 1)[1]
    program = re.search(r"```python\n(.*?)```", readme, re.DOTALL).group(1)
    commands = [line.strip().removeprefix(BINARY_OF_README) for line in
                readme.split("```python", 1)[0].splitlines() if BINARY_OF_README in line]
    environment = dict(os.environ, LEVRIERO_SERVER_URL=address)
    assert commands.pop(0).startswith("server "), "the first command starts the server"
    for command in commands:
        printed = said([binary, *shlex.split(command)], env=environment)
    assert "first" in printed and "second" in printed, f"the last command prints: {printed}"
    assert ADDRESS in program
    printed = said([python, "-c", program.replace(ADDRESS, address)])
    tally.line(f"{'ok' if printed == WANTED else 'FAILED':7} readme: the first program does what"
               f" it says{'' if printed == WANTED else ': ' + printed}")
