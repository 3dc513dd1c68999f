"""Kills the server with SIGKILL at random moments under load, again and again.

A campaign is a few rounds over one data directory. A round: start the server, with a number of
cores drawn anew; sometimes kill it at once, in the midst of its recovery, and start it again;
compare it with everything promised in the rounds before (verdict) and append to every partition;
load it, and kill it after a random time.
"""

import random
import sys
import time

import rig

ROUNDS_PER_CAMPAIGN = 5


class Campaign:
    def __init__(self, tools, directory, seed):
        self.tools = tools
        self.directory = directory
        self.random = random.Random(seed)
        self.seed = seed
        self.data = directory / "data"
        self.marks = directory / "marks"
        self.log = directory / "server.log"
        # What the kernel took survives the process: at level os nothing may be missing either.
        self.level = self.random.choice(["sync", "sync", "sync", "os"])
        self.server = None

    def start(self):
        cores = self.random.choice([1, 2, 2, 3])
        direct = self.random.random() < 0.8
        self.server = rig.Server(self.tools, self.data, self.log, cores, self.level, direct)
        return self.server

    def check(self):
        port = self.server.port()
        if not self.marks.exists():
            return port, "first start"
        note = rig.verdict(self.tools, port, self.marks)
        self.server.must_be_alive()
        return port, note

    def round(self):
        self.start()
        try:
            if self.marks.exists() and self.random.random() < 0.3:
                time.sleep(self.random.random() * 0.05)
                self.server.kill()
                self.start()
            port, _ = self.check()
            options = ["--megabytes", self.random.choice([4, 16, 32])]
            options += ["--purge", "rolling"] if self.random.random() < 0.15 else []
            # At level os messages survive a kill, stored offsets only where a topic asks for it.
            options += ["--persisted-offsets"] if self.level == "os" else []
            seed = self.random.randrange(1 << 30)
            load = rig.load_start(self.tools, port, self.marks, 30, seed, *options)
            time.sleep(0.05 + self.random.random() ** 2 * 1.8)
            self.server.must_be_alive()
        finally:
            self.server.kill()
        return rig.load_end(load, may_lose=True)

    def last_check(self):
        """The last start of a campaign, and one before it: an operator's stop keeps all as well."""
        self.start()
        try:
            self.check()
            self.server.stop()
            self.start()
            _, note = self.check()
            self.server.must_not_complain()
        finally:
            self.server.kill()
        return note

    def evidence(self):
        return [self.data, self.marks, self.log]


def kill_rounds(tools, rounds, seed, tally):
    """`rounds` kills in campaigns; a campaign ends at its first failure, the next goes on."""
    done = 0
    number = 0
    while done < rounds:
        campaign_seed = seed + number
        number += 1
        with rig.work_directory("kill") as directory:
            campaign = Campaign(tools, directory, campaign_seed)
            for index in range(min(ROUNDS_PER_CAMPAIGN, rounds - done)):
                done += 1
                name = f"kill round {done}, campaign seed {campaign_seed}, level {campaign.level}"
                if not tally.case(name, campaign.round, campaign.evidence()):
                    break
            else:
                name = f"last start of campaign seed {campaign_seed}"
                tally.case(name, campaign.last_check, campaign.evidence())


def main():
    options = rig.arguments(__doc__.splitlines()[0], rounds=(int, 200, "how often to kill"))
    print(f"kill: SEED={options.seed}", flush=True)
    tally = rig.Tally(options.keep)
    kill_rounds(options.tools, options.rounds, options.seed, tally)
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
