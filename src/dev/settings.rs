//! Noticing that the settings of djwsgi or the site's env file were saved.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::site::config::{FILE, LOCAL_FILE};

/// Editors save in several steps; what follows within this time belongs to the same save.
const QUIET: Duration = Duration::from_millis(100);

/// A watch on the files that decide over the whole server. It ends when dropped.
pub struct SettingsWatch {
    _watcher: RecommendedWatcher,
}

/// Saves of the watched files, one entry each; ends with the watch.
pub struct Saves(Receiver<()>);

/// Watches the settings files in `root`, and `env_file`. `None` where the system has no watches
/// to give: changed settings then wait for the next start.
pub fn watch(root: &Path, env_file: Option<PathBuf>) -> Option<(SettingsWatch, Saves)> {
    let mut files: Vec<PathBuf> = [FILE, LOCAL_FILE, "pyproject.toml"].iter().map(|name| root.join(name)).collect();
    files.extend(env_file);
    // Their folders are watched: an editor that renames over a file ends the watch on the file.
    let mut folders: Vec<PathBuf> = files.iter().filter_map(|file| file.parent().map(Path::to_owned)).collect();
    folders.dedup();
    let (sender, receiver) = channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let Ok(event) = event else { return };
        let relevant =
            !matches!(event.kind, EventKind::Access(_)) && event.paths.iter().any(|path| files.contains(path));
        if relevant {
            // The receiver ends with the server.
            let _ = sender.send(());
        }
    })
    .ok()?;
    for folder in folders {
        watcher.watch(&folder, RecursiveMode::NonRecursive).ok()?;
    }
    Some((SettingsWatch { _watcher: watcher }, Saves(receiver)))
}

impl Iterator for Saves {
    type Item = ();

    fn next(&mut self) -> Option<()> {
        self.0.recv().ok()?;
        while self.0.recv_timeout(QUIET).is_ok() {}
        Some(())
    }
}
