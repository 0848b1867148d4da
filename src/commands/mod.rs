//! The verbs.

mod activate;
mod deploy_config;
mod dev;
mod diff;
mod init;
mod parity;
mod prepared;
mod reload;
mod rewritten;
mod rollback;
mod wait;

use anyhow::Result;
use nix::sys::signal::Signal;

use crate::activation::{private, recovery};
use crate::apache::launch;
use crate::cli::Command;
use crate::live::gate;
use crate::parity::battery::janitor;
use crate::ui::term::Ui;

/// Runs one command.
///
/// # Errors
/// Whatever the command fails with.
pub fn run(ui: &Ui, command: Command) -> Result<()> {
    match command {
        Command::Init(args) => init::run(ui, &args),
        Command::Dev(args) => dev::run(ui, &args),
        Command::Wait(args) => wait::run(ui, &args),
        Command::DeployConfig(args) => deploy_config::run(ui, &args),
        Command::Activate(args) => activate::run(ui, &args),
        Command::Rollback(args) => rollback::run(ui, &args),
        Command::Diff(args) => diff::run(ui, &args),
        Command::Reload(args) => reload::run(ui, &args),
        Command::Parity(args) => parity::run(ui, &args),
        Command::ServeDev(args) => dev::run_private(ui, &args),
        Command::CleanUp(args) => {
            janitor::clean_up(&args.folder);
            Ok(())
        }
        Command::ExecServer(args) => {
            let signal = if args.at_once { Signal::SIGKILL } else { Signal::SIGTERM };
            launch::exec(args.parent, signal, &args.argv)
        }
        Command::ExecGate(args) => gate::keep(&args.path, || recovery::settle(&args.path)),
        Command::ExecPrivate(args) => private::enter(&args),
    }
}
