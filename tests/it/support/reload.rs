//! What the tests of the instant reload share.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::answer::Answer;
use super::sandbox::{Sandbox, urls};
use super::server::{Server, get};
use super::wait::until;

/// A urls.py that imports `module` and answers the value of `expression`, as text.
pub fn telling(module: &str, expression: &str) -> String {
    format!("import {module}\n{}", urls(&format!("HttpResponse(str({expression}))")))
}

/// The first answer to a request sent at the moment a save is complete.
pub fn first_answer(server: &Server) -> Answer {
    server.ask("")
}

/// Waits until the site in `folder` is served as it is on the disk: the build that serves it.
pub fn settle(sandbox: &Sandbox, folder: &str) -> u64 {
    sandbox.djwsgi(folder, &["wait"]).code(0).out.trim().parse().unwrap()
}

/// The answer once the site is served as it is on the disk.
#[track_caller]
pub fn settled_body(sandbox: &Sandbox, server: &Server) -> String {
    settle(sandbox, "mysite");
    let (status, body) = server.get("");
    assert_eq!(status, 200, "{body}");
    body
}

/// How many reloads it has told of.
pub fn reloads(server: &Server) -> usize {
    server.err().lines().filter(|line| line.contains('↻')).count()
}

/// Replaces `from` in the settings of the site.
pub fn change_settings(sandbox: &Sandbox, from: &str, to: &str) {
    let settings = sandbox.read("mysite/mysite/settings.py");
    assert!(settings.contains(from), "{from:?} not in: {settings}");
    sandbox.write("mysite/mysite/settings.py", &settings.replace(from, to));
}

/// Adds lines to the settings of the site.
pub fn add_settings(sandbox: &Sandbox, lines: &str) {
    let settings = sandbox.read("mysite/mysite/settings.py");
    sandbox.write("mysite/mysite/settings.py", &format!("{settings}\n{lines}\n"));
}

/// Gives the site an environment of its own with what the shared one has. Its site-packages.
pub fn own_environment(sandbox: &Sandbox, folder: &str) -> std::path::PathBuf {
    let link = sandbox.join(folder).join(".venv");
    let shared = packages(&link.canonicalize().unwrap());
    std::fs::remove_file(&link).unwrap();
    let mut command = sandbox.command("/usr/bin/python3", folder);
    let shown = sandbox.run(command.args(["-m", "venv", "--without-pip", ".venv"]));
    assert_eq!(shown.code, 0, "{}", shown.err);
    let own = packages(&link);
    sandbox.write(own.join("shared.pth"), &format!("{}\n", shared.display()));
    own
}

fn packages(venv: &Path) -> std::path::PathBuf {
    let versions = std::fs::read_dir(venv.join("lib")).unwrap();
    let version = versions.flatten().find(|entry| entry.file_name().to_string_lossy().starts_with("python"));
    version.unwrap().path().join("site-packages")
}

/// Requests without pause from several threads.
pub struct Polling {
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<(u16, String)>>>,
}

impl Polling {
    /// Begins.
    pub fn start(server: &Server, threads: usize) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let poll = |_| {
            let (url, over) = (server.url.clone(), Arc::clone(&over));
            std::thread::spawn(move || {
                let mut answers = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    answers.push(get(&url, None));
                }
                answers
            })
        };
        Self { threads: (0..threads).map(poll).collect(), over }
    }

    /// Ends: the answers of each thread, in their order.
    pub fn stop(self) -> Vec<Vec<(u16, String)>> {
        self.over.store(true, Ordering::Relaxed);
        self.threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    }
}

/// Whether a process exists and is no zombie.
pub fn lives(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// Waits until a process has ended.
pub fn until_gone(pid: u32, limit: Duration) {
    until(&format!("process {pid} to end"), limit, || (!lives(pid)).then_some(()));
}
