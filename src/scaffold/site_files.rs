//! The files of a site, from what is known of it.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::json;

use super::plan::{Access, Keep, Wanted};
use super::templates::Template;
use super::{conf, provenance, script};
use crate::apache::mod_wsgi::ModWsgi;
use crate::files;
use crate::site::config::{FILE, LOCAL_FILE};
use crate::site::resolve::Site;
use crate::site::variables;

/// Everything `djwsgi init` writes; a `new` site gets a whole .gitignore.
///
/// # Errors
/// When a path can't be expressed in a config file.
pub fn scaffold(site: &Site, mod_wsgi: &ModWsgi, new: bool) -> Result<Vec<Wanted>> {
    let settings = settings_file(site)?;
    let mut wanted = vec![
        generated(conf::path(site), Template::SiteConf, &conf::development(site, mod_wsgi)?),
        generated(script::path(&site.root), Template::DjangoWsgi, &script::development_body(site)?),
        generated(site.monitor.file.clone(), Template::Monitor, &monitor(site)?),
        Wanted { keep: Keep::Always, ..generated(site.root.join(FILE), Template::Settings, &settings) },
    ];
    wanted.extend(gitignore(&site.root, new)?);
    Ok(wanted)
}

/// A file with its provenance line.
pub fn generated(path: PathBuf, template: Template, body: &str) -> Wanted {
    Wanted { path, text: provenance::sign(template, body), keep: Keep::UnlessUntouched, access: Access::All }
}

fn monitor(site: &Site) -> Result<String> {
    Template::Monitor.render(&json!({ "name": site.name, "module": site.monitor.module }))
}

/// djwsgi.toml for a site that has none yet.
fn settings_file(site: &Site) -> Result<String> {
    let prefix = &site.python.prefix;
    let home = match prefix.strip_prefix(&site.root) {
        Ok(inside) if site.python.is_venv() => Some(files::config_text(inside)?),
        _ => None,
    };
    let env_file = site.config.committed_env.file.as_deref().map(files::config_text).transpose()?;
    Template::Settings.render(&json!({
        "name": site.name,
        "settings": site.config.site.settings,
        "python_home": home,
        "env_file": env_file,
    }))
}

/// The file from which manage.py itself filled the environment, if that is what it did.
pub fn found_env_file(site: &Site) -> Option<PathBuf> {
    let added = &site.django.added_environment;
    let name = PathBuf::from(".env");
    let variables = variables::parse(&std::fs::read_to_string(site.root.join(&name)).ok()?);
    // Settings are assigned in the script; the file matters if anything else came from it.
    let all_from_file = !added.is_empty() && added.keys().all(|variable| variables.contains_key(variable));
    all_from_file.then_some(name)
}

/// The lines that git should ignore, where git is used or will be.
fn gitignore(root: &Path, new: bool) -> Result<Option<Wanted>> {
    let path = root.join(".gitignore");
    let present = files::read_if_exists(&path)?;
    let uses_git = root.ancestors().any(|folder| folder.join(".git").exists());
    if present.is_none() && !uses_git && !new {
        return Ok(None);
    }
    let local = format!("/{LOCAL_FILE}");
    let mut lines = vec!["/.djwsgi/", local.as_str()];
    if new {
        lines.extend(["/.venv/", "/db.sqlite3", "__pycache__/"]);
    }
    let mut text = present.unwrap_or_default();
    for line in lines {
        if !text.lines().any(|present| present.trim() == line) {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(line);
            text.push('\n');
        }
    }
    Ok(Some(Wanted { path, text, keep: Keep::Extend, access: Access::All }))
}
