//! The Cargo-style toolchain for Django sites that run on Apache and mod_wsgi.
//!
//! The modules point one way: `commands` use `parity`, that uses `production`, `dev` and `scaffold`, these use
//! `site`, `apache` and `python`, and everything may use `ui`.

mod activation;
mod answers;
mod apache;
mod cli;
mod client;
mod commands;
mod dev;
mod files;
mod identity;
mod interrupt;
mod live;
mod parity;
mod process;
mod production;
mod python;
#[cfg(test)]
mod roundtrip;
mod scaffold;
mod site;
mod ui;

use std::process::ExitCode;

use clap::Parser;

/// Runs the command line of this process: parse, run, report a failure, give the exit code.
#[must_use]
pub fn run() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return ui::report::usage(&error),
    };
    let ui = ui::term::Ui::new(&cli.global);
    match interrupt::listen().and_then(|()| commands::run(&ui, cli.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => ui::report::failure(&ui, &error),
    }
}
