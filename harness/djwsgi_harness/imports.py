"""The modules of the site as they load: a finder before all others.

It finds nothing itself. It notes what was found and what was not, has the site's modules compiled
from their source, and lets the process know before one of them is executed.
"""
import importlib.machinery
import importlib.util
import marshal
import os
import sys

from . import reads

_MAGIC = importlib.util.MAGIC_NUMBER
_compiled = []  # (file, code) not written yet
_cache = None


def install(before_module, check, cache):
    """Put the finder in its place.

    `before_module`: called with a module's name and path before it is read; True if time has passed
    meanwhile. `check`: called with a module's path, None if that leads there no longer, and the source
    that is about to be executed. `cache`: folder for compiled modules, named by their contents.
    """
    global _cache
    _cache = cache
    sys.meta_path.insert(0, SiteFinder(before_module, check))


def save_compiled():
    """Write down what was compiled; when there is time for it."""
    global _compiled
    compiled, _compiled = _compiled, []
    for file, code in compiled:
        try:
            temporary = "%s.%d" % (file, os.getpid())
            with open(temporary, "wb") as out:
                out.write(marshal.dumps(code))
            os.replace(temporary, file)
        except OSError:
            return  # no room: it is compiled again next time


class SiteFinder:
    def __init__(self, before_module, check):
        self.before_module = before_module
        self.check = check

    def find_spec(self, name, path=None, target=None):
        if path is not None and not _has_site_folder(path):
            # Inside of an installed package; the other finders are asked next.
            return None
        spec = self._ask_others(name, path, target)
        if spec is None:
            _note_missing(name, path, None)
            return None
        origin = spec.origin if spec.has_location else None
        if origin is None:
            if spec.submodule_search_locations is not None:
                # A folder without __init__.py: it would be another package with one.
                for folder in list(spec.submodule_search_locations):
                    if reads.is_site_folder(folder):
                        reads.note_missing(os.path.join(folder, "__init__.py"))
            return spec
        _note_missing(name, path, origin)
        if reads.is_site(origin):
            if type(spec.loader) is importlib.machinery.SourceFileLoader:
                spec.loader = SiteLoader(spec.loader.name, spec.loader.path, self, path)
            else:
                # Compiled, or through a loader of its own: djwsgi knows its file at least.
                reads.note_file(origin)
        return spec

    def _ask_others(self, name, path, target):
        was, reads.finding = reads.finding, True
        try:
            for finder in sys.meta_path:
                find = getattr(finder, "find_spec", None)
                if finder is self or find is None:
                    continue
                spec = find(name, path, target)
                if spec is not None:
                    return spec
            return None
        finally:
            reads.finding = was


class SiteLoader(importlib.machinery.SourceFileLoader):
    """Loads a module of the site from its source: Python takes compiled files for current by size and
    whole second, so of two saves within a second the first could run for ever."""

    def __init__(self, name, path, finder, folders):
        super().__init__(name, path)
        self._finder = finder
        self._folders = folders

    def exec_module(self, module):
        name = module.__name__
        if self._finder.before_module(name, self.path):
            spec = self._finder.find_spec(name, self._folders)
            if spec is None or spec.origin != self.path:
                # It has gone, or become a package.
                self._finder.check(None, b"")
        super().exec_module(module)

    def get_code(self, fullname):
        source = source_of(self.path)
        self._finder.check(self.path, source)
        reads.note_source(self.path, source)
        return compiled(self.path, source)


def source_of(path):
    """What is in a file of the site that is about to be executed, read once."""
    was, reads.finding = reads.finding, True
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        reads.note_missing(path)
        raise
    finally:
        reads.finding = was


def compiled(path, source):
    """The code of `source`, from the cache if it is there: by its contents, so never a wrong one."""
    key = reads.digest(b"\0".join((_MAGIC, os.fsencode(path), source)))
    file = os.path.join(_cache, key)
    code = _read_compiled(file)
    if code is None:
        code = compile(source, path, "exec", dont_inherit=True)
        _compiled.append((file, code))
    return code


def _read_compiled(file):
    try:
        with open(file, "rb") as cached:
            return marshal.loads(cached.read())
    except (OSError, EOFError, ValueError, TypeError):
        return None


def finders_of_site():
    """What looks into the site's folders, and keeps lists of what is there."""
    return [finder for folder, finder in list(sys.path_importer_cache.items())
            if hasattr(finder, "invalidate_caches") and reads.is_site_folder(folder)]


def forget_folders(finders):
    """Have the site's folders listed anew: time has passed since that was done."""
    reads.forget_folders()
    for finder in finders:
        finder.invalidate_caches()


def _has_site_folder(path):
    for folder in path:
        if isinstance(folder, str) and reads.is_site_folder(folder):
            return True
    return False


def _note_missing(name, path, found):
    """Note where the module `name` was looked for in vain before it was `found` or not at all."""
    last = name.rpartition(".")[2]
    there = None if found is None else os.path.dirname(found)
    for folder in sys.path if path is None else path:
        if not isinstance(folder, str):
            continue
        folder = folder or os.getcwd()
        of_site = reads.is_site_folder(folder) and os.path.isdir(folder)
        if of_site or there != folder:
            package = os.path.join(folder, last, "__init__.py")
            if found == package:
                return
            if of_site:
                # Python looks for a package before it looks for a module.
                reads.note_missing(package)
        if there == folder:
            return
        if of_site:
            reads.note_missing(os.path.join(folder, last + ".py"))
