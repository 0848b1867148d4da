//! Writing a set of files: each whole, and all or none.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Result;
use tempfile::{NamedTempFile, TempPath};

use super::plan::{Access, Change, Step, shown};
use crate::files;
use crate::ui::term::Ui;

/// Nobody but the owner may change what we write.
const FILE_MODE: u32 = 0o644;
const SECRET_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o755;

/// Carries out `steps` and reports each. If one fails, those before it are undone.
///
/// # Errors
/// When a file or folder can't be written; the disk is then as it was.
pub fn apply(ui: &Ui, steps: &[Step], root: &Path) -> Result<()> {
    let mut transaction = Transaction::default();
    let result = transaction.carry_out(steps);
    if let Err(error) = result {
        transaction.undo();
        return Err(error);
    }
    for step in steps {
        let name = shown(root, &step.path);
        match step.change {
            Change::Create => ui.status("Created", &name),
            Change::Update => ui.status("Updated", &name),
            Change::Replace => {
                let backup = transaction.backups.iter().find(|(path, _)| *path == step.path);
                let backup = backup.map(|(_, backup)| shown(root, backup)).unwrap_or_default();
                ui.status("Replaced", &format!("{name} (the old one is in {backup})"));
            }
            Change::Nothing | Change::Conflict => {}
        }
    }
    Ok(())
}

/// What has been done so far, in order.
#[derive(Default)]
struct Transaction {
    folders: Vec<PathBuf>,
    /// Files put in place, with a copy of what was there before.
    placed: Vec<(PathBuf, Option<TempPath>)>,
    /// Replaced files and where their old text is.
    backups: Vec<(PathBuf, PathBuf)>,
}

impl Transaction {
    fn carry_out(&mut self, steps: &[Step]) -> Result<()> {
        // Everything that needs space is done first; only renames are left for the second half.
        let mut staged = Vec::new();
        for step in steps.iter().filter(|step| step.writes()) {
            let folder = step.path.parent().unwrap_or(Path::new("."));
            self.create_folders(folder)?;
            let created = if step.access == Access::Owner { SECRET_MODE } else { FILE_MODE };
            let mode = fs::metadata(&step.path).map_or(created, |meta| meta.mode() & 0o777);
            if let (Change::Replace, Some(old)) = (step.change, &step.present) {
                let backup = backup_path(&step.path);
                staged.push((stage(&backup, old, mode)?, None, backup.clone()));
                self.backups.push((step.path.clone(), backup));
            }
            // To undo must not need space: it may be what is missing.
            let before = step.present.as_ref().map(|old| stage(&step.path, old, mode)).transpose()?;
            staged.push((stage(&step.path, &step.text, mode)?, before, step.path.clone()));
        }
        for (temporary, before, path) in staged {
            temporary.persist(&path).map_err(|error| files::unwritable(&path, error.error))?;
            self.placed.push((path, before));
        }
        Ok(())
    }

    fn create_folders(&mut self, folder: &Path) -> Result<()> {
        let missing: Vec<&Path> = folder.ancestors().take_while(|folder| !folder.exists()).collect();
        for folder in missing.into_iter().rev() {
            fs::create_dir(folder).map_err(|error| files::unwritable(folder, error))?;
            self.folders.push(folder.to_owned());
            fs::set_permissions(folder, Permissions::from_mode(FOLDER_MODE))
                .map_err(|error| files::unwritable(folder, error))?;
        }
        Ok(())
    }

    /// Best effort: the first error is the one worth reporting.
    fn undo(&mut self) {
        for (path, before) in self.placed.drain(..).rev() {
            let _ = match before {
                Some(old) => old.persist(&path).map_err(|error| error.error),
                None => fs::remove_file(&path),
            };
        }
        for folder in self.folders.drain(..).rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Writes `text` to a temporary file beside `path`, on disk and with its final mode.
fn stage(path: &Path, text: &str, mode: u32) -> Result<TempPath> {
    let write = || -> io::Result<TempPath> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut file = NamedTempFile::with_prefix_in(".djwsgi-", folder)?;
        file.write_all(text.as_bytes())?;
        // tempfile creates 0600.
        file.as_file().set_permissions(Permissions::from_mode(mode))?;
        file.as_file().sync_all()?;
        Ok(file.into_temp_path())
    };
    write().map_err(|error| files::unwritable(path, error))
}

fn backup_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".bak");
    let mut candidate = PathBuf::from(&name);
    let mut number = 1;
    while candidate.exists() {
        let mut numbered = name.clone();
        numbered.push(format!(".{number}"));
        candidate = PathBuf::from(numbered);
        number += 1;
    }
    candidate
}
