//! The one place that prints a failure and turns it into an exit status.

use std::io;
use std::process::ExitCode;

use super::problem::{Exit, Problem};
use super::term::Ui;

/// Reports what clap found wrong with the command line (or prints the help that was asked for).
pub fn usage(error: &clap::Error) -> ExitCode {
    // A closed stdout (`| head`) is no failure of ours.
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(Exit::Usage as u8) } else { ExitCode::SUCCESS }
}

/// Prints `error` with its causes, evidence and hint; returns the exit status it stands for.
pub fn failure(ui: &Ui, error: &anyhow::Error) -> ExitCode {
    if broken_pipe(error) {
        return ExitCode::SUCCESS;
    }
    ui.error(&sentence(error));
    evidence(ui, error);
    let problem = error.downcast_ref::<Problem>();
    ExitCode::from(problem.map_or(Exit::Findings, |problem| problem.exit) as u8)
}

/// Prints a failure after which the work goes on; `what` it means here begins the sentence.
pub fn setback(ui: &Ui, what: &str, error: &anyhow::Error) {
    ui.warn(&format!("{what}: {}", sentence(error)));
    evidence(ui, error);
}

/// The message and its causes, each said once: contexts often repeat their source.
fn sentence(error: &anyhow::Error) -> String {
    let mut message = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if message.is_empty() {
            message = cause;
        } else if !message.contains(&cause) {
            message = format!("{message}: {cause}");
        }
    }
    message
}

fn evidence(ui: &Ui, error: &anyhow::Error) {
    let problem = error.downcast_ref::<Problem>();
    if let Some(detail) = problem.and_then(|problem| problem.detail.as_deref()) {
        ui.line("");
        ui.line(detail.trim_end());
    }
    if let Some(hint) = problem.and_then(|problem| problem.hint.as_deref()) {
        ui.line("");
        ui.hint(hint);
    }
}

/// Whether the failure is only that the reader of our stdout has gone (`djwsgi … | head`).
fn broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe))
}
