//! `djwsgi init NAME`: a new site from nothing.

use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Flavor, LONG, Sandbox, Server, machine, until};

#[test]
fn a_new_site_is_made_served_and_left_alone_by_a_second_run() {
    let sandbox = Sandbox::new();
    let shown = sandbox.djwsgi("", &["init", "mysite"]).code(0);
    for file in ["manage.py", "mysite/settings.py", "mysite/monitor.py", "apache/mysite.conf", "apache/django.wsgi"] {
        assert!(sandbox.has(format!("mysite/{file}")), "{file}: {}", shown.err);
    }
    assert!(sandbox.has("mysite/.venv/pyvenv.cfg"));
    assert!(sandbox.read("mysite/djwsgi.toml").contains("home = \".venv\""));
    assert!(sandbox.read("mysite/.gitignore").contains("/.djwsgi/"));
    assert!(shown.out.is_empty(), "talk goes to stderr: {}", shown.out);

    let before = sandbox.snapshot("mysite");
    sandbox.djwsgi("mysite", &["init"]).code(0).says(&["Unchanged"]);
    sandbox.djwsgi("", &["init", "mysite"]).code(0).says(&["Unchanged"]);
    assert_eq!(sandbox.snapshot("mysite"), before);

    let server = Server::start(&sandbox, "mysite", &[]);
    assert_eq!(server.get("").0, 200);
    server.stop();
}

#[test]
fn an_active_environment_is_used_and_its_mod_wsgi_too() {
    let sandbox = Sandbox::new();
    let venv = machine().venv(Flavor::Pypi);
    let mut command = sandbox.djwsgi_command("", &["init", "mysite"]);
    sandbox.run(command.env("VIRTUAL_ENV", &venv)).code(0);
    assert!(!sandbox.has("mysite/.venv"));
    let module = format!("LoadModule wsgi_module \"{}", venv.display());
    assert!(sandbox.read("mysite/apache/mysite.conf").contains(&module));
}

#[test]
fn what_cannot_be_a_name_is_refused_before_anything_is_written() {
    let sandbox = Sandbox::new();
    let long = "x".repeat(300);
    let cases = [
        ("", "empty"),
        (".", "ASCII letters"),
        ("../x", "ASCII letters"),
        ("/etc/x", "ASCII letters"),
        ("-rf", "ASCII letters"),
        ("my-site", "ASCII letters"),
        ("2x", "no digit first"),
        ("é", "ASCII letters"),
        ("a\nb", "ASCII letters"),
        ("class", "keyword"),
        ("django", "module of that name exists"),
        ("test", "module of that name exists"),
        ("json", "module of that name exists"),
        ("__main__", "module of that name exists"),
        (&long, "64 characters"),
    ];
    for (name, rule) in cases {
        sandbox.djwsgi("", &["init", name]).code(2).says(&["error:", rule, "hint:"]);
    }
    assert!(sandbox.snapshot("").is_empty());
}

#[test]
fn an_occupied_folder_is_refused_and_an_empty_one_taken() {
    let sandbox = Sandbox::new();
    sandbox.write("mysite/notes.txt", "mine");
    sandbox.write("other", "a file");
    sandbox.djwsgi("", &["init", "mysite"]).code(4).says(&["not empty", "notes.txt", "hint:"]);
    sandbox.djwsgi("", &["init", "other"]).code(4).says(&["in the way"]);
    assert_eq!(sandbox.snapshot("").len(), 2);
}

#[test]
fn a_site_inside_a_site_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.start_project(Flavor::Distribution, "mysite", "mysite");
    sandbox.djwsgi("mysite/mysite", &["init", "blog"]).code(2).says(&["inside the Django site", "hint:"]);
    assert!(!sandbox.has("mysite/mysite/blog"));
}

#[test]
fn settings_named_in_the_shell_are_not_the_new_sites() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.djwsgi_command("", &["init", "mysite"]);
    command.env("DJANGO_SETTINGS_MODULE", "work.settings").env("VIRTUAL_ENV", machine().venv(Flavor::Distribution));
    sandbox.run(&mut command).code(0);
    assert!(sandbox.read("mysite/apache/django.wsgi").contains("mysite.settings"));
}

#[test]
fn a_dry_run_writes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.djwsgi("", &["init", "mysite", "--dry-run"]).code(0).says(&["Would create"]);
    assert!(!sandbox.has("mysite"));
}

#[test]
fn an_interrupted_or_failed_run_leaves_nothing() {
    let sandbox = Sandbox::new();
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut command = sandbox.djwsgi_command("", &["init", "mysite"]);
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        until("the environment to be under way", LONG, || sandbox.has("mysite/.venv/bin").then_some(()));
        kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130));
        // Not only its child: what that has started is gone too.
        until("the children to be gone", Duration::from_secs(1), || sandbox.processes().is_empty().then_some(()));
        assert!(!sandbox.has("mysite"));
    }

    let arguments = ["init", "mysite", "--django", "Django==0.0.0"];
    sandbox.djwsgi("", &arguments).code(1).says(&["Installing", "failed", "Django==0.0.0"]);
    assert!(!sandbox.has("mysite"));
}

#[test]
fn of_two_at_once_one_wins_and_nothing_of_anybody_elses_is_removed() {
    let sandbox = Sandbox::new();
    let venv = machine().venv(Flavor::Distribution);
    let start = || {
        let mut command = sandbox.djwsgi_command("", &["init", "mysite"]);
        command.env("VIRTUAL_ENV", &venv).stderr(Stdio::piped()).spawn().unwrap()
    };
    let ended = [start(), start()].map(|child| child.wait_with_output().unwrap());
    let codes: Vec<_> = ended.iter().map(|output| output.status.code().unwrap()).collect();
    assert!(codes.contains(&0) && codes.iter().all(|code| [0, 4].contains(code)), "{codes:?} {ended:#?}");
    assert!(sandbox.has("mysite/manage.py") && sandbox.has("mysite/djwsgi.toml"));

    // What a user puts into the folder meanwhile is theirs.
    let mut command = sandbox.djwsgi_command("", &["init", "other"]);
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    until("the environment to be under way", LONG, || sandbox.has("other/.venv/bin").then_some(()));
    sandbox.write("other/notes.txt", "mine");
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(sandbox.read("other/notes.txt"), "mine");
    assert!(!sandbox.has("other/.venv") && !sandbox.has("other/.djwsgi-init"));
}
