"""Importing installed packages ahead of the site's own modules, so that a reload finds them loaded.

Which of them can be imported out of turn is learned by trying, in forked processes that are thrown
away: a module that fails leaves half-imported packages behind, which would break the real load. What
fails is left out and the rest tried again, until a whole pass is clean.
"""
import hashlib
import json
import os
import sys

from . import reads

_MOST_PASSES = 30


def import_ahead(stage, files, unsafe):
    """Import what can be imported at this point of the load.

    `stage`: a word for the point, under which what was learned is kept. `files`: the list of packages
    and the folder for what was learned. `unsafe`: says why this process can't be forked any more.
    """
    packages, folder = files
    try:
        with open(packages, encoding="utf-8") as file:
            text = file.read()
        wanted = [name for name in json.loads(text) if name not in sys.modules]
    except (OSError, ValueError):
        return
    kept = os.path.join(folder, "ahead-%s.json" % stage)
    mark = hashlib.sha256(text.encode()).hexdigest()
    names, known = _learned(kept, mark, wanted)
    for _ in range(_MOST_PASSES):
        failed = _try(names, unsafe)
        if failed is None:
            return  # it took the whole process with it: nothing is known of the others
        if not failed:
            break
        known = False
        names = [name for name in names if not _is_in(name, failed)]
    else:
        return
    if not known:
        _keep(kept, mark, names)
    _import(names, lambda: None)


def _is_in(name, failed):
    """Whether `name` or a package around it has failed: the package would be imported with it."""
    parts = name.split(".")
    return any(".".join(parts[:count]) in failed for count in range(1, len(parts) + 1))


def _try(names, unsafe):
    """Import `names` in a forked process: the set of those that failed; None if it died."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        # Whoever edits meanwhile comes first.
        os.nice(10)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 1)
        os.dup2(null, 2)
        os.close(null)
        failed = _import(names, lambda: unsafe({writing}))
        with os.fdopen(writing, "w", encoding="utf-8") as answer:
            json.dump(failed, answer)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as answer:
        text = answer.read()
    os.waitpid(pid, 0)
    try:
        return set(json.loads(text))
    except ValueError:
        return None


def _import(names, unsafe):
    """Import one after the other; the list of those that must not be."""
    failed = []
    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
    try:
        for name in names:
            if name in sys.modules:
                continue
            count, models, own = len(sys.modules), _models(), reads.sources
            try:
                __import__(name)
                # The order in which models are registered is the site's; and nothing of the site is
                # read before its turn.
                good = _models() == models and reads.sources == own
            except BaseException:
                good = False
            if not good:
                failed.append(name)
                # Whatever was half imported must fail by itself when its turn comes.
                for added in list(sys.modules)[count:]:
                    del sys.modules[added]
            elif unsafe() is not None:
                failed.append(name)
                break
    finally:
        sys.unraisablehook = hook
    return failed


def _models():
    registry = sys.modules.get("django.apps.registry")
    return 0 if registry is None else sum(map(len, registry.apps.all_models.values()))


def _learned(path, mark, wanted):
    try:
        with open(path, encoding="utf-8") as file:
            kept = json.load(file)
        if kept["of"] == mark:
            return [name for name in kept["names"] if name not in sys.modules], True
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return wanted, False


def _keep(path, mark, names):
    try:
        temporary = "%s.%d" % (path, os.getpid())
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump({"of": mark, "names": names}, file)
        os.replace(temporary, path)
    except OSError:
        pass  # learned anew next time
