//! The ways in which Django sites are laid out: found, asked, hooked up and served.

use std::path::Path;

use crate::support::sandbox::urls;
use crate::support::{Flavor, Sandbox, Server, machine};

/// A manage.py that names `settings`, after running `first`.
fn manage(settings: &str, first: &str) -> String {
    format!(
        "import os\nimport sys\n{first}\nos.environ.setdefault(\"DJANGO_SETTINGS_MODULE\", \"{settings}\")\n\
         if __name__ == \"__main__\":\n    from django.core.management import execute_from_command_line\n    \
         execute_from_command_line(sys.argv)\n"
    )
}

fn wsgi(settings: &str) -> String {
    format!(
        "import os\nfrom django.core.wsgi import get_wsgi_application\n\
         os.environ.setdefault(\"DJANGO_SETTINGS_MODULE\", \"{settings}\")\napplication = get_wsgi_application()\n"
    )
}

fn settings(urlconf: &str, application: &str, more: &str) -> String {
    format!(
        "SECRET_KEY = \"k\"\nDEBUG = True\nALLOWED_HOSTS = []\nROOT_URLCONF = \"{urlconf}\"\n\
         WSGI_APPLICATION = \"{application}\"\nINSTALLED_APPS = []\nSTATIC_URL = \"static/\"\n{more}\n"
    )
}

/// A view that tells what it runs under.
const TELL: &str =
    "HttpResponse(__import__(\"os\").environ[\"DJANGO_SETTINGS_MODULE\"] + \" \" + __import__(\"os\").getcwd())";

fn link_environment(sandbox: &Sandbox, folder: &str) {
    std::os::unix::fs::symlink(machine().venv(Flavor::Distribution), sandbox.join(folder).join(".venv")).unwrap();
}

/// Hooks the site up from `folder`, serves it, and expects settings and working directory.
fn expect(sandbox: &Sandbox, folder: &str, arguments: &[&str], settings: &str, root: &Path) {
    let with = |verb: &'static str| [&[verb], arguments].concat();
    sandbox.djwsgi(folder, &with("init")).code(0);
    let server = Server::start(sandbox, folder, arguments);
    assert_eq!(server.get(""), (200, format!("{settings} {}", root.display())));
    server.stop();
}

#[test]
fn manage_py_in_a_subdirectory_is_taken_and_several_are_listed() {
    let sandbox = Sandbox::new();
    for name in ["backend", "other"] {
        sandbox.write(format!("repo/{name}/manage.py"), &manage("proj.settings", ""));
        sandbox.write(format!("repo/{name}/proj/settings.py"), &settings("proj.urls", "proj.wsgi.application", ""));
        sandbox.write(format!("repo/{name}/proj/wsgi.py"), &wsgi("proj.settings"));
        sandbox.write(format!("repo/{name}/proj/urls.py"), &urls(TELL));
        link_environment(&sandbox, &format!("repo/{name}"));
        // What must never be taken for a site.
        for trap in ["node_modules/x", ".git/x", "lib/site-packages/x"] {
            sandbox.write(format!("repo/{name}/{trap}/manage.py"), &manage("x.settings", ""));
        }
        if name == "backend" {
            sandbox.write("repo/env/pyvenv.cfg", "");
            sandbox.write("repo/env/manage.py", &manage("x.settings", ""));
            sandbox.write("repo/flask/manage.py", "print('not ours')\n");
            expect(&sandbox, "repo", &[], "proj.settings", &sandbox.join("repo/backend"));
            // From deep inside, upwards.
            sandbox.djwsgi("repo/backend/proj", &["init"]).code(0).says(&["Unchanged"]);
        }
    }
    let shown = sandbox.djwsgi("repo", &["init"]).code(2);
    let shown = shown.says(&["2 Django sites", "repo/backend", "repo/other", "--project-dir backend"]);
    assert!(!shown.err.contains("node_modules") && !shown.err.contains("env"), "{}", shown.err);
    expect(&sandbox, "repo", &["--project-dir", "other"], "proj.settings", &sandbox.join("repo/other"));
}

#[test]
fn settings_packages_and_different_settings_of_manage_and_wsgi() {
    let sandbox = Sandbox::new();
    sandbox.write("shop/manage.py", &manage("config.settings.dev", ""));
    sandbox.write("shop/config/__init__.py", "");
    sandbox.write("shop/config/settings/__init__.py", "");
    sandbox.write("shop/config/settings/base.py", &settings("config.urls", "config.wsgi.application", ""));
    sandbox.write("shop/config/settings/dev.py", "from .base import *\n");
    sandbox.write(
        "shop/config/settings/prod.py",
        "from .base import *\nimport os\nDEBUG = False\nSECRET_KEY = os.urandom(30).hex()\n\
         ALLOWED_HOSTS = [\"shop.example\"]\n",
    );
    // Not a default: wsgi.py insists on its own, dev must not care.
    let insisting = wsgi("config.settings.prod")
        .replace("setdefault(\"DJANGO_SETTINGS_MODULE\", ", "update(DJANGO_SETTINGS_MODULE=");
    sandbox.write("shop/config/wsgi.py", &insisting);
    let active =
        "HttpResponse(__import__(\"django.conf\").conf.settings.SETTINGS_MODULE + \" \" + __import__(\"os\").getcwd())";
    sandbox.write("shop/config/urls.py", &urls(active));
    link_environment(&sandbox, "shop");
    expect(&sandbox, "shop", &[], "config.settings.dev", &sandbox.join("shop"));
    assert!(sandbox.has("shop/config/monitor.py") && sandbox.has("shop/apache/shop.conf"));
    let shown = sandbox.djwsgi("shop", &["deploy-config", "--prod", "--output", "out"]).code(0);
    assert!(sandbox.read("shop/out/django.wsgi").contains("config.settings.prod"), "{}", shown.err);
    // Its facts are production's.
    assert!(
        sandbox.read("shop/out/00-shop.conf").contains("ServerName shop.example") && !shown.err.contains("DEBUG =")
    );
    sandbox.write("shop/config/settings/prod.py", "from .base import *\nimport only_there\n");
    let shown = sandbox.djwsgi("shop", &["deploy-config", "--prod"]).code(3);
    shown.says(&["error: config.settings.prod, the settings of production: ", "only_there", "hint: --env-file FILE"]);
    sandbox
        .djwsgi("shop", &["init"])
        .code(0)
        .says(&["dev uses config.settings.dev", "production config.settings.prod"]);
}

#[test]
fn a_src_layout() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "site/manage.py",
        &manage(
            "proj.settings",
            "sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), \"src\"))",
        ),
    );
    sandbox.write("site/src/proj/settings.py", &settings("proj.urls", "proj.wsgi.application", ""));
    sandbox.write("site/src/proj/wsgi.py", &wsgi("proj.settings"));
    sandbox.write("site/src/proj/urls.py", &urls(TELL));
    link_environment(&sandbox, "site");
    expect(&sandbox, "site", &[], "proj.settings", &sandbox.join("site"));
    assert!(sandbox.has("site/src/proj/monitor.py"));
    assert!(sandbox.read("site/apache/django.wsgi").contains("os.path.join(SITE, \"src\")"));
}

#[test]
fn the_layout_of_2008_manage_and_settings_in_one_folder() {
    let sandbox = Sandbox::new();
    // Without a package: settings, urls and all are top-level modules.
    sandbox.write("flat/manage.py", &manage("settings", ""));
    sandbox.write("flat/settings.py", &settings("urls", "wsgi.application", ""));
    sandbox.write("flat/wsgi.py", &wsgi("settings"));
    sandbox.write("flat/urls.py", &urls(TELL));
    link_environment(&sandbox, "flat");
    expect(&sandbox, "flat", &[], "settings", &sandbox.join("flat"));
    assert!(sandbox.has("flat/monitor.py"));

    // The folder itself is the package, its parent on the path, and no wsgi.py at all.
    let above = "sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))";
    sandbox.write("old/manage.py", &manage("old.settings", above));
    sandbox.write("old/__init__.py", "");
    sandbox.write("old/settings.py", &settings("old.urls", "x.x", "WSGI_APPLICATION = None"));
    sandbox.write("old/urls.py", &urls(TELL));
    link_environment(&sandbox, "old");
    expect(&sandbox, "old", &[], "old.settings", &sandbox.join("old"));
    assert!(sandbox.read("old/apache/django.wsgi").contains("import old.monitor"));
}

#[test]
fn settings_chosen_through_an_env_file() {
    let sandbox = Sandbox::new();
    let read = "for line in open(os.path.join(os.path.dirname(os.path.abspath(__file__)), \".env\")):\n    \
                name, _, value = line.strip().partition(\"=\")\n    os.environ.setdefault(name, value)";
    sandbox.write("app/.env", "DJANGO_SETTINGS_MODULE=proj.local\nGREETING=hello\n");
    sandbox.write("app/manage.py", &manage("proj.settings", read));
    sandbox.write("app/proj/settings.py", "raise RuntimeError(\"the wrong settings\")\n");
    sandbox.write(
        "app/proj/local.py",
        &settings("proj.urls", "proj.wsgi.application", "import os\nGREETING = os.environ[\"GREETING\"]"),
    );
    sandbox.write("app/proj/wsgi.py", &wsgi("proj.settings"));
    sandbox.write("app/proj/urls.py", &urls(TELL));
    link_environment(&sandbox, "app");
    expect(&sandbox, "app", &[], "proj.local", &sandbox.join("app"));
    assert!(sandbox.read("app/djwsgi.toml").contains("file = \".env\""));
    sandbox.djwsgi("app", &["init"]).code(0).says(&["Unchanged"]);
}

#[test]
fn templates_relative_to_the_working_directory_and_another_callable() {
    let sandbox = Sandbox::new();
    sandbox.start_project(Flavor::Distribution, "mysite", "mysite");
    let text = sandbox.read("mysite/mysite/settings.py").replace("'DIRS': []", "'DIRS': ['pages']");
    sandbox.write("mysite/mysite/settings.py", &text.replace("mysite.wsgi.application", "mysite.wsgi.app"));
    let text = sandbox.read("mysite/mysite/wsgi.py").replace("application = ", "app = ");
    sandbox.write("mysite/mysite/wsgi.py", &text);
    sandbox.write("mysite/pages/home.html", "from pages");
    sandbox.write(
        "mysite/mysite/urls.py",
        &urls("__import__(\"django.shortcuts\").shortcuts.render(request, \"home.html\")"),
    );
    sandbox.djwsgi("mysite", &["init"]).code(0);
    let server = Server::start(&sandbox, "mysite", &[]);
    assert_eq!(server.get(""), (200, "from pages".to_owned()));
    server.stop();
}

#[test]
fn variables_that_manage_py_sets_reach_the_site() {
    let sandbox = Sandbox::new();
    sandbox.write("app/manage.py", &manage("proj.settings", "os.environ.setdefault(\"EXTRA\", \"needed\")"));
    let needs = "import os\nEXTRA = os.environ[\"EXTRA\"]";
    sandbox.write("app/proj/settings.py", &settings("proj.urls", "proj.wsgi.application", needs));
    sandbox.write("app/proj/wsgi.py", &wsgi("proj.settings"));
    sandbox.write("app/proj/urls.py", &urls(TELL));
    link_environment(&sandbox, "app");
    sandbox.djwsgi("app", &["init"]).code(0).says(&["manage.py sets EXTRA"]);
    expect(&sandbox, "app", &[], "proj.settings", &sandbox.join("app"));
}
