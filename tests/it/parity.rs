//! `djwsgi parity`: the same requests to every server of a site, defects found, good sites left in peace.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::sandbox::until_no_process;
use crate::support::{Flavor, LONG, Sandbox, Server, Shown, machine, on_both, until};

const OUTPUT: [&str; 5] = ["deploy-config", "--prod", "--output", "apache/production", "--target"];

/// Requests that a battery must have sent to every server.
const ASKED: [&str; 20] = [
    "Authorization",
    "%2F",
    "//",
    "dot segments",
    "HEAD",
    "Range",
    "conditional GET",
    "chunked POST",
    "POST of 1 MB",
    "header of 8 kB",
    "subpath",
    "X-Forwarded-Proto",
    "streaming",
    "client leaves early",
    "output",
    "processes and threads",
    "locale and file names",
    "APPEND_SLASH",
    "static",
    "static/",
];

/// A site ready for production, hooked up; what is deployed of it was generated just now.
fn deployed_site(flavor: Flavor, settings: &str, target: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.production_site(flavor, settings);
    sandbox.djwsgi("mysite", &["init"]).code(0);
    sandbox.djwsgi("mysite", &[&OUTPUT[..], &[target]].concat()).code(0);
    sandbox
}

/// A site with DEBUG, whose production has settings of its own.
fn split_site(flavor: Flavor, toml: &str, settings: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.production_site(flavor, "");
    let text = sandbox.read("mysite/mysite/settings.py");
    let (common, production) = text.split_once("\nimport os\nDEBUG = False\n").unwrap();
    sandbox.write("mysite/mysite/settings.py", common);
    let production = format!("from .settings import *\nimport os\nDEBUG = False\n{production}\n{settings}\n");
    sandbox.write("mysite/mysite/production.py", &production);
    let wsgi = sandbox.read("mysite/mysite/wsgi.py").replace("mysite.settings", "mysite.production");
    sandbox.write("mysite/mysite/wsgi.py", &wsgi);
    sandbox.write("mysite/djwsgi.toml", &format!("[env]\nfile = \".env\"\n{toml}"));
    sandbox.djwsgi("mysite", &["init"]).code(0);
    sandbox
}

fn json(shown: &Shown) -> Value {
    serde_json::from_str(&shown.out).unwrap_or_else(|_| panic!("{} {}", shown.out, shown.err))
}

/// All differences, each with the name of its request.
fn differences(report: &Value) -> Vec<(&str, &Value)> {
    let rows = report["requests"].as_array().unwrap().iter();
    rows.flat_map(|row| {
        let name = row["request"].as_str().unwrap();
        row["differences"].as_array().unwrap().iter().map(move |difference| (name, difference))
    })
    .collect()
}

fn findings(report: &Value) -> Vec<String> {
    let found = differences(report).into_iter().filter(|(_, difference)| difference["finding"] == true);
    found.map(|(name, difference)| format!("{name}, {}: {difference}", difference["fact"])).collect()
}

/// Folders of this user's in /tmp that a run on the site in `sandbox` has left.
fn left_behind(sandbox: &Sandbox) -> Vec<std::path::PathBuf> {
    let site = sandbox.path.to_str().unwrap();
    let is_left = |path: &std::path::Path| {
        let is_ours = fs::symlink_metadata(path).is_ok_and(|meta| meta.uid() == machine().uid);
        let name = path.file_name().unwrap().to_string_lossy();
        let texts = ["etc/httpd.conf", "dev/django.wsgi"].map(|file| fs::read_to_string(path.join(file)));
        is_ours && name.starts_with("djwsgi-") && texts.into_iter().flatten().any(|text| text.contains(site))
    };
    fs::read_dir("/tmp").unwrap().flatten().map(|entry| entry.path()).filter(|path| is_left(path)).collect()
}

#[test]
fn a_good_site_agrees() {
    on_both(|flavor| {
        let sandbox = deployed_site(flavor, "", "debian");
        let before = sandbox.snapshot("mysite");
        let shown = sandbox.djwsgi("mysite", &["parity", "--json"]);
        assert_eq!(shown.code, 0, "{} {}", shown.out, shown.err);
        let report = json(&shown);
        assert_eq!(report["agrees"], true);
        assert_eq!(report["servers"], serde_json::json!(["runserver", "dev", "as-prod", "deployed"]));
        let rows = report["requests"].as_array().unwrap();
        for name in ASKED {
            let row = rows.iter().find(|row| row["request"] == name).unwrap_or_else(|| panic!("{name}: {rows:#?}"));
            let answers = row["answers"].as_object().unwrap();
            assert!(answers.len() == 4 && answers.values().all(|answer| answer["answer"] != "none"), "{row}");
        }
        let makers = ["Apache", "mod_wsgi", "Django"];
        for (name, difference) in differences(&report) {
            let maker = difference["maker"].as_str().unwrap();
            assert!(makers.contains(&maker) && difference["why"].is_string(), "{name}: {difference}");
            assert!(difference["between"] != serde_json::json!(["as-prod", "deployed"]), "{name}: {difference}");
        }
        // Nothing of the site was touched, and nothing is left.
        assert_eq!(sandbox.snapshot("mysite"), before);
        assert_eq!(left_behind(&sandbox), Vec::<std::path::PathBuf>::new());
        until_no_process(&sandbox);
    });
}

/// A change of the deployed config, and where it must be found: request, fact, who makes it, a word of the reason.
struct Defect {
    name: &'static str,
    change: fn(&str) -> String,
    found: (&'static str, &'static str, &'static str, &'static str),
}

fn in_the_vhost(conf: &str, line: &str) -> String {
    conf.replace("    UseCanonicalName On\n", &format!("    UseCanonicalName On\n    {line}\n"))
}

fn defect(
    name: &'static str,
    change: fn(&str) -> String,
    found: (&'static str, &'static str, &'static str, &'static str),
) -> Defect {
    Defect { name, change, found }
}

/// The classics.
fn classics() -> Vec<Defect> {
    vec![
        defect(
            "the header is kept from the site",
            |conf| conf.replace("WSGIPassAuthorization On", "WSGIPassAuthorization Off"),
            ("Authorization", "Authorization", "mod_wsgi", "WSGIPassAuthorization"),
        ),
        defect(
            "encoded slashes are decoded",
            |conf| in_the_vhost(conf, "AllowEncodedSlashes On"),
            ("%2F", "answer", "Apache", "AllowEncodedSlashes"),
        ),
        defect(
            "a sub-interpreter",
            |conf| conf.replace("application-group=%{GLOBAL}", "application-group=other"),
            ("interpreter", "interpreter", "mod_wsgi", "sub-interpreter"),
        ),
        defect(
            "the C locale",
            |conf| conf.replace("lang=C.UTF-8 locale=C.UTF-8", "lang=C locale=C"),
            ("locale and file names", "locale", "mod_wsgi", "locale="),
        ),
    ]
}

/// Further ones, which can be in one config.
fn further() -> Vec<Defect> {
    vec![
        defect(
            "encoded slashes are kept",
            |conf| in_the_vhost(conf, "AllowEncodedSlashes NoDecode"),
            ("%2F", "answer", "Apache", "AllowEncodedSlashes"),
        ),
        defect(
            "small bodies only",
            |conf| conf.replace("LimitRequestBody 10485760", "LimitRequestBody 100000"),
            ("POST of 1 MB", "answer", "Apache", "LimitRequestBody"),
        ),
        defect(
            "small headers only",
            |conf| conf.replace("LimitRequestFieldSize 8190", "LimitRequestFieldSize 4000"),
            ("header of 8 kB", "answer", "Apache", "LimitRequestFieldSize"),
        ),
        defect(
            "a header more",
            |conf| in_the_vhost(conf, "Header always set X-Odd yes"),
            ("GET", "headers", "Apache", "Header"),
        ),
        defect(
            "strangers are believed",
            |conf| conf.replace("RequestHeader unset X-Forwarded-Host early", ""),
            ("X-Forwarded-For", "forwarded", "Apache", "RequestHeader"),
        ),
    ]
}

/// Vhosts do not inherit it: no answer shows it.
fn without_effect() -> Defect {
    defect(
        "encoded slashes for the whole server",
        |conf| conf.replace("AllowEncodedSlashes Off", "AllowEncodedSlashes On"),
        ("config", "AllowEncodedSlashes", "Apache", "otherwise"),
    )
}

fn elsewhere() -> Defect {
    defect(
        "another mount point",
        |conf| conf.replace("WSGIScriptAlias / ", "WSGIScriptAlias /djwsgi-parity "),
        ("GET", "mount", "mod_wsgi", "WSGIScriptAlias"),
    )
}

#[test]
fn seeded_defects_are_found() {
    let sandbox = deployed_site(Flavor::Distribution, "", "standalone");
    let mut configs: Vec<Vec<Defect>> = classics().into_iter().map(|defect| vec![defect]).collect();
    configs.extend([further(), vec![without_effect()], vec![elsewhere()]]);
    let left = Mutex::new(configs);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(defects) = next(&left) {
                    are_found(&sandbox, &defects);
                }
            });
        }
    });
}

#[test]
fn seeded_defects_are_found_with_the_newest_mod_wsgi() {
    are_found(&deployed_site(Flavor::Pypi, "", "standalone"), &classics());
}

fn next(left: &Mutex<Vec<Vec<Defect>>>) -> Option<Vec<Defect>> {
    left.lock().unwrap().pop()
}

/// Puts all of them into one config; each must be found, and nothing else be the matter with dev.
fn are_found(sandbox: &Sandbox, defects: &[Defect]) {
    let folder = format!("deployed-{}", defects[0].name.replace(' ', "-"));
    for file in ["httpd.conf", "django.wsgi", "deployment.toml"] {
        let mut text = sandbox.read(format!("mysite/apache/production/{file}"));
        for Defect { name, change, .. } in defects.iter().filter(|_| file == "httpd.conf") {
            let changed = change(&text);
            assert_ne!(changed, text, "{name} changes nothing");
            text = changed;
        }
        sandbox.write(format!("{folder}/{file}"), &text);
    }
    let folder = format!("../{folder}");
    let shown = sandbox.djwsgi("mysite", &["parity", "--json", "--deployed", &folder]);
    assert_eq!(shown.code, 1, "{folder}: {} {}", shown.out, shown.err);
    let report = json(&shown);
    let all: Vec<_> =
        differences(&report).into_iter().filter(|(_, difference)| difference["finding"] == true).collect();
    let between = serde_json::json!(["as-prod", "deployed"]);
    assert!(all.iter().all(|(_, difference)| difference["between"] == between), "{:#?}", findings(&report));
    for Defect { name, found: (request, fact, maker, word), .. } in defects {
        let found = all.iter().find(|(own, difference)| own == request && difference["fact"] == *fact);
        let (_, found) = found.unwrap_or_else(|| panic!("{name}: {:#?}", findings(&report)));
        assert_eq!(found["maker"], *maker, "{name}: {found}");
        assert!(found["why"].as_str().unwrap().contains(word), "{name}: {found}");
        assert!(shown.err.contains(word), "{name}: {}", shown.err);
    }
}

#[test]
fn sites_of_many_kinds_raise_no_alarm() {
    let whitenoise = "MIDDLEWARE.insert(1, \"whitenoise.middleware.WhiteNoiseMiddleware\")";
    let proxies = "[prod]\ntls = \"proxy\"\nproxies = [\"10.0.0.5\"]\n";
    let believes = "SECURE_PROXY_SSL_HEADER = (\"HTTP_X_FORWARDED_PROTO\", \"https\")";
    let sites = [
        ("below a path", "[site]\nmount = \"/shop\"\n", ""),
        ("without TLS", "[prod]\ntls = \"off\"\n", "SECURE_SSL_REDIRECT = False"),
        ("behind a balancer", proxies, believes),
        ("without a buffer", "[prod]\nbuffer = false\nmax-body = 500000\n", ""),
        ("with WhiteNoise", "[dev]\nprocesses = 2\nreload = \"monitor\"\n", whitenoise),
    ];
    std::thread::scope(|scope| {
        for part in sites.chunks(3) {
            scope.spawn(move || {
                for (name, toml, settings) in part {
                    let sandbox = split_site(Flavor::Distribution, toml, settings);
                    let shown = sandbox.djwsgi("mysite", &["parity", "--json"]);
                    assert_eq!(shown.code, 0, "{name}: {}\n{:#?}", shown.err, findings(&json(&shown)));
                    assert!(shown.err.contains("nothing is deployed"), "{name}: {}", shown.err);
                }
            });
        }
    });
}

#[test]
fn one_settings_module_for_all_raises_no_alarm() {
    let sandbox = deployed_site(Flavor::Distribution, "APPEND_SLASH = False", "debian");
    // What breaks everywhere is no difference, but worth a word.
    sandbox.write("mysite/mysite/urls.py", &crate::support::sandbox::urls("1 / 0"));
    let shown = sandbox.djwsgi("mysite", &["parity"]).code(0).says(&["the front page answers 500", "Agreed"]);
    let line =
        |start: &str| shown.out.lines().find(|line| line[2..].starts_with(start)).unwrap_or_else(|| panic!("{start}"));
    assert!(shown.out.lines().next().unwrap().contains("runserver  "), "{}", shown.out);
    assert!(line("APPEND_SLASH ").ends_with("404"), "{}", shown.out);
    assert!(line("front page ").ends_with("500"), "{}", shown.out);
    assert!(shown.out.contains("runserver ≠ dev  Apache: refuses %2F"), "{}", shown.out);
    assert!(shown.out.contains("dev ≠ as-prod  mod_wsgi: has the processes of [dev] and of [prod]"), "{}", shown.out);
}

#[test]
fn what_only_production_lacks_is_found() {
    let sandbox = split_site(Flavor::Distribution, "", "STATIC_ROOT = None\nAPPEND_SLASH = False");
    let shown = sandbox.djwsgi("mysite", &["parity", "--json"]).code(1).says(&["without a reason", "STATIC_ROOT"]);
    let report = json(&shown);
    let found = findings(&report);
    assert!(found.iter().any(|finding| finding.starts_with("APPEND_SLASH,")), "{found:#?}");
    assert!(found.iter().any(|finding| finding.starts_with("static file,")), "{found:#?}");
    // Where production does not even load, there is nothing to compare.
    let urls = sandbox.read("mysite/mysite/urls.py");
    let broken = "from django.conf import settings\nif not settings.DEBUG:\n    import nothing_of_that_name\n";
    sandbox.write("mysite/mysite/urls.py", &format!("{urls}\n{broken}"));
    sandbox.djwsgi("mysite", &["parity"]).code(1).says(&["as-prod does not load the site", "nothing_of_that_name"]);
}

#[test]
fn what_is_missing_is_said() {
    let sandbox = Sandbox::new();
    sandbox.production_site(Flavor::Distribution, "");
    sandbox.djwsgi("mysite", &["parity"]).code(3).says(&["apache/django.wsgi is missing", "djwsgi init"]);
    sandbox.djwsgi("mysite", &["init"]).code(0);
    sandbox.djwsgi("mysite", &["parity", "--deployed", "nowhere"]).code(2).says(&["nowhere is not there"]);
    sandbox.djwsgi("mysite", &["parity", "--deployed", "mysite"]).code(2).says(&["holds no config"]);
    sandbox.write("alone/00-mysite.conf", "WSGIScriptAlias / \"/nowhere/django.wsgi\"\n");
    let shown = sandbox.djwsgi("mysite", &["parity", "--deployed", "../alone/00-mysite.conf"]);
    shown.code(2).says(&["/nowhere/django.wsgi", "deploy-config --output"]);
    // What manage.py does with runserver is its own affair.
    let manage = sandbox.read("mysite/manage.py");
    let strange =
        manage.replace("    main()", "    if \"runserver\" in sys.argv:\n        sys.exit(\"not today\")\n    main()");
    sandbox.write("mysite/manage.py", &strange);
    let shown = sandbox.djwsgi("mysite", &["parity", "--json"]).code(0).says(&["runserver ended", "not today"]);
    assert_eq!(json(&shown)["servers"], serde_json::json!(["dev", "as-prod"]));
}

#[test]
fn a_running_dev_is_left_alone_and_root_becomes_the_owner() {
    let sandbox =
        deployed_site(Flavor::Pypi, "ALLOWED_HOSTS += [\"127.0.0.1\"]\nSECURE_SSL_REDIRECT = False", "debian");
    let server = Server::start(&sandbox, "mysite", &[]);
    server.until_body("one");
    let url = server.url.clone();
    let mut command = sandbox.command_as_root(&machine().djwsgi, "mysite");
    let shown = sandbox.run(command.args(["parity", "--json"]));
    assert_eq!(shown.code, 0, "{} {}", shown.err, shown.out);
    let user = machine().uid.to_string();
    let report = json(&shown);
    let row = report["requests"].as_array().unwrap().iter().find(|row| row["request"] == "interpreter").unwrap();
    assert!(row["answers"].as_object().unwrap().values().all(|answer| answer["user"] == user.as_str()), "{row}");
    assert_eq!((server.get(""), &server.url), ((200, "one".to_owned()), &url));
    assert!(!server.err().contains("Applying"), "{}", server.err());
    assert!(fs::symlink_metadata(sandbox.join("mysite/.djwsgi/dev.json")).is_ok());
    server.stop();
}

#[test]
fn an_interrupted_run_leaves_nothing() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGKILL] {
        let sandbox = deployed_site(Flavor::Distribution, "", "standalone");
        // Every server serves a page that takes its time.
        sandbox.write("mysite/mysite/urls.py", &crate::support::sandbox::urls("__import__(\"time\").sleep(9)"));
        let mut command: Command = sandbox.djwsgi_command("mysite", &["parity"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let is_up = |name: &str| sandbox.processes().iter().filter(|process| process.contains(name)).count();
        until("all servers", LONG, || (is_up("runserver.py") == 1 && is_up("etc/httpd.conf") >= 2).then_some(()));
        kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.code(), (signal != Signal::SIGKILL).then_some(130), "{signal}");
        until_no_process(&sandbox);
        until("the folders to go", LONG, || left_behind(&sandbox).is_empty().then_some(()));
    }
}
