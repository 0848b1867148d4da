//! A process that does nothing but remove the folder of a run whose own process was killed.

use std::fs;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::workshop::PREFIX;
use crate::apache::launch;
use crate::files;
use crate::process;

/// How long the servers, which are ended at the same time, may take to leave it alone.
const LEFT: Duration = Duration::from_secs(10);

/// How often it is tried.
const PAUSE: Duration = Duration::from_millis(50);

/// The process; it ends when this is dropped.
pub struct Janitor(Child);

impl Janitor {
    /// Starts it for `folder`. It learns of our end, however we end, from the pipe between us.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn of(folder: &Path) -> Result<Self> {
        let program = launch::itself()?;
        let mut command = Command::new(&program);
        command.arg("clean-up").arg("--folder").arg(folder);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // Ctrl-C is not meant for it.
        command.process_group(0);
        Ok(Self(command.spawn().map_err(|error| process::cannot_start(program.as_os_str(), error))?))
    }
}

impl Drop for Janitor {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Waits for the end of whoever has started this process, and removes `folder` if it is still there.
pub fn clean_up(folder: &Path) {
    // Nothing is ever sent.
    let _ = io::stdin().lock().read_to_end(&mut Vec::new());
    let started = Instant::now();
    while files::name(folder).starts_with(PREFIX) && folder.exists() && started.elapsed() < LEFT {
        if fs::remove_dir_all(folder).is_err() {
            std::thread::sleep(PAUSE);
        }
    }
}
