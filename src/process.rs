//! Child processes that are waited for: in a process group of their own, with a deadline, ended
//! with us, and their output kept whole.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::identity;
use crate::interrupt;
use crate::ui::problem::Problem;

/// How often a waiting loop looks at the child, the clock and the signals: more often at first.
const LOOK: Duration = Duration::from_millis(10);
const FIRST_LOOK: Duration = Duration::from_millis(1);

/// How long the output of a child that has ended is waited for: what it started in the background
/// may hold the pipes open for ever.
const LAST_OUTPUT: Duration = Duration::from_secs(2);

/// What a finished child left behind.
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// Its stdout.
    pub stdout: String,
    /// Its stderr.
    pub stderr: String,
}

/// Runs `command` to its end with stdin closed and both outputs kept.
///
/// # Errors
/// When it can't be started, does not end within `limit` (it is killed), or the user interrupts.
pub fn run(command: &mut Command, limit: Duration) -> Result<Finished> {
    let program = command.get_program().to_owned();
    let mut child = spawn_piped(command)?;
    let stdout = Collected::from(child.stdout.take());
    let stderr = Collected::from(child.stderr.take());
    let status = wait(&mut child, &program, limit, |_| {})?;
    Ok(Finished { status, stdout: stdout.text(), stderr: stderr.text() })
}

/// Starts `command` in a process group of its own, with stdin closed and both outputs piped.
///
/// # Errors
/// When it can't be started.
pub fn spawn_piped(command: &mut Command) -> Result<Child> {
    let program = command.get_program().to_owned();
    command
        .envs(identity::environment())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| cannot_start(&program, error))
}

/// Waits for `child`, calling `tick` with the time passed at every look.
///
/// # Errors
/// As [`run`]; the child's whole group has been killed then.
pub fn wait(child: &mut Child, program: &OsStr, limit: Duration, mut tick: impl FnMut(Duration)) -> Result<ExitStatus> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().context("cannot wait for a child process")? {
            return Ok(status);
        }
        let late = started.elapsed() > limit;
        if late || interrupt::requested() {
            // Not yet reaped, so the number is still its group's.
            let _ = killpg(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL);
            let _ = child.wait();
            return Err(if late { too_late(program, limit) } else { Problem::interrupted() }.into());
        }
        tick(started.elapsed());
        thread::sleep((started.elapsed() / 20).clamp(FIRST_LOOK, LOOK));
    }
}

fn too_late(program: &OsStr, limit: Duration) -> Problem {
    let name = Path::new(program).display();
    Problem::findings(format!("{name} did not finish within {} s and was stopped", limit.as_secs()))
}

/// Ends `child` and whatever is left of its process group: TERM, and KILL after `grace`.
pub fn end_group(child: &mut Child, grace: Duration) {
    let group = Pid::from_raw(child.id().cast_signed());
    let _ = killpg(group, Signal::SIGTERM);
    let started = Instant::now();
    while started.elapsed() < grace && !matches!(child.try_wait(), Ok(Some(_))) {
        thread::sleep(Duration::from_millis(5));
    }
    // Those of the group that are still busy.
    let _ = killpg(group, Signal::SIGKILL);
    let _ = child.wait();
}

/// The parent of a process, as /proc tells it.
pub fn parent(pid: u32) -> Option<u32> {
    // Its own number may be another in /proc.
    let folder = if pid == std::process::id() { "self".to_owned() } else { pid.to_string() };
    let stat = fs::read_to_string(format!("/proc/{folder}/stat")).ok()?;
    // The name before it may hold anything.
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// The error of a program that can't be started.
pub fn cannot_start(program: &OsStr, error: std::io::Error) -> anyhow::Error {
    let problem = Problem::environment(format!("cannot start {}", Path::new(program).display()));
    anyhow::Error::new(error).context(problem)
}

/// The output of a child, as far as it has arrived.
struct Collected {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Collected {
    fn from(pipe: Option<impl Read + Send + 'static>) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&bytes);
        let reader = thread::spawn(move || {
            let mut chunk = [0; 8192];
            let Some(mut pipe) = pipe else { return };
            while let Ok(count @ 1..) = pipe.read(&mut chunk) {
                let Ok(mut bytes) = sink.lock() else { return };
                bytes.extend_from_slice(&chunk[..count]);
            }
        });
        Self { bytes, reader }
    }

    fn text(self) -> String {
        finish_reading(&self.reader);
        let bytes = self.bytes.lock().map(|bytes| bytes.clone()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Waits, briefly, until a reader has seen the end of its pipe.
pub fn finish_reading(reader: &JoinHandle<()>) {
    let started = Instant::now();
    while !reader.is_finished() && started.elapsed() < LAST_OUTPUT {
        thread::sleep(Duration::from_millis(1));
    }
}

/// "exit status 1" or "killed by signal 9", for messages.
pub fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

/// The same for a status as Python has it: minus the signal, for a killed process.
pub fn describe_status(status: i32) -> String {
    if status < 0 {
        let name = Signal::try_from(-status).map_or("", Signal::as_str);
        return format!("killed by signal {} {name}", -status).trim_end().to_owned();
    }
    format!("exit status {status}")
}

/// The last `count` lines of `text` that are not empty.
pub fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
