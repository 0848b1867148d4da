//! File access whose every error names the path.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::ui::problem::Problem;

/// Reads a text file; `None` when it does not exist.
///
/// # Errors
/// When it exists and can't be read, or is not UTF-8.
pub fn read_if_exists(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(path, error)),
    }
}

fn unreadable(path: &Path, error: io::Error) -> anyhow::Error {
    let name = path.display();
    let problem = Problem::environment(format!("cannot read {name}"));
    let problem = if error.kind() == io::ErrorKind::PermissionDenied {
        problem.hint(format!("give {} read access to it", user_name()))
    } else {
        problem
    };
    anyhow::Error::new(error).context(problem)
}

/// A failed write as an error with a way out: read-only, full, or whatever the system said.
pub fn unwritable(path: &Path, error: io::Error) -> anyhow::Error {
    let problem = Problem::environment(format!("cannot write {}", path.display()));
    let problem = match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            let parent = path.parent().unwrap_or(path);
            problem.hint(format!("make {} writable for {}", parent.display(), user_name()))
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            problem.hint("free some space and run the command again; nothing was changed")
        }
        _ => problem,
    };
    anyhow::Error::new(error).context(problem)
}

/// Opens the file at `path`, which is created if need be, for a lock on it.
///
/// # Errors
/// When it can't be written.
pub fn open_lock(path: &Path) -> Result<File> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    options.open(path).map_err(|error| unwritable(path, error))
}

/// The name of the user this process runs as, or its number.
pub fn user_name() -> String {
    let uid = nix::unistd::geteuid();
    match nix::unistd::User::from_uid(uid) {
        Ok(Some(user)) => user.name,
        _ => format!("user {uid}"),
    }
}

/// Reads a folder; the order is by name, so that what follows is the same on every machine.
///
/// # Errors
/// When the folder can't be read.
pub fn sorted_entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, error))?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()
        .with_context(|| format!("cannot read {}", folder.display()))?;
    paths.sort();
    Ok(paths)
}

/// The current folder as an absolute path.
///
/// # Errors
/// When it has been removed or can't be reached.
pub fn current_folder() -> Result<PathBuf> {
    std::env::current_dir().context("cannot find the current folder")
}

/// `path` as UTF-8 that a config file can hold: Apache has no way to write a line break or
/// another control character, and neither has the terminal a way to show it.
///
/// # Errors
/// When the path is not UTF-8 or contains a control character.
pub fn config_text(path: &Path) -> Result<&str> {
    let shown = path.display();
    let Some(text) = path.to_str() else {
        return Err(Problem::usage(format!("the path {shown} is not valid UTF-8"))
            .hint("Apache's config must name it: rename the folder")
            .into());
    };
    if text.chars().any(char::is_control) {
        return Err(Problem::usage(format!("the path {text:?} contains a control character"))
            .hint("Apache's config can't express it: rename the folder")
            .into());
    }
    Ok(text)
}
