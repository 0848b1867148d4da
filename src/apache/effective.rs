//! A config as the real Apache has read it: after Define, Include and IfModule.

use std::path::Path;

use super::locate::Apache;

/// A directive as Apache has it: variables resolved, lines joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// The sections it stands in, the outermost first, as written: `<Directory "/">`.
    pub sections: Vec<String>,
    /// Its name; of a section with its bracket.
    pub name: String,
    /// Its arguments, as written.
    pub arguments: String,
    /// Its line in the file that it stands in; 0 where Apache does not say.
    pub line: usize,
}

impl Directive {
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

/// Reads the config at `conf` without starting anything. Directives that take effect while Apache reads
/// (LoadModule, Define, Include) are not among them.
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
    Ok(read(&String::from_utf8_lossy(&output.stdout)))
}

/// Reads what mod_info prints: directives, sections with their ends, and lines `# In file: …` and `# 12:` before them.
fn read(text: &str) -> Vec<Directive> {
    let mut sections: Vec<String> = Vec::new();
    let mut number = 0;
    let mut directives = Vec::new();
    for line in text.lines().map(str::trim_start) {
        if let Some(comment) = line.strip_prefix('#') {
            number = comment.trim().trim_end_matches(':').parse().unwrap_or(number);
        } else if line.starts_with("</") {
            sections.pop();
        } else if !line.is_empty() {
            let (name, arguments) = line.split_once(' ').unwrap_or((line, ""));
            let is_section = name.starts_with('<');
            let arguments = arguments.strip_suffix('>').filter(|_| is_section).unwrap_or(arguments);
            directives.push(Directive {
                sections: sections.clone(),
                name: name.to_owned(),
                arguments: arguments.to_owned(),
                line: number,
            });
            if is_section {
                sections.push(line.to_owned());
            }
        }
    }
    directives
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_and_lines_are_kept() {
        let dumped = "# In file: /x/httpd.conf\n#   3:\nTimeout 60\n#   7:\n<Directory \"/\">\n  #   8:\n    Require all denied\n</Directory>\n# 12:\nListen 80\n";
        let read = read(dumped);
        let shown: Vec<String> =
            read.iter().map(|one| format!("{} {} {} {:?}", one.line, one.name, one.arguments, one.sections)).collect();
        assert_eq!(
            shown,
            [
                "3 Timeout 60 []",
                "7 <Directory \"/\" []",
                "8 Require all denied [\"<Directory \\\"/\\\">\"]",
                "12 Listen 80 []"
            ]
        );
    }
}
