//! `djwsgi diff`: what differs between development and production, and why that is allowed.

use serde_json::Value;

use crate::support::sandbox::SECRET;
use crate::support::{Flavor, Sandbox, Shown, on_both};

const DEPLOYED: &str = "mysite/apache/production/httpd.conf";

/// All differences.
fn found(shown: &Shown) -> Vec<Value> {
    let answer: Value = serde_json::from_str(&shown.out).unwrap_or_else(|_| panic!("{} {}", shown.out, shown.err));
    let all = answer["differences"].as_array().unwrap().clone();
    let without = all.iter().filter(|one| one["reason"].is_null()).count();
    assert_eq!(answer["without_reason"], without);
    assert_eq!(shown.code, i32::from(without > 0), "{}", shown.err);
    all
}

/// Kinds and names of those without a reason.
fn open(shown: &Shown) -> Vec<String> {
    let all = found(shown);
    let open = all.iter().filter(|one| one["reason"].is_null());
    open.map(|one| format!("{} {}", one["kind"].as_str().unwrap(), one["name"].as_str().unwrap())).collect()
}

fn deployed(more: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.production_site(Flavor::Distribution, "");
    let arguments = ["deploy-config", "--prod", "--target", "standalone", "--output", "apache/production"];
    sandbox.djwsgi("mysite", &[&arguments, more].concat()).code(0);
    sandbox
}

/// The deployment with `text` for its config.
fn diff_with(sandbox: &Sandbox, text: &str) -> Shown {
    sandbox.write(DEPLOYED, text);
    let shown = sandbox.djwsgi("mysite", &["diff", "apache/production", "--target", "standalone", "--json"]);
    assert!(!shown.out.contains(SECRET) && !shown.err.contains(SECRET));
    shown
}

/// A site with settings of its own for production; what is added to those of development.
fn two_settings(dev: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.production_site(Flavor::Distribution, "");
    let text = format!("from mysite.settings import *\nDEBUG = True\nALLOWED_HOSTS = []\n{dev}\n");
    sandbox.write("mysite/mysite/local.py", &text);
    let manage = sandbox.read("mysite/manage.py").replace("mysite.settings", "mysite.local");
    sandbox.write("mysite/manage.py", &manage);
    sandbox
}

fn value<'a>(all: &'a [Value], name: &str) -> &'a Value {
    all.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name} is not in {all:#?}"))
}

#[test]
fn everything_differs_for_a_reason() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.production_site(flavor, "");
        let before = sandbox.snapshot("mysite");
        for target in ["debian", "rhel", "standalone", "container"] {
            let shown = sandbox.djwsgi("mysite", &["diff", "--json", "--target", target]);
            assert_eq!(open(&shown), [""; 0], "{target}");
            let all = found(&shown);
            assert!(all.len() > 100, "{}", all.len());
            for (name, dev, prod) in [
                ("WSGIDaemonProcess threads", "5", "10"),
                ("WSGIDaemonProcess user", "-", "mysite"),
                ("RequestReadTimeout", "-", "handshake=5 header=5-20,MinRate=500 body=10,MinRate=500"),
                ("DJWSGI_RELOAD", "standby", "-"),
                ("WSGIScriptAlias script", "", "/etc/djwsgi/mysite/django.wsgi"),
            ] {
                let one = value(&all, name);
                let own = |side: &str| one[side][0].as_str().unwrap_or("-").to_owned();
                assert!(dev.is_empty() || own("dev") == dev, "{one}");
                assert_eq!(own("prod"), prod, "{one}");
            }
            assert_eq!(value(&all, "LoadModule ssl_module")["kind"], "module");
            // What must be the same is not among them.
            for name in ["WSGIPassAuthorization", "WSGIScriptAlias application-group", "WSGIDaemonProcess lang"] {
                assert!(all.iter().all(|one| one["name"] != name), "{name}");
            }
        }
        assert_eq!(before, sandbox.snapshot("mysite"), "something was written");
    });
}

#[test]
fn a_site_that_lies_elsewhere_on_the_server_is_the_same() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.production_site(flavor, "");
        let toml = "[env]\nfile = \".env\"\n[dev]\nreload = \"monitor\"\n[prod]\nroot = \"/srv/shop\"\n\
                    python = \"/opt/venv\"\n";
        sandbox.write("mysite/djwsgi.toml", toml);
        // Of characters that mean something to Apache.
        let odd = sandbox.join("it's ${HOME} [x]*");
        std::fs::rename(sandbox.join("mysite"), &odd).unwrap();
        for target in ["debian", "standalone"] {
            let shown = sandbox.djwsgi(&odd, &["diff", "--json", "--target", target]);
            assert_eq!(open(&shown), [""; 0], "{}", shown.err);
            let all = found(&shown);
            let home = value(&all, "WSGIDaemonProcess home");
            assert_eq!((&home["dev"][0], &home["prod"][0]), (&odd.to_str().unwrap().into(), &"/srv/shop".into()));
            assert_eq!(value(&all, "WSGIDaemonProcess python-home")["prod"][0], "/opt/venv");
            assert!(all.iter().all(|one| one["name"] != "WSGIScriptReloading" || one["dev"][0].is_null()));
        }
    });
}

#[test]
fn people_get_a_table() {
    let sandbox = two_settings("INSTALLED_APPS = [*INSTALLED_APPS, 'mysite']");
    let shown = sandbox.djwsgi("mysite", &["diff", "--settings", "mysite.settings"]).code(1);
    let shown = shown.says(&["1 difference has no reason;", "hint: mend it, or say why it is meant"]);
    for text in [
        "  NO REASON  INSTALLED_APPS[mysite]\n      dev        listed\n      production -\n",
        "  pages of errors with code and settings are for developers; production has none\n    DEBUG  ",
        "DJANGO SETTINGS: 3 differences                    dev                                   production\n",
        "DAEMON OPTIONS: ",
        "    WSGIDaemonProcess threads                     5                                     10\n",
        "ENVIRONMENT: ",
        "MODULES OF APACHE: ",
    ] {
        assert!(shown.out.contains(text), "{text:?} is not in {}", shown.out);
    }
    assert!(shown.out.lines().all(|line| line.chars().count() <= 130), "{}", shown.out);
    sandbox.write("mysite/djwsgi.toml", "[env]\nfile = \".env\"\n[diff]\n\"INSTALLED_APPS[mysite]\" = \"why not\"\n");
    let shown = sandbox.djwsgi("mysite", &["diff", "--settings", "mysite.settings"]).code(0);
    assert!(shown.out.contains("  why not (djwsgi.toml)\n    INSTALLED_APPS[mysite]"), "{}", shown.out);
    shown.says(&["Compared", "each with a reason"]);
}

#[test]
fn every_edit_of_a_deployed_config_is_reported() {
    let sandbox = deployed(&[]);
    let text = sandbox.read(DEPLOYED);
    assert_eq!(open(&diff_with(&sandbox, &text)), [""; 0]);
    let included = sandbox.write("etc/more.conf", "FileETag None\n");
    let included = included.display();
    let inner = text.lines().find(|line| line.starts_with("<VirtualHost 127.0.0.1:")).unwrap();
    let inner = format!("edit {inner} www.example.org");
    let replaced = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    };
    let added = |more: &str| format!("{text}{more}\n");
    for (name, edited, expected) in [
        (
            "a header is kept from the site",
            replaced("WSGIPassAuthorization On", "WSGIPassAuthorization Off"),
            format!("{inner} WSGIPassAuthorization"),
        ),
        (
            "slashes",
            replaced("AllowEncodedSlashes Off", "AllowEncodedSlashes NoDecode"),
            "edit AllowEncodedSlashes".to_owned(),
        ),
        (
            "another interpreter",
            replaced(" application-group=%{GLOBAL}", ""),
            format!("{inner} WSGIScriptAlias application-group"),
        ),
        ("no language", replaced("lang=C.UTF-8 ", ""), "edit WSGIDaemonProcess lang".to_owned()),
        ("root", replaced("user=\"mysite\"", "user=root"), "edit WSGIDaemonProcess user".to_owned()),
        ("a user that is not there", replaced("User www-data", "User nobody-here"), "edit User".to_owned()),
        ("a variable", added("Define BYTES 77\nLimitXMLRequestBody ${BYTES}"), "edit LimitXMLRequestBody".to_owned()),
        (
            "a condition",
            added("<IfModule ssl_module>\nAcceptPathInfo On\n</IfModule>"),
            "edit AcceptPathInfo".to_owned(),
        ),
        ("another file", added(&format!("Include \"{included}\"")), "edit FileETag".to_owned()),
        (
            "a module",
            added("LoadModule rewrite_module /usr/lib/apache2/modules/mod_rewrite.so"),
            "edit LoadModule rewrite_module".to_owned(),
        ),
        ("a library", added("LoadFile /usr/lib/apache2/modules/mod_rewrite.so"), "edit LoadFile".to_owned()),
        (
            "a folder",
            replaced("ServerRoot \"/etc/djwsgi/mysite\"", "ServerRoot \"/etc/djwsgi/other\""),
            "edit ServerRoot".to_owned(),
        ),
        (
            "a limit",
            replaced("request-timeout=60", "request-timeout=600"),
            "edit WSGIDaemonProcess request-timeout".to_owned(),
        ),
        ("a port", replaced("Listen *:80\n", "Listen *:8080\n"), "edit Listen".to_owned()),
        (
            "a certificate",
            replaced("/live/www.example.org/fullchain.pem", "/live/other/fullchain.pem"),
            "edit <VirtualHost *:443> www.example.org SSLCertificateFile".to_owned(),
        ),
        (
            "the monitor's doing",
            replaced("WSGIScriptReloading Off", "WSGIScriptReloading On"),
            format!("{inner} WSGIScriptReloading"),
        ),
    ] {
        let reported = open(&diff_with(&sandbox, &edited));
        assert!(reported.contains(&expected), "{name}: {reported:?}");
    }
    // What has no effect is no difference.
    for more in ["# AcceptPathInfo On", "<IfDefine NOBODY_DEFINES_IT>\nAcceptPathInfo On\n</IfDefine>"] {
        assert_eq!(open(&diff_with(&sandbox, &added(more))), [""; 0], "{more}");
    }
    // The order counts, and the place.
    let moved = replaced("    WSGIPassAuthorization On\n", "").replacen(
        "    ProxyRequests Off\n",
        "    ProxyRequests Off\n    WSGIPassAuthorization On\n",
        1,
    );
    let reported = open(&diff_with(&sandbox, &moved));
    assert_eq!(
        reported,
        ["edit <VirtualHost *:443> www.example.org WSGIPassAuthorization", &format!("{inner} WSGIPassAuthorization")]
    );
}

#[test]
fn edits_say_where_they_are_and_no_reason_can_be_stated_for_them() {
    let sandbox = deployed(&[]);
    let text = sandbox.read(DEPLOYED);
    sandbox.write("mysite/djwsgi.toml", "[env]\nfile = \".env\"\n[diff]\nTimeout = \"we are patient\"\n");
    let line = text.lines().position(|line| line == "Timeout 60").unwrap() + 1;
    let shown = diff_with(&sandbox, &text.replace("\nTimeout 60\n", "\nTimeout 600\n"));
    let all = found(&shown);
    let one = &all[0];
    assert_eq!((&one["kind"], &one["name"], &one["reason"]), (&"edit".into(), &"Timeout".into(), &Value::Null));
    assert_eq!((&one["generated"][0], &one["prod"][0]), (&"60".into(), &"600".into()));
    assert_eq!(one["places"][0], format!("line {line}"));
    // For people, and of the config alone.
    let arguments = ["diff", "apache/production/httpd.conf", "--target", "standalone"];
    let shown = sandbox.djwsgi("mysite", &arguments).code(1).says(&["--overwrite"]);
    let expected = format!("NO REASON  Timeout\n      generated  60\n      production 600   (line {line})\n");
    assert!(shown.out.contains(&expected), "{}", shown.out);
    // A config that Apache refuses; one for another server; none.
    let refused = diff_with(&sandbox, &(text.clone() + "Nonsense\n"));
    refused.code(1).says(&["Apache does not accept httpd.conf", "Invalid command 'Nonsense'"]);
    sandbox.djwsgi("mysite", &["diff", "apache/production"]).code(2).says(&["00-mysite.conf is not there", "--target"]);
    sandbox.djwsgi("mysite", &["diff", "nowhere"]).code(2).says(&["nowhere is not there"]);
    // The script is a part of the deployment.
    let script = sandbox.read("mysite/apache/production/django.wsgi");
    sandbox.write("mysite/apache/production/django.wsgi", &(script + "import mysite.monitor\n"));
    assert_eq!(open(&diff_with(&sandbox, &text)), ["edit django.wsgi"]);
}

#[test]
fn secrets_of_an_edited_config_are_not_shown() {
    let sandbox = deployed(&[]);
    let text = sandbox.read(DEPLOYED);
    let more = format!(
        "SetEnv KEY {SECRET}\nSetEnv API_TOKEN hush-hush\n\
         Define URL \"amqp://me:hush-hush@mq/\"\nServerAdmin ${{URL}}\n"
    );
    let shown = diff_with(&sandbox, &(text + &more));
    assert!(!shown.out.contains("hush-hush"), "{}", shown.out);
    assert_eq!(open(&shown), ["edit Define URL", "edit SetEnv", "edit ServerAdmin"]);
}

#[test]
fn settings_that_change_the_site_need_a_reason() {
    let sandbox = two_settings(
        r#"
import datetime
INSTALLED_APPS = [*INSTALLED_APPS, "mysite"]
MIDDLEWARE = [*MIDDLEWARE[1:], MIDDLEWARE[0]]
TIME_ZONE = "Europe/Berlin"
APPEND_SLASH = False
DATA_UPLOAD_MAX_MEMORY_SIZE = 99
DATABASES = {"default": {**DATABASES["default"], "NAME": ":memory:", "ATOMIC_REQUESTS": True, "PASSWORD": "hush-hush"}}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://:hush-hush@h/1"}}
TEMPLATES = [{**TEMPLATES[0], "OPTIONS": {**TEMPLATES[0]["OPTIONS"], "string_if_invalid": "BAD"}}]
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
SESSION_COOKIE_SECURE = False
SHOP = {"api": "hush-hush", "since": datetime.date(2024, 2, 29), "url": "https://me:hush-hush@shop/", "key": 7}
"#,
    );
    let command = ["diff", "--settings", "mysite.settings", "--json"];
    let shown = sandbox.djwsgi("mysite", &command);
    let expected = [
        "setting APPEND_SLASH",
        "setting DATABASES.default.ATOMIC_REQUESTS",
        "setting DATA_UPLOAD_MAX_MEMORY_SIZE",
        "setting INSTALLED_APPS[mysite]",
        "setting MIDDLEWARE order",
        "setting SHOP.api",
        "setting SHOP.key",
        "setting SHOP.since",
        "setting SHOP.url",
        "setting TEMPLATES[0].OPTIONS.string_if_invalid",
        "setting TIME_ZONE",
    ];
    assert_eq!(open(&shown), expected);
    assert!(!shown.out.contains("hush-hush") && !shown.out.contains(SECRET), "{}", shown.out);
    let all = found(&shown);
    assert_eq!(
        (&value(&all, "TIME_ZONE")["dev"][0], &value(&all, "TIME_ZONE")["prod"][0]),
        (&"'Europe/Berlin'".into(), &"'UTC'".into())
    );
    assert_eq!(value(&all, "SHOP.since")["dev"][0], "datetime.date(2024, 2, 29)");
    for name in ["SHOP.api", "SHOP.url", "CACHES.default.LOCATION", "DATABASES.default.PASSWORD"] {
        assert_eq!(value(&all, name)["dev"][0], "(hidden)", "{name}");
    }
    for name in [
        "DEBUG",
        "ALLOWED_HOSTS",
        "EMAIL_BACKEND",
        "SESSION_COOKIE_SECURE",
        "DATABASES.default.NAME",
        "DJANGO_SETTINGS_MODULE",
    ] {
        assert!(value(&all, name)["reason"].is_string(), "{name}");
    }
    // The same the other way round: development is stricter.
    let shown = sandbox.djwsgi(
        "mysite",
        &[
            "diff",
            "--settings",
            "mysite.local",
            "--dev-settings",
            "mysite.settings",
            "--server-name",
            "www.example.org",
            "--json",
        ],
    );
    let reported = open(&shown);
    assert!(
        ["setting DEBUG", "setting SESSION_COOKIE_SECURE"].iter().all(|name| reported.contains(&(*name).to_owned())),
        "{reported:?}"
    );
}

#[test]
fn reasons_are_stated_in_the_settings_file() {
    let sandbox = two_settings("TIME_ZONE = 'Europe/Berlin'\nSHOP = {'a': 1, 'b': 2}\n");
    let toml = |text: &str| sandbox.write("mysite/djwsgi.toml", &format!("[env]\nfile = \".env\"\n[diff]\n{text}"));
    let command = ["diff", "--settings", "mysite.settings", "--json"];
    toml("TIME_ZONE = \"we sit there\"\nSHOP.a = \"an example\"\n");
    let shown = sandbox.djwsgi("mysite", &command);
    assert_eq!(open(&shown), ["setting SHOP.b"]);
    let all = found(&shown);
    let one = value(&all, "TIME_ZONE");
    assert_eq!((&one["reason"], &one["stated"]), (&"we sit there".into(), &true.into()));
    // This machine's own, on top.
    sandbox.write("mysite/djwsgi.local.toml", "[diff]\nSHOP = \"examples\"\n");
    let shown = sandbox.djwsgi("mysite", &command).code(0);
    assert_eq!(value(&found(&shown), "SHOP.a")["reason"], "an example");
    // A reason for nothing is said, and what may have been meant.
    std::fs::remove_file(sandbox.join("mysite/djwsgi.local.toml")).unwrap();
    toml("TIMEZONE = \"we sit there\"\nSHOP = \"examples\"\nUSE_TZ = \"old\"\n");
    let shown = sandbox.djwsgi("mysite", &command).code(1);
    assert!(shown.err.contains("TIMEZONE, in which nothing differs; did you mean TIME_ZONE?"), "{}", shown.err);
    shown.says(&["USE_TZ, in which nothing differs\n"]);
    toml("TIME_ZONE = \"\"\n");
    sandbox.djwsgi("mysite", &command).code(2).says(&["[diff] TIME_ZONE must say why"]);
}

#[test]
fn the_environments_are_compared_without_their_values() {
    let sandbox = two_settings("import os\nSHOP = os.environ.get('FROM_SHELL')\n");
    let manage = sandbox.read("mysite/manage.py");
    sandbox.write(
        "mysite/manage.py",
        &manage.replace("import sys\n", "import sys\nos.environ.setdefault('FROM_MANAGE', 'hush-1')\n"),
    );
    sandbox.write("mysite/.env", &format!("DJANGO_SECRET_KEY={SECRET}\nONLY_HERE=hush-2\nOTHER=hush-3\n"));
    sandbox.write("mysite/djwsgi.toml", "[env]\nfile = \".env\"\nPLAIN = \"here\"\n");
    sandbox.write("mysite/djwsgi.local.toml", "[env]\nLOCAL = \"hush-4\"\nPLAIN = \"hush-5\"\n");
    sandbox.write("production.env", &format!("DJANGO_SECRET_KEY={SECRET}\nOTHER=hush-6\nONLY_THERE=hush-7\n"));
    let mut command = sandbox.djwsgi_command(
        "mysite",
        &["diff", "--settings", "mysite.settings", "--env-file", "../production.env", "--json"],
    );
    command.env("FROM_SHELL", "hush-8").env("UNSEEN", "hush-9").env("PYTHONPATH", "/hush-10").env("OTHER", "hush-11");
    let shown = sandbox.run(&mut command);
    let all = found(&shown);
    assert!(!shown.out.contains("hush") && !shown.err.contains("hush"), "{}", shown.out);
    let expected = [
        "setting SHOP",
        "variable FROM_MANAGE",
        "variable FROM_SHELL",
        "variable ONLY_HERE",
        "variable OTHER",
        "variable PYTHONPATH",
    ];
    assert_eq!(open(&shown), expected);
    for name in ["UNSEEN", "ONLY_THERE", "LOCAL", "PLAIN", "PATH", "DJWSGI_SETTINGS"] {
        assert!(value(&all, name)["reason"].is_string(), "{name}");
    }
    // What the shell does not hide differs from file to file.
    command.env_remove("OTHER").env_remove("PYTHONPATH").env_remove("FROM_SHELL");
    let all = found(&sandbox.run(&mut command));
    assert!(value(&all, "OTHER")["reason"].as_str().unwrap().contains("file of variables"));
}

#[test]
fn production_is_asked_without_the_shell() {
    let sandbox = Sandbox::new();
    sandbox.production_site(Flavor::Distribution, "SHOP = os.environ['ONLY_IN_SHELL']");
    let mut command = sandbox.djwsgi_command("mysite", &["diff"]);
    let shown = sandbox.run(command.env("ONLY_IN_SHELL", "1")).code(3);
    shown.says(&["without your shell's variables", "ONLY_IN_SHELL", "--env-file"]);
}
