//! DEPLOY.md, the exact steps of a deployment.

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use super::{conf, container};
use crate::cli::Target;
use crate::files::config_text;
use crate::production::deployment::Deployment;
use crate::production::{modules, secrets, server};
use crate::python::django::WrittenKind;
use crate::scaffold::shell;
use crate::scaffold::templates::{Template, fields, python_literal};

/// Renders DEPLOY.md for files that are in `output`.
///
/// # Errors
/// When a path can't be expressed.
pub fn render(deployment: &Deployment, output: &Path) -> Result<String> {
    let (site, places) = (deployment.site, &deployment.places);
    let text = |path: &Path| Ok::<_, anyhow::Error>(config_text(path)?.to_owned());
    let certificate = deployment.tls.as_ref().and_then(|tls| tls.certificate.as_ref());
    let settings = site.production_settings();
    let python =
        if site.python.is_venv() { site.python.prefix.join("bin/python") } else { site.python.executable.clone() };
    let (folders, databases) = written(deployment)?;
    let names = secrets::names(site);
    let facts = site.django.production.as_ref();
    let by_value = facts.into_iter().flat_map(|facts| &facts.secret_key_variables).find(|name| names.contains(*name));
    let by_name = || names.iter().find(|name| [secrets::SECRET_KEY, "SECRET_KEY"].contains(&name.as_str()));
    let secret = by_value.or_else(by_name).cloned();
    let hosts = [&deployment.server_name].into_iter().chain(&deployment.aliases).map(|host| python_literal(host));
    let mut data = fields(json!({
        "name": site.name,
        "target_words": conf::target_words(deployment.target),
        "url": deployment.url(),
        "container": deployment.target == Target::Container,
        "output": text(container::shown(deployment, output))?,
        "packages": packages(deployment),
        "user": deployment.account.0,
        "group": deployment.account.1,
        "own_group": deployment.account.0 != deployment.account.1,
        "apache_user": places.apache_user,
        "folder": text(&places.folder)?,
        "data": text(&places.data)?,
        "webroot": text(&places.webroot())?,
        "acme": text(&places.acme())?,
        "written_folders": folders,
        "written_files": databases,
        "root": text(&places.there(&site.root))?,
        "python": text(&places.there(&python))?,
        "python_home": site.python.is_venv().then(|| text(&places.there(&site.python.prefix))).transpose()?,
        "venv": text(&places.there(&site.python.prefix))?,
        "serves_files": !site.aliases().is_empty(),
    }));
    data.extend(fields(json!({
        // manage.py has its own idea of the settings.
        "settings": (site.manage_settings.as_deref() != Some(settings)).then_some(settings),
        "settings_module": settings,
        "secret_variable": secret.as_deref().unwrap_or(secrets::SECRET_KEY),
        "hosts": hosts.collect::<Vec<_>>(),
        "https": deployment.is_https(),
        "wants_static_root": site.django.staticfiles && site.django.static_root.is_none(),
        "env_file": text(&places.env_file)?,
        "script": text(&places.script)?,
        "collects": site.django.staticfiles,
    })));
    data.extend(fields(json!({
        "tls": deployment.tls.is_some(),
        "certbot": deployment.has_certbot(),
        "managed": deployment.tls.as_ref().is_some_and(|tls| tls.contact.is_some()),
        "certificate": certificate.map(|(file, _)| text(file)).transpose()?,
        "certificate_key": certificate.map(|(_, key)| text(key)).transpose()?,
        "catchall_certificate": text(&places.folder.join("catchall.crt"))?,
        "catchall_key": text(&places.folder.join("catchall.key"))?,
        "server_name": deployment.server_name,
        "server_aliases": deployment.aliases,
        "http_port": deployment.ports.0,
        "stop_server": format!("systemctl stop {} || true", server::service(deployment)),
        "install": install(deployment)?,
        "restart_once": matches!(deployment.target, Target::Debian | Target::Rhel),
        "start": start(deployment),
        "reload": format!("systemctl reload {}", server::service(deployment)),
        "selinux": selinux(deployment)?,
        "losses": deployment.versions.losses(deployment.tls.is_some()),
        "stop_timeout": conf::GRACEFUL_SHUTDOWN + 15,
        "volumes": container::volumes(deployment)?,
        "publish": container::publish(deployment),
        "mounts": container::mounts(deployment)?,
    })));
    Template::Deploy.render(&data)
}

fn packages(deployment: &Deployment) -> String {
    let own = !deployment.mod_wsgi.from_distribution;
    let is_rhel = deployment.places.apache_user == "apache";
    let certbot = if deployment.has_certbot() { " certbot" } else { "" };
    if is_rhel {
        let wsgi = if own { "" } else { " python3-mod_wsgi" };
        let tls = if deployment.tls.is_some() { " mod_ssl mod_http2 openssl" } else { "" };
        let md = if deployment.tls.as_ref().is_some_and(|tls| tls.contact.is_some()) { " mod_md" } else { "" };
        return format!("dnf install httpd{tls}{md}{wsgi}{certbot} curl");
    }
    let apache = if deployment.target == Target::Standalone { "apache2-bin media-types" } else { "apache2" };
    let wsgi = if own { "" } else { " libapache2-mod-wsgi-py3" };
    format!("apt install {apache}{wsgi} openssl curl{certbot}")
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

fn install(deployment: &Deployment) -> Result<Vec<String>> {
    let places = &deployment.places;
    let quoted = |path: &Path| Ok::<_, anyhow::Error>(shell::word(config_text(path)?));
    let conf = quoted(&places.conf)?;
    let conf_name = server::conf_name(deployment);
    let mut lines = Vec::new();
    let enabled = modules::to_enable(deployment).join(" ");
    match deployment.target {
        Target::Debian => {
            let wsgi = if deployment.mod_wsgi.from_distribution { " wsgi" } else { "" };
            lines.push(format!("a2enmod {enabled}{wsgi}"));
            lines.push(format!("install -m 644 -o root -g root {conf_name} {conf}"));
            lines.push(format!("a2ensite {}", conf_name.trim_end_matches(".conf")));
            lines.push("apache2ctl -t".to_owned());
        }
        Target::Rhel => {
            lines.push(format!("install -m 644 -o root -g root {conf_name} {conf}"));
            lines.push("httpd -t".to_owned());
        }
        Target::Standalone => {
            let service = server::service(deployment);
            lines.push(format!("install -m 644 -o root -g root {conf_name} {conf}"));
            lines.push(format!("install -d -m 755 {}", quoted(&places.run)?));
            lines.push(format!("install -d -m 750 {}", quoted(places.access_log.parent().unwrap_or(Path::new("/")))?));
            lines.push(format!("{} -t -f {conf}", quoted(&server::binary(deployment))?));
            lines.push(format!("install -m 644 -o root -g root {service} /etc/systemd/system/{service}"));
            lines.push(format!(
                "install -m 644 -o root -g root logrotate /etc/logrotate.d/djwsgi-{}",
                deployment.site.name
            ));
        }
        Target::Container => {}
    }
    Ok(lines)
}

fn start(deployment: &Deployment) -> Vec<String> {
    let service = server::service(deployment);
    match deployment.target {
        Target::Standalone => vec!["systemctl daemon-reload".to_owned(), format!("systemctl enable --now {service}")],
        _ => vec![format!("systemctl restart {service}")],
    }
}

fn selinux(deployment: &Deployment) -> Result<Option<Vec<String>>> {
    if deployment.places.apache_user != "apache" {
        return Ok(None);
    }
    let mut lines = Vec::new();
    for folder in server::written_folders(deployment) {
        let path = config_text(&folder)?;
        lines.push(format!("semanage fcontext -a -t httpd_sys_rw_content_t {}", shell::word(&format!("{path}(/.*)?"))));
        lines.push(format!("restorecon -R {}", shell::word(path)));
    }
    if let Some(port) = deployment.buffer_port {
        lines.push(format!("semanage port -a -t http_port_t -p tcp {port}"));
        lines.push("setsebool -P httpd_can_network_relay on".to_owned());
    }
    Ok(Some(lines))
}
