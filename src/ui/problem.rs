//! The typed failure: what failed, the exit status it leads to, and the way out.

use std::fmt;

/// Exit statuses of every command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Findings, out of date, or a failure without a class of its own.
    Findings = 1,
    /// The command line, or a value in it, is wrong.
    Usage = 2,
    /// The machine or the site lacks something.
    Environment = 3,
    /// Refused to overwrite what a human wrote.
    Refused = 4,
    /// Interrupted before the work was done.
    Interrupted = 130,
}

/// A failure that a user can understand: one sentence, an optional block of evidence, and a hint.
#[derive(Debug)]
pub struct Problem {
    /// The exit status of the process.
    pub exit: Exit,
    /// One sentence, without a full stop.
    pub message: String,
    /// Evidence to show below the message: a traceback, a diff, a list.
    pub detail: Option<String>,
    /// What to do, preferably one command.
    pub hint: Option<String>,
}

impl Problem {
    fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), detail: None, hint: None }
    }

    /// A failure found by looking: exit status 1.
    pub fn findings(message: impl Into<String>) -> Self {
        Self::new(Exit::Findings, message)
    }

    /// A wrong command line or value: exit status 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Something is missing on the machine or in the site: exit status 3.
    pub fn environment(message: impl Into<String>) -> Self {
        Self::new(Exit::Environment, message)
    }

    /// A human's file stands in the way: exit status 4.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Exit::Refused, message)
    }

    /// The answer to a question was no: exit status 130.
    pub fn declined() -> Self {
        Self::new(Exit::Interrupted, "nothing has been changed")
    }

    /// Ctrl-C or TERM before the work was done: exit status 130.
    pub fn interrupted() -> Self {
        Self::new(Exit::Interrupted, "interrupted")
    }

    /// Adds the way out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds evidence below the message.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}
