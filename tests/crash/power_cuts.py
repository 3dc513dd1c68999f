"""Cuts the power: what SIGKILL cannot show, because the kernel keeps what a dead process wrote.

Records: the server runs on an ext4 whose disk remembers every write and flush (logdisk), under
loads that note each answer in the same log. In between it is killed and recovers, so that cuts
fall into its recovery too. Then, for each of the cut points, the disk is rebuilt as it may be found
after a power failure (disk_replay), mounted, and a server started on it; it must hold everything
that was answered before the cut, complain of nothing, and go on.
"""

import random
import sys
import time

import rig

DISK_MEGABYTES = 256
CUTS = 50
# One kind of thread alone, after all together: then nobody else's sync hides that one is missing.
PHASES = (
    (None, 2.0),
    ("produce", 0.7),
    ("store", 0.7),
    ("churn", 1.0),
    ("poll", 0.4),
)


class Recording:
    """The log of a disk, made once; the disk it was made on is gone."""

    def __init__(self, tools, directory, seed, extra=(), phases=PHASES):
        self.tools = tools
        self.directory = directory
        self.random = random.Random(seed)
        self.extra = extra
        self.phases = phases
        self.ledger = directory / "ledger"
        self.server_log = directory / "recorded.log"
        self.notes = []
        with rig.LogDisk(tools, directory, DISK_MEGABYTES) as disk:
            self.log = disk.log
            self.size = disk.size
            self.sector = disk.loop.physical_block_size()
            self._record(disk)

    def _serve(self, disk):
        cores = self.random.choice([1, 2, 2])
        return rig.Server(self.tools, disk.mount / "data", self.server_log, cores, extra=self.extra)

    def _load(self, disk, server, only, seconds):
        options = ["--ledger", self.ledger, "--megabytes", 16]
        options += ["--only", only] if only else []
        seed = self.random.randrange(1 << 30)
        load = rig.load_start(self.tools, server.port(), disk.marks, seconds, seed, *options)
        self.notes.append(rig.load_end(load))
        server.must_be_alive()

    def _record(self, disk):
        server = self._serve(disk)
        try:
            for only, seconds in self.phases:
                self._load(disk, server, only, seconds)
            server.kill()
            server = self._serve(disk)
            rig.verdict(self.tools, server.port(), disk.marks, self.ledger)
            self._load(disk, server, None, 1.0)
        finally:
            server.kill()
        self.counters = disk.counters()

    def points(self, count, seed):
        """Places to cut at, each with what it is: (sequence number, text)."""
        printed = rig.run([self.tools.replay, "points", str(self.log), str(count), str(seed)])
        pairs = (line.split(" ", 1) for line in printed.stdout.splitlines())
        return [(int(sequence), text) for sequence, text in pairs]


class Cut:
    """The disk after a power failure at one place, and a server on it."""

    def __init__(self, recording, cut, seed, extra=()):
        self.recording = recording
        self.cut = cut
        self.seed = seed
        self.extra = extra
        directory = recording.directory
        self.image = directory / "cut.image"
        self.marks = directory / "cut.marks"
        self.log = directory / "cut.log"

    def check(self):
        recording = self.recording
        tools = recording.tools
        self.log.unlink(missing_ok=True)
        what = [recording.log, self.cut, self.seed, recording.sector]
        where = [self.image, recording.size, self.marks]
        built = rig.run([tools.replay, "build", *map(str, what + where)])
        with rig.Loop(self.image, recording.directory / "cut") as loop:
            data = loop.mount / "data"
            server = rig.Server(tools, data, self.log, 1 + self.cut % 2, extra=self.extra)
            try:
                note = rig.verdict(tools, server.port(), self.marks)
                server.must_be_alive()
                complaints = server.complaints()
                if complaints:
                    raise rig.Broken("the server complains:\n" + "\n".join(complaints[:10]))
            finally:
                server.kill()
        return f"{built.stdout.strip()}; {note}"

    def evidence(self):
        return [self.image, self.marks, self.log, self.recording.server_log]


def power_cuts(tools, cuts, seed, tally):
    with rig.work_directory("power") as directory:
        recordings = []

        def record():
            recordings.append(Recording(tools, directory, seed))
            counters = recordings[0].counters
            return "; ".join(f"{name} {value}" for name, value in counters.items())

        evidence = [directory / "recorded.log", directory / "ledger"]
        if not tally.case(f"recording, seed {seed}", record, evidence) or not recordings:
            return
        for number, (cut, what) in enumerate(recordings[0].points(cuts, seed)):
            case = Cut(recordings[0], cut, seed + number)
            tally.case(f"cut {number + 1} at {cut}, {what}", case.check, case.evidence())


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
