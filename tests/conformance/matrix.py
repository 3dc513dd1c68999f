"""The matrix: every released client does every command it has, right and wrong, on one server.

A client's program prints one line a row, `ok <seconds> s  <row>` or `FAILED ...`. What a client
lacks is written down here; every other cell must come, so a program that stops early, or forgets a
row, fails.
"""

import subprocess
import threading
import time

from clients import CLIENTS

PROGRAM_SECONDS = 720
SAID_LINES = 60

ROWS = (
    "Ping", "GetStats", "GetSnapshot", "GetClusterMetadata", "DescribeOptions", "GetMe",
    "GetClient", "GetClients", "GetUser", "GetUsers", "CreateUser", "DeleteUser", "UpdateUser",
    "UpdatePermissions", "permissions of a topic", "ChangePassword", "Login", "Logout",
    "GetPersonalAccessTokens", "CreatePersonalAccessToken", "DeletePersonalAccessToken",
    "LoginWithPersonalAccessToken", "PollMessages", "auto-commit", "SendMessages", "send by key",
    "headers, ids, times", "a message of 10 MB", "FlushUnsavedBuffer",
    "GetPollRouting, Attach, Poll", "GetConsumerOffset", "StoreConsumerOffset",
    "DeleteConsumerOffset", "GetConsumerOffsetRouting", "GetStream", "GetStreams", "CreateStream",
    "DeleteStream", "UpdateStream", "PurgeStream", "GetTopic", "GetTopics", "CreateTopic",
    "options of a topic", "DeleteTopic", "UpdateTopic", "PurgeTopic", "CreatePartitions",
    "DeletePartitions", "DeleteSegments", "GetConsumerGroup", "GetConsumerGroups",
    "CreateConsumerGroup", "DeleteConsumerGroup", "JoinConsumerGroup", "LeaveConsumerGroup",
    "SyncConsumerGroup", "group: turns of a member", "group: members change", "group: offsets",
    "high-level clients", "contexts",
)
TOKENS = {"GetPersonalAccessTokens", "CreatePersonalAccessToken", "DeletePersonalAccessToken",
          "LoginWithPersonalAccessToken"}
# Rows about more than one client at a time, or more than a command: the Rust programs have them.
DEEPER = {"permissions of a topic", "group: members change", "group: offsets"}
ROUTING = {"GetPollRouting, Attach, Poll", "GetConsumerOffsetRouting", "SyncConsumerGroup"}
NEWER = ROUTING | {"DescribeOptions", "options of a topic"}
MEMBERS = {"JoinConsumerGroup", "LeaveConsumerGroup", "group: turns of a member"}

LACKS = {
    "python-0.9": DEEPER | ROUTING | TOKENS | {
        "GetSnapshot", "GetClusterMetadata", "GetMe", "GetClient", "GetClients",
        "options of a topic", "DeleteSegments", "contexts"},
    "rust-0.11": {"contexts"},
    "cli-0.14": DEEPER | ROUTING | MEMBERS | {
        "DeleteConsumerOffset", "a message of 10 MB", "options of a topic", "high-level clients"},
    "python-0.8": set(ROWS) - {
        "Ping", "Login", "PollMessages", "auto-commit", "SendMessages", "a message of 10 MB",
        "StoreConsumerOffset", "DeleteConsumerOffset", "GetStream", "CreateStream", "GetTopic",
        "CreateTopic", "CreateConsumerGroup", "JoinConsumerGroup", "high-level clients"},
    "rust-0.10": NEWER | {"contexts"},
    "java-0.8": DEEPER | NEWER | {
        "GetSnapshot", "GetClusterMetadata", "FlushUnsavedBuffer", "DeleteConsumerOffset",
        "PurgeStream", "PurgeTopic", "DeleteSegments", "high-level clients", "contexts"},
    # Its `segment delete` ends in a panic of its own argument parser.
    "cli-0.13": DEEPER | NEWER | MEMBERS | {
        "DeleteConsumerOffset", "a message of 10 MB", "DeleteSegments", "high-level clients"},
}


class Column:
    """One client's program: runs beside others, and is judged by the lines it printed."""

    def __init__(self, name, program, address):
        self.name, self.words = name, [*map(str, program), address, "matrix"]
        self.cells, self.said, self.seconds = {}, "", 0.0
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        begin = time.monotonic()
        done = subprocess.run(
            ["timeout", "--kill-after=5", str(PROGRAM_SECONDS), *self.words], text=True,
            capture_output=True, errors="replace", stdin=subprocess.DEVNULL)
        self.seconds = time.monotonic() - begin
        self.said = done.stderr
        for line in done.stdout.splitlines():
            verdict, _, rest = line.partition(" ")
            row = rest.split(" s  ", 1)[-1].strip()
            self.cells[row] = verdict

    def verdict(self, row):
        """A row that a client has and did not tell of has failed."""
        if row in LACKS[self.name]:
            return "–" if row not in self.cells else "FAILED"
        return self.cells.get(row, "FAILED")


def run(tally, names, programs, address):
    """The command lines are many short processes, so they run beside the others."""
    columns = {name: Column(name, programs[name], address) for name in names}
    beside = [column for name, column in columns.items() if name.startswith("cli")]
    for column in beside:
        column.thread.start()
    for column in columns.values():
        if column not in beside:
            column.thread.start()
            column.thread.join()
    for column in beside:
        column.thread.join()
    show(tally, list(columns.values()))


def show(tally, columns):
    width = max(map(len, ROWS))
    print(f"\n{'command':{width}}  " + "  ".join(f"{each.name:>10}" for each in columns))
    for row in ROWS:
        verdicts = [column.verdict(row) for column in columns]
        print(f"{row:{width}}  " + "  ".join(f"{verdict:>10}" for verdict in verdicts))
    print(f"{'seconds':{width}}  " + "  ".join(f"{each.seconds:10.0f}" for each in columns))
    for column in columns:
        has = [row for row in ROWS if column.verdict(row) != "–"]
        failed = [row for row in has if column.verdict(row) != "ok"]
        unknown = set(column.cells) - set(ROWS)
        tally.passed += len(has) - len(failed)
        for row in failed:
            tally.line(f"FAILED  {column.name}: {row}")
        for row in sorted(unknown):
            tally.line(f"FAILED  {column.name}: told of `{row}`, which is no row of the table")
        if failed:
            print("".join(f"        {line}\n" for line in column.said.splitlines()[-SAID_LINES:]))
        print(f"{CLIENTS[column.name][0]}: {len(has) - len(failed)} of {len(has)} rows"
              f" ({len(ROWS) - len(has)} it does not have)", flush=True)
