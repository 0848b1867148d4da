//! What the processes that serve see of saves themselves.
//!
//! A notice is in the kernel's queue before the call that completes a save returns. Each process has a
//! queue of its own, so it knows of a save before it answers a request that was sent after it, however
//! long djwsgi takes to hear of it.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use inotify::{Inotify, WatchMask};

use crate::dev::slots::Id;

/// Folders by the number that the notices of a queue give them.
pub type Numbers = BTreeMap<i32, Vec<PathBuf>>;

/// The queues of the processes.
#[derive(Default)]
pub struct Witnesses(BTreeMap<Id, Inotify>);

impl Witnesses {
    /// Begins a queue for a process, with notices of what is saved in `folders`.
    ///
    /// # Errors
    /// When the kernel has no more queues or watches to give (for these it says ENOSPC).
    pub fn begin<'a>(&mut self, id: Id, folders: impl Iterator<Item = &'a PathBuf>) -> io::Result<Numbers> {
        let queue = Inotify::init()?;
        let mut numbers = Numbers::new();
        for folder in folders {
            match queue.watches().add(folder, mask()) {
                // Of one that is no text the process can't be told: all that happens there matters.
                Ok(watch) if folder.to_str().is_some() => {
                    numbers.entry(watch.get_watch_descriptor_id()).or_default().push(folder.clone());
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::StorageFull => return Err(error),
                // It has gone; that is noticed where it was.
                Err(_) => {}
            }
        }
        self.0.insert(id, queue);
        Ok(numbers)
    }

    /// The queue of a process.
    pub fn of(&self, id: Id) -> Option<BorrowedFd<'_>> {
        self.0.get(&id).map(AsFd::as_fd)
    }

    /// Has all of them told of what is saved in one more folder.
    pub fn watch(&self, folder: &Path) {
        for queue in self.0.values() {
            // Anew, if it was there: it may have been elsewhere, or for something else, and each has a number of its own.
            // Without, the process hears of it from djwsgi.
            let _ = queue.watches().add(folder, mask()).and_then(|watch| queue.watches().remove(watch));
            let _ = queue.watches().add(folder, mask());
        }
    }

    /// Forgets the queue of a process.
    pub fn end(&mut self, id: Id) {
        self.0.remove(&id);
    }
}

/// What completes a save, and what comes and goes.
fn mask() -> WatchMask {
    WatchMask::CLOSE_WRITE
        | WatchMask::MOVE
        | WatchMask::MOVE_SELF
        | WatchMask::CREATE
        | WatchMask::DELETE
        | WatchMask::DELETE_SELF
        | WatchMask::ONLYDIR
}
