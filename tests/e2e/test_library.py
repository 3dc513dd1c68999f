"""The shared library against the real server, by programs that know only its header."""

import os
import signal
import subprocess
import time

from case import Case, deadline
from proxy import Proxy
from server import BINARY, PATIENCE

PROGRAMS = BINARY.parent / "tests/library"


def text_of(address):
    return f"{address[0]}:{address[1]}"


class Library(Case):
    def load(self, address, pairs, seconds, *more):
        """Producers and consumers, started; `finish` judges them."""
        environment = dict(os.environ)
        program = BINARY.read_bytes()
        if b"__asan_init" in program or b"__tsan_init" in program:
            environment["LIBRARY_LOAD_SANITIZED"] = "1"
        process = subprocess.Popen(
            [PROGRAMS / "library_load", text_of(address), str(pairs), str(seconds),
             *map(str, more)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
        self.addCleanup(lambda: (process.poll() is None and process.kill(), process.wait()))
        return process

    def finish(self, process):
        said, _ = process.communicate(timeout=200)
        self.assertEqual(process.returncode, 0, said)
        self.assertIn("each once and in order", said)
        return said

    def test_every_call_is_answered_as_the_header_says(self):
        server = self.own_server().start()
        done = subprocess.run([PROGRAMS / "library_calls", text_of(server.address)],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

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
                time.sleep(1)
                server.kill()
                server.start()
                proxy.upstream = server.address
            self.finish(process)

    @deadline(120)
    def test_a_server_that_is_stopped_properly_and_started_again(self):
        server = self.own_server().start()
        with Proxy(server.address) as proxy:
            process = self.load(proxy.address, 2, 4)
            for _ in range(2):
                time.sleep(1)
                server.stop()
                server.start()
                proxy.upstream = server.address
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

    @deadline(120)
    def test_a_network_that_cuts_and_delays(self):
        server = self.own_server().start()
        with Proxy(server.address, cut_every=60, delay=0.004) as proxy:
            process = self.load(proxy.address, 3, 5)
            self.finish(process)
            self.assertGreater(proxy.cuts, 5)

    @deadline(120)
    def test_memory_stays_flat_over_many_messages(self):
        server = self.own_server().start()
        messages = int(os.environ.get("LIBRARY_MESSAGES", 100_000))
        self.finish(self.load(server.address, 2, 60 * PATIENCE, 100, messages))
