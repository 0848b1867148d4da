//! The daemon processes of a deployment, found by what the system tells of them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use nix::sys::signal::Signal;

use crate::files;
use crate::identity::Identity;
use crate::production::manifest::Manifest;
use crate::ui::problem::Problem;

/// What mod_wsgi makes of a daemon's command line with `display-name=%{GROUP}`.
const TITLE: &str = "(wsgi:";

/// Which processes are the deployment's.
pub struct Daemons {
    uid: u32,
    title: String,
    folders: Vec<PathBuf>,
}

impl Daemons {
    /// Those of `manifest`.
    ///
    /// # Errors
    /// When its account does not exist here, or the system tells nothing of processes.
    pub fn of(manifest: &Manifest) -> Result<Self> {
        if !Path::new("/proc/self/cmdline").exists() {
            return Err(Problem::environment("this system does not tell of its processes in /proc").into());
        }
        let root = &manifest.root;
        let mut folders = vec![root.canonicalize().unwrap_or_else(|_| root.clone())];
        // Processes of the release before run in a folder beside the one that the link leads to now.
        if root.is_symlink() {
            folders.extend(folders[0].parent().map(Path::to_owned));
        }
        Ok(Self { uid: Identity::named(&manifest.user)?.uid, title: format!("{TITLE}{})", manifest.name), folders })
    }

    /// Their process ids, in order; those first that are kept from taking requests.
    ///
    /// # Errors
    /// When /proc can't be read.
    pub fn running(&self) -> Result<Vec<u32>> {
        let entries = files::sorted_entries(Path::new("/proc"))?;
        let mut pids: Vec<u32> = entries.iter().filter_map(|entry| self.pid(entry)).collect();
        pids.sort_unstable_by_key(|pid| (serves(*pid), *pid));
        Ok(pids)
    }

    /// The process id of the folder `entry` of /proc, if it is one of them. One that ends meanwhile is none.
    fn pid(&self, entry: &Path) -> Option<u32> {
        let pid = entry.file_name()?.to_str()?.parse().ok()?;
        // Instead of Apache's first word, and no longer; Apache's other words follow.
        let words = fs::read(entry.join("cmdline")).ok()?;
        let words = String::from_utf8_lossy(&words);
        let title = words.split('\0').next()?.trim_end();
        let is_titled = title.len() > TITLE.len() && self.title.starts_with(title);
        let is_own = is_titled && fs::metadata(entry).ok()?.uid() == self.uid;
        let folder = if is_own { fs::read_link(entry.join("cwd")).ok()? } else { return None };
        self.folders.iter().any(|own| folder.starts_with(own)).then_some(pid)
    }
}

/// Whether the process `pid` takes requests: one that is kept from it blocks a signal (and waits for others, which
/// the system shows as if they were not blocked).
pub fn serves(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let blocked = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigBlk:")?.trim(), 16).ok());
    blocked.is_some_and(|blocked| blocked & (1 << (Signal::SIGUSR2 as u64 - 1)) == 0)
}
