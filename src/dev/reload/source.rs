//! Where notices of saves come from: the kernel, or regular looks where it does not tell.

use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, ModifyKind, RenameMode};
use notify::{Config, EventKind, RecommendedWatcher, RecursiveMode, Watcher, WatcherKind};

use super::poll::Poller;
use super::saved::Saved;
use crate::dev::event::Event;

/// How often files are looked at.
const LOOKS: Duration = Duration::from_millis(300);
/// The same for those that seldom change: of installed packages there are thousands.
const LOOKS_ASIDE: Duration = Duration::from_secs(3);

/// File systems without notice of changes made elsewhere, as /proc/mounts names them.
const REMOTE: [&str; 9] = ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "vboxsf", "fuse.vmhgfs-fuse", "drvfs"];

/// What tells of saves.
pub enum Source {
    Kernel(RecommendedWatcher),
    Looks(Poller),
}

impl Source {
    /// The best there is for the site whose folder is `root`.
    pub fn best(root: &Path, queue: &Sender<Event>) -> Self {
        if is_remote(root) {
            return Self::looks("the kernel does not tell of changes on this file system", queue);
        }
        Self::kernel(queue).unwrap_or_else(|_| Self::exhausted(queue))
    }

    /// In place of a kernel that has no more watches to give.
    pub fn exhausted(queue: &Sender<Event>) -> Self {
        Self::looks("the kernel has no more watches to give (fs.inotify.max_user_watches, max_user_instances)", queue)
    }

    /// For what seldom changes. `polls`: the kernel does not tell.
    pub fn aside(folders: &[PathBuf], polls: bool, queue: &Sender<Event>) -> Self {
        let kernel = if polls { None } else { Self::kernel(queue).ok() };
        if let Some(mut source) = kernel {
            let mut failures = folders.iter().filter_map(|folder| source.watch(folder).err());
            // Others have gone; they will be asked for anew.
            if !failures.any(|error| is_exhausted(&error)) {
                return source;
            }
        }
        let mut source = Self::Looks(Poller::start(LOOKS_ASIDE, false, queue.clone()));
        for folder in folders {
            let _ = source.watch(folder);
        }
        source
    }

    /// Tells of what happens in a folder, not of what happens below it.
    ///
    /// # Errors
    /// When the folder can't be read, or [the kernel has no more watches](is_exhausted).
    pub fn watch(&mut self, folder: &Path) -> notify::Result<()> {
        match self {
            Self::Kernel(watcher) => watcher.watch(folder, RecursiveMode::NonRecursive),
            Self::Looks(poller) => Ok(poller.watch(folder)?),
        }
    }

    /// Tells of it no more.
    pub fn unwatch(&mut self, folder: &Path) {
        match self {
            Self::Kernel(watcher) => drop(watcher.unwatch(folder)),
            Self::Looks(poller) => poller.unwatch(folder),
        }
    }

    fn looks(reason: &'static str, queue: &Sender<Event>) -> Self {
        let _ = queue.send(Event::Saved(Saved::Polling(reason)));
        Self::Looks(Poller::start(LOOKS, true, queue.clone()))
    }

    fn kernel(queue: &Sender<Event>) -> notify::Result<Self> {
        let closes = RecommendedWatcher::kind() == WatcherKind::Inotify;
        let queue = queue.clone();
        let watcher = RecommendedWatcher::new(
            move |event: notify::Result<notify::Event>| pass_on(event, closes, &queue),
            // A link stands for itself: what it leads to is watched where that is.
            Config::default().with_follow_symlinks(false),
        )?;
        Ok(Self::Kernel(watcher))
    }
}

/// Whether the kernel has no more watches to give.
pub fn is_exhausted(error: &notify::Error) -> bool {
    matches!(&error.kind, notify::ErrorKind::MaxFilesWatch)
        || matches!(&error.kind, notify::ErrorKind::Io(error)
            if matches!(error.raw_os_error(), Some(nix::libc::ENOSPC | nix::libc::EMFILE)))
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
