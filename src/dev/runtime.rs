//! Where a running `djwsgi dev` keeps its state: `.djwsgi/` in the site, and a short private
//! folder for the sockets, whose paths the kernel limits to 107 bytes.

use std::fs::{self, File, Permissions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::files;
use crate::scaffold::script;
use crate::ui::problem::Problem;

/// The state folder in a site.
const STATE: &str = ".djwsgi";

/// Held by a `dev` that serves the site.
const LOCK: &str = "dev.lock";

/// A socket's name is at most this long: `wsgi.<pid>.<generation>.<number>.sock`.
const SOCKET_NAME: usize = 40;
/// `sun_path`, without the final NUL.
const SOCKET_PATH: usize = 107;

/// The folders of one running `dev`, held by a lock; removed from use when dropped.
pub struct Runtime {
    /// Apache's ServerRoot: config and state.
    pub state: PathBuf,
    /// Sockets and the pid file; private to the user.
    pub run: PathBuf,
    /// A WSGI script to serve in place of the site's own.
    script: Option<PathBuf>,
    locks: Mutex<Vec<File>>,
}

/// What another djwsgi may know of a running `dev`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Running {
    /// The supervisor's process.
    pub pid: u32,
    /// Where the site answers; empty until it does.
    pub url: String,
    /// The socket for `djwsgi wait`; none where code is not reloaded in the way it asks about.
    #[serde(default)]
    pub control: Option<PathBuf>,
}

/// The result of claiming a site.
pub enum Claim {
    /// It is ours now.
    Ours(Runtime),
    /// Another `dev` serves it.
    Taken(Option<Running>),
}

impl Runtime {
    /// Claims the site at `root` for this process.
    ///
    /// # Errors
    /// When no folder for the state can be created.
    pub fn claim(root: &Path) -> Result<Claim> {
        let name = run_name(root);
        let state = state_folder(root)?;
        let Some(lock) = take(&state)? else { return Ok(Claim::Taken(running(&state))) };
        // The state may have been removed, and its lock with it, while the site is served.
        let Some((run, run_lock)) = run_folder(&name)? else { return Ok(Claim::Taken(running(&state))) };
        let runtime = Self { state, run, script: None, locks: Mutex::new(vec![lock, run_lock]) };
        runtime.announce("")?;
        Ok(Claim::Ours(runtime))
    }

    /// Folders of this process's own below `folder`, which serves the script at `script`: whoever else serves
    /// the site is not concerned.
    ///
    /// # Errors
    /// When they can't be made.
    pub fn private(folder: &Path, script: &Path) -> Result<Self> {
        let (state, run) = (folder.join("state"), folder.join("run"));
        prepare_state(&state).map_err(|error| files::unwritable(&state, error))?;
        private_folder(&run).map_err(|error| files::unwritable(&run, error))?;
        Ok(Self { state, run, script: Some(script.to_owned()), locks: Mutex::default() })
    }

    /// The WSGI script of the site at `root` that is served.
    pub fn script(&self, root: &Path) -> PathBuf {
        self.script.clone().unwrap_or_else(|| script::path(root))
    }

    /// Makes the state folder anew if it has been removed, and says whether there is no config any more:
    /// somebody else may have made the folder since.
    pub fn restore(&self) -> bool {
        // Without its parent the whole site has gone.
        let lost = !self.conf().exists() && self.state.parent().is_some_and(Path::exists);
        if lost
            && prepare_state(&self.state).is_ok()
            && let (Ok(Some(lock)), Ok(mut locks)) = (take(&self.state), self.locks.lock())
        {
            locks.push(lock);
        }
        lost
    }

    /// Removes the pid file of an Apache that has ended: a new one that finds the number in use by
    /// any process would not start.
    pub fn forget_pid(&self) {
        let _ = fs::remove_file(self.pid_file());
    }

    /// Apache's pid file.
    pub fn pid_file(&self) -> PathBuf {
        pid_file(&self.run)
    }

    /// The socket on which djwsgi hears from the processes of the harness.
    pub fn control_socket(&self) -> PathBuf {
        self.run.join("control")
    }

    /// Where files are made to mark a point in time: watched, and nothing else happens there.
    pub fn marks(&self) -> PathBuf {
        self.run.join("marks")
    }

    /// Holds the number of the build that serves, for what Apache answers itself.
    pub fn build_file(&self) -> PathBuf {
        build_file(&self.run)
    }

    /// Apache's config.
    pub fn conf(&self) -> PathBuf {
        self.state.join("httpd.conf")
    }

    /// Tells other processes where the site answers.
    ///
    /// # Errors
    /// When the state can't be written.
    pub fn announce(&self, url: &str) -> Result<()> {
        let control = Some(self.control_socket()).filter(|socket| socket.exists());
        let running = Running { pid: std::process::id(), url: url.to_owned(), control };
        let text = serde_json::to_string(&running).context("cannot write the state")?;
        files::write_private(&self.state.join("dev.json"), &text)
    }
}

/// Apache's pid file in the folder `run`.
pub fn pid_file(run: &Path) -> PathBuf {
    run.join("httpd.pid")
}

/// The number of the build that serves, in the folder `run`.
pub fn build_file(run: &Path) -> PathBuf {
    run.join("build")
}

impl Drop for Runtime {
    fn drop(&mut self) {
        // Apache has ended: what it left in the private folder is of no use to anybody.
        let _ = fs::remove_file(self.state.join("dev.json"));
        let _ = fs::remove_dir_all(&self.run);
    }
}

/// What is known of the `dev` that serves the site at `root`, if one does.
pub fn find(root: &Path) -> Option<Running> {
    let running = state_candidates(root, &run_name(root)).iter().find_map(|state| running(state))?;
    // One that was killed leaves its traces.
    let alive = nix::sys::signal::kill(nix::unistd::Pid::from_raw(running.pid.cast_signed()), None);
    (alive != Err(nix::errno::Errno::ESRCH)).then_some(running)
}

fn running(state: &Path) -> Option<Running> {
    let text = fs::read_to_string(state.join("dev.json")).ok()?;
    serde_json::from_str(&text).ok()
}

fn state_candidates(root: &Path, name: &str) -> Vec<PathBuf> {
    let base = std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".local/state")));
    let elsewhere = base.map(|base| base.join(name));
    let temporary = std::env::temp_dir().join(format!("{name}-state"));
    [root.join(STATE)].into_iter().chain(elsewhere).chain([temporary]).collect()
}

/// Where `djwsgi dev` keeps what it knows of the site at `root`: `.djwsgi/` in the site, or a folder elsewhere if
/// the site can't be written to.
///
/// # Errors
/// When no folder for that can be created.
pub fn state_folder(root: &Path) -> Result<PathBuf> {
    let mut first_error = None;
    for folder in state_candidates(root, &run_name(root)) {
        match prepare_state(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) => {
                first_error.get_or_insert((folder, error));
            }
        }
    }
    let (folder, error) = first_error.unwrap_or_else(|| (root.join(STATE), std::io::ErrorKind::NotFound.into()));
    Err(files::unwritable(&folder, error))
}

fn prepare_state(folder: &Path) -> std::io::Result<()> {
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent)?;
    }
    private_folder(folder)?;
    let ignore = folder.join(".gitignore");
    if !ignore.exists() {
        fs::write(ignore, "*\n")?;
    }
    // Proves that the folder itself can be written to.
    tempfile::tempfile_in(folder).map(drop)
}

/// The name of a site's folders outside of it: short, and different for each user and site.
fn run_name(root: &Path) -> String {
    let digest = Sha256::digest(root.as_os_str().as_encoded_bytes());
    let short: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("djwsgi-{}-{short}", nix::unistd::geteuid())
}

/// Where a `dev` of the site at `root` has its state and its sockets if nothing stands in the way. Nothing is made.
pub fn usual_folders(root: &Path) -> (PathBuf, PathBuf) {
    let base = run_bases().next().unwrap_or_else(std::env::temp_dir);
    (root.join(STATE), base.join(run_name(root)))
}

/// Folders for that of the sockets, the best first.
fn run_bases() -> impl Iterator<Item = PathBuf> {
    let own = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    own.into_iter().chain([std::env::temp_dir(), PathBuf::from("/tmp")])
}

/// The lock in `folder`, which ends with the process; `None` if another one has it.
fn take(folder: &Path) -> Result<Option<File>> {
    let path = folder.join(LOCK);
    let lock = files::open_lock(&path)?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
    }
}

/// A new, empty folder that only this user can enter, and its lock; `None` if another `dev` has it.
fn run_folder(name: &str) -> Result<Option<(PathBuf, File)>> {
    let mut last_error = None;
    for base in run_bases() {
        let folder = base.join(name);
        if folder.as_os_str().len() + 1 + SOCKET_NAME > SOCKET_PATH {
            continue;
        }
        // What a killed one left in it, a pid file above all, must not be believed.
        match private_folder(&folder) {
            Ok(()) => {
                let Some(lock) = take(&folder)? else { return Ok(None) };
                empty(&folder);
                return Ok(Some((folder, lock)));
            }
            Err(error) => last_error = Some((folder, error)),
        }
    }
    Err(match last_error {
        Some((folder, error)) => files::unwritable(&folder, error),
        None => Problem::environment("no folder with a short path for the sockets")
            .hint("set TMPDIR to one, for example /tmp")
            .into(),
    })
}

/// Removes what is in `folder`, but for its lock.
fn empty(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten().filter(|entry| entry.file_name() != LOCK) {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let _ = if is_folder { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) };
    }
}

/// Creates `folder` with mode 0700; one that is there must be this user's, and becomes so.
fn private_folder(folder: &Path) -> std::io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
        Ok(()) | Err(_) => {}
    }
    // Somebody else's folder of that name in a shared /tmp must not be used, nor a link.
    let meta = fs::symlink_metadata(folder)?;
    if !meta.is_dir() {
        return Err(std::io::ErrorKind::NotADirectory.into());
    }
    if meta.uid() != nix::unistd::geteuid().as_raw() {
        return Err(std::io::ErrorKind::PermissionDenied.into());
    }
    fs::set_permissions(folder, Permissions::from_mode(0o700))
}
