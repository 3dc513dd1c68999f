"""Waiting reads: a poll that finds nothing is held until there is something (docs/protocol.md)."""

import subprocess
import threading
import time

import wire_format as wire
from case import Case, deadline
from server import BINARY

LONG_MS = 60_000


class Waiting(Case):
    def test_a_waiting_poll_gets_the_message_that_comes(self):
        consumer, producer = self.client(), self.client()
        stream, topic = self.topic(producer)
        consumer.send(consumer.wait_frame(stream, topic, LONG_MS))
        self.nothing_comes(consumer)
        producer.send_messages(stream, topic, [b"news"])
        self.assertEqual(consumer.polled().payloads, [b"news"])

    def nothing_comes(self, client):
        client.socket.settimeout(0.2)
        with self.assertRaises(TimeoutError):
            client.receive()
        client.socket.settimeout(30)

    def test_what_is_there_is_served_at_once(self):
        client = self.client()
        stream, topic = self.topic(client)
        client.send_messages(stream, topic, [b"old"])
        began = time.monotonic()
        self.assertEqual(client.poll_waiting(stream, topic, LONG_MS).payloads, [b"old"])
        self.assertLess(time.monotonic() - began, LONG_MS / 2000)

    def test_when_nothing_comes_in_time_the_reply_is_empty(self):
        client = self.client()
        stream, topic = self.topic(client)
        began = time.monotonic()
        polled = client.poll_waiting(stream, topic, 300)
        self.assertGreaterEqual(time.monotonic() - began, 0.29)
        self.assertEqual((polled.messages, polled.partition, polled.current_offset), ([], 0, 0))
        client.send_messages(stream, topic, [b"a", b"b"])
        polled = client.poll_waiting(stream, topic, 100, strategy=wire.OFFSET, value=2)
        self.assertEqual((polled.messages, polled.current_offset), ([], 1))

    def test_an_ordinary_poll_does_not_wait(self):
        client = self.client()
        stream, topic = self.topic(client)
        self.assertEqual(client.poll(stream, topic, strategy=wire.NEXT).messages, [])
        self.assertEqual(client.poll_waiting(stream, topic, 0).messages, [])
        self.assertEqual(client.poll_waiting(stream, topic, LONG_MS, count=0).messages, [])

    def test_a_waiting_poll_commits_what_it_got(self):
        consumer, producer = self.client(), self.client()
        stream, topic = self.topic(producer)
        for i in range(5):
            consumer.send(consumer.wait_frame(stream, topic, LONG_MS, auto_commit=True))
            producer.send_messages(stream, topic, [b"%d" % i])
            self.assertEqual(consumer.polled().payloads, [b"%d" % i])
            self.assertEqual(producer.get_offset(stream, topic, 0)[2], i)

    def test_every_strategy_waits(self):
        consumer, producer = self.client(), self.client()
        stream, topic = self.topic(producer)
        now = time.time_ns() // 1000
        for i, (strategy, value) in enumerate(((wire.OFFSET, 0), (wire.NEXT, 0), (wire.OFFSET, 2),
                                               (wire.TIMESTAMP, now + 10**12))):
            with self.subTest(strategy):
                consumer.send(consumer.wait_frame(stream, topic, 300 if i == 3 else LONG_MS,
                                                  strategy=strategy, value=value,
                                                  auto_commit=i == 0, count=1))
                if i != 1:
                    producer.send_messages(stream, topic, [b"%d" % i])
                polled = consumer.polled()
                self.assertEqual(len(polled.messages), 0 if i == 3 else 1)
                if i == 0:  # the next of consumer 1 is not there yet
                    producer.send_messages(stream, topic, [b"1"])

    def test_another_request_ends_the_wait(self):
        client = self.client()
        stream, topic = self.topic(client)
        client.send(client.wait_frame(stream, topic, LONG_MS))
        self.nothing_comes(client)
        client.send(client.frame(wire.NON_REPLICATED, code=wire.PING))
        self.assertEqual(client.polled().messages, [])
        self.assertEqual(client.receive().payload(), b"")
        client.send(client.wait_frame(stream, topic, LONG_MS)
                    + client.frame(wire.NON_REPLICATED, code=wire.PING))
        self.assertEqual(client.polled().messages, [])
        self.assertEqual(client.receive().payload(), b"")

    def waits(self, client, stream, topic, partitions, **fields):
        frames = [client.wait_frame(stream, topic, LONG_MS, partition=partition, **fields)
                  for partition in partitions]
        client.send(b"".join(frames))

    def test_a_connection_waits_for_sixteen_partitions_at_once(self):
        consumer, producer = self.client(), self.client()
        stream, topic = self.topic(producer, 16)
        self.waits(consumer, stream, topic, range(16))
        self.nothing_comes(consumer)
        for partition in (9, 15, 0, 3):
            producer.send_messages(stream, topic, [b"%d" % partition], wire.to_partition(partition))
            polled = consumer.polled()
            self.assertEqual((polled.partition, polled.payloads),
                             (partition, [b"%d" % partition]))
        self.waits(consumer, stream, topic, [9], strategy=wire.OFFSET, value=1)
        self.nothing_comes(consumer)
        consumer.send(consumer.frame(wire.NON_REPLICATED, code=wire.PING))
        ended = [consumer.polled() for _ in range(13)]
        self.assertEqual([polled.messages for polled in ended], [[]] * 13)
        self.assertEqual({polled.partition for polled in ended}, set(range(16)) - {15, 0, 3})
        self.assertEqual(consumer.receive().payload(), b"")

    def test_one_more_than_sixteen_ends_those_before_it(self):
        client = self.client()
        stream, topic = self.topic(client, 17)
        self.waits(client, stream, topic, range(16))
        self.nothing_comes(client)
        self.waits(client, stream, topic, [16])
        ended = [client.polled() for _ in range(16)]
        self.assertEqual({polled.partition for polled in ended}, set(range(16)))
        self.nothing_comes(client)

    def test_a_refused_wait_passes_those_that_wait(self):
        consumer = self.client()
        stream, topic = self.topic(consumer, 2)
        self.waits(consumer, stream, topic, [0, 1, 7])
        self.assertEqual(consumer.receive().error, 3007)
        consumer.send(consumer.frame(wire.NON_REPLICATED, b"", code=wire.POLL_WAITING))
        self.assertEqual(consumer.receive().error, 3)
        self.nothing_comes(consumer)

    def test_purge_and_deletion_end_the_wait(self):
        owner = self.client()
        stream, topic = self.topic(owner, 2)
        for end in (lambda: owner.purge_topic(stream, topic),
                    lambda: owner.purge_stream(stream),
                    lambda: owner.delete_partitions(stream, topic, 1),
                    lambda: owner.delete_stream(stream)):
            waiting = [self.client() for _ in range(4)]
            for client in waiting:
                client.send(client.wait_frame(stream, topic, LONG_MS, partition=1))
            if owner.get_topic(stream, topic)["partitions_count"] < 2:
                self.assertEqual([client.receive().error for client in waiting], [3007] * 4)
                continue
            self.nothing_comes(waiting[0])
            end()
            self.assertEqual([client.polled().messages for client in waiting], [[]] * 4)

    def test_a_consumer_that_goes_away_is_forgotten(self):
        owner = self.client()
        stream, topic = self.topic(owner)
        for i in range(100):
            client = self.client()
            client.send(client.wait_frame(stream, topic, LONG_MS))
            if i % 2:
                client.vanish()
            else:
                client.close()
        owner.send_messages(stream, topic, [b"x"])
        self.assertEqual(owner.poll(stream, topic).payloads, [b"x"])

    def test_a_logout_ends_the_wait(self):
        client = self.client()
        stream, topic = self.topic(client)
        client.send(client.wait_frame(stream, topic, LONG_MS))
        client.send(client.frame(wire.LOGOUT))
        self.assertEqual(client.polled().messages, [])
        self.assertEqual(client.receive().payload(), b"")

    def test_a_malformed_waiting_poll_is_refused(self):
        client = self.client()
        stream, topic = self.topic(client)
        good = client.wait_frame(stream, topic, LONG_MS)[wire.HEADER_BYTES:]
        for body in (b"", good[:3], good[4:], good[:-1]):
            self.assertEqual(client.read(wire.POLL_WAITING, body).error, 3)

    def test_a_stop_answers_those_who_wait(self):
        for level in ("sync", "os", "memory"):
            server = self.own_server(durability=level).start()
            clients = [self.client(server) for _ in range(8)]
            stream, topic = self.topic(clients[0])
            for client in clients:
                client.send(client.wait_frame(stream, topic, LONG_MS))
            self.nothing_comes(clients[7])
            server.stop()
            self.assertEqual([client.polled().messages for client in clients], [[]] * 8)

    def test_many_wait_for_many_partitions_and_each_gets_its_own(self):
        owner = self.client()
        stream, topic = self.topic(owner, 50)
        waiting = []
        for i in range(200):
            client = self.client()
            client.send(client.wait_frame(stream, topic, LONG_MS, partition=i % 50, count=1))
            waiting.append(client)
        self.nothing_comes(waiting[-1])
        for i in range(50):
            owner.send_messages(stream, topic, [b"%d" % i], wire.to_partition(i))
        for i, client in enumerate(waiting):
            self.assertEqual(client.polled().payloads, [b"%d" % (i % 50)])

    def test_no_message_is_missed_between_two_waits(self):
        consumer, producer = self.client(), self.client()
        stream, topic = self.topic(producer)

        def produce():
            for i in range(500):
                producer.send_messages(stream, topic, [b"%d" % i])

        thread = threading.Thread(target=produce)
        thread.start()
        got, start = [], 0
        while len(got) < 500:
            polled = consumer.poll_waiting(stream, topic, LONG_MS, strategy=wire.OFFSET,
                                           value=start, count=10)
            got += polled.payloads
            start = len(got)
        thread.join()
        self.assertEqual(got, [b"%d" % i for i in range(500)])


    def test_the_command_line_waits_for_more(self):
        client = self.client()
        stream, topic = self.topic(client)
        command = [str(BINARY), "message", "poll", stream, topic, "--wait", "60 s", "--server",
                   "{}:{}".format(*self.server.address)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as waiting:
            with self.assertRaises(subprocess.TimeoutExpired):
                waiting.wait(0.5)
            client.send_messages(stream, topic, [b"at last"])
            self.assertEqual(waiting.communicate(timeout=15)[0], "0: at last\n")
        command[command.index("60 s")] = "a while"
        refused = subprocess.run(command, capture_output=True, text=True, timeout=15)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("--wait", refused.stderr)


class WaitingByConfiguration(Case):
    options = {"config": "[poll]\nwait = \"400 ms\"\n"}

    def test_every_poll_waits_when_the_server_is_told_so(self):
        consumer, producer = self.client(), self.client()
        stream, topic = self.topic(producer)
        began = time.monotonic()
        self.assertEqual(consumer.poll(stream, topic).messages, [])
        self.assertGreaterEqual(time.monotonic() - began, 0.39)


class IdleWaiters(Case):
    @deadline(120)
    def test_a_thousand_waiting_consumers_cost_nothing(self):
        owner = self.client()
        stream, topic = self.topic(owner, 100)
        for i in range(1000):
            client = self.client()
            client.send(client.wait_frame(stream, topic, 600_000, partition=i % 100))
        time.sleep(2)
        before = self.server.processor_ticks()
        time.sleep(5)
        self.assertLessEqual(self.server.processor_ticks() - before, 1)
