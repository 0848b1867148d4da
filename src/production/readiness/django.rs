//! What Django itself says: its checks, collectstatic, the static files that templates name.

use std::time::Duration;

use anyhow::Result;
use serde::Deserialize;

use super::Readiness;
use crate::files;
use crate::process;
use crate::production::deployment::Deployment;
use crate::site::alias::{Alias, AliasKind};

const CHECK: &str = include_str!("../../python/check_production.py");

/// collectstatic of a large site takes its time.
const LIMIT: Duration = Duration::from_secs(120);

/// Django's number for errors; below are warnings.
const ERROR: u32 = 40;

const TRY: &str = "manage.py check --deploy tells more";

/// What `check --deploy` asks of Django and this Apache does.
fn done_by_apache(deployment: &Deployment, id: &str) -> Option<&'static str> {
    let tls = deployment.tls.is_some();
    match id {
        "security.W002" => Some("X-Frame-Options"),
        "security.W004" if tls && deployment.hsts.is_some() => Some("Strict-Transport-Security"),
        "security.W005" if tls && deployment.hsts.is_some() && deployment.hsts_subdomains => {
            Some("Strict-Transport-Security for subdomains")
        }
        "security.W006" => Some("X-Content-Type-Options"),
        "security.W008" if tls => Some("the redirect to https"),
        "security.W022" => Some("Referrer-Policy"),
        _ => None,
    }
}

/// What `check_production.py` answers.
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Failed { error: String },
    Checked(Box<Checked>),
}

#[derive(Deserialize)]
struct Checked {
    checks: Vec<Message>,
    leaves_traces: bool,
    collected: Vec<String>,
    collectstatic_error: Option<String>,
    missing_entries: Vec<String>,
}

#[derive(Deserialize)]
struct Message {
    id: String,
    level: u32,
    text: String,
}

/// Asks Django.
///
/// # Errors
/// When the site's Python can't be run.
pub fn look(deployment: &Deployment, found: &mut Readiness) -> Result<()> {
    let site = deployment.site;
    let scratch = tempfile::Builder::new()
        .prefix("djwsgi-static-")
        .tempdir()
        .map_err(|error| files::unwritable(&std::env::temp_dir().join("djwsgi-static"), error))?;
    let mut command = site.python.command();
    command
        .arg("-c")
        .arg(CHECK)
        .arg(&site.root)
        .arg(site.production_settings())
        .arg(scratch.path())
        .args(site.own_path());
    command.current_dir(&site.root).envs(&site.django.added_environment).envs(&site.variables);
    let finished = process::run(&mut command, LIMIT)?;
    let checked = match serde_json::from_str(&finished.stdout) {
        Ok(Answer::Checked(checked)) => *checked,
        Ok(Answer::Failed { error }) => {
            found.fault(format!("Django does not start: {error}"), TRY);
            return Ok(());
        }
        Err(_) => {
            let last = process::last_lines(&finished.stderr, 3);
            found.fault(format!("Django's checks ended without an answer: {last}"), TRY);
            return Ok(());
        }
    };
    for message in &checked.checks {
        match done_by_apache(deployment, &message.id) {
            _ if message.level >= ERROR => {
                found.fault(format!("{}: {}", message.id, message.text), TRY);
            }
            // DEBUG and ALLOWED_HOSTS are faults of their own; the browsers' preload list is a promise for years,
            // and nobody misses what is not on it.
            _ if ["security.W018", "security.W020", "security.W021"].contains(&message.id.as_str()) => {}
            // Decided by hsts-subdomains.
            _ if message.id == "security.W005" && !deployment.hsts_subdomains => {}
            Some(what) => found.done_by_apache.push(what.to_owned()),
            _ => found.warnings.push(format!("check --deploy: {} {}", message.id, message.text)),
        }
    }
    if !checked.leaves_traces {
        let way = "LOGGING needs a handler, for example the root logger's \"console\": Apache logs what it writes";
        found.warnings.push(format!("a server error would leave no trace without DEBUG, and ADMINS is empty: {way}"));
    }
    if let Some(error) = &checked.collectstatic_error {
        found.fault(format!("collectstatic fails: {error}"), "manage.py collectstatic --noinput shows the same");
    }
    if !checked.missing_entries.is_empty() {
        found.fault(
            format!("static files that templates name are missing: {}", first_few(&checked.missing_entries)),
            "every page that uses one would be a server error; add them or mend the templates",
        );
    }
    let alias = site.aliases().into_iter().find(|alias| alias.kind == AliasKind::Static);
    if let Some(alias) = alias {
        found.warnings.extend(not_collected(&alias, &checked.collected));
    }
    Ok(())
}

/// Files that `collectstatic` would bring and that are not in the folder yet.
fn not_collected(alias: &Alias, names: &[String]) -> Option<String> {
    let missing: Vec<String> = names.iter().filter(|name| !alias.folder.join(name).exists()).cloned().collect();
    (!missing.is_empty()).then(|| {
        format!(
            "collectstatic has {} files to bring to {}: {}",
            missing.len(),
            alias.folder.display(),
            first_few(&missing)
        )
    })
}

fn first_few(names: &[String]) -> String {
    let rest = names.len().saturating_sub(3);
    let shown = names.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    if rest > 0 { format!("{shown} and {rest} more") } else { shown }
}
