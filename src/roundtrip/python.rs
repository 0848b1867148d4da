//! Literals, read by Python.

use std::io::Write;
use std::process::Command;

use proptest::prelude::*;

use super::{Often, batches, line};
use crate::scaffold::templates::python_literal;

#[test]
fn literals_are_what_was_given() {
    batches(&Often::Each, line(), 300, |values| {
        let mut script = tempfile::NamedTempFile::new()?;
        script.write_all(b"import sys\n")?;
        for value in &values {
            writeln!(script, "sys.stdout.buffer.write({}.encode() + b'\\0')", python_literal(value))?;
        }
        let output = Command::new("python3").args(["-I", "-X", "utf8"]).arg(script.path()).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let read: Vec<&str> = text.split_terminator('\0').collect();
        prop_assert_eq!(read, values, "{}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    });
}
