//! A line of the proof.

use anyhow::Result;
use serde::Serialize;

/// What a production config promises.
#[derive(Clone, Copy, Debug)]
pub struct Promise {
    /// A word for it.
    name: &'static str,
    /// What is promised.
    text: &'static str,
}

pub const ANSWERS: Promise = Promise { name: "answers", text: "the site answers" };
pub const DAEMONS: Promise =
    Promise { name: "daemons", text: "the site runs in daemon processes of its own, in the main interpreter" };
pub const DEVELOPMENT: Promise = Promise { name: "development", text: "no monitor, no DEBUG" };
pub const NAMES: Promise = Promise { name: "names", text: "the site answers to its own names only" };
pub const REDIRECT: Promise = Promise { name: "redirect", text: "HTTP leads to HTTPS, at the site's own name" };
pub const HEADERS: Promise = Promise { name: "headers", text: "every answer has each security header, once" };
pub const FORBIDDEN: Promise =
    Promise { name: "forbidden", text: "hidden files, code, backups and folders are not served" };
pub const STATIC_FILES: Promise =
    Promise { name: "static files", text: "Apache serves static files itself, and says how long they are good" };
pub const UPLOADS: Promise = Promise { name: "uploads", text: "an upload is data, whatever it contains" };
pub const LIMITS: Promise = Promise { name: "limits", text: "what is too large or can be read in two ways is refused" };
pub const SPOOFING: Promise =
    Promise { name: "spoofing", text: "headers of balancers from strangers are not believed" };
pub const HALF_BODIES: Promise =
    Promise { name: "half bodies", text: "clients that stop in the middle of a body leave the site alone" };
pub const LOGS: Promise = Promise { name: "logs", text: "every request is logged, no query string and no Referer" };
pub const EDITS: Promise =
    Promise { name: "edits", text: "edits of code and script change nothing until the processes are told" };
pub const SECRETS: Promise = Promise { name: "secrets", text: "no variable's value stands in config or script" };

/// A promise, and whether it was kept.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// A word for it.
    pub name: &'static str,
    /// What is promised.
    pub promise: &'static str,
    /// How many times it was tried; 0 where it does not apply here.
    pub tried: usize,
    /// Whether it was kept; `None` where it could not be tried.
    pub kept: Option<bool>,
    /// Where it was not kept, or why it was not tried.
    pub seen: Vec<String>,
}

impl Row {
    /// A promise that was tried, with what was found against it.
    pub fn of(promise: Promise, tried: usize, faults: Vec<String>) -> Self {
        let Promise { name, text } = promise;
        Self { name, promise: text, tried, kept: Some(faults.is_empty()), seen: faults }
    }

    /// A promise that can't be tried here.
    pub fn not_tried(promise: Promise, reason: impl Into<String>) -> Self {
        let Promise { name, text } = promise;
        Self { name, promise: text, tried: 0, kept: None, seen: vec![reason.into()] }
    }

    /// The row of a promise whose trial failed: it is broken.
    pub fn or_broken(promise: Promise, row: Result<Self>) -> Self {
        row.unwrap_or_else(|error| Self::of(promise, 1, vec![format!("{error:#}")]))
    }
}
