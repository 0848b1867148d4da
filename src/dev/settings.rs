//! When to look at the settings again: the settings of djwsgi or the site's env file were saved, they
//! were not asked for at the start, or what was made of them has been removed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use notify::event::ModifyKind;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::site::config::{FILE, LOCAL_FILE};

/// Editors save in several steps; what follows within this time belongs to the same save.
const QUIET: Duration = Duration::from_millis(100);

/// The first visitor of the site is not to share the processor with what is asked again.
const CALM: Duration = Duration::from_secs(1);

/// A watch on the files that decide over the whole server. It ends when dropped.
pub struct SettingsWatch {
    _watcher: RecommendedWatcher,
}

/// Why the settings are looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A file was saved, or the state removed.
    Saved,
    /// The server was started with answers of an earlier start.
    Recalled,
}

/// The reasons, as they come; ends with the last sender.
pub struct Reasons(Receiver<Reason>);

/// A queue of reasons.
pub fn reasons() -> (Sender<Reason>, Reasons) {
    let (sender, receiver) = channel();
    (sender, Reasons(receiver))
}

/// Watches the settings files in `root`, `env_file`, and for the loss of the `state` folder. `None` where the system has no watches
/// to give: changed settings then wait for the next start.
pub fn watch(root: &Path, env_file: Option<PathBuf>, state: PathBuf, sender: Sender<Reason>) -> Option<SettingsWatch> {
    let mut files: Vec<PathBuf> = [FILE, LOCAL_FILE, "pyproject.toml"].iter().map(|name| root.join(name)).collect();
    files.extend(env_file);
    // Their folders are watched: an editor that renames over a file ends the watch on the file.
    let paths = files.iter().chain([&state]);
    let folders: BTreeSet<PathBuf> = paths.filter_map(|path| path.parent().map(Path::to_owned)).collect();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let Ok(event) = event else { return };
        // `git clean -fdx` takes it away, for one. It may be there again by now, without its contents.
        let removes = matches!(event.kind, EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)));
        let is_lost = |path: &PathBuf| removes && *path == state;
        let is_relevant = |path: &PathBuf| files.contains(path) || is_lost(path);
        if !matches!(event.kind, EventKind::Access(_)) && event.paths.iter().any(is_relevant) {
            // The receiver ends with the server.
            let _ = sender.send(Reason::Saved);
        }
    })
    .ok()?;
    for folder in folders {
        watcher.watch(&folder, RecursiveMode::NonRecursive).ok()?;
    }
    Some(SettingsWatch { _watcher: watcher })
}

impl Iterator for Reasons {
    type Item = Reason;

    fn next(&mut self) -> Option<Reason> {
        let mut reason = self.0.recv().ok()?;
        loop {
            let pause = if reason == Reason::Recalled { CALM } else { QUIET };
            let Ok(other) = self.0.recv_timeout(pause) else { return Some(reason) };
            // Whoever has saved wants to hear of it.
            reason = if other == Reason::Saved { other } else { reason };
        }
    }
}
