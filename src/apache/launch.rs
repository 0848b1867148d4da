//! Starting a server that ends with us, however we end.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::process;

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

/// Where djwsgi itself is, for another process of it.
///
/// # Errors
/// When the system does not tell.
pub fn itself() -> Result<PathBuf> {
    // As above: whoever became the site's owner may not reach the binary by its path.
    Ok(if cfg!(target_os = "linux") { "/proc/self/exe".into() } else { std::env::current_exe()? })
}

/// Becomes the program in `argv`, which gets TERM when the process `parent` dies, however it dies.
///
/// # Errors
/// Always, if it returns: the program can't be started, or the parent is gone already.
pub fn exec(parent: i32, argv: &[OsString]) -> Result<()> {
    #[cfg(target_os = "linux")]
    {
        nix::sys::prctl::set_pdeathsig(Signal::SIGTERM)?;
        if nix::unistd::getppid() != Pid::from_raw(parent) {
            return Err(crate::ui::problem::Problem::interrupted().into());
        }
    }
    let _ = parent;
    let Some((program, arguments)) = argv.split_first() else { return Ok(()) };
    let error = Command::new(program).args(arguments).exec();
    Err(process::cannot_start(program, error))
}
