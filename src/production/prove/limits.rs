//! What is too large, or can be read in two ways.

use anyhow::Result;

use super::row::{self, Row};
use crate::client::Client;
use crate::production::deployment::Deployment;

/// What is too large, or nonsense, is refused with the right status.
///
/// # Errors
/// When no answer comes.
pub fn limits(deployment: &Deployment, client: &Client) -> Result<Row> {
    let base = deployment.site.base_path();
    let long = "x".repeat(9_000);
    let max = (deployment.max_body + 1).to_string();
    let many: Vec<(String, String)> = (0..120).map(|number| (format!("X-{number}"), "x".to_owned())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let both = [("Content-Length", "5"), ("Transfer-Encoding", "chunked")];
    let host = client.name();
    let raw = |text: String| client.connect().and_then(|connection| connection.exchange(text.as_bytes()));
    let tried = [
        ("URL of 9 kB", client.get(&format!("{base}?{long}"))?, vec![414]),
        ("header of 9 kB", client.ask("GET", &base, &[("X-Large", &long)])?, vec![400]),
        ("120 headers", client.ask("GET", &base, &many)?, vec![400]),
        ("body over the limit", client.ask("POST", &base, &[("Content-Length", &max)])?, vec![413]),
        ("TRACE", client.ask("TRACE", &base, &[])?, vec![405]),
        ("two lengths", client.ask("POST", &base, &[("Content-Length", "1"), ("Content-Length", "2")])?, vec![400]),
        ("length and chunks", client.ask("POST", &base, &both)?, vec![400, 411]),
        ("unknown encoding", client.ask("POST", &base, &[("Transfer-Encoding", "xchunked")])?, vec![400, 411, 501]),
        ("no Host", raw(format!("GET {base} HTTP/1.1\r\n\r\n"))?, vec![400]),
        ("two Hosts", raw(format!("GET {base} HTTP/1.1\r\nHost: {host}\r\nHost: x.invalid\r\n\r\n"))?, vec![400]),
        ("space before the colon", raw(format!("GET {base} HTTP/1.1\r\nHost : {host}\r\n\r\n"))?, vec![400]),
    ];
    let wrong = tried.iter().filter(|(_, reply, expected)| !expected.contains(&reply.status));
    let faults = wrong.map(|(what, reply, expected)| format!("{what}: {}, not {expected:?}", reply.status)).collect();
    Ok(Row::of(row::LIMITS, tried.len(), faults))
}
