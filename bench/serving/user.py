"""Root becomes the user of bench/prepare, who reads the programs from a copy."""
import os
import shutil
import sys
from pathlib import Path

from places import BASE

USER = "djwsgi-bench"


def become():
    """Start this program anew as that user, when it is root's."""
    if os.getuid():
        return
    here = Path(__file__).resolve().parent.parent
    code = BASE / "serving-code"
    shutil.rmtree(code, ignore_errors=True)
    shutil.copytree(here, code, ignore=shutil.ignore_patterns("__pycache__"))
    os.chdir(BASE)
    # Nothing of root's environment reaches what is measured.
    environment = {"HOME": str(BASE), "USER": USER, "LANG": "C.UTF-8", "PATH": "/usr/local/bin:/usr/bin:/bin",
                   "PYTHONDONTWRITEBYTECODE": "1"}
    os.execve("/usr/bin/setpriv", ["setpriv", "--reuid", USER, "--regid", USER, "--init-groups", "/usr/bin/python3",
                                   "-u", str(code / "serve.py"), *sys.argv[1:]], environment)
