"""Large batches, slow and vanishing clients, ten thousand of them: bounded memory, no hangs."""

import os
import selectors
import signal
import socket
import struct
import threading
import time

import wire_format as wire
from case import Case, deadline
from server import raise_descriptor_limit
from wire_client import Client, Closed

CROWD = 10_000
IN_FLIGHT = 512  # stays below any listen backlog


def frame_of(client, stream, topic, total_bytes, partition=0):
    """A SendMessages frame of exactly so many bytes, in one message."""
    empty = client.send_frame(stream, topic, [b""], wire.to_partition(partition))
    client.request -= 1
    payload = bytes(total_bytes - len(empty))
    return client.send_frame(stream, topic, [payload], wire.to_partition(partition)), payload


class Large(Case):
    @deadline(40)
    def test_a_frame_of_64_mib_is_stored_and_served_at_the_default_memory(self):
        client = self.client(timeout=30)
        stream, topic = self.topic(client)
        for base in (0, 1):
            frame, payload = frame_of(client, stream, topic, wire.FRAME_BYTES_MAX)
            client.send(frame)
            self.assertEqual(wire.confirmation(client.receive().payload())[3], base)
        for start in (0, 1):
            polled = client.poll(stream, topic, 0, wire.OFFSET, start, count=10)
            self.assertEqual(polled.offsets, [start], "a poll reply keeps below the frame limit")
            self.assertTrue(polled.messages[0].payload == payload, "served bytes differ")
        self.assert_within_plan()

    @deadline(60)
    def test_what_is_cached_gives_way_to_a_large_frame(self):
        client = self.client(timeout=20)
        stream, topic = self.topic(client, 2)
        for partition in (0, 1):
            client.poll(stream, topic, partition)
            for number in range(56):
                client.send_messages(stream, topic, [bytes(1 << 20)], wire.to_partition(partition))
                client.poll(stream, topic, partition, wire.OFFSET, number, count=1)
        for connection in (self.client(timeout=20), self.client(timeout=20)):  # one on each core
            frame, _ = frame_of(connection, stream, topic, 60 << 20)
            connection.send(frame)
            self.assertEqual(connection.receive().error, 0)
        self.assert_within_plan()

    @deadline(40)
    def test_several_large_batches_at_once_take_turns(self):
        clients = [self.client(timeout=30) for _ in range(6)]
        stream, topic = self.topic(clients[0], 6)
        failures = []

        def send(number, client):
            try:
                payload = bytes([number]) * (30 << 20)
                client.send_messages(stream, topic, [payload], wire.to_partition(number))
                polled = client.poll(stream, topic, number)
                assert polled.messages[0].payload == payload
            except Exception as error:  # noqa: BLE001: reported by the test itself
                failures.append(repr(error))

        threads = [threading.Thread(target=send, args=pair, daemon=True)
                   for pair in enumerate(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(35)
        self.assertEqual(failures, [])
        self.assert_within_plan()

    @deadline(40)
    def test_a_batch_of_100_000_messages_is_stored_and_served(self):
        client = self.client(timeout=30)
        stream, topic = self.topic(client)
        sent = [b"%d" % i for i in range(100_000)]
        self.assertEqual(client.send_messages(stream, topic, sent)[3], 0)
        self.assertEqual([m.payload for m in client.poll_all(stream, topic)], sent)


class LargeAtLittleMemory(Case):
    options = {"memory": "64M"}

    @deadline(40)
    def test_a_frame_of_64_mib_is_refused_with_4022_at_64M(self):
        client = self.client(timeout=20)
        stream, topic = self.topic(client)
        for total in (wire.FRAME_BYTES_MAX, (16 << 20) + 512, 40 << 20):
            client.send(frame_of(client, stream, topic, total)[0])
            reply = client.receive()
            self.assertEqual((reply.error, reply.request), (4022, client.request))
        client.send_messages(stream, topic, [b"the connection goes on"])
        self.assertEqual(len(client.poll(stream, topic).messages), 1)
        self.assert_within_plan()

    @deadline(40)
    def test_a_frame_of_16_mib_is_still_served_at_64M(self):
        client = self.client(timeout=20)
        stream, topic = self.topic(client)
        for _ in range(3):
            frame, payload = frame_of(client, stream, topic, 16 << 20)
            client.send(frame)
            wire.confirmation(client.receive().payload())
        messages = client.poll_all(stream, topic)
        self.assertTrue(all(message.payload == payload for message in messages))
        self.assertEqual(len(messages), 3)
        self.assert_within_plan()

    @deadline(40)
    def test_load_from_many_sides_stays_within_the_plan(self):
        clients = [self.client(timeout=20) for _ in range(8)]
        stream, topic = self.topic(clients[0], 4)
        failures = []

        def work(number, client):
            try:
                for _ in range(8):
                    client.send_messages(stream, topic, [bytes(1 << 20)] * 3,
                                         wire.to_partition(number % 4))
                    client.poll(stream, topic, number % 4, wire.LAST, count=8)
            except Exception as error:  # noqa: BLE001: reported by the test itself
                failures.append(repr(error))

        threads = [threading.Thread(target=work, args=pair, daemon=True)
                   for pair in enumerate(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(35)
        self.assertEqual(failures, [])
        self.assert_within_plan()


class SlowAndRude(Case):
    options = {"memory": "64M"}

    def others_are_served(self, seconds=2.0):
        """A well-behaved client's requests. Who waits for the rude ones waits for their deadlines,
        ten seconds and more: half of that is no question of how fast the machine is."""
        client = self.client(timeout=15)
        slowest, end = 0.0, time.monotonic() + seconds
        stream = self.name + "-others"
        if client.get_stream(stream) is None:
            client.create_stream(stream)
            client.create_topic(stream, "t")
        while time.monotonic() < end:
            begin = time.perf_counter()
            offset = client.send_messages(stream, "t", [b"x"] * 10)[3]
            client.poll(stream, "t", 0, wire.OFFSET, offset)
            slowest = max(slowest, time.perf_counter() - begin)
            time.sleep(0.005)
        self.assertLess(slowest, 5.0, "others wait for a rude client")

    def test_clients_that_send_one_byte_at_a_time_delay_nobody(self):
        client = self.client()
        stream, topic = self.topic(client)
        frame = client.send_frame(stream, topic, [bytes(100_000)])
        slow = [self.connect() for _ in range(100)]
        stop = threading.Event()

        def drip():
            for byte in frame:
                for connection in slow:
                    try:
                        connection.send(bytes([byte]))
                    except OSError:
                        pass
                if stop.wait(1):
                    return

        dripper = threading.Thread(target=drip, daemon=True)
        dripper.start()
        self.others_are_served(4)
        stop.set()
        dripper.join()
        self.assert_within_plan()

    @deadline(40)
    def test_announced_bodies_that_never_come_take_no_memory_from_others(self):
        """Each claims 15 MiB, sends a little of it, and stops."""
        claimants = [self.client() for _ in range(40)]
        stream, topic = self.topic(claimants[0])
        for client in claimants:
            frame = client.send_frame(stream, topic, [b"x"], size=15 << 20)
            client.send(frame)
        self.others_are_served(2)
        self.assert_within_plan()

    @deadline(60)
    def test_clients_that_never_read_delay_nobody_and_fit_the_plan(self):
        client = self.client()
        stream, topic = self.topic(client)
        for _ in range(16):
            client.send_messages(stream, topic, [bytes(1 << 20)])
        poll = wire.poll_body(stream, topic, 0, wire.FIRST, count=16)
        deaf = [self.client() for _ in range(120)]
        for each in deaf:
            frame = each.frame(wire.NON_REPLICATED, poll, code=wire.POLL)
            each.socket.settimeout(0.2)
            try:
                each.send(frame * 200)
            except TimeoutError:
                pass
            except ConnectionError:
                pass
        self.others_are_served(4)
        self.assert_within_plan()
        reader = deaf[0]
        reader.socket.settimeout(15)
        try:
            wire.decode_poll(reader.receive().payload())
        except Closed:
            pass  # hanging up on somebody who does not read is fair

    def test_clients_that_vanish_in_the_middle_leave_nothing_behind(self):
        client = self.client()
        stream, topic = self.topic(client)
        for _ in range(16):
            client.send_messages(stream, topic, [bytes(1 << 20)])
        number_of_clients = client.get_stats()["clients"]
        poll = wire.poll_body(stream, topic, 0, wire.FIRST, count=16)
        for turn in range(60):
            rude = Client(self.server.address).register()
            if turn % 3 == 0:
                rude.send(rude.frame(wire.NON_REPLICATED, poll, code=wire.POLL) * 5)
            elif turn % 3 == 1:
                rude.send(rude.send_frame(stream, topic, [bytes(1 << 20)])[:500_000])
            else:
                rude.send(rude.send_frame(stream, topic, [b"last words"]))
            rude.vanish()
        end = time.monotonic() + 30
        while client.get_stats()["clients"] > number_of_clients:
            self.assertLess(time.monotonic(), end, "vanished clients stay listed")
            time.sleep(0.02)
        self.others_are_served(1)
        self.assert_within_plan()

    def test_a_half_closed_connection_still_gets_its_answers(self):
        client = self.client()
        stream, topic = self.topic(client)
        frames = [client.send_frame(stream, topic, [b"%d" % i]) for i in range(20)]
        client.send(b"".join(frames))
        client.socket.shutdown(socket.SHUT_WR)
        answered = 0
        try:
            for _ in frames:
                self.assertEqual(client.receive().error, 0)
                answered += 1
        except Closed:
            pass  # not owed an answer, but what it sent whole may not be half done
        messages = self.client().poll_all(stream, topic)
        self.assertGreaterEqual(len(messages), answered)
        self.assertEqual([m.payload for m in messages], [b"%d" % i for i in range(len(messages))])

    def test_empty_polls_are_cheap_and_an_idle_server_rests(self):
        client = self.client()
        stream, topic = self.topic(client)
        frame = client.frame(wire.NON_REPLICATED, wire.poll_body(stream, topic, 0, wire.NEXT),
                             code=wire.POLL)
        before = self.server.processor_ticks()
        for _ in range(2000):
            client.send(frame)
            client.receive()
        ticks = self.server.processor_ticks() - before
        self.assertLess(ticks * 10_000_000 / os.sysconf("SC_CLK_TCK") / 2000 / 10, 400,
                        "microseconds of processor time an empty poll")
        time.sleep(0.5)
        before = self.server.processor_ticks()
        time.sleep(3)
        self.assertLessEqual(self.server.processor_ticks() - before, 3, "ticks in 3 idle seconds")


class ShortPatience(Case):
    """The same limits as always, set low enough to see them pass."""

    options = {"config": '[limits]\nframe_timeout = "3 s"\nsend_stall = "500 ms"\n'}

    def test_a_frame_that_is_not_completed_in_time_ends_its_connection(self):
        client = self.client()
        stream, topic = self.topic(client)
        frame = client.send_frame(stream, topic, [bytes(1000)])
        for length in (2, 100, 256, 700):
            with self.subTest(length=length):
                slow = self.client()
                slow.send(frame[:length])
                self.assertTrue(slow.is_closed_within(4))

    def test_one_byte_a_second_is_not_enough(self):
        slow = self.client()
        frame = slow.frame(wire.NON_REPLICATED, code=wire.PING)
        end = time.monotonic() + 30
        try:
            for byte in frame:
                self.assertLess(time.monotonic(), end, "a drip keeps the connection")
                slow.send(bytes([byte]))
                time.sleep(0.5)
        except OSError:
            pass

    def test_a_quiet_connection_stays(self):
        client = self.client()
        time.sleep(4)
        client.ping()

    def test_a_large_frame_may_take_longer_while_it_moves(self):
        client = self.client()
        stream, topic = self.topic(client)
        frame = client.send_frame(stream, topic, [bytes(1 << 20)])
        for start in range(0, len(frame), 1 << 18):
            client.send(frame[start:start + (1 << 18)])
            time.sleep(1)
        self.assertEqual(client.receive().error, 0)

    def test_a_reader_that_stalls_loses_its_connection_or_gets_it_all(self):
        client = self.client()
        stream, topic = self.topic(client)
        sent = [bytes([number]) * (1 << 20) for number in range(12)]
        for payload in sent:
            client.send_messages(stream, topic, [payload])
        reader = self.client()
        body = wire.poll_body(stream, topic, 0, wire.FIRST, count=12)
        for _ in range(4):
            reader.send(reader.frame(wire.NON_REPLICATED, body, code=wire.POLL))
        time.sleep(3)
        try:
            for _ in range(4):
                self.assertEqual(wire.decode_poll(reader.receive().payload()).payloads, sent)
        except Closed:
            pass


class Crowd:
    """Ten thousand sockets in one process: connects, logs in, keeps or drops them, and counts.

    One selector and a window, as a crowd is: everybody at once, but no more than the backlog. Who
    hears 58 (no place for a password hash is free) repeats the login, as released clients do."""

    def __init__(self, address):
        self.address = address
        self.selector = selectors.DefaultSelector()
        self.members, self.refusals, self.repeats = [], [], 0

    def _begin(self, number):
        member = socket.socket()
        member.setblocking(False)
        # Loopback has many addresses; one alone would run out of ports next to TIME_WAIT.
        member.bind((f"127.0.0.{2 + number % 8}", 0))
        member.connect_ex(self.address)
        login = wire.encode_request(wire.REGISTER, wire.register_body("iggy", "iggy"),
                                    client=struct.pack("<QQ", number + 1, 99))
        self.selector.register(member, selectors.EVENT_WRITE,
                               {"login": login, "send": login, "got": b"", "repeats": 0})

    def _repeat(self, member, state):
        self.repeats += 1
        state["repeats"] += 1
        state["send"], state["got"] = state["login"], b""
        self.selector.modify(member, selectors.EVENT_WRITE, state)

    def _advance(self, key):
        """True when this one is done, logged in or not."""
        member, state = key.fileobj, key.data
        try:
            if state["send"]:
                state["send"] = state["send"][member.send(state["send"]):]
                if not state["send"]:
                    self.selector.modify(member, selectors.EVENT_READ, state)
                return False
            data = member.recv(4096)
        except OSError as error:
            self.refusals.append(repr(error))
            return True
        state["got"] += data
        size = int.from_bytes(state["got"][48:52], "little")
        if data and (len(state["got"]) < 256 or len(state["got"]) < size):
            return False
        error = wire.Reply(state["got"][:256], state["got"][256:]).error if data else "closed"
        if error == 58 and state["repeats"] < 50:
            time.sleep(0.001)
            self._repeat(member, state)
            return False
        if error:
            self.refusals.append(error)
        return True

    def log_in(self, count, keep):
        begun, open_now = 0, 0
        while begun < count or open_now:
            while begun < count and open_now < IN_FLIGHT:
                self._begin(begun)
                begun, open_now = begun + 1, open_now + 1
            ready = self.selector.select(15)
            if not ready:
                self.refusals.append(f"{open_now} logins unanswered for 15 s")
                return
            for key, _ in ready:
                if self._advance(key):
                    self.selector.unregister(key.fileobj)
                    open_now -= 1
                    if keep:
                        self.members.append(key.fileobj)
                    else:
                        key.fileobj.close()

    def ping_all(self):
        """Returns how many answered."""
        frame = wire.encode_request(wire.NON_REPLICATED, client=struct.pack("<QQ", 1, 1),
                                    code=wire.PING, request=1)
        answered = 0
        for start in range(0, len(self.members), IN_FLIGHT):
            group = self.members[start:start + IN_FLIGHT]
            for member in group:
                member.setblocking(True)
                member.settimeout(15)
                member.sendall(frame)
            answered += sum(len(member.recv(256, socket.MSG_WAITALL)) == 256 for member in group)
        return answered

    def disperse(self):
        for member in self.members:
            member.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            member.close()
        self.members = []


class Crowds(Case):
    def setUp(self):
        super().setUp()
        if raise_descriptor_limit() < CROWD + 100:
            self.skipTest(f"this machine allows too few descriptors for {CROWD} connections")

    def crowd(self, server=None):
        crowd = Crowd((server or self.server).address)
        self.addCleanup(crowd.disperse)
        return crowd

    @deadline(60)
    def test_ten_thousand_connections_are_served_within_the_plan(self):
        crowd = self.crowd()
        crowd.log_in(CROWD, keep=True)
        self.assertEqual(crowd.refusals[:5], [])
        self.assertEqual(crowd.ping_all(), CROWD)
        client = self.client()
        self.assertEqual(client.get_stats()["clients"], CROWD + 1)
        self.assertEqual(len(client.get_clients()), CROWD + 1)
        stream, topic = self.topic(client)
        client.send_messages(stream, topic, [b"x"])
        self.assertEqual(len(client.poll(stream, topic).messages), 1)
        self.assert_within_plan()
        before = self.server.processor_ticks()
        time.sleep(2)
        self.assertLessEqual(self.server.processor_ticks() - before, 4, "ticks in 2 idle seconds")
        crowd.disperse()
        end = time.monotonic() + 60
        while client.get_stats()["clients"] > 1:
            self.assertLess(time.monotonic(), end, "the crowd has left and is still listed")
            time.sleep(0.05)

    @deadline(60)
    def test_a_storm_of_ten_thousand_reconnects_with_logins_is_served(self):
        crowd = self.crowd()
        others = self.client()
        crowd.log_in(CROWD, keep=False)
        self.assertEqual(crowd.refusals[:5], [])
        others.ping()
        self.assert_within_plan()

    @deadline(60)
    def test_everybody_may_come_back_at_once_after_a_crash(self):
        """No verified password is remembered by the new process: the first hash serves them all."""
        server = self.own_server()
        server.start()
        client = self.client(server)
        client.create_stream("kept")
        crowd = self.crowd(server)
        crowd.log_in(2000, keep=True)
        server.process.send_signal(signal.SIGKILL)
        server.wait_exit(5)
        crowd.disperse()
        server.tcp = "%s:%d" % server.address
        server.start()
        crowd.log_in(2000, keep=False)
        self.assertEqual(crowd.refusals[:5], [])
        self.assertIsNotNone(self.client(server).get_stream("kept"))


class Quotas(Case):
    options = {"config": "[limits]\nconnections_per_address = 3\nconnections_per_user = 2\n"}

    def test_an_address_and_a_user_have_as_many_connections_as_they_may(self):
        first = self.until_served()
        while first.get_stats()["clients"] > 1:  # who asked whether the server is there
            time.sleep(0.05)
        second, third = self.stranger(), self.stranger()
        second.register()
        self.refused(40, third.register)
        third.ping()
        self.assertTrue(self.connect().is_closed_within(10))
        first.logout()
        third.register()
        second.close()
        self.until_served()

    def stranger(self):
        client = Client(self.server.address)
        self.addCleanup(client.close)
        return client

    def until_served(self):
        """A place that was given up is free for the next, as soon as the server has noticed."""
        while True:
            try:
                return self.stranger().register()
            except (ConnectionError, Closed, wire.Refused):
                time.sleep(0.05)
