"""Where everything lies, and how programs are run there."""
import os
import subprocess
from pathlib import Path

BASE = Path("/var/tmp/djwsgi-bench")
SITES = BASE / "sites"
LOGS = BASE / "logs"
DJWSGI = BASE / "djwsgi"


def python_of(environment):
    return str(BASE / "venvs" / environment / "bin" / "python")


def variables(environment):
    """The environment variables of a shell with the virtual environment activated."""
    venv = BASE / "venvs" / environment
    return {**os.environ, "VIRTUAL_ENV": str(venv), "PATH": f"{venv}/bin:{os.environ['PATH']}"}


def run(folder, *command, environment="all"):
    """Run a command to its end; its output is shown when it fails."""
    done = subprocess.run(command, cwd=folder, env=variables(environment), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} in {folder}: status {done.returncode}\n{done.stdout}")
    return done.stdout
