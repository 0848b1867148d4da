//! `djwsgi dev`, started again: what it recalls, and what it does not.

use crate::support::reload::add_settings;
use crate::support::server::free_port;
use crate::support::{Flavor, LONG, Sandbox, Server, until};

/// Settings that leave a trace of who read them and when: folders, for files that are read are noted.
const TRACED: &str = r#"
import os, sys, time
_WHO = "asked" if sys.argv[1:] == ["check"] else "loaded"
os.makedirs(BASE_DIR / "traces" / f"{time.time_ns()}-{_WHO}")
_VARIABLES = open(BASE_DIR / "variables").read().split() if os.path.exists(BASE_DIR / "variables") else []
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

/// Who reads the settings first at the next start, which lasts until `served` is content.
fn first_reader(sandbox: &Sandbox, port: &str, served: impl Fn(&Server)) -> String {
    let traces = sandbox.join("mysite/traces");
    let _ = std::fs::remove_dir_all(&traces);
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
    sandbox.write("mysite/.djwsgi/answers.json", "{\"half");
    assert_eq!(first_reader(&sandbox, &port, |_| ()), "asked", "what was kept is damaged");
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
