//! The private Apache as a process: its own process group, its output, its end.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc::Sender;
use std::thread;

use anyhow::Result;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use super::event::Event;
use super::output;
use crate::apache::launch;
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
        let mut command = launch::command(binary);
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
