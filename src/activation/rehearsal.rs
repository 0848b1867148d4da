//! The next set on this server, before anything is changed: in a private copy of its folders.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::private::Folders;
use super::store::Source;
use crate::files;
use crate::interrupt;
use crate::live::line::Line;
use crate::live::scratch;
use crate::live::server::Server;
use crate::process;
use crate::production::manifest::Manifest;
use crate::ui::problem::Problem;

/// Reading a config takes a second.
const READ: Duration = Duration::from_secs(30);

/// Starting, too; other sites of the server may take their time.
const START: Duration = Duration::from_secs(60);

/// Nobody has sent it a request.
const GRACE: Duration = Duration::from_secs(5);

/// How often it is looked whether it has started.
const LOOK: Duration = Duration::from_millis(20);

/// Has the server read the config and start with it, and the site answer, where nobody sees it.
///
/// # Errors
/// When one of them can't.
pub fn check(manifest: &Manifest, source: Source, line: &Line) -> Result<()> {
    let folders = Folders::of(manifest);
    folders.make()?;
    let private = |words: &[&str]| private_command(manifest, source, words);
    let result =
        read(manifest, private(&[])).and_then(|()| start(manifest, &folders, private(&["--starts"]))).and_then(|()| {
            scratch::check_by(manifest, line, |program, account| {
                let mut command = private(&["--user", &account.shown()]);
                command.arg(program);
                command
            })
        });
    folders.remove()?;
    result
}

/// Has the server read its config without a set and without the modules of `links`.
///
/// # Errors
/// When it does not accept that: others need them.
pub fn check_without(manifest: &Manifest, links: &[PathBuf]) -> Result<()> {
    let folders = Folders::of(manifest);
    folders.make()?;
    let manifest_text = serde_json::to_string(manifest)?;
    let mut words = vec!["--removed", &manifest_text];
    let links: Vec<String> = links.iter().map(|link| format!("--without={}", link.display())).collect();
    words.extend(links.iter().map(String::as_str));
    let result = read(manifest, private_command(manifest, Source::Staged, &words));
    folders.remove()?;
    result
}

fn read(manifest: &Manifest, mut command: Command) -> Result<()> {
    let finished = process::run(command.args(Server::of(manifest).check()), READ)?;
    if finished.status.success() {
        return Ok(());
    }
    Err(refused("Apache does not accept the config", finished.stderr.trim_end()))
}

/// What a config asks for shows when Apache starts: folders of logs, certificates, sockets.
fn start(manifest: &Manifest, folders: &Folders, mut command: Command) -> Result<()> {
    command.args(Server::of(manifest).foreground());
    // Not to be held up by a pipe that nobody reads.
    let log = folders.logs.join("stderr");
    let stderr = File::create(&log).map_err(|error| files::unwritable(&log, error))?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).process_group(0);
    let mut child = command.spawn().map_err(|error| process::cannot_start("djwsgi".as_ref(), error))?;
    let result = until_started(&mut child, &folders.run.join(files::name(&manifest.pid_file)));
    process::end_group(&mut child, GRACE);
    let said = || folders.said();
    result.map_err(|fault| match fault {
        Fault::Interrupted => Problem::interrupted().into(),
        Fault::Is(what) => refused(&what, &said()),
    })
}

/// Why Apache has not started.
enum Fault {
    Interrupted,
    Is(String),
}

/// It writes its pid once it listens.
fn until_started(child: &mut Child, pid_file: &Path) -> Result<(), Fault> {
    let started = Instant::now();
    loop {
        if pid_file.exists() {
            return Ok(());
        }
        if let Ok(Some(_)) = child.try_wait() {
            return Err(Fault::Is("Apache does not start with it".to_owned()));
        }
        if interrupt::requested() {
            return Err(Fault::Interrupted);
        }
        if started.elapsed() > START {
            return Err(Fault::Is(format!("Apache does not start with it within {} s", START.as_secs())));
        }
        std::thread::sleep(LOOK);
    }
}

fn refused(what: &str, detail: &str) -> anyhow::Error {
    Problem::findings(format!("{what}; nothing has been changed")).detail(detail).into()
}

/// A command that becomes what its further arguments say, with another set in its place, for itself alone.
fn private_command(manifest: &Manifest, source: Source, words: &[&str]) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.args(["exec-private", "--parent"]).arg(std::process::id().to_string()).arg("--name").arg(&manifest.name);
    command.args((source == Source::Previous).then_some("--previous")).args(words).arg("--");
    command
}
