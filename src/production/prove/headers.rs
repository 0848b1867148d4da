//! The security headers of every kind of answer.

use anyhow::Result;

use super::row::{self, Row};
use crate::client::Client;
use crate::production::deployment::Deployment;
use crate::site::alias::AliasKind;

/// Looks at the headers of every kind of answer.
///
/// # Errors
/// When no answer comes.
pub fn headers(deployment: &Deployment, client: &Client) -> Result<Row> {
    let base = deployment.site.base_path();
    let long = "x".repeat(9_000);
    let max = (deployment.max_body + 1).to_string();
    let mut replies = vec![
        ("front page", client.get(&base)?),
        ("unknown page", client.get(&format!("{base}djwsgi-proof-nothing-here/"))?),
        ("without a slash", client.get(&format!("{base}admin"))?),
        ("hidden file", client.get("/.env")?),
        ("TRACE", client.ask("TRACE", &base, &[])?),
        ("long URL", client.get(&format!("{base}?{long}"))?),
        ("large header", client.ask("GET", &base, &[("X-Large", &long)])?),
        ("large body", client.ask("POST", &base, &[("Content-Length", &max)])?),
        ("no request", client.connect()?.exchange(b"nonsense\r\n\r\n")?),
        ("another name", client.ask_as("other.invalid")?),
    ];
    for alias in deployment.site.aliases() {
        let missing = client.get(&format!("{}djwsgi-proof-nothing-here.css", alias.url))?;
        replies.push((if alias.kind == AliasKind::Static { "static file" } else { "upload" }, missing));
    }
    let mut names: Vec<&str> = deployment.headers.iter().map(|(name, _)| *name).collect();
    names.extend((deployment.hsts.is_some() && deployment.tls.is_some()).then_some("Strict-Transport-Security"));
    let mut faults = Vec::new();
    for (kind, reply) in &replies {
        for name in &names {
            match reply.values(name).len() {
                1 => {}
                0 => faults.push(format!("{kind} ({}): no {name}", reply.status)),
                count => faults.push(format!("{kind} ({}): {name} × {count}", reply.status)),
            }
        }
    }
    Ok(Row::of(row::HEADERS, replies.len() * names.len(), faults))
}
