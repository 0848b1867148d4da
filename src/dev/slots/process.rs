//! A process of the harness, as djwsgi knows it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The number of a process's connection.
pub type Id = u64;

/// The digest of what is at a path; `None`: nothing.
pub type Content = Option<String>;

/// What was read, and what was in it.
pub type Reads = BTreeMap<PathBuf, Content>;

/// One process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number in the system.
    pub pid: i32,
    /// The process it was forked from, or the nearest above that is left.
    pub parent: Option<Id>,
    /// The process it was forked from has ended: nobody will say how this one ends.
    pub orphan: bool,
    /// What it is doing.
    pub stage: Stage,
    /// The file it stopped before, if changes were expected in it.
    pub before: Option<PathBuf>,
    /// What it has read itself; what it has of its parent is the parent's.
    pub reads: Reads,
    /// Those of them that are something else now.
    pub stale: BTreeSet<PathBuf>,
    /// How many modules it had loaded when it stopped.
    pub modules: usize,
    /// It imported the installed packages before anything of the site.
    pub warm: bool,
    /// It is a rehearsal or was forked from one: more was imported before its turn.
    pub rehearsed: bool,
    /// The state of the installed packages it knows.
    pub packages: u64,
}

/// What a process is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// mod_wsgi's own: has loaded nothing and waits for orders.
    Root,
    /// Imports installed packages.
    Warming,
    /// Stands by before the module of this name; before anything of the site, if it is empty.
    Held(String),
    /// Loads the site to leave standbys behind, not to serve.
    Rehearsing,
    /// Loads the site.
    Loading(Slot),
    /// Answers requests.
    Serving(Slot),
    /// Finishes its requests; to be killed if it takes longer than this.
    Retiring(Instant),
    /// Was told to end, or killed.
    Ending,
}

/// A place among the processes that serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The build it belongs to.
    pub build: u64,
    /// Which of the build's processes, from 0.
    pub index: u16,
}

impl Process {
    /// Notes what it has read. What was read first counts: that is what it has executed.
    pub fn add_reads(&mut self, reads: Reads, disk: &Reads) {
        for (path, content) in reads {
            if self.reads.contains_key(&path) {
                continue;
            }
            if disk.get(&path).is_some_and(|now| *now != content) {
                self.stale.insert(path.clone());
            }
            self.reads.insert(path, content);
        }
    }

    /// Compares what it has read with what is there now.
    pub fn compare(&mut self, path: &Path, now: &Content) {
        match self.reads.get(path) {
            Some(read) if read != now => {
                self.stale.insert(path.to_owned());
            }
            Some(_) => {
                self.stale.remove(path);
            }
            None => {}
        }
    }

    /// Whether a process can be forked from it.
    pub fn is_standby(&self) -> bool {
        matches!(self.stage, Stage::Root | Stage::Held(_))
    }
}
