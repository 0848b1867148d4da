//! Units, read by systemd, which prints what it has read.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use proptest::prelude::*;

use super::{Often, batches, path};
use crate::scaffold::systemd;

#[test]
fn paths_and_arguments_are_what_was_given() {
    batches(&Often::Each, path(), 50, |values| {
        // systemd takes what it calls normalised, and no control characters, which ours never have.
        let values: Vec<&String> = values.iter().filter(|value| !value.contains("/./")).collect();
        let folder = tempfile::tempdir()?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777))?;
        let mut wanted = String::from("[Unit]\nDefaultDependencies=no\n");
        for (index, value) in values.iter().enumerate() {
            let unit = format!(
                "[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/bin/true {}\nReadWritePaths={}\n",
                systemd::word(value),
                systemd::path(&format!("-{value}")),
            );
            fs::write(folder.path().join(format!("x{index}.service")), unit)?;
            wanted += &format!("Wants=x{index}.service\n");
        }
        fs::write(folder.path().join("all.target"), wanted)?;
        let dump = dump(folder.path())?;
        for (index, value) in values.iter().enumerate() {
            let unit = dump.split("-> Unit ").find(|unit| unit.starts_with(&format!("x{index}.service:")));
            let unit = unit.unwrap_or_else(|| panic!("{value:?} is not in {dump}"));
            let written = format!("\t\tReadWritePaths: -{value}\n");
            prop_assert!(unit.contains(&written), "{value:?}: {unit}");
            let command =
                unit.lines().find_map(|line| line.trim_start_matches('\t').strip_prefix("Command Line: /bin/true "));
            prop_assert_eq!(command.map(unquoted), Some(value.replace('$', "$$")), "{}", unit);
        }
        Ok(())
    });
}

/// systemd as a user's manager, which says what it would do and does nothing.
fn dump(folder: &std::path::Path) -> std::io::Result<String> {
    let systemd = "/lib/systemd/systemd";
    let mut command = if nix::unistd::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", systemd]);
        command
    } else {
        Command::new(systemd)
    };
    command.args(["--test", "--user", "--unit=all.target"]);
    command.env("XDG_RUNTIME_DIR", folder).env("HOME", folder).env("SYSTEMD_UNIT_PATH", folder);
    let output = command.output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
}

/// A word as systemd shows it: quoted as for a shell if need be.
fn unquoted(shown: &str) -> String {
    let Some(inner) = shown.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return shown.to_owned() };
    let mut text = String::new();
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        text.push(if character == '\\' { characters.next().unwrap_or('\\') } else { character });
    }
    text
}
