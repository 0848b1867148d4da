//! A new site's folder, which disappears again when its making fails.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::files;

/// The site's folder, removed again unless all went well.
pub struct NewFolder {
    root: PathBuf,
    /// It existed, empty, before.
    existed: bool,
    kept: bool,
}

impl NewFolder {
    /// Creates the folder, or takes an empty one.
    ///
    /// # Errors
    /// When it can't be created.
    pub fn create(root: &Path) -> Result<Self> {
        let existed = root.exists();
        if !existed {
            fs::create_dir(root).map_err(|error| files::unwritable(root, error))?;
        }
        Ok(Self { root: root.to_owned(), existed, kept: false })
    }

    /// All went well.
    pub fn keep(&mut self) {
        self.kept = true;
    }
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        // What can't be removed is left: there is nobody to tell any more.
        if !self.existed {
            let _ = fs::remove_dir_all(&self.root);
            return;
        }
        for path in files::sorted_entries(&self.root).unwrap_or_default() {
            let _ =
                if path.is_dir() && !path.is_symlink() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        }
    }
}
