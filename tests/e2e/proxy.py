"""A TCP proxy for unkind networks: cuts connections, delays pieces, forgets where the server was.

    with Proxy(server.address, cut_every=50, delay=0.002) as proxy:
        ...  proxy.address ...
"""

import random
import socket
import threading


class Proxy:
    def __init__(self, upstream, cut_every=0, delay=0.0, seed=1):
        """`cut_every`: about every so many pieces a connection is cut, both ways at once. `delay`:
        seconds, at most, that a piece waits."""
        self.upstream, self.cut_every, self.delay = upstream, cut_every, delay
        self.chance = random.Random(seed)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.address = self.listener.getsockname()
        self.is_open = True
        self.cuts = 0
        self.pairs = set()
        self.wake = threading.Event()

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.is_open = False
        self.wake.set()
        self.listener.close()
        for pair in list(self.pairs):
            self._cut(pair)

    def _accept(self):
        while self.is_open:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self.upstream, 5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            pair = (client, server)
            self.pairs.add(pair)
            for source, target in (pair, pair[::-1]):
                threading.Thread(target=self._pump, args=(pair, source, target),
                                 daemon=True).start()

    def _pump(self, pair, source, target):
        try:
            while piece := source.recv(16384):
                if self.delay:
                    self.wake.wait(self.chance.uniform(0, self.delay))
                if self.cut_every and self.chance.randrange(self.cut_every) == 0:
                    target.sendall(piece[:self.chance.randrange(len(piece) + 1)])
                    self.cuts += 1
                    break
                target.sendall(piece)
        except OSError:
            pass
        self._cut(pair)

    def _cut(self, pair):
        self.pairs.discard(pair)
        for end in pair:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()
