//! What the user is told of reloads.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::dev::slots::{Failure, Report};
use crate::ui::printer::Printer;

/// Tells of reloads, with paths as seen from the site's folder.
pub struct Told {
    root: PathBuf,
    /// The last failure that was shown: the same again is not news.
    shown: Option<Failure>,
}

impl Told {
    /// `root`: the folder of manage.py.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), shown: None }
    }

    /// A build serves. `inside`: milliseconds from the fork until the site was loaded.
    pub fn reloaded(&mut self, printer: &Printer, report: Report, inside: f64) {
        let Report { build, cause, took, from, failure } = report;
        if let Some(took) = took {
            let what = match cause.everything {
                Some(what) if cause.files.is_empty() => what,
                _ => self.names(&cause.files),
            };
            let line = format!("↻ {what} → {}", milliseconds(took));
            let detail = format!("  build {build}, from {from}: {inside:.0} ms for loading");
            printer.print(move |ui| {
                ui.line(&line);
                if ui.verbose {
                    ui.dim(&detail);
                }
            });
        }
        if let Some(failure) = &failure
            && self.shown.as_ref() != Some(failure)
        {
            let text = if failure.detail.is_empty() { &failure.title } else { &failure.detail };
            let detail = text.trim_end().to_owned();
            let place = self.place(failure);
            printer.print(move |ui| {
                ui.line(&detail);
                ui.warn(&format!("the site can't be loaded{place}: mend it and save"));
            });
        }
        self.shown = failure;
    }

    /// Something was renewed without a new build.
    pub fn renewed(&self, printer: &Printer, files: &BTreeSet<PathBuf>, what: &'static str) {
        let names = self.names(files);
        printer.print(move |ui| ui.line(&format!("↻ {names} → {what}")));
    }

    fn place(&self, failure: &Failure) -> String {
        if failure.file.is_empty() {
            return String::new();
        }
        format!(" ({}, line {})", self.name(Path::new(&failure.file)), failure.line)
    }

    fn names(&self, files: &BTreeSet<PathBuf>) -> String {
        // A file has two names where links lead to it: the one below the site's folder is enough.
        let own: Vec<&PathBuf> = files.iter().filter(|file| file.starts_with(&self.root)).collect();
        let shown: Vec<&PathBuf> = if own.is_empty() { files.iter().collect() } else { own };
        match shown.as_slice() {
            [] => "the site".to_owned(),
            [file] => self.name(file),
            [one, other] => format!("{}, {}", self.name(one), self.name(other)),
            [first, rest @ ..] => format!("{} and {} more", self.name(first), rest.len()),
        }
    }

    fn name(&self, file: &Path) -> String {
        file.strip_prefix(&self.root).unwrap_or(file).display().to_string()
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}
