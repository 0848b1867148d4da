//! What is watched.

use std::collections::BTreeSet;
use std::fs::DirEntry;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::SystemTime;

use super::saved::Saved;
use super::source::{Source, is_exhausted};
use super::witness::Witnesses;
use crate::dev::event::Event;
use crate::files;

/// A watch that was begun in a thread of its own; it ends when dropped.
pub struct Aside {
    _end: Sender<()>,
}

/// A watch on folders, each by itself.
pub struct Watch {
    source: Source,
    folders: BTreeSet<PathBuf>,
    witnesses: Witnesses,
    queue: Sender<Event>,
}

impl Watch {
    /// Begins with nothing to watch. `root`: the site's folder, which decides how.
    pub fn start(root: &Path, queue: Sender<Event>) -> Self {
        Self { source: Source::best(root, &queue), folders: BTreeSet::new(), witnesses: Witnesses::default(), queue }
    }

    /// Whether files are looked at regularly, for want of notice from the kernel.
    pub fn polls(&self) -> bool {
        matches!(self.source, Source::Looks(_))
    }

    /// Watches the folder of `path`, or the nearest one above it that exists.
    pub fn add_for(&mut self, path: &Path) {
        if let Some(folder) = path.ancestors().skip(1).find(|folder| folder.is_dir()) {
            self.add(folder);
        }
    }

    /// Watches a folder, not what is below it.
    pub fn add(&mut self, folder: &Path) {
        if !self.folders.insert(folder.to_owned()) {
            return;
        }
        match self.source.watch(folder) {
            Ok(()) => self.witnesses.watch(folder),
            Err(error) if !self.polls() && is_exhausted(&error) => self.begin_polling(),
            // It has gone meanwhile, or can't be read: the site can't have read it either.
            Err(_) => {
                self.folders.remove(folder);
            }
        }
    }

    /// Has the processes that serve take all that happens in a folder, and to it, for something that matters.
    pub fn matters(&self, folder: &Path) {
        for folder in folder.parent().into_iter().chain([folder]) {
            if self.folders.contains(folder) {
                self.witnesses.watch(folder);
            }
        }
    }

    /// The folders that are watched.
    pub fn folders(&self) -> impl Iterator<Item = &PathBuf> {
        self.folders.iter()
    }

    /// What the processes that serve see themselves of what is watched.
    pub fn witnesses(&mut self) -> &mut Witnesses {
        &mut self.witnesses
    }

    /// Forgets what is at `path` and below: what is there next is something else to the kernel.
    pub fn forget(&mut self, path: &Path) {
        let below = self.folders.range(path.to_owned()..).take_while(|folder| folder.starts_with(path));
        for folder in below.cloned().collect::<Vec<_>>() {
            self.folders.remove(&folder);
            self.source.unwatch(&folder);
        }
    }

    /// Watches many more folders without keeping anybody waiting; what has changed in them since a time
    /// before is told of, too.
    pub fn aside(&self, folders: Vec<PathBuf>, since: SystemTime) -> Aside {
        let (end, over) = channel::<()>();
        let queue = self.queue.clone();
        let polls = self.polls();
        thread::spawn(move || {
            let _source = Source::aside(&folders, polls, &queue);
            let entries = folders.iter().filter_map(|folder| folder.read_dir().ok()).flatten().flatten();
            for entry in entries.filter(|entry| has_changed(entry, since)) {
                let _ = queue.send(Event::Saved(Saved::Written(entry.path())));
            }
            let _ = queue.send(Event::Saved(Saved::Watched));
            let _ = over.recv();
        });
        Aside { _end: end }
    }

    fn begin_polling(&mut self) {
        self.source = Source::exhausted(&self.queue);
        for folder in &self.folders {
            let _ = self.source.watch(folder);
        }
        // What the kernel still had to tell has gone with it.
        let _ = self.queue.send(Event::Saved(Saved::Lost));
    }
}

fn has_changed(entry: &DirEntry, since: SystemTime) -> bool {
    entry.metadata().is_ok_and(|meta| files::is_later(files::stamp(&meta), since))
}
