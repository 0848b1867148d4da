"""Ask a Django site for its settings and print what djwsgi needs of them as one JSON object.

manage.py is run as `python manage.py check` would run it, up to the point where Django takes over:
so the working directory, sys.path, the environment and the settings module are the ones that the
site's own commands have. What the site prints goes to stderr. Works on Python 3.8 and newer.

Arguments: the path of manage.py, the settings module to use instead of manage.py's, or "", the texts
of production_facts.py and of setting_values.py if they are wanted, or "", and the names of variables whose
values are secret.
"""
import faulthandler
import importlib
import importlib.util
import json
import os
import runpy
import sys
import sysconfig
import traceback

# Settings that hang say where, before djwsgi loses its patience.
faulthandler.dump_traceback_later(50, exit=True)
PRIVATE_STDOUT = os.dup(1)
os.dup2(2, 1)


class Noted:
    """The files of the site that were read, and where more of them were looked for in vain."""

    def __init__(self):
        self.files = set()
        self.python = tuple(os.path.join(sysconfig.get_path(name), "") for name in ("stdlib", "platstdlib"))

    def add(self, path):
        path = os.path.abspath(path)
        if path.endswith(".pyc"):
            try:
                path = importlib.util.source_from_cache(path)
            except ValueError:
                pass
        installed = {"site-packages", "dist-packages"}.intersection(path.split(os.sep))
        if not installed and not path.startswith(self.python):
            self.files.add(path)

    def audit(self, event, arguments):
        if event != "open" or not isinstance(arguments[0], (str, bytes)):
            return
        flags = arguments[2]
        if not isinstance(flags, int) or not flags & (os.O_WRONLY | os.O_RDWR):
            self.add(os.fsdecode(arguments[0]))

    def find_spec(self, name, path=None, target=None):
        """The last of the finders: what comes here was found by none."""
        last = name.rpartition(".")[2]
        for folder in sys.path if path is None else path:
            if isinstance(folder, str):
                self.add(os.path.join(folder, last + ".py"))
                self.add(os.path.join(folder, last, "__init__.py"))


    def below(self, root, folder):
        """Where a file of variables may come: one is looked for without a trace."""
        while True:
            self.add(os.path.join(folder, ".env"))
            if folder == root or os.path.dirname(folder) == folder:
                return
            folder = os.path.dirname(folder)

    def explain(self, values):
        """Whether all of `values` stand in the files that were read."""
        text = b"\n".join(content(path) for path in list(self.files))
        return all(value.encode("utf-8", "surrogateescape") in text for value in values)


def content(path):
    try:
        if os.path.isfile(path):
            with open(path, "rb") as file:
                return file.read(1 << 20)
    except (OSError, ValueError):
        pass
    return b""


class Captured(BaseException):
    """Raised in place of Django's work, once the site has handed over to Django."""


def answer(document):
    with os.fdopen(PRIVATE_STDOUT, "w", encoding="utf-8") as stdout:
        json.dump(document, stdout)
    os._exit(0)


def fail(stage, error):
    """Report `error` by the innermost frame that belongs to the site, else the innermost."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename not in ("<string>", __name__)
           and not frame.filename.startswith("<frozen")]
    site = [frame for frame in own if frame.filename.startswith(ROOT + os.sep)
            and os.sep + "site-packages" + os.sep not in frame.filename]
    code = [frame for frame in own if os.sep + "importlib" + os.sep not in frame.filename]
    last = (site or code or [None])[-1]
    file, line = (last.filename, last.lineno) if last else (None, None)
    if isinstance(error, SyntaxError) and error.filename:
        file, line = error.filename, error.lineno
    skip = next((i for i, frame in enumerate(frames) if frame in own), 0)
    trace = traceback.TracebackException.from_exception(error)
    trace.stack = traceback.StackSummary.from_list(frames[skip:])
    answer({"error": {
        "stage": stage,
        "settings_from_environment": "DJANGO_SETTINGS_MODULE" in given_environment and not OVERRIDE,
        "message": "".join(traceback.format_exception_only(type(error), error)).strip().splitlines()[-1],
        "file": file,
        "line": line,
        "traceback": "".join(trace.format()),
    }})


def run_manage(path):
    from django.core.management import ManagementUtility

    def execute(self):
        raise Captured

    ManagementUtility.execute = execute
    sys.argv = [path, "check"]
    try:
        runpy.run_path(path, run_name="__main__")
    except Captured:
        return
    raise RuntimeError("manage.py ended without handing over to Django")


def wsgi_module(dotted):
    """Import the site's WSGI module up to where it makes the application.

    Returns its file, the settings module it names when nobody else does, and whether it sets its
    own even where one is set already.
    """
    import django.core.wsgi

    def get_wsgi_application():
        raise Captured

    original = django.core.wsgi.get_wsgi_application
    django.core.wsgi.get_wsgi_application = get_wsgi_application
    before = dict(os.environ)
    spec = importlib.util.find_spec(dotted)

    def settings_named(preset):
        os.environ.clear()
        os.environ.update(before)
        os.environ.pop("DJANGO_SETTINGS_MODULE", None)
        if preset:
            os.environ["DJANGO_SETTINGS_MODULE"] = preset
        sys.modules.pop(dotted, None)
        try:
            importlib.import_module(dotted)
        except Captured:
            pass
        except Exception:
            return None
        return os.environ.get("DJANGO_SETTINGS_MODULE")

    try:
        return {
            "file": spec.origin,
            "settings": settings_named(None),
            "insists": settings_named("djwsgi.preset") not in (None, "djwsgi.preset"),
        }
    finally:
        django.core.wsgi.get_wsgi_application = original
        os.environ.clear()
        os.environ.update(before)


def env_reader():
    """The library with which the site read its env file, if it used one."""
    for module in ("environ", "dotenv"):
        if module in sys.modules:
            return module
    return None


def is_text(path):
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def text(value):
    """A setting as text: paths, lazy strings and None included."""
    if value is None:
        return None
    value = os.fspath(value) if hasattr(value, "__fspath__") else str(value)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("the setting %a is not valid UTF-8" % value) from None
    return value


MANAGE, OVERRIDE, PRODUCTION, VALUES, *SECRETS = sys.argv[1:]
ROOT = os.path.dirname(os.path.abspath(MANAGE))
given_path = list(sys.path)
given_environment = dict(os.environ)
noted = Noted()
sys.addaudithook(noted.audit)
sys.meta_path.append(noted)
sys.path[:] = [ROOT] + [entry for entry in sys.path if entry not in ("", ROOT)]
if OVERRIDE:
    os.environ["DJANGO_SETTINGS_MODULE"] = OVERRIDE
if VALUES:
    exec(compile(VALUES, "setting_values.py", "exec"))
    note_lookups()
try:
    run_manage(MANAGE)
except BaseException as error:
    fail("manage.py", error)
if OVERRIDE:
    os.environ["DJANGO_SETTINGS_MODULE"] = OVERRIDE

added = {name: value for name, value in sorted(os.environ.items())
         if given_environment.get(name) != value and name != "DJANGO_SETTINGS_MODULE"}
module = os.environ.get("DJANGO_SETTINGS_MODULE")
if not module:
    fail("manage.py", RuntimeError("manage.py sets no DJANGO_SETTINGS_MODULE"))
reader = env_reader()
try:
    import django
    from django.conf import settings
    settings.DEBUG
    static_root, media_root = text(settings.STATIC_ROOT), text(settings.MEDIA_ROOT)
    document = {
        "django": django.get_version(),
        "settings": module,
        "settings_from_environment": "DJANGO_SETTINGS_MODULE" in given_environment and not OVERRIDE,
        "settings_file": getattr(sys.modules.get(module), "__file__", None),
        "added_environment": added,
        "env_reader": reader,
        "added_path": [os.path.abspath(entry) for entry in sys.path
                       if entry not in given_path and os.path.abspath(entry) != ROOT],
        "debug": bool(settings.DEBUG),
        "allowed_hosts": [str(host) for host in settings.ALLOWED_HOSTS],
        # As written: Django's own answer already has the script prefix of this process in it.
        "static_url": text(settings._wrapped.STATIC_URL),
        "static_root": os.path.abspath(static_root) if static_root else None,
        "media_url": text(settings._wrapped.MEDIA_URL),
        "media_root": os.path.abspath(media_root) if media_root else None,
        "staticfiles": "django.contrib.staticfiles" in settings.INSTALLED_APPS,
        "wsgi_application": settings.WSGI_APPLICATION,
        "wsgi": None,
    }
    if PRODUCTION:
        exec(compile(PRODUCTION, "production_facts.py", "exec"))
        document["production"] = production_facts(settings, ROOT)
    if VALUES:
        # What is looked up for this is not the site's.
        document["values"] = {"looked_up": looked_up(), "settings": setting_values(settings, SECRETS)}
except BaseException as error:
    fail("settings", error)

try:
    if document["wsgi_application"]:
        document["wsgi"] = wsgi_module(document["wsgi_application"].rpartition(".")[0])
except BaseException:
    # A WSGI module that can't be looked at is reported when the site is served.
    pass
noted.below(ROOT, os.path.dirname(os.path.abspath(document["settings_file"] or MANAGE)))
# What was computed or fetched is another the next time, or is nobody's to keep.
files = sorted(path for path in list(noted.files) if is_text(path)) if not PRODUCTION and noted.explain(added.values()) else None
document["files"] = files
answer(document)
