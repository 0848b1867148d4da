"""A fork made ahead of the order for it.

What a forked process writes to is copied page by page at that moment, and in Python looking at an object
writes to it: of a quick reload that was a quarter. A spare has its copies before it is needed.
"""
import gc
import os
import signal
import socket

from . import control


class Spare:
    """The one of a process that stands by, if it has one."""

    def __init__(self):
        self._pid = None
        self._line = None

    def make(self):
        """Fork it: True in the spare itself."""
        if self._pid is not None:
            return False
        try:
            ours, its = socket.socketpair()
            ours.settimeout(None)  # whatever the site has for a default
            its.settimeout(None)
        except OSError:
            return False
        try:
            pid = os.fork()
        except OSError:
            # There is no memory for it.
            ours.close()
            its.close()
            return False
        if pid == 0:
            ours.close()
            self._line = control.Line(its)
            return True
        its.close()
        self._pid, self._line = pid, control.Line(ours)
        return False

    def order(self):
        """In the spare: the order that it was made for."""
        message = None
        try:
            # Each object is counted once more, and less: that has their pages copied.
            gc.unfreeze()
            gc.get_objects()
            gc.freeze()
            self._line.send(said="ready")
            message = self._line.receive()
            self._line.close()
        finally:
            if message is None:
                os._exit(0)
        return message

    def take(self, message):
        """Pass on an order: the number of the process that follows it, None if there is none that can."""
        if self._pid is None or not self._line.is_readable():
            return None
        try:
            self._line.pass_on(message)
        except OSError:
            self.drop()  # it has died
            return None
        self._line.close()
        pid, self._pid = self._pid, None
        return pid

    def drop(self):
        """End it."""
        if self._pid is not None:
            pid, self._pid = self._pid, None
            self._line.close()
            try:
                # It may be copying still.
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass  # it has been waited for by itself: the site has children's ends ignored

    def forget(self):
        """In another forked process: it is not its own."""
        if self._pid is not None:
            self._line.close()
            self._pid = None
