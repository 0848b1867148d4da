//! What Apache serves itself: static files and uploads.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::forbidden::UPLOAD;
use super::row::{self, Row};
use crate::client::Client;
use crate::production::deployment::Deployment;
use crate::production::trial::place;
use crate::production::trial::stage::Stage;
use crate::site::alias::AliasKind;

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
    let copy = stage.rehearsal.folder.join(place::STATIC).join(&path);
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

fn is_served(name: &str) -> bool {
    [".css", ".js", ".png", ".svg", ".txt", ".jpg", ".gif", ".woff2"].iter().any(|end| name.ends_with(end))
}
