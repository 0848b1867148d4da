//! Which names are answered, and where HTTP leads.

use anyhow::Result;

use super::row::{self, Row};
use crate::client::Client;
use crate::production::deployment::Deployment;

/// Asks for the site's front page.
///
/// # Errors
/// When no answer comes.
pub fn answers(deployment: &Deployment, client: &Client) -> Result<Row> {
    let reply = client.get(&deployment.site.base_path())?;
    let fault = (reply.status == 0 || reply.status >= 500).then(|| format!("status {}", reply.status));
    Ok(Row::of(row::ANSWERS, 1, fault.into_iter().collect()))
}

/// Other names and addresses get nothing.
///
/// # Errors
/// When no answer comes.
pub fn names(deployment: &Deployment, client: &Client) -> Result<Row> {
    let mut faults = Vec::new();
    let hosts = others(deployment, &["evil.invalid", "127.0.0.1", "catchall.invalid", "localhost"]);
    for host in &hosts {
        let reply = client.ask_as(host)?;
        if !matches!(reply.status, 400 | 421) {
            faults.push(format!("{host}: status {}", reply.status));
        }
    }
    Ok(Row::of(row::NAMES, hosts.len(), faults))
}

/// The way from HTTP to HTTPS follows no Host header.
///
/// # Errors
/// When no answer comes.
pub fn redirect(deployment: &Deployment, client: &Client) -> Result<Row> {
    let name = &deployment.server_name;
    let port = if deployment.ports.1 == 443 { String::new() } else { format!(":{}", deployment.ports.1) };
    let expected = format!("https://{name}{port}/a/b?c=d");
    let mut faults = Vec::new();
    let mut tried = 0;
    for host in [name].into_iter().chain(&deployment.aliases) {
        let reply = client.ask_plain("/a/b?c=d", host)?;
        tried += 1;
        if reply.status != 301 || reply.value("Location") != expected {
            faults.push(format!("{host}: {} {}", reply.status, reply.value("Location")));
        }
    }
    for host in others(deployment, &["evil.invalid", "127.0.0.1"]) {
        let reply = client.ask_plain("/", host)?;
        tried += 1;
        if !matches!(reply.status, 400 | 421) {
            faults.push(format!("{host}: {} {}", reply.status, reply.value("Location")));
        }
    }
    Ok(Row::of(row::REDIRECT, tried, faults))
}

/// Those of `hosts` that are no names of the site.
fn others<'a>(deployment: &Deployment, hosts: &[&'a str]) -> Vec<&'a str> {
    let is_own = |host: &str| deployment.server_name == host || deployment.aliases.iter().any(|own| own == host);
    hosts.iter().copied().filter(|host| !is_own(host)).collect()
}
