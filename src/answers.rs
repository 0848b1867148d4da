//! What programs have answered before: a start need not ask again what can't have changed.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, SystemTime};

use anyhow::Result;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::files::{self, Stamp};
use crate::process::{self, Finished};

/// The file they are kept in.
const FILE: &str = "answers.json";

/// Variables that differ from terminal to terminal and have no say in a site.
const PASSING: [&str; 14] = [
    "_",
    "COLUMNS",
    "LINES",
    "OLDPWD",
    "PWD",
    "SHLVL",
    "SSH_CLIENT",
    "SSH_CONNECTION",
    "SSH_TTY",
    "TERM_SESSION_ID",
    "TMUX",
    "TMUX_PANE",
    "WINDOWID",
    "XDG_SESSION_ID",
];

/// Asks programs, or recalls what they said.
///
/// An answer is recalled if the command, the environment variables and the files it rests on are what
/// they were. What else a program may have looked at is not known: whoever recalls asks again later.
pub struct Answers {
    before: BTreeMap<String, Answer>,
    /// What was recalled or asked for this time; the rest is forgotten.
    now: RefCell<BTreeMap<String, Answer>>,
    recalled: Cell<bool>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Answer {
    stdout: String,
    files: BTreeMap<PathBuf, Option<Stamp>>,
}

impl Answers {
    /// Asks always.
    pub fn asked() -> Self {
        Self { before: BTreeMap::new(), now: RefCell::default(), recalled: Cell::new(false) }
    }

    /// Recalls what is kept in `folder`, and asks for the rest.
    pub fn kept_in(folder: &Path) -> Self {
        let text = fs::read_to_string(folder.join(FILE)).unwrap_or_default();
        // Of another version, or damaged: everything is asked for.
        let before = serde_json::from_str(&text).unwrap_or_default();
        Self { before, ..Self::asked() }
    }

    /// Runs `command`, or recalls what it said on stdout; `read` makes sense of that and names the files
    /// that it rests on. What `read` rejects is not kept, nor what it names no files for.
    ///
    /// # Errors
    /// As [`process::run`], or what `read` returns.
    pub fn ask<T>(
        &self,
        command: &mut Command,
        limit: Duration,
        read: impl Fn(&Finished) -> Result<(T, Option<Vec<PathBuf>>)>,
    ) -> Result<T> {
        let question = digest(command);
        if let Some(answer) = self.before.get(&question).filter(|answer| answer.holds())
            && let Ok((value, _)) = read(&answer.finished())
        {
            self.recalled.set(true);
            self.now.borrow_mut().insert(question, answer.clone());
            return Ok(value);
        }
        let began = files::now();
        let finished = process::run(command, limit)?;
        let (value, files) = read(&finished)?;
        if let Some(files) = files.filter(|_| finished.status.success()) {
            let stamped = files.into_iter().map(|file| (stamp(&file), file)).map(|(stamp, file)| (file, stamp));
            let answer = Answer { stdout: finished.stdout, files: stamped.collect() };
            // What was saved meanwhile may have been read before.
            if !answer.has_file_since(began) {
                self.now.borrow_mut().insert(question, answer);
            }
        }
        Ok(value)
    }

    /// Whether something was recalled rather than asked for.
    pub fn has_recalled(&self) -> bool {
        self.recalled.get()
    }

    /// Has the next start ask for everything.
    pub fn forget(folder: &Path) {
        let _ = fs::remove_file(folder.join(FILE));
    }

    /// Whether some are kept in `folder`.
    pub fn are_kept_in(folder: &Path) -> bool {
        folder.join(FILE).exists()
    }

    /// Keeps the answers in `folder` for the next start. Without them it only takes longer.
    pub fn save_in(&self, folder: &Path) {
        if let Ok(text) = serde_json::to_string(&*self.now.borrow()) {
            // Variables of the site may be in it: for this user only.
            let _ = files::write_private(&folder.join(FILE), &text);
        }
    }
}

impl Answer {
    /// Whether the files are what they were.
    fn holds(&self) -> bool {
        self.files.iter().all(|(file, before)| stamp(file) == *before)
    }

    /// Whether one of the files was changed after `time`.
    fn has_file_since(&self, time: SystemTime) -> bool {
        self.files.values().flatten().any(|stamp| files::is_later(*stamp, time))
    }

    /// As if the program had just ended.
    fn finished(&self) -> Finished {
        Finished { status: ExitStatus::default(), stdout: self.stdout.clone(), stderr: String::new() }
    }
}

/// A name for the command with all that it is given.
fn digest(command: &Command) -> String {
    let mut digest = Sha256::new();
    let mut add = |part: &[u8]| {
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    };
    add(env!("CARGO_PKG_VERSION").as_bytes());
    add(command.get_program().as_bytes());
    command.get_args().for_each(|argument| add(argument.as_bytes()));
    add(command.get_current_dir().unwrap_or(Path::new("")).as_os_str().as_bytes());
    let given = command.get_envs().map(|(name, value)| (name.to_owned(), value.unwrap_or_default().to_owned()));
    let variables: BTreeMap<OsString, OsString> = std::env::vars_os().chain(given).collect();
    for (name, value) in variables.iter().filter(|(name, _)| !PASSING.iter().any(|passing| name == passing)) {
        add(name.as_bytes());
        add(value.as_bytes());
    }
    format!("{:x}", digest.finalize())
}

/// `None` where nothing is.
fn stamp(file: &Path) -> Option<Stamp> {
    Some(files::stamp(&fs::metadata(file).ok()?))
}
