"""What the disk does to a server, seen from outside: full, rotten, trimmed, crowded."""

import os
import time

import wire_format as wire
from case import Case, deadline
from wire_format import Refused


class OwnServer(Case):
    """Every test here starts its own."""

    @classmethod
    def setUpClass(cls):
        pass

    def started(self, **fields):
        return self.own_server(**fields).start()


class FullDisk(OwnServer):
    CONFIG = '[disk]\nreserve = "1000 TB"\n'

    def until_refused(self, client):
        """How much is free is asked while the first batches of a start are already taken."""
        end = time.monotonic() + 3
        while time.monotonic() < end:
            try:
                client.send_messages("s", "t", [b"y"])
            except Refused as refusal:
                self.assertEqual(refusal.number, 4010)
                return
        self.fail("nothing is refused below the reserve")

    def test_below_the_reserve_sends_are_refused_and_all_else_goes_on(self):
        """No disk is filled: the reserve is set above what the machine has."""
        server = self.started()
        client = self.client(server)
        client.create_stream("s")
        client.create_topic("s", "t")
        client.send_messages("s", "t", [b"x"] * 5)
        server.stop()
        server.use_config(self.CONFIG)
        server.start()
        client = self.client(server)
        self.until_refused(client)
        self.assertEqual(client.poll("s", "t", 0, wire.NEXT, count=5, auto_commit=True).offsets,
                         [0, 1, 2, 3, 4])
        client.store_offset("s", "t", 0, 2)
        client.create_stream("other")
        client.create_topic("other", "t", 2)
        self.refused(4010, client.send_messages, "s", "t", [b"y"])
        client.purge_topic("s", "t")
        client.delete_stream("other")
        server.stop()
        server.use_config("")
        server.start()
        client = self.client(server)
        self.assertEqual([each["name"] for each in client.get_streams()], ["s"])
        self.assertEqual(client.send_messages("s", "t", [b"z"])[3], 0)


class Retention(OwnServer):
    CONFIG = '[retention]\ninterval = "100 ms"\n'

    def wait_until(self, condition, story, seconds=40):
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end, story)
            time.sleep(0.05)

    def partition(self, client):
        return client.get_topic("s", "t")["partitions"][0]

    def test_old_messages_go_and_offsets_stay(self):
        server = self.started(config=self.CONFIG)
        client = self.client(server)
        client.create_stream("s")
        client.create_topic("s", "t", 1, {"message_expiry": 500_000, "segment_size": 1 << 20})
        for _ in range(5):
            client.send_messages("s", "t", [bytes(400_000)])
        self.wait_until(lambda: self.partition(client)["messages"] == 0, "expired messages stay")
        self.assertEqual(client.poll("s", "t").messages, [])
        now = self.partition(client)
        self.assertEqual((now["segments"], now["size"], now["current_offset"]), (1, 0, 4))
        self.assertEqual(client.send_messages("s", "t", [b"x"])[3], 5)
        self.wait_until(lambda: self.partition(client)["messages"] == 0, "expired messages stay")
        for end in (server.stop, server.kill):
            end()
            server.start()
            client = self.client(server)
            self.assertEqual(self.partition(client)["current_offset"], 5)
        self.assertEqual(client.send_messages("s", "t", [b"y"])[3], 6, "offsets start again")

    def test_a_topic_stays_below_its_size(self):
        server = self.started(config=self.CONFIG)
        client = self.client(server)
        client.create_stream("s")
        client.create_topic("s", "t", 1, {"max_topic_size": 3 << 20, "segment_size": 1 << 20})
        for _ in range(20):
            client.send_messages("s", "t", [bytes(500_000)])
        self.wait_until(lambda: client.get_topic("s", "t")["size"] <= 3 << 20, "too large")
        messages = client.poll_all("s", "t")
        self.assertEqual(messages[-1].offset, 19)
        self.assertEqual([m.offset for m in messages], list(range(20 - len(messages), 20)))

    def on_disk(self, server):
        """Bytes of segments and spares, as the file system counts them."""
        partitions = server.data / "streams/0/topics/0/partitions"
        return sum(path.stat().st_size for path in partitions.rglob("*") if path.is_file())

    def test_a_topic_of_several_partitions_frees_the_disk_too(self):
        server = self.started(config=self.CONFIG)
        client = self.client(server)
        client.create_stream("s")
        client.create_topic("s", "t", 4, {"max_topic_size": 10 << 20, "segment_size": 1 << 20})
        for i in range(120):
            client.send_messages("s", "t", [bytes(500_000)], wire.to_partition(i % 4))
        # Beside the topic's size: what the newest segments have written ahead of themselves.
        self.wait_until(lambda: self.on_disk(server) <= 16 << 20,
                        f"{self.on_disk(server)} bytes are left")
        self.wait_until(lambda: client.get_topic("s", "t")["size"] <= 10 << 20, "too large")
        for partition in range(4):
            messages = client.poll_all("s", "t", partition)
            self.assertEqual(messages[-1].offset, 29)
            self.assertEqual([m.offset for m in messages], list(range(30 - len(messages), 30)))

    def test_limits_that_are_changed_later_count_from_then_on(self):
        server = self.started(config=self.CONFIG)
        client = self.client(server)
        client.create_stream("s")
        client.create_topic("s", "t", 1, {"segment_size": 1 << 20})
        for _ in range(12):
            client.send_messages("s", "t", [bytes(500_000)])
        time.sleep(0.5)
        self.assertEqual(self.partition(client)["messages"], 12)
        client.update_topic("s", "t", "t", {"max_topic_size": 3 << 20})
        self.wait_until(lambda: client.get_topic("s", "t")["size"] <= 3 << 20, "too large")
        server.kill()
        server.start()
        client = self.client(server)
        client.update_topic("s", "t", "t", {"message_expiry": 200_000})
        self.wait_until(lambda: self.partition(client)["messages"] == 0, "expired messages stay")

    def test_preallocated_segments_have_their_space_at_once(self):
        server = self.started()
        client = self.client(server)
        client.create_stream("s")
        client.create_topic("s", "t", 2, {"preallocate_segments": True, "segment_size": 4 << 20})
        client.send_messages("s", "t", [b"x"])
        log = server.data / "streams/0/topics/0/partitions/0/00000000000000000000.log"
        self.assertGreaterEqual(log.stat().st_blocks * 512, 4 << 20)
        for _ in range(12):
            client.send_messages("s", "t", [bytes(500_000)])
        server.kill()
        server.start()
        client = self.client(server)
        self.assertEqual(len(client.poll_all("s", "t")), 13)
        self.assertEqual(client.send_messages("s", "t", [b"y"])[3], 13)

    def test_a_stored_offset_holds_back_what_it_has_not_passed(self):
        server = self.started(config=self.CONFIG)
        client = self.client(server)
        client.create_stream("s")
        client.create_topic("s", "t", 1, {"message_expiry": 500_000, "segment_size": 1 << 20})
        client.send_messages("s", "t", [bytes(700_000)])
        client.store_offset("s", "t", 0, 0)
        for _ in range(5):
            client.send_messages("s", "t", [bytes(700_000)])
        time.sleep(1.5)
        self.assertEqual(client.poll("s", "t", 0, wire.NEXT, count=1).offsets, [1])
        client.store_offset("s", "t", 0, 5)
        self.wait_until(lambda: self.partition(client)["messages"] == 0, "nothing was let go")


class Rot(OwnServer):
    def rotten(self, where):
        """Ten batches in closed and open segments; one byte of the payload of batch 4 is turned."""
        server = self.started()
        client = self.client(server)
        client.create_stream("s")
        client.create_topic("s", "t", 1, {"segment_size": 1 << 20})
        for number in range(10):
            client.send_messages("s", "t", [b"batch %d " % number + bytes([number]) * 300_000])
        server.stop()
        files = sorted(server.data.rglob("*.log"))
        victim = next(path for path in files if b"batch %d " % where in path.read_bytes())
        data = bytearray(victim.read_bytes())
        data[data.index(b"batch %d " % where) + 1000] ^= 1
        victim.write_bytes(data)
        return server.start()

    def test_a_rotten_byte_is_an_error_and_never_a_message(self):
        for where in (1, 4, 9):
            with self.subTest(where=where):
                server = self.rotten(where)
                client = self.client(server)
                served = {}
                for start in range(10):
                    try:
                        for message in client.poll("s", "t", 0, wire.OFFSET, start, 1).messages:
                            served[message.offset] = message.payload
                    except Refused:
                        pass
                for offset, payload in served.items():
                    self.assertTrue(payload == b"batch %d " % offset + bytes([offset]) * 300_000)
                self.assertEqual(sorted(served), [n for n in range(10) if n != where],
                                 "what verifies is served, what does not is not")
                server.stop()
                self.assertEqual(server.screams(), [])

    def test_a_missing_or_broken_index_is_made_again(self):
        server = self.started()
        client = self.client(server)
        client.create_stream("s")
        client.create_topic("s", "t", 1, {"segment_size": 1 << 20})
        for number in range(40):
            client.send_messages("s", "t", [b"%d" % number + bytes(100_000)])
        before = [(m.offset, m.timestamp, m.payload) for m in client.poll_all("s", "t")]
        server.stop()
        indexes = sorted(server.data.rglob("*.index"))
        for number, path in enumerate(indexes):
            if number % 2:
                path.unlink()
            else:
                path.write_bytes(os.urandom(path.stat().st_size or 100))
        server.start()
        client = self.client(server)
        self.assertEqual([(m.offset, m.timestamp, m.payload) for m in client.poll_all("s", "t")],
                         before)
        for stamp in sorted({stamp for _, stamp, _ in before}):
            first = next(offset for offset, time, _ in before if time >= stamp)
            polled = client.poll("s", "t", 0, wire.TIMESTAMP, stamp, 1)
            self.assertEqual(polled.offsets, [first])


class Crowded(OwnServer):
    @deadline(120)
    def test_ten_thousand_partitions_are_held_within_the_plan(self):
        server = self.started()
        client = self.client(server, timeout=30)
        client.create_stream("s")
        for topic in range(10):
            client.create_topic("s", f"t{topic}", 1000)
        for topic in range(10):
            for partition in range(0, 1000, 100):
                client.send_messages("s", f"t{topic}", [b"x"], wire.to_partition(partition))
        self.assertEqual(client.get_stats()["partitions"], 10_000)
        self.assert_within_plan(server)
        server.stop()
        begin = time.monotonic()
        server.start()
        self.assertLess(time.monotonic() - begin, 10, "seconds to be ready")
        client = self.client(server, timeout=30)
        for topic in range(10):
            for partition in range(0, 1000, 100):
                self.assertEqual(client.poll("s", f"t{topic}", partition).payloads, [b"x"])
        self.assertEqual(client.get_stats()["messages"], 100)
        self.assert_within_plan(server)

    def test_a_batch_too_large_for_the_memory_is_named_at_the_start(self):
        server = self.started()
        client = self.client(server)
        client.create_stream("s")
        client.create_topic("s", "t")
        client.send_messages("s", "t", [bytes(40 << 20)])
        server.stop()
        server.memory = "64M"
        server.launch()
        self.assertGreater(server.wait_exit(5), 0)
        self.assertIn("memory", server.text().lower())
        server.memory = "256M"
        server.start()
        self.assertEqual(len(self.client(server).poll("s", "t").messages), 1)

    def test_deleted_data_leaves_the_disk(self):
        server = self.started()
        client = self.client(server)
        for number in range(5):
            client.create_stream(f"s{number}")
            client.create_topic(f"s{number}", "t", 4)
            for partition in range(4):
                client.send_messages(f"s{number}", "t", [bytes(1 << 20)],
                                     wire.to_partition(partition))

        def used():
            """Bytes under streams/ and trash/; a file may go while it is looked at."""
            found = 0
            for place, _, names in os.walk(server.data):
                for name in names:
                    try:
                        if name.endswith(".log"):
                            found += os.stat(os.path.join(place, name)).st_blocks * 512
                    except FileNotFoundError:
                        pass
            return found

        self.assertGreater(used(), 20 << 20)
        for number in range(5):
            client.delete_stream(f"s{number}")
        end = time.monotonic() + 40
        while used() > 2 << 20:
            self.assertLess(time.monotonic(), end, "deleted messages stay on the disk")
            time.sleep(0.05)
