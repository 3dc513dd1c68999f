"""The shared library against the real server, by programs that know only its header."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from case import Case, deadline
from proxy import Proxy
from server import BINARY, PATIENCE, ROOT

LIBRARY = Path(os.environ.get("LIBRARY", BINARY.parent))  # a build of the library's own
SOAK_MESSAGES = int(os.environ.get("LIBRARY_MESSAGES", 0))  # make soak
PROGRAMS = LIBRARY / "tests/library"
EXAMPLES = BINARY.parent / "examples"


def text_of(address):
    return f"{address[0]}:{address[1]}"


class Library(Case):
    def load(self, address, pairs, seconds, *more):
        """Producers and consumers, started; `finish` judges them."""
        environment = dict(os.environ)
        program = (PROGRAMS / "library_load").read_bytes()
        if b"__asan_init" in program or b"__tsan_init" in program:
            environment["LIBRARY_LOAD_SANITIZED"] = "1"
        process = subprocess.Popen(
            [PROGRAMS / "library_load", text_of(address), str(pairs), str(seconds),
             *map(str, more)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
        self.addCleanup(lambda: (process.poll() is None and process.kill(), process.wait()))
        return process

    def finish(self, process, seconds=200):
        said, _ = process.communicate(timeout=seconds)
        self.assertEqual(process.returncode, 0, said)
        self.assertIn("each once and in order", said)
        return said

    def restart(self, server, proxy, end, seconds):
        """After a while the server ends in its way, and one on the same data takes its place."""
        time.sleep(seconds)
        end()
        server.start()
        proxy.upstream = server.address

    def test_every_call_is_answered_as_the_header_says(self):
        server = self.own_server().start()
        done = subprocess.run([PROGRAMS / "library_calls", text_of(server.address)],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    @deadline(60)
    def test_a_library_that_is_used_wrongly_says_so_and_goes_on(self):
        server = self.own_server().start()
        done = subprocess.run([PROGRAMS / "library_misuse", text_of(server.address)],
                              capture_output=True, text=True, timeout=150)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a_login_says_that_the_client_keeps_its_id(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(10 * PATIENCE)
            process = subprocess.Popen(
                [PROGRAMS / "library_calls", text_of(listener.getsockname())],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.addCleanup(lambda: (process.kill(), process.wait()))
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(10 * PATIENCE)
                header = connection.recv(256, socket.MSG_WAITALL)
        register = 1
        self.assertEqual((header[176], header[62]), (register, 1))

    @deadline(60)
    def test_eight_threads_with_clients_of_their_own(self):
        server = self.own_server().start()
        self.finish(self.load(server.address, 4, 2))

    @deadline(120)
    def test_a_server_that_is_killed_costs_no_message_and_doubles_none(self):
        server = self.own_server().start()
        with Proxy(server.address) as proxy:
            process = self.load(proxy.address, 3, 6)
            for _ in range(4):
                self.restart(server, proxy, server.kill, 1)
            self.finish(process)

    @deadline(120)
    def test_a_server_that_is_stopped_properly_and_started_again(self):
        server = self.own_server().start()
        with Proxy(server.address) as proxy:
            process = self.load(proxy.address, 2, 4)
            for _ in range(2):
                self.restart(server, proxy, server.stop, 1)
            self.finish(process)

    @deadline(120)
    def test_a_server_that_is_paused_longer_than_anyone_waits(self):
        server = self.own_server().start()
        process = self.load(server.address, 3, 7)
        for _ in range(2):
            time.sleep(0.5)
            server.process.send_signal(signal.SIGSTOP)
            time.sleep(3)  # a request may take 2 s
            server.process.send_signal(signal.SIGCONT)
        self.finish(process)

    def group(self, address, accidents, messages=20000, members=3, partitions=4):
        process = subprocess.Popen(
            [PROGRAMS / "library_group", text_of(address), str(members), str(partitions),
             str(messages), str(accidents)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(lambda: (process.poll() is None and process.kill(), process.wait()))
        return process

    def finish_group(self, process):
        said, _ = process.communicate(timeout=200)
        self.assertEqual(process.returncode, 0, said)
        self.assertIn("nothing lost, all in order", said)
        return said

    @deadline(120)
    def test_the_members_of_a_group_double_nothing_without_an_accident(self):
        server = self.own_server().start()
        said = self.finish_group(self.group(server.address, 0))
        self.assertIn(", 0 of them again", said)

    @deadline(120)
    def test_the_members_of_a_group_lose_nothing_when_the_server_is_killed(self):
        server = self.own_server().start()
        with Proxy(server.address) as proxy:
            process = self.group(proxy.address, 3)
            for _ in range(3):
                self.restart(server, proxy, server.kill, 0.7)
            self.finish_group(process)

    @deadline(120)
    def test_the_members_of_a_group_lose_nothing_when_the_server_is_started_again(self):
        server = self.own_server().start()
        with Proxy(server.address) as proxy:
            process = self.group(proxy.address, 3)
            for _ in range(3):
                self.restart(server, proxy, server.stop, 0.7)
            self.finish_group(process)

    @deadline(120)
    def test_the_members_of_a_group_lose_nothing_when_the_server_is_paused(self):
        server = self.own_server().start()
        process = self.group(server.address, 2)
        for _ in range(2):
            time.sleep(0.4)
            server.process.send_signal(signal.SIGSTOP)
            time.sleep(3)  # a request may take 2 s
            server.process.send_signal(signal.SIGCONT)
        self.finish_group(process)

    @deadline(120)
    def test_the_members_of_a_group_lose_nothing_in_a_network_that_cuts_and_delays(self):
        server = self.own_server().start()
        with Proxy(server.address, cut_every=80, delay=0.004) as proxy:
            process = self.group(proxy.address, 1000)  # a cut is an accident of one member
            said = self.finish_group(process)
            self.assertGreater(proxy.cuts, 5)
            again = int(re.search(r"(\d+) of them again", said)[1])
            self.assertLessEqual(again, proxy.cuts * 4 * 541)  # AGAIN_MAX of the program

    @deadline(120)
    def test_a_network_that_cuts_and_delays(self):
        server = self.own_server().start()
        with Proxy(server.address, cut_every=60, delay=0.004) as proxy:
            process = self.load(proxy.address, 3, 5)
            self.finish(process)
            self.assertGreater(proxy.cuts, 5)

    @deadline(60)
    def test_a_message_of_any_partition_comes_at_once(self):
        server = self.own_server(durability="memory").start()
        for partitions in (4, 16):
            with self.subTest(partitions):
                fresh = self.own_server(durability="memory").start()
                said = subprocess.run(
                    [PROGRAMS / "library_delay", text_of(fresh.address), str(partitions), "60"],
                    capture_output=True, text=True, timeout=120).stdout
                median = int(re.search(r"p50 (\d+) us", said)[1])
                # Partitions that are waited for in turn take 75,000 and more.
                self.assertLess(median, 20_000 * PATIENCE, said)

    @deadline(3600 if SOAK_MESSAGES else 120)
    def test_memory_stays_flat_over_many_messages(self):
        server = self.own_server().start()
        messages = SOAK_MESSAGES or 200_000
        seconds = 3000 if SOAK_MESSAGES else 60 * PATIENCE
        process = self.load(server.address, 2, seconds, 100, messages // 2)
        said = self.finish(process, seconds + 200)
        self.assertEqual(int(said.split()[0]), messages, said)
        if SOAK_MESSAGES:
            print(f"{said.strip()}; server at most {server.peak_bytes() >> 20} MiB", flush=True)


class Examples(Case):
    """Those of examples/, as their first lines say."""

    def example(self, name, *words, text=""):
        done = subprocess.run([EXAMPLES / name, text_of(self.server.address), *map(str, words)],
                              input=text, capture_output=True, text=True, timeout=60 * PATIENCE)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def lines(self, name, count):
        return "".join(f"{name} {i}\n" for i in range(count))

    def test_first_message(self):
        self.assertEqual(self.example("first_message"), "hello\n")
        self.assertEqual(self.example("first_message", "again"), "again\n")

    def test_lines_by_a_batching_producer_to_the_members_of_a_group(self):
        stream, topic = self.topic(self.client(), partitions=3)
        lines = self.lines("line", 2500)
        self.assertEqual(self.example("batching_producer", stream, topic, text=lines),
                         "2500 stored, 0 not\n")
        members = [subprocess.Popen(
            [EXAMPLES / "group_consumer", text_of(self.server.address), stream, topic, "g",
             str(2 * PATIENCE)], stdout=subprocess.PIPE, text=True) for _ in range(2)]
        got = [line.split(" ", 1)[1] for member in members
               for line in member.communicate(timeout=60 * PATIENCE)[0].splitlines()]
        self.assertEqual(set(got), set(lines.splitlines()))
        # What was stored is not read again.
        self.assertEqual(self.example("group_consumer", stream, topic, "g", 1), "")

    @deadline(60)
    def test_a_copy_that_is_killed_again_and_again_is_exact(self):
        source, target = self.server.scratch / "source", self.server.scratch / "target"
        source.write_bytes(os.urandom(20_000_000))
        command = [EXAMPLES / "exactly_once_copy", text_of(self.server.address), source, target]
        for seconds in (0.05, 0.1, 0.2, 0.3):
            process = subprocess.Popen(command)
            time.sleep(seconds)
            process.kill()
            process.wait()
        self.example("exactly_once_copy", source, target)
        self.assertEqual(target.read_bytes(), source.read_bytes())

    def test_a_loop_with_epoll(self):
        stream, topic = self.topic(self.client())
        lines = self.lines("line", 500)
        self.assertEqual(self.example("epoll_loop", stream, topic, text=lines), lines)

    def test_a_program_in_cpp(self):
        stream, topic = self.topic(self.client())
        self.assertEqual(self.example("tail", stream, topic, "a", "b c"), "a\nb c\n")

    def test_a_program_in_python_with_bindings_made_from_the_header(self):
        stream, topic = self.topic(self.client())
        if b"__asan_init" in BINARY.read_bytes():
            self.skipTest("a library with a sanitizer needs a Python with it")
        done = subprocess.run(
            [sys.executable, ROOT / "examples/python/tail.py", ROOT / "include/levriero.h",
             BINARY.parent / "include/liblevriero.so.0", text_of(self.server.address), stream,
             topic, "x", "y z"], capture_output=True, text=True, timeout=60 * PATIENCE)
        self.assertEqual((done.returncode, done.stdout), (0, "x\ny z\n"), done.stderr)

    def test_only_the_names_of_the_header_are_visible(self):
        header = (ROOT / "include/levriero.h").read_text()
        wanted = set(re.findall(r"LV_API [\w\s*]+?(lv_\w+)\(", header))
        for library, flags in (("liblevriero.so.0", "-D"), ("liblevriero.a", "-g")):
            names = subprocess.run(
                ["nm", flags, "--defined-only", BINARY.parent / "include" / library],
                capture_output=True, text=True, check=True).stdout
            found = {line.split()[2].split("@")[0] for line in names.splitlines()
                     if len(line.split()) == 3 and line.split()[1] in "TDBR"}
            self.assertEqual(found, wanted)
