//! The mod_wsgi that serves a site: the environment's own from PyPI, or the distribution's.

use std::fs;
use std::path::{Path, PathBuf};

use super::locate::Apache;
use crate::python::interpreter::Interpreter;
use crate::ui::problem::Problem;

/// A mod_wsgi module that fits a site's Python.
#[derive(Clone, Debug)]
pub struct ModWsgi {
    /// The Apache module.
    pub path: PathBuf,
    /// Its version, for example "4.9.4"; empty where it can't be found out.
    pub version: String,
    /// Whether it came with the distribution's Apache rather than from PyPI.
    pub from_distribution: bool,
}

/// What is known of the distribution's module from its file alone.
#[derive(Debug)]
pub struct DistributionModule {
    /// The module file.
    pub path: PathBuf,
    /// mod_wsgi's version.
    pub version: String,
    /// The Python it is linked to, for example "3.11".
    pub python: Option<String>,
}

/// The module for `python`: its own first, then the distribution's.
///
/// # Errors
/// When there is none, or the distribution's belongs to another Python.
pub fn find(python: &Interpreter, apache: &Apache) -> Result<ModWsgi, Problem> {
    if let Some(own) = &python.mod_wsgi {
        return Ok(ModWsgi {
            path: own.path.clone(),
            version: own.version.clone().unwrap_or_default(),
            from_distribution: false,
        });
    }
    let Some(module) = distribution(apache) else {
        return Err(Problem::environment(format!(
            "mod_wsgi is not installed, neither for {} nor in {}",
            apache.binary.display(),
            python.prefix.display()
        ))
        .hint(install_hint(python, apache)));
    };
    match &module.python {
        Some(version) if *version != python.minor_version() => Err(Problem::environment(format!(
            "the distribution's mod_wsgi {} is for Python {version}, the site runs on Python {}",
            module.version,
            python.minor_version()
        ))
        .hint(install_hint(python, apache))),
        _ => Ok(ModWsgi { path: module.path, version: module.version, from_distribution: true }),
    }
}

fn install_hint(python: &Interpreter, apache: &Apache) -> String {
    let pip = python.prefix.join("bin/pip");
    let headers = if apache.has_headers() { "" } else { apache.headers_hint() };
    format!("{headers}{} install mod_wsgi", pip.display())
}

/// The distribution's module beside Apache's others, if it is installed.
pub fn distribution(apache: &Apache) -> Option<DistributionModule> {
    let path = ["mod_wsgi.so", "mod_wsgi_python3.so"]
        .iter()
        .map(|name| apache.modules.join(name))
        .find(|path| path.exists())?;
    let bytes = fs::read(&path).ok()?;
    Some(DistributionModule {
        version: version_in(&bytes).unwrap_or_default(),
        python: linked_python(&path, &bytes),
        path,
    })
}

/// The version string that the module holds: a run of text of the form "4.9.4" by itself. It
/// also holds the version of the Python it was compiled with, which begins with 3.
fn version_in(bytes: &[u8]) -> Option<String> {
    bytes
        .split(|byte| *byte == 0)
        .filter(|run| (5..=10).contains(&run.len()) && run[0].is_ascii_digit())
        .filter_map(|run| std::str::from_utf8(run).ok())
        .find(|text| {
            let parts: Vec<&str> = text.split('.').collect();
            parts.len() == 3
                && parts[0].parse().is_ok_and(|major: u32| major >= 4)
                && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
        })
        .map(str::to_owned)
}

/// The Python in the name of the shared library it needs, or in its own file name.
fn linked_python(path: &Path, bytes: &[u8]) -> Option<String> {
    const LIBRARY: &[u8] = b"libpython3.";
    let minor = bytes
        .windows(LIBRARY.len())
        .position(|window| window == LIBRARY)
        .map(|start| &bytes[start + LIBRARY.len()..])
        .map(|rest| rest.iter().take_while(|byte| byte.is_ascii_digit()).map(|byte| char::from(*byte)))
        .map(Iterator::collect::<String>);
    if let Some(minor) = minor.filter(|minor| !minor.is_empty()) {
        return Some(format!("3.{minor}"));
    }
    let file = fs::canonicalize(path).ok()?;
    let name = file.file_name()?.to_str()?.to_owned();
    let version = name.rsplit_once("so-")?.1.to_owned();
    Some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_a_run_of_its_own() {
        assert_eq!(version_in(b"\x003.11.1\x00mod_wsgi/%s\x004.9.4\x00x\0"), Some("4.9.4".to_owned()));
        assert_eq!(version_in(b"\0python3.11.2\0"), None);
    }

    #[test]
    fn the_linked_python_is_read_from_the_needed_library() {
        let path = Path::new("/nonexistent/mod_wsgi.so");
        assert_eq!(linked_python(path, b"\0libpython3.13.so.1.0\0"), Some("3.13".to_owned()));
        assert_eq!(linked_python(path, b"\0libc.so.6\0"), None);
    }
}
