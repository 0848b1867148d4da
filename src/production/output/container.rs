//! The image of a site: Containerfile, what stays out of it, and the flags it is started with.

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use crate::files::config_text;
use crate::production::deployment::Deployment;
use crate::production::server::written_folders;
use crate::scaffold::shell;
use crate::scaffold::templates::Template;
use crate::ui::problem::Problem;

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
        "output": text(shown(deployment, output))?,
        "python_version": site.python.minor_version(),
        "user": deployment.account.0,
        "group": deployment.account.1,
        "own_group": deployment.account.0 != deployment.account.1,
        "folder": text(&places.folder)?,
        "data": text(&places.data)?,
        "root_folder": text(&places.there(&site.root))?,
        "venv": text(&places.there(&site.python.prefix))?,
        "modules": text(&places.modules)?,
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

/// The output folder as commands in the site's folder name it.
pub fn shown<'a>(deployment: &Deployment, output: &'a Path) -> &'a Path {
    output.strip_prefix(&deployment.site.root).unwrap_or(output)
}

/// The volumes, as flags.
///
/// # Errors
/// When a path can't be expressed.
pub fn volumes(deployment: &Deployment) -> Result<String> {
    let mut text = String::new();
    for (number, folder) in written_folders(deployment).iter().enumerate() {
        text += &format!(" -v {}", shell::word(&format!("{}-{number}:{}", deployment.site.name, config_text(folder)?)));
    }
    Ok(text)
}

fn ports(deployment: &Deployment) -> Vec<u16> {
    let (http, https) = deployment.ports;
    if deployment.tls.is_some() { vec![http, https] } else { vec![http] }
}

/// The ports, as flags.
pub fn publish(deployment: &Deployment) -> String {
    ports(deployment).iter().map(|port| format!(" -p {port}:{port}")).collect()
}

/// The certificate, as flags.
///
/// # Errors
/// When a path can't be expressed.
pub fn mounts(deployment: &Deployment) -> Result<String> {
    let mut text = String::new();
    let certificate = deployment.tls.as_ref().and_then(|tls| tls.certificate.as_ref());
    for file in certificate.into_iter().flat_map(|(certificate, key)| [certificate, key]) {
        let path = config_text(file)?;
        text += &format!(" -v {}", shell::word(&format!("{path}:{path}:ro")));
    }
    if deployment.tls.as_ref().is_some_and(|tls| tls.contact.is_some()) {
        text += &format!(
            " -v {}",
            shell::word(&format!("{}-md:{}/md", deployment.site.name, config_text(&deployment.places.data)?))
        );
    }
    Ok(text)
}
