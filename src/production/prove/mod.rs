//! The proof: the production config runs on loopback and is tried, promise by promise.

mod files;
mod forbidden;
mod headers;
mod inside;
mod limits;
mod logs;
mod names;
mod row;

use anyhow::Result;
use row::Promise;
pub use row::Row;

use super::deployment::Deployment;
use super::secrets;
use super::trial::place::Folders;
use super::trial::stage::{Play, Stage};
use super::trial::token;
use crate::apache::locate::Apache;
use crate::interrupt;
use crate::ui::problem::Problem;
use inside::Probe;

/// What was seen.
pub struct Proof {
    /// The promises, in order.
    pub rows: Vec<Row>,
    /// Lines that ran otherwise than generated: as generated, and as they ran.
    pub rewritten: Vec<(String, String)>,
    /// The last lines of the logs, for whoever looks for a reason.
    pub log: String,
}

impl Proof {
    /// Whether no promise was broken.
    pub fn holds(&self) -> bool {
        self.rows.iter().all(|row| row.kept != Some(false))
    }
}

/// Runs `conf` and `script` and tries every promise.
///
/// # Errors
/// When Apache does not start, or no answer comes at all.
pub fn run(deployment: &Deployment, apache: &Apache, conf: &str, script: &str) -> Result<Proof> {
    let token = token::token()?;
    let play = Play {
        conf,
        script,
        tail: &inside::tail(deployment, &token),
        served: Folders::Planted,
        place: None,
        port: None,
    };
    let stage = Stage::raise(deployment, apache, &play, |folder| {
        inside::lay_out(folder)?;
        forbidden::plant(folder)
    })?;
    let client = stage.client(deployment)?;
    let probe = Probe::new(deployment, &client, &token);
    let answers = Row::or_broken(row::ANSWERS, names::answers(deployment, &client));
    // Later it is full of what the proof itself does.
    let first_log = (answers.kept == Some(false)).then(|| stage.last_lines(15));
    let mut rows = vec![answers];
    let mut add = |promise: Promise, seen: Result<Row>| {
        rows.push(Row::or_broken(promise, seen));
        if interrupt::requested() { Err(Problem::interrupted()) } else { Ok(()) }
    };
    add(row::DAEMONS, probe.daemons(deployment))?;
    add(row::DEVELOPMENT, probe.development())?;
    add(row::NAMES, names::names(deployment, &client))?;
    add(row::HEADERS, headers::headers(deployment, &client))?;
    add(row::FORBIDDEN, forbidden::forbidden(deployment, &client, stage.ports.bare))?;
    add(row::LIMITS, limits::limits(deployment, &client))?;
    add(row::STATIC_FILES, files::static_file(deployment, &client, &stage))?;
    add(row::SPOOFING, probe.spoofing(deployment))?;
    if deployment.tls.is_some() {
        add(row::REDIRECT, names::redirect(deployment, &client))?;
    }
    if deployment.serves_media() {
        add(row::UPLOADS, files::uploads(deployment, &client))?;
    }
    add(row::LOGS, logs::logs(deployment, &client, &stage, &token::token()?))?;
    // What follows fills them with what it does itself.
    let log = first_log.unwrap_or_else(|| stage.last_lines(15));
    if deployment.buffer_port.is_some() {
        add(row::HALF_BODIES, probe.half_bodies(deployment))?;
    }
    add(row::EDITS, probe.edits(&stage))?;
    add(row::SECRETS, Ok(no_secrets(deployment, &[conf, script])))?;
    Ok(Proof { rows, rewritten: stage.rehearsal.rewritten.clone(), log })
}

/// No value of a variable stands in what was generated.
fn no_secrets(deployment: &Deployment, texts: &[&str]) -> Row {
    let values: Vec<(&str, &str)> = secrets::kept(deployment.site).collect();
    if values.is_empty() {
        return Row::not_tried(row::SECRETS, "the site has no variables of production here: --env-file");
    }
    let found = values.iter().filter(|(_, value)| texts.iter().any(|text| text.contains(value)));
    let faults = found.map(|(name, _)| format!("the value of {name}")).collect();
    Row::of(row::SECRETS, values.len(), faults)
}
