//! `djwsgi deploy-config --prod --prove`: promises kept by what is generated, and broken by what is not.

use std::fs;
use std::sync::Mutex;

use crate::support::{Flavor, Sandbox, machine, on_both};

/// A change of a generated file, and the promise that it breaks.
struct Mutant {
    name: &'static str,
    file: &'static str,
    change: fn(&str) -> String,
    breaks: &'static str,
}

const CONF: &str = "httpd.conf";
const SCRIPT: &str = "django.wsgi";

fn mutants() -> Vec<Mutant> {
    let mutant = |name, file, change, breaks| Mutant { name, file, change, breaks };
    vec![
        mutant(
            "the monitor is started",
            SCRIPT,
            |text| format!("{text}\nimport mysite.monitor\nmysite.monitor.start(interval=1.0)\n"),
            "development",
        ),
        mutant(
            "DEBUG is on",
            SCRIPT,
            |text| format!("{text}\nfrom django.conf import settings\nsettings.DEBUG = True\n"),
            "development",
        ),
        mutant(
            "everything is granted",
            CONF,
            |text| text.replacen("Require all denied", "Require all granted", 1),
            "forbidden",
        ),
        mutant(
            "private files of uploads are granted",
            CONF,
            |text| last(text, "Require all denied", "Require all granted"),
            "forbidden",
        ),
        mutant(
            "a header is doubled",
            CONF,
            |text| {
                text.replace("    Header always unset X-Powered-By", "    Header always add X-Frame-Options \"DENY\"")
            },
            "headers",
        ),
        mutant("a header is gone", CONF, |text| without(text, "Referrer-Policy"), "headers"),
        mutant("another interpreter", CONF, |text| text.replace(" application-group=%{GLOBAL}", ""), "daemons"),
        mutant("the rule for hidden files is gone", CONF, |text| without(text, "RedirectMatch 404"), "forbidden"),
        mutant(
            "the script is reloaded",
            CONF,
            |text| text.replace("WSGIScriptReloading Off", "WSGIScriptReloading On"),
            "edits",
        ),
        mutant(
            "balancers' headers are kept",
            CONF,
            |text| without(text, "RequestHeader unset X-Forwarded-Host"),
            "spoofing",
        ),
        mutant(
            "what Connection names is dropped",
            CONF,
            |text| without(&without(text, "set Connection"), "unset Connection"),
            "spoofing",
        ),
        mutant(
            "few workers for streams",
            CONF,
            |text| without(&without(text, "H2MaxWorkers"), "H2StreamTimeout"),
            "half bodies",
        ),
        mutant(
            "the site is told another port",
            CONF,
            |text| without(text, "RequestHeader set X-Forwarded-Port"),
            "daemons",
        ),
        mutant("no buffer", CONF, |text| without(text, "SetInputFilter"), "half bodies"),
        mutant(
            "unknown names are served",
            CONF,
            |text| {
                without(&without(text, "Redirect 421"), "StrictHostCheck")
                    .replace("ServerName catchall.invalid", "ServerName www.example.org")
            },
            "names",
        ),
        mutant(
            "the redirect follows the Host",
            CONF,
            |text| text.replace("\"https://www.example.org/$1\"", "\"https://other.example.org/$1\""),
            "redirect",
        ),
        mutant(
            "bodies without a limit",
            CONF,
            |text| without(&text.replace("-gt 10485760", "-gt 2000000000"), "LimitRequestBody"),
            "limits",
        ),
        mutant("the Referer is logged", CONF, |text| without(text, "ErrorLogFormat"), "logs"),
        mutant("query strings are logged", CONF, |text| text.replace("%m %U %H", "%r"), "logs"),
        mutant("no request is logged", CONF, |text| without(text, "CustomLog"), "logs"),
        mutant("uploads run", CONF, |text| without(text, "sandbox"), "uploads"),
        mutant("TRACE", CONF, |text| text.replace("TraceEnable Off", "TraceEnable On"), "limits"),
        mutant("everybody may read new files", CONF, |text| text.replace("umask=0022", "umask=0000"), "daemons"),
        mutant(
            "the key stands in the config",
            CONF,
            |text| format!("{text}\nSetEnv KEY {}\n", crate::support::sandbox::SECRET),
            "secrets",
        ),
    ]
}

fn without(text: &str, piece: &str) -> String {
    text.lines().filter(|line| !line.contains(piece)).map(|line| format!("{line}\n")).collect()
}

fn last(text: &str, from: &str, to: &str) -> String {
    // The status page of a shared server comes after it; here is none.
    let position = text.rfind(from).unwrap();
    format!("{}{to}{}", &text[..position], &text[position + from.len()..])
}

/// What every site is proven to keep.
const PROMISES: [&str; 15] = [
    "answers",
    "daemons",
    "development",
    "names",
    "headers",
    "forbidden",
    "limits",
    "static files",
    "spoofing",
    "redirect",
    "uploads",
    "logs",
    "half bodies",
    "edits",
    "secrets",
];

fn collect_static(sandbox: &Sandbox, flavor: Flavor) {
    let mut command = sandbox.command(machine().venv(flavor).join("bin/python"), "mysite");
    command.env("DJANGO_SECRET_KEY", "collecting").args(["manage.py", "collectstatic", "--noinput", "-v0"]);
    assert_eq!(sandbox.run(&mut command).code, 0);
}

#[test]
fn what_is_generated_keeps_every_promise() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.production_site(flavor, "");
        collect_static(&sandbox, flavor);
        for target in ["debian", "standalone"] {
            let shown = sandbox.djwsgi("mysite", &["deploy-config", "--prod", "--prove", "--json", "--target", target]);
            assert_eq!(shown.code, 0, "{} {}", shown.out, shown.err);
            let proof: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
            let rows = proof["rows"].as_array().unwrap();
            let kept: Vec<&str> =
                rows.iter().filter(|row| row["kept"] == true).map(|row| row["name"].as_str().unwrap()).collect();
            assert_eq!(kept, PROMISES, "{}", shown.out);
            assert!(!proof["rewritten"].as_array().unwrap().is_empty());
        }
    });
}

#[test]
fn every_mutant_is_caught() {
    let sandbox = Sandbox::new();
    sandbox.production_site(Flavor::Distribution, "");
    collect_static(&sandbox, Flavor::Distribution);
    sandbox.djwsgi("mysite", &["init"]).code(0);
    sandbox.djwsgi("mysite", &["deploy-config", "--prod", "--target", "standalone", "--output", "out"]).code(0);
    // Most of a proof is waiting.
    let left = Mutex::new(mutants());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(mutant) = next(&left) {
                    is_caught(&sandbox, &mutant);
                }
            });
        }
    });
    // What was proven has left nothing behind.
    let left = fs::read_dir("/tmp").unwrap().flatten().filter(|entry| {
        let is_ours = std::os::unix::fs::MetadataExt::uid(&entry.metadata().unwrap()) == machine().uid;
        is_ours
            && fs::read_to_string(entry.path().join("etc/httpd.conf"))
                .is_ok_and(|text| text.contains(sandbox.path.to_str().unwrap()))
    });
    assert_eq!(left.count(), 0);
}

fn next(left: &Mutex<Vec<Mutant>>) -> Option<Mutant> {
    left.lock().unwrap().pop()
}

fn is_caught(sandbox: &Sandbox, mutant: &Mutant) {
    let folder = format!("../mutant-{}", mutant.name.replace(' ', "-"));
    for file in [CONF, SCRIPT] {
        let original = sandbox.read(format!("mysite/out/{file}"));
        let text = if file == mutant.file { (mutant.change)(&original) } else { original.clone() };
        assert!(file != mutant.file || text != original, "{} changes nothing", mutant.name);
        sandbox.write(format!("mysite/{folder}/{file}"), &text);
    }
    let arguments = ["deploy-config", "--prod", "--prove", "--json", "--target", "standalone", "--output", &folder];
    let shown = sandbox.djwsgi("mysite", &arguments);
    assert_eq!(shown.code, 1, "{}: {} {}", mutant.name, shown.out, shown.err);
    let proof: serde_json::Value =
        serde_json::from_str(&shown.out).unwrap_or_else(|_| panic!("{}: {}", mutant.name, shown.err));
    let rows = proof["rows"].as_array().unwrap();
    let row = rows.iter().find(|row| row["name"] == mutant.breaks).unwrap();
    assert_eq!(row["kept"], false, "{}: {}", mutant.name, shown.out);
}

#[test]
fn a_table_is_for_people() {
    let sandbox = Sandbox::new();
    sandbox.production_site(Flavor::Distribution, "SECURE_SSL_REDIRECT = False");
    let shown = sandbox.djwsgi("mysite", &["deploy-config", "--prod", "--prove", "--tls", "off"]).code(0);
    assert!(shown.out.contains("kept     11  daemons"), "{}", shown.out);
    assert!(
        shown.err.contains("lines run otherwise here") && shown.err.contains("+ Listen 127.0.0.1:"),
        "{}",
        shown.err
    );
    // A site that does not load keeps no promise about itself.
    sandbox.write("mysite/mysite/urls.py", "import nothing_of_that_name\n");
    let shown = sandbox.djwsgi("mysite", &["deploy-config", "--prod", "--prove"]).code(1);
    assert!(shown.err.contains("broken:") || shown.err.contains("nothing_of_that_name"), "{}", shown.err);
}
