//! Noticing saves by regular looks, where the kernel does not tell of them.
//!
//! Not notify's own: it compares whole seconds, or else the contents of every file of a folder,
//! databases included.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::DirEntry;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::saved::Saved;
use crate::dev::event::Event;
use crate::files::{self, Stamp};

type Listing = BTreeMap<OsString, Stamp>;
type Folders = Arc<Mutex<BTreeMap<PathBuf, Listing>>>;

/// Looks at folders, each by itself, until dropped.
pub struct Poller {
    folders: Folders,
    _end: Sender<()>,
}

impl Poller {
    /// Looks every `interval` and tells `queue`; also when a round is over, if `rounds`.
    pub fn start(interval: Duration, rounds: bool, queue: Sender<Event>) -> Self {
        let folders = Folders::default();
        let (end, over) = channel();
        let looked_at = Arc::clone(&folders);
        thread::spawn(move || {
            while over.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                for saved in look(&looked_at).into_iter().chain(rounds.then_some(Saved::Looked)) {
                    if queue.send(Event::Saved(saved)).is_err() {
                        return;
                    }
                }
            }
        });
        Self { folders, _end: end }
    }

    /// Tells of what changes in `folder` from now on.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn watch(&self, folder: &Path) -> std::io::Result<()> {
        let listing = list(folder)?;
        lock(&self.folders).insert(folder.to_owned(), listing);
        Ok(())
    }

    /// Looks at `folder` no longer.
    pub fn unwatch(&self, folder: &Path) {
        lock(&self.folders).remove(folder);
    }
}

/// What has changed since the last look.
fn look(folders: &Folders) -> Vec<Saved> {
    let known: Vec<PathBuf> = lock(folders).keys().cloned().collect();
    let mut found = Vec::new();
    for folder in known {
        // Not under the lock: a file system over a network may take its time.
        let now = list(&folder).unwrap_or_default();
        if let Some(before) = lock(folders).get_mut(&folder) {
            found.extend(differences(&folder, before, &now));
            *before = now;
        }
    }
    found
}

fn differences(folder: &Path, before: &Listing, now: &Listing) -> Vec<Saved> {
    let gone = before.keys().filter(|name| !now.contains_key(*name));
    let gone = gone.map(|name| Saved::Unsettled(folder.join(name)));
    let here = now.iter().filter_map(|(name, stamp)| match before.get(name) {
        None => Some(Saved::Unsettled(folder.join(name))),
        Some(earlier) if earlier != stamp => Some(Saved::Written(folder.join(name))),
        Some(_) => None,
    });
    gone.chain(here).collect()
}

fn list(folder: &Path) -> std::io::Result<Listing> {
    let entries = folder.read_dir()?.flatten();
    Ok(entries.filter_map(|entry| Some((entry.file_name(), stamp(&entry)?))).collect())
}

fn stamp(entry: &DirEntry) -> Option<Stamp> {
    let meta = entry.metadata().ok()?;
    // What happens in a folder is told where it is looked at itself.
    Some(if meta.is_dir() { (meta.ino(), 0, 0, 0) } else { files::stamp(&meta) })
}

fn lock(folders: &Folders) -> MutexGuard<'_, BTreeMap<PathBuf, Listing>> {
    folders.lock().unwrap_or_else(PoisonError::into_inner)
}
