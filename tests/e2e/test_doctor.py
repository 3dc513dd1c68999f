"""`levriero doctor`: what it says of a data directory, that it touches nothing, and that the next
start does what it said."""

import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import time

import wire_format as wire
from case import Case, deadline
from server import BINARY

UNIT = 4096
FIRST_LOG = "00000000000000000000.log"


def doctor(*flags, data=None):
    """Exit code, standard output, standard error."""
    command = [str(BINARY), "doctor", *(["--data", str(data)] if data else []), *flags]
    environment = {key: value for key, value in os.environ.items()
                   if not key.startswith(("IGGY_", "LEVRIERO_"))}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    return done.returncode, done.stdout, done.stderr


def fingerprint(directory):
    """Everything that a write, a creation, a rename or a removal would change."""
    facts = {}
    for path in [directory, *sorted(directory.rglob("*"))]:
        stat = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        facts[str(path)] = (stat.st_mode, stat.st_ino, stat.st_size, stat.st_blocks,
                            stat.st_mtime_ns, stat.st_ctime_ns, content)
    return facts


def turn_byte(path, position):
    with path.open("r+b") as file:
        file.seek(position)
        byte = file.read(1)[0]
        file.seek(position)
        file.write(bytes([byte ^ 1]))


class Bed(Case):
    """Data directories that a server left behind, and what is asked of them."""

    @classmethod
    def setUpClass(cls):
        pass

    def filled(self, batches=6, size=6000, **fields):
        """One partition with that many batches of one message, each a unit of its own."""
        server = self.own_server(**fields).start()
        client = self.client(server)
        client.create_stream("s")
        client.create_topic("s", "t", 1)
        for number in range(batches):
            client.send_messages("s", "t", [b"batch %d " % number + bytes([number]) * size])
        return server

    def killed(self, **fields):
        """Without a recovery point: a start scans the whole segment."""
        server = self.filled(**fields)
        server.kill()
        shutil.rmtree(server.data / "ends")
        return server

    def partition(self, server):
        return server.data / "streams/0/topics/0/partitions/0"

    def unit_of(self, server, number):
        """Byte where the payload of a batch lies, and where its unit begins."""
        path = self.partition(server) / FIRST_LOG
        place = path.read_bytes().index(b"batch %d " % number)
        return path, place, place // UNIT * UNIT

    def examine(self, server, code, *sentences, absent=()):
        """Looks, checks that nothing was touched, and what was said."""
        before = fingerprint(server.data)
        found, text, errors = doctor(data=server.data)
        self.assertEqual(fingerprint(server.data), before, "doctor touched the directory")
        self.assertEqual(errors, "")
        for sentence in sentences:
            self.assertRegex(text, sentence)
        for sentence in absent:
            self.assertNotRegex(text, sentence)
        self.assertEqual(found, code, text)
        self.assertEqual("\n! " in text, code == 1, text)
        return text

    def served(self, server, count):
        """Offsets that a poll gives, one by one; others must be refused as unreadable."""
        client = self.client(server)
        offsets = []
        for offset in range(count):
            try:
                message, = client.poll("s", "t", 0, wire.OFFSET, offset, 1).messages
            except wire.Refused as refusal:
                self.assertEqual(refusal.number, 4011)
                continue
            self.assertEqual(message.payload[:8], b"batch %d " % message.offset)
            offsets.append(message.offset)
        return offsets


class Doctor(Bed):
    # ---- Healthy ----

    def test_a_healthy_directory_is_explained_and_nothing_is_touched(self):
        server = self.filled()
        client = self.client(server)
        client.store_offset("s", "t", 0, 3)
        server.stop()
        self.examine(server, 0, "Format version 1, epoch 1", "Side a holds all of it",
                     "Side b holds all of it", '"iggy"', 'stream 0 "s"', 'topic 0 "t"',
                     'partition 0 of topic "t" of stream "s"',
                     FIRST_LOG + ": header verified, version 1, life 5, level sync",
                     r"offsets 0 to 5 \(units: 6, batches: 6, messages: 6",
                     "Recovery point: synced up to offset 6", "Consumers with a stored offset: 1",
                     "Partitions: 1, segments: 1, messages that verify: 6", "Healthy")

    def test_each_sentence_is_an_object_for_programs(self):
        server = self.filled()
        server.stop()
        (server.data / 'odd "name"\n\x01').write_text("")
        code, text, _ = doctor("--json", data=server.data)
        findings = [json.loads(line) for line in text.splitlines()]
        self.assertEqual(code, 0)
        self.assertEqual({tuple(sorted(each)) for each in findings}, {("about", "level", "text")})
        self.assertLessEqual({each["level"] for each in findings}, {"fact", "note"})
        odd = [each for each in findings if each["text"].startswith('odd "name"\n\x01 is no file')]
        self.assertEqual([each["level"] for each in odd], ["note"])

    def test_after_a_kill_all_is_found_without_recovery_points(self):
        server = self.killed()
        self.examine(server, 0, r"offsets 0 to 5 \(units: 6, batches: 6, messages: 6", "Healthy")
        server.start()
        self.assertEqual(self.served(server, 6), list(range(6)))

    def test_several_segments_are_followed_one_to_the_next(self):
        server = self.own_server().start()
        client = self.client(server)
        client.create_stream("s")
        client.create_topic("s", "t", 1, {"segment_size": 1 << 20})
        for _ in range(16):
            client.send_messages("s", "t", [bytes(300_000)])
        server.stop()
        text = self.examine(server, 0, "messages that verify: 16")
        segments = sorted(self.partition(server).glob("*.log"))
        self.assertGreater(len(segments), 2)
        for segment in segments:
            self.assertIn(segment.name + ": header verified", text)
        segments[1].unlink()
        lost = int(segments[1].stem), int(segments[2].stem) - 1
        self.examine(server, 1, f"{segments[0].name}: offsets {lost[0]} to {lost[1]} are damaged")

    # ---- Not to be looked at ----

    def test_a_directory_in_use_is_left_alone(self):
        server = self.filled()
        code, text, errors = doctor(data=server.data)
        self.assertEqual((code, text), (1, ""))
        self.assertIn("a server uses this data directory", errors)
        self.assertEqual(self.served(server, 6), list(range(6)))

    def test_wrong_command_lines_and_directories_are_told_apart(self):
        server = self.own_server()
        server.data.mkdir()
        for flags, code, sentence in (
                ([], 2, "which data directory"), (["--data"], 2, "needs a value"),
                (["--dta", "x"], 2, "does not know --dta"),
                (["--data", "/nonexistent"], 1, "No such file"),
                (["--data", str(server.data)], 1, "is no data directory")):
            with self.subTest(flags=flags):
                found, text, errors = doctor(*flags)
                self.assertEqual((found, text), (code, ""))
                self.assertIn(sentence, errors)
        self.assertEqual(list(server.data.iterdir()), [])
        code, text, _ = doctor("--help")
        self.assertEqual(code, 0)
        self.assertIn("Exit code", text)

    # ---- Damage in a log ----

    def test_a_turned_byte_below_the_recovery_point_is_found_before_a_poll_meets_it(self):
        server = self.filled()
        server.stop()
        path, place, _ = self.unit_of(server, 3)
        turn_byte(path, place + 1000)
        self.examine(server, 1, "offsets 3 to 3 are damaged", "answered with error 4011",
                     absent=("for reading only",))
        server.start()
        self.assertEqual(self.served(server, 6), [0, 1, 2, 4, 5])
        self.assertEqual(self.client(server).send_messages("s", "t", [b"more"])[3], 6)

    def test_a_turned_byte_before_a_later_write_makes_the_partition_read_only(self):
        server = self.killed()
        path, place, _ = self.unit_of(server, 3)
        turn_byte(path, place + 1000)
        self.examine(server, 1, "offsets 3 to 3 are damaged", "opens for reading only")
        server.start()
        self.assertEqual(self.served(server, 6), [0, 1, 2, 4, 5])
        self.refused(4010, self.client(server).send_messages, "s", "t", [b"more"])

    def test_a_torn_tail_is_cut_as_foretold(self):
        for durability, code in (("sync", 0), ("os", 1)):
            with self.subTest(durability=durability):
                server = self.killed(durability=durability)
                path, _, unit = self.unit_of(server, 5)
                with path.open("r+b") as file:
                    file.seek(unit + UNIT)
                    file.write(bytes(UNIT))
                text = self.examine(server, code, "the last write is not whole",
                                    "gives offsets from 5 on again")
                cut = re.search(r"\S+\.cut", text)[0]
                server.start()
                self.assertEqual(self.served(server, 5), list(range(5)))
                self.assertEqual(self.client(server).send_messages("s", "t", [b"next"])[3], 5)
                self.assertTrue((self.partition(server) / cut).exists())
                server.stop()
                self.examine(server, 0, re.escape(cut) + r" holds \d+ bytes", r"offsets 0 to 5 \(")

    def test_a_log_that_ends_before_its_recovery_point_is_named(self):
        server = self.filled()
        server.stop()
        path, _, unit = self.unit_of(server, 4)
        os.truncate(path, unit)
        self.examine(server, 1, "before its recovery point", "opens for reading only")
        server.start()
        self.assertEqual(self.served(server, 4), list(range(4)))
        self.refused(4010, self.client(server).send_messages, "s", "t", [b"more"])

    def test_a_rotten_header_is_never_trash(self):
        server = self.filled()
        server.stop()
        path = self.partition(server) / FIRST_LOG
        turn_byte(path, 100)
        self.examine(server, 1, "its header does not verify", "opens for reading only")
        before = path.read_bytes()
        server.start()
        self.assertEqual(self.served(server, 6), [])
        self.refused(4010, self.client(server).send_messages, "s", "t", [b"more"])
        server.stop()
        self.assertEqual(path.read_bytes(), before)

    # ---- The control log ----

    def test_a_broken_side_of_the_control_log_is_named_and_healed(self):
        for break_it, sentence in (
                (lambda control: turn_byte(control / "b/log.0", 3 * UNIT + 20),
                 "Side b is damaged at byte 12288 of control/b/log.0"),
                (lambda control: turn_byte(control / "a/log.0", 20),
                 "Side a is damaged: the head of control/a/log.0"),
                (lambda control: shutil.rmtree(control / "b"), "Side b is missing")):
            with self.subTest(sentence=sentence):
                server = self.filled()
                server.stop()
                break_it(server.data / "control")
                other = "b" if "Side a" in sentence else "a"
                self.examine(server, 1, sentence, f"Side {other} holds all of it",
                             "A start heals the control log: it writes epoch 2")
                server.start()
                self.assertEqual(self.served(server, 6), list(range(6)))
                server.stop()
                self.examine(server, 0, "epoch 2", "Side a holds all of it",
                             "Side b holds all of it", "Healthy")

    def test_a_control_log_broken_on_both_sides_is_refused_in_the_same_words(self):
        server = self.filled()
        server.stop()
        for side in "ab":
            turn_byte(server.data / f"control/{side}/log.0", 3 * UNIT + 20)
        text = self.examine(server, 1, "A start is refused", r"offsets 0 to 5 \(")
        reason = re.search(r"A start is refused: (.*)\.\n", text)[1]
        server.launch()
        self.assertEqual(server.wait_exit(10), 1)
        self.assertIn(reason, server.text())

    def test_a_control_log_that_lost_its_end_is_told_by_lives(self):
        server = self.own_server().start()
        self.client(server).create_stream("s")
        server.stop()
        older = server.data / "older"
        shutil.copytree(server.data / "control", older)
        server.start()
        client = self.client(server)
        client.create_topic("s", "t", 1)
        client.send_messages("s", "t", [b"message"])
        server.stop()
        shutil.rmtree(server.data / "control")
        older.rename(server.data / "control")
        self.examine(server, 1, r"A start is refused: ends/\S+ holds a record of life",
                     r"offsets/2-0-1 is of start 2, and the control log knows 1",
                     FIRST_LOG + " is of life", "never gave a life above")
        server.launch()
        self.assertEqual(server.wait_exit(10), 1)
        self.assertIn("control lost its tail", server.text())
        self.assertTrue((self.partition(server) / FIRST_LOG).exists())

    # ---- What is derived, left over, or not ours ----

    def test_an_index_that_does_not_fit_is_no_problem(self):
        server = self.own_server().start()
        client = self.client(server)
        client.create_stream("s")
        client.create_topic("s", "t", 1, {"segment_size": 1 << 20})
        for number in range(8):
            client.send_messages("s", "t", [b"batch %d " % number + bytes(300_000)])
        server.stop()
        index = sorted(self.partition(server).glob("*.index"))[0]
        turn_byte(index, 70)
        self.examine(server, 0, re.escape(index.name) + " does not fit its segment")
        server.start()
        self.assertEqual(self.served(server, 8), list(range(8)))

    def test_stray_files_are_named_and_stay(self):
        server = self.filled()
        server.stop()
        strays = [server.data / "notes.txt", server.data / "streams/readme",
                  self.partition(server) / "000.log", server.data / "offsets/core"]
        for stray in strays:
            stray.write_text("not ours")
        self.examine(server, 0, *(re.escape(stray.name) + " is no file of ours"
                                  for stray in strays))
        server.start()
        self.assertEqual(self.served(server, 6), list(range(6)))
        server.stop()
        self.assertEqual([stray.read_text() for stray in strays], ["not ours"] * 4)

    def test_what_a_purge_left_behind_is_of_a_life_that_is_over(self):
        server = self.filled()
        server.stop()
        older = server.scratch / "older"
        shutil.copytree(self.partition(server), older)
        server.start()
        self.client(server).purge_topic("s", "t")
        server.stop()
        # The new life makes its directory when it is needed: it may not be there yet.
        shutil.rmtree(self.partition(server), ignore_errors=True)
        older.rename(self.partition(server))
        self.examine(server, 0, FIRST_LOG + " is of life 5, which the control log ended",
                     "moves the directory to the trash")
        server.start()
        self.assertEqual(self.client(server).send_messages("s", "t", [b"anew"])[3], 0)

    def test_stored_offsets_beyond_the_end_are_counted(self):
        server = self.filled()
        client = self.client(server)
        client.store_offset("s", "t", 0, 5, acknowledge=1)
        server.kill()
        shutil.rmtree(server.data / "ends")
        path, _, unit = self.unit_of(server, 5)
        with path.open("r+b") as file:
            file.seek(unit + UNIT)
            file.write(bytes(UNIT))
        self.examine(server, 0, "Stored offsets beyond the end: 1, and the log ends before .* 5")
        server.start()
        stored = self.client(server).get_offset("s", "t", 0)
        self.assertEqual(stored["stored"] if isinstance(stored, dict) else stored[-1], 4)


class Foretold(Bed):
    """Damage anywhere: what doctor foretells of it is what the server then does."""

    SEED = int(os.environ.get("SEED", "1"))
    ROUNDS = int(os.environ.get("ROUNDS", "8"))
    BATCHES = 24

    def made(self, recycled):
        """Segments of 1 MiB; some batches of a sector, some of many."""
        limit = {"max_topic_size": 3 << 20} if recycled else {}
        config = '[retention]\ninterval = "20 ms"\n' if recycled else None
        server = self.own_server(config=config).start()
        client = self.client(server)
        client.create_stream("s")
        client.create_topic("s", "t", 1, {"segment_size": 1 << 20, **limit})
        for number in range(self.BATCHES * (3 if recycled else 1)):
            size = (100, 6000, 180_000)[number % 3]
            client.send_messages("s", "t", [b"batch %d " % number + bytes([number]) * size])
            time.sleep(0.01 if recycled else 0)
        server.stop()
        return server

    def damage(self, chance, server):
        """One to three places: a bit, a sector of zeros or of noise; or the end is cut off."""
        story = []
        if chance.random() < 0.6:
            shutil.rmtree(server.data / "ends")
            story.append("no recovery points")
        for _ in range(chance.randint(1, 3)):
            path = chance.choice(sorted(self.partition(server).glob("*.log")))
            used = max(1, path.stat().st_size // UNIT)
            sector = chance.randrange(used) * UNIT
            kind = chance.choice(("bit", "zeros", "noise", "cut"))
            story.append(f"{kind} at {sector} of {path.name}")
            if kind == "bit":
                turn_byte(path, sector + chance.randrange(UNIT))
            elif kind == "cut" and chance.random() < 0.3:
                os.truncate(path, sector)
            else:
                with path.open("r+b") as file:
                    file.seek(sector)
                    file.write(bytes(UNIT) if kind == "zeros" else chance.randbytes(UNIT))
        return ", ".join(story)

    def foretell(self, server):
        """Offsets that cannot be served, the end, whether for reading only, all sentences."""
        _, text, _ = doctor("--json", data=server.data)
        findings = [json.loads(line)["text"] for line in text.splitlines()]
        lost, end = set(), 0
        for each in findings:
            if match := re.search(r"offsets (\d+) to (\d+) are damaged", each):
                lost |= set(range(int(match[1]), int(match[2]) + 1))
            if match := re.search(r"offsets from (\d+) on are damaged", each):
                lost |= set(range(int(match[1]), 4 * self.BATCHES))
            if match := re.search(r"offsets \d+ to (\d+) \(", each):
                end = max(end, int(match[1]) + 1)
            if match := re.search(r"gives offsets from (\d+) on again|ends before offset (\d+)",
                                  each):
                end = int(match[1] or match[2])
        return lost, end, any("for reading only" in each for each in findings), findings

    def served_now(self, server, offsets, story):
        served = set()
        client = self.client(server)
        for offset in offsets:
            try:
                polled = client.poll("s", "t", 0, wire.OFFSET, offset, 1).messages
                served |= {message.offset for message in polled}
            except wire.Refused as refusal:
                self.assertEqual(refusal.number, 4011, story)
        return served

    def takes_more(self, server, story):
        try:
            self.client(server).send_messages("s", "t", [b"more"])
            return True
        except wire.Refused as refusal:
            self.assertEqual(refusal.number, 4010, story)
            return False

    def play(self, recycled):
        template = self.made(recycled)
        kept = template.scratch / "kept"
        first = min(int(path.stem) for path in self.partition(template).glob("*.log"))
        self.assertEqual(first > 0, recycled)
        template.data.rename(kept)
        chance = random.Random(self.SEED)
        for number in range(self.ROUNDS):
            server = self.own_server()
            shutil.copytree(kept, server.data)
            story = f"round {number}: {self.damage(chance, server)}"
            lost, end, read_only, findings = self.foretell(server)
            story += "\n" + "\n".join(findings)
            server.start()
            served = self.served_now(server, range(first, first + 3 * self.BATCHES), story)
            self.assertEqual(self.takes_more(server, story), not read_only, story)
            self.assertEqual(sorted(served), sorted(set(range(first, end)) - lost), story)
            self.assertEqual(server.screams(), [], story)
            server.stop()
            server.discard()

    @deadline(120)
    def test_what_is_foretold_of_any_damage_is_what_the_server_then_does(self):
        self.play(recycled=False)

    @deadline(120)
    def test_what_is_foretold_of_damage_in_recycled_files_comes_true_as_well(self):
        self.play(recycled=True)
