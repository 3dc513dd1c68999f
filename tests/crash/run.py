"""All crash tests: what `make test` runs (20 kills), and with a number `make crash` (so many)."""

import os
import sys
import time

import disk_faults
import kill_rounds
import logdisk_test
import power_cuts
import rig
import self_test

ROUNDS_SHORT = 20


def main():
    rounds = ROUNDS_SHORT
    if len(sys.argv) > 1 and sys.argv[1].isdigit():
        rounds = int(sys.argv.pop(1))
    options = rig.arguments(__doc__.splitlines()[0])
    tally = rig.Tally(options.keep)
    print(f"crash: SEED={options.seed}, {rounds} kill rounds", flush=True)
    for program in (options.tools.server[0], options.tools.load, options.tools.verdict):
        if not os.path.exists(program):
            print(f"crash: {program} is not there: run make first", flush=True)
            return 2
    parts = [
        ("logdisk", lambda: logdisk_test.logdisk_test(options.tools, tally)),
        ("self-test", lambda: self_test.self_test(options.tools, options.seed, tally)),
        ("kill rounds",
         lambda: kill_rounds.kill_rounds(options.tools, rounds, options.seed, tally)),
        ("power cuts",
         lambda: power_cuts.power_cuts(options.tools, power_cuts.CUTS, options.seed, tally)),
        ("full disk", lambda: disk_faults.full_disk(options.tools, options.seed, tally)),
        ("failing disk", lambda: disk_faults.failing_disk(options.tools, options.seed, tally)),
    ]
    for name, part in parts:
        started = time.monotonic()
        part()
        print(f"{name}: {time.monotonic() - started:.0f} s", flush=True)
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
