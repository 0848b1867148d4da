"""The servers that are compared: starting one, what belongs to it, ending it for sure."""
import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from typing import Callable

import processes
from client import ask
from places import BASE, DJWSGI, LOGS, python_of, variables

MARKED = "/bench/"
START_TIMEOUT = 60
STOP_TIMEOUT = 8
# Each is used once.
PORTS = iter(range(23000, 32000))


@dataclass(frozen=True)
class Kind:
    name: str       # for --servers
    title: str
    command: Callable  # of the site and a port
    environment: str = "all"
    environ: Callable = lambda port: {}

    @property
    def is_djwsgi(self):
        return self.name.startswith("djwsgi")


def runserver(site, port):
    return [python_of("all"), "manage.py", "runserver", f"127.0.0.1:{port}"]


def express(site, port):
    # mod_wsgi-express through its Django command, as its documentation has it.
    return [python_of("all"), "manage.py", "runmodwsgi", "--settings", "express_settings", "--reload-on-changes",
            "--host", "127.0.0.1", "--port", str(port), "--server-root", str(BASE / "express")]


def gunicorn(site, port):
    return ["gunicorn", "--reload", "--bind", f"127.0.0.1:{port}", f"{site.project}.wsgi"]


def uvicorn(site, port):
    return ["uvicorn", "--reload", "--host", "127.0.0.1", "--port", str(port), f"{site.project}.asgi:application"]


def granian(site, port):
    return ["granian", "--interface", "wsgi", "--reload", "--host", "127.0.0.1", "--port", str(port),
            f"{site.project}.wsgi:application"]


def djwsgi(site, port):
    return [str(DJWSGI), "dev", "--no-input", "--port", str(port)]


KINDS = [
    Kind("runserver", "`manage.py runserver`", runserver),
    Kind("express", "`mod_wsgi-express --reload-on-changes`", express),
    Kind("gunicorn", "`gunicorn --reload` (inotify)", gunicorn),
    Kind("uvicorn", "`uvicorn --reload`", uvicorn),
    Kind("granian", "`granian --interface wsgi --reload`", granian),
    Kind("djwsgi-debian", "`djwsgi dev`, Debian's mod_wsgi", djwsgi, "distribution"),
    Kind("djwsgi", "`djwsgi dev`, mod_wsgi of PyPI", djwsgi),
]


class NotServing(Exception):
    """A server did not come up, or has ended by itself."""


class Server:
    """A running server, in a session of its own. Used with `with`."""

    def __init__(self, kind, site, path=MARKED):
        self.kind, self.site = kind, site
        self.port = free_port()
        LOGS.mkdir(exist_ok=True)
        self.log = LOGS / f"{len(os.listdir(LOGS)):03}-{kind.name}-{site.name}.log"
        self.left = []  # what SIGKILL had to end
        shutil.rmtree(BASE / "express", ignore_errors=True)
        self.begun = time.monotonic()
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen(kind.command(site, self.port), cwd=site.folder, stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=out, start_new_session=True,
                                            env=variables(kind.environment))
        try:
            self.start_time = self._until_ready(path)
        except BaseException:
            self.stop()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def ask(self, path=MARKED, timeout=30):
        answer = ask(self.port, path, timeout)
        if answer.status == 0 and self.process.poll() is not None:
            raise NotServing(f"{self.kind.name} has ended: status {self.process.returncode}\n{self.said()[-3000:]}")
        return answer

    def processes(self):
        return processes.of_session(self.process.pid)

    def said(self):
        return self.log.read_text(errors="replace")

    def stop(self):
        """End it as Ctrl-C would, then whatever is left of its session."""
        signal_all([self.process.pid], signal.SIGINT, os.killpg)
        deadline = time.monotonic() + STOP_TIMEOUT
        while self.processes() and time.monotonic() < deadline:
            self.process.poll()
            time.sleep(0.05)
        self.left = self.processes()
        while self.processes():
            signal_all(self.processes(), signal.SIGKILL, os.kill)
            self.process.poll()
            time.sleep(0.05)
        self.process.wait()

    def _until_ready(self, path):
        """Seconds from the start of the process to the first good answer."""
        while True:
            answer = self.ask(path)
            if answer.status == 200:
                return answer.arrived - self.begun
            if time.monotonic() > self.begun + START_TIMEOUT:
                raise NotServing(f"{self.kind.name} does not serve {self.site.name}: {answer}\n{self.said()[-3000:]}")
            time.sleep(0.01)


def signal_all(numbers, what, send):
    for number in numbers:
        try:
            send(number, what)
        except ProcessLookupError:
            pass


def free_port():
    """A port that nobody has. Not one that the system takes for outgoing connections: a client that asks
    before the server listens could get it, and be answered by itself."""
    for port in PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise NotServing("no port is free")
