"""Importing installed packages ahead of the site's own modules, so that a reload finds them loaded.

Which of them can be imported out of turn is learned by trying, in forked processes that are thrown
away: a module that fails leaves half-imported packages behind, which would break the real load. What
fails is left out and the rest tried again, until a whole pass is clean.
"""
import hashlib
import json
import os
import select
import signal
import sys

from . import reads

_MOST_PASSES = 30
_PATIENCE = 60     # seconds for a pass
_ALWAYS = ("packages", "settings")
_MOST_STAGES = 12  # besides these; more come with each file that was ever changed

trying = False     # in a process that is thrown away


def import_ahead(stage, config, unsafe):
    """Import what can be imported at this point of the load.

    `stage`: a word for the point, under which what was learned is kept. `config`: names the list of
    packages, the folder for what was learned, and those of the site. `unsafe`: says why this process
    can't be forked any more.
    """
    try:
        with open(config["warm"], encoding="utf-8") as file:
            text = file.read()
        packages = json.loads(text)
    except (OSError, ValueError):
        return
    taken = _taken({name.partition(".")[0] for name in packages}, config["roots"])
    kept = _Kept(os.path.join(config["state"], "ahead.json"), stage, hashlib.sha256(text.encode()).hexdigest())
    known = kept.names()
    names = [name for name in (packages if known is None else known)
             if name not in sys.modules and name.partition(".")[0] not in taken]
    clean = known is not None
    for _ in range(_MOST_PASSES):
        failed = _try(names, unsafe)
        if failed is None:
            return  # it took the whole process with it: nothing is known of the others
        if not failed:
            break
        clean = False
        names = [name for name in names if not _is_in(name, failed)]
    else:
        return
    if not clean:
        kept.keep(names)
    _import(names)


def _taken(names, roots):
    """Those of `names` that the site has modules of its own for; where it has none, is noted."""
    taken = set()
    for name in names:
        for root in roots:
            for place in (os.path.join(root, name, "__init__.py"), os.path.join(root, name + ".py")):
                if os.path.lexists(place):
                    taken.add(name)
                else:
                    reads.note_missing(place)
    return taken


class _Kept:
    """What was learned for a stage, from a list of packages that `mark` stands for."""

    def __init__(self, path, stage, mark):
        self._path, self._stage, self._mark = path, stage, mark

    def names(self):
        """None where nothing was learned yet."""
        return self._read().get(self._stage)

    def keep(self, names):
        stages = self._read()
        stages.pop(self._stage, None)
        stages[self._stage] = names
        others = [name for name in stages if name not in _ALWAYS]
        last = {name: stages[name] for name in stages if name in _ALWAYS or name in others[-_MOST_STAGES:]}
        try:
            temporary = "%s.%d" % (self._path, os.getpid())
            with open(temporary, "w", encoding="utf-8") as file:
                json.dump({"of": self._mark, "stages": last}, file)
            os.replace(temporary, self._path)
        except OSError:
            pass  # learned anew next time

    def _read(self):
        try:
            with open(self._path, encoding="utf-8") as file:
                kept = json.load(file)
            return dict(kept["stages"]) if kept["of"] == self._mark else {}
        except (OSError, ValueError, KeyError, TypeError):
            return {}


def _is_in(name, failed):
    """Whether `name` or a package around it has failed: the package would be imported with it."""
    parts = name.split(".")
    return any(".".join(parts[:count]) in failed for count in range(1, len(parts) + 1))


def _try(names, unsafe):
    """Import `names` in a forked process: the set of those that failed; None if it died."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            _answer(writing, names, unsafe)
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as answer:
        if not select.select([answer], [], [], _PATIENCE)[0]:
            os.kill(pid, signal.SIGKILL)
        text = answer.read()
    os.waitpid(pid, 0)
    try:
        return set(json.loads(text))
    except ValueError:
        return None


def _answer(writing, names, unsafe):
    """In the forked process: import, and write what failed."""
    global trying
    trying = True
    # Whoever edits meanwhile comes first.
    os.nice(10)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    os.dup2(null, 2)
    os.close(null)
    failed = _import(names, lambda: unsafe({writing}))
    with os.fdopen(writing, "w", encoding="utf-8") as answer:
        json.dump(failed, answer)


def _import(names, unsafe=None):
    """Import one after the other; the list of those that must not be. `unsafe`: this is the trial."""
    failed = []
    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
    try:
        for name in names:
            if name in sys.modules:
                continue
            count, models, own = len(sys.modules), _Models(), reads.sources
            try:
                __import__(name)
                # The order in which models are registered is the site's; and nothing of the site is
                # read before its turn.
                good = models.are_the_same() and reads.sources == own
            except BaseException:
                good = False
            if not good:
                failed.append(name)
                # Whatever came with it must fail by itself when its turn comes.
                models.restore()
                for added in list(sys.modules)[count:]:
                    del sys.modules[added]
                if unsafe is not None:
                    # Who needs it fails at once. Who can do without it is found out in the next pass.
                    sys.modules[name] = None
            elif unsafe is not None and unsafe() is not None:
                failed.append(name)
                break
    finally:
        sys.unraisablehook = hook
    return failed


class _Models:
    """The models that Django knows of, and those that it waits for."""

    def __init__(self):
        registry = sys.modules.get("django.apps.registry")
        self._apps = None if registry is None else registry.apps
        if self._apps is not None:
            self._all = {label: dict(models) for label, models in self._apps.all_models.items() if models}
            self._pending = {key: list(waiting) for key, waiting in self._apps._pending_operations.items()}

    def are_the_same(self):
        return self._apps is None or self._count(self._apps.all_models) == self._count(self._all)

    def restore(self):
        if self._apps is None:
            return
        for kept, current in ((self._all, self._apps.all_models), (self._pending, self._apps._pending_operations)):
            current.clear()
            current.update(kept)

    @staticmethod
    def _count(models):
        return sum(map(len, models.values()))
