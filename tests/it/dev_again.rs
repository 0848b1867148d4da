//! `djwsgi dev`, started again: what it recalls, and what it does not.

use std::process::Stdio;
use std::time::Duration;

use crate::support::reload::add_settings;
use crate::support::server::free_port;
use crate::support::{Flavor, LONG, Sandbox, Server, until};

/// Settings that leave a trace of who read them and when: folders, for files that are read are noted.
const TRACED: &str = r#"
import os, sys, time
_WHO = "asked" if sys.argv[1:] == ["check"] else "loaded"
os.makedirs(BASE_DIR / "traces" / f"{time.time_ns()}-{_WHO}")
_VARIABLES = open(BASE_DIR / "variables").read().split() if os.path.exists(BASE_DIR / "variables") else []
open(BASE_DIR / "log", "a").write("what is written is no reason to ask\n")
try:
    from .local import *
except ImportError:
    pass
MEDIA_ROOT = BASE_DIR / "media"
MEDIA_URL = "/two/" if os.path.exists(BASE_DIR / "two") else "/one/"
"#;

fn site() -> (Sandbox, String) {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    sandbox.write("mysite/variables", "ONE=1\n");
    add_settings(&sandbox, TRACED);
    // Another port is another variable.
    (sandbox, free_port().to_string())
}

/// What was saved right before is not kept: it may have been saved while it was read.
fn until_saves_are_old(sandbox: &Sandbox) {
    let files = walkdir::WalkDir::new(sandbox.join("mysite")).max_depth(2).into_iter().flatten();
    let newest = files.filter_map(|file| file.metadata().ok()?.modified().ok()).max().unwrap();
    until("a while after the last save", LONG, || (newest.elapsed().ok()? > Duration::from_millis(50)).then_some(()));
}

/// Who reads the settings first at the next start, which lasts until `served` is content.
fn first_reader(sandbox: &Sandbox, port: &str, served: impl Fn(&Server)) -> String {
    let traces = sandbox.join("mysite/traces");
    let _ = std::fs::remove_dir_all(&traces);
    until_saves_are_old(sandbox);
    let server = Server::start(sandbox, "mysite", &["--port", port]);
    served(&server);
    server.stop();
    let entries = std::fs::read_dir(&traces).unwrap().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names[0].split_once('-').unwrap().1.to_owned()
}

#[test]
fn a_later_start_asks_only_after_something_has_changed() {
    let (sandbox, port) = site();
    assert_eq!(first_reader(&sandbox, &port, |_| ()), "asked");
    assert_eq!(first_reader(&sandbox, &port, |_| ()), "loaded");
    sandbox.write("mysite/variables", "ONE=1 TWO=2\n");
    assert_eq!(first_reader(&sandbox, &port, |_| ()), "asked", "a file that the settings read");
    assert_eq!(first_reader(&sandbox, &port, |_| ()), "loaded");
    sandbox.write("mysite/mysite/local.py", "DEBUG = True\n");
    assert_eq!(first_reader(&sandbox, &port, |_| ()), "asked", "a module that they looked for in vain");
    assert_eq!(first_reader(&sandbox, &port, |_| ()), "loaded");
    add_settings(&sandbox, "# the end");
    assert_eq!(first_reader(&sandbox, &port, |_| ()), "asked", "the settings themselves");
    sandbox.write("mysite/.env", "THREE=3\n");
    assert_eq!(first_reader(&sandbox, &port, |_| ()), "asked", "a file of variables that has come");
    assert_eq!(first_reader(&sandbox, &port, |_| ()), "loaded");
    sandbox.write("mysite/.djwsgi/answers.json", "{\"half");
    assert_eq!(first_reader(&sandbox, &port, |_| ()), "asked", "what was kept is damaged");
}

#[test]
fn what_is_computed_is_asked_for_each_time_and_never_kept() {
    let (sandbox, port) = site();
    let manage = sandbox.read("mysite/manage.py");
    let secret = "os.environ[\"TOKEN\"] = \"-\".join([\"my\", \"secret\"])";
    sandbox.write("mysite/manage.py", &manage.replace("import sys\n", &format!("import sys\n{secret}\n")));
    assert_eq!(first_reader(&sandbox, &port, |_| ()), "asked");
    assert_eq!(first_reader(&sandbox, &port, |_| ()), "asked");
    assert!(!sandbox.read("mysite/.djwsgi/answers.json").contains("my-secret"));
}

#[test]
fn what_was_recalled_for_a_site_that_was_never_loaded_is_asked_for_again() {
    let (sandbox, port) = site();
    assert_eq!(first_reader(&sandbox, &port, |_| ()), "asked");
    let urls = sandbox.read("mysite/mysite/urls.py");
    sandbox.write("mysite/mysite/urls.py", "import time\nopen(\"hangs\", \"w\").close()\ntime.sleep(1000)\n");
    let server =
        Server::spawn(&sandbox, sandbox.djwsgi_command("mysite", &["dev", "--port", &port]).stdin(Stdio::null()));
    until("the load", LONG, || sandbox.has("mysite/hangs").then_some(()));
    server.stop();
    sandbox.write("mysite/mysite/urls.py", &urls);
    assert_eq!(first_reader(&sandbox, &port, |_| ()), "asked");
    assert_eq!(first_reader(&sandbox, &port, |_| ()), "loaded");
}

#[test]
fn what_has_changed_unseen_is_applied_after_the_first_answer() {
    let (sandbox, port) = site();
    let conf = || sandbox.read("mysite/.djwsgi/httpd.conf");
    first_reader(&sandbox, &port, |_| assert!(conf().contains("/one/"), "{}", conf()));
    sandbox.write("mysite/two", "");
    let reader = first_reader(&sandbox, &port, |server| {
        server.until_says("Applying");
        server.until_says("Serving again");
        assert!(conf().contains("/two/"), "{}", conf());
    });
    assert_eq!(reader, "loaded");
    // And is known at the next start.
    let server = Server::start(&sandbox, "mysite", &["--port", &port]);
    assert!(conf().contains("/two/"), "{}", conf());
    until("the second look at the settings", LONG, || {
        let traces = std::fs::read_dir(sandbox.join("mysite/traces")).unwrap().flatten();
        traces.filter(|entry| entry.file_name().to_string_lossy().ends_with("asked")).nth(1)
    });
    assert!(!server.stop().contains("Applying"));
}

#[test]
fn the_first_start_after_init_has_nothing_to_ask_for() {
    let sandbox = Sandbox::new();
    sandbox.start_project(Flavor::Distribution, "mysite", "mysite");
    sandbox.view("mysite", "one");
    add_settings(&sandbox, TRACED);
    until_saves_are_old(&sandbox);
    sandbox.djwsgi("mysite", &["init"]).code(0);
    assert_eq!(first_reader(&sandbox, &free_port().to_string(), |_| ()), "loaded");
}
