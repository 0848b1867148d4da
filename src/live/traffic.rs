//! Requests that the processes of a site have not answered yet, by what the system tells of their sockets.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::daemons::Daemons;
use crate::production::manifest::Manifest;

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(10);

/// A request that has come by so long ago may be the last of a lull.
const SHORT: Duration = Duration::from_millis(500);

/// No request for so long: what has passed the gate has arrived.
const QUIET: Duration = Duration::from_millis(100);

/// Flags of a socket that waits for connections, in /proc/net/unix.
const LISTENS: &str = "00010000";

/// A socket that nobody has accepted yet has no number.
const WAITING: u64 = 0;

/// The requests of a site.
pub struct Traffic<'a> {
    daemons: &'a Daemons,
    /// How the paths of the daemons' sockets begin.
    sockets: String,
    /// The requests under way, and since when.
    seen: BTreeMap<u64, Instant>,
}

impl<'a> Traffic<'a> {
    /// Of the processes `daemons` of `manifest`.
    pub fn of(manifest: &Manifest, daemons: &'a Daemons) -> Self {
        let sockets = format!("{}.", manifest.socket_prefix.display());
        Self { daemons, sockets, seen: BTreeMap::new() }
    }

    /// Waits until no request takes long, at most for `limit`: whoever comes then need not wait for one that does.
    pub fn wait_for_lull(&mut self, limit: Duration) {
        let started = Instant::now();
        while started.elapsed() < limit {
            self.look();
            let is_short = self.seen.values().all(|since| since.elapsed() < SHORT);
            if is_short && (started.elapsed() > SHORT || self.seen.is_empty()) {
                return;
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Waits until all requests have been answered, but for none longer than `limit` since it was first seen.
    /// Returns how many were not.
    pub fn wait_for_end(&mut self, limit: Duration) -> usize {
        let started = Instant::now();
        let mut quiet = started;
        loop {
            self.look();
            let busy = self.seen.values().filter(|since| since.elapsed() < limit).count();
            if busy > 0 {
                quiet = Instant::now();
            }
            if quiet.elapsed() > QUIET || started.elapsed() > limit {
                return self.seen.len();
            }
            std::thread::sleep(LOOK);
        }
    }

    fn look(&mut self) {
        let now = Instant::now();
        let mut seen = std::mem::take(&mut self.seen);
        // These have nothing in common but that they wait.
        seen.remove(&WAITING);
        self.seen = self.under_way().into_iter().map(|id| (id, seen.get(&id).copied().unwrap_or(now))).collect();
    }

    /// Connections of the site's processes, and those that no process has accepted yet: other sites of the same
    /// Apache have sockets of the same name.
    fn under_way(&self) -> BTreeSet<u64> {
        let table = fs::read_to_string("/proc/net/unix").unwrap_or_default();
        let connected: Vec<u64> = table.lines().filter_map(|line| self.connection(line)).collect();
        if connected.is_empty() {
            return BTreeSet::new();
        }
        let own: BTreeSet<u64> = self.daemons.running().unwrap_or_default().into_iter().flat_map(sockets_of).collect();
        connected.into_iter().filter(|id| *id == WAITING || own.contains(id)).collect()
    }

    /// The number of the connected socket in a line of the system's table, if it is one of the daemons'.
    fn connection(&self, line: &str) -> Option<u64> {
        let mut words = line.split_ascii_whitespace();
        let flags = words.nth(3)?;
        let id = words.nth(2)?.parse().ok()?;
        (flags != LISTENS && words.next()?.starts_with(&self.sockets)).then_some(id)
    }
}

/// The numbers of the sockets that a process has open.
fn sockets_of(pid: u32) -> Vec<u64> {
    let folder = Path::new("/proc").join(pid.to_string()).join("fd");
    let links = fs::read_dir(folder).into_iter().flatten().flatten();
    let number = |link: fs::DirEntry| {
        let target = fs::read_link(link.path()).ok()?;
        target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    };
    links.filter_map(number).collect()
}
