//! Words of commands, read by the shell.

use std::process::Command;

use proptest::prelude::*;

use super::{Often, batches, line};
use crate::scaffold::shell;

#[test]
fn words_are_what_was_given() {
    batches(&Often::Each, line(), 300, |values| {
        let words: Vec<String> = values.iter().map(|value| shell::word(value)).collect();
        let output = Command::new("sh").arg("-c").arg(format!("printf '%s\\0' {}", words.join(" "))).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let read: Vec<&str> = text.split_terminator('\0').collect();
        prop_assert_eq!(read, values);
        Ok(())
    });
}
