"""A case whose clients speak generation 1, or both."""

from case import Case
from wire_v1 import ClientV1


class CaseV1(Case):
    """Adds clients of generation 1."""

    def older(self, login=True, **fields):
        client = ClientV1(self.server.address, **fields)
        self.addCleanup(client.close)
        return client.login() if login else client

    def topic_v1(self, client, partitions=1, **settings):
        client.create_stream(self.name)
        client.create_topic(self.name, "t", partitions, **settings)
        return self.name, "t"
