//! Files, folders and links of sets: each change whole, and on the disk.

use std::fs::{self, File, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use anyhow::Result;

use super::layout::Link;
use crate::files;

/// Rights of a file that the server reads.
pub const READABLE: u32 = 0o644;

/// Makes `link` lead to `target`, whatever was there.
///
/// # Errors
/// When it can't be made.
pub fn link(own: &Link) -> Result<()> {
    if leads(own) {
        return Ok(());
    }
    let (link, target) = own;
    let next = link.with_file_name(format!(".{}.djwsgi", files::name(link)));
    remove_file(&next)?;
    symlink(target, &next).and_then(|()| fs::rename(&next, link)).map_err(|error| files::unwritable(link, error))
}

/// Removes `link`, if it leads to `target`.
///
/// # Errors
/// When it can't be removed.
pub fn unlink(own: &Link) -> Result<()> {
    if leads(own) { remove_file(&own.0) } else { Ok(()) }
}

/// Whether a link is there and leads where it is to.
pub fn leads((link, target): &Link) -> bool {
    fs::read_link(link).is_ok_and(|present| present == *target)
}

/// Writes a file of a set, for its readers, whole and on the disk.
///
/// # Errors
/// When it can't be written.
pub fn put(path: &Path, text: &[u8], mode: u32, group: Option<u32>) -> Result<()> {
    let next = path.with_file_name(format!(".{}.djwsgi", files::name(path)));
    remove_file(&next)?;
    let write = || {
        let mut file = File::options().create_new(true).write(true).open(&next)?;
        // Before there is anything to read.
        file.set_permissions(Permissions::from_mode(0o600))?;
        chown(&next, None, group)?;
        file.write_all(text)?;
        file.set_permissions(Permissions::from_mode(mode))?;
        file.sync_all()?;
        fs::rename(&next, path)
    };
    write().map_err(|error| {
        let _ = fs::remove_file(&next);
        files::unwritable(path, error)
    })
}

/// Removes the folder `path` and all in it, if it is there.
///
/// # Errors
/// When it can't be removed.
pub fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(files::unwritable(path, error)),
        _ => Ok(()),
    }
}

/// Removes the file `path`, if it is there.
///
/// # Errors
/// When it can't be removed.
pub fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(files::unwritable(path, error)),
        _ => Ok(()),
    }
}

/// Moves a file or folder.
///
/// # Errors
/// When it can't be moved.
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(|error| files::unwritable(to, error))?;
    to.parent().map(sync);
    Ok(())
}

/// A rename outlives a power cut when its folder is on the disk.
pub fn sync(folder: &Path) {
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
}
