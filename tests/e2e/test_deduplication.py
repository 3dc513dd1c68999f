"""Messages whose id was stored lately are not stored again (behaviour.md 4.6)."""

import wire_format as wire
from case import Case
from wire_format import Message

CONFIG = "[system.message_deduplication]\nenabled = true\nmax_entries = {}\nexpiry = \"{}\"\n"


def messages(*ids):
    return [Message(b"message %d" % i, id=i) for i in ids]


class Deduplication(Case):
    options = {"config": CONFIG.format(1000, "10 m")}

    def test_a_message_is_stored_once_whoever_sends_it(self):
        client = self.client()
        stream, topic = self.topic(client)
        self.assertEqual(client.send_messages(stream, topic, messages(1, 2, 3))[3], 0)
        self.assertEqual(self.client().send_messages(stream, topic, messages(3, 4, 1, 5))[3], 3)
        self.assertEqual(client.send_messages(stream, topic, messages(2, 5))[3], 1)
        polled = client.poll(stream, topic)
        self.assertEqual([m.id for m in polled.messages], [1, 2, 3, 4, 5])
        self.assertEqual([m.offset for m in polled.messages], [0, 1, 2, 3, 4])
        self.assertEqual(client.send_messages(stream, topic, messages(6))[3], 5)

    def test_a_large_batch_of_which_half_is_known(self):
        client = self.client()
        stream, topic = self.topic(client)
        payload = bytes(5000)
        client.send_messages(stream, topic, [Message(payload, id=i) for i in range(2, 200, 2)])
        sent = client.send_messages(stream, topic, [Message(payload, id=i) for i in range(1, 200)])
        self.assertEqual(sent[3], 99)
        served = client.poll_all(stream, topic)
        self.assertEqual([m.id for m in served], [*range(2, 200, 2), *range(1, 200, 2)])

    def test_partitions_and_purged_ones_know_nothing_of_each_other(self):
        client = self.client()
        stream, topic = self.topic(client, 2)
        for partition in range(2):
            where = wire.to_partition(partition)
            self.assertEqual(client.send_messages(stream, topic, messages(1), where)[3], 0)
        client.purge_topic(stream, topic)
        self.assertEqual(client.send_messages(stream, topic, messages(1, 2))[3], 0)
        self.assertEqual(len(client.poll(stream, topic).messages), 2)


class DeduplicationOverRestarts(Case):
    def survives(self, end, **options):
        server = self.own_server(config=CONFIG.format(100, "10 m"), **options).start()
        client = self.client(server)
        stream, topic = self.topic(client)
        for i in range(1, 201):
            client.send_messages(stream, topic, messages(i))
        for _ in range(2):
            end(server)
            server.start()
            client = self.client(server)
            self.assertEqual(client.send_messages(stream, topic, messages(150, 200))[3], 149)
        self.assertEqual(client.send_messages(stream, topic, messages(50))[3], 200)
        self.assertEqual(len(client.poll_all(stream, topic)), 201)
        self.assertFalse(server.screams(), server.story())

    def test_ids_are_remembered_after_a_kill(self):
        self.survives(lambda server: server.kill())

    def test_ids_are_remembered_after_a_stop(self):
        self.survives(lambda server: server.stop())

    def test_ids_are_remembered_with_other_cores_and_levels(self):
        def end(server):
            server.stop()
            server.cores = 3 - server.cores
        self.survives(end, durability="os")

    def test_switched_on_later_it_knows_what_is_there(self):
        server = self.own_server().start()
        client = self.client(server)
        stream, topic = self.topic(client)
        client.send_messages(stream, topic, messages(1, 2))
        client.send_messages(stream, topic, messages(1))
        server.kill()
        server.use_config(CONFIG.format(0, "0 s"))
        server.start()
        client = self.client(server)
        self.assertEqual(client.send_messages(stream, topic, messages(2, 3))[3], 3)
        self.assertEqual([m.id for m in client.poll_all(stream, topic)], [1, 2, 1, 3])
