//! The gate of a site: while it is shut, requests wait in Apache's workers for the config that is being activated.
//!
//! It is a pipe with a name. The config has Apache open it for reading, which the system lets wait until somebody
//! opens it for writing. It is kept by a process of its own, which opens it when the one that shut it has ended,
//! however it ended.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::files;
use crate::process;
use crate::ui::problem::Problem;

/// Nobody waits longer.
const LONGEST: Duration = Duration::from_secs(120);

/// Whoever has found the gate shut in this moment opens the pipe a little later.
const LATECOMERS: Duration = Duration::from_millis(200);

/// How long it stays shut after the process that shut it was killed: Apache may be in the middle of its reload.
const KILLED: Duration = Duration::from_secs(3);

/// What the keeper is told to open it.
const OPEN: &[u8] = b"open";

/// How long the keeper may take to shut the gate.
const LIMIT: Duration = Duration::from_secs(5);

/// A gate that is shut; it opens when this is dropped.
pub struct Gate {
    path: PathBuf,
    keeper: Child,
}

impl Gate {
    /// Shuts the gate at `path`.
    ///
    /// # Errors
    /// When it can't be made there.
    pub fn shut(path: &Path) -> Result<Self> {
        // By this link: the binary may have been replaced meanwhile.
        let mut command = Command::new("/proc/self/exe");
        command.arg("exec-gate").arg(path);
        // Ctrl-C is meant for the process that shuts it.
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let keeper = command.spawn().map_err(|error| process::cannot_start("djwsgi".as_ref(), error))?;
        let mut gate = Self { path: path.to_owned(), keeper };
        let started = Instant::now();
        while !is_shut(path) {
            let ended = gate.keeper.try_wait().context("cannot wait for the gate's keeper")?.is_some();
            if ended || started.elapsed() > LIMIT {
                return Err(Problem::environment(format!("cannot make {}", path.display())).into());
            }
            thread::sleep(Duration::from_millis(2));
        }
        Ok(gate)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        if let Some(mut stdin) = self.keeper.stdin.take() {
            let _ = stdin.write_all(OPEN);
        }
        let _ = self.keeper.wait();
        // Should the keeper have been killed.
        open(&self.path);
    }
}

fn is_shut(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_fifo())
}

/// The keeper: shuts the gate at `path` until it is told to open it. Before it does so because the process that would
/// have told it was killed, it does what is `left` to do.
///
/// # Errors
/// When it can't be made.
pub fn keep(path: &Path, left: impl FnOnce() -> Result<()>) -> Result<()> {
    let next = path.with_extension("next");
    let _ = fs::remove_file(&next);
    // What the umask leaves is not enough: Apache's workers are another user's.
    mkfifo(&next, Mode::S_IRUSR | Mode::S_IWUSR)
        .map_err(std::io::Error::from)
        .and_then(|()| fs::set_permissions(&next, PermissionsExt::from_mode(0o644)))
        .and_then(|()| fs::rename(&next, path))
        .map_err(|error| files::unwritable(path, error))?;
    let (sender, ended) = mpsc::channel();
    thread::spawn(move || {
        let mut said = Vec::new();
        let _ = std::io::stdin().read_to_end(&mut said);
        let _ = sender.send(said);
    });
    let said = ended.recv_timeout(LONGEST).unwrap_or_default();
    let result = if said == OPEN { Ok(()) } else { left() };
    if said != OPEN {
        thread::sleep(KILLED);
    }
    open(path);
    result
}

/// Waits until the keeper of one who was killed has opened the gate at `path`; should it have been killed too, opens it.
pub fn open_left(path: &Path) {
    let started = Instant::now();
    while is_shut(path) && started.elapsed() < KILLED * 2 {
        thread::sleep(Duration::from_millis(20));
    }
    open(path);
}

/// Opens the gate at `path`, whoever shut it: all who wait go on.
fn open(path: &Path) {
    let away = path.with_extension("open");
    // One may be left there by a keeper that was killed in between.
    let _ = fs::rename(path, &away);
    if !is_shut(&away) {
        return;
    }
    // For both, so that it does not wait for a reader.
    let pipe = File::options().read(true).write(true).open(&away);
    if pipe.is_ok() {
        thread::sleep(LATECOMERS);
    }
    let _ = fs::remove_file(&away);
}
