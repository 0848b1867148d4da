//! The WSGI scripts of a site: with the code monitor for development, without for production.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::provenance;
use super::templates::{self, Template, python_literal};
use crate::files;
use crate::site::resolve::Site;

/// Path of the WSGI script of development.
pub fn path(root: &Path) -> PathBuf {
    root.join("apache/django.wsgi")
}

/// The whole text of the WSGI script of development.
///
/// # Errors
/// When a path can't be expressed in a script.
pub fn development(site: &Site) -> Result<String> {
    Ok(provenance::sign(Template::DjangoWsgi, &development_body(site)?))
}

/// The WSGI script of development, the monitor's hookup at its end; without its first line.
pub fn development_body(site: &Site) -> Result<String> {
    let mut data = script_data(site)?;
    // django-configurations: which class of the settings module.
    data.insert("configuration".into(), json!(site.django.added_environment.get("DJANGO_CONFIGURATION")));
    data.insert("staticfiles".into(), json!(site.django.staticfiles));
    data.insert("mounted".into(), json!(site.mount() != "/"));
    data.insert("monitor".into(), json!(site.monitor.module));
    data.insert("monitor_file".into(), json!(expression(site, &site.monitor.file)?));
    data.insert("insists".into(), json!(site.django.wsgi.as_ref().is_some_and(|wsgi| wsgi.insists)));
    Template::DjangoWsgi.render(&data)
}

/// Paths are from the script's own place: it is committed with the site.
fn script_data(site: &Site) -> Result<Map<String, Value>> {
    let mut path = vec!["SITE".to_owned()];
    for folder in site.own_path() {
        path.push(expression(site, folder)?);
    }
    let env_file = site.config.committed_env.file.as_ref();
    let env_file = env_file.map(|file| expression(site, &site.root.join(file))).transpose()?;
    let mut data = environment(site, &path, env_file.as_deref(), &site.django.settings);
    data.insert("overridable".into(), json!(true));
    Ok(data)
}

/// What a script sets up before it loads the application; `path` and `env_file` are Python expressions.
pub fn environment(site: &Site, path: &[String], env_file: Option<&str>, settings: &str) -> Map<String, Value> {
    let variables: Vec<Value> =
        site.config.committed_env.values.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    let reader = site.django.env_reader.as_deref();
    let application = site.application.as_ref();
    templates::fields(json!({
        "name": site.name,
        "path": path,
        "env_file": env_file,
        "reader_is_dotenv": reader == Some("dotenv"),
        "reader_is_environ": reader == Some("environ"),
        "variables": variables,
        "settings": settings,
        "configuration": null,
        "overridable": false,
        "module": application.map(|application| &application.module),
        "callable": application.map(|application| &application.callable),
        "renamed": application.is_some_and(|application| application.callable != "application"),
    }))
}

/// `path` as a Python expression.
fn expression(site: &Site, path: &Path) -> Result<String> {
    Ok(match path.strip_prefix(&site.root) {
        Ok(rest) if rest.as_os_str().is_empty() => "SITE".to_owned(),
        Ok(rest) => format!("os.path.join(SITE, {})", python_literal(files::config_text(rest)?)),
        Err(_) if is_near(&site.root, path) => {
            format!("os.path.normpath(os.path.join(SITE, {}))", python_literal(&upwards(&site.root, path)))
        }
        Err(_) => python_literal(files::config_text(path)?),
    })
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
