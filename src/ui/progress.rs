//! Long work: a spinner with the latest line where a person watches, plain lines elsewhere.

use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

use super::problem::Problem;
use super::term::Ui;
use crate::process;

/// How often a line is written where no spinner can be shown.
const PLAIN_INTERVAL: Duration = Duration::from_secs(60);

/// Lines of output kept for the report of a failure.
const KEPT_LINES: usize = 200;

/// Runs a long command, showing that and how it goes on.
///
/// # Errors
/// When it can't be started, fails (its last lines are shown), takes longer than `limit`, or is
/// interrupted.
pub fn run(ui: &Ui, verb: &str, object: &str, command: &mut Command, limit: Duration) -> Result<()> {
    let program = command.get_program().to_owned();
    let mut child = process::spawn_piped(command)?;
    let lines = Arc::new(Mutex::new(Vec::new()));
    let readers =
        [child.stdout.take().map(|pipe| collect(pipe, &lines)), child.stderr.take().map(|pipe| collect(pipe, &lines))];
    let show = Display::new(ui, verb, object);
    let status = process::wait(&mut child, &program, limit, |elapsed| {
        show.tick(ui, elapsed, &lines);
    });
    show.finish();
    let status = status?;
    for reader in readers.into_iter().flatten() {
        process::finish_reading(&reader);
    }
    if status.success() {
        ui.status(verb, object);
        return Ok(());
    }
    let output = lines.lock().map(|lines| lines.join("\n")).unwrap_or_default();
    Err(Problem::findings(format!("{verb} {object} failed ({})", process::describe(status)))
        .detail(process::last_lines(&output, 20))
        .into())
}

fn collect(pipe: impl Read + Send + 'static, lines: &Arc<Mutex<Vec<String>>>) -> thread::JoinHandle<()> {
    let lines = Arc::clone(lines);
    thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n') {
            let (Ok(line), Ok(mut lines)) = (line, lines.lock()) else { return };
            if lines.len() == KEPT_LINES {
                lines.remove(0);
            }
            lines.push(String::from_utf8_lossy(&line).trim_end().to_owned());
        }
    })
}

/// A spinner, or a line a minute.
struct Display {
    bar: Option<ProgressBar>,
    what: String,
    minutes: std::cell::Cell<u64>,
}

impl Display {
    fn new(ui: &Ui, verb: &str, object: &str) -> Self {
        let what = format!("{verb} {object}");
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{spinner} {prefix} ({elapsed}) {wide_msg:.dim}");
            let bar = ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.set_prefix(what.clone());
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        if bar.is_none() && ui.verbose {
            ui.line(&format!("{what} …"));
        }
        Self { bar, what, minutes: std::cell::Cell::new(0) }
    }

    fn tick(&self, ui: &Ui, elapsed: Duration, lines: &Mutex<Vec<String>>) {
        if let Some(bar) = &self.bar {
            let last = lines.lock().ok().and_then(|lines| lines.last().cloned());
            bar.set_message(last.unwrap_or_default());
            return;
        }
        let minutes = elapsed.as_secs() / PLAIN_INTERVAL.as_secs();
        if minutes > self.minutes.replace(minutes) {
            ui.line(&format!("{}: {minutes} min …", self.what));
        }
    }

    fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
