//! A process of the harness, as djwsgi knows it.

use std::collections::BTreeMap;
use std::path::PathBuf;
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
    /// The process it was forked from, while that is known.
    pub parent: Option<Id>,
    /// What it is doing.
    pub stage: Stage,
    /// What it has read itself; what it has of its parent is the parent's.
    pub reads: Reads,
    /// It imported the installed packages before anything of the site.
    pub warm: bool,
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
    /// Whether a process can be forked from it.
    pub fn is_standby(&self) -> bool {
        matches!(self.stage, Stage::Root | Stage::Held(_))
    }
}
