"""The same session typed twice, into the released command line client and into ours, on one server.

Each step is what a person types into theirs, and what into ours. After every step the exit codes
must tell the same, and what the server then holds, looked at by a third client over the wire, must
be the same but for names and numbers. In the end each shows what the other made.
"""

import json
import os
import re
import struct
import subprocess
import tempfile
from pathlib import Path

from server import BINARY
from wire_format import Refused

CALL_SECONDS = 120
PASSWORD = "a long password"
CLIENT = "cli-0.14"

# STREAM, USER and TOKEN are each one's own.
STEPS = [
    ("stream create STREAM", "stream create STREAM"),
    ("stream create STREAM", "stream create STREAM"),
    ("topic create STREAM first 3 none 7days", "topic create STREAM first --partitions 3 "
                                               "--expiry 7days"),
    ("topic create STREAM second 1 gzip -m 10GB", "topic create STREAM second --compression gzip "
                                                  "--max-size 10GB"),
    ("topic update STREAM second last none 1day", "topic update STREAM second --name last "
                                                  "--compression none --expiry 1day "
                                                  "--max-size server_default"),
    ("partition create STREAM last 2", "partition create STREAM last 2"),
    ("partition delete STREAM last 1", "partition delete STREAM last 1 --yes"),
    ("message send -p 0 STREAM first one two three",
     "message send -p 0 STREAM first one two three"),
    ("message send -m anna STREAM first a1 a2", "message send -k anna STREAM first a1 a2"),
    ("message send -m bert STREAM first b1", "message send --key bert STREAM first b1"),
    ("message send -p 1 -H source:string:shop,n:int32:-5,f:float64:0.5,b:bool:true,u:uint128:9 "
     "STREAM first headed",
     "message send -p 1 -H source=shop -H n:int32=-5 -H f:float64=0.5 -H b:bool=true "
     "-H u:uint128=9 STREAM first headed"),
    ("message send -p 2 STREAM last lost", "message send -p 2 STREAM last lost"),
    ("message send -p 0 nowhere first lost", "message send -p 0 nowhere first lost"),
    ("consumer-group create STREAM first readers", "group create STREAM first readers"),
    ("consumer-group create STREAM first others", "consumer-group create STREAM first others"),
    ("consumer-group delete STREAM first others", "group delete STREAM first others --yes"),
    ("consumer-offset set 7 STREAM first 0 1", "consumer-offset set 7 STREAM first 0 1"),
    ("message poll -n -a -c 7 STREAM first 0", "message poll --from next -a -c 7 -n 1 STREAM first "
                                               "-p 0"),
    ("consumer-offset set 9 STREAM first 0 99", "consumer-offset set 9 STREAM first 0 99"),
    ("user create USER PASSWORD -g r_str,p_msg -s 3:r_str,s_msg#7:p_msg",
     "user create USER read_streams,poll_messages 3:read_stream,send_messages 3/7:poll_messages"),
    ("user permissions USER -g r_usr", "user permissions USER read_users --yes"),
    ("user status USER inactive", "user deactivate USER"),
    ("user delete iggy", "user delete iggy --yes"),
    ("pat create TOKEN 1h", "token create TOKEN --expiry 1h"),
    ("ping -c 1", "ping"),
    ("me", "me"),
    ("stats", "stats"),
    ("options topic", "options topic"),
    ("options stream", "options stream"),
    ("cluster metadata", "cluster metadata"),
    ("client list", "client list"),
    ("snapshot", "snapshot"),
    ("stream get STREAM", "stream get STREAM"),
    ("stream list", "stream list"),
    ("topic get STREAM first", "topic get STREAM first"),
    ("topic list STREAM", "topic list STREAM"),
    ("consumer-group get STREAM first readers", "group get STREAM first readers"),
    ("consumer-group list STREAM first", "group list STREAM first"),
    ("consumer-offset get 7 STREAM first 0", "consumer-offset get 7 STREAM first 0"),
    ("user get USER", "user get USER"),
    ("user list", "user list"),
    ("pat list", "token list"),
    ("segment delete STREAM first 0 1", "segment delete STREAM first 0 1 --yes"),
    ("segment delete STREAM first 9 1", "segment delete STREAM first 9 1 --yes"),
    ("message flush STREAM first 0", "message flush STREAM first 0"),
    ("user status USER active", "user activate USER"),
    ("user name USER iggy", "user rename USER iggy"),
    ("user permissions USER", "user permissions USER --yes"),
    ("user password USER wrong ANOTHER", "user password USER --current-password-file wrong"),
    ("user password USER PASSWORD ANOTHER", "user password USER"),
    ("consumer-group delete STREAM first nobody", "group delete STREAM first nobody --yes"),
    ("partition delete STREAM first 9", "partition delete STREAM first 9 --yes"),
    ("stream update STREAM iggy", "stream update STREAM mine"),
    ("stream update iggy STREAM", "stream update mine STREAM"),
    ("topic purge STREAM last", "topic purge STREAM last --yes"),
    ("topic delete STREAM nowhere", "topic delete STREAM nowhere --yes"),
]

# What a session cannot hold: a desktop's key store, one's own files, numbers of connections.
NOT_TYPED = {"login", "logout", "session status", "pat delete", "client get", "context list",
             "context use", "context create", "context delete", "context show"}


class Typist:
    """One command line, one home."""

    def __init__(self, program, name, address, before):
        self.name, self.before = name, [str(program), *before]
        self.home = tempfile.mkdtemp(prefix="levriero-session-")
        kept = {key: value for key, value in os.environ.items()
                if not key.startswith(("IGGY_", "LEVRIERO_", "XDG_"))}
        self.environment = kept | {"HOME": self.home, "LEVRIERO_SERVER_URL": address,
                                   "LEVRIERO_NEW_PASSWORD": PASSWORD,
                                   "LEVRIERO_CURRENT_PASSWORD": PASSWORD}
        (Path(self.home) / "wrong").write_text("wrong\n")
        self.environment.pop("DBUS_SESSION_BUS_ADDRESS", None)

    def words(self, text):
        own = {"STREAM": f"stream of {self.name}", "USER": f"user of {self.name}",
               "TOKEN": f"token of {self.name}", "PASSWORD": PASSWORD, "ANOTHER": PASSWORD}
        return [own.get(word, word) for word in text.split()]

    def type(self, text):
        return subprocess.run([*self.before, *self.words(text)], capture_output=True, text=True,
                              timeout=CALL_SECONDS, env=self.environment, cwd=self.home,
                              stdin=subprocess.DEVNULL)


def offset_of(client, stream, partition, who):
    try:
        return client.get_offset(stream, "first", partition, who)
    except Refused as refused:
        return refused.args


def without(fields, *names):
    return {name: value for name, value in fields.items() if name not in names}


def headers_of(data):
    """As a set: theirs are sorted by key, ours as they were typed."""
    found, at = set(), 0
    while at < len(data):
        parts = []
        for _ in range(2):
            kind, size = struct.unpack_from("<BI", data, at)
            parts.append((kind, data[at + 5:at + 5 + size]))
            at += 5 + size
        found.add(tuple(parts))
    return found


def settings_of(topic):
    """Theirs names what is the default, too: who chose it is not compared."""
    return topic["explicit"] | topic["derived"]


def topic_state(client, stream, name):
    topic = client.get_topic(stream, name)
    partitions = [client.poll_all(stream, name, partition)
                  for partition in range(topic["partitions_count"])]
    return (without(topic, "id", "created_at", "size", "partitions", "explicit", "derived"),
            settings_of(topic),
            [[(message.payload, headers_of(message.user_headers)) for message in one]
             for one in partitions])


def state_of(client, typist):
    """What the server holds of one typist's, without numbers and times."""
    stream, user = typist.words("STREAM USER")
    if client.get_stream(stream) is None:
        return None
    found = {}
    for name in ("first", "second", "last"):
        if client.get_topic(stream, name) is not None:
            found[name] = topic_state(client, stream, name)
            found[name + " groups"] = [without(group, "id")
                                       for group in client.get_groups(stream, name)]
    found["offsets"] = ([offset_of(client, stream, 0, who) for who in (7, 9)]
                        if "first" in found else None)
    shown = client.get_user(user)
    found["user"] = shown and (shown["status"], shown["permissions"])
    found["tokens"] = sum(typist.words("TOKEN")[0] in str(token) for token in client.get_tokens())
    return found


def step(tally, typists, client, texts):
    """Both type it; both were served or both refused, and the server holds the same of both."""
    done = [typist.type(text) for typist, text in zip(typists, texts)]
    codes = [one.returncode == 0 for one in done]
    states = [state_of(client, typist) for typist in typists]
    same = codes[0] == codes[1] and states[0] == states[1]
    verdict = "done" if codes[1] else "refused"
    tally.line(f"{'ok' if same else 'FAILED':7} session: {texts[1]}: {verdict} by both")
    if not same:
        for one, state in zip(done, states):
            print(f"        {one.returncode}: {one.stdout[-300:]!r} {one.stderr[-300:]!r}")
            print(f"        {state}", flush=True)


def their_payloads(shown):
    rows = [[cell.strip() for cell in line.strip("|").split("|")]
            for line in shown.splitlines() if line.startswith("|")]
    return [row[4] for row in rows if len(row) >= 5 and row[0].isdigit()]


def shows_the_same(tally, typists):
    """Lists and messages, of their own and of the other's making, as each prints them."""
    theirs, ours = typists
    listed = [row.split("|")[2] for row in theirs.type("stream list -l list").stdout.splitlines()
              if "|" in row]
    lines = ours.type("stream list --json").stdout.splitlines()
    names = [json.loads(line)["name"] for line in lines]
    tally.line(f"{'ok' if sorted(listed) == sorted(names) else 'FAILED':7} session: both list"
               f" {len(names)} streams")
    for typist in typists:
        for partition in range(3):
            shown = theirs_poll(theirs, typist, partition)
            printed = ours_poll(ours, typist, partition)
            tally.line(f"{'ok' if shown == printed else 'FAILED':7} session: both show"
                       f" {len(printed)} messages in partition {partition} of {typist.name}")
            if shown != printed:
                print(f"        {shown}\n        {printed}", flush=True)


def theirs_poll(theirs, typist, partition):
    words = ["message", "poll", "-f", "-m", "100", *typist.words("STREAM"), "first", str(partition)]
    done = subprocess.run([*theirs.before, *words], capture_output=True, text=True,
                          timeout=CALL_SECONDS, env=theirs.environment)
    return their_payloads(done.stdout)


def ours_poll(ours, typist, partition):
    words = ["message", "poll", *typist.words("STREAM"), "first", "-p", str(partition), "--json"]
    done = subprocess.run([*ours.before, *words], capture_output=True, text=True,
                          timeout=CALL_SECONDS, env=ours.environment)
    return [json.loads(line)["payload"] for line in done.stdout.splitlines()]


def commands_in(help_text):
    section = help_text.split("Commands:", 1)[-1] if "Commands:" in help_text else ""
    return [word for word in re.findall(r"^  ([a-z][a-z-]*)(?:  |$)", section, re.M)
            if word != "help"]


def every_command_is_typed(tally, typist):
    """Of theirs, as its own help lists them."""
    found = set()
    for noun in commands_in(typist.type("--help").stdout):
        verbs = commands_in(typist.type(f"{noun} --help").stdout)
        found |= {f"{noun} {verb}" for verb in verbs} or {noun}
    typed = {theirs for theirs, _ in STEPS} | {"stream delete ", "user delete ", "stream purge "}
    missing = {command for command in found - NOT_TYPED
               if not any((line + " ").startswith(command + " ") for line in typed)}
    verdict = "ok" if found and not missing else "FAILED"
    tally.line(f"{verdict:7} session: every command of theirs is typed, of {len(found)}")
    if missing:
        print(f"        {sorted(missing)}", flush=True)


def run(tally, program, address, client):
    """`program` is the released one; `client` looks at what became of it."""
    before = ("--tcp-server-address", address, "--tcp-reconnection-max-retries", "1",
              "-u", "iggy", "-p", "iggy")
    typists = (Typist(program, "theirs", address, before),
               Typist(Path(BINARY), "ours", address, ()))
    every_command_is_typed(tally, typists[0])
    for texts in STEPS:
        step(tally, typists, client, texts)
    shows_the_same(tally, typists)
    step(tally, typists, client, ("user delete USER", "user delete USER --yes"))
    step(tally, typists, client, ("stream purge STREAM", "stream purge STREAM --yes"))
    step(tally, typists, client, ("stream delete STREAM", "stream delete STREAM --yes"))
    step(tally, typists, client, ("stream delete STREAM", "stream delete STREAM --yes"))
