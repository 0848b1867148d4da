//! How a probe in a site knows who may ask it.

use std::fs::File;
use std::io::Read;

use anyhow::{Context, Result};

/// A word that nobody else knows.
///
/// # Errors
/// When the system has no random numbers.
pub fn token() -> Result<String> {
    let mut bytes = [0u8; 16];
    let random = File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    random.context("cannot read /dev/urandom")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
