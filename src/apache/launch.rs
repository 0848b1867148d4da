//! Starting a server that ends with us, however we end.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::process;
use crate::ui::problem::Problem;

/// A command that becomes `binary` and dies with this process.
#[cfg(target_os = "linux")]
pub fn command(binary: &Path) -> Command {
    // By this link, not by path: the binary may lie where the user we became can't go.
    let mut command = Command::new("/proc/self/exe");
    command.arg("exec-server").arg("--parent").arg(std::process::id().to_string()).arg("--").arg(binary);
    command
}

/// A command that becomes `binary`.
#[cfg(not(target_os = "linux"))]
pub fn command(binary: &Path) -> Command {
    Command::new(binary)
}

/// Runs the program in `argv` as the first process of a space of its own, and waits for its end. All that is started
/// there ends with it, and with this process, which ends with the process `parent`.
///
/// # Errors
/// When the system allows no such space, the program can't be started, or fails.
#[cfg(target_os = "linux")]
pub fn run_enclosed(parent: i32, argv: &[OsString]) -> Result<()> {
    use nix::sched::{CloneFlags, unshare};

    die_with(parent, Signal::SIGKILL)?;
    // System V semaphores and shared memory go with it, too.
    unshare(CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWIPC)
        .map_err(|error| Problem::environment(format!("cannot make a space of its own for processes: {error}")))?;
    let mut command = Command::new("/proc/self/exe");
    command.args(["exec-server", "--at-once", "--parent"]).arg(std::process::id().to_string()).arg("--").args(argv);
    let status = command.status().map_err(|error| process::cannot_start("djwsgi".as_ref(), error))?;
    if status.success() {
        return Ok(());
    }
    let program = argv.first().map(|program| Path::new(program).display().to_string()).unwrap_or_default();
    Err(Problem::environment(format!("{program} has ended ({})", process::describe(status))).into())
}

/// Has this process get `signal` when the process `parent` dies.
#[cfg(target_os = "linux")]
fn die_with(parent: i32, signal: Signal) -> Result<()> {
    nix::sys::prctl::set_pdeathsig(signal)?;
    // As /proc has it: to the first process in a space of its own its parent has no number.
    let is_there = nix::unistd::getppid() == Pid::from_raw(parent)
        || process::parent(std::process::id()).is_some_and(|found| i64::from(found) == i64::from(parent));
    if is_there { Ok(()) } else { Err(Problem::interrupted().into()) }
}

/// Where djwsgi itself is, for another process of it.
///
/// # Errors
/// When the system does not tell.
pub fn itself() -> Result<PathBuf> {
    // As above: whoever became the site's owner may not reach the binary by its path.
    Ok(if cfg!(target_os = "linux") { "/proc/self/exe".into() } else { std::env::current_exe()? })
}

/// Becomes the program in `argv`, which gets `signal` when the process `parent` dies, however it dies.
///
/// # Errors
/// Always, if it returns: the program can't be started, or the parent is gone already.
pub fn exec(parent: i32, signal: Signal, argv: &[OsString]) -> Result<()> {
    #[cfg(target_os = "linux")]
    die_with(parent, signal)?;
    let _ = (parent, signal);
    let Some((program, arguments)) = argv.split_first() else { return Ok(()) };
    let error = Command::new(program).args(arguments).exec();
    Err(process::cannot_start(program, error))
}
