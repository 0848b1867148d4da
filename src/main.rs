//! The `djwsgi` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    djwsgi::run()
}
