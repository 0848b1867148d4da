"""A process that answers requests: the number on its answers, and what djwsgi may ask of it."""
import atexit
import os
import select
import socket
import stat
import sys
import threading
import time
import traceback
import types

from . import reads, saves

_CALM = 0.1   # seconds in which the first request is not disturbed
_LOOK = 0.01  # seconds between looks at requests that are still running


def numbered(application, build):
    """`application` with the build it belongs to in a header of each answer."""
    header = ("X-Djwsgi-Build", str(build))

    def answer(environ, start_response):
        def start(status, headers, *exc_info):
            return start_response(status, [*headers, header], *exc_info)

        return application(environ, start)

    return answer


def listen_to(line, listener, later):
    """Follow what djwsgi asks for, in a thread of its own; do `later`, in another, when there is time."""
    def follow():
        try:
            while True:
                message = line.receive()
                if message is None:
                    break
                try:
                    _follow(message, line, listener)
                except Exception:
                    traceback.print_exc()  # what the site has for a template engine may fail
        finally:
            # djwsgi has gone, and Apache with it.
            os._exit(0)

    threading.Thread(target=follow, name="djwsgi", daemon=True).start()
    timer = threading.Timer(_CALM, _quietly, [later])
    timer.daemon = True
    timer.start()


def _quietly(later):
    try:
        later()
    except OSError:
        pass  # djwsgi has gone


def _follow(message, line, listener):
    what = message["do"]
    if what == "checked":
        saves.checked(message["number"])
    elif what == "leave":
        saves.leave()
    elif what == "retire":
        # What else there is to follow meanwhile: that its requests are for newer code.
        threading.Thread(target=_retire, args=[listener, message["grace"]], daemon=True).start()
    elif what == "templates":
        reset_templates()
    elif what == "translations":
        reset_translations(message["path"])
    elif what == "modules":
        names, folders_of_them = _installed_modules()
        line.send(said="modules", names=names, folders=folders_of_them)


def folders():
    """Where the site has what is read while it serves."""
    try:
        return {"templates": _template_folders(), "translations": _locale_folders()}
    except Exception:
        return {}  # a site that could not be loaded, or a template engine of its own


def _locale_folders():
    trans = sys.modules.get("django.utils.translation.trans_real")
    return [] if trans is None else [os.path.abspath(os.fspath(folder)) for folder in trans.all_locale_paths()]


def _template_folders():
    """The folders that the site's template engines look into."""
    engines = sys.modules.get("django.template")
    if engines is None:
        return []
    folders = []
    for engine in engines.engines.all():
        folders.extend(os.path.abspath(os.fspath(folder)) for folder in getattr(engine, "template_dirs", ()))
        inner = getattr(engine, "engine", None)
        for loader in getattr(inner, "template_loaders", ()):
            for one in (loader, *getattr(loader, "loaders", ())):
                dirs = getattr(one, "get_dirs", None)
                if dirs is not None:
                    folders.extend(os.path.abspath(os.fspath(folder)) for folder in dirs())
    return list(dict.fromkeys(folders))


def reset_templates():
    """Have every template read anew: Django keeps them since 4.1 even under DEBUG."""
    from django.template import engines
    from django.template.autoreload import reset_loaders
    reset_loaders()
    for engine in engines.all():
        # Jinja2: its own check compares times, which two quick saves may share.
        cache = getattr(getattr(engine, "env", None), "cache", None)
        if cache is not None:
            cache.clear()


def reset_translations(path):
    """As Django's own reloader does after a change of a .mo file."""
    from pathlib import Path
    from django.utils.translation.reloader import translation_file_changed
    translation_file_changed(None, Path(path))


def _installed_modules():
    """The loaded modules that are neither the site's nor built in, in the order of their import, and
    the folders of those that are not Python's own."""
    names, folders = [], {}
    for name, module in list(sys.modules.items()):
        file = vars(module).get("__file__") if type(module) is types.ModuleType else None
        if isinstance(file, str) and name != "__main__" and not file.startswith(_OWN) and not reads.is_site(file):
            names.append(name)
            folders[os.path.dirname(os.path.abspath(file))] = None
    return names, [folder for folder in folders if reads.is_installed(folder)]


def _retire(listener, grace):
    """Finish the running requests, `grace` seconds at most, and end."""
    end = time.monotonic() + grace
    while time.monotonic() < end and _has_requests(listener):
        time.sleep(_LOOK)
    try:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(0)


def _has_requests(listener):
    """Whether a request waits on the listener or one of its connections is open."""
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    if poll.poll(0):
        return True
    place = _name(listener)
    try:
        descriptors = [int(name) for name in os.listdir("/dev/fd")]
    except OSError:
        return False
    return any(one != listener and _name(one) == place for one in descriptors)


def _name(descriptor):
    """The path of a UNIX socket; None for anything else."""
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return None
        # The site may have a default timeout, which every new socket object sets.
        blocking = os.get_blocking(descriptor)
        with socket.socket(fileno=os.dup(descriptor)) as copy:
            os.set_blocking(descriptor, blocking)
            return copy.getsockname() if copy.family == socket.AF_UNIX else None
    except OSError:
        return None


_OWN = os.path.dirname(os.path.abspath(__file__)) + os.sep
