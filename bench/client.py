"""Requests, each on a connection of its own."""
import http.client
import re
import threading
import time
from typing import NamedTuple, Optional

PAUSE = 0.010


class Answer(NamedTuple):
    path: str
    sent: float
    arrived: float
    status: int             # 0: refused, reset or timed out
    number: Optional[int]   # of the mark in it
    text: str


def ask(port, path, timeout=30):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    sent = time.monotonic()
    try:
        connection.connect()
        sent = time.monotonic()
        connection.request("GET", path, headers={"Connection": "close"})
        response = connection.getresponse()
        text = response.read().decode(errors="replace")
        arrived = time.monotonic()
    except (OSError, http.client.HTTPException) as error:
        return Answer(path, sent, time.monotonic(), 0, None, repr(error))
    finally:
        connection.close()
    mark = re.search(r"mark:(\d+):", text) if response.status == 200 else None
    return Answer(path, sent, arrived, response.status, mark and int(mark.group(1)), text[:300])


class Poller(threading.Thread):
    """Asks again and again until it is told to end."""

    def __init__(self, port, path, pause):
        super().__init__(daemon=True)
        self.port, self.path, self.pause = port, path, pause
        self.answers = []
        self._ending = threading.Event()
        self.start()

    def run(self):
        while not self._ending.is_set():
            self.answers.append(ask(self.port, self.path))
            self._ending.wait(self.pause)

    def end(self):
        self._ending.set()
        self.join()
        return self.answers
