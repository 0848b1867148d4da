//! A server that is a program of its own.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::LIMIT;
use crate::files;
use crate::identity;
use crate::interrupt;
use crate::parity::battery::workshop::Workshop;
use crate::process;
use crate::ui::problem::Problem;

/// How often it is looked whether it is ready.
const LOOK: Duration = Duration::from_millis(10);

/// How long it may take to end: the server of development waits for its requests.
const GRACE: Duration = Duration::from_secs(8);

/// Lines of what it has said that are shown.
const LAST_WORDS: usize = 20;

/// A started program; it ends when this is dropped.
pub struct Program {
    name: &'static str,
    child: Child,
    errors: PathBuf,
}

impl Program {
    /// Starts `command`, with its output in files of the workshop.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start(name: &'static str, mut command: Command, workshop: &Workshop) -> Result<Self> {
        let program = command.get_program().to_owned();
        command
            .envs(identity::environment())
            .stdin(Stdio::null())
            .stdout(workshop.log(name, "out")?)
            .stderr(workshop.log(name, "err")?)
            .process_group(0);
        let child = command.spawn().map_err(|error| process::cannot_start(&program, error))?;
        Ok(Self { name, child, errors: workshop.path("log").join(name).join("err") })
    }

    /// Waits until the file at `path` has something that `read` makes sense of.
    ///
    /// # Errors
    /// When the program ends, or takes too long.
    pub fn wait_for<T>(&mut self, path: &Path, read: impl Fn(&str) -> Option<T>) -> Result<T> {
        let started = Instant::now();
        loop {
            if let Some(found) = files::read_if_exists(path)?.as_deref().and_then(&read) {
                return Ok(found);
            }
            if let Some(status) = self.child.try_wait().with_context(|| format!("cannot wait for {}", self.name))? {
                return Err(self.complaint(format!("{} ended ({})", self.name, process::describe(status))).into());
            }
            if interrupt::requested() {
                return Err(Problem::interrupted().into());
            }
            if started.elapsed() > LIMIT {
                let what = format!("{} did not serve the site within {} s", self.name, LIMIT.as_secs());
                return Err(self.complaint(what).into());
            }
            std::thread::sleep(LOOK);
        }
    }

    /// With its last words, if there are any.
    fn complaint(&self, what: String) -> Problem {
        let problem = Problem::findings(what);
        match process::last_lines(&super::output(&self.errors), LAST_WORDS) {
            said if said.is_empty() => problem,
            said => problem.detail(said),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        process::end_group(&mut self.child, GRACE);
    }
}
