//! What is logged: every request, and nothing that it kept in its query string.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::row::{self, Row};
use crate::client::Client;
use crate::files;
use crate::production::deployment::Deployment;
use crate::production::trial::stage::Stage;

/// A request is logged once its answer is on its way.
const LIMIT: Duration = Duration::from_secs(5);

/// Requests with `secret` in the query strings of URL and Referer, of every kind that leaves a line behind.
///
/// # Errors
/// When no answer comes.
pub fn logs(deployment: &Deployment, client: &Client, stage: &Stage, secret: &str) -> Result<Row> {
    let base = deployment.site.base_path();
    let seen = format!("{base}djwsgi-proof-logged/");
    let referer = format!("https://{}/?token={secret}", client.name());
    let large = (deployment.max_body + 1).to_string();
    let mut targets: Vec<String> =
        ["", "djwsgi-proof-nothing-here/", ".env"].map(|path| format!("{base}{path}")).into();
    for alias in deployment.site.aliases() {
        targets.extend(["djwsgi-proof-nothing-here.css", "x.py"].map(|path| format!("{}{path}", alias.url)));
    }
    let mut tried = 2;
    for target in &targets {
        client.ask("GET", &format!("{target}?token={secret}"), &[("Referer", &referer)])?;
        tried += 1;
    }
    client.ask("POST", &format!("{base}?token={secret}"), &[("Referer", &referer), ("Content-Length", &large)])?;
    client.ask("GET", &format!("{seen}?token={secret}"), &[("Referer", &referer)])?;
    let folder = stage.rehearsal.folder.join("log");
    let mut faults = Vec::new();
    let started = Instant::now();
    while !lines(&folder).iter().any(|line| line.contains(&seen)) {
        if started.elapsed() > LIMIT {
            faults.push(format!("{seen} was asked for and is in no log"));
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    faults.extend(lines(&folder).into_iter().filter(|line| line.contains(secret)));
    Ok(Row::of(row::LOGS, tried, faults))
}

/// Everything that has been logged.
fn lines(folder: &Path) -> Vec<String> {
    let read = |path: &std::path::PathBuf| fs::read(path).unwrap_or_default();
    let files: Vec<Vec<u8>> = files::sorted_entries(folder).unwrap_or_default().iter().map(read).collect();
    files
        .iter()
        .flat_map(|bytes| String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}
