//! A new site's folder, cleared again of what was made in it when the making fails.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::files;
use crate::ui::problem::Problem;

/// Held by the `init` that works in the folder.
pub const MARKER: &str = ".djwsgi-init";

/// The site's folder while it is being made.
pub struct NewFolder {
    root: PathBuf,
    /// What this run makes in it, and nothing else, is removed again.
    made: Vec<PathBuf>,
    /// It existed, empty, before.
    existed: bool,
    kept: bool,
    _lock: File,
}

impl NewFolder {
    /// Creates the folder, or takes an empty one, for the site `name`.
    ///
    /// # Errors
    /// When it can't be created, or another run is at work in it.
    pub fn create(root: &Path, name: &str) -> Result<Self> {
        let existed = match fs::create_dir(root) {
            Ok(()) => false,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => true,
            Err(error) => return Err(files::unwritable(root, error)),
        };
        let marker = root.join(MARKER);
        let lock = files::open_lock(&marker)?;
        if lock.try_lock().is_err() {
            return Err(Problem::refused(format!("another djwsgi init is at work in {}", root.display())).into());
        }
        let entries = [MARKER, ".venv", "manage.py", name, "apache", "djwsgi.toml", ".gitignore"];
        Ok(Self {
            root: root.to_owned(),
            made: entries.iter().map(|entry| root.join(entry)).collect(),
            existed,
            kept: false,
            _lock: lock,
        })
    }

    /// All went well.
    pub fn keep(&mut self) {
        self.kept = true;
    }
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        // What can't be removed is left: there is nobody to tell any more.
        if self.kept {
            let _ = fs::remove_file(self.root.join(MARKER));
            return;
        }
        for path in &self.made {
            let _ = if path.is_dir() && !path.is_symlink() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
        if !self.existed {
            // Fails, and should, if somebody has put something of their own into it.
            let _ = fs::remove_dir(&self.root);
        }
    }
}
