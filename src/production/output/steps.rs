//! DEPLOY.md, the exact steps of a deployment.

use std::path::Path;

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::{commands, conf, container};
use crate::cli::{Target, TlsSource};
use crate::files::config_text;
use crate::production::deployment::Deployment;
use crate::production::{secrets, server};
use crate::python::django::WrittenKind;
use crate::scaffold::templates::{Template, fields, python_literal};

/// Renders DEPLOY.md for files that are in `output`.
///
/// # Errors
/// When a path can't be expressed.
pub fn render(deployment: &Deployment, output: &Path) -> Result<String> {
    let mut data = common(deployment)?;
    data.extend(match deployment.target {
        Target::Container => container::steps(deployment, output)?,
        _ => for_server(deployment)?,
    });
    Ok(numbered(&template(deployment).render(&data)?))
}

/// What DEPLOY.md is made from.
pub fn template(deployment: &Deployment) -> Template {
    if deployment.target == Target::Container { Template::DeployImage } else { Template::Deploy }
}

/// What the steps of every target name.
fn common(deployment: &Deployment) -> Result<Map<String, Value>> {
    let (site, places) = (deployment.site, &deployment.places);
    let text = |path: &Path| Ok::<_, anyhow::Error>(config_text(path)?.to_owned());
    let certificate = deployment.tls.as_ref().and_then(|tls| tls.certificate.as_ref());
    let mut data = fields(json!({
        "name": site.name,
        "target_words": conf::target_words(deployment.target),
        "url": deployment.url(),
        "user": deployment.account.0,
        "root": text(&places.there(&site.root))?,
        "acme": text(&places.acme())?,
        "webroot": text(&places.webroot())?,
        "tls": deployment.tls.is_some(),
        "managed": deployment.is_managed(),
        "renewal": commands::renewal(deployment)?,
        "first_certificate": commands::first_certificate(deployment)?,
        "certificate": certificate.map(|(file, _)| text(file)).transpose()?,
        "certificate_key": certificate.map(|(_, key)| text(key)).transpose()?,
        "losses": deployment.versions.losses(deployment.tls.is_some()),
    }));
    data.extend(settings(deployment));
    Ok(data)
}

/// What the settings must say.
fn settings(deployment: &Deployment) -> Map<String, Value> {
    let site = deployment.site;
    let names = secrets::names(site);
    let facts = site.django.production.as_ref();
    let by_value = facts.into_iter().flat_map(|facts| &facts.secret_key_variables).find(|name| names.contains(*name));
    let by_name = || names.iter().find(|name| [secrets::SECRET_KEY, "SECRET_KEY"].contains(&name.as_str()));
    let secret = by_value.or_else(by_name).cloned();
    let hosts = [&deployment.server_name].into_iter().chain(&deployment.aliases).map(|host| python_literal(host));
    // Behind a balancer Apache does not know what it speaks to visitors.
    let django_hsts =
        (deployment.tls_source == TlsSource::Proxy && deployment.hsts.is_some()).then_some(deployment.hsts_seconds);
    fields(json!({
        "settings_module": site.production_settings(),
        "secret_variable": secret.as_deref().unwrap_or(secrets::SECRET_KEY),
        "hosts": hosts.collect::<Vec<_>>(),
        "https": deployment.is_https(),
        "hsts": deployment.hsts.is_some(),
        "django_hsts": django_hsts,
        "hsts_subdomains": deployment.hsts_subdomains,
        "wants_static_root": site.django.staticfiles && site.django.static_root.is_none(),
    }))
}

/// What the steps on a server name.
fn for_server(deployment: &Deployment) -> Result<Map<String, Value>> {
    let (site, places) = (deployment.site, &deployment.places);
    let text = |path: &Path| Ok::<_, anyhow::Error>(config_text(path)?.to_owned());
    let (folders, databases) = written(deployment)?;
    let mut data = fields(json!({
        "group": deployment.account.1,
        "own_group": deployment.account.0 != deployment.account.1,
        "apache_user": places.apache_user,
        "folder": text(&places.folder)?,
        "data": text(&places.data)?,
        "written_folders": folders,
        "written_files": databases,
        "python": text(&server::python(deployment))?,
        "python_home": site.python.is_venv().then(|| text(&places.there(&site.python.prefix))).transpose()?,
        "serves_files": !site.aliases().is_empty(),
        "env_file": text(&places.env_file)?,
        "script": text(&places.script)?,
        "collects": site.django.staticfiles,
        "catchall_certificate": text(&places.folder.join("catchall.crt"))?,
        "catchall_key": text(&places.folder.join("catchall.key"))?,
        "certbot": deployment.has_certbot(),
        "server_name": deployment.server_name,
        "server_aliases": deployment.aliases,
        "http_port": deployment.ports.0,
    }));
    data.extend(fields(json!({
        "packages": commands::packages(deployment),
        "wants_epel": places.is_rhel() && deployment.has_certbot(),
        "stop_server": format!("systemctl stop {} || true", server::service(deployment)),
        "install": commands::install(deployment)?,
        "service": server::service(deployment),
        "own_unit": deployment.target == Target::Standalone,
        "restart_once": !deployment.is_whole_server(),
        "start": commands::start(deployment),
        "tell": commands::tell(deployment),
        "reload": commands::reload(deployment),
        "others_reload": match deployment.target {
            Target::Debian => Some("the rotation of logs that Debian's `/etc/logrotate.d/apache2` does once a day"),
            Target::Rhel => Some("the rotation of logs that RHEL's `/etc/logrotate.d/httpd` does once a week"),
            _ => None,
        },
        "selinux": commands::selinux(deployment)?,
    })));
    Ok(data)
}

/// Folders that the site writes in, with their modes, and the files that may be there already.
fn written(deployment: &Deployment) -> Result<(Vec<Value>, Vec<String>)> {
    let media = deployment.site.aliases();
    let mut folders = Vec::new();
    for folder in server::written_folders(deployment) {
        // Apache reads uploads itself.
        let is_served = media.iter().any(|alias| deployment.places.there(&alias.folder) == folder);
        folders.push(json!({ "path": config_text(&folder)?, "mode": if is_served { "755" } else { "750" } }));
    }
    let facts = deployment.site.django.production.as_ref();
    let written = facts.into_iter().flat_map(|facts| &facts.written);
    let databases = written.filter(|written| written.kind == WrittenKind::File);
    let files = databases.map(|written| Ok(config_text(&deployment.places.there(&written.path))?.to_owned()));
    Ok((folders, files.collect::<Result<_>>()?))
}

/// The steps with their numbers: which of them there are depends on the deployment.
fn numbered(text: &str) -> String {
    let mut number = 0;
    let lines = text.lines().map(|line| match line.strip_prefix("## # ") {
        Some(title) => {
            number += 1;
            format!("## {number}. {title}\n")
        }
        None => format!("{line}\n"),
    });
    lines.collect()
}
