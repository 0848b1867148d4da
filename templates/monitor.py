"""Code monitor of {{name}}: ends the daemon process when its code has changed.

For development under mod_wsgi in daemon mode: mod_wsgi then starts a new process, which loads the
new code, and holds the requests that arrive meanwhile. Started at the end of the WSGI script:

    import {{module}}
    {{module}}.start(interval=1.0)

`track(path)` adds a file that is not a module, for example one that the settings read.
"""
import atexit
import importlib.machinery
import importlib.util
import os
import signal
import sys
import tempfile
import threading
import time
import traceback

_lock = threading.Lock()
_stop = threading.Event()
_thread = None
_inactive_said = False
_first_failure = None
_baseline = {}   # path: what it looked like when this process first met it
_tracked = set()  # paths to look at besides those of sys.modules


def start(interval=1.0):
    """Start looking at the files of all loaded modules every `interval` seconds.

    A second call only changes nothing. Outside of a mod_wsgi daemon process nothing is started,
    which is said once. Called while an exception is on its way (the site failed to load), the
    files involved are watched too, so that mending them restarts the process.
    """
    global _thread, _inactive_said
    if os.environ.get("DJWSGI_RELOAD", "monitor") != "monitor":
        return  # `djwsgi dev` reloads in another way, or not at all
    if not _in_daemon_process():
        if not _inactive_said:
            _inactive_said = True
            _say("not a mod_wsgi daemon process, code changes are not watched")
        return
    _note_failure(sys.exc_info()[1])
    with _lock:
        if _thread is not None or _stop.is_set():
            return
        sys.meta_path.insert(0, _ImportedFiles())
        _thread = threading.Thread(target=_run, args=(interval,), name="code monitor", daemon=True)
        atexit.register(_end)
        _thread.start()


def track(path):
    """Watch the file at `path` as if it were a module."""
    _tracked.add(os.path.abspath(os.fspath(path)))


def _in_daemon_process():
    try:
        import mod_wsgi
    except ImportError:
        return False
    # The package from PyPI has no process group, neither has embedded mode.
    return bool(getattr(mod_wsgi, "process_group", ""))


def _run(interval):
    started = _process_start()
    while not _stop.is_set():
        try:
            changed = _changed_files(started)
        except Exception:
            # One look that failed must not be the last one.
            _say("cannot look at the files:\n" + traceback.format_exc())
            changed = []
        if changed:
            for path, what in changed:
                _drop_bytecode(path)
            path, what = changed[0]
            more = " (and %d more)" % (len(changed) - 1) if len(changed) > 1 else ""
            _say("%s %s%s, restarting" % (_shown(path), what, more))
            # mod_wsgi: stop accepting requests, finish the running ones, exit.
            os.kill(os.getpid(), signal.SIGINT)
            return
        _stop.wait(interval)


def _end():
    """At interpreter exit: wake the thread at once and leave none behind."""
    _stop.set()
    if _thread is not threading.current_thread():
        _thread.join(5)


def _changed_files(started):
    """The watched files that are not what this process has loaded, and what happened to each."""
    changed = []
    for path, loader in _watched_files():
        look = _look(path)
        if path not in _baseline:
            _baseline[path] = look
            if look is None and _was_a_file(path, loader):
                changed.append((path, "was removed"))
            # Changed after this process began, perhaps after it was read: too late to tell.
            # (A time in the future says nothing; it would be "after" for every new process.)
            if look is not None and started <= look[0] / 1e9 <= time.time():
                changed.append((path, "changed while it was loaded"))
        elif look != _baseline[path]:
            changed.append((path, "was removed" if look is None else "changed"))
    return changed


def _drop_bytecode(path):
    """Remove the compiled form of a changed source. Python knows it for stale by size and whole
    seconds only: of two saves of one size within a second, the first would be run for ever."""
    if path.endswith(".py"):
        try:
            os.remove(importlib.util.cache_from_source(path))
        except (OSError, NotImplementedError):
            pass  # there is none, or it is not ours to remove


def _watched_files():
    """Every file to look at, with the loader of the module that came from it."""
    files = dict.fromkeys(list(_tracked))
    # vars(): asking a lazy module for an attribute may import something.
    for module in list(sys.modules.values()):
        try:
            names = vars(module)
        except TypeError:
            continue
        path = names.get("__file__")
        if isinstance(path, str):
            files[os.path.abspath(path)] = getattr(names.get("__spec__"), "loader", None)
    return files.items()


def _was_a_file(path, loader):
    """Whether the module at `path`, where nothing is now, was loaded from there: not from an
    archive, and not from a temporary file that its own importer removes every time."""
    temporary = os.path.realpath(tempfile.gettempdir()) + os.sep
    passing = path.startswith(temporary) and not path.startswith(_here)
    return isinstance(loader, importlib.machinery.SourceFileLoader) and not passing


def _look(path):
    """What tells one state of a file from another; None when it is not there."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino, status.st_dev


def _process_start():
    """When this process was started, in seconds since the epoch."""
    try:
        # proc(5): field 22, in clock ticks since boot; the name in field 2 may contain anything.
        with open("/proc/self/stat", "rb") as stat:
            ticks = int(stat.read().rpartition(b")")[2].split()[19])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
        return time.time() - age
    except (OSError, AttributeError, ValueError, IndexError):
        return _imported_at


_imported_at = time.time()
_here = os.getcwd() + os.sep  # the site's folder: the working directory of daemon processes


class _ImportedFiles:
    """Notes the file of every module before it is executed: one that fails never gets into
    sys.modules. Finds nothing itself, the other finders do."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            if isinstance(finder, _ImportedFiles) or find is None:
                continue
            spec = find(name, path, target)
            if spec is not None:
                if spec.has_location and spec.origin:
                    track(spec.origin)
                return spec
        return None


def _note_failure(error):
    """Watch the files that a failed load went through, and keep showing its first cause: Django
    can't be set up twice, what the next request gets is only a consequence."""
    global _first_failure
    if error is None:
        return
    if _first_failure is not None:
        _say("the site failed to load; the first error in this process was:\n" + _first_failure)
        return
    _first_failure = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        for frame in traceback.extract_tb(error.__traceback__):
            if os.path.exists(frame.filename):
                track(frame.filename)
        if isinstance(error, (SyntaxError, OSError)) and isinstance(error.filename, str):
            track(error.filename)
        if isinstance(error, ImportError) and error.name:
            _track_missing(error.name)
        error = error.__cause__ or error.__context__


def _track_missing(name):
    """Watch the places where the module `name`, which was not found, may yet appear."""
    parent, _, last = name.rpartition(".")
    folders = getattr(sys.modules.get(parent), "__path__", ()) if parent else sys.path
    for folder in list(folders):
        track(os.path.join(folder, last + ".py"))
        track(os.path.join(folder, last, "__init__.py"))


def _shown(path):
    """`path` as seen from the site's folder, if it is in it."""
    return path[len(_here):] if path.startswith(_here) else path


def _say(text):
    # Looked up at each call: mod_wsgi's stderr goes to Apache's error log.
    print("code monitor: " + text, file=sys.stderr, flush=True)
