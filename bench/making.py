"""Makes the sites that are measured, and the files that have nothing to do with them."""
import shutil

from places import BASE, DJWSGI, SITES, python_of, run
from sites import BRANCH_FILES, BRANCH_IMPORTED, BRANCHES, NAP, STARTPROJECT, VIEW_MODULES, WAGTAIL

VIEWS = '''import time

from django.http import HttpResponse

from . import models

MARK = "mark:0:"


def show(request):
    return HttpResponse("%s, %d rows" % (MARK, models.{model}.objects.count()))


def show_models(request):
    return HttpResponse(models.MARK)


def nap(request):
    time.sleep({nap})
    return HttpResponse("slept, " + MARK)
'''

VIEW_MODULE = '''from django.http import HttpResponse

MARK = "mark:0:"


def show(request):
    return HttpResponse(MARK)
'''

URLS = '''from django.urls import path

from . import views
{imports}
urlpatterns = [
    path("", views.show),
    path("models/", views.show_models),
    path("nap/", views.nap),
{paths}]
'''

# What a mixture of two branches answers is neither the one nor the other.
BRANCH_VIEW = '''from importlib import import_module

from django.http import HttpResponse

PARTS = [import_module("branch.part_%03d" % number).PART for number in range({imported})]


def show(request):
    return HttpResponse("mark:%d:" % PARTS[0] if len(set(PARTS)) == 1 else "mixed")
'''


def make_all():
    """Make the originals anew."""
    shutil.rmtree(SITES, ignore_errors=True)
    make_startproject(STARTPROJECT)
    make_wagtail(WAGTAIL)
    make_branches(BRANCHES)


def make_startproject(site, add=lambda site: None):
    site.folder.mkdir(parents=True)
    run(site.folder, "django-admin", "startproject", site.project, ".")
    run(site.folder, python_of("all"), "manage.py", "startapp", site.app)
    replace(site.folder / site.project / "settings.py", "INSTALLED_APPS = [", f'INSTALLED_APPS = [\n    "{site.app}",')
    model = "\n\nclass Post(models.Model):\n    title = models.CharField(max_length=100)\n"
    (site.folder / site.models).write_text(f'from django.db import models\n\nMARK = "mark:0:"\n{model}')
    run(site.folder, python_of("all"), "manage.py", "makemigrations", site.app)
    add_views(site, "Post")
    add(site)
    finish(site)


def make_wagtail(site):
    site.folder.mkdir(parents=True)
    run(site.folder, "wagtail", "start", site.project, ".")
    replace(site.folder / site.models, "\n\n\nclass HomePage", '\n\nMARK = "mark:0:"\n\n\nclass HomePage')
    wsgi = (site.folder / site.project / "wsgi.py").read_text()
    (site.folder / site.project / "asgi.py").write_text(wsgi.replace("wsgi", "asgi"))
    add_views(site, "HomePage")
    finish(site)


def make_branches(site):
    """Two branches, a (0 in every file) and b (1)."""
    def add_branch(site):
        package = site.folder / "branch"
        package.mkdir()
        (package / "__init__.py").touch()
        for number in range(BRANCH_FILES):
            (package / f"part_{number:03}.py").write_text("PART = 0\n")
        (site.folder / site.app / "branches.py").write_text(BRANCH_VIEW.format(imported=BRANCH_IMPORTED))
        urls = site.folder / site.app / "urls.py"
        replace(urls, "import views\n", "import branches, views\n")
        replace(urls, "urlpatterns = [", 'urlpatterns = [\n    path("branches/", branches.show),')

    make_startproject(site, add_branch)
    folder = site.original
    (folder / ".gitignore").write_text("__pycache__/\n*.sqlite3\n/apache/\n")
    run(folder, "git", "init", "--quiet", "--initial-branch", "a")
    commit(folder, "a")
    run(folder, "git", "switch", "--quiet", "--create", "b")
    for file in (folder / "branch").glob("part_*.py"):
        file.write_text("PART = 1\n")
    commit(folder, "b")
    run(folder, "git", "switch", "--quiet", "a")


def commit(folder, message):
    run(folder, "git", "add", "--all")
    run(folder, "git", "-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "--quiet", "-m", message)


def add_views(site, model):
    """The views that are measured, below /bench/."""
    app = site.folder / site.app
    (app / "views.py").write_text(VIEWS.format(model=model, nap=NAP))
    numbers = range(VIEW_MODULES)
    for number in numbers:
        (site.folder / site.view_module(number)).write_text(VIEW_MODULE)
    imports = "".join(f"from . import view_{number}\n" for number in numbers)
    paths = "".join(f'    path("view/{number}/", view_{number}.show),\n' for number in numbers)
    (app / "urls.py").write_text(URLS.format(imports=imports, paths=paths))
    include = f'path("bench/", include("{site.app}.urls"))'
    replace(site.folder / site.project / "urls.py", "urlpatterns = [",
            f"from django.urls import include, path\n\nurlpatterns = [\n    {include},")


def finish(site):
    """What is the same for all sites. What other servers need is there, whoever serves."""
    # mod_wsgi-express as a command of Django's wants to be an installed app.
    (site.folder / "express_settings.py").write_text(
        f'from {site.settings} import *\n\nINSTALLED_APPS = [*INSTALLED_APPS, "mod_wsgi.server"]\n'
        'STATIC_ROOT = BASE_DIR + "/static" if isinstance(BASE_DIR, str) else BASE_DIR / "static"\n')
    run(site.folder, python_of("all"), "manage.py", "migrate")
    run(site.folder, str(DJWSGI), "init", "--mod-wsgi", "pypi", "--no-input")
    site.original.parent.mkdir(exist_ok=True)
    site.folder.rename(site.original)


def replace(path, old, new):
    text = path.read_text()
    assert old in text, f"{old!r} is not in {path}"
    path.write_text(text.replace(old, new, 1))


class Assets:
    """Many files that have nothing to do with the site, made once and moved into it."""
    FOLDERS, FILES, PYTHON = 500, 100, 10  # of 100 files in each folder 10 are Python

    def __init__(self):
        self.kept = BASE / "assets"

    def make(self):
        if self.kept.exists():
            return
        making = self.kept.with_name("assets.new")
        shutil.rmtree(making, ignore_errors=True)
        for number in range(self.FOLDERS):
            folder = making / f"folder_{number:03}"
            folder.mkdir(parents=True)
            for file in range(self.FILES):
                name = f"tool_{file}.py" if file < self.PYTHON else f"picture_{file}.svg"
                (folder / name).write_text("# nothing\n")
        making.rename(self.kept)

    def move_into(self, site):
        self.kept.rename(site.folder / "assets")

    def move_out_of(self, site):
        (site.folder / "assets").rename(self.kept)
