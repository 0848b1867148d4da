"""A process of `djwsgi dev` and its life.

The root is mod_wsgi's own daemon process; it loads nothing of the site and stays for good. From it a
process is forked that loads the site. On its way it may stop before a module that is likely to
change: then it stays behind as a standby, and its fork goes on. What djwsgi asks for after a save is
a fork of the deepest standby that has not read what was changed.
"""
import faulthandler
import gc
import json
import os
import signal
import socket
import sys
import time
import traceback
import types

from . import ahead, control, imports, leading, page, reads, saves, serving, standby

_MOST_STANDBYS = 8   # besides those before what is likely to change
_QUICK = 50         # milliseconds
_WORTH_IT = 10      # modules more than the standby before has

_config = {}
_line = None
_listener = -1       # the descriptor that mod_wsgi accepts on
_children = None
_order = {}          # what this process was forked for
_began = 0.0         # when
_last_stop = 0.0
_stops = 0
_obstacle = None
_more = False        # packages that need settings were imported ahead
_leading = {}        # of a path, the beginning of its source that was executed before its turn


def start(config_file):
    """Be the root. Returns the application, in processes forked from this one only."""
    try:
        return _start(config_file)
    except BaseException:
        # Without djwsgi, or with a fault of ours, nothing must remain that takes requests.
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


def _start(config_file):
    global _config, _children, _listener
    with open(config_file, encoding="utf-8") as file:
        _config = json.load(file)
    _children = standby.Children()
    _listener, saves.place = _find_listener(_config["run"])
    standby.plain_signals()
    _connect({"role": "root"}, 0, saves.place)
    standby.remember_descriptors()
    pid_here = os.getpid()
    _forked(standby.wait_for_orders(_line, _children), pid_here)
    return _load()


def _connect(order, parent, place=None):
    global _line
    if _line is not None:
        _line.close()
    _line = control.connect(_config["socket"])
    _line.send(said="hello", pid=os.getpid(), parent=parent, role=order["role"], build=order.get("build", 0),
               index=order.get("index", 0), start=_config["start"], place=place)


def _forked(order, parent):
    """In a process just forked: become what `order` says."""
    global _order, _began, _last_stop, _stops, _obstacle
    _order, _obstacle, _stops = order, None, 0
    _began = _last_stop = time.monotonic()
    gc.disable()
    standby.plain_signals()
    if "listener" in order:
        os.dup2(order["listener"], _listener)
        os.close(order["listener"])
    _connect(order, parent)
    for name, value in order.get("environment", {}).items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    faulthandler.enable(file=2)
    faulthandler.register(signal.SIGUSR2, file=2, all_threads=False)


def _load():
    """Load the site, or what `order` asks for instead, and return the application."""
    if _order["role"] in ("renew", "warm", "rehearse"):
        # Only what is forked from the root comes here, which is as old as Apache.
        _renew_packages()
    reads.begin(_config["roots"], [_config["state"]])
    reads.tell_early(lambda noted: _line.send(said="noted", reads=noted))
    # What is imported ahead may lead to the site as well.
    imports.install(_before_module, _check, _config["cache"])
    if _order["role"] == "warm":
        _warm_up()
    if _order["role"] == "error":
        title, detail = _order["title"], _order["detail"]
        failed = {"title": title, "file": "", "line": 0, "detail": ""}
        return _serve(page.application(title, "", detail, _order["build"]), failed)
    failed = None
    try:
        _record_reads()
        reads.loading = True
        application = _run_script(_config["script"])
        _load_urls()
    except BaseException as error:
        failed, application = _failure(error)
    finally:
        reads.loading = False
    if _order["role"] == "rehearse":
        _line.send(said="rehearsed", failed=failed, obstacle=_obstacle, reads=reads.take(), wrote=reads.written())
        os._exit(0)
    return _serve(application, failed)


def _serve(application, failed):
    """Ask djwsgi for leave to answer requests, and wait for it."""
    took = (time.monotonic() - _began) * 1000
    # After a quick load they are most likely known, and an answer is waited for.
    known = failed is not None or took < _QUICK
    folders = {} if known else serving.folders()
    _line.send(said="loaded", failed=failed, obstacle=_obstacle, reads=reads.take(), wrote=reads.written(),
               folders=folders, took=took)
    message = _line.receive()
    if message is None or message["do"] != "go":
        os._exit(0)
    reads.record_in(None)
    faulthandler.unregister(signal.SIGUSR2)
    if "mod_wsgi" in sys.modules:
        # To mod_wsgi there is one, from which those that serve are forked.
        sys.modules["mod_wsgi"].maximum_processes = _config["processes"]
    gc.freeze()
    reads.tell_early(None)
    reads.announce_with(_announce)
    saves.begin(_line, _listener, message)
    standby.outlive_rejection()
    serving.listen_to(_line, _listener, _have_time)
    return serving.numbered(application, _order["build"])


def _announce(noted):
    """More was read while it serves."""
    _line.send(said="read", reads=noted)
    saves.look_again()


def _have_time():
    """What no answer waits for."""
    gc.enable()
    imports.save_compiled()
    _line.send(said="folders", folders=serving.folders())


def _run_script(path):
    """Execute the site's WSGI script and return its application."""
    _before_module("the WSGI script", path)
    source = imports.source_of(path)
    reads.note_source(path, source)
    module = types.ModuleType("djwsgi_site_script")
    module.__file__ = path
    sys.modules[module.__name__] = module
    exec(imports.compiled(path, source), module.__dict__)
    return module.application


def _load_urls():
    """Load what the first request would: the URLconf and with it the views."""
    from django.conf import settings
    if settings.configured or os.environ.get("DJANGO_SETTINGS_MODULE"):
        from django.urls import get_resolver
        get_resolver().url_patterns


def _before_module(name, path):
    """Stop here, if the module at `path` is likely to change, or much was loaded since the last stop:
    this process stays behind as a standby and a fork of it goes on. True in a process that was forked
    later, when djwsgi asked for it: what was found before may not be there any more."""
    global _obstacle, _stops
    if _order.get("stops") is None or _obstacle is not None:
        return False
    file = os.path.realpath(path)
    is_likely = file in _order["stops"]
    if not is_likely and (_stops >= _MOST_STANDBYS or time.monotonic() - _last_stop <= _config["spread"]):
        return False
    _obstacle = _unsafe()
    if _obstacle is not None:
        return False
    _import_more()
    if not is_likely:
        _stops += 1
    later = _stop(name, file if is_likely else None)
    # Also where this is asked for later.
    if _order["role"] == "rehearse" and _import_leading(name, path):
        later = _stop(name + ", after its imports", file) or later
    return later


def _stop(place, before):
    global _last_stop
    was, reads.loading = reads.loading, False
    later = _stay_behind(place, before)
    reads.loading = was
    _last_stop = time.monotonic()
    return later


def _import_leading(name, path):
    """Before a module that is likely to change: do what it does first, and what can be done ahead then.
    Whether that is worth a standby of its own."""
    global _obstacle
    if os.path.realpath(path) not in _order["stops"]:
        return False
    count = len(sys.modules)
    modules, _leading[path] = leading.find(path)
    try:
        leading.load(modules)
    except BaseException:
        return False  # the module itself will meet that, too
    if _order["role"] != "rehearse":
        return False  # forked in the midst of that, and asked for
    _import_ahead(name)
    _obstacle = _unsafe()
    return _obstacle is None and len(sys.modules) - count >= _WORTH_IT


def _check(path, source):
    """Before a module is executed: what was done for it before may not fit any more."""
    if path is None or not source.startswith(_leading.pop(path, b"")):
        if not ahead.trying:
            _line.send(said="unfit")
            # Its end is not to be heard of first.
            _line.receive()
        os._exit(0)


def _stay_behind(name, before):
    """Fork. The fork returns False and goes on; this process returns True in forks that djwsgi asks
    for. `before`: the file of what is to be executed next, if djwsgi wanted a stop there."""
    pid_here = os.getpid()
    _line.send(said="held", at=name, before=before, modules=len(sys.modules), reads=reads.take(), wrote=reads.written())
    pid = os.fork()
    if pid == 0:
        _children.forget()
        _connect(_order, pid_here)
        _record_reads()
        return False
    _children.add(pid, _order)
    # Found here once: after a fork, each look at one of them would copy it first.
    finders = imports.finders_of_site()
    _forked(standby.wait_for_orders(_line, _children), pid_here)
    imports.forget_folders(finders)
    _record_reads()
    return True


def _record_reads():
    reads.record_in(os.path.join(_config["run"], "reads-%d" % os.getpid()))


def _warm_up():
    """Import installed packages that need no settings, and stand by before anything of the site."""
    _import_ahead("packages")
    pid_here = os.getpid()
    _line.send(said="held", at="", before=None, modules=len(sys.modules), reads=reads.take(), wrote=[])
    _forked(standby.wait_for_orders(_line, _children), pid_here)


def _import_more():
    """In a rehearsal, once the settings are there: import the packages that needed them."""
    global _more
    apps = sys.modules.get("django.apps")
    if _order["role"] == "rehearse" and not _more and apps is not None and apps.apps.apps_ready:
        _more = True
        _import_ahead("settings")


def _import_ahead(stage):
    ahead.import_ahead(stage, _config, _unsafe)


def _unsafe(own=frozenset()):
    return standby.obstacle({_line.fileno(), _listener, *own})


def _renew_packages():
    """Installed packages have changed: look at the folders and their .pth files again."""
    import importlib
    import site
    importlib.invalidate_caches()
    sys.path_importer_cache.clear()
    for folder in [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]:
        site.addsitedir(folder)


def _failure(error):
    """What to say of a load that failed, and the application that says it."""
    trace = traceback.TracebackException.from_exception(error)
    # Without the frames of ours above and the import system's between.
    frames = [frame for frame in trace.stack
              if not frame.filename.startswith(_OWN) and not frame.filename.startswith("<frozen importlib")]
    trace.stack = traceback.StackSummary.from_list(frames)
    detail = "".join(trace.format())
    title = "".join(trace.format_exception_only()).strip().splitlines()[-1]
    last = next((frame for frame in reversed(frames) if reads.is_site(frame.filename)), None)
    file, number = (last.filename, last.lineno) if last else ("", 0)
    if isinstance(error, SyntaxError) and error.filename:
        file, number = error.filename, error.lineno
    if isinstance(error, SystemExit):
        title = "the site called sys.exit(%s) while it loaded" % ("" if error.code is None else repr(error.code))
    place = "%s, line %s" % (file, number) if file else ""
    failed = {"title": title, "file": file, "line": number or 0, "detail": detail}
    return failed, page.application(title, place, detail, _order.get("build", 0))


def _find_listener(run):
    """The descriptor of the socket on which mod_wsgi will accept requests, and its path."""
    for descriptor in range(3, 1024):
        try:
            with socket.socket(fileno=os.dup(descriptor)) as copy:
                if copy.family != socket.AF_UNIX or not copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    continue
                place = copy.getsockname()
        except OSError:
            continue
        if isinstance(place, str) and place.startswith(run):
            return descriptor, place
    raise RuntimeError("mod_wsgi's listening socket was not found below " + run)


_OWN = os.path.dirname(os.path.abspath(__file__)) + os.sep
