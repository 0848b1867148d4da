"""The imports that a module begins with: whatever is changed in it, most often they stay.

A process that stands by before the module can execute them already, for the module would do nothing
else first.
"""
import importlib
import importlib.util
import warnings

from . import reads


def find(path):
    """The installed modules that the one at `path` imports before it does anything else, as
    [(module, names imported from it)], and the beginning of its source that says so."""
    import ast  # a start need not wait for it
    was, reads.finding = reads.finding, True  # it is read again when it is executed
    try:
        with open(path, "rb") as file:
            source = file.read()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(source).body
    except (OSError, SyntaxError, ValueError, RecursionError):
        return [], b""
    finally:
        reads.finding = was
    found, end = [], 0
    for number, node in enumerate(body):
        if isinstance(node, ast.Import):
            imported = [(alias.name, []) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            imported = [(node.module, [alias.name for alias in node.names])]
        elif number == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue  # the docstring
        else:
            break
        if not all(_is_installed(module.partition(".")[0]) for module, _ in imported):
            break
        found += imported
        end = node.end_lineno
    return found, b"".join(source.splitlines(keepends=True)[:end])


def load(found):
    """Import them as the statements would."""
    for name, members in found:
        module = importlib.import_module(name)
        for member in members:
            if member != "*" and hasattr(module, "__path__") and not hasattr(module, member):
                try:
                    importlib.import_module("%s.%s" % (name, member))
                except ModuleNotFoundError:
                    pass  # the statement itself will say so


def _is_installed(name):
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    if spec is None or spec.origin is None:
        return False
    return not spec.has_location or not reads.is_site(spec.origin)
