//! The Apache modules of a production config: loaded by a server of the site's own, asked for in a shared one.

use std::path::PathBuf;

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::deployment::Deployment;
use crate::apache::locate::Apache;
use crate::cli::Target;
use crate::files;
use crate::scaffold::templates::fields;

/// Modules that every distribution compiles in or loads by itself are no concern of a shared server's.
const BASE: [&str; 2] = ["mpm_event", "authz_core"];

/// Compiled in on Debian, loaded elsewhere.
const OFTEN_BUILT_IN: [&str; 4] = ["unixd", "log_config", "logio", "watchdog"];

/// Enabled wherever a distribution's Apache is installed, or with another one that is asked for.
const ENABLED: [&str; 9] =
    ["alias", "mime", "env", "setenvif", "reqtimeout", "filter", "deflate", "proxy", "socache_shmcb"];

/// Of these, the ones that are enabled with others only.
const BROUGHT: [&str; 2] = ["proxy", "socache_shmcb"];

/// The modules that `deployment` uses besides mod_wsgi, without `mod_`.
fn used(deployment: &Deployment) -> Vec<&'static str> {
    let mut names = vec![
        "alias",
        "mime",
        "env",
        "headers",
        "setenvif",
        "reqtimeout",
        "allowmethods",
        "unique_id",
        "filter",
        "deflate",
    ];
    if deployment.tls.is_some() {
        names.extend(["socache_shmcb", "ssl", "http2"]);
    }
    if deployment.buffer_port.is_some() {
        names.extend(["proxy", "proxy_http", "buffer"]);
    }
    if deployment.is_managed() {
        names.push("md");
    }
    names
}

/// What the template needs to know of modules.
///
/// # Errors
/// When a path can't be expressed.
pub fn data(deployment: &Deployment) -> Result<Map<String, Value>> {
    let places = &deployment.places;
    let file = |name: &str| places.modules.join(format!("mod_{name}.so"));
    let mut loaded = Vec::new();
    let mut needed = Vec::new();
    if deployment.is_whole_server() {
        let brotli = places_have(deployment, "brotli").then_some("brotli");
        let names = BASE.into_iter().chain(OFTEN_BUILT_IN).chain(used(deployment)).chain(brotli);
        let mut seen = Vec::new();
        for name in names.filter(|name| !is_built_in(deployment, name)) {
            if !seen.contains(&name) {
                seen.push(name);
                loaded.push(json!({ "name": format!("{name}_module"), "path": files::config_text(&file(name))? }));
            }
        }
        loaded.push(json!({ "name": "wsgi_module", "path": wsgi_path(deployment)? }));
    } else {
        for name in used(deployment).into_iter().filter(|name| !ENABLED.contains(name)) {
            let own = is_in_rhels_httpd(deployment, name).then(|| files::config_text(&file(name)).map(str::to_owned));
            needed.push(json!({ "name": name, "path": own.transpose()?, "enable": enable(deployment, name) }));
        }
        let own = (!deployment.mod_wsgi.from_distribution).then(|| wsgi_path(deployment)).transpose()?;
        needed.push(json!({ "name": "wsgi", "path": own, "enable": enable(deployment, "wsgi") }));
    }
    Ok(fields(json!({
        "modules": loaded,
        "needed_modules": needed,
    })))
}

/// The modules that a rehearsal on this machine loads for a shared server's config: identifier and file.
/// mod_wsgi from PyPI is loaded by the config itself.
///
/// # Errors
/// When a path can't be expressed.
pub fn of_here(deployment: &Deployment, apache: &Apache) -> Result<Vec<(&'static str, PathBuf)>> {
    let mut list = Vec::new();
    for name in BASE.into_iter().chain(OFTEN_BUILT_IN).chain(used(deployment)).chain(["brotli"]) {
        let path = apache.modules.join(format!("mod_{name}.so"));
        let is_listed = list.iter().any(|(listed, _)| *listed == name);
        if !is_listed && !has_built_in(apache, name) && path.exists() {
            list.push((name, path));
        }
    }
    if deployment.mod_wsgi.from_distribution {
        list.push(("wsgi", deployment.mod_wsgi.path.clone()));
    }
    Ok(list)
}

/// The modules that `deployment` uses and `apache` lacks.
pub fn missing(deployment: &Deployment, apache: &Apache) -> Vec<String> {
    let is_there = |name: &&str| has_built_in(apache, name) || apache.modules.join(format!("mod_{name}.so")).exists();
    used(deployment).into_iter().filter(|name| !is_there(name)).map(|name| format!("mod_{name}")).collect()
}

/// The modules to be enabled on Debian, as `a2enmod` names them.
pub fn to_enable(deployment: &Deployment) -> Vec<&'static str> {
    let mut names: Vec<&str> = used(deployment).into_iter().filter(|name| !ENABLED.contains(name)).collect();
    names.push("brotli");
    names
}

/// The same with mod_wsgi, where a package brings it; none where the config loads them itself.
pub fn enabled_for(deployment: &Deployment) -> Vec<String> {
    if deployment.target != Target::Debian {
        return Vec::new();
    }
    let wsgi = deployment.mod_wsgi.from_distribution.then_some("wsgi");
    // They come with those that need them; named, it is known whose they are.
    let others = BROUGHT.into_iter().filter(|name| used(deployment).contains(name));
    others.chain(to_enable(deployment)).chain(wsgi).map(str::to_owned).collect()
}

/// The command that brings a module.
fn enable(deployment: &Deployment, name: &str) -> Value {
    match (deployment.target, name) {
        (Target::Debian, _) => json!(format!("a2enmod {name}")),
        (Target::Rhel, "wsgi") => json!("dnf install python3-mod_wsgi"),
        (Target::Rhel, _) => json!(format!("dnf install mod_{name}")),
        _ => Value::Null,
    }
}

/// Whether RHEL's package httpd brings a module: some of them it does not load.
fn is_in_rhels_httpd(deployment: &Deployment, name: &str) -> bool {
    deployment.target == Target::Rhel && !["ssl", "http2", "md"].contains(&name)
}

/// Where mod_wsgi is on the server.
fn wsgi_path(deployment: &Deployment) -> Result<String> {
    let places = &deployment.places;
    let path = if deployment.target == Target::Container {
        // The image's own build links it there.
        places.modules.join("mod_wsgi.so")
    } else if deployment.mod_wsgi.path.as_os_str().is_empty() {
        places.modules.join("mod_wsgi.so")
    } else {
        places.there(&deployment.mod_wsgi.path)
    };
    Ok(files::config_text(&path)?.to_owned())
}

/// What is compiled into the server's Apache: known of this machine's, taken as Debian's elsewhere.
fn is_built_in(deployment: &Deployment, name: &str) -> bool {
    match deployment.apache_there() {
        Some(apache) => has_built_in(apache, name),
        None => OFTEN_BUILT_IN.contains(&name),
    }
}

fn has_built_in(apache: &Apache, name: &str) -> bool {
    let own = name.strip_prefix("mpm_").unwrap_or(name);
    apache.built_in.contains(&format!("mod_{name}")) || apache.built_in.contains(own)
}

/// Whether the server has an optional module: shared ones decide for themselves when they start.
fn places_have(deployment: &Deployment, name: &str) -> bool {
    match deployment.apache_there() {
        Some(apache) => apache.modules.join(format!("mod_{name}.so")).exists(),
        None => true,
    }
}
