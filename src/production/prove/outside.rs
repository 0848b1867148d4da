//! What is seen from outside: answers, headers, forbidden paths, limits.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::client::{Client, Reply};
use super::row::{self, Row};
use crate::files;
use crate::production::deployment::Deployment;
use crate::production::trial::rehearsal;
use crate::production::trial::stage::Stage;
use crate::site::alias::AliasKind;

/// What must never be served, below the site, its static files and its uploads: hidden files, code, backups,
/// databases, ways out of the folder in every encoding, the listing.
const FORBIDDEN: [&str; 26] = [
    ".git/config",
    ".env",
    ".htaccess",
    "%2egit/config",
    "%2Eenv",
    "a/.svn/entries",
    "x.py",
    "x.PY",
    "x.pyc",
    "x.sqlite3",
    "x.db",
    "x.env",
    "x.bak",
    "x.sql",
    "x.pem",
    "x.key",
    "x.log",
    "x~",
    "..%2f..%2f..%2fetc/passwd",
    "%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "..%252f..%252fetc/passwd",
    "..%5c..%5cetc/passwd",
    ".%00/x",
    "../../../../../../etc/passwd",
    "..;/etc/passwd",
    "",
];

/// What is there in the rehearsal's folders, and hidden; the last is the folder's listing.
const HIDDEN: [&str; 19] = [
    ".git/config",
    ".env",
    ".htaccess",
    "a/.svn/entries",
    "sub/.hidden",
    "x.py",
    "x.PY",
    "x.pyc",
    "x.sqlite3",
    "x.db",
    "x.env",
    "x.bak",
    "x.sql",
    "x.pem",
    "x.key",
    "x.log",
    "x~",
    "x.css~",
    "",
];

/// An upload that would run where it is shown as a page.
const UPLOAD: &str = "sub/page.html";

/// Asks for the site's front page.
///
/// # Errors
/// When no answer comes.
pub fn answers(deployment: &Deployment, client: &Client) -> Result<Row> {
    let reply = client.get(&deployment.site.base_path())?;
    let fault = (reply.status == 0 || reply.status >= 500).then(|| format!("status {}", reply.status));
    Ok(Row::of(row::ANSWERS, 1, fault.into_iter().collect()))
}

/// Fetches a static file, if one has been collected.
///
/// # Errors
/// When no answer comes.
pub fn static_file(deployment: &Deployment, client: &Client, stage: &Stage) -> Result<Row> {
    let alias = deployment.site.aliases().into_iter().find(|alias| alias.kind == AliasKind::Static);
    let Some(alias) = alias else {
        return Ok(Row::not_tried(row::STATIC_FILES, "Apache serves none for this site"));
    };
    let Some(path) = some_file(&alias.folder, ".css").or_else(|| some_file(&alias.folder, "")) else {
        return Ok(Row::not_tried(row::STATIC_FILES, "none has been collected yet: manage.py collectstatic"));
    };
    let copy = stage.rehearsal.folder.join(rehearsal::STATIC).join(&path);
    fs::create_dir_all(copy.parent().unwrap_or(&copy)).and_then(|()| fs::copy(alias.folder.join(&path), &copy))?;
    let reply = client.get(&format!("{}{}", alias.url, path))?;
    let mut faults = Vec::new();
    if reply.status != 200 {
        faults.push(format!("{}{path}: status {}", alias.url, reply.status));
    } else if reply.value("Cache-Control").is_empty() {
        faults.push(format!("{}{path}: no Cache-Control", alias.url));
    }
    let post = client.ask("POST", &format!("{}{}", alias.url, path), &[("Content-Length", "0")])?;
    if post.status != 405 {
        faults.push(format!("POST {}{path}: status {}", alias.url, post.status));
    }
    Ok(Row::of(row::STATIC_FILES, 2, faults))
}

/// A file in `folder` whose name is one that every URL can have.
fn some_file(folder: &Path, end: &str) -> Option<String> {
    let plain =
        |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c)) && !name.contains("/.");
    let files = walkdir::WalkDir::new(folder).max_depth(4).sort_by_file_name().into_iter().flatten();
    files
        .filter(|entry| entry.file_type().is_file())
        .filter_map(|entry| entry.path().strip_prefix(folder).ok()?.to_str().map(str::to_owned))
        .find(|name| name.ends_with(end) && plain(name) && !name.starts_with('.') && is_served(name))
}

fn is_served(name: &str) -> bool {
    [".css", ".js", ".png", ".svg", ".txt", ".jpg", ".gif", ".woff2"].iter().any(|end| name.ends_with(end))
}

/// Asks for what must not be served.
///
/// # Errors
/// When no answer comes.
pub fn forbidden(deployment: &Deployment, client: &Client, bare: u16) -> Result<Row> {
    let aliases = deployment.site.aliases();
    let mut tops: Vec<&str> = aliases.iter().map(|alias| alias.url.as_str()).collect();
    tops.push("/");
    let mut faults = Vec::new();
    let mut tried = 0;
    for top in &tops {
        // The site itself answers at its own front page, and for what Apache leaves to it.
        for path in FORBIDDEN.iter().filter(|path| !(*top == "/" && may_be_the_sites(path))) {
            let reply = client.get(&format!("{top}{path}"))?;
            tried += 1;
            if !matches!(reply.status, 400 | 403 | 404) || is_leak(&reply) {
                faults.push(format!("{top}{path}: status {}", reply.status));
            }
        }
    }
    for alias in &aliases {
        for path in HIDDEN {
            let reply = client.get(&format!("{}{path}", alias.url))?;
            tried += 1;
            if reply.status == 200 {
                faults.push(format!("{}{path}: status 200", alias.url));
            }
        }
    }
    let bare = client.ask_at(bare, "/plain.txt", "bare.invalid")?;
    if bare.status == 200 {
        faults.push("a folder that no section grants is served".to_owned());
    }
    Ok(Row::of(row::FORBIDDEN, tried + 1, faults))
}

/// Puts files into the folders of the rehearsal that must not be served, and an upload that may.
///
/// # Errors
/// When a file can't be written.
pub fn plant(folder: &Path) -> Result<()> {
    for top in [rehearsal::STATIC, rehearsal::MEDIA] {
        for path in HIDDEN.into_iter().filter(|path| !path.is_empty()).chain([UPLOAD]) {
            write(&folder.join(top).join(path))?;
        }
    }
    write(&folder.join(rehearsal::BARE).join("plain.txt"))
}

fn write(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(|error| files::unwritable(folder, error))?;
    files::write_private(path, "<script>planted</script>\n")
}

/// What Django may answer as it likes: no rule of Apache's is about it.
fn may_be_the_sites(path: &str) -> bool {
    !path.starts_with(".git") && !path.starts_with(".env") && !path.starts_with(".ht") && !path.contains("passwd")
}

fn is_leak(reply: &Reply) -> bool {
    reply.body.windows(5).any(|window| window == b"root:")
}

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

/// Whatever an upload is, it runs nowhere.
///
/// # Errors
/// When no answer comes.
pub fn uploads(deployment: &Deployment, client: &Client) -> Result<Row> {
    let alias = deployment.site.aliases().into_iter().find(|alias| alias.kind == AliasKind::Media);
    let Some(alias) = alias else { return Ok(Row::not_tried(row::UPLOADS, "Apache serves none")) };
    let reply = client.get(&format!("{}{UPLOAD}", alias.url))?;
    let mut faults = Vec::new();
    if reply.status != 200 {
        faults.push(format!("{UPLOAD}: status {}", reply.status));
    }
    if !reply.value("Content-Security-Policy").contains("sandbox") {
        faults.push("no sandbox in Content-Security-Policy".to_owned());
    }
    if deployment.site.config.prod.media_download.unwrap_or(true) && reply.value("Content-Disposition") != "attachment"
    {
        faults.push("not offered for download only".to_owned());
    }
    let post = client.ask("POST", &format!("{}{UPLOAD}", alias.url), &[("Content-Length", "0")])?;
    if post.status != 405 {
        faults.push(format!("POST: status {}", post.status));
    }
    Ok(Row::of(row::UPLOADS, 4, faults))
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
