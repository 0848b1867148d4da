//! `djwsgi dev`: how it ends, and what survives what.

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::sandbox::{until_no_process, urls};
use crate::support::server::{free_port, get};
use crate::support::{Flavor, LONG, Sandbox, Server, on_both, until};

/// A view that answers after `seconds`, and tells by a file that it has begun.
fn slow_view(sandbox: &Sandbox, seconds: u32) {
    let begun = sandbox.join("begun");
    let expression = format!(
        "[open({:?}, \"w\").close(), __import__(\"time\").sleep({seconds}), HttpResponse(\"slow\")][-1]",
        begun.display()
    );
    let text = urls("HttpResponse(\"one\")").replace("urlpatterns = [", "urlpatterns = [path(\"slow\", slow), ");
    sandbox.write(
        "mysite/mysite/urls.py",
        &text.replace("def view", &format!("def slow(request):\n    return {expression}\n\n\ndef view")),
    );
}

fn begin_slow(sandbox: &Sandbox, server: &Server) -> std::thread::JoinHandle<Option<(u16, String)>> {
    let url = format!("{}slow", server.url);
    let request = std::thread::spawn(move || std::panic::catch_unwind(|| get(&url, None)).ok());
    until("the slow request to begin", LONG, || sandbox.has("begun").then_some(()));
    request
}

fn apache_pid(sandbox: &Sandbox) -> Pid {
    let run = fs::read_to_string(sandbox.join("mysite/.djwsgi/httpd.conf")).unwrap();
    let line = run.lines().find(|line| line.starts_with("PidFile")).unwrap();
    let path = line.split('"').nth(1).unwrap().to_owned();
    until("the pid file", LONG, || fs::read_to_string(&path).ok()?.trim().parse().ok().map(Pid::from_raw))
}

#[test]
fn ctrl_c_lets_a_request_finish_and_is_quick() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        slow_view(&sandbox, 1);
        let mut server = Server::start(&sandbox, "mysite", &[]);
        let request = begin_slow(&sandbox, &server);
        let asked = Instant::now();
        server.signal(Signal::SIGINT);
        assert_eq!(server.wait(LONG), 0);
        assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
        assert_eq!(request.join().unwrap(), Some((200, "slow".to_owned())));
        until_no_process(&sandbox);
        let _ = fs::remove_file(sandbox.join("begun"));
    });
}

#[test]
fn a_second_ctrl_c_ends_it_at_once() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    slow_view(&sandbox, 60);
    let mut server = Server::start(&sandbox, "mysite", &[]);
    let request = begin_slow(&sandbox, &server);
    server.signal(Signal::SIGINT);
    std::thread::yield_now();
    let asked = Instant::now();
    // A signal that arrives together with the first counts as one: send until it has an effect.
    let code = until("the end", LONG, || {
        server.signal(Signal::SIGINT);
        server.child.try_wait().unwrap()
    });
    assert_eq!(code.code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    until_no_process(&sandbox);
    drop(request);
}

#[test]
fn term_and_hup_end_it_as_ctrl_c_does() {
    for signal in [Signal::SIGTERM, Signal::SIGHUP] {
        let sandbox = Sandbox::new();
        sandbox.site(Flavor::Distribution);
        let mut server = Server::start(&sandbox, "mysite", &[]);
        server.signal(signal);
        assert_eq!(server.wait(LONG), 0);
        until_no_process(&sandbox);
    }
}

#[test]
fn resizing_the_terminal_changes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    let server = Server::start(&sandbox, "mysite", &[]);
    let apache = apache_pid(&sandbox);
    // The terminal sends it to the foreground process group, which Apache is not in.
    assert_ne!(nix::unistd::getpgid(Some(apache)).unwrap(), nix::unistd::getpgid(Some(server.pid())).unwrap());
    for _ in 0..20 {
        server.signal(Signal::SIGWINCH);
    }
    for _ in 0..20 {
        assert_eq!(server.get("").0, 200);
    }
    assert_eq!(apache_pid(&sandbox), apache);
    server.stop();
}

#[test]
fn a_crash_of_apache_is_reported_and_mended() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    let server = Server::start(&sandbox, "mysite", &[]);
    // Its workers live on, hold the port and ignore TERM.
    kill(apache_pid(&sandbox), Signal::SIGKILL).unwrap();
    server.until_says("Apache ended by itself (killed by signal 9)");
    server.until_says("Serving again");
    assert_eq!(server.get(""), (200, "one".to_owned()));
    // An end that looks like a clean one is a crash too if nobody asked for it.
    kill(apache_pid(&sandbox), Signal::SIGWINCH).unwrap();
    server.until_says("Apache ended by itself (exit status 0)");
    until("the second start", LONG, || (server.err().matches("Serving again").count() == 2).then_some(()));
    assert_eq!(server.get("").0, 200);
    server.stop();
}

#[test]
fn a_daemon_killed_in_a_request_fails_that_request_only() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    let text = urls("HttpResponse(\"one\")").replace("urlpatterns = [", "urlpatterns = [path(\"die\", die), ");
    sandbox.write(
        "mysite/mysite/urls.py",
        &text.replace("def view", "def die(request):\n    __import__(\"os\")._exit(1)\n\n\ndef view"),
    );
    let server = Server::start(&sandbox, "mysite", &[]);
    assert!(server.get("die").0 >= 500);
    assert_eq!(server.get(""), (200, "one".to_owned()));
    server.stop();
}

#[test]
fn kill_9_of_djwsgi_leaves_nothing_and_the_site_can_be_served_again() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        let mut server = Server::start(&sandbox, "mysite", &[]);
        let killed = Instant::now();
        server.signal(Signal::SIGKILL);
        server.wait(LONG);
        until_no_process(&sandbox);
        assert!(killed.elapsed() < Duration::from_secs(5), "{:?}", killed.elapsed());
        let again = Server::start(
            &sandbox,
            "mysite",
            &["--port", server.url.trim_end_matches('/').rsplit(':').next().unwrap()],
        );
        assert_eq!(again.get(""), (200, "one".to_owned()));
        again.stop();
    });
}

#[test]
fn an_apache_that_cannot_start_ends_with_its_last_words() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    // Accepts every config and fails at the start, as with a port taken at the last moment.
    let fake = "#!/bin/sh\ncase $* in\n*FOREGROUND*) echo 'AH00072: make_sock: could not bind' >&2; exit 1 ;;\n\
                *) exec /usr/sbin/apache2 \"$@\" ;;\nesac\n";
    let path = sandbox.write("fake/sbin/apache2", fake);
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    sandbox.write("fake/lib/apache2/x", "");
    symlink("/usr/lib/apache2/modules", sandbox.join("fake/lib/apache2/modules")).unwrap();
    let mut command = sandbox.djwsgi_command("mysite", &["dev"]);
    let path = format!("{}:/usr/bin:/bin", sandbox.join("fake/sbin").display());
    let shown = sandbox.run(command.env("PATH", path).env("DJWSGI_PORT", free_port().to_string())).code(1);
    shown.says(&["Apache can't be kept running (exit status 1)", "AH00072: make_sock: could not bind"]);
}

#[test]
fn what_a_killed_one_left_is_not_believed() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    let mut server = Server::start(&sandbox, "mysite", &[]);
    let conf = sandbox.read("mysite/.djwsgi/httpd.conf");
    let line = conf.lines().find(|line| line.starts_with("PidFile")).unwrap();
    let pid_file = line.split('"').nth(1).unwrap().to_owned();
    server.signal(Signal::SIGKILL);
    server.wait(LONG);
    until_no_process(&sandbox);
    // The number now belongs to somebody who is alive: this test.
    fs::write(&pid_file, std::process::id().to_string()).unwrap();
    assert!(sandbox.has("mysite/.djwsgi/dev.json"), "its URL is there still");
    let again = Server::start(&sandbox, "mysite", &[]);
    assert_eq!(again.get(""), (200, "one".to_owned()));
    let said = sandbox.djwsgi("mysite", &["dev"]).code(0);
    assert_eq!(said.out.trim(), again.url);
    assert!(said.err.contains(&format!("process {}", again.child.id())), "{}", said.err);
    again.stop();
}

#[test]
fn ctrl_c_while_the_settings_hang_ends_it_and_leaves_nothing() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    sandbox.write("mysite/mysite/settings.py", "import time\ntime.sleep(600)\n");
    for verb in ["dev", "init", "deploy-config"] {
        let mut command = sandbox.djwsgi_command("mysite", &[verb]);
        let mut child = command.stderr(std::process::Stdio::null()).spawn().unwrap();
        until("the settings to be imported", LONG, || (sandbox.processes().len() >= 2).then_some(()));
        kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).unwrap();
        let status = until("the end", Duration::from_secs(3), || child.try_wait().unwrap());
        assert_eq!(status.code(), Some(130), "{verb}");
        until("its children to be gone", Duration::from_secs(1), || sandbox.processes().is_empty().then_some(()));
    }
}
