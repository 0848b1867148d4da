//! The new code of a site in a process that serves nobody.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::line::Line;
use crate::identity::Identity;
use crate::interrupt;
use crate::process;
use crate::production::manifest::Manifest;
use crate::ui::problem::Problem;

/// Runs a WSGI script as mod_wsgi does, under the name that it gives to scripts.
const RUN: &str = "import runpy, sys; runpy.run_path(sys.argv[1], run_name='_mod_wsgi_scratch')";

/// How long what follows the report is waited for.
const END: Duration = Duration::from_secs(3);

/// How often it is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(20);

/// Loads the site in a process of its own and has it answer, as a renewed process would.
///
/// # Errors
/// When it can't.
pub fn check(manifest: &Manifest, line: &Line) -> Result<()> {
    check_by(manifest, line, |program, account| {
        let mut command = Command::new(program);
        command.uid(account.uid).gid(account.gid);
        command
    })
}

/// The same with a command of the caller's, which becomes a program and a user and takes the program's arguments.
///
/// # Errors
/// When it can't.
pub fn check_by(manifest: &Manifest, line: &Line, command: impl Fn(&Path, &Identity) -> Command) -> Result<()> {
    let account = Identity::named(&manifest.user)?;
    let _awaiting = line.awaiting();
    let mut child = start(manifest, &account, command(&manifest.python, &account))?;
    let limit = Duration::from_secs(manifest.startup_timeout.into()) * 2;
    let started = Instant::now();
    let result = loop {
        let report = line.next(LOOK).map(|report| (report.pid == child.id(), report.serve()));
        match report {
            Some((true, Some(failure))) => break Err(fails(manifest, &failure)),
            Some((true, None)) => break end_of_script(&mut child, manifest),
            // Of a process that serves, and began anew.
            Some((false, _)) | None => {}
        }
        if let Some(status) = child.try_wait().context("cannot wait for the site's Python")? {
            break Err(fails(manifest, &format!("{} ended: {}", manifest.python.display(), process::describe(status))));
        }
        if interrupt::requested() {
            break Err(Problem::interrupted());
        }
        if started.elapsed() > limit {
            break Err(fails(manifest, &format!("it has not answered within {} s", limit.as_secs())));
        }
    };
    // It has said what there is to say.
    process::end_group(&mut child, Duration::ZERO);
    Ok(result?)
}

/// The script goes on after its report. What it started may run for ever; that is not waited for.
fn end_of_script(child: &mut Child, manifest: &Manifest) -> Result<(), Problem> {
    let started = Instant::now();
    while started.elapsed() < END {
        match child.try_wait() {
            Ok(Some(status)) if !status.success() => {
                let ended = process::describe(status);
                return Err(fails(manifest, &format!("after its report {} ended: {ended}", manifest.script.display())));
            }
            Ok(None) => std::thread::sleep(LOOK),
            _ => break,
        }
    }
    Ok(())
}

fn fails(manifest: &Manifest, why: &str) -> Problem {
    Problem::findings(format!("the new code of {} can't answer; no process has been touched", manifest.name))
        .detail(why.trim_end())
}

/// As mod_wsgi starts it: the account's, in the site's folder, with no variables but those of the system.
fn start(manifest: &Manifest, account: &Identity, mut command: Command) -> Result<Child> {
    let home = account.home.as_deref().unwrap_or(Path::new("/"));
    command.args(["-c", RUN]).arg(&manifest.script).current_dir(&manifest.root);
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LANG", "C.UTF-8").env("HOME", home);
    command.envs(std::env::vars_os().filter(|(name, _)| name == "DJWSGI_TEST"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    command.spawn().map_err(|error| process::cannot_start(manifest.python.as_os_str(), error))
}
