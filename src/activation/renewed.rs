//! The server with another set: told, and waited for until it answers.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::client::Client;
use crate::files;
use crate::live::daemons::Daemons;
use crate::live::line::Line;
use crate::live::server::Server;
use crate::production::manifest::Manifest;
use crate::ui::problem::Problem;

/// How often it is looked whether a process has reported.
const LOOK: Duration = Duration::from_millis(20);

/// An Apache that ends does so at once; its pid file may be written anew meanwhile.
const GONE: Duration = Duration::from_secs(2);

/// For slow machines: old processes have three seconds to end.
const MARGIN: Duration = Duration::from_secs(15);

/// Has the server take the set of `manifest`, which is in its place, and waits until each of the site's processes has
/// answered; `old` are those of before.
///
/// # Errors
/// When it does not start, or a process can't answer.
pub fn renew(manifest: &Manifest, old: &[u32], line: &Line) -> Result<()> {
    let server = Server::of(manifest);
    if server.pid().is_some() {
        server.reload()?;
    } else {
        server.start(true)?;
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
    ask(manifest, &client)
}

/// Asks as visitors do.
///
/// # Errors
/// When the answer is an error of the server's.
pub fn ask_publicly(manifest: &Manifest) -> Result<()> {
    ask(manifest, &client(manifest)?)
}

fn client(manifest: &Manifest) -> Result<Client> {
    Client::of_this_machine(&manifest.server_name, manifest.http_port, manifest.https_port)
}

fn ask(manifest: &Manifest, client: &Client) -> Result<()> {
    let headers: &[(&str, &str)] = if manifest.is_https() { &[("X-Forwarded-Proto", "https")] } else { &[] };
    let status = client.ask("GET", &manifest.front_page, headers)?.status;
    if (1..500).contains(&status) {
        return Ok(());
    }
    let answer = if status == 0 { "closes the connection".to_owned() } else { format!("answers {status}") };
    Err(Problem::findings(format!("{} {answer}", manifest.url)).into())
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
        if let Some(report) = line.next(LOOK) {
            if let Some(failure) = &report.failure {
                let problem = Problem::findings(format!("the processes of {} can't answer", manifest.name));
                let problem = problem.detail(failure.trim_end());
                report.serve();
                return Err(problem.into());
            }
            if !old.contains(&report.pid) {
                answered += 1;
            }
            report.serve();
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
