#!/usr/bin/env python3
"""The matrix of the released command line client: every command it has, right and wrong.

    cli_matrix.py PROGRAM NAME ADDRESS matrix            one line a row
    cli_matrix.py PROGRAM NAME ADDRESS write STREAM      for the crossing: what others must read
    cli_matrix.py PROGRAM NAME ADDRESS read STREAM...    what others wrote, as lines

A row is one command of the protocol. Each prints one line, `ok <seconds> s  <command>` or
`FAILED ...`; the reason of a failure is on standard error. Every call is a process of its own that
logs in, does one thing and logs out. Commands that only move secrets in and out of a desktop's key
store (`login`, `logout`, `session`) need one and are left out.
"""

import json
import os
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import zipfile
from pathlib import Path

MISSING = "4000000"
PASSWORD = "a long password"
CALL_SECONDS = 120
STATS_TRIES = 100
FEATURE_UNAVAILABLE = "Feature is unavailable"
UNAUTHORIZED = "Unauthorized"
NOT_FOUND = "was not found"


def expect(truth, sentence):
    if not truth:
        raise AssertionError(sentence)


class Cli:
    """One released program, one server, a home directory of its own."""

    def __init__(self, program, name, address):
        self.program, self.client, self.address = program, name, address
        self.is_newer = name.endswith("0.14")
        self.no_such_token = "Invalid personal access token" if self.is_newer else NOT_FOUND
        self.inactive = "Invalid credentials" if self.is_newer else "User inactive"
        self.home = Path(tempfile.mkdtemp(prefix="levriero-cli-"))
        self.root = ("-u", "iggy", "-p", "iggy")
        self.nobody = ("-u", self.name("nobody"), "-p", PASSWORD)

    def name(self, what):
        return f"{self.client} {what}"

    def environment(self):
        kept = {key: value for key, value in os.environ.items()
                if not key.startswith("IGGY_") and key != "DBUS_SESSION_BUS_ADDRESS"}
        return kept | {"HOME": str(self.home), "TZ": "UTC"}

    def start(self, words, who=None, data=None):
        to_server = ["--tcp-server-address", self.address, "--tcp-reconnection-max-retries", "1"]
        return subprocess.run(
            [self.program, *to_server, *(self.root if who is None else who), *map(str, words)],
            input=data, capture_output=True, text=True, timeout=CALL_SECONDS, cwd=self.home,
            env=self.environment(), errors="replace")

    def ok(self, *words, who=None, data=None):
        """What it printed, without the line that says what is being done."""
        done = self.start(words, who, data)
        expect(done.returncode == 0, f"{words} ended with {done.returncode}: {done.stderr}")
        return "".join(line for line in done.stdout.splitlines(keepends=True)
                       if not line.startswith("Executing "))

    def refused(self, text, *words, who=None):
        done = self.start(words, who)
        expect(done.returncode == 1, f"{words} ended with {done.returncode}, wanted: {text}"
                                     f"\n{done.stdout}{done.stderr}")
        expect(text in done.stderr, f"{words} failed otherwise than with `{text}`: {done.stderr}")

    def list(self, *words):
        """The rows of a list, split; without messages about empty lists."""
        lines = self.ok(*words, "-l", "list").splitlines()
        return [line.split("|") for line in lines if "|" in line]

    def table(self, *words):
        """The pairs of a Property/Value table."""
        pairs = {}
        for line in self.ok(*words).splitlines():
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if len(cells) == 2 and cells[0]:
                pairs[cells[0]] = cells[1]
        return pairs

    def topic(self, what, partitions=1):
        stream = self.name(what)
        self.ok("stream", "create", stream)
        self.ok("topic", "create", stream, "t", partitions, "none")
        return stream

    def send(self, stream, *messages, partition=0, options=()):
        self.ok("message", "send", "-p", partition, *options, stream, "t", *messages)

    def payloads(self, stream, *strategy, partition=0, count=100):
        """What a poll shows, in order."""
        out = self.ok("message", "poll", stream, "t", partition, "-m", count, *strategy)
        rows = [[cell.strip() for cell in line.strip("|").split("|")]
                for line in out.splitlines() if line.startswith("|")]
        return [row[4] for row in rows if len(row) >= 5 and row[0].isdigit()]


def ping(cli):
    expect("1" in cli.ok("ping", "-c", "1"), "nothing was told of the ping")


def login(cli):
    cli.refused("Invalid credentials", "me", who=("-u", "iggy", "-p", "wrong"))
    cli.refused("Invalid credentials", "me", who=("-u", "stranger", "-p", "iggy"))
    cli.ok("me")
    cli.ok("user", "create", "-u", "inactive", cli.name("inactive"), PASSWORD)
    cli.refused(cli.inactive, "me", who=("-u", cli.name("inactive"), "-p", PASSWORD))


def logout(cli):
    """Every call logs out in the end and is gone: none of the first is there at the second."""
    before = {row[2] for row in cli.list("client", "list")}
    cli.ok("me")
    for _ in range(100):
        after = {row[2] for row in cli.list("client", "list")}
        if len(before & after) < len(before):
            return
        time.sleep(0.1)
    raise AssertionError(f"all of {before} are still there")


def get_stats(cli):
    """Others are at work meanwhile, so the streams must be the same before and after."""
    cli.send(cli.topic("stats"), "x", "y")
    for _ in range(STATS_TRIES):
        streams = cli.list("stream", "list")
        stats = json.loads(cli.ok("-q", "stats", "-o", "json"))
        if cli.list("stream", "list") == streams:
            break
    else:
        raise AssertionError("the streams never stayed as they were")
    expect(stats["streams_count"] == len(streams), f"{stats['streams_count']} streams")
    expect(stats["messages_count"] == sum(int(row[4]) for row in streams), "messages")
    expect(stats["process_id"] > 0 and stats["iggy_server_version"], "no process, no version")
    cli.ok("stats")
    cli.refused(UNAUTHORIZED, "stats", who=cli.nobody)


def get_snapshot(cli):
    folder = Path(tempfile.mkdtemp(dir=cli.home))
    cli.ok("snapshot", "-c", "deflated", "-o", folder, "-s", "test", "server_config")
    with zipfile.ZipFile(next(folder.glob("*.zip"))) as archive:
        expect(archive.testzip() is None, "the archive is damaged")
        expect(archive.read("test.txt").strip() == b"test", "test.txt")
        expect(archive.read("server_config.txt"), "server_config.txt")
    if cli.is_newer:
        cli.refused(UNAUTHORIZED, "snapshot", "-o", folder, who=cli.nobody)
    else:
        cli.ok("snapshot", "-o", folder, "-s", "test", who=cli.nobody)


def get_cluster_metadata(cli):
    rows = cli.list("cluster", "metadata")
    port = cli.address.rsplit(":", 1)[1]
    expect(len(rows) == 1 and port in rows[0], f"{rows}")


def describe_options(cli):
    out = cli.ok("options", "topic", who=cli.nobody)
    for key in ("segment_size", "message_expiry", "durability", "max_topic_size"):
        expect(key in out, f"no {key} in {out}")
    cli.ok("stream", "create", cli.name("options"))
    cli.refused("option", "topic", "create", "--set", "colour=red", cli.name("options"), "t", "1",
                "none")


def get_me(cli):
    me = cli.table("me")
    expect(me["Transport"] == "TCP" and me["User ID"] == "0", f"{me}")
    cli.ok("me", who=cli.nobody)


def get_client(cli):
    expect(NOT_FOUND in cli.ok("client", "get", MISSING), "found what is not there")
    one = cli.list("client", "list")[0][0]
    cli.ok("client", "get", one)
    cli.refused(UNAUTHORIZED, "client", "get", one, who=cli.nobody)


def get_clients(cli):
    rows = cli.list("client", "list")
    expect(len(rows) >= 1 and all("127.0.0.1" in row[2] for row in rows), f"{rows}")
    cli.refused(UNAUTHORIZED, "client", "list", who=cli.nobody)


def get_user(cli):
    name = cli.name("get-user")
    cli.ok("user", "create", "-g", "r_srv,m_str", "-s", "3:r_str,s_msg#7:p_msg", name, PASSWORD)
    shown = cli.table("user", "get", name)
    expect(shown["Username"] == name and shown["Status"] == "active", f"{shown}")
    again = cli.table("user", "get", shown["User ID"])
    expect(again == shown, f"{again} by number")
    expect(NOT_FOUND in cli.ok("user", "get", MISSING), "found what is not there")
    cli.ok("user", "get", cli.name("nobody"), who=cli.nobody)
    cli.refused(UNAUTHORIZED, "user", "get", shown["User ID"], who=cli.nobody)


def get_users(cli):
    rows = cli.list("user", "list")
    expect(rows[0][0] == "0" and rows[0][3] == "iggy", f"{rows[0]}")
    cli.refused(UNAUTHORIZED, "user", "list", who=cli.nobody)


def create_user(cli):
    name = cli.name("create-user")
    cli.ok("user", "create", name, PASSWORD)
    cli.refused("already exists", "user", "create", name, PASSWORD)
    cli.refused(UNAUTHORIZED, "user", "create", "anyone", PASSWORD, who=cli.nobody)
    cli.ok("me", who=("-u", name, "-p", PASSWORD))


def delete_user(cli):
    name = cli.name("delete-user")
    cli.ok("user", "create", name, PASSWORD)
    cli.refused(UNAUTHORIZED, "user", "delete", name, who=cli.nobody)
    cli.ok("user", "delete", name)
    cli.refused(NOT_FOUND, "user", "delete", name)
    cli.refused("Cannot delete user", "user", "delete", "iggy")
    cli.refused("Invalid credentials", "me", who=("-u", name, "-p", PASSWORD))


def update_user(cli):
    name, renamed = cli.name("update-user"), cli.name("renamed")
    cli.ok("user", "create", name, PASSWORD)
    cli.ok("user", "name", name, renamed)
    cli.refused("already exists", "user", "name", renamed, "iggy")
    cli.ok("user", "status", renamed, "inactive")
    cli.refused(cli.inactive, "me", who=("-u", renamed, "-p", PASSWORD))
    cli.ok("user", "status", renamed, "active")
    cli.ok("me", who=("-u", renamed, "-p", PASSWORD))
    cli.refused(NOT_FOUND, "user", "name", MISSING, "anyone")
    cli.refused(UNAUTHORIZED, "user", "name", renamed, "anyone", who=cli.nobody)


def update_permissions(cli):
    name = cli.name("permissions")
    cli.ok("user", "create", name, PASSWORD)
    who = ("-u", name, "-p", PASSWORD)
    cli.refused(UNAUTHORIZED, "stream", "list", who=who)
    cli.ok("user", "permissions", "-g", "r_str", name)
    cli.ok("stream", "list", who=who)
    cli.refused(UNAUTHORIZED, "stream", "create", "forbidden", who=who)
    cli.ok("user", "permissions", name)
    cli.refused(UNAUTHORIZED, "stream", "list", who=who)
    cli.refused("Cannot change permissions", "user", "permissions", "-g", "r_str", "iggy")
    cli.refused(NOT_FOUND, "user", "permissions", MISSING)


def change_password(cli):
    name, new = cli.name("password"), "another password"
    cli.ok("user", "create", name, PASSWORD)
    cli.refused("Invalid credentials", "user", "password", name, "wrong", new)
    cli.ok("user", "password", name, PASSWORD, new)
    cli.refused("Invalid credentials", "me", who=("-u", name, "-p", PASSWORD))
    cli.ok("me", who=("-u", name, "-p", new))
    cli.refused(UNAUTHORIZED, "user", "password", name, new, PASSWORD, who=cli.nobody)


def get_tokens(cli):
    lasting, ending = cli.name("lasting"), cli.name("ending")
    cli.ok("pat", "create", lasting)
    cli.ok("pat", "create", ending, "1h")
    rows = {row[0]: row[1] for row in cli.list("pat", "list")}
    expect(rows[lasting] == "unlimited" and rows[ending] != "unlimited", f"{rows}")


def create_token(cli):
    token = cli.ok("-q", "pat", "create", cli.name("create")).strip()
    expect(len(token) >= 20 and " " not in token, "no token")
    cli.refused("already exists", "pat", "create", cli.name("create"))


def delete_token(cli):
    """Without a key store it fails in the end, after the server has deleted: the list tells."""
    cli.ok("pat", "create", cli.name("delete"))
    cli.start(["pat", "delete", cli.name("delete")])
    names = [row[0] for row in cli.list("pat", "list")]
    expect(cli.name("delete") not in names, f"still there: {names}")
    cli.refused(NOT_FOUND, "pat", "delete", cli.name("delete"))


def login_with_token(cli):
    token = cli.ok("-q", "pat", "create", cli.name("login")).strip()
    expect("TCP" in cli.ok("me", who=("-t", token)), "not logged in")
    cli.refused(cli.no_such_token, "me", who=("-t", "no such token"))


def poll_messages(cli):
    stream = cli.topic("poll", 2)
    cli.send(stream, *[f"m{i}" for i in range(10)])
    expect(cli.payloads(stream, "-f", count=3) == ["m0", "m1", "m2"], "first")
    expect(cli.payloads(stream, "-l", count=2) == ["m8", "m9"], "last")
    expect(cli.payloads(stream, "-o", 4, count=2) == ["m4", "m5"], "offset")
    expect(cli.payloads(stream, "-f", partition=1) == [], "an empty partition")
    nowhere = ("message", "poll", "-f")
    cli.refused(NOT_FOUND, *nowhere, MISSING, "t", 0)
    cli.refused(NOT_FOUND, *nowhere, stream, MISSING, 0)
    cli.refused(NOT_FOUND, *nowhere, stream, "t", 9)
    cli.refused(UNAUTHORIZED, *nowhere, stream, "t", 0, who=cli.nobody)


def auto_commit(cli):
    stream = cli.topic("auto-commit")
    cli.send(stream, *[f"m{i}" for i in range(5)])
    poll = ("-n", "-a", "-c", "reader")
    for wanted in (["m0", "m1"], ["m2", "m3"], ["m4"], []):
        got = cli.payloads(stream, *poll, count=2)
        expect(got == wanted, f"{got}, wanted {wanted}")


def send_messages(cli):
    stream = cli.topic("send", 3)
    cli.send(stream, "one", "two", partition=1)
    cli.ok("message", "send", stream, "t", "balanced")
    cli.ok("message", "send", stream, "t", data="from\nstandard\ninput\n")
    shown = cli.table("topic", "get", stream, "t")
    expect(shown["Topic message count"] == "6", f"{shown}")
    cli.refused(NOT_FOUND, "message", "send", "-p", 0, MISSING, "t", "x")
    cli.refused(NOT_FOUND, "message", "send", "-p", 0, stream, MISSING, "x")
    cli.refused(NOT_FOUND, "message", "send", "-p", 9, stream, "t", "x")
    cli.refused(UNAUTHORIZED, "message", "send", "-p", 0, stream, "t", "x", who=cli.nobody)


def send_by_key(cli):
    """XXH32 of the key, seed 0, modulo 5, whoever computes it."""
    stream = cli.topic("keys", 5)
    for key, partition in (("key-0", KEY_PARTITIONS[0]), ("key-7", KEY_PARTITIONS[7])):
        cli.ok("message", "send", "-m", key, stream, "t", key)
        expect(key in cli.payloads(stream, "-f", partition=partition), f"{key} went elsewhere")


def headers_and_ids(cli):
    """Headers of every kind, through the binary file form and back."""
    stream = cli.topic("headers")
    kinds = ("raw:raw:abc,string:string:text,bool:bool:true,i8:int8:-128,i16:int16:-32768,"
             "i32:int32:-5,i64:int64:-6,i128:int128:-7,u8:uint8:255,u16:uint16:65535,"
             "u32:uint32:9,u64:uint64:10,u128:uint128:11,f32:float32:1.5,f64:float64:-0.1")
    cli.send(stream, "payload", options=("-H", kinds))
    shown = cli.ok("message", "poll", "-f", "-s", stream, "t", 0)
    for value in ("text", "true", "-128", "-32768", "255", "65535", "1.5", "-0.1"):
        expect(value in shown, f"no {value} in {shown}")
    cli.ok("message", "poll", "-f", "--output-file", cli.home / "one", stream, "t", 0)
    cli.ok("message", "send", "-p", 0, "--input-file", cli.home / "one", stream, "t")
    cli.ok("message", "poll", "-o", 1, "--output-file", cli.home / "two", stream, "t", 0)
    one, two = (cli.home / "one").read_bytes(), (cli.home / "two").read_bytes()
    expect(one[8:24] == two[8:24], "the id is another")
    expect(one[48:] == two[48:], "payload or headers are others")


def flush(cli):
    stream = cli.topic("flush")
    if cli.is_newer:
        return cli.refused(FEATURE_UNAVAILABLE, "message", "flush", stream, "t", 0)
    cli.ok("message", "flush", "-f", stream, "t", 0)
    cli.refused(NOT_FOUND, "message", "flush", stream, "t", 9)
    cli.refused(UNAUTHORIZED, "message", "flush", stream, "t", 0, who=cli.nobody)


def get_offset(cli):
    stream = cli.topic("get-offset")
    cli.send(stream, "a", "b", "c")
    get = ("consumer-offset", "get", "someone", stream, "t", 0)
    expect(NOT_FOUND in cli.ok(*get), "found what is not there")
    cli.ok("consumer-offset", "set", "someone", stream, "t", 0, 1)
    shown = cli.table(*get)
    expect((shown["Stored offset"], shown["Current offset"]) == ("1", "2"), f"{shown}")
    cli.refused(UNAUTHORIZED, *get, who=cli.nobody)


def set_offset(cli):
    stream = cli.topic("set-offset")
    put = ("consumer-offset", "set", "7", stream, "t", 0)
    cli.refused("Invalid offset", *put, 0)
    cli.send(stream, "a", "b", "c")
    cli.ok(*put, 2)
    cli.refused("Invalid offset", *put, 3)
    cli.ok(*put, 1)
    expect(cli.table("consumer-offset", "get", "7", stream, "t", 0)["Stored offset"] == "1", "set")
    cli.refused(UNAUTHORIZED, *put, 1, who=cli.nobody)


def get_stream(cli):
    name = cli.name("get-stream")
    cli.topic("get-stream")
    shown = cli.table("stream", "get", name)
    expect((shown["Stream name"], shown["Stream topics count"]) == (name, "1"), f"{shown}")
    expect(cli.table("stream", "get", shown["Stream ID"]) == shown, "by number")
    expect(NOT_FOUND in cli.ok("stream", "get", MISSING), "found what is not there")
    cli.refused(UNAUTHORIZED, "stream", "get", name, who=cli.nobody)


def get_streams(cli):
    cli.ok("stream", "create", cli.name("list"))
    names = [row[2] for row in cli.list("stream", "list")]
    expect(names.count(cli.name("list")) == 1, f"{names}")
    cli.refused(UNAUTHORIZED, "stream", "list", who=cli.nobody)


def create_stream(cli):
    cli.ok("stream", "create", cli.name("create"))
    cli.refused("already exists", "stream", "create", cli.name("create"))
    cli.refused(UNAUTHORIZED, "stream", "create", cli.name("forbidden"), who=cli.nobody)


def delete_stream(cli):
    name = cli.topic("delete")
    cli.refused(UNAUTHORIZED, "stream", "delete", name, who=cli.nobody)
    cli.ok("stream", "delete", name)
    cli.refused(NOT_FOUND, "stream", "delete", name)
    cli.refused(NOT_FOUND, "stream", "delete", MISSING)


def update_stream(cli):
    name, renamed = cli.name("update"), cli.name("renamed")
    cli.ok("stream", "create", name)
    cli.refused(UNAUTHORIZED, "stream", "update", name, renamed, who=cli.nobody)
    cli.ok("stream", "update", name, renamed)
    cli.refused(NOT_FOUND, "stream", "update", name, "x")
    expect(cli.table("stream", "get", renamed)["Stream name"] == renamed, "not renamed")


def purge_stream(cli):
    name = cli.topic("purge")
    cli.send(name, "x")
    cli.refused(UNAUTHORIZED, "stream", "purge", name, who=cli.nobody)
    cli.ok("stream", "purge", name)
    expect(cli.table("stream", "get", name)["Stream message count"] == "0", "not purged")
    cli.refused(NOT_FOUND, "stream", "purge", MISSING)


def get_topic(cli):
    stream = cli.topic("get-topic", 3)
    shown = cli.table("topic", "get", stream, "t")
    expect((shown["Topic name"], shown["Partitions count"]) == ("t", "3"), f"{shown}")
    expect(cli.table("topic", "get", stream, "0") == shown, "by number")
    expect(NOT_FOUND in cli.ok("topic", "get", stream, MISSING), "found what is not there")
    cli.refused(UNAUTHORIZED, "topic", "get", stream, "t", who=cli.nobody)


def get_topics(cli):
    stream = cli.topic("get-topics")
    cli.ok("topic", "create", stream, "u", 2, "gzip")
    rows = cli.list("topic", "list", stream)
    expect([(row[0], row[2]) for row in rows] == [("0", "t"), ("1", "u")], f"{rows}")
    cli.refused(UNAUTHORIZED, "topic", "list", stream, who=cli.nobody)


def create_topic(cli):
    stream = cli.name("create-topic")
    cli.ok("stream", "create", stream)
    cli.ok("topic", "create", "-m", "2GiB", stream, "t", 2, "gzip", "1hour", "1min")
    shown = cli.table("topic", "get", stream, "t")
    expect(shown["Compression"] == "gzip" and shown["Partitions count"] == "2", f"{shown}")
    expect("1h" in shown["Message expiry"] and "2" in shown["Max topic size"], f"{shown}")
    cli.refused("already exists", "topic", "create", stream, "t", 1, "none")
    cli.refused(NOT_FOUND, "topic", "create", MISSING, "t", 1, "none")
    cli.refused(UNAUTHORIZED, "topic", "create", stream, "u", 1, "none", who=cli.nobody)
    cli.refused("Too many partitions", "topic", "create", stream, "many", 1001, "none")


def delete_topic(cli):
    stream = cli.topic("delete-topic")
    cli.refused(UNAUTHORIZED, "topic", "delete", stream, "t", who=cli.nobody)
    cli.ok("topic", "delete", stream, "t")
    cli.refused(NOT_FOUND, "topic", "delete", stream, "t")
    cli.refused(NOT_FOUND, "topic", "delete", MISSING, "t")


def update_topic(cli):
    stream = cli.topic("update-topic")
    cli.refused(UNAUTHORIZED, "topic", "update", stream, "t", "x", "none", who=cli.nobody)
    cli.ok("topic", "update", stream, "t", "renamed", "gzip", "2days")
    shown = cli.table("topic", "get", stream, "renamed")
    expect(shown["Compression"] == "gzip" and "2d" in shown["Message expiry"], f"{shown}")
    cli.refused(NOT_FOUND, "topic", "update", stream, "t", "x", "none")
    cli.refused(NOT_FOUND, "topic", "update", MISSING, "t", "x", "none")


def purge_topic(cli):
    stream = cli.topic("purge-topic")
    cli.send(stream, "x", "y")
    cli.refused(UNAUTHORIZED, "topic", "purge", stream, "t", who=cli.nobody)
    cli.ok("topic", "purge", stream, "t")
    expect(cli.payloads(stream, "-f") == [], "not purged")
    cli.refused(NOT_FOUND, "topic", "purge", stream, MISSING)


def create_partitions(cli):
    stream = cli.topic("partitions-create")
    cli.ok("partition", "create", stream, "t", 2)
    expect(cli.table("topic", "get", stream, "t")["Partitions count"] == "3", "not added")
    cli.refused(NOT_FOUND, "partition", "create", stream, MISSING, 1)
    cli.refused(UNAUTHORIZED, "partition", "create", stream, "t", 1, who=cli.nobody)


def delete_partitions(cli):
    stream = cli.topic("partitions-delete", 3)
    cli.ok("partition", "delete", stream, "t", 2)
    expect(cli.table("topic", "get", stream, "t")["Partitions count"] == "1", "not deleted")
    cli.refused("Invalid partitions count", "partition", "delete", stream, "t", 2)
    cli.refused(UNAUTHORIZED, "partition", "delete", stream, "t", 1, who=cli.nobody)


def delete_segments(cli):
    stream = cli.topic("segments-delete")
    cli.send(stream, "x")
    cli.ok("segment", "delete", stream, "t", 0, 1)
    expect(cli.payloads(stream, "-f") == ["x"], "the active segment must stay")
    cli.refused(NOT_FOUND, "segment", "delete", stream, "t", 9, 1)
    cli.refused(UNAUTHORIZED, "segment", "delete", stream, "t", 0, 1, who=cli.nobody)


def get_group(cli):
    stream = cli.topic("get-group", 3)
    cli.ok("consumer-group", "create", stream, "t", "g")
    shown = cli.table("consumer-group", "get", stream, "t", "g")
    expect((shown["Consumer group name"], shown["Partitions count"], shown["Members count"])
           == ("g", "3", "0"), f"{shown}")
    expect(NOT_FOUND in cli.ok("consumer-group", "get", stream, "t", MISSING), "found it")
    cli.refused(UNAUTHORIZED, "consumer-group", "get", stream, "t", "g", who=cli.nobody)


def get_groups(cli):
    stream = cli.topic("get-groups")
    for group in ("g", "h"):
        cli.ok("consumer-group", "create", stream, "t", group)
    rows = cli.list("consumer-group", "list", stream, "t")
    expect([row[1] for row in rows] == ["g", "h"], f"{rows}")
    cli.refused(UNAUTHORIZED, "consumer-group", "list", stream, "t", who=cli.nobody)


def create_group(cli):
    stream = cli.topic("create-group")
    cli.ok("consumer-group", "create", stream, "t", "g")
    cli.refused("already exists", "consumer-group", "create", stream, "t", "g")
    cli.refused(NOT_FOUND, "consumer-group", "create", stream, MISSING, "g")
    cli.refused(UNAUTHORIZED, "consumer-group", "create", stream, "t", "h", who=cli.nobody)


def delete_group(cli):
    stream = cli.topic("delete-group")
    cli.ok("consumer-group", "create", stream, "t", "g")
    cli.refused(UNAUTHORIZED, "consumer-group", "delete", stream, "t", "g", who=cli.nobody)
    cli.ok("consumer-group", "delete", stream, "t", "g")
    cli.refused(NOT_FOUND, "consumer-group", "delete", stream, "t", "g")


def contexts(cli):
    """Where the server is, kept in a file of the client."""
    cli.ok("context", "create", "--transport", "tcp", "--tcp-server-address", cli.address,
           "--username", "iggy", "--password", "iggy", "here", who=())
    cli.ok("context", "use", "here", who=())
    expect("here" in cli.ok("context", "list", who=()), "the context is not listed")
    expect("TCP" in cli.ok("me", who=()), "not logged in by the context")
    cli.ok("context", "delete", "here", who=())


# XXH32 of "key-N", seed 0, modulo 5.
KEY_PARTITIONS = (2, 1, 4, 4, 0, 2, 3, 1, 3, 4, 3, 1)

ROWS = {
    "Ping": ping, "GetStats": get_stats, "GetSnapshot": get_snapshot,
    "GetClusterMetadata": get_cluster_metadata, "DescribeOptions": describe_options,
    "GetMe": get_me, "GetClient": get_client, "GetClients": get_clients,
    "GetUser": get_user, "GetUsers": get_users, "CreateUser": create_user,
    "DeleteUser": delete_user, "UpdateUser": update_user,
    "UpdatePermissions": update_permissions, "ChangePassword": change_password,
    "Login": login, "Logout": logout, "GetPersonalAccessTokens": get_tokens,
    "CreatePersonalAccessToken": create_token, "DeletePersonalAccessToken": delete_token,
    "LoginWithPersonalAccessToken": login_with_token, "PollMessages": poll_messages,
    "auto-commit": auto_commit, "SendMessages": send_messages, "send by key": send_by_key,
    "headers, ids, times": headers_and_ids, "FlushUnsavedBuffer": flush,
    "GetConsumerOffset": get_offset, "StoreConsumerOffset": set_offset,
    "GetStream": get_stream, "GetStreams": get_streams, "CreateStream": create_stream,
    "DeleteStream": delete_stream, "UpdateStream": update_stream, "PurgeStream": purge_stream,
    "GetTopic": get_topic, "GetTopics": get_topics, "CreateTopic": create_topic,
    "DeleteTopic": delete_topic, "UpdateTopic": update_topic, "PurgeTopic": purge_topic,
    "CreatePartitions": create_partitions, "DeletePartitions": delete_partitions,
    "DeleteSegments": delete_segments, "GetConsumerGroup": get_group,
    "GetConsumerGroups": get_groups, "CreateConsumerGroup": create_group,
    "DeleteConsumerGroup": delete_group, "contexts": contexts,
}
# What 0.13 does not have; its `segment delete` ends in a panic of its own argument parser.
NEWER_ROWS = ("DescribeOptions", "DeleteSegments")


def run(cli):
    failed = 0
    for command, row in ROWS.items():
        if command in NEWER_ROWS and not cli.is_newer:
            continue
        begin, verdict = time.monotonic(), "ok"
        try:
            row(cli)
        except Exception:
            traceback.print_exc()
            verdict, failed = "FAILED", failed + 1
        print(f"{verdict:7} {time.monotonic() - begin:6.2f} s  {command}", flush=True)
    return failed


def encode(id, origin, payload, headers=()):
    """A message as the client's files hold it (wire-v1: a header of 64 bytes, payload, headers)."""
    block = b"".join(
        bytes([kind]) + struct.pack("<I", len(data)) + data
        for pair in headers for kind, data in pair)
    return (struct.pack("<Q", 0) + id.to_bytes(16, "little")
            + struct.pack("<QQQIIQ", 0, 0, origin, len(block), len(payload), 0) + payload + block)


def decode(data):
    """Every message of a file: offset, id, origin time, payload, headers."""
    at = 0
    while at < len(data):
        id = int.from_bytes(data[at + 8:at + 24], "little")
        offset, _, origin, headers, payload, _ = struct.unpack_from("<QQQIIQ", data, at + 24)
        at += 64
        block = data[at + payload:at + payload + headers]
        yield offset, id, origin, data[at:at + payload], decode_headers(block)
        at += payload + headers


def decode_headers(block):
    fields, at = [], 0
    while at < len(block):
        size = struct.unpack_from("<I", block, at + 1)[0]
        fields.append(f"{block[at]}:{block[at + 5:at + 5 + size].hex()}")
        at += 5 + size
    return ";".join(sorted(f"{key}={value}" for key, value in zip(fields[::2], fields[1::2])))


HEADERS = tuple(((2, name), (kind, value)) for kind, name, value in (
    (1, b"raw", b"\0\1\xff"), (2, b"string", "text \u20ac".encode()), (3, b"bool", b"\1"),
    (4, b"int8", b"\x80"), (5, b"int16", b"\0\x80"), (6, b"int32", b"\xff" * 4),
    (7, b"int64", b"\xff" * 8), (8, b"int128", b"\xff" * 16), (9, b"uint8", b"\xff"),
    (10, b"uint16", b"\xff" * 2), (11, b"uint32", b"\xff" * 4), (12, b"uint64", b"\xff" * 8),
    (13, b"uint128", b"\xff" * 16), (14, b"float32", struct.pack("<f", 1.5)),
    (15, b"float64", struct.pack("<d", -0.1)))) + (((11, b"\7\0\0\0"), (2, b"odd key")),)


def write(cli, stream):
    now = time.time_ns() // 1000
    sent = [(1, now, b"\0", ()), ((1 << 128) - 1, now + 1, bytes(range(256)), HEADERS),
            (42, now + 2, bytes(i % 251 for i in range(251)) * 6000, ())]
    file = cli.home / "messages"
    file.write_bytes(b"".join(encode(*each) for each in sent))
    cli.ok("message", "send", "-p", 0, "--input-file", file, stream, "t")
    for offset, each in enumerate(decode(file.read_bytes())):
        tell("t", 0, (offset, *each[1:]))
    for number in range(len(KEY_PARTITIONS)):
        cli.ok("message", "send", "-m", f"key-{number}", stream, "keyed", f"key-{number}")
    for consumer, offset in ((7, 2), ("crossing", 1)):
        cli.ok("consumer-offset", "set", consumer, stream, "t", 0, offset)
        print("stored", consumer, offset, sep="\t")


def tell(topic, partition, message):
    offset, id, origin, payload, headers = message
    print("message", topic, partition, offset, id, origin, payload.hex(), headers, sep="\t")


def read(cli, *streams):
    for stream in streams:
        print("stream", stream, sep="\t")
        for topic, partitions in (("t", 1), ("keyed", 5)):
            for partition in range(partitions):
                file = cli.home / f"{stream}-{topic}-{partition}"
                cli.ok("message", "poll", "-f", "-m", 1000, "--output-file", file, stream, topic,
                       partition)
                for message in decode(file.read_bytes() if file.exists() else b""):
                    tell(topic, partition, message)
        for consumer in (7, "crossing"):
            shown = cli.table("consumer-offset", "get", consumer, stream, "t", 0)
            if "Stored offset" in shown:
                print("stored", consumer, shown["Stored offset"], sep="\t")


def main():
    cli = Cli(*sys.argv[1:4])
    what, *words = sys.argv[4:]
    if what in ("write", "read"):
        {"write": write, "read": read}[what](cli, *words)
        return 0
    made = cli.start(["user", "create", cli.name("nobody"), PASSWORD])
    if made.returncode:
        print(f"a user without permissions cannot be had: {made.stderr}", file=sys.stderr)
    return 1 if run(cli) else 0


if __name__ == "__main__":
    sys.exit(main())
