//! Sites that are not ready for production, and sites with ways of their own.

use crate::support::production::Production;
use crate::support::sandbox::{SECRET, urls};
use crate::support::{Flavor, Sandbox, Shown};

fn with(settings: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.production_site(Flavor::Distribution, settings);
    sandbox
}

fn prod(sandbox: &Sandbox) -> Shown {
    sandbox.djwsgi("mysite", &["deploy-config", "--prod"])
}

#[test]
fn a_new_site_is_told_all_that_it_lacks_at_once() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    let before = sandbox.snapshot("mysite");
    let arguments = ["deploy-config", "--prod", "--server-name", "www.example.org", "--output", "out"];
    let shown = sandbox.djwsgi("mysite", &arguments).code(1);
    shown.says(&[
        "5 things stand",
        "DEBUG = True",
        "ALLOWED_HOSTS does not list www.example.org",
        "SECRET_KEY stands in mysite/settings.py",
        "db.sqlite3 lies beside code",
        "STATIC_ROOT is not set",
        "check --deploy: security.W012",
        "done by Apache, though Django misses it",
        "a server error would leave no trace",
        "nothing was written",
    ]);
    assert_eq!(sandbox.snapshot("mysite"), before);
    sandbox.djwsgi("mysite", &["deploy-config", "--prod"]).code(2).says(&["public name is not known", "--server-name"]);
}

#[test]
fn a_server_error_leaves_a_trace_and_the_proof_shows_it() {
    let sandbox = Sandbox::new();
    let logging = "LOGGING = {'version': 1, 'handlers': {'console': {'class': 'logging.StreamHandler'}}, \
                   'root': {'handlers': ['console']}}";
    sandbox.production_site(Flavor::Distribution, logging);
    sandbox.write("mysite/mysite/urls.py", &urls("1 / 0"));
    let shown = sandbox.djwsgi("mysite", &["deploy-config", "--prod"]).code(0);
    assert!(!shown.err.contains("leave no trace"), "{}", shown.err);
    // With or without a handler of the site's.
    let settings = sandbox.read("mysite/mysite/settings.py");
    sandbox.write("mysite/mysite/settings.py", &settings.replace("LOGGING", "_LOGGING"));
    let shown = sandbox.djwsgi("mysite", &["deploy-config", "--prod", "--prove"]).code(1);
    assert!(shown.out.contains("BROKEN") && shown.out.contains("status 500"), "{}", shown.out);
    shown.says(&["leave no trace", "broken: answers", "ZeroDivisionError: division by zero"]);
}

#[test]
fn production_settings_beside_those_of_development_are_pointed_at() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    sandbox.write("mysite/mysite/production.py", "from .settings import *\n");
    let shown = sandbox.djwsgi("mysite", &["deploy-config", "--prod", "--server-name", "www.example.org"]).code(1);
    shown.says(&["DEBUG = True", "--settings mysite.production"]);
}

#[test]
fn each_mistake_is_refused_with_its_reason() {
    let mistakes = [
        ("DEBUG = True", "DEBUG = True"),
        ("ALLOWED_HOSTS = ['www.example.net']\nUSE_X = 1", "the site's public name"),
        ("FORCE_SCRIPT_NAME = '/shop'", "FORCE_SCRIPT_NAME is \"/shop\""),
        ("MEDIA_ROOT = STATIC_ROOT / 'media'", "MEDIA_ROOT"),
        ("MEDIA_URL = '/static/'", "STATIC_URL and MEDIA_URL are both"),
        ("DATABASES['default']['NAME'] = MEDIA_ROOT / 'db.sqlite3'", "is in MEDIA_ROOT, which Apache serves"),
        ("STATIC_ROOT = None", "STATIC_ROOT is not set"),
        (
            "CACHES = {'default': {'BACKEND': 'django.core.cache.backends.filebased.FileBasedCache', 'LOCATION': BASE_DIR / 'mysite'}}",
            "lies beside code",
        ),
        (
            "CACHES = {'default': {'BACKEND': 'django.core.cache.backends.filebased.FileBasedCache', 'LOCATION': '/var/lib'}}",
            "lies in a folder of the system",
        ),
        ("DATABASES['default']['NAME'] = BASE_DIR.parent / 'db.sqlite3'", "lies beside code"),
        ("DATABASES['default']['NAME'] = BASE_DIR / 'mysite/db.sqlite3'", "lies beside code"),
        (
            "SECRET_KEY = 'key-of-the-repository-0123456789-0123456789-0123456789'",
            "SECRET_KEY stands in mysite/settings.py",
        ),
        (
            "STORAGES = {'default': {'BACKEND': 'django.core.files.storage.FileSystemStorage'}, 'staticfiles': \
             {'BACKEND': 'django.contrib.staticfiles.storage.ManifestStaticFilesStorage'}}\n\
             TEMPLATES[0]['DIRS'] = [BASE_DIR / 'templates']",
            "static files that templates name are missing: nowhere.css (page.html)",
        ),
    ];
    for (settings, words) in mistakes {
        let sandbox = with(settings);
        sandbox.write(
            "mysite/templates/page.html",
            "{% load static %}{% static 'nowhere.css' %}{% static 'admin/css/base.css' %}",
        );
        let mut command = sandbox.djwsgi_command("mysite", &["deploy-config", "--prod"]);
        if words.contains("public name") {
            // Named, but not listed.
            command.args(["--server-name", "www.example.org"]);
            let shown = sandbox.run(&mut command).code(1);
            assert!(shown.err.contains("ALLOWED_HOSTS does not list www.example.org"), "{}", shown.err);
            continue;
        }
        let shown = sandbox.run(&mut command);
        assert!(shown.code == 1 || shown.code == 3, "{settings}: {} {}", shown.code, shown.err);
        assert!(shown.err.contains(words) && shown.out.is_empty(), "{settings}: {}", shown.err);
    }
}

#[test]
fn a_key_in_the_repository_can_be_allowed_and_djwsgi_toml_is_looked_at_too() {
    let sandbox = with("");
    sandbox.write("mysite/djwsgi.toml", &format!("[env]\nDJANGO_SECRET_KEY = \"{SECRET}\"\n"));
    prod(&sandbox).code(1).says(&["SECRET_KEY stands in djwsgi.toml"]);
    sandbox.write(
        "mysite/djwsgi.toml",
        &format!("[env]\nDJANGO_SECRET_KEY = \"{SECRET}\"\n[prod]\nsecret-key-in-repository = true\n"),
    );
    prod(&sandbox).code(0);
}

#[test]
fn settings_that_differ_are_both_shown_and_wsgi_pys_are_used() {
    let sandbox = with("");
    sandbox.write("mysite/mysite/live.py", "from .settings import *\nDATA_UPLOAD_MAX_MEMORY_SIZE = 20 * 1024 * 1024\n");
    let wsgi = sandbox.read("mysite/mysite/wsgi.py");
    sandbox.write("mysite/mysite/wsgi.py", &wsgi.replace("mysite.settings", "mysite.live"));
    let shown = sandbox.djwsgi("mysite", &["deploy-config", "--prod", "--output", "../out"]).code(0);
    shown.says(&["development uses mysite.settings (manage.py), production mysite.live (wsgi.py)"]);
    assert!(sandbox.read("out/django.wsgi").contains("\"mysite.live\""));
    assert!(sandbox.read("out/DEPLOY.md").contains("runpy.run_path(\"/etc/djwsgi/mysite/django.wsgi\")"));
    let conf = std::fs::read_dir(sandbox.join("out"))
        .unwrap()
        .flatten()
        .find(|file| file.path().extension().is_some_and(|end| end == "conf"));
    assert!(std::fs::read_to_string(conf.unwrap().path()).unwrap().contains("LimitRequestBody 20971520"));
    // The flag wins over both.
    let arguments = ["deploy-config", "--prod", "--settings", "mysite.settings", "--output", "../other"];
    sandbox.djwsgi("mysite", &arguments).code(0);
    assert!(sandbox.read("other/django.wsgi").contains("\"mysite.settings\""));
}

#[test]
fn whitenoise_and_asgi_are_said() {
    let sandbox = with(
        "MIDDLEWARE.insert(1, 'whitenoise.middleware.WhiteNoiseMiddleware')\nASGI_APPLICATION = 'mysite.asgi.application'\nWSGI_APPLICATION = None",
    );
    let shown = prod(&sandbox);
    assert!(!shown.out.contains("Alias \"/static/\""), "{}", shown.out);
    assert!(shown.err.contains("WhiteNoise") && shown.err.contains("serves no WebSockets"), "{}", shown.err);
}

/// How sites read their variables in development, and in the same way in production.
#[test]
fn variables_are_read_as_the_site_reads_them() {
    let readers = [
        ("", "os.environ[\"DJANGO_SECRET_KEY\"]"),
        ("import environ\nenviron.Env.read_env(BASE_DIR / '.env')\n", "environ.Env()(\"DJANGO_SECRET_KEY\")"),
        ("import dotenv\ndotenv.load_dotenv(BASE_DIR / '.env')\n", "os.environ[\"DJANGO_SECRET_KEY\"]"),
        ("import decouple\n", "decouple.config(\"DJANGO_SECRET_KEY\")"),
    ];
    for (import, expression) in readers {
        let sandbox =
            with(&format!("{import}SECRET_KEY = {expression}\nGREETING = os.environ.get('GREETING', 'none')"));
        sandbox.write("mysite/.env", &format!("DJANGO_SECRET_KEY={SECRET}\nGREETING=hello\n"));
        sandbox.write(
            "mysite/mysite/urls.py",
            "from django.conf import settings\nfrom django.http import HttpResponse\nfrom django.urls import path\n\
             urlpatterns = [path('', lambda request: HttpResponse(str(len(settings.SECRET_KEY)) + settings.GREETING))]\n",
        );
        let production = Production::start(&sandbox);
        production.until_answers();
        let answer = production.get("/");
        assert_eq!(answer.body, format!("{}hello", SECRET.len()), "{import}: {answer:?}");
        sandbox.djwsgi("mysite", &["deploy-config", "--prod", "--output", "../out"]).code(0);
        let names = sandbox.read("out/secrets.env");
        assert!(
            names.contains("#DJANGO_SECRET_KEY=\n") && names.contains("#GREETING=\n") && !names.contains(SECRET),
            "{names}"
        );
        production.server.stop();
    }
}

#[test]
fn a_site_below_a_path_is_served_there_only() {
    let sandbox = with("FORCE_SCRIPT_NAME = '/shop'\nSTATIC_URL = '/shop/static/'\nMEDIA_URL = '/shop/media/'");
    sandbox.write("mysite/djwsgi.toml", "[env]\nfile = \".env\"\n[site]\nmount = \"/shop\"\n");
    let shown = sandbox.djwsgi("mysite", &["deploy-config", "--prod", "--prove"]);
    assert_eq!(shown.code, 0, "{} {}", shown.out, shown.err);
    sandbox.write("mysite/static-files/a.css", "body {}\n");
    let production = Production::start(&sandbox);
    assert_eq!(production.get("/shop/").body, "one");
    assert_eq!(production.get("/shop/static/a.css").status, 200);
    assert!([403, 404].contains(&production.get("/").status));
    assert!([403, 404].contains(&production.get("/django.wsgi").status));
    production.server.stop();
}

/// Below a domain's own name there may be servers that speak no https.
#[test]
fn https_is_promised_for_names_below_the_sites_only_where_there_are_none() {
    let sandbox = with("");
    let settings = sandbox.read("mysite/mysite/settings.py");
    for (hosts, key, covers) in [
        ("['www.example.org']", "", true),
        ("['example.org', 'www.example.org']", "", false),
        ("['www.example.org', 'example.org']", "", false),
        ("['shop.example.org']", "", false),
        ("['example.org']", "hsts-subdomains = true\n", true),
        ("['www.example.org']", "hsts-subdomains = false\n", false),
    ] {
        let hosts = format!("ALLOWED_HOSTS = {hosts}");
        sandbox.write("mysite/mysite/settings.py", &format!("{settings}\n{hosts}\n"));
        sandbox.write("mysite/djwsgi.toml", &format!("[env]\nfile = \".env\"\n[prod]\n{key}"));
        let shown = prod(&sandbox).code(0);
        let value = if covers { "\"max-age=31536000; includeSubDomains\"" } else { "\"max-age=31536000\"" };
        assert!(shown.out.contains(&format!("Strict-Transport-Security {value}")), "{hosts} {key}: {}", shown.out);
        assert_eq!(shown.out.contains("includeSubDomains"), covers, "{hosts} {key}");
        assert!(!shown.err.contains("W005"), "{}", shown.err);
        // Behind a balancer Django sends it: what DEPLOY.md asks of the settings is enough for its checks.
        let proxy = format!("[env]\nfile = \".env\"\n[prod]\ntls = \"proxy\"\nproxies = [\"10.0.0.5\"]\n{key}");
        sandbox.write("mysite/djwsgi.toml", &proxy);
        sandbox.djwsgi("mysite", &["deploy-config", "--prod", "--output", "../out", "--overwrite"]).code(0);
        let document = sandbox.read("out/DEPLOY.md");
        let step = document.split_once("```python\n").unwrap().1.split("```").next().unwrap().to_owned();
        assert_eq!(step.contains("SECURE_HSTS_INCLUDE_SUBDOMAINS = True"), covers, "{step}");
        let silent = settings.replace("SILENCED_SYSTEM_CHECKS", "_SILENCED");
        sandbox.write("mysite/mysite/settings.py", &format!("{silent}\n{step}\n"));
        let python = crate::support::machine().venv(Flavor::Distribution).join("bin/python");
        let mut command = sandbox.command(python, "mysite");
        command.env("DJANGO_SECRET_KEY", SECRET);
        command.args(["manage.py", "check", "--deploy", "--fail-level", "WARNING"]);
        sandbox.run(&mut command).code(0);
    }
}

#[test]
fn a_callable_of_another_name_is_served() {
    let sandbox = with("WSGI_APPLICATION = 'mysite.wsgi.site'");
    let wsgi = sandbox.read("mysite/mysite/wsgi.py");
    sandbox.write("mysite/mysite/wsgi.py", &wsgi.replace("application =", "site ="));
    let production = Production::start(&sandbox);
    production.until_answers();
    assert_eq!(production.get("/").body, "one");
    production.server.stop();
}

#[test]
fn a_place_of_its_own_on_the_server_is_in_every_file() {
    let sandbox = with("");
    sandbox.write(
        "mysite/djwsgi.toml",
        "[env]\nfile = \".env\"\n[prod]\nroot = \"/srv/shop/current\"\npython = \"/srv/shop/venv\"\n",
    );
    sandbox.djwsgi("mysite", &["deploy-config", "--prod", "--target", "standalone", "--output", "../out"]).code(0);
    for file in ["httpd.conf", "django.wsgi", "DEPLOY.md", "djwsgi-mysite.service"] {
        let text = sandbox.read(format!("out/{file}"));
        assert!(!text.contains(sandbox.path.to_str().unwrap()), "{file}: {text}");
    }
    assert!(sandbox.read("out/httpd.conf").contains("Alias \"/static/\" \"/srv/shop/current/static-files/\""));
    let shown = sandbox.djwsgi("mysite", &["deploy-config", "--prod", "--prove"]);
    assert_eq!(shown.code, 0, "{} {}", shown.out, shown.err);
}

#[test]
fn what_manage_py_adds_to_the_path_is_there_in_the_checks_too() {
    let sandbox = with("INSTALLED_APPS += ['parts']");
    sandbox.write("mysite/apps/parts/__init__.py", "");
    let manage = sandbox.read("mysite/manage.py");
    let added = "import sys\n\nsys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'apps'))";
    sandbox.write("mysite/manage.py", &manage.replacen("import sys", added, 1));
    prod(&sandbox).code(0);
}

#[test]
fn a_header_of_https_is_believed_of_nobody_where_nothing_speaks_it() {
    let own = "SECURE_PROXY_SSL_HEADER = ('HTTP_X_FORWARDED_PROTO', 'https')\nSECURE_SSL_REDIRECT = False";
    let sandbox = with(own);
    for (header, buffer) in [("HTTP_X_FORWARDED_PROTO", false), ("HTTP_X_SCHEME", true)] {
        let settings = sandbox.read("mysite/mysite/settings.py");
        sandbox.write("mysite/mysite/settings.py", &settings.replace("HTTP_X_FORWARDED_PROTO", header));
        sandbox.write(
            "mysite/djwsgi.toml",
            &format!("[env]\nfile = \".env\"\n[prod]\ntls = \"off\"\nbuffer = {buffer}\n"),
        );
        let shown = sandbox.djwsgi("mysite", &["deploy-config", "--prod", "--prove"]);
        assert_eq!(shown.code, 0, "{} {}", shown.out, shown.err);
        assert!(shown.out.contains("kept     23  spoofing"), "{}", shown.out);
    }
}

#[test]
fn unusual_numbers_are_proved_too() {
    let sandbox = with(
        "import threading\nthreading.Thread(target=threading.Event().wait, name='x.monitor', daemon=True).start()",
    );
    let toml = "[env]\nfile = \".env\"\n[prod]\nprocesses = 1\nthreads = 1\nmax-body = 20000\n";
    sandbox.write("mysite/djwsgi.toml", toml);
    let shown = sandbox.djwsgi("mysite", &["deploy-config", "--prod", "--prove"]);
    assert_eq!(shown.code, 0, "{} {}", shown.out, shown.err);
    sandbox.write("mysite/djwsgi.toml", "[prod]\nbuffer = true\nproxies = [\"10.0.0.5\"]\n");
    prod(&sandbox).code(2).says(&["exclude each other"]);
}

#[test]
fn the_shell_is_not_part_of_production() {
    let sandbox = with("RECAPTCHA = os.environ.get('A_SECRET_KEY')\nGREETING = os.environ.get('GREETING', 'none')");
    sandbox.write("mysite/.env", &format!("A_SECRET_KEY=0123456789\nDJANGO_SECRET_KEY={SECRET}\n"));
    let arguments = ["deploy-config", "--prod", "--output", "../out"];
    sandbox.djwsgi("mysite", &arguments).code(0);
    let first = sandbox.read("out/secrets.env");
    assert!(sandbox.read("out/DEPLOY.md").contains("SECRET_KEY = os.environ[\"DJANGO_SECRET_KEY\"]"));
    let arguments = ["deploy-config", "--prod", "--output", "../again"];
    let mut command = sandbox.djwsgi_command("mysite", &arguments);
    sandbox.run(command.env("DJANGO_SECRET_KEY", "another").env("A_SECRET_KEY", "x").env("GREETING", "hello")).code(0);
    assert_eq!(sandbox.read("again/secrets.env"), first);
    for file in ["00-mysite.conf", "django.wsgi"] {
        assert_eq!(sandbox.read(format!("again/{file}")), sandbox.read(format!("out/{file}")));
    }
}
