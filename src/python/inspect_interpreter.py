"""Print what djwsgi needs to know of the interpreter that runs this, as one JSON object.

Nothing of the site is imported. Works on Python 3.8 and newer.
"""
import glob
import importlib.machinery
import importlib.util
import json
import os
import sys
import sysconfig


def version_of(distribution):
    try:
        from importlib.metadata import version
        return version(distribution)
    except Exception:
        return None


def package_folder(name):
    """The folder of a package on sys.path, without importing it."""
    spec = importlib.machinery.PathFinder.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return None
    return list(spec.submodule_search_locations)[0]


def mod_wsgi():
    """The mod_wsgi installed into this environment from PyPI, and the Apache it may bring."""
    folder = package_folder("mod_wsgi")
    modules = glob.glob(os.path.join(glob.escape(folder), "server", "mod_wsgi*.so")) if folder else []
    if not modules:
        return None
    packages = package_folder("mod_wsgi_packages")
    httpd = os.path.join(packages, "httpd", "bin", "httpd") if packages else ""
    return {
        "path": sorted(modules)[0],
        "version": version_of("mod_wsgi") or version_of("mod_wsgi-standalone"),
        "httpd": httpd if os.path.exists(httpd) else None,
    }


def exists(name):
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return True  # "__main__" and the like: taken, in a way of its own


json.dump({
    "executable": sys.executable,
    "version": list(sys.version_info[:3]),
    "prefix": sys.prefix,
    "base_prefix": sys.base_prefix,
    "include": sysconfig.get_path("include"),
    "django": version_of("Django"),
    "mod_wsgi": mod_wsgi(),
    "path": [path for path in sys.path if path],
    "known": [name for name in sys.argv[1:] if exists(name)],
}, sys.stdout)
