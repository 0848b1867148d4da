//! What must never be served.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::row::{self, Row};
use crate::client::{Client, Reply};
use crate::files;
use crate::production::deployment::Deployment;
use crate::production::trial::place;

/// Where an upload that may be served is planted too.
pub const UPLOAD: &str = "sub/page.html";

/// What is planted in the rehearsal's folders and must not be served: hidden files, code, backups, databases.
const PLANTED: [&str; 18] = [
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
];

/// Other ways to them, out of the folder, and to its listing.
const WAYS: [&str; 10] = [
    "%2egit/config",
    "%2Eenv",
    "..%2f..%2f..%2fetc/passwd",
    "%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "..%252f..%252fetc/passwd",
    "..%5c..%5cetc/passwd",
    ".%00/x",
    "../../../../../../etc/passwd",
    "..;/etc/passwd",
    "",
];

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
        for path in PLANTED.iter().chain(&WAYS).filter(|path| !(*top == "/" && may_be_the_sites(path))) {
            let reply = client.get(&format!("{top}{path}"))?;
            tried += 1;
            if !matches!(reply.status, 400 | 403 | 404) || is_leak(&reply) {
                faults.push(format!("{top}{path}: status {}", reply.status));
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
    for top in [place::STATIC, place::MEDIA] {
        for path in PLANTED.into_iter().chain([UPLOAD]) {
            write(&folder.join(top).join(path))?;
        }
    }
    write(&folder.join(place::BARE).join("plain.txt"))
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
