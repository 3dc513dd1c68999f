"""A group that clients of both generations share: each message comes to one member, once.

Members join one after the other while messages come, so partitions change hands under load. What
each polled is told in lines (`rust/matrix/sharing.rs`); together it must be all there is.
"""

import subprocess
import threading
import time

from wire_format import to_partition

MEMBERS = ("rust-0.11", "rust-0.10", "rust-0.11", "rust-0.10")
PARTITIONS, ROUNDS, MESSAGES = 6, 20, 10
WAIT_SECONDS = 120


class Member:
    def __init__(self, program, address, stream):
        self.process = subprocess.Popen(
            [*map(str, program), address, "share", stream], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.joined, self.seen = threading.Event(), []
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.process.stdout:
            fields = line.split()
            if fields[0] == "joined":
                self.joined.set()
            else:
                self.seen.append((int(fields[1]), int(fields[2])))

    def end(self):
        """It leaves the group; returns what it complained of."""
        self.process.stdin.close()
        try:
            self.process.wait(WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "it did not end"
        self.thread.join(WAIT_SECONDS)
        said = self.process.stderr.read()
        return "" if self.process.returncode == 0 else said[-2000:]


def wait_until(question):
    end = time.monotonic() + WAIT_SECONDS
    while not question() and time.monotonic() < end:
        time.sleep(0.02)


def complaints(members, said):
    seen = sorted(each for member in members for each in member.seen)
    wanted = [(partition, offset) for partition in range(PARTITIONS)
              for offset in range(ROUNDS * MESSAGES)]
    twice = len(seen) - len(set(seen))
    missing = len(set(wanted) - set(seen))
    if twice or missing or len(seen) != len(wanted):
        yield f"of {len(wanted)} messages {missing} did not come, {twice} came again"
    for name, member, words in zip(MEMBERS, members, said):
        if not member.seen:
            yield f"{name} got nothing"
        if words:
            yield f"{name} ended badly: {words}"


def run(tally, programs, address, ours):
    """`ours` is a client of our own, logged in."""
    ours.create_stream("sharing")
    ours.create_topic("sharing", "t", PARTITIONS)
    ours.create_group("sharing", "t", "shared")
    members = []
    for turn in range(ROUNDS):
        if turn % 5 == 0 and len(members) < len(MEMBERS):
            members.append(Member(programs[MEMBERS[len(members)]], address, "sharing"))
            members[-1].joined.wait(WAIT_SECONDS)
        for partition in range(PARTITIONS):
            ours.send_messages("sharing", "t", [b"x"] * MESSAGES, to_partition(partition))
    total = PARTITIONS * ROUNDS * MESSAGES
    wait_until(lambda: sum(len(member.seen) for member in members) >= total)
    said = [member.end() for member in members]
    found = list(complaints(members, said))
    counts = ", ".join(f"{name} {len(each.seen)}" for name, each in zip(MEMBERS, members))
    tally.line(f"{'FAILED' if found else 'ok':7} sharing: a group of both generations: {counts}")
    for each in found:
        print(f"        {each}")
