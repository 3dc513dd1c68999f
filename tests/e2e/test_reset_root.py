"""`levriero user reset-root`: another password for the root user, while no server runs; killed at
any moment the old one works or the new one, never neither."""

import os
import re
import subprocess
import time

from case import Case, deadline
from server import BINARY
from wire_client import Client
from wire_format import Refused

ROUNDS = 16


class ResetRoot(Case):
    @classmethod
    def setUpClass(cls):
        pass

    def begin(self, server, password=None, *flags):
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith(("IGGY_", "LEVRIERO_"))}
        if password:
            environment["LEVRIERO_ROOT_PASSWORD"] = password
        return subprocess.Popen(
            [str(BINARY), "user", "reset-root", "--data", str(server.data), *flags],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=environment)

    def reset(self, server, password=None, *flags):
        process = self.begin(server, password, *flags)
        output, errors = process.communicate(timeout=60)
        return process.returncode, output, errors

    def works(self, server, password):
        with Client(server.address) as client:
            try:
                client.register("iggy", password)
                return True
            except Refused:
                return False

    def stopped(self):
        server = self.own_server().start()
        client = self.client(server)
        client.create_stream("s")
        client.create_topic("s", "t", 1)
        client.send_messages("s", "t", [b"message"] * 3)
        server.stop()
        return server

    def test_the_new_password_works_and_the_old_one_does_not(self):
        server = self.stopped()
        code, output, errors = self.reset(server, "another-secret")
        self.assertEqual((code, errors), (0, ""))
        self.assertNotIn("another-secret", output)
        server.start()
        self.assertFalse(self.works(server, "iggy"))
        self.assertTrue(self.works(server, "another-secret"))
        with Client(server.address) as client:
            client.register("iggy", "another-secret")
            self.assertEqual(len(client.poll("s", "t").messages), 3)

    def test_without_one_a_password_is_made_and_shown_once(self):
        server = self.stopped()
        shown = set()
        for _ in range(2):
            code, output, _ = self.reset(server)
            self.assertEqual(code, 0)
            shown.add(re.search(r": (\S{24})$", output, re.M)[1])
        self.assertEqual(len(shown), 2)
        server.start()
        self.assertTrue(self.works(server, re.search(r": (\S{24})$", output, re.M)[1]))
        files = [path for path in server.data.rglob("*") if path.is_file()]
        self.assertFalse([path for path in files for each in shown
                          if each.encode() in path.read_bytes()], "a password is on the disk")

    def test_a_wrong_line_or_place_changes_nothing(self):
        server = self.stopped()
        code, output, errors = self.reset(server, "x")
        self.assertEqual((code, output), (1, ""))
        self.assertIn("3 to 100 bytes", errors)
        code, _, errors = self.reset(server, "another-secret", "--dta")
        self.assertEqual(code, 2)
        code, output, errors = self.reset(server, "another-secret", "--help")
        self.assertEqual((code, errors), (0, ""))
        self.assertIn("LEVRIERO_ROOT_PASSWORD", output)
        code, _, errors = self.reset(server, "another-secret", "--username", "somebody")
        self.assertEqual(code, 1)
        self.assertIn('the root user is "iggy"', errors)
        server.start()
        self.assertTrue(self.works(server, "iggy"))
        self.assertEqual(self.reset(server, "another-secret")[0], 1)
        self.assertTrue(self.works(server, "iggy"))

    @deadline(90)
    def test_killed_at_any_moment_one_password_works(self):
        server = self.stopped()
        begin = time.monotonic()
        self.assertEqual(self.reset(server, "iggy")[0], 0)
        span = time.monotonic() - begin
        password = "iggy"
        kept = {"old": 0, "new": 0}
        for number in range(ROUNDS):
            new = f"secret-{number}"
            process = self.begin(server, new)
            if number < ROUNDS - 1:
                time.sleep(span * 1.2 * number / (ROUNDS - 1))
                process.kill()
            process.communicate(timeout=60)
            server.start()
            old_works, new_works = self.works(server, password), self.works(server, new)
            self.assertNotEqual(old_works, new_works, f"killed in round {number}")
            kept["new" if new_works else "old"] += 1
            password = new if new_works else password
            server.stop()
        self.assertGreater(min(kept.values()), 0, f"the first and the last decide alike: {kept}")
