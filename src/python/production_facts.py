"""What only production needs to know of a site; executed by ask_django.py, in its namespace."""
import subprocess

LARGE = 1 << 20


def production_facts(settings, root):
    """The facts as a JSON object; `settings` are Django's, `root` is the folder of manage.py."""
    from django.conf import global_settings
    from django.utils.module_loading import import_string

    def is_hashed():
        try:
            backend = settings.STORAGES["staticfiles"]["BACKEND"]
        except (AttributeError, KeyError):
            backend = getattr(settings, "STATICFILES_STORAGE", "")
        try:
            return any("Manifest" in kind.__name__ or "HashedFiles" in kind.__name__
                       for kind in import_string(backend).__mro__)
        except Exception:
            return False

    body = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    middleware = [str(name) for name in settings.MIDDLEWARE or []]
    places = secret_places(settings.SECRET_KEY, root) if settings.SECRET_KEY else []
    return {
        "asgi_application": text(getattr(settings, "ASGI_APPLICATION", None)),
        "whitenoise": any("whitenoise" in name.lower() for name in middleware),
        "sets_csp": any("csp" in name.lower() or "ContentSecurityPolicy" in name for name in middleware),
        "force_script_name": text(settings.FORCE_SCRIPT_NAME),
        "hashed_static": is_hashed(),
        "max_memory_body": body if body != global_settings.DATA_UPLOAD_MAX_MEMORY_SIZE else None,
        "proxy_ssl_header": [str(part) for part in settings.SECURE_PROXY_SSL_HEADER or []],
        "ssl_redirect": bool(settings.SECURE_SSL_REDIRECT),
        "use_x_forwarded_host": bool(settings.USE_X_FORWARDED_HOST),
        "use_x_forwarded_port": bool(settings.USE_X_FORWARDED_PORT),
        "written": [{"setting": name, "kind": kind, "path": os.path.abspath(text(path))}
                    for name, kind, path in written(settings)],
        "secret_key_variables": sorted(name for name, value in os.environ.items() if value == settings.SECRET_KEY),
        "secret_key_in": places,
    }


def written(settings):
    """Files and folders that the site writes: (setting, "file" or "folder", path)."""
    for name, database in settings.DATABASES.items():
        path = database.get("NAME")
        if "sqlite" in database.get("ENGINE", "") and path and ":memory:" not in str(path):
            yield "DATABASES[%r]" % name, "file", path
    for name, cache in settings.CACHES.items():
        if "filebased" in cache.get("BACKEND", "").lower() and cache.get("LOCATION"):
            yield "CACHES[%r]" % name, "folder", cache["LOCATION"]
    for name, handler in (settings.LOGGING or {}).get("handlers", {}).items():
        name_given = handler.get("filename") if isinstance(handler, dict) else None
        # The server's own streams have names too.
        if name_given and not text(name_given).startswith(("/dev/", "/proc/")):
            yield "LOGGING handler %r" % name, "file", name_given
    for name in ("FILE_UPLOAD_TEMP_DIR", "SESSION_FILE_PATH", "EMAIL_FILE_PATH"):
        if getattr(settings, name, None):
            yield name, "folder", getattr(settings, name)


def secret_places(key, root):
    """Files of the repository, or of the site where there is none, that contain the key."""
    key = str(key).encode("utf-8", "surrogateescape")
    # A short one may be part of any word.
    needles = [key] if len(key) > 15 else [b"'%b'" % key, b'"%b"' % key, b"=%b\n" % key]
    found = []
    for name in repository(root):
        text = small(os.path.join(root, name))
        if any(needle in text for needle in needles):
            found.append(name)
    return sorted(found)


def repository(root):
    """The tracked files below `root`, and those that are meant to be."""
    try:
        listed = subprocess.run(["git", "-C", root, "-c", "safe.directory=*", "ls-files", "-z"],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=20)
    except (OSError, subprocess.SubprocessError):
        listed = None
    if listed is not None and listed.returncode == 0 and listed.stdout:
        names = {os.fsdecode(name) for name in listed.stdout.split(b"\0") if name}
        return names | {"djwsgi.toml", "pyproject.toml"}
    found = set()
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in ("node_modules", "__pycache__")
                      and not os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))]
        # Without a repository, a hidden file or secrets.env is the usual place of secrets.
        found.update(os.path.relpath(os.path.join(folder, name), root) for name in files
                     if not name.startswith(".") and not name.endswith(".env"))
    return found - {"djwsgi.local.toml"}


def small(path):
    try:
        if os.path.isfile(path) and os.path.getsize(path) <= LARGE:
            return content(path)
    except OSError:
        pass
    return b""
