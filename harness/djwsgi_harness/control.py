"""The line to djwsgi: a JSON object a line over its UNIX socket, file descriptors beside them."""
import array
import json
import os
import socket
import threading

_MOST = 1 << 16


class Line:
    """A connection of one process. A forked process opens its own."""

    def __init__(self, path):
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(path)
        self._lock = threading.Lock()
        self._buffer = b""
        self._descriptors = []

    def fileno(self):
        return self._socket.fileno()

    def close(self):
        self._socket.close()

    def send(self, **message):
        """Send a message; from any thread."""
        data = json.dumps(message).encode() + b"\n"
        with self._lock:
            self._socket.sendall(data)

    def receive(self):
        """The next message and the descriptor that came with it, if one did; None at the end."""
        while b"\n" not in self._buffer:
            try:
                data, ancillary, _, _ = self._socket.recvmsg(_MOST, socket.CMSG_SPACE(4 * 4))
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
        if message.get("listener"):
            message["listener"] = self._descriptors.pop(0)
        return message

    def waiting(self):
        """Whether a whole message has been received already."""
        return b"\n" in self._buffer

    def drop_descriptors(self, message):
        """Close what came with a message that is for somebody else."""
        if message.get("listener"):
            os.close(message["listener"])
