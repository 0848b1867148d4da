//! Which Python runs a site.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::answers::Answers;

use super::interpreter::Interpreter;
use crate::ui::problem::Problem;

/// Names of a virtual environment's folder, in the order in which they are looked for.
const VENV_NAMES: [&str; 4] = [".venv", "venv", "env", ".env"];

/// The interpreter inside a virtual environment, or `path` itself if it is a program.
///
/// # Errors
/// When `path` is neither.
pub fn program(path: &Path) -> Result<PathBuf> {
    if path.is_dir() {
        for name in ["bin/python", "bin/python3"] {
            let candidate = path.join(name);
            if candidate.exists() {
                return Ok(candidate);
            }
        }
        return Err(Problem::environment(format!("{} is not a virtual environment", path.display()))
            .hint(format!("create one: python3 -m venv {}", path.display()))
            .into());
    }
    which::which(path).map_err(|_| {
        Problem::environment(format!("there is no Python at {}", path.display()))
            .hint("pass --python with a virtual environment or an interpreter")
            .into()
    })
}

/// The Python of an existing site: as configured, else the active virtual environment, else one
/// in the site's folder or above it (within the repository), else the system's if it has Django.
///
/// # Errors
/// When none of them has Django.
pub fn for_site(root: &Path, configured: Option<&Path>, answers: &Answers) -> Result<Interpreter> {
    let looked_at = candidates(root, configured)?;
    let mut seen = Vec::new();
    for path in looked_at {
        let python = Interpreter::inspect(&path, &[], answers)?;
        if python.django.is_some() {
            return Ok(python);
        }
        seen.push(format!("{} (Python {})", path.display(), python.full_version()));
    }
    let problem = Problem::environment("no Python with Django found for this site");
    Err(match seen.last() {
        None => problem.hint("create an environment: python3 -m venv .venv && .venv/bin/pip install Django"),
        Some(_) => problem
            .detail(format!("looked at:\n  {}", seen.join("\n  ")))
            .hint("install the site's requirements into its environment, or name it with --python"),
    }
    .into())
}

fn candidates(root: &Path, configured: Option<&Path>) -> Result<Vec<PathBuf>> {
    if let Some(path) = configured {
        return Ok(vec![program(path)?]);
    }
    if let Some(active) = active_venv() {
        return Ok(vec![program(&active)?]);
    }
    let mut found: Vec<PathBuf> = within_repository(root)
        .flat_map(|folder| VENV_NAMES.iter().map(move |name| folder.join(name)))
        .filter(|folder| folder.join("pyvenv.cfg").exists())
        .filter_map(|folder| program(&folder).ok())
        .collect();
    found.extend(which::which("python3").ok());
    Ok(found)
}

/// `root` and the folders above it, up to the one that holds the repository.
fn within_repository(root: &Path) -> impl Iterator<Item = &Path> {
    let has_repository = root.ancestors().any(|folder| folder.join(".git").exists());
    let mut done = false;
    root.ancestors().take_while(move |folder| {
        let take = !done;
        done = done || !has_repository || folder.join(".git").exists();
        take
    })
}

/// The environment that is activated in the user's shell.
pub fn active_venv() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("VIRTUAL_ENV").filter(|value| !value.is_empty())?);
    folder.join("pyvenv.cfg").exists().then_some(folder)
}
