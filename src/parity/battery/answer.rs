//! What is looked at in an answer.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::servers::Server;
use crate::client::Reply;

/// By which the probe and the site are told from Apache.
const MARK: &str = "X-Djwsgi-Parity";

/// Headers that say nothing of a site: of connections and times, and djwsgi's own.
const PASSING: [&str; 11] = [
    "connection",
    "content-length",
    "content-type",
    "date",
    "expires",
    "keep-alive",
    "server",
    "transfer-encoding",
    "upgrade",
    "x-djwsgi-build",
    "x-djwsgi-parity",
];

/// The status of no answer.
pub const NONE: &str = "none";

/// Facts in which a server's own name may be.
const NAMED: [&str; 4] = ["Host", "server name", "absolute URL", "Location"];

/// What stands on the page that Django has for sites without one.
const WELCOME: &[u8] = b"The install worked successfully";

/// A fact's name and its value in words; what an answer does not tell is not in it.
pub type Answer = BTreeMap<&'static str, String>;

/// The facts that `wanted` names. `asked`: the probe or a page of it was to answer.
pub fn read(server: &Server, reply: &Reply, wanted: &'static [&'static str], asked: bool) -> Answer {
    let by_site = !reply.value(MARK).is_empty();
    let document = serde_json::from_slice::<Value>(&reply.content()).ok().filter(|_| by_site);
    let mut answer = Answer::new();
    for fact in wanted {
        let value = match *fact {
            "answer" => Some(status(reply, asked && !by_site)),
            _ if asked && !by_site => of_reply(reply, fact).filter(|_| *fact == "Location"),
            _ => document.as_ref().and_then(|document| document.get(*fact)).map(text).or_else(|| of_reply(reply, fact)),
        };
        if let Some(value) = value {
            let named = NAMED.contains(fact);
            answer.insert(*fact, if named { as_asked(server, &value) } else { value });
        }
    }
    answer
}

fn status(reply: &Reply, by_server: bool) -> String {
    match (reply.status, by_server) {
        (0, _) => NONE.to_owned(),
        (status, true) => format!("{status} server"),
        (200, false) if reply.body.windows(WELCOME.len()).any(|part| part == WELCOME) => "200, Django's own".to_owned(),
        (status, false) => status.to_string(),
    }
}

/// A fact that the answer itself tells.
fn of_reply(reply: &Reply, fact: &str) -> Option<String> {
    let header = |name: &str| Some(reply.value(name)).filter(|value| !value.is_empty()).unwrap_or("-").to_owned();
    Some(match fact {
        "bytes" => bytes(&reply.content()),
        "length" => header("Content-Length"),
        "type" => header("Content-Type"),
        "range" => header("Content-Range"),
        "coding" => header("Content-Encoding"),
        "Cache-Control" | "ETag" | "Last-Modified" | "Location" | "Server" | "X-Frame-Options" => header(fact),
        "cookies" => {
            let cookies = reply.values("Set-Cookie");
            cookies.iter().map(|cookie| cookie.split('=').next().unwrap_or_default()).collect::<Vec<_>>().join(", ")
        }
        "headers" => {
            let mut names: Vec<&str> = reply.headers.iter().map(|(name, _)| name.as_str()).collect();
            names.retain(|name| !PASSING.contains(name));
            names.sort_unstable();
            names.join(", ")
        }
        _ => return None,
    })
}

/// A body in few words.
pub fn bytes(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    let short: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    if body.is_empty() { "0 bytes".to_owned() } else { format!("{} bytes {short}", body.len()) }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(text).collect::<Vec<_>>().join(":"),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

/// Without what each server has of its own: its name and port.
fn as_asked(server: &Server, value: &str) -> String {
    let name = server.host.rsplit_once(':').map_or(server.host.as_str(), |(name, _)| name);
    let site = format!("{}://{}", server.client.scheme(), server.host);
    let value = value.replace(&site, "SITE").replace(&server.host, "HOST");
    if value == name { "HOST".to_owned() } else { value }
}
