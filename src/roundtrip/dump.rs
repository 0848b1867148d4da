//! A config as the real Apache has read it.

use std::path::Path;

use crate::apache::locate::Apache;

/// A directive as Apache has it: variables resolved, lines joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// Its name; of a section with its bracket.
    pub name: String,
    /// Its arguments, as written.
    pub arguments: String,
}

impl Directive {
    fn read(line: &str) -> Option<Self> {
        let line = line.trim_start();
        let is_left_out = line.starts_with('#') || line.starts_with("</") || line.is_empty();
        let (name, arguments) = line.split_once(' ').unwrap_or((line, ""));
        let arguments = arguments.strip_suffix('>').filter(|_| name.starts_with('<')).unwrap_or(arguments);
        (!is_left_out).then(|| Self { name: name.to_owned(), arguments: arguments.to_owned() })
    }

    /// Its arguments as values: within quotes a backslash escapes a quote and itself.
    pub fn values(&self) -> Vec<String> {
        let mut values = Vec::new();
        let mut characters = self.arguments.trim().chars().peekable();
        let (mut value, mut quoted) = (String::new(), false);
        while let Some(character) = characters.next() {
            match character {
                '"' => quoted = !quoted,
                '\\' if quoted && matches!(characters.peek(), Some('"' | '\\')) => value.extend(characters.next()),
                ' ' if !quoted => {
                    if !value.is_empty() {
                        values.push(std::mem::take(&mut value));
                    }
                }
                _ => value.push(character),
            }
        }
        values.push(value);
        values
    }
}

/// Reads the config at `conf` without starting anything.
///
/// # Errors
/// With Apache's complaint.
pub fn of(apache: &Apache, conf: &Path) -> Result<Vec<Directive>, String> {
    let mut command = apache.command();
    let info = apache.modules.join("mod_info.so");
    command.arg("-C").arg(format!("LoadModule info_module {}", info.display()));
    let output = command.args(["-t", "-D", "DUMP_CONFIG", "-f"]).arg(conf).output();
    let output = output.map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(Directive::read).collect())
}
