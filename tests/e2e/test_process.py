"""The server as a process: starting, refusing to start, stopping, coming back."""

import ctypes
import fcntl
import os
import signal
import socket
import struct
import threading
import time
import unittest

import wire_format as wire
from case import Case, deadline
from server import BINARY, Server
from wire_client import Client, Closed
from wire_format import Refused


def is_read(sock):
    """Has the server taken everything this socket sent? By the kernel's table of its own end."""
    port, peer = sock.getpeername()[1], sock.getsockname()[1]
    with open("/proc/net/tcp", encoding="ascii") as table:
        for fields in map(str.split, list(table)[1:]):
            ends = [int(end.split(":")[1], 16) for end in fields[1:3]]
            if ends == [port, peer]:
                return int(fields[4].split(":")[1], 16) == 0
    return False


class OwnServer(Case):
    """Every test here starts its own."""

    @classmethod
    def setUpClass(cls):
        pass

    def started(self, **fields):
        return self.own_server(**fields).start()

    def refuses_to_start(self, server, *words):
        """Ends by itself, quickly, with a code and a sentence that names what is wrong."""
        server.launch()
        code = server.wait_exit(5)
        self.assertGreater(code, 0, f"ended with {code}\n{server.story()}")
        said = server.text().lower()
        for word in words:
            self.assertIn(str(word).lower(), said)
        self.assertEqual(server.screams(), [])


class Starting(OwnServer):
    def test_the_port_is_printed_and_written_down(self):
        server = self.started()
        self.assertIn(str(server.address[1]), server.text())
        mode = (server.data / "runtime/current_config.toml").stat().st_mode
        self.assertEqual(mode & 0o077, 0, "others may read the configuration")

    def test_an_ipv6_address_is_advertised_without_its_brackets(self):
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError:
            self.skipTest("this machine has no IPv6 on its loopback")
        server = self.started(tcp="[::1]:0")
        node = self.client(server).get_cluster()["nodes"][0]
        self.assertEqual((node["ip"], node["tcp"]), server.address)

    def test_an_empty_server_is_ready_at_once_and_small(self):
        begin = time.perf_counter()
        server = self.started()
        self.assertLess(time.perf_counter() - begin, 5.0)
        self.client(server)
        self.assertLess(server.resident_bytes() >> 20, 40, "MiB resident when idle")

    def test_the_plan_of_the_memory_is_printed(self):
        text = self.started(memory="128M").text().lower()
        self.assertIn("memory", text)
        self.assertIn("plan", text)

    def test_too_little_memory_is_refused(self):
        for memory in ("63M", "1M", "0", "lots"):
            with self.subTest(memory=memory):
                self.refuses_to_start(self.own_server(memory=memory), "memory")

    def test_cores_out_of_range_are_refused(self):
        for cores in (-1, "many", 100_000):
            with self.subTest(cores=cores):
                self.refuses_to_start(self.own_server(cores=cores), "cores")

    def test_an_unknown_flag_is_refused_and_the_nearest_suggested(self):
        for flag, nearest in (("--durabilty", "--durability"), ("--memry", "--memory"),
                              ("--tpc", "--tcp")):
            with self.subTest(flag=flag):
                self.refuses_to_start(self.own_server(flags=[flag, "x"]), flag, nearest)

    def test_a_wrong_value_of_a_flag_is_refused_by_name(self):
        self.refuses_to_start(self.own_server(durability="mostly"), "durability", "mostly")
        self.refuses_to_start(self.own_server(tcp="localhost-8090"), "localhost-8090")
        self.refuses_to_start(self.own_server(tcp="127.0.0.1:99999"), "99999")
        self.refuses_to_start(self.own_server(flags=["--log-level", "loud"]), "loud")

    def test_a_typo_in_the_configuration_is_refused_and_the_nearest_suggested(self):
        server = self.own_server(config='[tcp]\nadress = "127.0.0.1:0"\n')
        self.refuses_to_start(server, "adress", "address", "levriero.toml")
        server = self.own_server(config='[tpc]\naddress = "127.0.0.1:0"\n')
        self.refuses_to_start(server, "tpc", "tcp")

    def test_a_broken_configuration_is_refused_with_its_line(self):
        self.refuses_to_start(self.own_server(config="[tcp]\naddress = \n"), "levriero.toml", "2")
        server = self.own_server(config='[durability]\nflush_interval = "mostly"\n')
        self.refuses_to_start(server, "flush_interval", "mostly")
        server = self.own_server(flags=["--config", "/does/not/exist.toml"])
        self.refuses_to_start(server, "/does/not/exist.toml")

    def test_flags_win_over_environment_and_environment_over_file(self):
        text = '[tcp]\naddress = "127.0.0.1:1"\n'
        server = self.own_server(config=text,
                                 environment={"LEVRIERO_TCP_ADDRESS": "127.0.0.1:2"})
        server.start()  # the flag says 127.0.0.1:0; ports 1 and 2 need privileges or luck
        self.assertGreater(server.address[1], 1024)

    def test_our_environment_wins_over_the_references(self):
        server = self.own_server(environment={"LEVRIERO_TCP_ADDRESS": "127.0.0.1:0",
                                              "IGGY_TCP_ADDRESS": "127.0.0.1:1"})
        server.command = lambda: [part for part in Server.command(server)
                                  if part not in ("--tcp", "127.0.0.1:0")]
        server.start()
        self.assertGreater(server.address[1], 1024)

    def test_an_unknown_variable_of_the_reference_is_one_warning(self):
        server = self.started(environment={"IGGY_TPC_ADDRESS": "127.0.0.1:1"})
        self.assertEqual(server.text().count("IGGY_TPC_ADDRESS"), 1)

    def test_it_starts_as_the_suites_of_the_reference_start_a_server(self):
        """By its name, from the environment alone; ready when the file with the port is there."""
        server = self.own_server(environment={
            "IGGY_TCP_ADDRESS": "127.0.0.1:0", "IGGY_HTTP_ADDRESS": "127.0.0.1:0",
            "IGGY_QUIC_ADDRESS": "127.0.0.1:0", "IGGY_WEBSOCKET_ADDRESS": "127.0.0.1:0",
            "IGGY_ROOT_USERNAME": "iggy", "IGGY_ROOT_PASSWORD": "iggy"})
        server.environment["IGGY_SYSTEM_PATH"] = str(server.data)
        name = server.scratch / "iggy-server"
        name.symlink_to(BINARY.absolute())
        server.command = lambda: [str(name), "-c", "file", "-f"]
        server.start()
        self.client(server).ping()
        self.assertEqual(server.text().count("http.*"), 1)

    def test_a_file_of_the_reference_is_used_as_it_is(self):
        server = self.started(config="""
            [http]
            enabled = true
            [http.cors]
            allowed_methods = ["GET", "POST"]
            [tcp.tls]
            enabled = false
            [system.segment]
            size = "1 MB"
            cache_indexes = "open_segment"
            [[cluster.nodes]]
            name = "iggy-node-1"
            """)
        self.assertIn("without meaning here", server.text())
        self.refuses_to_start(self.own_server(config="[tcp.tls]\nenabled = true\n"),
                              "tcp.tls.enabled", "only be false")

    def test_a_port_in_use_by_anybody_is_refused(self):
        for reuse in (False, True):
            with self.subTest(reuse_port=reuse), socket.socket() as holder:
                if reuse:
                    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                holder.bind(("127.0.0.1", 0))
                holder.listen()
                port = holder.getsockname()[1]
                self.refuses_to_start(self.own_server(tcp=f"127.0.0.1:{port}"), port)

    def test_a_port_in_use_by_another_server_of_ours_is_refused(self):
        first = self.started()
        self.refuses_to_start(self.own_server(tcp="%s:%d" % first.address), first.address[1])
        self.client(first)

    def test_a_port_that_is_bound_but_not_listened_on_is_taken(self):
        """Test harnesses reserve ports that way, with SO_REUSEPORT."""
        with socket.socket() as holder:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            holder.bind(("127.0.0.1", 0))
            server = self.started(tcp="127.0.0.1:%d" % holder.getsockname()[1])
            self.client(server)

    def test_the_port_is_free_again_after_a_crash_with_open_connections(self):
        server = self.started()
        client = self.client(server)
        server.kill()
        server.tcp = "%s:%d" % server.address
        server.start()
        client.close()
        self.client(server)

    def test_two_processes_on_one_data_directory_are_refused(self):
        first = self.started()
        second = self.own_server(data=first.data)
        keep = first.data / "runtime/current_config.toml"
        text = keep.read_text()
        self.refuses_to_start(second, first.data, "another server")
        keep.write_text(text)
        client = self.client(first)
        client.create_stream(self.name)
        fresh = self.own_server(data=first.data, flags=["--fresh"])
        self.refuses_to_start(fresh, first.data)
        self.assertIsNotNone(client.get_stream(self.name), "--fresh wiped a live server's data")

    def test_a_fresh_start_that_is_refused_removes_nothing(self):
        server = self.started()
        self.client(server).create_stream("old")
        server.stop()
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            server.tcp = "127.0.0.1:%d" % holder.getsockname()[1]
            server.flags.append("--fresh")
            self.refuses_to_start(server, "another server listens there")
        server.flags.remove("--fresh")
        server.tcp = "127.0.0.1:0"
        server.start()
        self.assertIsNotNone(self.client(server).get_stream("old"))

    def test_fresh_starts_without_what_was_there(self):
        server = self.started()
        self.client(server).create_stream("old")
        server.stop()
        server.flags.append("--fresh")
        server.start()
        self.assertEqual(self.client(server).get_streams(), [])

    def test_fresh_does_not_wipe_a_directory_that_is_not_ours(self):
        server = self.own_server(flags=["--fresh"])
        server.data.mkdir()
        (server.data / "thesis.tex").write_text("three years of work")
        server.launch()
        try:
            server.wait_exit(2)
        except AssertionError:
            pass
        self.assertTrue((server.data / "thesis.tex").exists(), "a stranger's file was deleted")

    def test_a_data_directory_of_the_reference_is_refused(self):
        server = self.own_server()
        (server.data / "state").mkdir(parents=True)
        (server.data / "state/log").write_bytes(bytes(1000))
        (server.data / "streams/0/topics/0/partitions/0").mkdir(parents=True)
        self.refuses_to_start(server, server.data, "iggy")

    def test_a_data_directory_of_another_version_is_refused(self):
        """The control log's format version, which keeps its place in every version to come."""
        server = self.started()
        self.client(server).create_stream("s")
        server.stop()
        for path in server.data.glob("control/*/log.*"):
            block = bytearray(path.read_bytes()[:4096])
            block[8:16] = struct.pack("<II", 77, 0)
            block[12:16] = struct.pack("<I", crc32c(block))
            with path.open("r+b") as file:
                file.write(block)
        self.refuses_to_start(server, "version 77")

    @unittest.skipUnless(os.geteuid() == 0, "only root can give a directory away")
    def test_a_data_directory_of_another_owner_is_refused(self):
        server = self.started()
        server.stop()
        os.chown(server.data, 65534, 65534)
        self.refuses_to_start(server, server.data, "owner")

    def test_a_data_directory_that_cannot_be_made_is_refused(self):
        server = self.own_server(data="/proc/no/such/place")
        self.refuses_to_start(server, "/proc/no", "cannot be created")

    def test_a_password_is_generated_and_printed_once(self):
        server = self.own_server()
        server.command = lambda: [part for part in Server.command(server)
                                  if part != "--with-default-root-credentials"]
        server.start()
        # Printed when it holds, which is a hash after the port is served.
        until = time.monotonic() + 5
        while "password:" not in server.text() and time.monotonic() < until:
            time.sleep(0.01)
        line = next(line for line in server.text().splitlines() if "password:" in line)
        password = line.rsplit(None, 1)[1]
        self.assertGreaterEqual(len(password), 20)
        self.refused(42, self.connect_only(server).register)
        self.connect_only(server).register("iggy", password)
        server.stop()
        server.start()
        self.assertEqual(server.text().count(password), 1)
        self.connect_only(server).register("iggy", password)

    def connect_only(self, server):
        client = Client(server.address)
        self.addCleanup(client.close)
        return client

    def test_root_may_come_from_the_environment(self):
        server = self.own_server(environment={"IGGY_ROOT_USERNAME": "captain",
                                              "IGGY_ROOT_PASSWORD": "s3cret-word"})
        server.start()
        self.connect_only(server).register("captain", "s3cret-word")
        self.refused(42, self.connect_only(server).register, "iggy", "iggy")
        half = self.own_server(environment={"IGGY_ROOT_USERNAME": "captain"})
        half.command = lambda: [part for part in Server.command(half)
                                if part != "--with-default-root-credentials"]
        self.refuses_to_start(half, "ROOT_PASSWORD")


def crc32c(data):
    """Slow and short: only headers pass through here."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


class Surroundings(OwnServer):
    def test_systemd_is_told_when_it_is_ready_and_when_it_stops(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
            server = self.own_server()
            path = str(server.scratch / "notify")
            told.bind(path)
            told.settimeout(5)
            server.environment["NOTIFY_SOCKET"] = path
            server.start()
            self.assertIn(b"READY=1", told.recv(4096))
            server.stop()
            words = b""
            while b"STOPPING=1" not in words:
                words = told.recv(4096)

    def test_without_io_uring_it_says_why_and_what_to_do(self):
        """The way container profiles refuse it: the system call answers `not permitted`."""
        server = self.own_server()
        server.before_exec = refuse_io_uring
        self.refuses_to_start(server, "io_uring")


def refuse_io_uring():
    """A seccomp filter: system call 425, io_uring_setup, ends in EPERM; all others pass."""
    def instruction(code, true, false, value):
        return struct.pack("<HBBI", code, true, false, value)
    program = (instruction(0x20, 0, 0, 0)            # load the number of the call
               + instruction(0x15, 0, 1, 425)        # is it io_uring_setup?
               + instruction(0x06, 0, 0, 0x50001)    # then EPERM
               + instruction(0x06, 0, 0, 0x7FFF0000))
    buffer = ctypes.create_string_buffer(program, len(program))
    filter_ = struct.pack("<HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(38, 1, 0, 0, 0)  # no new privileges, which filters of non-root need
    if libc.prctl(22, 2, ctypes.c_char_p(filter_), 0, 0) != 0:
        os._exit(70)


class Stopping(OwnServer):
    def test_sigterm_ends_an_idle_server_at_once_with_0(self):
        """Before the drain would be ended by its deadline. A busy machine may miss that once."""
        for _ in range(3):
            server = self.started()
            self.client(server)
            begin = time.monotonic()
            server.stop()
            seconds = time.monotonic() - begin
            if seconds < 2:
                return
        self.fail(f"{seconds:.1f} s for nothing")

    def test_sigint_ends_it_as_well(self):
        server = self.started()
        server.process.send_signal(signal.SIGINT)
        self.assertEqual(server.wait_exit(5), 0)

    def test_sigterm_drains_what_was_begun(self):
        """Everything acknowledged is there after the restart; nothing is there twice."""
        server = self.started()
        clients = [self.client(server, timeout=8) for _ in range(4)]
        clients[0].create_stream("s")
        clients[0].create_topic("s", "t", 4)
        acknowledged = [0] * 4

        def send(number, client):
            try:
                while True:
                    client.send_messages("s", "t", [b"%d" % acknowledged[number]],
                                         wire.to_partition(number))
                    acknowledged[number] += 1
            except (Closed, OSError, Refused):
                pass

        threads = [threading.Thread(target=send, args=pair, daemon=True)
                   for pair in enumerate(clients)]
        for thread in threads:
            thread.start()
        while min(acknowledged) == 0:
            time.sleep(0.01)
        time.sleep(0.5)
        server.stop()
        for thread in threads:
            thread.join(30)
        server.start()
        client = self.client(server)
        for number in range(4):
            payloads = [m.payload for m in client.poll_all("s", "t", number)]
            self.assertEqual(payloads, [b"%d" % i for i in range(len(payloads))])
            self.assertIn(len(payloads) - acknowledged[number], (0, 1))

    def test_sigterm_does_not_wait_for_the_rude(self):
        server = self.started()
        client = self.client(server)
        client.create_stream("s")
        client.create_topic("s", "t")
        for _ in range(8):
            client.send_messages("s", "t", [bytes(1 << 20)])
        poll = wire.poll_body("s", "t", 0, wire.FIRST, count=8)
        for _ in range(20):
            deaf = self.client(server)
            deaf.send(deaf.frame(wire.NON_REPLICATED, poll, code=wire.POLL) * 20)
            half = self.client(server)
            half.send(half.send_frame("s", "t", [bytes(100_000)])[:50_000])
        time.sleep(0.3)
        server.stop()

    def test_a_log_that_nobody_reads_holds_nothing_up(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        self.addCleanup(os.close, writer)
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        server = self.own_server(flags=["--log-level", "debug"])
        server.before_exec = lambda: os.dup2(writer, 2)
        server.start()
        for _ in range(100):  # a line each
            self.client(server).close()
        self.client(server).ping()
        server.stop()

    def test_signals_that_come_together_are_one_wish_to_stop(self):
        """Ctrl-C in a terminal: once from there, once more from the script around the server."""
        server = self.started()
        self.client(server).create_stream("s")
        server.process.send_signal(signal.SIGINT)
        server.process.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait_exit(5), 0, server.story())
        self.assertNotIn("before everything was drained", server.text())
        server.start()
        self.assertIsNotNone(self.client(server).get_stream("s"))

    def test_a_second_signal_does_not_wait_for_the_drain(self):
        server = self.started()
        client = self.client(server)
        client.create_stream("s")
        client.create_topic("s", "t")
        client.send(client.send_frame("s", "t", [bytes(100_000)])[:50_000])  # holds the drain up
        self.wait_until(lambda: is_read(client.socket))
        server.process.send_signal(signal.SIGTERM)
        self.wait_until(lambda: "levriero: stopping" in server.text())
        time.sleep(1)  # within half a second it would be the same wish
        self.assertTrue(server.is_running())
        server.process.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait_exit(5), 1, server.story())
        server.start()
        self.assertIsNotNone(self.client(server).get_stream("s"))


class ComingBack(OwnServer):
    def filled(self, server):
        """One of everything; returns what a reader should find again."""
        client = self.client(server)
        client.create_stream("gone")
        client.create_stream("kept")
        client.create_stream("renamed-later")
        client.update_stream("renamed-later", "renamed")
        client.delete_stream("gone")
        client.create_topic("kept", "plain", 2)
        client.create_topic("kept", "special", 1, {"message_expiry": 86_400_000_000,
                                                   "compression_algorithm": "gzip",
                                                   "segment_size": 1 << 20,
                                                   "durability": "persisted"})
        client.create_topic("kept", "purged", 1)
        client.send_messages("kept", "purged", [b"old"] * 5)
        client.purge_topic("kept", "purged")
        client.send_messages("kept", "purged", [b"new"])
        client.create_partitions("kept", "plain", 1)
        for i in range(50):
            client.send_messages("kept", "plain", [b"%d-%d" % (i, j) for j in range(7)],
                                 wire.to_partition(i % 3))
        for _ in range(4):
            client.send_messages("kept", "special", [bytes(700_000)])
        client.store_offset("kept", "plain", 0, 11)
        client.store_offset("kept", "plain", 1, 5)
        client.delete_offset("kept", "plain", 1)
        client.store_offset("kept", "plain", 2, 40, who="reader")
        client.poll("kept", "special", 0, wire.NEXT, count=2, auto_commit=True, who=3)
        return client

    def seen(self, client):
        messages = {}
        for topic, partitions in (("plain", 3), ("special", 1), ("purged", 1)):
            for partition in range(partitions):
                messages[topic, partition] = [
                    (m.offset, m.timestamp, m.id, m.payload)
                    for m in client.poll_all("kept", topic, partition)]
        offsets = [client.get_offset("kept", "plain", partition, who)
                   for partition in range(3) for who in (1, 3, "reader")]
        offsets.append(client.get_offset("kept", "special", 0, 3))
        streams = [client.get_stream(each["id"]) for each in client.get_streams()]
        topics = [client.get_topic("kept", each) for each in ("plain", "special", "purged")]
        return messages, offsets, streams, topics

    def comes_back(self, end, **fields):
        server = self.started(**fields)
        client = self.filled(server)
        before = self.seen(client)
        session = client.session
        for _ in range(2):
            end(server)
            server.start()
            client = self.client(server)
            for was, now in zip(before, self.seen(client)):
                self.assertEqual(was, now)
            self.assertGreater(client.session, session, "sessions rise over restarts")
            session = client.session
        self.assertEqual(client.send_messages("kept", "purged", [b"next"])[3], 1)
        self.assertEqual(client.create_stream("again")["id"], 0, "the lowest free number")
        self.assertEqual(server.screams(), [])

    @deadline(40)
    def test_everything_is_there_after_a_stop(self):
        self.comes_back(Server.stop)

    @deadline(40)
    def test_everything_acknowledged_is_there_after_a_kill(self):
        self.comes_back(Server.kill)

    @deadline(40)
    def test_everything_is_there_after_a_stop_at_level_os(self):
        self.comes_back(Server.stop, durability="os")

    @deadline(40)
    def test_everything_is_there_after_a_kill_at_level_os(self):
        self.comes_back(Server.kill, durability="os")

    @deadline(40)
    def test_everything_is_there_after_a_stop_at_level_memory(self):
        self.comes_back(Server.stop, durability="memory")

    @deadline(60)
    def test_the_number_of_cores_may_change_between_starts(self):
        server = self.started(cores=1)
        before = self.seen(self.filled(server))
        for cores in (8, 2, 1):
            server.stop()
            server.cores = cores
            server.start()
            for was, now in zip(before, self.seen(self.client(server))):
                self.assertEqual(was, now)

    def test_a_password_of_the_first_start_stays(self):
        server = self.started()
        self.client(server)
        server.stop()
        server.environment = {"IGGY_ROOT_USERNAME": "captain", "IGGY_ROOT_PASSWORD": "s3cret-word"}
        server.start()
        self.client(server)


class Cores(OwnServer):
    def agrees_on(self, cores):
        """Every connection, whichever core it lives on, sees what another was just told."""
        server = self.started(cores=cores)
        clients = [self.client(server) for _ in range(12)]
        for turn in range(24):
            writer, stream = clients[turn % 12], f"s{turn}"
            writer.create_stream(stream)
            writer.create_topic(stream, "t", 5)
            for reader in clients:
                self.assertEqual(len(reader.get_topic(stream, "t")["partitions"]), 5)
            partition = turn % 5
            writer.send_messages(stream, "t", [b"x"] * 3, wire.to_partition(partition))
            for reader in clients:
                self.assertEqual(len(reader.poll(stream, "t", partition).messages), 3)
            writer.store_offset(stream, "t", partition, 1)
            self.assertEqual({reader.get_offset(stream, "t", partition) for reader in clients},
                             {(partition, 2, 1)})
            if turn % 3 == 0:
                clients[(turn + 5) % 12].delete_stream(stream)
                self.assertEqual([reader.get_stream(stream) for reader in clients], [None] * 12)
        stats = clients[3].get_stats()
        self.assertEqual((stats["streams"], stats["messages"], stats["clients"]), (16, 48, 12))
        self.assertEqual(len(clients[7].get_clients()), 12)
        server.stop()
        self.assertEqual(server.screams(), [])

    def test_one_core_agrees_with_itself(self):
        self.agrees_on(1)

    def test_two_cores_agree(self):
        self.agrees_on(2)

    def test_eight_cores_agree(self):
        self.agrees_on(8)

    @deadline(40)
    def test_racing_creators_of_one_name_have_one_winner(self):
        server = self.started(cores=8)
        clients = [self.client(server) for _ in range(8)]
        for turn in range(20):
            for client in clients:
                client.send(client.frame(wire.CREATE_STREAM, wire.name(f"race{turn}")))
            errors = sorted(client.receive().error for client in clients)
            self.assertEqual(errors, [0] + [1012] * 7)

    @deadline(40)
    def test_eight_writers_to_one_partition_leave_no_gap(self):
        server = self.started(cores=8)
        clients = [self.client(server) for _ in range(8)]
        clients[0].create_stream("s")
        clients[0].create_topic("s", "t")
        for client in clients:
            client.send(b"".join(client.send_frame("s", "t", [b"x"] * 3) for _ in range(50)))
        bases = sorted(wire.confirmation(client.receive().payload())[3]
                       for client in clients for _ in range(50))
        self.assertEqual(bases, list(range(0, 1200, 3)))
        self.assertEqual([m.offset for m in clients[0].poll_all("s", "t")], list(range(1200)))
