"""The site that is served: `django-admin startproject` with two views, and a style sheet."""
import random
import shutil

from making import replace
from places import SITES, python_of, run

FOLDER = SITES / "serving"
PROJECT = "mysite"
HOST = "mysite.example"
STATIC = FOLDER / "static"
SCRIPT = FOLDER / "apache" / "django.wsgi"
STATIC_BYTES = 6000

VIEWS = '''from django.http import HttpResponse
from django.views.decorators.csrf import csrf_exempt


def hello(request):
    return HttpResponse("Hello, world!")


@csrf_exempt
def upload(request):
    return HttpResponse(str(len(request.body)))
'''

URLS = '''from django.urls import path

from . import views

urlpatterns = [path("", views.hello), path("upload", views.upload)]
'''

# For mod_wsgi-express, whose working directory is not on the path.
SCRIPT_HEAD = "import sys\n\nsys.path.insert(0, {folder!r})\n\n"


def make():
    """Make the site anew."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    for folder in (STATIC, SCRIPT.parent):
        folder.mkdir(parents=True)
    run(FOLDER, python_of("all"), "-m", "django", "startproject", PROJECT, ".")
    package = FOLDER / PROJECT
    replace(package / "settings.py", "DEBUG = True", "DEBUG = False")
    replace(package / "settings.py", "ALLOWED_HOSTS = []", f'ALLOWED_HOSTS = ["{HOST}"]')
    (package / "views.py").write_text(VIEWS)
    (package / "urls.py").write_text(URLS)
    SCRIPT.write_text(SCRIPT_HEAD.format(folder=str(FOLDER)) + (package / "wsgi.py").read_text())
    (STATIC / "site.css").write_text(style_sheet())


def style_sheet():
    # The same in each run, and not so regular that compression would make it tiny.
    numbers = random.Random(1)
    text = ""
    while len(text) < STATIC_BYTES:
        text += ".rule-%d { color: #%06x; }\n" % (numbers.randrange(10 ** 4), numbers.randrange(1 << 24))
    return text
