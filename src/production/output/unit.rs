//! The systemd unit of a server of the site's own.

use std::path::PathBuf;

use anyhow::Result;
use serde_json::json;

use super::conf;
use crate::files;
use crate::production::deployment::Deployment;
use crate::production::server::{binary, written_folders};
use crate::scaffold::templates::Template;
use crate::ui::problem::Problem;

/// Renders it.
///
/// # Errors
/// When a path can't be expressed.
pub fn render(deployment: &Deployment) -> Result<String> {
    let places = &deployment.places;
    let written = written_folders(deployment);
    let written: Vec<String> =
        written.iter().map(|folder| Ok(format!("-{}", files::config_text(folder)?))).collect::<Result<_>>()?;
    let homes = ["/home", "/root", "/run/user"];
    let needed = [places.there(&deployment.site.root), places.there(&deployment.site.python.prefix)];
    let is_home = |path: &PathBuf| homes.iter().any(|home| path.starts_with(home));
    let certificate = deployment.tls.as_ref().and_then(|tls| tls.certificate.as_ref());
    let in_home = needed.iter().chain(certificate.map(|(file, _)| file)).any(is_home);
    let writes_home = written_folders(deployment).iter().any(is_home);
    let binary = binary(deployment);
    let binary = files::config_text(&binary)?;
    if binary.contains(['"', '\'', '\\']) {
        let rule = format!("systemd starts no program with a quote or a backslash in its path: {binary}");
        return Err(Problem::environment(rule).hint("put the environment that Apache came with elsewhere").into());
    }
    Template::Unit.render(&json!({
        "name": deployment.site.name,
        "apache_binary": binary,
        "conf": files::config_text(&places.conf)?,
        "stop_timeout": conf::GRACEFUL_SHUTDOWN + 15,
        "apache_user": places.apache_user,
        "user": deployment.account.0,
        "managed": deployment.is_managed(),
        "written": written,
        // Seen, but not changed, unless the site itself lies or writes there.
        "protect_home": if writes_home { "no" } else if in_home { "read-only" } else { "yes" },
    }))
}
