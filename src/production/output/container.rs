//! The image of a site: Containerfile, what stays out of it, and the flags it is started with.

use std::path::Path;

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::conf;
use crate::cli::TlsSource;
use crate::files::config_text;
use crate::production::deployment::Deployment;
use crate::production::server::written_folders;
use crate::scaffold::shell;
use crate::scaffold::templates::{Template, fields};
use crate::ui::problem::Problem;

/// Where certbot keeps everything.
const CERTBOTS: &str = "/etc/letsencrypt";

/// Renders the Containerfile for files that are in `output`.
///
/// # Errors
/// When a path is not a plain one.
pub fn file(deployment: &Deployment, output: &Path) -> Result<String> {
    let (site, places) = (deployment.site, &deployment.places);
    let text = |path: &Path| plain(path).map(str::to_owned);
    let written = written_folders(deployment);
    let written: Vec<String> = written.iter().map(|folder| text(folder)).collect::<Result<_>>()?;
    let settings = site.production_settings();
    Template::Containerfile.render(&json!({
        "name": site.name,
        "output": text(in_context(deployment, output)?)?,
        "python_version": site.python.minor_version(),
        "user": deployment.account.0,
        "group": deployment.account.1,
        "own_group": deployment.account.0 != deployment.account.1,
        "folder": text(&places.folder)?,
        "data": text(&places.data)?,
        "root_folder": text(&places.there(&site.root))?,
        "venv": text(&places.there(&site.python.prefix))?,
        "mod_wsgi": deployment.versions.mod_wsgi.to_string(),
        "modules": text(&places.modules)?,
        "run": text(&places.run)?,
        "has_tls": deployment.tls.is_some(),
        "collects": site.django.staticfiles,
        "settings": (site.manage_settings.as_deref() != Some(settings)).then_some(settings),
        "written": written,
        "written_json": written.iter().map(|folder| Value::from(folder.as_str()).to_string()).collect::<Vec<_>>(),
        "ports": ports(deployment).iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
    }))
}

/// A path that needs no quotes: each line of a Containerfile has other rules for them.
fn plain(path: &Path) -> Result<&str> {
    let text = config_text(path)?;
    if text.chars().all(|character| character.is_ascii_alphanumeric() || "/._-".contains(character)) {
        return Ok(text);
    }
    let rule =
        format!("{text:?} can't stand in a Containerfile: a path of letters, digits, dots, hyphens and underscores");
    Err(Problem::usage(rule).hint("name another one; what the site writes and --output are paths there too").into())
}

/// Renders the list of what stays out of the image.
///
/// # Errors
/// As [`Template::render`].
pub fn ignored(deployment: &Deployment) -> Result<String> {
    let root = &deployment.site.root;
    let written: Vec<String> = written_folders(deployment)
        .iter()
        .filter_map(|folder| deployment.places.here(folder).strip_prefix(root).ok().map(Path::to_owned))
        .filter(|folder| !folder.as_os_str().is_empty())
        .map(|folder| folder.display().to_string())
        .collect();
    Template::ContainerIgnore.render(&json!({ "written": written }))
}

/// What the steps of a container name besides what all do.
///
/// # Errors
/// When a path can't be expressed.
pub fn steps(deployment: &Deployment, output: &Path) -> Result<Map<String, Value>> {
    let places = &deployment.places;
    Ok(fields(json!({
        "output": config_text(in_context(deployment, output)?)?,
        "venv": config_text(&places.there(&deployment.site.python.prefix))?,
        "stop_timeout": conf::GRACEFUL_SHUTDOWN + 15,
        "volumes": volumes(deployment)?,
        "publish": publish(deployment),
        "mounts": mounts(deployment)?,
        "webroot_mount": has_webroot(deployment),
    })))
}

/// The output folder as commands in the site's folder name it: an image is built from what is in there.
fn in_context<'a>(deployment: &Deployment, output: &'a Path) -> Result<&'a Path> {
    let rule = || format!("{} is outside of the site's folder, from which the image is built", output.display());
    let inside = output.strip_prefix(&deployment.site.root).ok().filter(|inside| !inside.as_os_str().is_empty());
    Ok(inside.ok_or_else(|| Problem::usage(rule()).hint("--output apache/production, in the site's folder"))?)
}

/// The volumes, as flags.
fn volumes(deployment: &Deployment) -> Result<String> {
    let mut text = String::new();
    for (number, folder) in written_folders(deployment).iter().enumerate() {
        text += &volume(&format!("{}-{number}", deployment.site.name), folder, "")?;
    }
    Ok(text)
}

fn ports(deployment: &Deployment) -> Vec<u16> {
    let (http, https) = deployment.ports;
    if deployment.tls.is_some() { vec![http, https] } else { vec![http] }
}

/// The ports, as flags.
fn publish(deployment: &Deployment) -> String {
    ports(deployment).iter().map(|port| format!(" -p {port}:{port}")).collect()
}

/// Whether the machine outside renews the certificate, with answers that the container serves.
fn has_webroot(deployment: &Deployment) -> bool {
    deployment.tls_source == TlsSource::Files
}

/// The certificate, as flags. Folders are mounted, not files: a renewed file is another one.
fn mounts(deployment: &Deployment) -> Result<String> {
    let mut text = String::new();
    let certificate = deployment.tls.as_ref().and_then(|tls| tls.certificate.as_ref());
    let files = certificate.into_iter().flat_map(|(certificate, key)| [certificate, key]);
    let mut folders: Vec<&Path> = files.filter_map(|file| mounted(file)).collect();
    folders.sort();
    folders.dedup();
    for folder in folders {
        text += &volume(config_text(folder)?, folder, ":ro")?;
    }
    if has_webroot(deployment) {
        let webroot = deployment.places.webroot();
        text += &volume(config_text(&webroot)?, &webroot, ":ro")?;
    }
    if deployment.is_managed() {
        text += &volume(&format!("{}-md", deployment.site.name), &deployment.places.md_store(), "")?;
    }
    Ok(text)
}

/// The folder to mount for a certificate's file: certbot's are links to others.
fn mounted(file: &Path) -> Option<&Path> {
    let certbots = Path::new(CERTBOTS);
    if file.starts_with(certbots) { Some(certbots) } else { file.parent() }
}

fn volume(from: &str, to: &Path, options: &str) -> Result<String> {
    Ok(format!(" -v {}", shell::word(&format!("{from}:{}{options}", config_text(to)?))))
}
