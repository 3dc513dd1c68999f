"""Consumer groups as generation 1 has them: the server gives each member its partitions and picks
one for each poll. And groups with members of both generations."""

import time

import wire_v1 as v1
from case import deadline
from case_v1 import CaseV1
from wire_format import Group, identifier

GROUP = ("group", "g")


class Groups(CaseV1):

    def group(self, partitions=3):
        """The first member's client, and where the group is."""
        client = self.older()
        where = self.topic_v1(client, partitions)
        client.create_group(*where, "g")
        return client, where

    def join(self, client, where):
        client.on_group(v1.JOIN_GROUP, *where, "g")
        return client

    def test_a_group_lives_and_dies(self):
        client, where = self.group()
        made = client.get_group(*where, "g")
        self.assertEqual((made["name"], made["partitions"], made["members"]), ("g", 3, 0))
        self.assertEqual(client.get_group(*where, made["id"]), made)
        other = client.create_group(*where, "other")
        self.assertEqual([group["name"] for group in client.get_groups(*where)], ["g", "other"])
        self.assertEqual(other["members"], 0)
        client.on_group(v1.DELETE_GROUP, *where, "g")
        self.assertIsNone(client.get_group(*where, "g"))

    def test_each_fault_with_a_group_has_its_number(self):
        client, (stream, topic) = self.group()
        self.refused(5004, client.create_group, stream, topic, "g")
        self.refused(1009, client.create_group, "missing", topic, "n")
        self.refused(2010, client.create_group, stream, "missing", "n")
        for code in (v1.DELETE_GROUP, v1.JOIN_GROUP, v1.LEAVE_GROUP):
            self.refused(1009, client.on_group, code, "missing", topic, "g")
            self.refused(2010, client.on_group, code, stream, "missing", "g")
            self.refused(5000, client.on_group, code, stream, topic, "missing")
            self.refused(5000, client.on_group, code, stream, topic, 4_000_000)
        self.refused(5006, client.on_group, v1.LEAVE_GROUP, stream, topic, "g")
        self.assertIsNone(client.get_group(stream, topic, "missing"))
        self.assertIsNone(client.get_group("missing", topic, "g"))
        self.assertEqual(client.get_groups("missing", topic), [])
        self.assertEqual(client.get_groups(stream, "missing"), [])
        self.refused(5000, client.poll, stream, topic, None, by=("group", "missing"))
        self.refused(5006, client.poll, stream, topic, None, by=GROUP)
        self.refused(1009, client.poll, "missing", topic, None, by=GROUP)

    def test_a_lone_member_has_all_partitions_and_takes_turns(self):
        client, where = self.group()
        self.join(client, where)
        self.join(client, where)  # again: nothing changes
        assigned = client.get_group(*where, "g")["assigned"]
        self.assertEqual(list(map(sorted, assigned.values())), [[0, 1, 2]])
        client.send(*where, [b"%d" % i for i in range(10)], v1.to_partition(1))
        turns = [client.poll(*where, None, v1.NEXT, count=4, commit=True, by=GROUP)
                 for _ in range(9)]
        counts = [len(polled.messages) for polled in turns]
        self.assertEqual(sorted(counts), [0] * 6 + [2, 4, 4])
        self.assertEqual([i % 3 for i, count in enumerate(counts) if count], [1] * 3)
        self.assertEqual([p.partition for p in turns if p.messages], [1] * 3)

    def test_members_share_and_a_foreign_partition_is_empty(self):
        first, where = self.group()
        self.join(first, where)
        second = self.join(self.older(), where)
        assigned = first.get_group(*where, "g")["assigned"]
        self.assertEqual(sorted(sum(assigned.values(), [])), [0, 1, 2])
        self.assertTrue(all(assigned.values()))
        first.send(*where, [b"x"], v1.to_partition(0))
        first.send(*where, [b"x"], v1.to_partition(1))
        first.send(*where, [b"x"], v1.to_partition(2))
        seen = {0: [], 1: []}
        for number, client in enumerate((first, second)):
            for partition in range(3):
                polled = client.poll(*where, partition, by=GROUP)
                if polled.messages:
                    seen[number].append(partition)
                else:
                    self.assertEqual((polled.partition, polled.current_offset), (0, 0))
                    if client is second:  # it never had that partition
                        self.refused(3022, client.store_offset, GROUP, *where, 0, partition)
                        self.refused(3022, client.delete_offset, GROUP, *where, partition)
        self.assertEqual(sorted(seen[0] + seen[1]), [0, 1, 2])

    def test_more_members_than_partitions_poll_nothing(self):
        client, where = self.group(1)
        self.join(client, where)
        client.send(*where, [b"x"])
        other = self.join(self.older(), where)
        polled = [each.poll(*where, None, by=GROUP) for each in (client, other)]
        self.assertEqual(sorted(len(each.messages) for each in polled), [0, 1])

    def test_offsets_of_a_group_are_its_own(self):
        client, where = self.group()
        self.join(client, where)
        client.send(*where, [b"a", b"b", b"c"])
        client.store_offset(GROUP, *where, 1, 0)
        self.assertEqual(client.get_offset(GROUP, *where, 0), (0, 2, 1))
        stranger = self.older()
        self.assertEqual(stranger.get_offset(GROUP, *where, None), (0, 2, 1))
        self.refused(5006, stranger.store_offset, GROUP, *where, 1, 0)
        self.refused(5000, client.store_offset, ("group", "missing"), *where, 1, 0)
        self.refused(4100, client.store_offset, GROUP, *where, 9, 0)
        polled = client.poll(*where, 0, v1.NEXT, by=GROUP)
        self.assertEqual([m.payload for m in polled.messages], [b"c"])
        client.delete_offset(GROUP, *where, 0)
        self.refused(3021, client.delete_offset, GROUP, *where, 0)
        client.store_offset(GROUP, *where, 2, 0)
        client.on_group(v1.DELETE_GROUP, *where, "g")
        client.create_group(*where, "g")
        self.assertIsNone(client.get_offset(GROUP, *where, 0))

    def test_me_shows_my_groups(self):
        client, where = self.group()
        self.join(client, where)
        topic = client.get_topic(*where)
        stream = client.get_stream(where[0])
        group = client.get_group(*where, "g")
        self.assertEqual(client.get_me()["groups"], [(stream["id"], topic["id"], group["id"])])
        client.on_group(v1.LEAVE_GROUP, *where, "g")
        self.assertEqual(client.get_me()["groups"], [])

    def test_who_leaves_or_vanishes_gives_its_partitions_back(self):
        first, where = self.group(6)
        self.join(first, where)
        second, third = (self.join(self.older(), where) for _ in range(2))
        self.assertEqual(first.get_group(*where, "g")["members"], 3)
        second.on_group(v1.LEAVE_GROUP, *where, "g")
        third.close()
        end = time.monotonic() + 30
        while first.get_group(*where, "g")["members"] > 1 and time.monotonic() < end:
            time.sleep(0.01)
        assigned = first.get_group(*where, "g")["assigned"]
        self.assertEqual([sorted(each) for each in assigned.values()], [list(range(6))])

    @deadline(60)
    def test_a_group_of_both_generations_reads_everything_once(self):
        older, where = self.group(4)
        newer = self.client()
        self.join(older, where)
        newer.join_group(*where, "g")
        for partition in range(4):
            older.send(*where, [b"%d-%d" % (partition, i) for i in range(50)],
                       v1.to_partition(partition))
        read = {"older": [], "newer": []}
        end = time.monotonic() + 40
        while len(read["older"]) + len(read["newer"]) < 200 and time.monotonic() < end:
            polled = older.poll(*where, None, v1.NEXT, count=7, commit=True, by=GROUP)
            read["older"] += [m.payload for m in polled.messages]
            _, partitions = newer.sync_group(*where, "g")
            for partition in partitions:
                polled = newer.poll(*where, partition, v1.NEXT, count=7, auto_commit=True,
                                    who=Group("g"))
                read["newer"] += [m.payload for m in polled.messages]
        self.assertEqual(len(read["older"]) + len(read["newer"]), 200)
        self.assertEqual(len(set(read["older"] + read["newer"])), 200)
        self.assertTrue(read["older"])
        self.assertTrue(read["newer"])
        newer.close()
        end = time.monotonic() + 30
        while older.get_group(*where, "g")["members"] > 1 and time.monotonic() < end:
            time.sleep(0.01)
        assigned = older.get_group(*where, "g")["assigned"]
        self.assertEqual(sorted(sum(assigned.values(), [])), [0, 1, 2, 3])
        self.assertEqual(older.call(v1.GET_STREAM, identifier("none")), b"")
