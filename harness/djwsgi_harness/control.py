"""The line to djwsgi: a JSON object a line over its UNIX socket, file descriptors beside them."""
import array
import json
import os
import select
import socket
import threading

_MOST = 1 << 16


def connect(path):
    """The line to djwsgi, whose socket is at `path`."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(None)  # whatever the site has for a default
    connection.connect(path)
    return Line(connection)


class Line:
    """A connection of one process. A forked process opens its own."""

    def __init__(self, connection):
        self._socket = connection
        self._lock = threading.Lock()
        self._buffer = b""
        self._descriptors = []

    def fileno(self):
        return self._socket.fileno()

    def close(self):
        """Close it, and what came for messages that were not received any more."""
        self._socket.close()
        while self._descriptors:
            os.close(self._descriptors.pop())

    def send(self, **message):
        """Send a message; from any thread."""
        data = json.dumps(message).encode() + b"\n"
        with self._lock:
            self._socket.sendall(data)

    def pass_on(self, message):
        """Send a message that was received, with the descriptor that came with it."""
        data = json.dumps(message).encode() + b"\n"
        descriptors = array.array("i", [message["listener"]] if message.get("listener") else [])
        with_it = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)] if descriptors else []
        sent = self._socket.sendmsg([data], with_it)
        if sent < len(data):
            # Even nothing can't be sent to one that has read all and gone.
            self._socket.sendall(data[sent:])

    def receive(self):
        """The next message and the descriptor that came with it, if one did; None at the end."""
        while b"\n" not in self._buffer:
            try:
                data, ancillary, _, _ = self._socket.recvmsg(_MOST, socket.CMSG_SPACE(4 * 4), socket.MSG_CMSG_CLOEXEC)
            except OSError:
                return None
            if not data:
                return None
            self._buffer += data
            for level, kind, content in ancillary:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    numbers = array.array("i")
                    numbers.frombytes(content[:len(content) - len(content) % numbers.itemsize])
                    self._descriptors.extend(numbers)
        line, self._buffer = self._buffer.split(b"\n", 1)
        message = json.loads(line)
        for name in ("listener", "saves"):
            if message.get(name):
                message[name] = self._descriptors.pop(0)
        return message

    def waiting(self):
        """Whether a whole message has been received already."""
        return b"\n" in self._buffer

    def is_readable(self):
        """Whether there is something to be received, be it the end."""
        poll = select.poll()
        poll.register(self, select.POLLIN)
        return bool(poll.poll(0))

    def drop_descriptors(self, message):
        """Close what came with a message that is for somebody else."""
        if message.get("listener"):
            os.close(message["listener"])
