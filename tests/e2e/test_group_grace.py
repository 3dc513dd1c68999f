"""Members that keep their client id lose their connection, and come back to what they had."""

import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path

import wire_format as wire
from test_groups import GROUP, GroupCase
from wire_client import Client

KEEPS = 1


class MemberProcess:
    """group_member.py, and what it said so far."""

    def __init__(self, case, stream, client_id, keeps=KEEPS):
        host, port = case.server.address
        program = Path(__file__).with_name("group_member.py")
        self.process = subprocess.Popen(
            [sys.executable, str(program), host, str(port), stream, client_id.hex(), str(keeps)],
            stdout=subprocess.PIPE, text=True)
        self.lines, self.said = queue.Queue(), []
        threading.Thread(target=self._listen, daemon=True).start()
        case.addCleanup(self.end)

    def _listen(self):
        for line in self.process.stdout:
            self.lines.put(line.strip())
        self.lines.put("")

    def wait_for(self, wanted):
        """The deadline of the test ends a wait in vain."""
        while wanted not in self.said:
            self.said.append(self.lines.get())
            if not self.said[-1]:
                raise AssertionError(f"the member ended without {wanted!r}: {self.said}")
        return self

    def until_it_ends(self):
        while not self.said or self.said[-1]:
            self.said.append(self.lines.get())
        return self.said

    def signal(self, number):
        self.process.send_signal(number)

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class GraceCase(GroupCase):
    def keeper(self, client_id=None):
        client = Client(self.server.address)
        self.addCleanup(client.close)
        if client_id is not None:
            client.client_id = client_id
        return client.register(keeps=KEEPS)

    def keeping_member(self, stream, client_id=None):
        client = self.keeper(client_id)
        client.join_group(stream, "t", "g")
        return client

    def generation(self, client, stream):
        return client.sync_group(stream, "t", "g")[0]

    def assert_reason(self, stream, client, reason):
        """Of the last change of the group."""
        number = client.get_stream(stream)["id"]
        lines = [line for line in self.server.text().splitlines()
                 if "group.rebalanced" in line and f"stream={number} " in line]
        self.assertIn(f'reason="{reason}"', lines[-1])


class OfMembersThatComeBack(GraceCase):
    options = {"config": '[group]\ngrace = "60 s"\n'}

    def test_a_member_whose_connection_is_cut_has_its_partitions_when_it_is_back(self):
        client = self.client()
        stream, topic = self.group(client, 4)
        stays, lost = self.member(stream), self.keeping_member(stream)
        before = self.assert_shared(stream, 4, stays, lost)
        generation = self.generation(stays, stream)
        for end in ("vanish", "close"):
            with self.subTest(end=end):
                getattr(lost, end)()
                self.wait_until(lambda: len([each for each in client.get_clients()
                                             if each["groups_count"]]) == 1)
                self.assertEqual(client.get_group(stream, topic, "g")["members_count"], 2)
                fenced = stays.poll_group(stream, topic, "g", before[1][0])
                self.assertEqual(fenced.partition, wire.RESYNC, "its partition was given away")
                back = self.keeper(lost.client_id)
                self.assertGreater(back.session, lost.session)
                self.assertEqual(self.partitions(stream, stays, back), before)
                self.assertEqual(self.generation(back, stream), generation)
                lost = back

    def test_it_goes_on_reading_where_it_was_and_may_commit_what_it_was_handed(self):
        client = self.client()
        stream, topic = self.group(client, 1)
        client.send_messages(stream, topic, [b"0", b"1"])
        lost = self.keeping_member(stream)
        self.assertEqual(lost.poll_group(stream, topic, "g", 0).offsets, [0, 1])
        lost.vanish()
        client.send_messages(stream, topic, [b"2"])
        back = self.keeper(lost.client_id)
        back.store_offset(stream, topic, 0, 1, who=GROUP)
        self.assertEqual(back.poll_group(stream, topic, "g", 0, auto_commit=True).offsets, [2])

    def test_what_comes_over_the_older_connection_is_refused(self):
        client = self.client()
        stream, topic = self.group(client, 1)
        client.send_messages(stream, topic, [b"0"])
        older = self.keeping_member(stream)
        newer = self.keeper(older.client_id)
        self.assertEqual(newer.poll_group(stream, topic, "g", 0).offsets, [0])
        self.refused(40, older.poll_group, stream, topic, "g", 0)
        self.refused(40, older.store_offset, stream, topic, 0, 0, who=GROUP)
        newer.store_offset(stream, topic, 0, 0, who=GROUP)

    def test_neither_another_user_nor_a_wrong_password_takes_what_is_held(self):
        client = self.client()
        stream, _ = self.group(client, 2)
        client.create_user(self.name[:40], "secret")
        lost = self.keeping_member(stream)
        generation = self.generation(lost, stream)
        lost.vanish()
        thief = self.connect()
        thief.client_id = lost.client_id
        for user, password, reason in ((self.name[:40], "secret", 12), ("iggy", "wrong", 9)):
            reply = thief.call(wire.REGISTER, wire.register_body(user, password), keeps=KEEPS)
            self.assertEqual((reply.evicted, reply.reason), (True, reason))
        back = self.keeper(lost.client_id)
        self.assertEqual(back.sync_group(stream, "t", "g"), (generation, [0, 1]))

    def test_without_the_flag_and_by_leaving_a_member_is_removed_at_once(self):
        client = self.client()
        stream, _ = self.group(client, 2)
        for story, member, go in (
                ("no flag", self.member, lambda each: each.vanish()),
                ("left", self.keeping_member, lambda each: each.leave_group(stream, "t", "g")),
                ("logged out", self.keeping_member, lambda each: each.logout()),
                ("another number", self.client, lambda each: each.vanish())):
            with self.subTest(story=story):
                if story == "another number":
                    one = Client(self.server.address).register(keeps=2)
                    one.join_group(stream, "t", "g")
                else:
                    one = member(stream)
                go(one)
                self.wait_until(
                    lambda: client.get_group(stream, "t", "g")["members_count"] == 0)

    def test_a_killed_process_reads_on_when_it_is_started_again(self):
        client = self.client()
        stream, topic = self.group(client, 2)
        stays = self.member(stream)
        client_id = os.urandom(15) + b"\x01"
        process = MemberProcess(self, stream, client_id).wait_for("ready")
        mine, = self.partitions(stream, stays)
        other = 1 - mine[0]
        generation = self.generation(stays, stream)
        client.send_messages(stream, topic, [b"0"], wire.to_partition(other))
        process.wait_for(f"read {other} 0")
        self.wait_until(lambda: client.get_offset(stream, topic, other, who=GROUP) is not None)
        process.signal(signal.SIGKILL)
        client.send_messages(stream, topic, [b"1"], wire.to_partition(other))
        process = MemberProcess(self, stream, client_id).wait_for(f"read {other} 1")
        self.assertNotIn(f"read {other} 0", process.said)
        self.assertEqual(stays.sync_group(stream, "t", "g"), (generation, mine))


class OfMembersThatDoNot(GraceCase):
    options = {"config": '[group]\ngrace = "1 s"\n[limits]\nheartbeat = "1 s"\n'}

    def test_who_is_not_back_in_time_is_removed_and_the_log_says_why(self):
        client = self.client()
        stream, topic = self.group(client, 2)
        client.send_messages(stream, topic, [b"0"], wire.to_partition(1))
        stays, lost = self.member(stream), self.keeping_member(stream)
        lost.vanish()
        self.wait_until(lambda: self.partitions(stream, stays) == [[0, 1]])
        self.assertEqual(stays.poll_group(stream, topic, "g", 1).offsets, [0])
        self.assert_reason(stream, client, "did not come back")
        late = self.keeper(lost.client_id)
        self.assertIsNone(late.sync_group(stream, "t", "g"))

    def test_a_paused_member_is_removed_for_its_silence_and_reads_nothing_any_more(self):
        client = self.client()
        stream, topic = self.group(client, 2)
        stays = self.member(stream)
        paused = MemberProcess(self, stream, os.urandom(15) + b"\x01").wait_for("ready")
        mine, = self.partitions(stream, stays)
        other = 1 - mine[0]
        client.send_messages(stream, topic, [b"0"], wire.to_partition(other))
        paused.wait_for(f"read {other} 0")
        self.wait_until(lambda: client.get_offset(stream, topic, other, who=GROUP) is not None)
        paused.signal(signal.SIGSTOP)
        self.wait_until(lambda: self.partitions(stream, stays) == [[0, 1]])
        self.assert_reason(stream, client, "silent")
        client.send_messages(stream, topic, [b"1"], wire.to_partition(other))
        self.wait_until(lambda: 1 in stays.poll_group(stream, topic, "g", other).offsets)
        paused.signal(signal.SIGCONT)
        said = paused.until_it_ends()
        self.assertIn("over", said[-2])
        self.assertNotIn(f"read {other} 1", said)


class OfServersThatWaitForNobody(GraceCase):
    options = {"config": '[group]\ngrace = "0 s"\n'}

    def test_no_member_is_held(self):
        client = self.client()
        stream, _ = self.group(client, 1)
        self.keeping_member(stream).vanish()
        self.wait_until(lambda: client.get_group(stream, "t", "g")["members_count"] == 0)
        self.assert_reason(stream, client, "disconnected")
