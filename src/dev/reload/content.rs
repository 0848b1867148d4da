//! What is at a path, as a digest. The same rules as in harness/djwsgi_harness/reads.py.

use std::fs::{self, File};
use std::io::{Read, Result};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::dev::slots::Content;

/// Larger files are told apart by size and time.
const LARGE: u64 = 16 * 1024 * 1024;

/// Endings of files that editors and Python make in passing.
const PASSING: [&str; 6] = ["~", ".pyc", ".pyo", ".swp", ".swx", ".tmp"];

/// The digest of a file, or of the names in a folder; `None` when there is neither.
pub fn of(path: &Path) -> Content {
    let found = if path.is_dir() { of_folder(path) } else { of_file(path) };
    found.ok().flatten()
}

fn of_file(path: &Path) -> Result<Content> {
    // Opening a pipe would wait for somebody to write into it.
    let mut file = File::options().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(None);
    }
    if metadata.len() > LARGE {
        let time = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
        return Ok(Some(format!("large:{}:{time}", metadata.len())));
    }
    let mut data = Vec::new();
    file.read_to_end(&mut data)?;
    Ok(Some(digest(&data)))
}

fn of_folder(path: &Path) -> Result<Content> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name();
        let text = name.to_string_lossy();
        if !text.starts_with('.') && text != "__pycache__" && !PASSING.iter().any(|end| text.ends_with(end)) {
            names.push(name.as_bytes().to_vec());
        }
    }
    names.sort();
    Ok(Some(digest(&names.join(&0))))
}

fn digest(data: &[u8]) -> String {
    Sha256::digest(data).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
