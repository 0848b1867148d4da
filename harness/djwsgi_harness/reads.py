"""Which files this process has read while it loaded the site, and what was in them.

The rule that makes the reload correct: a process may serve only if nothing that it has read has
changed since. So every read is noted with a digest of the contents, also the place where a module
was looked for and not found, and every folder that was listed. djwsgi compares with the disk.
"""
import hashlib
import itertools
import json
import os
import stat
import sys

# Larger files are told apart by size and time; the same rule stands in djwsgi.
LARGE = 16 * 1024 * 1024
_MANY = 64  # so many are worth a message
# What a listing leaves out, because editors and Python make such files in passing.
_PASSING = ("~", ".pyc", ".pyo", ".swp", ".swx", ".tmp")

_noted = {}
_told = 0         # how many of them djwsgi has been told of early
_last = {}
_written = set()
_roots = ()
_apart = ()
_announce = None
_early = None
_folders = {}
_real_folders = {}
_hooked = False
_record = None
sources = 0       # modules of the site that were read
loading = False   # only then are files noted that are not modules
finding = False   # the import system looks into folders on its own account


def begin(roots, apart):
    """From now on: `roots` are the folders of the site, `apart` those that are never a part of it."""
    global _roots, _apart, _hooked
    _roots = tuple(os.path.join(root, "") for root in roots)
    _apart = tuple(os.path.join(folder, "") for folder in apart)
    if not _hooked:
        _hooked = True
        sys.addaudithook(_audit)


def record_in(path):
    """Note what is read in the file at `path` as well: djwsgi finds it there if this process dies
    before it can say so. None: no longer."""
    global _record
    if _record is not None:
        os.close(_record)
    _record = None if path is None else os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_APPEND, 0o600)


def tell_early(send):
    """From now on what is noted is told through `send` in large parts as well, before it is taken: what
    djwsgi has to do for it, it can do while the load goes on."""
    global _early
    _early = send


def announce_with(send):
    """From now on every read is reported at once through `send`."""
    global _announce
    _announce = send


def take():
    """What was noted since the last time: {path: digest, or None where nothing is}."""
    global _noted, _told
    noted, _noted, _told = _noted, {}, 0
    return noted


def count():
    """How much was read."""
    return len(_last)


def concerns(path, content_only):
    """Whether something was read at `path` or looked for there; unless its content alone may have
    changed, also whether that is so below it, or its folder was listed."""
    if path in _last:
        return True
    if content_only:
        return False
    folder, name = os.path.split(path)
    below = path + os.sep
    return (folder in _last and _counts(name)) or any(known.startswith(below) for known in list(_last))


def written():
    """The files that the site has written itself while it loaded."""
    return sorted(_written)


def is_site(path):
    """Whether the module at `path` belongs to the site: neither Python nor an installed package."""
    return is_site_folder(os.path.dirname(path))


def is_site_folder(folder):
    """The same for what lies in `folder`."""
    known = _folders.get(folder)
    if known is None:
        known = _folders[folder] = _is_site_folder(folder)
    return known


def is_installed(folder):
    """Whether a folder belongs to an installed package."""
    parts = folder.split(os.sep)
    return "site-packages" in parts or "dist-packages" in parts


def note_source(path, source):
    """A module of the site was read: `source` is what will be executed."""
    global sources
    sources += 1
    _note(path, digest(source))


def note_file(path):
    """The file at `path` is about to be read by somebody."""
    _note(path, digest_of(path))


def note_missing(path):
    """Something was looked for at `path`, where nothing is."""
    _note(path, None)


def digest(data):
    return hashlib.sha256(data).hexdigest()[:32]


def digest_of(path):
    """The digest of a regular file; None when there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return None
        if status.st_size > LARGE:
            return "large:%d:%d" % (status.st_size, status.st_mtime_ns)
        with open(descriptor, "rb", closefd=False) as file:
            return digest(file.read())
    except OSError:
        return None
    finally:
        os.close(descriptor)


def digest_of_folder(path):
    """The digest of the names in a folder."""
    try:
        names = os.listdir(path)
    except OSError:
        return None
    kept = sorted(os.fsencode(name) for name in names if _counts(name))
    return digest(b"\0".join(kept))


def _counts(name):
    return not name.startswith(".") and name != "__pycache__" and not name.endswith(_PASSING)


def _note(path, content):
    global _told
    try:
        path.encode()
    except UnicodeEncodeError:
        return  # bytes that are no text can't be told to djwsgi
    # The name itself and what it leads to: a link may be pointed elsewhere.
    real = _real(path)
    for name in {path, real}:
        if name not in _last or _last[name] != content:
            # The first reading counts: what was executed then stays in this process.
            _last.setdefault(name, content)
            _noted.setdefault(name, content)
            if _record is not None:
                os.write(_record, json.dumps({name: content}).encode() + b"\n")
    if _early is not None and len(_noted) - _told >= _MANY:
        part, _told = dict(itertools.islice(_noted.items(), _told, None)), len(_noted)
        _send(_early, part)
    if _announce is not None:
        noted = take()
        if noted:
            _send(_announce, noted)


def _send(send, noted):
    try:
        send(noted)
    except OSError:
        pass  # djwsgi has gone, and this process is about to


def _real(path):
    """`os.path.realpath` of an absolute path, for which each folder is looked at once."""
    folder, name = os.path.split(path)
    if not name or name in (".", ".."):
        return os.path.realpath(path)
    known = _real_folders.get(folder)
    if known is None:
        known = _real_folders[folder] = _real(folder)
    real = os.path.join(known, name)
    return os.path.realpath(real) if os.path.islink(real) else real


def forget_folders():
    """Time has passed: a folder's link may lead elsewhere."""
    _real_folders.clear()


def _is_site_folder(folder):
    folder = os.path.abspath(folder)
    for folder in {folder, _real(folder)}:
        if is_installed(folder):
            return False
        if any((folder + os.sep).startswith(place) for place in _PYTHON):
            return False
    return True


def _in_roots(path):
    return path.startswith(_roots) and not path.startswith(_apart)


def _audit(event, arguments):
    # Called for every audited event of the process: the common case must be short.
    if not loading or finding:
        return
    if event == "open":
        path = arguments[0]
        # Most of what is opened are compiled modules of installed packages.
        if type(path) is not str or not path.endswith(".pyc"):
            _opened(*arguments[:3])
    elif event in ("os.listdir", "os.scandir"):
        _listed(arguments[0])


def _opened(path, _mode, flags):
    global finding
    if not isinstance(path, (str, bytes)):
        return
    finding = True  # what is opened here is no reading of the site's
    try:
        path = os.path.abspath(os.fsdecode(path))
        if not _in_roots(path) or path.endswith((".pyc", ".mo")) or not is_site(path):
            return
        if flags & os.O_ACCMODE != os.O_RDONLY:
            # A site that writes a file while it loads would be reloaded for ever.
            _written.update({path, os.path.realpath(path)})
        elif path not in _written:
            note_file(path)
    finally:
        finding = False


def _listed(path):
    global finding
    if not isinstance(path, (str, bytes)):
        return
    finding = True
    try:
        path = os.path.abspath(os.fsdecode(path))
        if _in_roots(os.path.join(path, "")) and is_site_folder(path):
            _note(path, digest_of_folder(path))
    finally:
        finding = False


def _python():
    """The folders of Python's own modules. (`sysconfig` knows them as well, but has to be imported.)"""
    parts = [folder for folder in sys.path if os.path.basename(folder) == "lib-dynload"]
    folders = {os.path.dirname(os.__file__), *map(os.path.dirname, parts)}
    return tuple({os.path.join(place, "") for folder in folders for place in (folder, os.path.realpath(folder))})


_PYTHON = _python()
