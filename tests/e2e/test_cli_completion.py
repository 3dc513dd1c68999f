"""Completion, asked for by the shells themselves."""

import os
import shutil
import subprocess
import unittest

from server import BINARY
from test_cli import USAGE, Terminal

BASH = r"""
source <(levriero completion bash)
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_levriero
printf '%s\n' "${COMPREPLY[@]}"
"""

# zsh has no way to ask a completion from outside: a terminal of its own types the line, and compadd
# tells what it was given.
ZSH = r"""
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'PS1= PROMPT= RPROMPT='
zpty -w shell 'autoload -U compinit; compinit -u -D; source <(levriero completion zsh)'
zpty -w shell 'compadd() { builtin compadd -O offered "$@"; print -rl -- "<${^offered}>" > $OUT; }'
zpty -w shell 'bindkey "^I" complete-word; zle -C complete-word complete-word _levriero'
zpty -w shell 'print ready'
zpty -r shell line '*ready*'
zpty -w -n shell "$LINE"$'\t'
repeat 300 { [ -s $OUT ] && break; sleep 0.1 }
tr -d '<>' < $OUT
zpty -d shell
"""


class Completion(Terminal):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        client = cls.opener = cls.new_client()
        client.create_stream("orders")
        client.create_stream("offers of today")
        client.create_topic("orders", "events", 1)
        client.create_topic("orders", "errors", 1)
        client.create_group("orders", "events", "readers")
        client.create_user("annabel", "secret")
        client.close()
        cls.bin = cls.server.scratch / "bin"
        cls.bin.mkdir()
        (cls.bin / "levriero").symlink_to(BINARY)

    @classmethod
    def new_client(cls):
        from wire_client import Client
        client = Client(cls.server.address)
        client.register()
        return client

    def environment(self, server=None):
        environment = super().environment(server)
        os.makedirs(environment["HOME"], exist_ok=True)
        return environment | {"PATH": f"{self.bin}:{os.environ['PATH']}"}

    def ask(self, shell, *words, **environment):
        if not shutil.which(shell[0]):
            raise unittest.SkipTest(f"{shell[0]} is not installed")
        done = subprocess.run([*shell, *words], capture_output=True, timeout=60, text=True,
                              stdin=subprocess.DEVNULL, env=self.environment() | environment)
        self.assertEqual(done.stderr, "")
        return [line for line in done.stdout.splitlines() if line]

    def test_words_options_and_choices_are_offered(self):
        def offered(*words):
            return self.run_command("__complete", *words).decode().splitlines()
        self.assertEqual(offered("str"), ["stream"])
        self.assertIn("purge", offered("topic", ""))
        self.assertEqual(offered("message", "poll", "s", "t", "--form"), ["--format"])
        self.assertEqual(offered("message", "poll", "s", "t", "--format", ""),
                         ["text", "raw", "hex", "json"])
        self.assertEqual(offered("stream", "list", "--ye"), [])
        self.assertEqual(offered("completion", ""), ["bash", "zsh", "fish"])
        self.assertEqual(offered("nonsense", "x", ""), [])
        self.assertEqual(offered("message", "send", "orders", "events", "--key", ""), [])

    def test_names_come_from_the_server(self):
        def offered(*words):
            return set(self.run_command("__complete", *words).decode().splitlines())
        self.assertEqual(offered("stream", "get", "o"), {"orders", "offers of today"})
        self.assertEqual(offered("topic", "get", "orders", ""), {"events", "errors"})
        self.assertEqual(offered("topic", "get", "--json", "orders", "ev"), {"events"})
        self.assertEqual(offered("group", "lag", "orders", "events", ""), {"readers"})
        self.assertEqual(offered("user", "get", "a"), {"annabel"})
        self.assertEqual(offered("topic", "get", "nowhere", ""), set())
        nobody = {"LEVRIERO_SERVER_URL": "127.0.0.1:1"}
        self.assertEqual(self.run_command("__complete", "stream", "get", "", environment=nobody),
                         b"")
        self.assertEqual(self.said, "")

    def test_an_unknown_shell_is_refused(self):
        self.run_command("completion", "csh", code=USAGE)
        self.assertIn("bash, zsh, fish", self.said)

    def test_bash_completes(self):
        shell = ("bash", "--norc", "-c", BASH, "bash")
        self.assertEqual(self.ask(shell, "levriero", "stream", "pu"), ["purge"])
        self.assertEqual(self.ask(shell, "levriero", "topic", "get", "orders", "ev"), ["events"])
        self.assertEqual(self.ask(shell, "levriero", "stream", "get", "of"), [r"offers\ of\ today"])

    def test_fish_completes(self):
        script = "levriero completion fish | source; complete -C $LINE"
        shell = ("fish", "--no-config", "-c", script)
        self.assertEqual(self.ask(shell, LINE="levriero stream pu"), ["purge"])
        self.assertEqual(self.ask(shell, LINE="levriero topic get orders ev"), ["events"])
        self.assertEqual(self.ask(shell, LINE="levriero stream get of"), ["offers of today"])

    def test_zsh_completes(self):
        for number, (line, expected) in enumerate((("levriero stream pu", ["purge"]),
                                                   ("levriero topic get orders ev", ["events"]))):
            out = self.server.scratch / f"zsh-{number}"
            found = self.ask(("zsh", "-f", "-c", ZSH), LINE=line, OUT=str(out))
            self.assertEqual(found, expected)
