//! Which Apache modules a private server loads, and from where.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::locate::Apache;
use crate::ui::problem::Problem;

/// What the private server cannot do without: module name and file.
const NEEDED: [(&str, &str); 4] =
    [("authz_core", "mod_authz_core.so"), ("alias", "mod_alias.so"), ("mime", "mod_mime.so"), ("env", "mod_env.so")];

/// Modules that some builds compile in and others load, wanted wherever they exist.
const BASE: [(&str, &str); 3] =
    [("unixd", "mod_unixd.so"), ("log_config", "mod_log_config.so"), ("headers", "mod_headers.so")];

/// Multi-processing modules, the preferred first.
const MPMS: [(&str, &str); 2] = [("mpm_event", "mod_mpm_event.so"), ("mpm_worker", "mod_mpm_worker.so")];

/// A `LoadModule` line.
#[derive(Debug, Serialize)]
pub struct LoadModule {
    /// The module's identifier, for example "alias_module".
    pub name: String,
    /// Its file.
    pub path: PathBuf,
}

/// The `LoadModule` lines of a private server, mod_wsgi included.
///
/// # Errors
/// When this Apache lacks a module that is needed.
pub fn to_load(apache: &Apache, mod_wsgi: &Path) -> Result<Vec<LoadModule>, Problem> {
    let mut lines = Vec::new();
    if !built_in(apache, "event") && !built_in(apache, "worker") {
        let mpm = MPMS.iter().find(|(_, file)| apache.modules.join(file).exists());
        let (name, file) = mpm.ok_or_else(|| missing(apache, "mod_mpm_event.so"))?;
        lines.push(line(name, &apache.modules.join(file)));
    }
    for (name, file) in BASE {
        if !built_in(apache, name) && !built_in(apache, &format!("mod_{name}")) {
            let path = apache.modules.join(file);
            if path.exists() {
                lines.push(line(name, &path));
            }
        }
    }
    for (name, file) in NEEDED {
        if !built_in(apache, &format!("mod_{name}")) {
            let path = apache.modules.join(file);
            if !path.exists() {
                return Err(missing(apache, file));
            }
            lines.push(line(name, &path));
        }
    }
    lines.push(line("wsgi", mod_wsgi));
    Ok(lines)
}

fn built_in(apache: &Apache, name: &str) -> bool {
    apache.built_in.contains(name)
}

fn line(name: &str, path: &Path) -> LoadModule {
    LoadModule { name: format!("{name}_module"), path: path.to_owned() }
}

fn missing(apache: &Apache, file: &str) -> Problem {
    Problem::environment(format!("{} lacks the module {file}", apache.binary.display()))
        .hint(format!("install it into {}", apache.modules.display()))
}
