"""Every setting of a site, made comparable, and shown where that does no harm; executed by ask_django.py, in its
namespace. A value that may be secret never leaves this process, only a digest of it."""
import datetime
import decimal
import enum
import hashlib
import pathlib
import re
import types

# What Django itself hides on its pages of errors, and a few more.
SECRET_NAMES = re.compile("API|AUTH|TOKEN|KEY|SECRET|PASS|PWD|CREDENTIAL|DSN|PRIVATE|SIGNATURE|HTTP_COOKIE", re.I)
# An address with a name, or a name and a password, in it.
WITH_ACCOUNT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/\s'\"]*@")
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
# Lists of names, compared one by one.
LISTS = ("INSTALLED_APPS", "MIDDLEWARE")
# Said by DJANGO_SETTINGS_MODULE.
LEFT_OUT = ("SETTINGS_MODULE",)
PLAIN = (str, bytes, bool, int, float, complex, type(None), decimal.Decimal, enum.Enum,
         datetime.date, datetime.time, datetime.timedelta, datetime.tzinfo)
# Variables that are no secret of anybody's, though the settings look them up.
OPEN = ("DJANGO_SETTINGS_MODULE", "DJANGO_CONFIGURATION", "PATH", "HOME", "USER", "LANG", "TMPDIR", "PWD")
DEEPEST = 12


class NotedEnvironment(type(os.environ)):
    """The environment, with the names that were asked for one by one; all together tells nothing."""

    def __getitem__(self, name):
        if name == self.__dict__.get("listed"):
            self.__dict__["listed"] = None
        else:
            self.__dict__.setdefault("looked_up", set()).add(name)
        return super().__getitem__(name)

    def __iter__(self):
        for name in super().__iter__():
            # Whoever goes through all of them asks for each next.
            self.__dict__["listed"] = name
            yield name
        self.__dict__["listed"] = None


def note_lookups():
    os.environ.__class__ = NotedEnvironment


def looked_up():
    return sorted(name for name in os.environ.__dict__.get("looked_up", ()) if isinstance(name, str))


def setting_values(settings, hidden_variables):
    """Names (with the keys inside of a value) and values; `hidden_variables` are those whose values are secret,
    like those of all that was looked up."""
    hidden = set(hidden_variables).union(looked_up()).difference(OPEN)
    given = {os.environ.get(name, "") for name in hidden} - {""}
    values = {}
    for name in dir(settings._wrapped):
        if name.isupper() and name not in LEFT_OUT:
            try:
                value = getattr(settings, name)
            except Exception as error:
                # Django refuses some with what else is set.
                values[name] = leaf("(%s)" % type(error).__name__, str(error), True)
                continue
            add(values, name, value, given, 0)
    return values


def add(values, name, value, given, depth):
    is_list = isinstance(value, (list, tuple))
    if isinstance(value, dict) and value and depth < DEEPEST:
        for key, inner in value.items():
            add(values, "%s.%s" % (name, key), inner, given, depth + 1)
    elif is_list and any(isinstance(inner, dict) for inner in value) and depth < DEEPEST:
        for index, inner in enumerate(value):
            add(values, "%s[%d]" % (name, index), inner, given, depth + 1)
    else:
        shown = shown_value(value, 0)
        found = leaf(shown, exact_value(value, 0), is_secret(name, shown, value, given))
        if name in LISTS and is_list and found["shown"] is not None:
            found["items"] = [str(item) for item in value]
        values[name] = found


def leaf(shown, exact, is_hidden):
    digest = hashlib.sha256(exact.encode("utf-8", "backslashreplace")).hexdigest()
    printable = shown.encode("utf-8", "backslashreplace").decode()
    return {"shown": None if is_hidden else printable, "digest": digest}


def is_secret(name, shown, value, given):
    if SECRET_NAMES.search(name) or WITH_ACCOUNT.search(shown):
        return True
    if any(len(own) >= 8 and own in shown for own in given):
        return True
    return any(text in given for text in texts(value, 0))


def texts(value, depth):
    if isinstance(value, (list, tuple, set, frozenset)) and depth < DEEPEST:
        for inner in value:
            yield from texts(inner, depth + 1)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield str(value)
    elif isinstance(value, (str, pathlib.PurePath)):
        yield str(value)


def shown_value(value, depth):
    """The value as people read it; of what may hold anything its kind only."""
    if isinstance(value, pathlib.PurePath):
        return repr(str(value))
    if isinstance(value, re.Pattern):
        return "re.compile(%r)" % (value.pattern,)
    if isinstance(value, PLAIN):
        return repr(value)
    if isinstance(value, type) or isinstance(value, (types.FunctionType, types.BuiltinFunctionType)):
        return "%s.%s" % (value.__module__, value.__qualname__)
    if type(value).__module__ == "django.utils.functional" and type(value).__name__ == "__proxy__":
        return repr(str(value))
    if depth >= DEEPEST:
        return "…"
    if isinstance(value, (list, tuple)):
        inner = ", ".join(shown_value(one, depth + 1) for one in value)
        return "[%s]" % inner
    if isinstance(value, (set, frozenset)):
        return "{%s}" % ", ".join(sorted(shown_value(one, depth + 1) for one in value))
    if isinstance(value, dict):
        pairs = ("%s: %s" % (shown_value(key, depth + 1), "(hidden)" if SECRET_NAMES.search(str(key))
                             else shown_value(one, depth + 1)) for key, one in value.items())
        return "{%s}" % ", ".join(pairs)
    return "%s.%s object" % (type(value).__module__, type(value).__qualname__)


def exact_value(value, depth):
    """A text that is the same for the same value, in another process too."""
    if depth < DEEPEST and isinstance(value, (list, tuple)):
        return "[%s]" % "\0".join(exact_value(one, depth + 1) for one in value)
    if depth < DEEPEST and isinstance(value, (set, frozenset)):
        return "{%s}" % "\0".join(sorted(exact_value(one, depth + 1) for one in value))
    if depth < DEEPEST and isinstance(value, dict):
        return "{%s}" % "\0".join("%s:%s" % (exact_value(key, depth + 1), exact_value(one, depth + 1))
                                  for key, one in value.items())
    shown = shown_value(value, depth)
    if shown.endswith(" object"):
        try:
            shown += ADDRESS.sub("", repr(value))
        except Exception:
            pass
    return shown
