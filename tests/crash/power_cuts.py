"""Cuts the power: what SIGKILL cannot show, because the kernel keeps what a dead process wrote.

Records: the server runs on an ext4 whose disk remembers every write and flush (logdisk), under
loads that note each answer in the same log. In between it is killed, and stopped, and starts
again, so that cuts fall there too. Then, for each of the cut points, the disk is rebuilt as it may
be found after a power failure (disk_replay), mounted, and a server started on it; it must hold
everything that was answered before the cut, complain of nothing, and go on.

A second generation begins with such a disk: its recovery is recorded and cut in turn.
"""

import random
import shutil
import sys
import time

import rig

DISK_MEGABYTES = 256
CUTS = 50
GENERATIONS = 3
GENERATION_CUTS = 4
PERSISTED_CUTS = 12


class Plan:
    """What is recorded: loads one after the other, and ends of the server between them."""

    def __init__(self, loads, then=(), level="sync"):
        self.loads = loads  # (kind of thread alone or None for all together, seconds)
        self.then = then  # after the loads: "kill" or "stop", each followed by a start and a load
        self.level = level
        self.options = [] if level == "sync" else ["--persisted"]


# One kind of thread alone, after all together: then nobody else's sync hides that one is missing.
ALONE = (("produce", 0.7), ("store", 0.7), ("churn", 1.0), ("poll", 0.4))
PLAN = Plan(((None, 2.0), *ALONE), ("kill", "stop"))
# Topics that ask for more than their server gives otherwise.
PLAN_PERSISTED = Plan(((None, 0.7), ("produce", 0.4), ("store", 0.4)), ("kill",), "os")
PLAN_GENERATION = Plan(((None, 0.5),))


class Recording:
    """The log of a disk, made once; the disk it was made on is gone.

    `base` is the Cut whose disk it began with."""

    def __init__(self, tools, directory, seed, plan=PLAN, base=None, extra=()):
        self.tools = tools
        self.directory = directory
        self.plan = plan
        self.base = base
        self.extra = extra
        self.random = random.Random(seed)
        self.sector = base.recording.sector if base else self.random.choice([512, 512, 4096])
        self.ledger = directory / "ledger"
        self.server_log = directory / "recorded.log"
        if base is not None:
            shutil.copy(base.marks_before, self.ledger)
        image = base.image_before if base else None
        with rig.LogDisk(tools, directory, DISK_MEGABYTES, self.sector, image) as disk:
            self.log = disk.log
            self.size = disk.size
            self._record(disk)
            self.counters = disk.counters()

    def _serve(self, disk):
        disk.mark_start()
        cores = self.random.choice([1, 2, 2])
        data = disk.mount / "data"
        direct = self.random.random() < 0.75
        return rig.Server(self.tools, data, self.server_log, cores, self.plan.level, direct,
                          self.extra)

    def _load(self, disk, server, only, seconds):
        options = ["--ledger", self.ledger, "--megabytes", 16, *self.plan.options]
        options += ["--only", only] if only else []
        seed = self.random.randrange(1 << 30)
        load = rig.load_start(self.tools, server.port(), disk.marks, seconds, seed, *options)
        rig.load_end(load)
        server.must_be_alive()

    def _record(self, disk):
        server = self._serve(disk)
        try:
            if self.base is not None:
                rig.verdict(self.tools, server.port(), disk.marks, self.ledger)
            for only, seconds in self.plan.loads:
                self._load(disk, server, only, seconds)
            for end in self.plan.then:
                server.kill() if end == "kill" else server.stop()
                server = self._serve(disk)
                rig.verdict(self.tools, server.port(), disk.marks, self.ledger)
                self._load(disk, server, None, 0.7)
        finally:
            server.kill()

    def points(self, count, seed):
        """Places to cut at, each with what it is: (sequence number, text)."""
        printed = rig.run([self.tools.replay, "points", str(self.log), str(count), str(seed)])
        pairs = (line.split(" ", 1) for line in printed.stdout.splitlines())
        return [(int(sequence), text) for sequence, text in pairs]


class Cut:
    """The disk after a power failure at one place, and a server on it."""

    def __init__(self, recording, cut, seed):
        self.recording = recording
        self.cut = cut
        self.seed = seed
        directory = recording.directory
        self.image = directory / "cut.image"
        self.marks = directory / "cut.marks"
        self.image_before = directory / "cut.image.before"
        self.marks_before = directory / "cut.marks.before"
        self.log = directory / "cut.log"

    def rebuild(self):
        """Makes the disk as it may be found, and the marks of what was answered until then."""
        recording = self.recording
        for path in (self.image, self.marks, self.log):
            path.unlink(missing_ok=True)
        if recording.base is not None:
            base = recording.base
            rig.run(["cp", "--sparse=always", str(base.image_before), str(self.image)])
            shutil.copy(base.marks_before, self.marks)
        what = [recording.log, self.cut, self.seed, recording.sector]
        where = [self.image, recording.size, self.marks]
        return rig.run([recording.tools.replay, "build", *map(str, what + where)]).stdout.strip()

    def keep_before(self):
        """Keeps the disk as it is found: a server will change the other one."""
        rig.run(["cp", "--sparse=always", str(self.image), str(self.image_before)])
        shutil.copy(self.marks, self.marks_before)

    def check(self):
        recording = self.recording
        tools = recording.tools
        built = self.rebuild()
        with rig.Loop(self.image, recording.directory / "cut", sector=recording.sector) as loop:
            data = loop.mount / "data"
            cores = 1 + self.cut % 2
            server = rig.Server(tools, data, self.log, cores, recording.plan.level,
                                extra=recording.extra)
            try:
                note = rig.verdict(tools, server.port(), self.marks)
                server.must_be_alive()
                server.must_not_complain()
            finally:
                server.kill()
        return f"{built}; {note}"

    def evidence(self):
        """What a failure keeps; the disk as it was found, not as the server left it."""
        self.rebuild()
        return [self.image, self.marks, self.log, self.recording.server_log]


def record(tally, name, evidence, make):
    """A recording as a case; None when it failed or was skipped."""
    made = []

    def case():
        made.append(make())
        return "; ".join(f"{what} {count}" for what, count in made[0].counters.items())

    tally.case(name, case, evidence)
    return made[0] if made else None


def cut_all(recording, count, seed, tally, title):
    for number, (place, what) in enumerate(recording.points(count, seed)):
        cut = Cut(recording, place, seed + number)
        tally.case(f"{title} {number + 1} at {place}, {what}", cut.check, cut.evidence)


def first_generation(tools, cuts, seed, tally, plan=PLAN, title="cut"):
    with rig.work_directory("power") as directory:
        evidence = [directory / "recorded.log", directory / "ledger"]
        name = f"a disk is recorded at level {plan.level}, seed {seed}"
        recording = record(tally, name, evidence, lambda: Recording(tools, directory, seed, plan))
        if recording is not None:
            cut_all(recording, cuts, seed, tally, title)
            if plan is PLAN:
                second_generations(recording, seed, tally)


def second_generations(first, seed, tally):
    """From some of the disks on: the server's recovery is recorded, loaded, and cut in turn."""
    for generation, (place, _) in enumerate(first.points(GENERATIONS, seed ^ 1)):
        base = Cut(first, place, seed + generation)
        base.rebuild()
        base.keep_before()
        with rig.work_directory("again") as directory:
            evidence = [directory / "recorded.log", directory / "ledger"]
            name = f"a recovery is recorded, after cut {place}"
            again = record(tally, name, evidence,
                           lambda: Recording(first.tools, directory, seed + generation,
                                             PLAN_GENERATION, base))
            if again is not None:
                cut_all(again, GENERATION_CUTS, seed, tally, f"cut after cut {place},")


def power_cuts(tools, cuts, seed, tally):
    first_generation(tools, cuts, seed, tally)
    first_generation(tools, PERSISTED_CUTS, seed, tally, PLAN_PERSISTED, "cut of persisted topics")


def main():
    options = rig.arguments(__doc__.splitlines()[0], cuts=(int, CUTS, "how many cut points"))
    print(f"power cuts: SEED={options.seed}", flush=True)
    tally = rig.Tally(options.keep)
    started = time.monotonic()
    power_cuts(options.tools, options.cuts, options.seed, tally)
    print(f"{time.monotonic() - started:.0f} s", flush=True)
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
