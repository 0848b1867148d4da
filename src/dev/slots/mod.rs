//! The instant reload as data: which processes there are, what each has read, and what follows from
//! what happens. No I/O here.
//!
//! A *build* is a load of the site with a number; its processes answer at a listener of their own, the
//! *route*. A *standby* is a process that has stopped on its way through the load; a build is made by
//! forking the deepest standby that has read nothing of what changed. The root, mod_wsgi's daemon
//! process, has read nothing at all.

mod builds;
#[cfg(test)]
mod model;
mod process;
mod react;
mod standbys;
#[cfg(test)]
mod table;
mod vocabulary;

pub use process::{Content, Id, Process, Reads, Slot, Stage};
pub use react::react;
pub use vocabulary::{Action, Cause, Failure, Happening, Job, Report, Role};

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Files before which standbys stop, at most: those changed last.
const HOT: usize = 4;

/// How far standbys go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// None: everything is loaded anew after each save.
    Off,
    /// Installed packages only.
    Packages,
    /// The site itself, up to what is likely to change.
    Site,
}

/// What stays the same while Apache runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Processes that serve.
    pub processes: u16,
    /// How far standbys go.
    pub depth: Depth,
    /// How long a retired process may take for its running requests.
    pub grace: Duration,
}

/// What the newest build is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// There is no root to fork from yet.
    Waiting,
    /// More changes are on their way: they are waited for until then.
    Settling(Instant),
    /// It is being loaded; the user is told at this time that it takes long.
    Building { since: Instant, remind: Option<Instant> },
    /// It serves.
    Serving,
}

/// What is known of the list of packages to import ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warmth {
    /// No list yet.
    Unknown,
    /// A serving process was asked for it.
    Asked,
    /// There is a list.
    Listed,
    /// Not for this site: it does not load with it.
    Refused,
}

/// The whole state.
#[derive(Clone, Debug)]
pub struct Slots {
    plan: Plan,
    processes: BTreeMap<Id, Process>,
    /// The last known content of everything that a process has read.
    disk: Reads,
    phase: Phase,
    /// The number of the newest build.
    build: u64,
    /// A process of the newest build has been let to its listener.
    route_used: bool,
    /// The newest build could not be loaded.
    failed: bool,
    /// The newest build's process died while it loaded; this is what its page says.
    page: Option<String>,
    cause: Cause,
    /// The standby that the newest build was forked from, in words.
    from: String,
    /// Changed files, the newest first.
    hot: VecDeque<PathBuf>,
    last_change: Option<Instant>,
    /// Changes in quick succession.
    burst: u32,
    /// Counts the changes of installed packages.
    packages: u64,
    /// The site has answered its first request: there is time for standbys.
    answered: bool,
    warmth: Warmth,
    /// The newest build took long to load.
    slow: bool,
    /// Till then nothing is made that no answer waits for.
    calm: Option<Instant>,
    /// That time has passed, and still there was none to look whether something is to be made.
    overdue: bool,
    /// Loads with packages imported ahead that failed in a row.
    failures: u8,
    /// The build for which a rehearsal was started last.
    rehearsed: Option<u64>,
    /// The files that it stopped before.
    rehearsed_for: Vec<PathBuf>,
    /// The standby that forks ahead of the next load.
    spare: Option<Id>,
    /// A process for standbys was asked for and has not introduced itself yet.
    making: bool,
    /// Processes that were asked for and have not introduced themselves yet, and from whom.
    awaited: Vec<(Slot, Id)>,
    /// Processes whose end was heard of before they had introduced themselves, the last ones.
    early: VecDeque<i32>,
    /// Files that the site itself writes while it loads.
    ignored: BTreeSet<PathBuf>,
    /// Serving processes that died in a row, and when the last one did.
    deaths: (u32, Option<Instant>),
    /// Pages asked for in the place of this build.
    pages: u32,
    /// Processes of this build that not even a page can be shown in the place of.
    given_up: usize,
}

impl Slots {
    /// The state before Apache has started; builds are numbered after `build`.
    pub fn new(plan: Plan, build: u64) -> Self {
        Self {
            plan,
            processes: BTreeMap::new(),
            disk: Reads::new(),
            phase: Phase::Waiting,
            build,
            route_used: false,
            failed: false,
            page: None,
            cause: Cause::default(),
            from: String::new(),
            hot: VecDeque::new(),
            last_change: None,
            burst: 0,
            packages: 0,
            answered: false,
            warmth: Warmth::Unknown,
            slow: false,
            calm: None,
            overdue: false,
            failures: 0,
            rehearsed: None,
            rehearsed_for: Vec::new(),
            spare: None,
            making: false,
            awaited: Vec::new(),
            early: VecDeque::new(),
            ignored: BTreeSet::new(),
            pages: 0,
            given_up: 0,
            deaths: (0, None),
        }
    }

    /// The number of the newest build.
    pub fn build(&self) -> u64 {
        self.build
    }

    /// Whether the newest build serves, and if so, whether it could be loaded.
    pub fn served(&self) -> Option<bool> {
        (self.phase == Phase::Serving).then_some(!self.failed)
    }

    /// Whether something else was last seen at `path` than was read there now.
    pub fn differs(&self, path: &Path, read: &Content) -> bool {
        self.disk.get(path).is_some_and(|seen| seen != read)
    }

    /// Whether a page stands in the place of the newest build.
    pub fn shows_page(&self) -> bool {
        self.page.is_some()
    }

    /// The process behind a connection.
    pub fn process(&self, id: Id) -> Option<&Process> {
        self.processes.get(&id)
    }

    /// The processes of which `is_one` holds.
    fn those(&self, is_one: impl Fn(&Process) -> bool) -> impl Iterator<Item = Id> {
        self.processes.iter().filter(move |(_, process)| is_one(process)).map(|(id, _)| *id)
    }

    /// The processes that answer requests now.
    pub fn serving(&self) -> impl Iterator<Item = Id> {
        self.those(|process| matches!(process.stage, Stage::Serving(_)))
    }

    /// The processes that finish their requests.
    pub fn retiring(&self) -> impl Iterator<Item = Id> {
        self.those(|process| matches!(process.stage, Stage::Retiring(_)))
    }

    /// The processes that stand by, but for the root.
    pub fn standing_by(&self) -> impl Iterator<Item = Id> {
        self.those(|process| matches!(process.stage, Stage::Held(_)))
    }

    /// When the state wants to hear from the clock.
    pub fn deadline(&self) -> Option<Instant> {
        let phase = match self.phase {
            Phase::Settling(until) => Some(until),
            Phase::Building { remind, .. } => remind,
            Phase::Waiting | Phase::Serving => None,
        };
        let retiring = self.processes.values().filter_map(|process| match process.stage {
            Stage::Retiring(until) => Some(until),
            _ => None,
        });
        retiring.chain(phase).chain(self.calm).min()
    }

    /// Sets the files that standbys stop before, the likeliest first.
    pub fn expect_changes_in(&mut self, files: impl IntoIterator<Item = PathBuf>) {
        for file in files {
            if self.hot.len() < HOT && !self.hot.contains(&file) {
                self.hot.push_back(file);
            }
        }
    }

    /// Leaves files out of account that the site itself writes while it loads: they would have it
    /// loaded for ever.
    pub fn ignore(&mut self, files: impl IntoIterator<Item = PathBuf>) {
        self.ignored.extend(files);
    }

    fn is_stale(&self, process: &Process) -> bool {
        process.stale.iter().any(|path| !self.ignored.contains(path))
    }

    fn heat(&mut self, file: &Path) {
        self.hot.retain(|hot| hot != file);
        self.hot.push_front(file.to_owned());
        self.hot.truncate(HOT);
    }

    /// Whether nothing that the process has executed, or was forked with, has changed since.
    pub fn is_valid(&self, id: Id) -> bool {
        let Some(process) = self.processes.get(&id) else { return false };
        if process.packages != self.packages && process.stage != Stage::Root {
            return false;
        }
        !self.is_stale(process) && process.parent.is_none_or(|parent| self.is_valid(parent))
    }

    /// The standby that a build is forked from: the deepest that is valid.
    fn best_standby(&self) -> Option<Id> {
        self.deepest(|_, process| process.is_standby())
    }

    /// The valid process that has loaded most, of those of which `is_one` holds.
    fn deepest(&self, is_one: impl Fn(Id, &Process) -> bool) -> Option<Id> {
        let those = self.processes.iter().filter(|(id, process)| is_one(**id, process) && self.is_valid(**id));
        let rank = |id: Id, process: &Process| (process.modules, process.warm, process.rehearsed, id);
        those.map(|(id, process)| rank(*id, process)).max().map(|(.., id)| id)
    }

    fn root(&self) -> Option<Id> {
        let newest = self.processes.iter().rev().find(|(_, process)| process.stage == Stage::Root);
        newest.map(|(id, _)| *id)
    }
}
