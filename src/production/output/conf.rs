//! The production config, from a deployment.

use std::path::Path;

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::forwarding;
use crate::cli::{Target, TlsProfile, TlsSource};
use crate::files;
use crate::production::deployment::{Deployment, Tls};
use crate::production::{modules, server};
use crate::scaffold::conf::{self, Daemon};
use crate::scaffold::templates::{Template, fields};

/// Mozilla's guideline 6.0, intermediate, TLS 1.2.
const INTERMEDIATE_CIPHERS: &str = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:\
    ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:\
    ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

/// The same for everybody, so that their length tells nothing.
const COMPRESSED: &str = "text/css application/javascript text/javascript image/svg+xml application/json";

/// Apache's own for servers of several threads, with the request's id in place of the Referer.
const ERROR_FORMAT: &str = r"[%{u}t] [%-m:%l] [pid %P:tid %T] %7F: %E: [client\ %a] [request\ %{UNIQUE_ID}e] %M";

/// Processes of Apache's workers, at most.
const SERVERS: u32 = 16;

/// Seconds of a graceful stop of Apache.
pub const GRACEFUL_SHUTDOWN: u32 = 30;

/// Renders the config.
///
/// # Errors
/// As [`Template::render`], or a value can't be expressed, or Apache lacks a module.
pub fn render(deployment: &Deployment) -> Result<String> {
    let site = deployment.site;
    let places = &deployment.places;
    let mut data = conf::data(site, &daemon(deployment), &places.script, |path| places.there(path))?;
    place_paths(deployment, &mut data)?;
    data.extend(fields(json!({
        "target_words": target_words(deployment.target),
        "versions": {
            "apache": deployment.versions.apache.to_string(),
            "mod_wsgi": deployment.versions.mod_wsgi.to_string(),
            "openssl": deployment.versions.openssl.to_string(),
        },
        "has": {
            "strict_host_check": deployment.versions.has_strict_host_check(),
            "handshake_timeout": deployment.versions.has_handshake_timeout(),
            "stream_timeout": deployment.versions.has_stream_timeout(),
        },
        "whole": deployment.is_whole_server(),
        "started_by": if deployment.target == Target::Container { "the image's entry point" } else { "its systemd unit" },
        "server_name": deployment.server_name,
        "server_aliases": deployment.aliases,
        "listen": listen(deployment),
        "graceful_shutdown": GRACEFUL_SHUTDOWN,
        "tls": deployment.tls.as_ref().map(|tls| tls_data(deployment, tls)).transpose()?,
        "managed": deployment.tls.as_ref().and_then(|tls| Some(json!({ "contact": tls.contact.as_ref()? }))),
        "http_port": deployment.ports.0,
        "error_format": ERROR_FORMAT,
        "workers": { "per_process": workers_per_process(deployment), "most": SERVERS * workers_per_process(deployment) },
        "https_suffix": if deployment.ports.1 == 443 { String::new() } else { format!(":{}", deployment.ports.1) },
        "site_port": if deployment.tls.is_some() { deployment.ports.1 } else { deployment.ports.0 },
        "scheme": if deployment.is_https() { "https" } else { "http" },
        "scheme_words": if deployment.tls.is_some() { "HTTPS" } else { "HTTP" },
        "client": if deployment.proxies.is_empty() { "%a" } else { "%{X-Forwarded-For}i %a" },
        "max_body": deployment.max_body,
        "headers": deployment.headers.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect::<Vec<_>>(),
        "hsts": deployment.hsts,
        "forwarding": forwarding::data(deployment),
        "proxies": deployment.proxies,
        "buffer": deployment.buffer_port.map(|port| json!({ "port": port, "timeout": buffer_timeout(deployment) })),
        "hashed": site.django.production.as_ref().is_some_and(|facts| facts.hashed_static),
        "media_download": site.config.prod.media_download.unwrap_or(true),
        "compress_pages": site.config.prod.compress_pages.unwrap_or(false),
        "compressed_types": compressed_types(deployment),
        "icons": icons(deployment)?,
        "icons_denied": !deployment.is_whole_server() && site.mount() != "/",
    })));
    data.extend(modules::data(deployment)?);
    conf::render_conf(Template::ProductionConf, data)
}

/// The paths of the server.
fn place_paths(deployment: &Deployment, data: &mut Map<String, Value>) -> Result<()> {
    let places = &deployment.places;
    let text = |path: &Path| Ok::<_, anyhow::Error>(json!(files::config_text(path)?));
    let acme = (deployment.tls_source == TlsSource::Certbot || deployment.tls_source == TlsSource::Files)
        .then(|| places.acme());
    let paths = json!({
        "server_root": text(&places.folder)?,
        "data_folder": text(&places.data)?,
        "run": text(&places.run)?,
        "md_store": text(&places.md_store())?,
        "pid_file": text(&places.pid_file)?,
        "socket_prefix": text(&places.socket_prefix)?,
        // A container is replaced whole.
        "gate": (deployment.target != Target::Container).then(|| text(&places.gate)).transpose()?,
        "access_log": text(&places.access_log)?,
        "error_log": text(&places.error_log)?,
        // One of the whole server's is there already.
        "own_error_log": !deployment.is_whole_server(),
        "apache_user": places.apache_user,
        "types_config": "/etc/mime.types",
        "acme_folder": acme.as_deref().map(text).transpose()?,
    });
    data.extend(fields(paths));
    Ok(())
}

fn daemon(deployment: &Deployment) -> Daemon {
    let prod = &deployment.site.config.prod;
    let limit = |name: &str, own: Option<u32>, default: u32| format!("{name}={}", own.unwrap_or(default));
    Daemon {
        processes: deployment.processes,
        threads: deployment.threads,
        account: Some(deployment.account.clone()),
        limits: vec![
            format!("script-user=root umask={}", deployment.umask()),
            format!(
                "request-timeout={} {} connect-timeout=10 socket-timeout=60 deadlock-timeout=60",
                request_timeout(deployment),
                limit("queue-timeout", prod.queue_timeout, 30),
            ),
            format!(
                "{} {} eviction-timeout=15 {}",
                limit("startup-timeout", prod.startup_timeout, server::STARTUP_TIMEOUT),
                limit("graceful-timeout", prod.graceful_timeout, server::GRACEFUL_TIMEOUT),
                limit("shutdown-timeout", prod.shutdown_timeout, server::SHUTDOWN_TIMEOUT),
            ),
            "listen-backlog=200 maximum-requests=100000".to_owned(),
        ],
    }
}

fn request_timeout(deployment: &Deployment) -> u32 {
    deployment.site.config.prod.request_timeout.unwrap_or(60)
}

/// Debian and RHEL have an alias for all sites: pictures for listings of folders. Whatever a site has there is
/// its own affair, as with any other URL below its mount.
fn icons(deployment: &Deployment) -> Result<Option<String>> {
    let is_the_sites = !deployment.is_whole_server() && deployment.site.mount() == "/";
    let path = deployment.places.script.join("icons/");
    is_the_sites.then(|| files::config_text(&path).map(str::to_owned)).transpose()
}

/// With a buffer each request to the site takes two.
fn workers_per_process(deployment: &Deployment) -> u32 {
    if deployment.buffer_port.is_some() { 64 } else { 32 }
}

/// The outer vhost must not give up before the daemon does, which says why.
fn buffer_timeout(deployment: &Deployment) -> u32 {
    request_timeout(deployment) + deployment.site.config.prod.queue_timeout.unwrap_or(30) + 10
}

fn tls_data(deployment: &Deployment, tls: &Tls) -> Result<Value> {
    let places = &deployment.places;
    let modern = tls.profile == TlsProfile::Modern;
    let hybrid = if deployment.versions.has_hybrid_key_exchange() { "X25519MLKEM768:" } else { "" };
    let file = |path: &Path| Ok::<_, anyhow::Error>(files::config_text(path)?.to_owned());
    Ok(json!({
        "profile": if modern { "modern" } else { "intermediate" },
        "protocols": if modern { "-all +TLSv1.3" } else { "-all +TLSv1.2 +TLSv1.3" },
        "ciphers": (!modern).then_some(INTERMEDIATE_CIPHERS),
        "curves": format!("{hybrid}X25519:prime256v1:secp384r1"),
        "session_cache": format!("shmcb:{}/djwsgi_{}_tls(512000)", file(&places.run)?, deployment.site.name),
        "dummy_certificate": file(&places.folder.join("catchall.crt"))?,
        "dummy_key": file(&places.folder.join("catchall.key"))?,
        "certificate": tls.certificate.as_ref().map(|(certificate, _)| file(certificate)).transpose()?,
        "key": tls.certificate.as_ref().map(|(_, key)| file(key)).transpose()?,
    }))
}

/// `Listen` lines: a shared server has the usual ports already.
fn listen(deployment: &Deployment) -> Vec<String> {
    let whole = deployment.is_whole_server();
    let (http, https) = deployment.ports;
    let mut lines = Vec::new();
    if whole || http != 80 {
        lines.push(format!("*:{http}"));
    }
    if deployment.tls.is_some() && (whole || https != 443) {
        lines.push(format!("*:{https} https"));
    }
    lines.extend(deployment.buffer_port.map(|port| format!("127.0.0.1:{port}")));
    lines
}

fn compressed_types(deployment: &Deployment) -> String {
    let pages = deployment.site.config.prod.compress_pages.unwrap_or(false);
    if pages { format!("{COMPRESSED} text/html text/plain") } else { COMPRESSED.to_owned() }
}

/// What a target is, in words.
pub fn target_words(target: Target) -> &'static str {
    match target {
        Target::Debian => "For the system's Apache on Debian and its kin",
        Target::Rhel => "For the system's Apache on RHEL and its kin",
        Target::Standalone => "An Apache of its own",
        Target::Container => "An Apache of its own, in a container",
    }
}
