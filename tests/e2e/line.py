"""A connection as bytes, for the clients of both generations. Every wait has an end: silence raises
socket.timeout."""

import socket
import struct

from server import PATIENCE


class Closed(Exception):
    """The server ended the connection where an answer was expected."""


class Line:
    def __init__(self, address, timeout=10.0):
        self.socket = socket.create_connection(address, timeout * PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def vanish(self):
        """Closes with a reset, as a machine does that lost its memory of us."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def send_bytes(self, data):
        self.socket.sendall(data)

    def exactly(self, count):
        data = bytearray(count)
        view, at = memoryview(data), 0
        while at < count:
            try:
                got = self.socket.recv_into(view[at:])
            except ConnectionError as error:
                raise Closed(str(error)) from None
            if got == 0:
                raise Closed(f"after {at} of {count} bytes")
            at += got
        return bytes(data)

    def is_closed_within(self, seconds):
        """True when the server hangs up; whatever it still says before is thrown away."""
        self.socket.settimeout(seconds * PATIENCE)
        try:
            while self.socket.recv(1 << 16):
                pass
            return True
        except ConnectionError:
            return True
        except TimeoutError:
            return False
