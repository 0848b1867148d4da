//! The server with another set: told, and waited for until it answers.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::client::Client;
use crate::files;
use crate::interrupt;
use crate::live::daemons::Daemons;
use crate::live::line::{Line, Report};
use crate::live::server::Server;
use crate::production::manifest::Manifest;
use crate::ui::problem::Problem;

/// How often it is looked whether a process has reported.
const LOOK: Duration = Duration::from_millis(20);

/// An Apache that ends does so at once; its pid file may be written anew meanwhile.
const GONE: Duration = Duration::from_secs(2);

/// How long an answer is waited for.
const ANSWER: Duration = Duration::from_secs(15);

/// For slow machines: old processes have three seconds to end.
const MARGIN: Duration = Duration::from_secs(15);

/// Has the server take the set of `manifest`, which is in its place, and waits until each of the site's processes has
/// answered; `old` are those of before.
///
/// # Errors
/// When it does not start, or a process can't answer.
pub fn renew(manifest: &Manifest, old: &[u32], line: &Line) -> Result<()> {
    let server = Server::of(manifest);
    let _awaiting = line.awaiting();
    if server.pid().is_some() {
        server.reload()?;
    } else {
        server.start()?;
    }
    if reports(manifest)? {
        until_all_answer(manifest, &server, old, line)?;
    }
    // Behind the gate, where there is one.
    let port = manifest.buffer_port;
    let client = match port {
        Some(port) => Client::of_this_machine(&manifest.server_name, port, None)?,
        None => client(manifest)?,
    };
    ask(manifest, &client, line)
}

/// Asks as visitors do.
///
/// # Errors
/// When the answer is an error of the server's.
pub fn ask_publicly(manifest: &Manifest, line: &Line) -> Result<()> {
    ask(manifest, &client(manifest)?, line)
}

fn client(manifest: &Manifest) -> Result<Client> {
    Client::of_this_machine(&manifest.server_name, manifest.http_port, manifest.https_port)
}

/// Asks until there is an answer. What Apache itself says of a process that is not there yet is none.
fn ask(manifest: &Manifest, client: &Client, line: &Line) -> Result<()> {
    let started = Instant::now();
    loop {
        let answer = ask_once(manifest, client, line);
        let what = match &answer {
            Ok(status) if (1..500).contains(status) => return Ok(()),
            Ok(0) => format!("{} closes the connection", manifest.url),
            Ok(status) => format!("{} answers {status}", manifest.url),
            Err(error) => format!("{}: {error:#}", manifest.url),
        };
        let may_come = matches!(answer, Ok(0 | 502..=504) | Err(_));
        if !may_come || started.elapsed() > ANSWER || interrupt::requested() {
            return Err(Problem::findings(what).into());
        }
        thread::sleep(LOOK);
    }
}

/// The status of one answer. A script that failed is loaded again for each request, and reports again meanwhile.
fn ask_once(manifest: &Manifest, client: &Client, line: &Line) -> Result<u16> {
    let headers: &[(&str, &str)] = if manifest.is_https() { &[("X-Forwarded-Proto", "https")] } else { &[] };
    thread::scope(|scope| {
        let asked = scope.spawn(|| client.ask("GET", &manifest.front_page, headers));
        while !asked.is_finished() {
            line.next(LOOK).map(Report::serve);
        }
        let failed = |_| anyhow::Error::from(Problem::findings(format!("{} was not asked", manifest.url)));
        Ok(asked.join().map_err(failed)??.status)
    })
}

/// Whether the script is one whose processes report.
fn reports(manifest: &Manifest) -> Result<bool> {
    let text = files::read_if_exists(&manifest.script)?.unwrap_or_default();
    Ok(manifest.renewal.to_str().is_some_and(|path| text.contains(path)))
}

fn until_all_answer(manifest: &Manifest, server: &Server, old: &[u32], line: &Line) -> Result<()> {
    let daemons = Daemons::of(manifest)?;
    let limit = Duration::from_secs(manifest.startup_timeout.into()) + MARGIN;
    let started = Instant::now();
    let mut alive = started;
    let mut answered = 0;
    loop {
        // What those of before say does not count.
        let report = line.next(LOOK).map(|report| (!old.contains(&report.pid), report.serve()));
        match report {
            Some((true, Some(failure))) => {
                let problem = Problem::findings(format!("the processes of {} can't answer", manifest.name));
                return Err(problem.detail(failure.trim_end()).into());
            }
            Some((true, None)) => answered += 1,
            Some((false, _)) | None => {}
        }
        let is_gone = || daemons.running().is_ok_and(|running| !running.iter().any(|pid| old.contains(pid)));
        if answered >= usize::from(manifest.processes) && is_gone() {
            return Ok(());
        }
        if server.pid().is_some() {
            alive = Instant::now();
        } else if alive.elapsed() > GONE {
            return Err(Problem::findings("Apache has ended").into());
        }
        if started.elapsed() > limit {
            let seconds = limit.as_secs();
            return Err(Problem::findings(format!("no process has answered within {seconds} s")).into());
        }
    }
}
