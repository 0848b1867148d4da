"""The sites that are measured, and the saves in them.

Every measurement begins with a fresh copy, so that no server profits from what happened under another.
"""
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from places import SITES

VIEW_MODULES = 20
BRANCH_FILES = 300
BRANCH_IMPORTED = 200
NAP = 8  # seconds


@dataclass(frozen=True)
class Site:
    name: str      # also of its folder
    title: str
    project: str   # package of urls.py and wsgi.py
    app: str       # package of the views
    settings: str

    @property
    def folder(self):
        return SITES / self.name

    @property
    def original(self):
        return SITES / "originals" / self.name

    @property
    def views(self):
        return Path(self.app, "views.py")

    @property
    def models(self):
        return Path(self.app, "models.py")

    def view_module(self, number):
        return Path(self.app, f"view_{number}.py")

    def fresh(self):
        """Put a copy of the original, with its times, to where the site is served from."""
        shutil.rmtree(self.folder, ignore_errors=True)
        # What djwsgi has noted of the original is none of the copy's.
        shutil.copytree(self.original, self.folder, symlinks=True, ignore=shutil.ignore_patterns(".djwsgi"))

    def save(self, file, number):
        """Save `file` with another mark, as a plain editor does. Returns the time when that was done."""
        path = self.folder / file
        # Of another length each time: Python takes a compiled file for current if size and second agree.
        mark = f'MARK = "mark:{number}:{"x" * (number % 7)}"'
        text, count = re.subn(r"^MARK = .*$", mark, path.read_text(), flags=re.MULTILINE)
        assert count == 1, path
        with open(path, "w") as out:
            out.write(text)
        return time.monotonic()


STARTPROJECT = Site("startproject", "`startproject`", "mysite", "blog", "mysite.settings")
WAGTAIL = Site("wagtail", "`wagtail start`", "shop", "home", "shop.settings.dev")
BRANCHES = Site("branches", f"`startproject` with {BRANCH_FILES} more files", "mysite", "blog", "mysite.settings")
