"""Messages encrypted at rest (behaviour.md 4.5): not findable, readable with the key alone."""

import subprocess

import wire_format as wire
from case import Case
from server import BINARY
from wire_format import Message

KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
OTHER = "AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
HEADER = b"\x02\x0a\x00\x00\x00marked-key\x02\x0c\x00\x00\x00marked-value"
SECRETS = (b"marked payload", b"marked-value")


def config(key=KEY, enabled="true"):
    return f"[system.encryption]\nenabled = {enabled}\nkey = \"{key}\"\n"


class Encryption(Case):
    def start(self, text, **options):
        return self.own_server(config=text, **options).start()

    def send(self, server, count=50, size=100):
        client = self.client(server)
        stream, topic = self.topic(client)
        for i in range(count):
            client.send_messages(stream, topic, [Message(b"marked payload %d" % i + bytes(size),
                                                         HEADER, id=i + 1)])
        return stream, topic

    def check(self, server, count=50):
        messages = self.client(server).poll_all(self.name, "t")
        self.assertEqual([m.id for m in messages], list(range(1, count + 1)))
        for i, message in enumerate(messages):
            self.assertTrue(message.payload.startswith(b"marked payload %d" % i))
            self.assertEqual(message.user_headers, HEADER)

    def found(self, server):
        return [(path.name, secret) for path in server.data.rglob("*") if path.is_file()
                for secret in SECRETS if secret in path.read_bytes()]

    def refuses(self, server, text, *words):
        server.use_config(text)
        server.launch()
        self.assertNotEqual(server.wait_exit(10), 0)
        for word in words:
            self.assertIn(word, server.text())

    def test_nothing_of_a_message_is_findable_on_disk(self):
        for level in ("sync", "os", "memory"):
            server = self.start(config(), durability=level)
            self.send(server)
            self.check(server)
            server.stop()
            self.assertEqual(self.found(server), [])
            server.start()
            self.check(server)
            self.assertFalse(server.screams(), server.story())

    def test_without_it_they_would_be_found(self):
        server = self.start("")
        self.send(server, 3)
        server.stop()
        self.assertNotEqual(self.found(server), [])

    def test_messages_are_the_same_after_kills(self):
        server = self.start(config())
        self.send(server)
        for _ in range(3):
            server.kill()
            server.start()
            self.check(server)
        self.assertFalse(list(server.data.rglob("*.cut")))

    def test_large_batches_and_readers_at_the_end(self):
        server = self.start(config())
        client, reader = self.client(server), self.client(server)
        stream, topic = self.topic(client)
        for i, size in enumerate((10, 300_000, 1_500_000, 100, 5_000_000)):
            self.assertEqual(client.send_messages(stream, topic, [bytes([i]) * size])[3], i)
            polled = reader.poll(stream, topic, strategy=wire.OFFSET, value=i)
            self.assertEqual(polled.payloads, [bytes([i]) * size])
        server.kill()
        server.start()
        client = self.client(server)
        self.assertEqual([len(m.payload) for m in client.poll_all(stream, topic)],
                         [10, 300_000, 1_500_000, 100, 5_000_000])

    def test_a_wrong_or_missing_key_is_refused_and_nothing_is_lost(self):
        server = self.start(config())
        self.send(server)
        server.kill()
        before = {path: path.read_bytes() for path in server.data.rglob("*.log")}
        self.refuses(server, config(OTHER), "another key", str(server.data))
        self.refuses(server, "", "there is no key", "system.encryption")
        self.refuses(server, config("short"), "base64")
        self.assertEqual({path: path.read_bytes() for path in server.data.rglob("*.log")}, before)
        server.use_config(config())
        server.start()
        self.check(server)

    def test_switched_on_and_off_again_all_stays_readable(self):
        server = self.start("")
        client = self.client(server)
        stream, topic = self.topic(client)
        expected = []
        for text in ("", config(), config(enabled="false"), config()):
            server.stop()
            server.use_config(text)
            server.start()
            client = self.client(server)
            expected.append(b"written with %d" % len(expected))
            client.send_messages(stream, topic, [expected[-1]])
            self.assertEqual([m.payload for m in client.poll_all(stream, topic)], expected)

    def test_the_key_file_alone_gone_harms_nothing(self):
        server = self.start(config())
        self.send(server, 5)
        server.kill()
        kept = (server.data / "encryption").read_bytes()
        (server.data / "encryption").unlink()
        server.use_config("")
        server.start()
        client = self.client(server)
        self.refused(4011, client.poll, self.name, "t")
        server.stop()
        (server.data / "encryption").write_bytes(kept)
        server.use_config(config())
        server.start()
        self.check(server, 5)

    def test_doctor_explains_an_encrypted_directory(self):
        server = self.start(config())
        self.send(server, 5)
        server.stop()
        done = subprocess.run([BINARY, "doctor", "--data", str(server.data)], capture_output=True,
                              text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("encrypted (AES-256-GCM)", done.stdout)
