//! What djwsgi and the harness say to each other: a JSON object a line.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::dev::slots::{self, Failure, Reads, Slot};

/// Variables to set, or to remove.
pub type Variables = BTreeMap<String, Option<String>>;

/// What a process says. The same in harness/djwsgi_harness.
#[derive(Debug, Deserialize)]
#[serde(tag = "said", rename_all = "lowercase")]
pub enum Said {
    /// It is there.
    Hello {
        pid: i32,
        parent: i32,
        role: Role,
        build: u64,
        index: u16,
        /// The number of the start of Apache that its root belongs to.
        start: u32,
        /// Where mod_wsgi looks for its socket; from the root.
        place: Option<PathBuf>,
    },
    /// It stands by before a module, with so many modules loaded; the module's file if it was named to
    /// stop before.
    Held { at: String, before: Option<PathBuf>, modules: usize, reads: Reads, wrote: Vec<PathBuf> },
    /// It has loaded the site, or failed to, in so many milliseconds.
    Loaded {
        failed: Option<Failure>,
        /// Why it could not stand by on its way.
        obstacle: Option<String>,
        reads: Reads,
        wrote: Vec<PathBuf>,
        folders: Folders,
        took: f64,
    },
    /// Where it has its templates and translations, if it had no time to say so at once.
    Folders { folders: Folders },
    /// What it has read so far of what it will tell of.
    Noted { reads: Reads },
    /// It has read more while it serves.
    Read { reads: Reads },
    /// What was done before the fork does not fit what is on the disk now: another has to load it.
    Unfit,
    /// It has left its standbys behind.
    Rehearsed { failed: Option<Failure>, obstacle: Option<String>, reads: Reads, wrote: Vec<PathBuf> },
    /// The packages that are loaded, and their folders.
    Modules { names: Vec<String>, folders: Vec<PathBuf> },
    /// A process forked from it for this ended, with this status, or minus the signal.
    Exited { pid: i32, status: i32, role: Role, build: u64, index: u16 },
    /// It serves, and something was saved that it may have read: what does it mean? Its questions are numbered.
    Check { number: u64 },
    /// `djwsgi wait` wants to know when what is served is what is on the disk.
    Wait,
}

/// Where the site has what is read while it serves.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Folders {
    /// Templates.
    pub templates: Vec<PathBuf>,
    /// Translations.
    pub translations: Vec<PathBuf>,
}

/// What a process was forked for.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Root,
    Warm,
    Rehearse,
    Load,
    /// As `Load`, after another look at the installed packages.
    Renew,
    Error,
}

impl Role {
    /// The role in the terms of the slots.
    pub fn of(self, build: u64, index: u16) -> slots::Role {
        match self {
            Self::Root => slots::Role::Root,
            Self::Warm => slots::Role::Warm,
            Self::Rehearse => slots::Role::Rehearse,
            Self::Load | Self::Renew | Self::Error => slots::Role::Load(Slot { build, index }),
        }
    }
}

/// What a process is told.
#[derive(Debug, Serialize)]
#[serde(tag = "do", rename_all = "lowercase")]
pub enum Order<'a> {
    /// Fork; the rest is for the forked process.
    Fork {
        role: Role,
        build: u64,
        index: u16,
        #[serde(skip_serializing_if = "Option::is_none")]
        stops: Option<&'a [PathBuf]>,
        /// A descriptor comes with the message.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        listener: bool,
        environment: &'a Variables,
        title: &'a str,
        detail: &'a str,
    },
    /// Have a fork ready for the next load, or none any more.
    Spare { wanted: bool },
    /// Serve.
    Go {
        /// A descriptor comes with the message: the kernel's notices of what is saved from now on.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        saves: bool,
        /// The folders by the number that the notices give them, where only what was read matters.
        folders: &'a BTreeMap<i32, Vec<PathBuf>>,
    },
    /// Everything that was saved before the question of this number is known; with 0: before it was told
    /// to serve.
    Checked { number: u64 },
    /// Take no requests any more: they wait elsewhere for newer code.
    Leave,
    /// Finish within so many seconds and end.
    Retire { grace: f64 },
    /// Stand by no longer.
    End,
    /// Read all templates anew.
    Templates,
    /// Read all translations anew, because of this file.
    Translations { path: &'a std::path::Path },
    /// Say which packages are loaded.
    Modules,
}

/// The answer to `djwsgi wait`.
#[derive(Debug, Deserialize, Serialize)]
pub struct Served {
    /// The build that serves.
    pub build: u64,
    /// Whether the site could be loaded.
    pub loaded: bool,
}
