//! The files of a site, from what is known of it.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::plan::{Keep, Wanted};
use super::provenance;
use super::templates::{Template, python_literal};
use crate::apache::quote::DOLLAR_DEFINE;
use crate::cli::TlsMode;
use crate::files;
use crate::python::mod_wsgi::ModWsgi;
use crate::site::config::{FILE, LOCAL_FILE};
use crate::site::hosts::AllowedHosts;
use crate::site::resolve::{AliasKind, Site};

/// A UTF-8 locale that every current system has; without one, file names with other letters and
/// their printing fail.
pub const LOCALE: &str = if cfg!(target_vendor = "apple") { "en_US.UTF-8" } else { "C.UTF-8" };

/// Threads of a daemon process in development.
pub const DEV_THREADS: u16 = 5;

/// What is different in the daemon process group of one config and another.
pub struct Daemon<'a> {
    /// Processes, left out for one: written out, it makes `wsgi.multiprocess` true.
    pub processes: Option<u16>,
    /// Threads of each.
    pub threads: u16,
    /// User and group, where Apache is started as root.
    pub account: Option<(&'a str, &'a str)>,
    /// Further options.
    pub limits: Vec<String>,
}

/// Path of the WSGI script of development.
pub fn script_path(root: &Path) -> PathBuf {
    root.join("apache/django.wsgi")
}

/// Path of the development vhost.
fn conf_path(site: &Site) -> PathBuf {
    site.root.join(format!("apache/{}.conf", site.name))
}

/// Everything `djwsgi init` writes; a `new` site gets a whole .gitignore.
///
/// # Errors
/// When a path can't be expressed in a config file.
pub fn scaffold(site: &Site, mod_wsgi: &ModWsgi, new: bool) -> Result<Vec<Wanted>> {
    let settings = settings_file(site)?;
    let mut wanted = vec![
        generated(conf_path(site), Template::SiteConf, &site_conf(site, mod_wsgi)?),
        generated(script_path(&site.root), Template::DjangoWsgi, &dev_body(site)?),
        generated(site.monitor.file.clone(), Template::Monitor, &monitor(site)?),
        Wanted { keep: Keep::Always, ..generated(site.root.join(FILE), Template::Settings, &settings) },
    ];
    wanted.extend(gitignore(&site.root, new)?);
    Ok(wanted)
}

/// A file with its provenance line.
pub fn generated(path: PathBuf, template: Template, body: &str) -> Wanted {
    Wanted { path, text: provenance::sign(template, body), keep: Keep::UnlessUntouched }
}

/// The vhost for the system's Apache, for development.
///
/// # Errors
/// As [`scaffold`].
pub fn site_conf(site: &Site, mod_wsgi: &ModWsgi) -> Result<String> {
    let account = account(site);
    let daemon = Daemon {
        processes: None,
        threads: DEV_THREADS,
        account: account.as_ref().map(|(user, group)| (user.as_str(), group.as_str())),
        limits: Vec::new(),
    };
    let mut data = conf_data(site, &daemon, &script_path(&site.root))?;
    let server_name = AllowedHosts::new(&site.django.allowed_hosts, site.django.debug).development_name(&site.name);
    data.insert("conf".into(), json!(files::config_text(&conf_path(site))?));
    data.insert("url".into(), json!(format!("http://{server_name}{}", slash_ended(site.mount()))));
    data.insert("server_name".into(), json!(server_name));
    data.insert("load_module".into(), load_module(mod_wsgi)?);
    render_conf(Template::SiteConf, data)
}

/// What production needs besides the site itself.
pub struct Production<'a> {
    /// The WSGI script's path.
    pub script: &'a Path,
    /// Public host name.
    pub server_name: &'a str,
    /// Where TLS ends.
    pub tls: TlsMode,
    /// Certificate and key.
    pub certificate: (&'a Path, &'a Path),
}

/// The production config for the system's Apache.
///
/// # Errors
/// As [`scaffold`].
pub fn production_conf(site: &Site, mod_wsgi: &ModWsgi, production: &Production) -> Result<String> {
    let prod = &site.config.prod;
    let limit = |name: &str, own: Option<u32>, default: u32| format!("{name}={}", own.unwrap_or(default));
    let account = match (&prod.user, &prod.group) {
        (Some(user), group) => Some((user.clone(), group.clone().unwrap_or_else(|| user.clone()))),
        (None, _) => account(site),
    };
    let daemon = Daemon {
        processes: Some(prod.processes.map_or(2, u16::from)).filter(|processes| *processes > 1),
        threads: prod.threads.map_or(10, u16::from),
        account: account.as_ref().map(|(user, group)| (user.as_str(), group.as_str())),
        limits: vec![
            "umask=0027".to_owned(),
            format!(
                "{} {} connect-timeout=10 socket-timeout=60 deadlock-timeout=60",
                limit("request-timeout", prod.request_timeout, 60),
                limit("queue-timeout", prod.queue_timeout, 30),
            ),
            format!(
                "{} {} eviction-timeout=15 {}",
                limit("startup-timeout", prod.startup_timeout, 30),
                limit("graceful-timeout", prod.graceful_timeout, 15),
                limit("shutdown-timeout", prod.shutdown_timeout, 5),
            ),
            "listen-backlog=200 maximum-requests=100000".to_owned(),
        ],
    };
    let mut data = conf_data(site, &daemon, production.script)?;
    data.insert("server_name".into(), json!(production.server_name));
    data.insert("server_aliases".into(), json!(site.config.site.server_aliases.clone().unwrap_or_default()));
    data.insert("tls".into(), json!(production.tls == TlsMode::Files));
    data.insert("certificate".into(), json!(files::config_text(production.certificate.0)?));
    data.insert("certificate_key".into(), json!(files::config_text(production.certificate.1)?));
    data.insert("load_module".into(), load_module(mod_wsgi)?);
    render_conf(Template::ProductionConf, data)
}

/// Renders a config; the definition of the literal dollar is in it only if it is used.
fn render_conf(template: Template, mut data: Map<String, Value>) -> Result<String> {
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

/// The values that every config of a site needs.
///
/// # Errors
/// As [`scaffold`].
pub fn conf_data(site: &Site, daemon: &Daemon, script: &Path) -> Result<Map<String, Value>> {
    let folder = script.parent().unwrap_or(Path::new("/"));
    let home = site.python.is_venv().then(|| files::config_text(&site.python.prefix)).transpose()?;
    let mut aliases = Vec::new();
    for alias in site.aliases() {
        let folder = files::config_text(&alias.folder)?.trim_end_matches('/').to_owned();
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
        "root": files::config_text(&site.root)?,
        "python_home": home,
        "user": daemon.account.map(|(user, _)| user),
        "group": daemon.account.map(|(_, group)| group),
        "processes": daemon.processes,
        "threads": daemon.threads,
        "limits": daemon.limits,
        "locale": LOCALE,
        "aliases": aliases,
    });
    match data {
        Value::Object(map) => Ok(map),
        _ => Ok(Map::new()),
    }
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

/// `path` with one slash at its end.
pub fn slash_ended(path: &str) -> String {
    format!("{}/", path.trim_end_matches('/'))
}

/// The whole text of the WSGI script of development.
///
/// # Errors
/// As [`scaffold`].
pub fn dev_script(site: &Site) -> Result<String> {
    Ok(provenance::sign(Template::DjangoWsgi, &dev_body(site)?))
}

/// The WSGI script of development, the monitor's hookup at its end; without its first line.
fn dev_body(site: &Site) -> Result<String> {
    let mut data = script_data(site, &site.django.settings, true)?;
    data.insert("staticfiles".into(), json!(site.django.staticfiles));
    data.insert("monitor".into(), json!(site.monitor.module));
    data.insert("insists".into(), json!(site.django.wsgi.as_ref().is_some_and(|wsgi| wsgi.insists)));
    Template::DjangoWsgi.render(&data)
}

/// The WSGI script of production.
///
/// # Errors
/// As [`scaffold`].
pub fn production_script(site: &Site) -> Result<String> {
    let mut data = script_data(site, site.production_settings(), false)?;
    data.insert("root".into(), json!(files::config_text(&site.root)?));
    Template::ProductionWsgi.render(&data)
}

/// `relative`: paths from the script's own place, for a script that is committed with the site.
fn script_data(site: &Site, settings: &str, relative: bool) -> Result<Map<String, Value>> {
    let expression = |path: &Path| -> Result<String> {
        Ok(match path.strip_prefix(&site.root) {
            Ok(rest) if rest.as_os_str().is_empty() => "SITE".to_owned(),
            Ok(rest) => format!("os.path.join(SITE, {})", python_literal(files::config_text(rest)?)),
            Err(_) if relative && is_near(&site.root, path) => {
                format!("os.path.normpath(os.path.join(SITE, {}))", python_literal(&upwards(&site.root, path)))
            }
            Err(_) => python_literal(files::config_text(path)?),
        })
    };
    let mut path = vec!["SITE".to_owned()];
    for folder in &site.django.added_path {
        if !folder.starts_with(&site.python.prefix) {
            path.push(expression(folder)?);
        }
    }
    let env_file = site.config.env.file.as_ref().map(|file| expression(&site.root.join(file))).transpose()?;
    let variables: Vec<Value> =
        site.config.env.values.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    let reader = site.django.env_reader.as_deref();
    let application = site.application.as_ref();
    let data = json!({
        "name": site.name,
        "path": path,
        "env_file": env_file,
        "reader_is_dotenv": reader == Some("dotenv"),
        "reader_is_environ": reader == Some("environ"),
        "variables": variables,
        "settings": settings,
        "module": application.map(|application| &application.module),
        "callable": application.map(|application| &application.callable),
        "renamed": application.is_some_and(|application| application.callable != "application"),
    });
    match data {
        Value::Object(map) => Ok(map),
        _ => Ok(Map::new()),
    }
}

/// Whether `path` is a parent of the site, or in one that is not the file system's top.
fn is_near(root: &Path, path: &Path) -> bool {
    root.parent().is_some_and(|parent| parent.parent().is_some() && path.starts_with(parent))
}

/// `path`, which is in the parent of `root`, relative to `root`.
fn upwards(root: &Path, path: &Path) -> String {
    let parent = root.parent().unwrap_or(root);
    let rest = path.strip_prefix(parent).unwrap_or(path);
    Path::new("..").join(rest).display().to_string()
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
    let env_file = site.config.env.file.as_deref().map(files::config_text).transpose()?;
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
    let text = std::fs::read_to_string(site.root.join(&name)).ok()?;
    let names: Vec<&str> = text
        .lines()
        .filter_map(|line| line.trim().trim_start_matches("export ").split_once('='))
        .map(|(name, _)| name.trim())
        .collect();
    // Settings are assigned in the script; the file matters if anything else came from it.
    let all_from_file = !added.is_empty() && added.iter().all(|variable| names.contains(&variable.as_str()));
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
    Ok(Some(Wanted { path, text, keep: Keep::Extend }))
}
