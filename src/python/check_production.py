"""Check a site as it would run in production, and print what was found as one JSON object.

Django's own `check --deploy`, collectstatic into a folder that is thrown away, and the static files
that templates name. Arguments: the folder of manage.py, the settings module, the folder to collect into, folders that manage.py adds to the path.
"""
import faulthandler
import io
import json
import os
import sys

faulthandler.dump_traceback_later(110, exit=True)
ROOT, SETTINGS, FOLDER, *ADDED = sys.argv[1:]
PRIVATE_STDOUT = os.dup(1)
os.dup2(2, 1)
sys.path[:] = [ROOT, *ADDED] + [entry for entry in sys.path if entry not in ("", ROOT)]
os.environ["DJANGO_SETTINGS_MODULE"] = SETTINGS


def one_line(error):
    return " ".join(("%s: %s" % (type(error).__name__, error)).split())


def checks():
    from django.core import checks as django_checks
    found = django_checks.run_checks(include_deployment_checks=True)
    return [{"id": message.id or "", "level": message.level, "text": " ".join(str(message.msg).split())}
            for message in found if not message.is_silenced()]


def collected(settings):
    """The names of the files that collectstatic makes, or why it fails."""
    if "django.contrib.staticfiles" not in settings.INSTALLED_APPS:
        return [], None
    from django.contrib.staticfiles.storage import staticfiles_storage
    from django.core.files.storage import FileSystemStorage
    from django.core.management import call_command
    settings.STATIC_ROOT = FOLDER
    # What would go to another machine, or to the real folder, is not tried.
    is_local = isinstance(staticfiles_storage, FileSystemStorage)
    if not is_local or os.path.realpath(staticfiles_storage.location) != os.path.realpath(FOLDER):
        return [], None
    try:
        call_command("collectstatic", interactive=False, verbosity=0, stdout=io.StringIO())
    except Exception as error:
        return [], one_line(error)
    names = []
    for folder, _, files in os.walk(FOLDER):
        names.extend(os.path.relpath(os.path.join(folder, name), FOLDER) for name in files)
    return sorted(names), None


def leaves_traces(settings):
    """Whether a server error is written, or mailed, anywhere."""
    import logging
    from django.utils.log import AdminEmailHandler
    logger = logging.getLogger("django.request")
    while logger:
        for handler in logger.handlers:
            only_debug = any(type(one).__name__ == "RequireDebugTrue" for one in handler.filters)
            mails_nobody = isinstance(handler, AdminEmailHandler) and not settings.ADMINS
            if not (only_debug or mails_nobody or isinstance(handler, logging.NullHandler)):
                return True
        logger = logger.parent if logger.propagate else None
    return False


def missing_entries():
    """Static files that templates of the site name and a strict manifest does not have."""
    from django.contrib.staticfiles.storage import staticfiles_storage
    from django.template import engines
    from django.templatetags.static import StaticNode
    if not getattr(staticfiles_storage, "manifest_strict", False):
        return []
    missing = set()
    for engine in (backend.engine for backend in engines.all() if hasattr(backend, "engine")):
        for name in template_names(engine):
            try:
                nodes = engine.get_template(name).nodelist.get_nodes_by_type(StaticNode)
            except Exception:
                # Whoever renders it will see why.
                continue
            for path in (getattr(getattr(node.path, "var", None), "strip", lambda: None)() for node in nodes):
                try:
                    if path:
                        staticfiles_storage.url(path)
                except ValueError:
                    missing.add("%s (%s)" % (path, name))
    return sorted(missing)


def template_names(engine):
    """The templates of the site itself: installed packages have been tested by others."""
    installed = {"site-packages", "dist-packages"}
    for loader in engine.template_loaders:
        for inner in getattr(loader, "loaders", [loader]):
            for top in map(str, getattr(inner, "get_dirs", list)()):
                if installed.intersection(top.split(os.sep)):
                    continue
                for folder, _, files in os.walk(top):
                    for name in files:
                        yield os.path.relpath(os.path.join(folder, name), top)


def main():
    try:
        import django
        django.setup()
        from django.conf import settings
        answer = {"checks": checks(), "leaves_traces": leaves_traces(settings)}
        answer["collected"], answer["collectstatic_error"] = collected(settings)
        answer["missing_entries"] = missing_entries() if answer["collected"] else []
    except BaseException as error:
        answer = {"error": one_line(error)}
    with os.fdopen(PRIVATE_STDOUT, "w", encoding="utf-8") as stdout:
        json.dump(answer, stdout)
    os._exit(0)


main()
