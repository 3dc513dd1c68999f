"""What every test here stands on: one server a class, a deadline a test, no forgotten sockets."""

import signal
import time
import unittest

from server import PATIENCE, Server
from wire_client import Client, Connection
from wire_format import Refused

DEADLINE_SECONDS = 20


class DeadlinePassed(BaseException):
    """Not an Exception, so that no test can mistake a hang for something it expected."""


def deadline(seconds):
    """For the few tests that need more than the usual 20 s."""
    def mark(function):
        function.deadline_seconds = seconds
        return function
    return mark


def _ring(*_):
    raise DeadlinePassed("the deadline of this test has passed: something hangs")


class Case(unittest.TestCase):
    """Tests that need no server of their own share one; it must survive them all."""

    options = {}
    server = None

    @classmethod
    def setUpClass(cls):
        cls.server = Server(**cls.options).start()

    @classmethod
    def tearDownClass(cls):
        server = cls.server
        if server is None:
            return
        try:
            if not server.is_running():
                raise AssertionError(f"the server died: {server.process.returncode}"
                                     f"\n{server.story()}")
            peak = server.peak_bytes()
            server.stop()
            if server.screams():
                raise AssertionError(f"the server complained:\n{server.story()}")
            if peak > server.allowed_bytes():
                raise AssertionError(f"{peak >> 20} MiB resident, plan is {server.memory}")
        finally:
            server.discard()

    def run(self, result=None):
        function = getattr(self, self._testMethodName)
        signal.signal(signal.SIGALRM, _ring)
        seconds = getattr(function, "deadline_seconds", DEADLINE_SECONDS)
        signal.setitimer(signal.ITIMER_REAL, seconds * PATIENCE)
        try:
            return super().run(result)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def setUp(self):
        self.name = self._testMethodName.removeprefix("test_")[-60:]

    def own_server(self, **fields):
        """A server for this test alone."""
        server = Server(**fields)
        self.addCleanup(server.discard)
        return server

    def connect(self, server=None, **fields):
        connection = Connection((server or self.server).address, **fields)
        self.addCleanup(connection.close)
        return connection

    def client(self, server=None, **fields):
        client = Client((server or self.server).address, **fields)
        self.addCleanup(client.close)
        return client.register()

    def topic(self, client, partitions=1, pairs=None):
        """A stream named after the test, holding the topic `t`."""
        client.create_stream(self.name)
        client.create_topic(self.name, "t", partitions, pairs)
        return self.name, "t"

    def refused(self, numbers, call, *arguments, **fields):
        """`call` must be refused with exactly this number (or one of these)."""
        numbers = numbers if isinstance(numbers, (set, tuple)) else {numbers}
        try:
            value = call(*arguments, **fields)
        except Refused as refusal:
            self.assertIn(refusal.number, numbers)
            return refusal.reply
        self.fail(f"accepted with {value!r}, expected error {sorted(numbers)}")

    def wait_until(self, condition):
        """For what happens soon by itself; the test's deadline ends a wait in vain."""
        while not condition():
            time.sleep(0.01)

    def assert_well(self, server=None):
        """After abuse: still there, and a new client is served."""
        server = server or self.server
        self.assertTrue(server.is_running(), server.story())
        with Client(server.address, timeout=5) as client:
            client.register()
            client.ping()

    def assert_within_plan(self, server=None):
        server = server or self.server
        self.assertLessEqual(server.peak_bytes() >> 20, server.allowed_bytes() >> 20,
                             "MiB resident, more than plan + 16 MiB")


def sentence(test):
    method = getattr(test, "_testMethodName", None)
    if method is None:
        return str(test)
    return method.removeprefix("test_").replace("_", " ")
