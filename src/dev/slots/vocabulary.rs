//! What can happen, and what can be done about it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::process::{Id, Reads, Slot};

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A process introduced itself.
    Connected { id: Id, pid: i32, parent: i32, role: Role },
    /// It stopped before a module, with so many loaded, and stands by. `before`: the module's file, if
    /// it is one that changes were expected in.
    Held { id: Id, at: String, before: Option<PathBuf>, modules: usize, reads: Reads },
    /// It has loaded the site and asks for leave to serve; what went wrong, if something did.
    Loaded { id: Id, reads: Reads, failure: Option<Failure> },
    /// It has read more while it serves.
    Read { id: Id, reads: Reads },
    /// What the standby it was forked from has done does not fit what is on the disk now; it has ended.
    Unfit(Id),
    /// A rehearsal reached its end; whether the site could be loaded.
    Rehearsed { id: Id, failed: bool },
    /// The list of packages to import ahead is there.
    Listed,
    /// A process that was forked for `role` ended; how, in words. This may be heard before it has
    /// introduced itself.
    Exited { pid: i32, how: String, role: Role },
    /// A connection ended.
    Gone(Id),
    /// These are the contents of the disk after a save. `forced`: whoever read it.
    Changed { contents: Reads, forced: bool },
    /// These are the contents of the disk now, looked at because a process has read them.
    Seen(Reads),
    /// Everything must be loaded anew because of this, in words: installed packages, variables.
    EverythingChanged(String),
    /// The site has answered its first request.
    Answered,
    /// A deadline has passed.
    Deadline,
}

/// What a process was forked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// mod_wsgi's own process.
    Root,
    /// Import packages and stand by.
    Warm,
    /// Load the site and leave standbys behind.
    Rehearse,
    /// Load the site and serve.
    Load(Slot),
}

/// Why the site could not be loaded.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct Failure {
    /// The error in a line.
    pub title: String,
    /// The file of the site it comes from; empty if none is known.
    pub file: String,
    /// The line in it.
    pub line: u32,
    /// The whole traceback.
    pub detail: String,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// New requests wait at a new listener from now on.
    NewRoute,
    /// Fork `from` for `job`.
    Fork { from: Id, job: Job },
    /// Have a standby fork ahead of the next load.
    Spare(Id),
    /// Have it do without.
    NoSpare(Id),
    /// Let it serve.
    Go(Id),
    /// Let it finish its requests and end.
    Retire(Id),
    /// Let go of a standby.
    End(Id),
    /// Kill it: it serves nobody.
    Kill(Id),
    /// Ask a serving process for the list of packages.
    AskModules(Id),
    /// Tell the user that a build serves.
    Reloaded(Report),
    /// Tell the user that the load takes long, and have this process say where it is.
    Hanging(Id, Duration),
    /// Tell the user that a process died.
    Died(String),
    /// Not even a page can be shown in the place of the site: nothing is done until the next save.
    GaveUp(String),
    /// Tell the user that packages are not imported ahead.
    NoWarmUp,
}

/// What a process is forked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// Import packages and stand by.
    Warm,
    /// Leave standbys behind.
    Rehearse { stops: Vec<PathBuf> },
    /// Serve. `renew`: look at the installed packages again; `stops`: where standbys are left behind.
    Load { slot: Slot, stops: Option<Vec<PathBuf>>, renew: bool },
    /// Answer every request with this failure.
    Page { slot: Slot, title: String, detail: String },
}

/// A build that serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its number.
    pub build: u64,
    /// What led to it.
    pub cause: Cause,
    /// From the first change to now; `None` for the first build.
    pub took: Option<Duration>,
    /// The standby it was forked from, in words.
    pub from: String,
    /// Why the site could not be loaded.
    pub failure: Option<Failure>,
}

/// What led to a build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// When the first change was noticed.
    pub since: Option<Instant>,
    /// What changed.
    pub files: BTreeSet<PathBuf>,
    /// What else changed, in words, if everything must be loaded anew.
    pub everything: Option<String>,
}
