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
    let problem = error.downcast_ref::<Problem>();
    let mut causes = error.chain().map(ToString::to_string);
    let mut message = causes.next().unwrap_or_default();
    for cause in causes {
        // anyhow contexts often repeat their source; say each thing once.
        if !message.contains(&cause) {
            message = format!("{message}: {cause}");
        }
    }
    ui.error(&message);
    if let Some(detail) = problem.and_then(|problem| problem.detail.as_deref()) {
        ui.line("");
        ui.line(detail.trim_end());
    }
    if let Some(hint) = problem.and_then(|problem| problem.hint.as_deref()) {
        ui.line("");
        ui.hint(hint);
    }
    ExitCode::from(problem.map_or(Exit::Findings, |problem| problem.exit) as u8)
}

/// Whether the failure is only that the reader of our stdout has gone (`djwsgi … | head`).
fn broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe))
}
