//! The terminal: the only home of printing.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use anstream::ColorChoice;
use anstyle::{AnsiColor, Style};
use anyhow::{Context, Result};

use crate::cli::{ColorWhen, GlobalArgs};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARN: Style = AnsiColor::Yellow.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// How this process talks: resolved once from flags, environment and the terminal.
#[derive(Clone)]
pub struct Ui {
    /// A person can see a question and answer it.
    pub interactive: bool,
    /// `--yes`: every question is answered with its default "go ahead".
    pub yes: bool,
    /// `-v`: more of what happens behind the scenes.
    pub verbose: bool,
}

impl Ui {
    /// Resolves colour and interactivity. `NO_COLOR` and `TERM=dumb` are honoured by anstream.
    pub fn new(args: &GlobalArgs) -> Self {
        let choice = match args.color {
            ColorWhen::Auto => ColorChoice::Auto,
            ColorWhen::Always => ColorChoice::AlwaysAnsi,
            ColorWhen::Never => ColorChoice::Never,
        };
        choice.write_global();
        let in_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
        Self {
            interactive: !args.no_input && !in_ci && io::stdin().is_terminal() && io::stderr().is_terminal(),
            yes: args.yes,
            verbose: args.verbose,
        }
    }

    /// A line of talk on stderr. A terminal that went away must not end the program.
    #[allow(clippy::unused_self)]
    pub fn line(&self, text: &str) {
        let _ = writeln!(anstream::stderr(), "{text}");
    }

    /// What has been done, Cargo's way: a bold verb, right-aligned, and its object.
    pub fn status(&self, verb: &str, object: &str) {
        self.line(&format!("{GOOD}{verb:>12}{GOOD:#} {object}"));
    }

    /// The first sign of life of a command that asks Django, which takes its time.
    pub fn asking(&self, root: &Path) {
        let name = root.file_name().unwrap_or_default().to_string_lossy();
        self.status("Asking", &format!("Django about {name}"));
    }

    /// Something the user should look at; nothing failed.
    pub fn warn(&self, text: &str) {
        self.line(&format!("{WARN}warning{WARN:#}{BOLD}:{BOLD:#} {text}"));
    }

    /// A fact worth knowing.
    pub fn note(&self, text: &str) {
        self.line(&format!("{HINT}note{HINT:#}{BOLD}:{BOLD:#} {text}"));
    }

    /// A failure.
    pub fn error(&self, text: &str) {
        self.line(&format!("{ERROR}error{ERROR:#}{BOLD}:{BOLD:#} {text}"));
    }

    /// The way out of a failure.
    pub fn hint(&self, text: &str) {
        self.line(&format!("{HINT}hint{HINT:#}{BOLD}:{BOLD:#} {text}"));
    }

    /// A line of secondary importance.
    pub fn dim(&self, text: &str) {
        self.line(&format!("{DIM}{text}{DIM:#}"));
    }

    /// Data on stdout, unchanged.
    ///
    /// # Errors
    /// When stdout can't be written to; a closed pipe is reported as such.
    #[allow(clippy::unused_self)]
    pub fn data(&self, text: &str) -> Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).context("cannot write to stdout")
    }
}
