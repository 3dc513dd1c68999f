"""Data directories of every format there ever was, opened by the server of today."""

import json
import subprocess
import tarfile
from pathlib import Path

import wire_format as wire
from case import Case
from golden_data import ENCRYPTED, facts_of
from server import BINARY

GOLDEN = Path(__file__).resolve().parents[1] / "golden/data"


class GoldenDirectories(Case):
    @classmethod
    def setUpClass(cls):
        pass

    def unpacked(self, name, **fields):
        server = self.own_server(**fields)
        with tarfile.open(GOLDEN / f"{name}.tar.xz") as tar:
            tar.extractall(server.scratch)
        for path in server.data.rglob("*"):
            path.chmod(0o700 if path.is_dir() else 0o600)
        return server, json.loads((GOLDEN / f"{name}.json").read_text())

    def assert_sound(self, server):
        done = subprocess.run([str(BINARY), "doctor", "--data", str(server.data), "--json"],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def assert_serves(self, server, expected):
        with self.client(server) as client:
            found = facts_of(client)
        self.assertEqual(json.dumps(found, indent=1), json.dumps(expected, indent=1))

    def test_there_is_one_and_each_has_its_facts(self):
        archives = {path.name.removesuffix(".tar.xz") for path in GOLDEN.glob("*.tar.xz")}
        self.assertIn("format-1", archives)
        for name in archives:
            self.assertTrue((GOLDEN / f"{name}.json").exists(), name)

    def test_a_directory_of_format_1_is_sound_and_serves_all_it_held(self):
        server, expected = self.unpacked("format-1")
        self.assert_sound(server)
        server.start()
        self.assert_serves(server, expected)
        server.stop()
        self.assert_sound(server)

    def test_a_directory_of_format_1_opens_with_other_cores_and_without_direct_writes(self):
        server, expected = self.unpacked("format-1", cores=1, memory="64M")
        server.use_config("[durability]\ndirect = false\n")
        server.start()
        self.assert_serves(server, expected)
        server.kill()
        server.cores = 4
        server.start()
        self.assert_serves(server, expected)

    def test_a_directory_of_format_1_goes_on_where_it_ended(self):
        """Appends follow the last offset, and a new life does not meet an old one."""
        server, _ = self.unpacked("format-1")
        server.start()
        client = self.client(server)
        before = client.get_topic("orders", "paid")["partitions"][0]["current_offset"]
        sent = client.send_messages("orders", "paid", [b"of today"])
        self.assertEqual(sent[3], before + 1)
        polled = client.poll("orders", "paid", 0, wire.LAST, count=1)
        self.assertEqual(polled.payloads, [b"of today"])
        self.assertEqual(client.poll("orders", "paid", 0, wire.NEXT, count=1, who=2).offsets, [20])
        client.create_topic("renamed", "t")
        self.assertEqual(client.poll_all("renamed", "t"), [])

    def test_an_encrypted_directory_of_format_1_is_sound_and_opens_with_its_key_alone(self):
        server, expected = self.unpacked("format-1-encrypted")
        self.assert_sound(server)
        before = {path: path.read_bytes() for path in server.data.rglob("*.log")}
        server.use_config(ENCRYPTED.replace("Z29s", "AAAA"))
        server.launch()
        self.assertNotEqual(server.wait_exit(10), 0)
        self.assertIn("another key", server.text())
        self.assertEqual({path: path.read_bytes() for path in server.data.rglob("*.log")}, before)
        server.use_config(ENCRYPTED)
        server.start()
        self.assert_serves(server, expected)
        sent = self.client(server).send_messages("secrets", "kept", [b"of today"])
        self.assertEqual(sent[3], expected[0]["topics"][0]["partitions"][0]["current_offset"] + 1)
        server.stop()
        self.assert_sound(server)
