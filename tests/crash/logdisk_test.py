"""The disk that remembers, by itself: does it see what it is there to see?

Blocks with a number in them are written to an ext4 on a logdisk, with and without a sync, each
followed by a mark. From the log it is then told which blocks a power failure right behind their
mark could have lost: none of the synced, some of the others, and some of those synced beside the
write instead of behind it.
"""

import errno
import mmap
import os
import struct
import sys
import threading

import rig

BLOCK = 4096
ROUNDS = 150
HEADER = struct.Struct("<IIQQII")
WRITE, FLUSH, MARK = 1, 2, 3


def records(path):
    """(kind, data) of every record of a disk log."""
    data = path.read_bytes()
    position = 0
    while position < len(data):
        _, kind, _, _, size, _ = HEADER.unpack_from(data, position)
        position += HEADER.size
        yield kind, data[position:position + size]
        position += size


def losable(path, numbers):
    """How many of the numbered blocks are not behind a flush when their mark is made."""
    unflushed = set()
    flushed = set()
    lost = 0
    wanted = set(numbers)
    for kind, data in records(path):
        if kind == WRITE:
            for start in range(0, len(data), BLOCK):
                unflushed.add(data[start:start + 16])
        elif kind == FLUSH:
            flushed |= unflushed
            unflushed = set()
        elif kind == MARK:
            number = int(data.split()[0])
            if number in wanted and content(number)[:16] not in flushed:
                lost += 1
    return lost


def content(number):
    return struct.pack("<QQ", 0x6b636f6c62, number) * (BLOCK // 16)


class Blocks:
    """A file whose blocks were written before, so that only the disk's flush is at stake."""

    def __init__(self, disk):
        self.disk = disk
        self.path = disk.mount / "blocks"
        self.path.write_bytes(bytes(BLOCK * ROUNDS))
        self.buffered = os.open(self.path, os.O_RDWR)
        os.fsync(self.buffered)
        self.direct = os.open(self.path, os.O_RDWR | os.O_DIRECT)
        self.memory = mmap.mmap(-1, BLOCK)
        self.mark = os.open(disk.marks, os.O_WRONLY)

    def close(self):
        for descriptor in (self.buffered, self.direct, self.mark):
            os.close(descriptor)
        self.memory.close()

    def write_direct(self, index, number, flags=0):
        self.memory[:] = content(number)
        os.pwritev(self.direct, [self.memory], index * BLOCK, flags)

    def buffered_synced(self, index, number):
        os.pwrite(self.buffered, content(number), index * BLOCK)
        os.fdatasync(self.buffered)

    def direct_dsync(self, index, number):
        self.write_direct(index, number, os.RWF_DSYNC)

    def direct_synced(self, index, number):
        self.write_direct(index, number)
        os.fdatasync(self.direct)

    def direct_unsynced(self, index, number):
        self.write_direct(index, number)

    def synced_beside(self, index, number):
        writer = threading.Thread(target=self.write_direct, args=(index, number))
        writer.start()
        os.fdatasync(self.direct)
        writer.join()

    def run(self, way, first):
        """Writes every block this way; their numbers."""
        numbers = range(first, first + ROUNDS)
        for index, number in enumerate(numbers):
            way(index, number)
            os.write(self.mark, b"%d\n" % number)
        return numbers


def must_fail(expected, call):
    try:
        call()
    except OSError as error:
        if error.errno == expected:
            return
        raise rig.Broken(f"failed with {error}, not with {errno.errorcode[expected]}")
    raise rig.Broken(f"did not fail with {errno.errorcode[expected]}")


def faults_strike(blocks, disk):
    """Armed, a fault reaches who writes or syncs; healed, it is gone."""
    blocks.direct_dsync(0, 1)
    for name, number in (("eio", errno.EIO), ("enospc", errno.ENOSPC)):
        disk.control(f"fail write {name} from 0 count 1")
        must_fail(number, lambda: blocks.write_direct(0, 2))
        blocks.direct_dsync(0, 3)
    disk.control("fail flush eio from 0 count 1")
    must_fail(errno.EIO, lambda: blocks.direct_dsync(0, 4))
    disk.control("fail write eio at 0 size 4294967296")
    must_fail(errno.EIO, lambda: blocks.write_direct(0, 5))
    disk.control("heal")
    blocks.direct_dsync(0, 6)


def logdisk_test(tools, tally):
    losses = {}

    def experiment():
        with rig.work_directory("logdisk") as directory:
            with rig.LogDisk(tools, directory, 64) as disk:
                blocks = Blocks(disk)
                ways = ("buffered_synced", "direct_dsync", "direct_synced", "direct_unsynced",
                        "synced_beside")
                numbers = {way: blocks.run(getattr(blocks, way), 1000 * (place + 1))
                           for place, way in enumerate(ways)}
                faults_strike(blocks, disk)
                blocks.close()
                log = disk.log
            for way, of_way in numbers.items():
                losses[way] = losable(log, of_way)
        return ", ".join(f"{way} {count} of {ROUNDS}" for way, count in losses.items())

    def judge(way, may_lose):
        if way in losses and (losses[way] > 0) != may_lose:
            raise rig.Broken(f"{losses[way]} of {ROUNDS} could be lost")
        return ""

    if tally.case("a disk that remembers, with faults", experiment) and losses:
        for way in ("buffered_synced", "direct_dsync", "direct_synced"):
            tally.case(f"nothing is lost that was {way}", lambda w=way: judge(w, False))
        for way in ("direct_unsynced", "synced_beside"):
            tally.case(f"it is seen what was {way}", lambda w=way: judge(w, True))


def main():
    options = rig.arguments(__doc__.splitlines()[0])
    tally = rig.Tally(options.keep)
    logdisk_test(options.tools, tally)
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
