//! What the real Apache says of a config.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::locate::Apache;
use crate::process;

const LIMIT: Duration = Duration::from_secs(30);

/// Runs `apache2 -t` on the config at `path`. `Ok(Err(text))` holds Apache's complaint.
///
/// # Errors
/// When Apache can't be started or does not end.
pub fn syntax(apache: &Apache, path: &Path) -> Result<std::result::Result<(), String>> {
    let mut command = apache.command();
    command.arg("-t").arg("-f").arg(path);
    let finished = process::run(&mut command, LIMIT)?;
    if finished.status.success() {
        return Ok(Ok(()));
    }
    Ok(Err(complaint(&finished.stderr)))
}

/// Apache's message without the loader's and the host name's noise.
pub(super) fn complaint(stderr: &str) -> String {
    let lines: Vec<&str> = stderr
        .lines()
        .filter(|line| !line.contains("no version information available") && !line.contains("AH00558"))
        .collect();
    lines.join("\n")
}
