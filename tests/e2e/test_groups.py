"""Consumer groups: who reads which partition, and that nobody else does. Sections 4.8 and 4.9."""

import os
from random import Random

import wire_format as wire
from case import Case
from wire_format import Group

MISSING = 777
GROUP = Group("g")


class GroupCase(Case):
    def group(self, client, partitions):
        stream, topic = self.topic(client, partitions)
        client.create_group(stream, topic, "g")
        return stream, topic

    def member(self, stream, topic="t", group="g", server=None):
        member = self.client(server)
        member.join_group(stream, topic, group)
        return member

    def partitions(self, stream, *members):
        """What each member reads, as it is told itself."""
        return [member.sync_group(stream, "t", "g")[1] for member in members]

    def assert_shared(self, stream, partitions, *members):
        """Every partition is read by one member, and shares differ by at most one."""
        shares = self.partitions(stream, *members)
        self.assertEqual(sorted(sum(shares, [])), list(range(partitions)), shares)
        sizes = [len(share) for share in shares]
        self.assertLessEqual(max(sizes) - min(sizes), 1, shares)
        return shares


class OfGroups(GroupCase):
    def test_a_group_is_created_listed_and_deleted_and_its_id_is_not_reused(self):
        client = self.client()
        stream, topic = self.topic(client, 3)
        created = client.create_group(stream, topic, "first")
        self.assertEqual(created, {"id": 0, "partitions": 3, "members_count": 0, "name": "first"})
        self.assertEqual(client.create_group(stream, topic, "second")["id"], 1)
        self.assertEqual([group["name"] for group in client.get_groups(stream, topic)],
                         ["first", "second"])
        self.assertEqual(client.get_group(stream, topic, "second")["members"], {})
        client.delete_group(stream, topic, 1)
        self.assertEqual(client.create_group(stream, topic, "second")["id"], 2)
        client.delete_group(stream, topic, "first")
        self.assertEqual([group["id"] for group in client.get_groups(stream, topic)], [2])
        self.assertEqual(client.get_stats()["groups"] >= 1, True)

    def test_what_is_missing_or_taken_is_refused_with_its_number(self):
        client = self.client()
        stream, topic = self.group(client, 1)
        self.refused(5004, client.create_group, stream, topic, "g")
        self.refused(1009, client.create_group, MISSING, topic, "g")
        self.refused(2010, client.create_group, stream, MISSING, "g")
        for call in (client.delete_group, client.join_group, client.leave_group):
            self.refused(1009, call, MISSING, topic, "g")
            self.refused(2010, call, stream, MISSING, "g")
            self.refused(5000, call, stream, topic, MISSING)
            self.refused(5000, call, stream, topic, "nobody")
        self.refused(5006, client.leave_group, stream, topic, "g")
        self.refused(1009, client.get_group, MISSING, topic, "g")
        self.refused(2010, client.get_groups, stream, MISSING)
        self.assertIsNone(client.get_group(stream, topic, MISSING))
        for place in ((MISSING, topic, "g"), (stream, MISSING, "g"), (stream, topic, MISSING),
                      (stream, topic, "g")):
            self.assertIsNone(client.sync_group(*place))

    def test_members_share_the_partitions_evenly_and_calmly(self):
        client = self.client()
        stream, _ = self.group(client, 6)
        first = self.member(stream)
        self.assertEqual(self.partitions(stream, first), [[0, 1, 2, 3, 4, 5]])
        second = self.member(stream)
        before = self.assert_shared(stream, 6, first, second)
        third = self.member(stream)
        after = self.assert_shared(stream, 6, first, second, third)
        for old, new in zip(before, after):
            self.assertEqual(len(set(old) - set(new)), 1, "one partition of each goes to the third")
        third.leave_group(stream, "t", "g")
        back = self.assert_shared(stream, 6, first, second)
        for old, new in zip(after, back):
            self.assertLessEqual(set(old), set(new), "what a member had, it keeps")
        details = client.get_group(stream, "t", "g")
        self.assertEqual(details["members_count"], 2)
        self.assertEqual(sorted(details["members"].values()), sorted(back))

    def test_a_member_that_goes_in_any_way_is_removed_at_once(self):
        client = self.client()
        stream, _ = self.group(client, 4)
        stays = self.member(stream)
        for go in ("leave", "log out", "close", "vanish", "log in anew"):
            with self.subTest(go=go):
                other = self.member(stream)
                self.assert_shared(stream, 4, stays, other)
                generation = stays.sync_group(stream, "t", "g")[0]
                {"leave": lambda: other.leave_group(stream, "t", "g"), "log out": other.logout,
                 "close": other.close, "vanish": other.vanish,
                 "log in anew": lambda: self._log_in_anew(other)}[go]()
                self.wait_until(lambda: self.partitions(stream, stays) == [[0, 1, 2, 3]])
                self.assertEqual(stays.sync_group(stream, "t", "g")[0], generation + 1)

    @staticmethod
    def _log_in_anew(client):
        """As released clients do it on one connection: with a new client id."""
        client.client_id = os.urandom(15) + b"\x01"
        client.register()

    def test_joining_again_changes_nothing_the_generation_included(self):
        client = self.client()
        stream, topic = self.group(client, 2)
        member = self.member(stream)
        before = member.sync_group(stream, topic, "g")
        member.join_group(stream, topic, "g")
        self.assertEqual(member.sync_group(stream, topic, "g"), before)
        self.assertEqual(before[1], [0, 1])

    def test_more_members_than_partitions_leave_some_with_nothing(self):
        client = self.client()
        stream, topic = self.group(client, 1)
        first, second = self.member(stream), self.member(stream)
        self.assertEqual(self.partitions(stream, first, second), [[0], []])
        self.assertEqual(second.poll_group(stream, topic, "g", 0).partition, wire.RESYNC)

    def test_partitions_that_come_and_go_are_shared_at_once(self):
        client = self.client()
        stream, topic = self.group(client, 2)
        first, second = self.member(stream), self.member(stream)
        generation = first.sync_group(stream, topic, "g")[0]
        client.create_partitions(stream, topic, 3)
        self.assert_shared(stream, 5, first, second)
        client.delete_partitions(stream, topic, 4)
        self.assert_shared(stream, 1, first, second)
        self.assertEqual(first.sync_group(stream, topic, "g")[0], generation + 2)
        client.purge_topic(stream, topic)
        self.assertEqual(first.sync_group(stream, topic, "g")[0], generation + 2)

    def test_clients_are_listed_with_their_groups(self):
        client = self.client()
        stream, topic = self.group(client, 1)
        member = self.member(stream)
        stream_id = client.get_stream(stream)["id"]
        me = member.get_me()
        self.assertEqual(me["groups"], [(stream_id, 0, 0)])
        self.assertEqual(client.get_client(me["id"])["groups"], me["groups"])
        listed = [each for each in client.get_clients() if each["id"] == me["id"]]
        self.assertEqual(listed[0]["groups_count"], 1)
        client.delete_group(stream, topic, "g")
        self.assertEqual(member.get_me()["groups"], [])
        self.assertIsNone(member.sync_group(stream, topic, "g"))

    def test_groups_outlive_a_restart_and_members_do_not(self):
        server = self.own_server().start()
        client = self.client(server)
        stream, topic = self.group(client, 2)
        client.create_group(stream, topic, "gone")
        client.delete_group(stream, topic, "gone")
        member = self.member(stream, server=server)
        generation = member.sync_group(stream, topic, "g")[0]
        client.send_messages(stream, topic, [b"one", b"two"])
        member.poll_group(stream, topic, "g", 0, auto_commit=True)
        server.kill()
        server.start()
        client = self.client(server)
        self.assertEqual(client.get_group(stream, topic, "g")["members"], {})
        self.assertEqual(client.create_group(stream, topic, "next")["id"], 2)
        self.assertEqual(client.get_offset(stream, topic, 0, who=GROUP), (0, 1, 1))
        member = self.member(stream, server=server)
        self.assertGreater(member.sync_group(stream, topic, "g")[0], generation)


class OfGroupPolls(GroupCase):
    def test_only_the_owner_of_a_partition_polls_it(self):
        client = self.client()
        stream, topic = self.group(client, 2)
        for partition in range(2):
            client.send_messages(stream, topic, [b"message"], wire.to_partition(partition))
        first, second = self.member(stream), self.member(stream)
        mine, others = self.assert_shared(stream, 2, first, second)
        self.assertEqual(first.poll_group(stream, topic, "g", mine[0]).payloads, [b"message"])
        fenced = first.poll_group(stream, topic, "g", others[0])
        self.assertEqual((fenced.partition, fenced.current_offset, fenced.messages),
                         (wire.RESYNC, 0, []))
        self.assertEqual(client.poll_group(stream, topic, "g", 0).partition, wire.RESYNC)
        self.assertEqual(first.poll_group(stream, topic, MISSING, 0).partition, wire.RESYNC)
        self.assertEqual(first.poll_group(stream, topic, "g", MISSING).partition, wire.RESYNC)
        unnamed = first.poll_group(stream, topic, "g", None)
        self.assertEqual((unnamed.partition, unnamed.messages), (0, []))
        self.refused(1009, first.poll_group, MISSING, topic, "g", 0)
        self.refused(2010, first.poll_group, stream, MISSING, "g", 0)

    def test_a_groups_offset_is_shared_and_written_by_the_owner_alone(self):
        client = self.client()
        stream, topic = self.group(client, 1)
        client.send_messages(stream, topic, [b"0", b"1", b"2"])
        owner, other = self.member(stream), self.member(stream)
        polled = owner.poll_group(stream, topic, "g", 0, count=2, auto_commit=True)
        self.assertEqual(polled.offsets, [0, 1])
        self.assertEqual(other.get_offset(stream, topic, 0, who=GROUP), (0, 2, 1))
        self.assertEqual(client.get_offset(stream, topic, 0, who=Group(0)), (0, 2, 1))
        self.assertIsNone(client.get_offset(stream, topic, 0, who=0))
        owner.store_offset(stream, topic, 0, 0, who=GROUP)
        for stranger in (other, client):
            self.refused(5009, stranger.store_offset, stream, topic, 0, 2, who=GROUP)
            self.refused(5009, stranger.delete_offset, stream, topic, 0, who=GROUP)
        self.refused(20, owner.store_offset, stream, topic, 0, 2, who=Group(MISSING))
        self.refused(5000, owner.delete_offset, stream, topic, 0, who=Group(MISSING))
        self.refused(5003, owner.delete_offset, stream, topic, 0, who=Group("nobody"))
        self.refused(4100, owner.store_offset, stream, topic, 0, 3, who=GROUP)
        self.assertEqual(owner.get_offset(stream, topic, 0, who=GROUP), (0, 2, 0))
        owner.delete_offset(stream, topic, 0, who=GROUP)
        self.refused(3021, owner.delete_offset, stream, topic, 0, who=GROUP)
        self.assertIsNone(client.get_offset(stream, topic, 0, who=Group(MISSING)))


class OfHandOver(GroupCase):
    """A partition is its new owner's when what the old one was handed is committed."""

    options = {"config": '[group]\nhandover = "2 s"\n'}

    def moved(self, partitions=2):
        """(stream, old, new, partition): the old owner was handed two messages and is there."""
        client = self.client()
        stream, topic = self.group(client, partitions)
        for partition in range(partitions):
            client.send_messages(stream, topic, [b"0", b"1"], wire.to_partition(partition))
        old = self.member(stream)
        for partition in range(partitions):
            self.assertEqual(old.poll_group(stream, topic, "g", partition).offsets, [0, 1])
        new = self.member(stream)
        return stream, old, new, self.partitions(stream, new)[0][0]

    def test_it_waits_for_the_commit_of_what_was_handed_out(self):
        stream, old, new, partition = self.moved()
        self.assertEqual(old.poll_group(stream, "t", "g", partition).partition, wire.RESYNC)
        waiting = new.poll_group(stream, "t", "g", partition)
        self.assertEqual((waiting.partition, waiting.messages), (partition, []))
        self.refused(5009, new.store_offset, stream, "t", partition, 1, who=GROUP)
        old.store_offset(stream, "t", partition, 0, who=GROUP)
        self.assertEqual(new.poll_group(stream, "t", "g", partition).messages, [])
        old.store_offset(stream, "t", partition, 1, who=GROUP)
        self.assertEqual(new.poll_group(stream, "t", "g", partition).messages, [])
        new.send_messages(stream, "t", [b"2"], wire.to_partition(partition))
        self.assertEqual(new.poll_group(stream, "t", "g", partition).offsets, [2])
        self.refused(5009, old.store_offset, stream, "t", partition, 1, who=GROUP)

    def test_it_does_not_wait_for_a_member_that_is_gone(self):
        for end in ("close", "vanish", "logout"):
            with self.subTest(end=end):
                self.name = end
                stream, old, new, partition = self.moved()
                getattr(old, end)()
                self.wait_until(lambda: new.poll_group(stream, "t", "g", partition).offsets
                                == [0, 1])

    def test_a_slow_member_loses_it_after_a_while_and_commits_nothing_any_more(self):
        stream, old, new, partition = self.moved()
        self.wait_until(lambda: new.poll_group(stream, "t", "g", partition).offsets == [0, 1])
        self.refused(5009, old.store_offset, stream, "t", partition, 1, who=GROUP)
        new.store_offset(stream, "t", partition, 1, who=GROUP)
        self.assertIn("group.not_committed", self.server.text())

    def test_a_deleted_group_leaves_no_offsets_behind(self):
        client = self.client()
        stream, topic = self.group(client, 1)
        client.send_messages(stream, topic, [b"0", b"1"])
        self.member(stream).poll_group(stream, topic, "g", 0, auto_commit=True)
        self.assertEqual(client.get_offset(stream, topic, 0, who=GROUP), (0, 1, 1))
        client.delete_group(stream, topic, "g")
        client.create_group(stream, topic, "g")
        self.assertIsNone(client.get_offset(stream, topic, 0, who=GROUP))


class OfStorms(GroupCase):
    """Members come, read, commit late or never, and go; nobody else reads what they read."""

    options = {"cores": 8, "config": '[group]\nhandover = "30 s"\n'}
    MESSAGES, PARTITIONS = 40, 6

    def test_every_message_is_committed_once_through_deaths_and_joins(self):
        client = self.client()
        stream, topic = self.group(client, self.PARTITIONS)
        for partition in range(self.PARTITIONS):
            client.send_messages(stream, topic, [bytes([partition])] * self.MESSAGES,
                                 wire.to_partition(partition))
        random = Random(7)
        members, owners, committed = [], {}, [-1] * self.PARTITIONS
        while min(committed) < self.MESSAGES - 1:
            if len(members) < 2 or (len(members) < 5 and random.random() < 0.2):
                members.append(self.member(stream))
            elif random.random() < 0.1:
                gone = members.pop(random.randrange(len(members)))
                owners = {partition: owner for partition, owner in owners.items()
                          if owner is not gone}
                random.choice((gone.close, gone.vanish, gone.logout))()
                self.wait_until(lambda: client.get_group(stream, topic, "g")["members_count"]
                                == len(members))
            self._read_a_little(random, stream, random.choice(members), owners, committed)
        self.assertEqual(committed, [self.MESSAGES - 1] * self.PARTITIONS)
        self.assert_shared(stream, self.PARTITIONS, *members)

    def _read_a_little(self, random, stream, member, owners, committed):
        """`owners` has who was handed messages that are not committed."""
        for partition in member.sync_group(stream, "t", "g")[1]:
            polled = member.poll_group(stream, "t", "g", partition, count=3)
            if not polled.messages:
                continue
            self.assertIn(owners.get(partition, member), (member,), "two members read one")
            self.assertEqual(polled.offsets[0], committed[partition] + 1)
            owners[partition] = member
            if random.random() < 0.7:
                member.store_offset(stream, "t", partition, polled.offsets[-1], who=GROUP)
                committed[partition] = polled.offsets[-1]
                del owners[partition]
        for partition, owner in list(owners.items()):
            if owner is member and random.random() < 0.3:
                upto = member.get_offset(stream, "t", partition, who=GROUP)
                upto = min((upto[2] if upto else -1) + 3, self.MESSAGES - 1)
                member.store_offset(stream, "t", partition, upto, who=GROUP)
                committed[partition] = upto
                del owners[partition]


class OfRoutes(GroupCase):
    """For clients that know several nodes: every partition is here."""

    def test_a_route_names_the_own_session_and_this_node(self):
        client = self.client()
        stream, topic = self.topic(client)
        for route in (client.poll_route(stream, topic), client.offset_route(stream, topic)):
            self.assertEqual((route["client"], route["session"]),
                             (client.client_id, client.session))
            self.assertEqual(route["node"], client.get_cluster()["nodes"][0])

    def test_an_attached_session_lends_its_memberships(self):
        client = self.client()
        stream, topic = self.group(client, 1)
        client.send_messages(stream, topic, [b"message"])
        member, data = self.member(stream), self.client()
        self.assertEqual(data.poll_group(stream, topic, "g", 0).partition, wire.RESYNC)
        data.attach(member.client_id, member.session)
        self.assertEqual(data.poll_group(stream, topic, "g", 0).payloads, [b"message"])
        body = wire.poll_body(stream, topic, 0, wire.NEXT, who=GROUP, auto_commit=True)
        polled = wire.decode_poll(data.read(wire.POLL_ON_PRIMARY, body).payload())
        self.assertEqual(polled.payloads, [b"message"])
        data.store_offset(stream, topic, 0, 0, who=GROUP)
        member.close()
        self.wait_until(lambda: data.poll_group(stream, topic, "g", 0).partition == wire.RESYNC)

    def test_a_session_that_does_not_hold_is_not_attached(self):
        first, second = self.client(), self.client()
        self.refused(58, second.attach, first.client_id, first.session + 1000)
        self.refused(58, second.attach, second.client_id, first.session)
        self.refused(58, second.attach, first.client_id, first.session, wire.U64_MAX)
