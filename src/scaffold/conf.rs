//! The Apache configs of a site.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::script;
use super::templates::{self, Template};
use crate::apache::mod_wsgi::ModWsgi;
use crate::apache::quote::DOLLAR_DEFINE;
use crate::files;
use crate::site::alias::AliasKind;
use crate::site::hosts::AllowedHosts;
use crate::site::resolve::Site;
use crate::ui::problem::Problem;

/// A UTF-8 locale that every current system has; without one, file names with other letters and
/// their printing fail.
pub const LOCALE: &str = if cfg!(target_vendor = "apple") { "en_US.UTF-8" } else { "C.UTF-8" };

/// Threads of a daemon process in development.
pub const DEV_THREADS: u16 = 5;

/// What is different in the daemon process group of one config and another.
pub struct Daemon {
    /// Processes.
    pub processes: u16,
    /// Threads of each.
    pub threads: u16,
    /// User and group, where Apache is started as root.
    pub account: Option<(String, String)>,
    /// Further options.
    pub limits: Vec<String>,
}

/// Path of the development vhost.
pub fn path(site: &Site) -> PathBuf {
    site.root.join(format!("apache/{}.conf", site.name))
}

/// The vhost for the system's Apache, for development.
///
/// # Errors
/// As [`Template::render`], or a path can't be expressed.
pub fn development(site: &Site, mod_wsgi: &ModWsgi) -> Result<String> {
    let daemon = Daemon { processes: 1, threads: DEV_THREADS, account: account(site), limits: Vec::new() };
    let mut data = data(site, &daemon, &script::path(&site.root), Path::to_owned)?;
    let server_name = AllowedHosts::new(&site.django.allowed_hosts, site.django.debug).development_name(&site.name);
    data.insert("conf".into(), json!(files::config_text(&path(site))?));
    data.insert("url".into(), json!(format!("http://{server_name}{}", site.base_path())));
    data.insert("server_name".into(), json!(server_name));
    data.insert("load_module".into(), load_module(mod_wsgi)?);
    render_conf(Template::SiteConf, data)
}

/// Renders a config; the definition of the literal dollar is in it only if it is used.
///
/// # Errors
/// As [`Template::render`], or a value holds a control character.
pub fn render_conf(template: Template, mut data: Map<String, Value>) -> Result<String> {
    refuse_control_characters(&data)?;
    data.insert("define_dollar".into(), json!(false));
    let text = template.render(&data)?;
    if !text.contains("${DJWSGI_DOLLAR}") {
        return Ok(text);
    }
    data.insert("define_dollar".into(), json!(true));
    let text = template.render(&data)?;
    debug_assert!(text.contains(DOLLAR_DEFINE));
    Ok(text)
}

/// A line break in a value would begin a directive; no value of ours has a use for one.
///
/// # Errors
/// When there is one.
pub fn refuse_control_characters(data: &Map<String, Value>) -> Result<(), Problem> {
    fn first(value: &Value) -> Option<&str> {
        match value {
            Value::String(text) => text.chars().any(char::is_control).then_some(text),
            Value::Array(list) => list.iter().find_map(first),
            Value::Object(map) => map.values().find_map(first),
            Value::Null | Value::Bool(_) | Value::Number(_) => None,
        }
    }
    match data.values().find_map(first) {
        Some(text) => {
            Err(Problem::usage(format!("{text:?} contains a control character, which Apache's config can't express")))
        }
        None => Ok(()),
    }
}

/// The values that every config of a site needs; `there` says where a path of this machine is on the server.
///
/// # Errors
/// As [`Template::render`], or a path can't be expressed.
pub fn data(
    site: &Site,
    daemon: &Daemon,
    script: &Path,
    there: impl Fn(&Path) -> PathBuf,
) -> Result<Map<String, Value>> {
    let folder = script.parent().unwrap_or(Path::new("/"));
    let text = |path: &Path| Ok::<_, anyhow::Error>(files::config_text(&there(path))?.to_owned());
    let home = site.python.is_venv().then(|| text(&site.python.prefix)).transpose()?;
    let mut aliases = Vec::new();
    for alias in site.aliases() {
        let folder = text(&alias.folder)?.trim_end_matches('/').to_owned();
        aliases.push(json!({
            "is_static": alias.kind == AliasKind::Static,
            "url": alias.url,
            "folder_slash": format!("{folder}/"),
            "folder": folder,
        }));
    }
    let data = json!({
        "name": site.name,
        "mount": site.mount(),
        "script": files::config_text(script)?,
        "script_folder": files::config_text(folder)?,
        "script_name": script.file_name().unwrap_or_default().to_string_lossy(),
        "root": text(&site.root)?,
        "python_home": home,
        "user": daemon.account.as_ref().map(|(user, _)| user),
        "group": daemon.account.as_ref().map(|(_, group)| group),
        // One is left out: written out, it makes `wsgi.multiprocess` true.
        "processes": (daemon.processes > 1).then_some(daemon.processes),
        "threads": daemon.threads,
        "limits": daemon.limits,
        "locale": LOCALE,
        "aliases": aliases,
    });
    Ok(templates::fields(data))
}

/// The owner of the site by name: the system's Apache runs the daemons as them. Root's and
/// nameless users' sites run as Apache's own user.
fn account(site: &Site) -> Option<(String, String)> {
    let owner = &site.owner;
    (owner.uid != 0).then_some(())?;
    Some((owner.user.clone()?, owner.group.clone()?))
}

/// The distribution's module is enabled by its package; one from PyPI must be loaded by us.
fn load_module(mod_wsgi: &ModWsgi) -> Result<Value> {
    if mod_wsgi.from_distribution {
        return Ok(Value::Null);
    }
    Ok(json!(files::config_text(&mod_wsgi.path)?))
}
