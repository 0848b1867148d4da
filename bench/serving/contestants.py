"""The servers that are compared: each with two processes of ten threads for the application."""
from dataclasses import dataclass
from typing import Callable

from places import DJWSGI
from servers import free_port
from serving import front
from serving.site import FOLDER, HOST, PROJECT, SCRIPT, STATIC

PROCESSES, THREADS = 2, 10
BASELINE = "express"


@dataclass(frozen=True)
class Contestant:
    name: str
    title: str
    prepare: Callable  # of a new folder: the port to ask, and the commands to start


def express(*options):
    def prepare(folder):
        port = free_port()
        return port, [[
            "mod_wsgi-express", "start-server", "--server-root", str(folder / "express"), "--host", "127.0.0.1",
            "--port", str(port), "--processes", str(PROCESSES), "--threads", str(THREADS),
            "--working-directory", str(FOLDER), "--url-alias", "/static", str(STATIC), *options, str(SCRIPT)]]
    return prepare


def gunicorn(folder):
    port, behind = free_port(), free_port()
    return port, [
        ["gunicorn", "--workers", str(PROCESSES), "--worker-class", "gthread", "--threads", str(THREADS),
         "--bind", f"127.0.0.1:{behind}", f"{PROJECT}.wsgi"],
        front.command(folder, port, behind)]


def granian(folder):
    port, behind = free_port(), free_port()
    return port, [
        ["granian", "--interface", "wsgi", "--workers", str(PROCESSES), "--blocking-threads", str(THREADS),
         "--host", "127.0.0.1", "--port", str(behind), f"{PROJECT}.wsgi:application"],
        front.command(folder, port, behind)]


def djwsgi(buffer):
    def prepare(folder):
        port = free_port()
        (FOLDER / "djwsgi.toml").write_text(
            f'[site]\nserver-name = "{HOST}"\n[static]\nroot = "static"\n'
            f'[prod]\ntls = "off"\nprocesses = {PROCESSES}\nthreads = {THREADS}\n'
            f'buffer = {str(buffer).lower()}\nsecret-key-in-repository = true\n')
        return port, [[str(DJWSGI), "dev", "--as-prod", "--port", str(port)]]
    return prepare


CONTESTANTS = [
    Contestant(BASELINE, "`mod_wsgi-express`", express()),
    Contestant("express-log", "`mod_wsgi-express --access-log`", express("--access-log")),
    Contestant("gunicorn", "gunicorn behind Apache", gunicorn),
    Contestant("granian", "granian behind Apache", granian),
    Contestant("djwsgi", "djwsgi, `buffer = false`", djwsgi(buffer=False)),
    Contestant("djwsgi-buffer", "djwsgi: bodies are read before a thread is taken", djwsgi(buffer=True)),
]
