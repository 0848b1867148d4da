//! Child processes that are waited for: a deadline, Ctrl-C, and the output kept whole.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::ui::problem::Problem;

/// How often a waiting loop looks at the child, the clock and the signals.
const LOOK: Duration = Duration::from_millis(10);

/// Whether the user asked to stop (Ctrl-C, TERM, HUP) since this was created.
#[derive(Clone)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Starts listening; from here on the signals no longer end the process by themselves.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub fn listen() -> Result<Self> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&flag)).context("cannot install a signal handler")?;
        }
        Ok(Self(flag))
    }

    /// An interrupt that never comes.
    pub fn never() -> Self {
        Self(Arc::new(AtomicBool::new(false)))
    }

    /// Whether a signal has arrived.
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

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
/// When it can't be started, does not end within `limit` (it is killed), or `interrupt` comes.
pub fn run(command: &mut Command, limit: Duration, interrupt: &Interrupt) -> Result<Finished> {
    let program = command.get_program().to_owned();
    let mut child = spawn_piped(command)?;
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    let status = wait(&mut child, &program, limit, interrupt, |_| {})?;
    Ok(Finished { status, stdout: stdout.join().unwrap_or_default(), stderr: stderr.join().unwrap_or_default() })
}

/// Starts `command` with stdin closed and both outputs piped.
///
/// # Errors
/// When it can't be started.
pub fn spawn_piped(command: &mut Command) -> Result<Child> {
    let program = command.get_program().to_owned();
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| cannot_start(&program, error))
}

/// Waits for `child`, calling `tick` with the time passed at every look.
///
/// # Errors
/// As [`run`]; the child has been killed and reaped then.
pub fn wait(
    child: &mut Child,
    program: &OsStr,
    limit: Duration,
    interrupt: &Interrupt,
    mut tick: impl FnMut(Duration),
) -> Result<ExitStatus> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().context("cannot wait for a child process")? {
            // Ctrl-C reaches the child too: its death is then not its own failure.
            return if interrupt.requested() { Err(Problem::interrupted().into()) } else { Ok(status) };
        }
        let late = started.elapsed() > limit;
        if late || interrupt.requested() {
            let _ = child.kill();
            let _ = child.wait();
            return Err(if late { too_late(program, limit) } else { Problem::interrupted() }.into());
        }
        tick(started.elapsed());
        thread::sleep(LOOK);
    }
}

fn too_late(program: &OsStr, limit: Duration) -> Problem {
    let name = Path::new(program).display();
    Problem::findings(format!("{name} did not finish within {} s and was stopped", limit.as_secs()))
}

/// The error of a program that can't be started.
pub fn cannot_start(program: &OsStr, error: std::io::Error) -> anyhow::Error {
    let problem = Problem::environment(format!("cannot start {}", Path::new(program).display()));
    anyhow::Error::new(error).context(problem)
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What arrived before a read error is still worth having.
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// "exit status 1" or "killed by signal 9", for messages.
pub fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

/// The last `count` lines of `text` that are not empty.
pub fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
