"""Standing by: a process stops on its way through the load and is forked when it is needed.

What a standby has loaded is there at once in each process forked from it, so a reload costs the
modules after the changed one and nothing else.
"""
import fcntl
import gc
import os
import select
import signal
import stat
import sys
import threading

from .spare import Spare

_LOOK = 0.5  # seconds between looks at children where the system can't tell of their end
_started_with = frozenset()


def remember_descriptors():
    """What is open now was opened by mod_wsgi and by us; a fork may share it."""
    global _started_with
    _started_with = frozenset(_descriptors())


def obstacle(own):
    """Why this process must not be forked, or None. `own`: descriptors of ours that may be shared.

    Threads do not survive a fork; sockets, pipes and files open for reading and writing would be
    used by several processes as if each were alone.
    """
    if _threads() > 1 and not _threads_leave():
        return "a thread is running"
    _close_databases()
    for descriptor in _descriptors():
        if descriptor in _started_with or descriptor in own:
            continue
        try:
            mode = os.fstat(descriptor).st_mode
            if stat.S_ISREG(mode):
                if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDWR:
                    return "a file is open for reading and writing"
            elif not stat.S_ISDIR(mode) and not stat.S_ISCHR(mode):
                return "a socket or pipe is open"
        except OSError:
            continue  # closed meanwhile
    return None


class Children:
    """The processes forked from this one."""

    def __init__(self):
        self._by_descriptor = {}
        self._without = set()
        self._orders = {}

    def __bool__(self):
        return bool(self._by_descriptor or self._without)

    def add(self, pid, order):
        """`order`: what the process `pid` was forked for."""
        self._orders[pid] = {key: order.get(key, 0) for key in ("role", "build", "index")}
        try:
            self._by_descriptor[os.pidfd_open(pid)] = pid
        except (AttributeError, OSError):
            self._without.add(pid)

    def forget(self):
        """In a forked process: the parent's children are not its own."""
        for descriptor in self._by_descriptor:
            os.close(descriptor)
        self._by_descriptor.clear()
        self._without.clear()
        self._orders.clear()

    def register(self, poll):
        for descriptor in self._by_descriptor:
            poll.register(descriptor, select.POLLIN)

    def patience(self):
        """Milliseconds that a poll may last; None for any time."""
        return _LOOK * 1000 if self._without else None

    def ended(self):
        """Those that have ended: [(pid, exit status, or minus the signal, what it was forked for)]."""
        ended = []
        for descriptor, pid in list(self._by_descriptor.items()):
            status = _reap(pid)
            if status is not None:
                os.close(descriptor)
                del self._by_descriptor[descriptor]
                ended.append((pid, status, self._orders.pop(pid)))
        for pid in list(self._without):
            status = _reap(pid)
            if status is not None:
                self._without.discard(pid)
                ended.append((pid, status, self._orders.pop(pid)))
        return ended


def wait_for_orders(line, children):
    """The next message of djwsgi that is to be followed in a forked process: returns only there.

    This process itself stays here until djwsgi lets go of it and its last child has ended.
    """
    gc.freeze()
    spare = Spare()
    lingering = False
    while True:
        poll = select.poll()
        if not lingering:
            poll.register(line, select.POLLIN)
        children.register(poll)
        if lingering and not children:
            os._exit(0)
        if not line.waiting():
            poll.poll(children.patience())
        for pid, status, order in children.ended():
            try:
                line.send(said="exited", pid=pid, status=status, **order)
            except OSError:
                pass
        if lingering or not (line.waiting() or line.is_readable()):
            continue
        message = line.receive()
        if message is None or message["do"] == "end":
            # Its children may still have requests to finish; they are ours to wait for.
            spare.drop()
            lingering = True
        elif message["do"] == "spare":
            if not message["wanted"]:
                spare.drop()
            elif spare.make():
                children.forget()
                line.close()
                return spare.order()
        elif message["do"] == "fork":
            pid = spare.take(message) if message["role"] == "load" else None
            if pid is None:
                pid = os.fork()
            if pid == 0:
                children.forget()
                spare.forget()
                return message
            children.add(pid, message)
            line.drop_descriptors(message)
            if message["role"] == "load":
                # One that was not ready would compete with the load.
                spare.drop()


def _reap(pid):
    try:
        found, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return 0
    if found == 0:
        return None
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _threads():
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return threading.active_count()


def _threads_leave():
    """Whether the threads are a library's that sees to forks itself, as OpenBLAS does: it ends them
    before each fork, so after one they are gone here too."""
    if threading.active_count() > 1:
        return False
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return _threads() == 1


def _descriptors():
    for folder in ("/proc/self/fd", "/dev/fd"):
        try:
            return [int(name) for name in os.listdir(folder)]
        except OSError:
            continue
    return []


def _close_databases():
    """Connections that the site opened while it loaded; Django opens new ones when they are needed."""
    django_db = sys.modules.get("django.db")
    handler = getattr(django_db, "connections", None)
    # Asking for them would have the settings read, which may not be there yet.
    if "settings" not in getattr(handler, "__dict__", ()):
        return
    for connection in handler.all(initialized_only=True):
        connection.close()


def plain_signals():
    """Let TERM end this process: mod_wsgi's own handler knows only the process it was made for.
    (`signal.signal` is a stand-in here that does nothing.)"""
    import _signal
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGXCPU):
        _signal.signal(number, _signal.SIG_DFL)


def outlive_rejection():
    """Let INT do nothing, which mod_wsgi sends to a process that has sent a request back: other requests
    run in it. (What it starts has INT as it should be.)"""
    import _signal
    _signal.signal(_signal.SIGINT, lambda number, frame: None)
    _signal.siginterrupt(_signal.SIGINT, False)
