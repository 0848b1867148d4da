"""What the measurements were made on and with."""
import json
import os
import platform
import re
import time
from pathlib import Path

from places import DJWSGI, python_of, run

PACKAGES = ["Django", "wagtail", "mod-wsgi", "gunicorn", "inotify", "uvicorn", "granian", "watchfiles"]


def describe():
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": field_of("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gigabytes": round(int(field_of("/proc/meminfo", "MemTotal").split()[0]) / 1024 ** 2),
        "kernel": platform.release(),
        "system": platform.freedesktop_os_release()["PRETTY_NAME"],
        "load_before": round(os.getloadavg()[0], 2),
        "versions": versions(),
    }


def field_of(file, name):
    found = re.search(rf"^{name}\s*:\s*(.+)$", Path(file).read_text(), re.MULTILINE)
    return found and found.group(1)


def versions():
    python = run("/", python_of("all"), "--version").split()[1]
    listed = json.loads(run("/", python_of("all"), "-m", "pip", "list", "--format", "json",
                            "--disable-pip-version-check", "--no-color"))
    installed = {package["name"].lower().replace("_", "-"): package["version"] for package in listed}
    debian = run("/", "dpkg-query", "--show", "--showformat", "${Version}", "libapache2-mod-wsgi-py3")
    apache = re.search(r"Apache/(\S+)", run("/", "/usr/sbin/apache2", "-v")).group(1)
    return {
        "djwsgi": run("/", str(DJWSGI), "--version").split()[-1],
        "Python": python,
        "Apache": apache,
        "mod_wsgi of Debian": debian,
        **{("mod_wsgi of PyPI" if name == "mod-wsgi" else name): installed[name.lower()] for name in PACKAGES},
    }
