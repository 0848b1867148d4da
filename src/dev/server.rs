//! The private Apache as a process: its own process group, its output, its end.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::Sender;
use std::thread;

use anyhow::Result;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use super::event::Event;
use super::output;
use crate::identity;
use crate::process;

/// A started Apache.
#[derive(Clone, Copy)]
pub struct Server {
    /// The parent process, and the number of its process group.
    pid: Pid,
}

impl Server {
    /// Starts `binary` with `conf` in the foreground, in a process group of its own: what the
    /// terminal sends (Ctrl-C, and WINCH, which Apache takes for "stop") does not reach it.
    /// Must be called from the main thread: the kernel ties the server to that.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start(
        binary: &Path,
        conf: &Path,
        environment: &[(String, OsString)],
        number: u32,
        queue: &Sender<Event>,
    ) -> Result<Self> {
        let mut command = launcher(binary);
        command
            .arg("-f")
            .arg(conf)
            .arg("-DFOREGROUND")
            .envs(identity::environment())
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut child = command.spawn().map_err(|error| process::cannot_start(binary.as_os_str(), error))?;
        let server = Self { pid: Pid::from_raw(child.id().cast_signed()) };
        let readers = [
            child.stdout.take().map(|pipe| read_lines(pipe, queue.clone(), access_event)),
            child.stderr.take().map(|pipe| read_lines(pipe, queue.clone(), error_event)),
        ];
        let queue = queue.clone();
        thread::spawn(move || {
            let status = child.wait();
            // Its last words come before the news of its end, if they come soon: workers that
            // outlive it, or what the site started, may hold the pipes open.
            for reader in readers.iter().flatten() {
                process::finish_reading(reader);
            }
            let how = status.map_or_else(|error| error.to_string(), process::describe);
            let _ = queue.send(Event::Exited(number, how));
        });
        Ok(server)
    }

    /// SIGWINCH to the parent: running requests finish, then it ends.
    pub fn stop_gracefully(self) {
        // "No such process" is what is wanted.
        let _ = kill(self.pid, Signal::SIGWINCH);
    }

    /// TERM to every process of the group.
    pub fn terminate(self) {
        let _ = killpg(self.pid, Signal::SIGTERM);
    }

    /// KILL to every process of the group; workers outlive a killed parent.
    pub fn kill(self) {
        let _ = killpg(self.pid, Signal::SIGKILL);
    }
}

fn read_lines(
    pipe: impl Read + Send + 'static,
    queue: Sender<Event>,
    event: fn(&str) -> Option<Event>,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(std::io::Result::ok) {
            if let Some(event) = event(String::from_utf8_lossy(&line).trim_end_matches('\r'))
                && queue.send(event).is_err()
            {
                return;
            }
        }
    })
}

fn access_event(line: &str) -> Option<Event> {
    output::access_line(line).map(|(line, status)| Event::Request(line, status))
}

fn error_event(line: &str) -> Option<Event> {
    // The loader's remark about the Apache that mod_wsgi-standalone compiles, without meaning.
    if line.contains("no version information available") {
        return None;
    }
    Some(Event::Wrote(output::error_line(line)))
}

/// A command that becomes `binary` and dies with this process.
#[cfg(target_os = "linux")]
fn launcher(binary: &Path) -> Command {
    // By this link, not by path: the binary may lie where the user we became can't go.
    let mut command = Command::new("/proc/self/exe");
    command.arg("exec-server").arg("--parent").arg(std::process::id().to_string()).arg("--").arg(binary);
    command
}

/// A command that becomes `binary`.
#[cfg(not(target_os = "linux"))]
fn launcher(binary: &Path) -> Command {
    Command::new(binary)
}

/// Becomes the program in `argv`, which gets TERM when the process `parent` dies, however it dies.
///
/// # Errors
/// Always, if it returns: the program can't be started, or the parent is gone already.
pub fn exec(parent: i32, argv: &[std::ffi::OsString]) -> Result<()> {
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
