"""A disk that is full, and a disk that fails, under the real server.

Full: the file system is filled until appends are refused (4010). Reads, stored offsets, creates and
deletes go on, nothing answered is missing, the server starts on the full disk, and when a purge has
given space back appends work again without a restart.

Failing: one write or one flush of the disk returns EIO (logdisk). What is refused or cut off may
be; what was answered must be there after a restart, whatever the disk kept of what the failed flush
should have saved. The rest of the server goes on as long as the file system does.
"""

import random
import re
import sys
import time

import rig

FULL_MEGABYTES = 128
FULL_RESERVE = "32 MiB"  # more than all cores together have under way when it is reached
EIO_MEGABYTES = 128
EIO_TRIALS = 6
SPACE_SECONDS_MAX = 60
LOADS_MAX = 30  # a slow disk needs more of them


def numbers(note):
    """The counts in the last line of a load, by name."""
    found = re.findall(r"(\d+) (answers|refused|KiB sent|connections lost|failures)", note)
    return {name: int(count) for count, name in found}


class FullDisk:
    """One story, told in steps; the steps share the disk."""

    def __init__(self, tools, directory, seed):
        self.tools = tools
        self.directory = directory
        self.random = random.Random(seed)
        self.log = directory / "server.log"
        self.ledger = directory / "ledger"
        self.disk = rig.LogDisk(tools, directory, FULL_MEGABYTES)
        self.server = None

    def close(self):
        if self.server is not None:
            self.server.kill()
        self.disk.close()

    def start(self):
        data = self.disk.mount / "data"
        self.server = rig.Server(self.tools, data, self.log, 2, reserve=FULL_RESERVE)
        self.server.port()

    def load(self, seconds, *options):
        options += ("--ledger", self.ledger)
        seed = self.random.randrange(1 << 30)
        port = self.server.port()
        load = rig.load_start(self.tools, port, self.disk.marks, seconds, seed, *options)
        note = rig.load_end(load)
        self.server.must_be_alive()
        return numbers(note)

    def check(self, append):
        port = self.server.port()
        note = rig.verdict(self.tools, port, self.disk.marks, self.ledger, append=append)
        self.server.must_be_alive()
        return note

    def fill(self):
        self.start()
        for _ in range(LOADS_MAX):
            counts = self.load(2, "--megabytes", 1000, "--full")
            if counts["refused"] > 20:
                return f"{counts['refused']} appends refused"
        raise rig.Broken("the disk never got full enough for a refusal")

    def live_on(self):
        """Everything but appends works on the full disk, without one failure."""
        stored = self.load(1, "--only", "store")
        polled = self.load(1, "--only", "poll")
        churned = self.load(1, "--only", "churn")
        if stored["answers"] == 0 or polled["answers"] == 0:
            raise rig.Broken(f"nothing was answered: {stored} {polled}")
        self.load(0.5, "--only", "store")
        note = self.check(append=False)
        return f"{stored['answers']} stores, {polled['answers']} polls, {churned}; {note}"

    def restart(self):
        self.server.kill()
        self.start()
        return self.check(append=False)

    def give_back(self):
        """A purge frees space; appends come back by themselves."""
        self.load(0.2, "--purge", "wide", "--only", "store")
        end = time.monotonic() + SPACE_SECONDS_MAX
        while time.monotonic() < end:
            counts = self.load(0.5, "--only", "produce", "--full")
            if counts["refused"] == 0 and counts["answers"] > 0:
                return f"{counts['answers']} appends answered; {self.check(append=True)}"
        raise rig.Broken(f"appends do not work again after a purge: {counts}")


def full_disk(tools, seed, tally):
    with rig.work_directory("full") as directory:
        stories = []

        def begin():
            stories.append(FullDisk(tools, directory, seed))
            return stories[0].fill()

        evidence = [directory / "server.log", directory / "ledger"]
        try:
            if not tally.case("a disk is filled until appends are refused", begin, evidence):
                return
            if not stories or stories[0].server is None:
                return
            story = stories[0]
            steps = [
                ("a full disk refuses only appends", story.live_on),
                ("a server starts on a full disk", story.restart),
                ("a purge gives space back without a restart", story.give_back),
                ("nothing is missing after the next restart", story.restart),
            ]
            for name, step in steps:
                if not tally.case(name, step, evidence):
                    return
        finally:
            for story in stories:
                story.close()


class FailingDisk:
    """One write or flush fails under load; then the power is cut, and a server started."""

    def __init__(self, tools, directory, what, seed):
        self.tools = tools
        self.directory = directory
        self.what = what
        self.seed = seed
        self.random = random.Random(seed)
        self.log = directory / "server.log"
        self.ledger = directory / "ledger"
        self.went_on = False

    def fail(self, disk):
        """The load around the failure. Says whether the file system survived, and the server."""
        server = rig.Server(self.tools, disk.mount / "data", self.log, 2)
        try:
            seed = self.random.randrange(1 << 30)
            options = ["--faults", "--ledger", self.ledger, "--megabytes", 8]
            load = rig.load_start(self.tools, server.port(), disk.marks, 2, seed, *options)
            time.sleep(0.3 + self.random.random())
            disk.control(f"fail {self.what} eio from {self.random.randrange(40)} count 1")
            rig.load_end(load, may_lose=True)
            server.must_be_alive()
            self.await_strike(disk, server, seed + 1, options)
            options += ["--only", "produce"]
            load = rig.load_start(self.tools, server.port(), disk.marks, 1, seed, *options)
            after = numbers(rig.load_end(load, may_lose=True))
            server.must_be_alive()
            self.went_on = self.is_writable(disk) and after["answers"] > 0
            if self.is_writable(disk) and after["answers"] == 0:
                raise rig.Broken("the file system lives, and nothing was answered any more")
        finally:
            server.kill()

    def await_strike(self, disk, server, seed, options):
        """The fault waits for a write or flush that a slow machine may not have come to yet."""
        for number in range(LOADS_MAX):
            if disk.counters()["failed"] > 0:
                return
            load = rig.load_start(self.tools, server.port(), disk.marks, 1, seed + number, *options)
            rig.load_end(load, may_lose=True)
            server.must_be_alive()
        raise rig.Broken("the fault did not strike")

    def is_writable(self, disk):
        try:
            (disk.mount / "probe").write_text("still here")
        except OSError:
            return False
        return True

    def check(self):
        with rig.LogDisk(self.tools, self.directory, EIO_MEGABYTES) as disk:
            self.fail(disk)
            log, size = disk.log, disk.size
            last = disk.counters()["sequence"]
        notes = []
        for attempt in range(3):
            image = self.directory / "cut.image"
            marks = self.directory / "cut.marks"
            for path in (image, marks):
                path.unlink(missing_ok=True)
            what = [log, last, self.seed + attempt, 512, image, size, marks]
            rig.run([self.tools.replay, "build", *map(str, what)])
            with rig.Loop(image, self.directory / "cut") as loop:
                server = rig.Server(self.tools, loop.mount / "data", self.log, 2)
                try:
                    notes.append(rig.verdict(self.tools, server.port(), marks))
                    server.must_be_alive()
                finally:
                    server.kill()
        return ("the others went on; " if self.went_on else "the file system stopped; ") + notes[0]


def appends_answered(ledger, start):
    """How many appends were answered, by (topic's number, partition), from byte `start` on."""
    counts = {}
    for line in ledger.read_text()[start:].splitlines():
        found = re.match(r"append topic=(\d+) partition=(\d+) ", line)
        if found:
            place = tuple(map(int, found.groups()))
            counts[place] = counts.get(place, 0) + 1
    return counts


def stopped_partitions(log):
    """(Topic's number, partition) of those that the server says have stopped; the first topic of
    the load, which the server calls 0, has the number 1."""
    found = re.findall(r"partition\.stopped stream=0 topic=(\d+) partition=(\d+)", log.read_text())
    return {(int(topic) + 1, int(partition)) for topic, partition in found}


class StoppedPartition:
    """Writes to the place where one partition's log grows fail, and go on failing."""

    def __init__(self, tools, directory, seed):
        self.tools = tools
        self.directory = directory
        self.seed = seed
        self.log = directory / "server.log"
        self.ledger = directory / "ledger"

    def load(self, disk, server, seed, *options):
        options += ("--ledger", self.ledger, "--only", "produce")
        load = rig.load_start(self.tools, server.port(), disk.marks, 1, seed, *options)
        rig.load_end(load, may_lose="--faults" in options)
        server.must_be_alive()

    def arm(self, disk):
        """Lets the disk fail where partition 0 of the first topic lies, and a little beyond."""
        logs = sorted((disk.mount / "data").glob("streams/0/topics/0/partitions/0/*.log"))
        if not logs:
            raise rig.Broken("partition 0 has no segment where design says")
        lines = rig.run(["filefrag", "-b4096", "-v", str(logs[-1])]).stdout.splitlines()
        extents = [re.match(r"\s*\d+:\s*(\d+)\.\.\s*(\d+):\s*(\d+)\.\.\s*(\d+):", line)
                   for line in lines]
        first, last = [tuple(map(int, extent.groups())) for extent in extents if extent][-1][2:]
        disk.control(f"fail write eio at {first * 4096} size {(last - first + 1 + 32) * 4096}")

    def check(self):
        with rig.LogDisk(self.tools, self.directory, EIO_MEGABYTES) as disk:
            server = rig.Server(self.tools, disk.mount / "data", self.log, 2)
            try:
                self.load(disk, server, self.seed)
                self.arm(disk)
                self.load(disk, server, self.seed + 1, "--faults")
                # What was on its way when the fault struck is over in the next load.
                stopped = stopped_partitions(self.log)
                start = self.ledger.stat().st_size
                self.load(disk, server, self.seed + 2, "--faults")
                counts = appends_answered(self.ledger, start)
                if disk.counters()["failed"] == 0 or not stopped:
                    raise rig.Broken(f"no partition has stopped: {disk.counters()}")
                if stopped & counts.keys():
                    raise rig.Broken(f"stopped {stopped}, and answered {counts}")
                if not counts:
                    raise rig.Broken("no partition goes on when one has failed")
                server.kill()
                disk.control("heal")
                server = rig.Server(self.tools, disk.mount / "data", self.log, 2)
                note = rig.verdict(self.tools, server.port(), disk.marks, self.ledger)
                server.must_be_alive()
            finally:
                server.kill()
        return f"stopped {stopped}, appends to the others {counts}; {note}"


def failing_disk(tools, seed, tally, trials=EIO_TRIALS):
    with rig.work_directory("fault") as directory:
        case = StoppedPartition(tools, directory, seed)
        evidence = [case.log, case.ledger]
        tally.case("one partition stops, the others go on", case.check, evidence)
    went_on = 0
    for trial in range(trials):
        what = "flush" if trial % 2 == 0 else "write"
        with rig.work_directory("fault") as directory:
            case = FailingDisk(tools, directory, what, seed + trial)
            evidence = [case.log, case.ledger, directory / "cut.marks", directory / "disk.log"]
            tally.case(f"one {what} fails, seed {seed + trial}", case.check, evidence)
            went_on += case.went_on
    return went_on


def main():
    options = rig.arguments(__doc__.splitlines()[0], trials=(int, EIO_TRIALS, "failures to make"))
    print(f"disk faults: SEED={options.seed}", flush=True)
    tally = rig.Tally(options.keep)
    full_disk(options.tools, options.seed, tally)
    failing_disk(options.tools, options.seed, tally, options.trials)
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
