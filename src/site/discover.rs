//! Finding the Django site a command is about: the folder of manage.py.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use walkdir::{DirEntry, WalkDir};

use crate::ui::problem::Problem;

/// How deep below the starting folder manage.py is looked for.
const DEPTH: usize = 4;

/// Folders that never hold the site itself.
const SKIPPED: [&str; 5] = ["node_modules", "site-packages", "__pycache__", "bower_components", "target"];

/// The folder of manage.py: `given`, or found from `start` upwards, else below it.
///
/// # Errors
/// When there is none, or there are several below `start`.
pub fn project_root(start: &Path, given: Option<&Path>) -> Result<PathBuf> {
    if let Some(folder) = given {
        let folder = folder.canonicalize().map_err(|error| {
            let problem = Problem::usage(format!("--project-dir {}: {error}", folder.display()));
            problem.hint("name the folder of manage.py")
        })?;
        if !folder.is_dir() {
            return Err(Problem::usage(format!("--project-dir {} is no folder", folder.display())).into());
        }
        if is_site(&folder) {
            return Ok(folder);
        }
        return one_of(below(&folder), &folder);
    }
    let start = start.canonicalize().unwrap_or_else(|_| start.to_owned());
    match above(&start) {
        Some(root) => Ok(root),
        None => {
            refuse_wide(&start)?;
            one_of(below(&start), &start)
        }
    }
}

/// The site that `start` is in: the nearest folder upwards with a manage.py of Django's.
pub fn above(start: &Path) -> Option<PathBuf> {
    start.ancestors().find(|folder| is_site(folder)).map(Path::to_owned)
}

/// Searching all of `/` or of a home folder is never what was meant.
fn refuse_wide(start: &Path) -> Result<(), Problem> {
    let home = std::env::home_dir();
    if start.parent().is_none() || home.as_deref() == Some(start) {
        return Err(Problem::usage(format!("{} holds no Django site of its own", start.display()))
            .hint("change into the site's folder, or create one: djwsgi init mysite"));
    }
    Ok(())
}

fn one_of(mut found: Vec<PathBuf>, start: &Path) -> Result<PathBuf> {
    match found.len() {
        0 => Err(Problem::usage(format!("no manage.py found in {} or above it", start.display()))
            .hint("change into the site's folder, or create one: djwsgi init mysite")
            .into()),
        1 => Ok(found.remove(0)),
        _ => {
            let list: Vec<String> = found.iter().map(|folder| format!("  {}", folder.display())).collect();
            let first = found[0].strip_prefix(start).unwrap_or(&found[0]);
            Err(Problem::usage(format!("{} Django sites below {}", found.len(), start.display()))
                .detail(list.join("\n"))
                .hint(format!("choose one: --project-dir {}", first.display()))
                .into())
        }
    }
}

fn below(start: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    let walk = WalkDir::new(start).max_depth(DEPTH).sort_by_file_name().into_iter();
    for entry in walk.filter_entry(|entry| entry.depth() == 0 || may_hold_site(entry)).flatten() {
        if entry.file_name() == "manage.py" {
            found.extend(entry.path().parent().filter(|folder| is_site(folder)).map(Path::to_owned));
        }
    }
    found
}

fn may_hold_site(entry: &DirEntry) -> bool {
    if !entry.file_type().is_dir() {
        return true;
    }
    let name = entry.file_name().to_string_lossy();
    !name.starts_with('.')
        && !SKIPPED.contains(&name.as_ref())
        && !entry.path().join("pyvenv.cfg").exists()
        && !entry.path().join("conda-meta").is_dir()
}

/// Whether `folder` has a manage.py that is Django's (Flask and others use the name too).
fn is_site(folder: &Path) -> bool {
    let text = match fs::read(folder.join("manage.py")) {
        Ok(text) => text,
        // There is one, whosever it is: what it lacks is said when it is run.
        Err(error) => {
            return error.kind() == std::io::ErrorKind::PermissionDenied && folder.join("manage.py").is_file();
        }
    };
    let text = String::from_utf8_lossy(&text).to_lowercase();
    text.contains("django") || text.contains("execute_from_command_line") || text.contains("configurations")
}

/// Whether every folder from `/` down to `path` may be passed through by everybody, as the
/// system's Apache needs; the first one that may not, otherwise.
pub fn closed_to_others(path: &Path) -> Option<PathBuf> {
    use std::os::unix::fs::MetadataExt;
    let mut folders: Vec<&Path> = path.ancestors().collect();
    folders.reverse();
    folders
        .into_iter()
        .find(|folder| fs::metadata(folder).is_ok_and(|meta| meta.mode() & 0o001 == 0))
        .map(Path::to_owned)
}
