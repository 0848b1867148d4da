//! Noticing saves.

use std::collections::BTreeSet;
use std::fs::{DirEntry, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, SystemTime};

use notify::event::{AccessKind, AccessMode, ModifyKind, RenameMode};
use notify::{Config, EventKind, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher, WatcherKind};

use crate::dev::event::Event;

/// How often files are looked at where the kernel does not tell.
const POLL: Duration = Duration::from_millis(300);

/// File systems without notice of changes made elsewhere, as /proc/mounts names them.
const REMOTE: [&str; 9] = ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "vboxsf", "fuse.vmhgfs-fuse", "drvfs"];

/// What happened to a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saved {
    /// Its content is complete: written and closed, or renamed to here.
    Written(PathBuf),
    /// It has come or gone; whether that is all, is not known yet.
    Unsettled(PathBuf),
    /// Notices were lost.
    Lost,
    /// Folders that were to be watched aside are.
    Watched,
}

/// A watch that was begun in a thread of its own; it ends when dropped.
pub struct Aside {
    _end: Sender<()>,
}

/// A watch on folders, each by itself.
pub struct Watch {
    watcher: Box<dyn Watcher + Send>,
    folders: BTreeSet<PathBuf>,
    queue: Sender<Event>,
    /// The kernel has no watches to give, or none that would work for the site.
    pub polls: bool,
}

impl Watch {
    /// Begins with nothing to watch. `root`: the site's folder, which decides how.
    ///
    /// # Errors
    /// When not even polling works.
    pub fn start(root: &Path, queue: Sender<Event>) -> notify::Result<Self> {
        let polls = is_remote(root);
        let watcher =
            if polls { poller(queue.clone())? } else { kernel(queue.clone()).or_else(|_| poller(queue.clone()))? };
        Ok(Self { watcher, folders: BTreeSet::new(), queue, polls })
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
        match self.watcher.watch(folder, RecursiveMode::NonRecursive) {
            Ok(()) => {}
            Err(error) if !self.polls && is_exhausted(&error) => self.begin_polling(),
            // It has gone meanwhile, or can't be read: the site can't have read it either.
            Err(_) => {
                self.folders.remove(folder);
            }
        }
    }

    /// Forgets what is at `path` and below: what is there next is something else to the kernel.
    pub fn forget(&mut self, path: &Path) {
        let below = self.folders.range(path.to_owned()..).take_while(|folder| folder.starts_with(path));
        for folder in below.cloned().collect::<Vec<_>>() {
            self.folders.remove(&folder);
            let _ = self.watcher.unwatch(&folder);
        }
    }

    /// Watches many more folders without keeping anybody waiting; what has changed in them since a time
    /// before is told of, too.
    pub fn aside(&self, folders: Vec<PathBuf>, since: SystemTime) -> Aside {
        let (end, over) = channel::<()>();
        let queue = self.queue.clone();
        let polls = self.polls;
        thread::spawn(move || {
            let mut watcher = if polls { poller(queue.clone()) } else { kernel(queue.clone()) };
            for folder in &folders {
                // One that has gone will be asked for anew.
                let _ = watcher.as_mut().map(|watcher| watcher.watch(folder, RecursiveMode::NonRecursive));
            }
            let entries = folders.iter().filter_map(|folder| folder.read_dir().ok()).flatten().flatten();
            for entry in entries.filter(|entry| has_changed(entry, since)) {
                let _ = queue.send(Event::Saved(Saved::Written(entry.path())));
            }
            let _ = queue.send(Event::Saved(Saved::Watched));
            let _ = over.recv();
        });
        Aside { _end: end }
    }

    /// Says what changes from now on with the help of regular looks only.
    fn begin_polling(&mut self) {
        let Ok(watcher) = poller(self.queue.clone()) else { return };
        self.watcher = watcher;
        self.polls = true;
        for folder in &self.folders {
            let _ = self.watcher.watch(folder, RecursiveMode::NonRecursive);
        }
    }
}

fn kernel(queue: Sender<Event>) -> notify::Result<Box<dyn Watcher + Send>> {
    let closes = RecommendedWatcher::kind() == WatcherKind::Inotify;
    let watcher = RecommendedWatcher::new(
        move |event: notify::Result<notify::Event>| pass_on(event, closes, &queue),
        // A link stands for itself: what it leads to is watched where that is.
        Config::default().with_follow_symlinks(false),
    )?;
    Ok(Box::new(watcher))
}

fn poller(queue: Sender<Event>) -> notify::Result<Box<dyn Watcher + Send>> {
    let config = Config::default().with_poll_interval(POLL).with_compare_contents(true);
    let watcher = PollWatcher::new(move |event| pass_on(event, false, &queue), config)?;
    Ok(Box::new(watcher))
}

/// `closes`: the system says when a file that was written has been closed.
fn pass_on(event: notify::Result<notify::Event>, closes: bool, queue: &Sender<Event>) {
    let Ok(event) = event else { return };
    if event.need_rescan() {
        let _ = queue.send(Event::Saved(Saved::Lost));
        return;
    }
    let as_saved: fn(PathBuf) -> Saved = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Modify(ModifyKind::Name(RenameMode::To)) => Saved::Written,
        // Both names once more.
        EventKind::Modify(ModifyKind::Name(RenameMode::Both)) if closes => return,
        EventKind::Modify(ModifyKind::Name(_)) | EventKind::Create(_) | EventKind::Remove(_) => Saved::Unsettled,
        EventKind::Modify(_) if closes => return,
        EventKind::Access(_) => return,
        EventKind::Modify(_) | EventKind::Any | EventKind::Other => Saved::Written,
    };
    for path in event.paths {
        let _ = queue.send(Event::Saved(as_saved(path)));
    }
}

/// By the time of the last change of its attributes, which no tool sets back.
fn has_changed(entry: &DirEntry, since: SystemTime) -> bool {
    let since = since.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let changed = |meta: Metadata| (meta.ctime(), meta.ctime_nsec());
    let bound = (i64::try_from(since.as_secs()).unwrap_or(i64::MAX), i64::from(since.subsec_nanos()));
    entry.metadata().is_ok_and(|meta| changed(meta) > bound)
}

fn is_exhausted(error: &notify::Error) -> bool {
    matches!(&error.kind, notify::ErrorKind::MaxFilesWatch)
        || matches!(&error.kind, notify::ErrorKind::Io(error)
            if matches!(error.raw_os_error(), Some(nix::libc::ENOSPC | nix::libc::EMFILE)))
}

/// Whether `path` is on a file system whose changes the kernel may not see.
fn is_remote(path: &Path) -> bool {
    let Ok(mounts) = std::fs::read_to_string("/proc/mounts") else { return false };
    let mount = mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ');
            let (_, place, kind) = (fields.next()?, fields.next()?, fields.next()?);
            path.starts_with(place).then_some((place.len(), kind))
        })
        .max_by_key(|(length, _)| *length);
    mount.is_some_and(|(_, kind)| REMOTE.contains(&kind))
}
