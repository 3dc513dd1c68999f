"""Judges the judges: a toy server with one bug at a time, which each must be seen.

The toy keeps its promises unless told otherwise. Healthy, it must pass; with a bug, kill rounds or
power cuts must find it within a few tries and name it. Answering before the sync must be missed by
kill rounds, or the power cuts would not be needed, and found by the cuts.
"""

import re
import sys

import kill_rounds
import power_cuts
import rig

# Bug of the toy -> what the complaint must say.
KILL_BUGS = {
    "lose-last": r"lost: batch|moved: batch|a gap: batch",
    "double-last": r"doubled: batch",
    "swap": r"moved: batch|out of order: batch",
    "forget-stored": r"stored offset of consumer|polling consumer",
    "forget-purge": r"was purged and is there|moved: batch|gap: batch|disagree",
    "forget-delete": r"was deleted and is there|a message of topic|created as|created with",
    "skip-offset": r"current offset says|got offset|continues with offset",
    "wrong-byte": r"has other bytes than were sent",
}
SYNC_BUGS = ("early-answer", "no-sync")
SYNC_COMPLAINT = r"lost: |stored offset|had been served"
# A bug shows when what it spoils has happened: on a slow machine not in every round.
ROUNDS_MAX = 15
CUTS_MAX = 30
RECORDINGS_MAX = 3
# Short, and with the lone producer: what is recorded here only has to show a missing sync.
PLAN = power_cuts.Plan(((None, 0.4), ("produce", 0.4), ("store", 0.3)), ("kill",))


class Toy(rig.Tools):
    def __init__(self, tools, bug):
        super().__init__(tools.build, [tools.toy])
        self.bug = ("--bug", bug)


class BuggyCampaign(kill_rounds.Campaign):
    def start(self):
        self.server = rig.Server(self.tools, self.data, self.log, extra=self.tools.bug)
        return self.server


def kill_until_broken(tools, bug, seed):
    """The complaint that ended the campaign, or None after ROUNDS_MAX rounds and a last check."""
    with rig.work_directory("self") as directory:
        campaign = BuggyCampaign(Toy(tools, bug), directory, seed)
        try:
            for _ in range(ROUNDS_MAX if bug != "none" else 2):
                campaign.round()
            campaign.last_check()
        except rig.Broken as complaint:
            return str(complaint)
    return None


def cut_until_broken(tools, bug, seed):
    """The complaint at the first cut that shows something, or None after all recordings."""
    for number in range(RECORDINGS_MAX if bug != "none" else 1):
        complaint = cut_a_recording(tools, bug, seed + number)
        if complaint is not None:
            return complaint
    return None


def cut_a_recording(tools, bug, seed):
    with rig.work_directory("self") as directory:
        toy = Toy(tools, bug)
        recording = power_cuts.Recording(toy, directory, seed, PLAN, extra=toy.bug)
        for number, (cut, _) in enumerate(recording.points(CUTS_MAX if bug != "none" else 6, seed)):
            try:
                power_cuts.Cut(recording, cut, seed + number).check()
            except rig.Broken as complaint:
                return str(complaint)
    return None


def must_pass(complaint):
    if complaint is not None:
        raise rig.Broken("a healthy server was found guilty:\n" + complaint)
    return ""


def must_show(complaint, pattern):
    if complaint is None:
        raise rig.Broken("the bug was not seen")
    if not re.search(pattern, complaint):
        raise rig.Broken(f"seen, but not as {pattern}:\n{complaint}")
    return complaint.splitlines()[0][:100]


def self_test(tools, seed, tally):
    tally.case("toy without a bug passes kill rounds",
               lambda: must_pass(kill_until_broken(tools, "none", seed)))
    for bug, pattern in KILL_BUGS.items():
        tally.case(f"kill rounds see {bug}",
                   lambda b=bug, p=pattern: must_show(kill_until_broken(tools, b, seed), p))
    tally.case("toy without a bug passes power cuts",
               lambda: must_pass(cut_until_broken(tools, "none", seed)))
    for bug in SYNC_BUGS:
        tally.case(f"power cuts see {bug}",
                   lambda b=bug: must_show(cut_until_broken(tools, b, seed), SYNC_COMPLAINT))


def main():
    options = rig.arguments(__doc__.splitlines()[0])
    print(f"self-test: SEED={options.seed}", flush=True)
    tally = rig.Tally(options.keep)
    self_test(options.tools, options.seed, tally)
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
