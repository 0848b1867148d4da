//! A config as the real Apache has read it: after Define, Include and IfModule.

use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use super::locate::Apache;
use super::{check, quote};
use crate::process;
use crate::ui::problem::Problem;

/// The module that tells.
const INFO: &str = "mod_info.so";

const LIMIT: Duration = Duration::from_secs(30);

/// A directive as Apache has it: variables resolved, lines joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// The sections it stands in, the outermost first, as written: `<Directory "/">`.
    pub sections: Vec<String>,
    /// Its name; of a section with its bracket.
    pub name: String,
    /// Its arguments, as written.
    pub arguments: String,
    /// The file that it stands in; empty where Apache does not say.
    pub file: String,
    /// Its line there; 0 where Apache does not say.
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
/// With Apache's complaint, or when it can't be asked.
pub fn of(apache: &Apache, conf: &Path) -> Result<Vec<Directive>> {
    Ok(read(&dump(apache, conf, "DUMP_CONFIG")?.stdout))
}

/// The same with what has taken effect while Apache read: modules and files that were loaded, variables, folders.
/// Each is once in the list, before the rest and without its file: Apache tells what came of them.
///
/// # Errors
/// As [`of`].
pub fn whole(apache: &Apache, conf: &Path) -> Result<Vec<Directive>> {
    let dumped = dump(apache, conf, "DUMP_CONFIG")?;
    let told = dump(apache, conf, "DUMP_RUN_CFG")?;
    let mut all = loaded(&dumped.stderr);
    all.extend(told.stdout.lines().filter_map(come_of));
    all.extend(read(&dumped.stdout));
    Ok(all)
}

/// What Apache tells.
struct Told {
    is_accepted: bool,
    stdout: String,
    stderr: String,
}

/// Runs `command` with its outputs in files: a line that is missing would be a directive that is missing.
fn run(mut command: Command) -> Result<Told> {
    let failed = || "cannot read what Apache tells";
    let (stdout, stderr) = (tempfile::tempfile().with_context(failed)?, tempfile::tempfile().with_context(failed)?);
    command.stdin(Stdio::null()).stdout(stdout.try_clone()?).stderr(stderr.try_clone()?).process_group(0);
    let program = command.get_program().to_owned();
    let mut child = command.spawn().map_err(|error| process::cannot_start(&program, error))?;
    let status = process::wait(&mut child, &program, LIMIT, |_| {})?;
    let text = |mut file: File| {
        let mut bytes = Vec::new();
        file.rewind().and_then(|()| file.read_to_end(&mut bytes)).with_context(failed)?;
        Ok::<_, anyhow::Error>(String::from_utf8_lossy(&bytes).into_owned())
    };
    Ok(Told { is_accepted: status.success(), stdout: text(stdout)?, stderr: text(stderr)? })
}

fn dump(apache: &Apache, conf: &Path, what: &str) -> Result<Told> {
    let mut command = apache.command();
    command.args(["-e", "debug"]);
    if !apache.built_in.contains("mod_info") {
        let info = apache.modules.join(INFO);
        if !info.exists() {
            return Err(Problem::environment(format!(
                "{} has no mod_info to tell its config by",
                apache.binary.display()
            ))
            .hint(format!("put {INFO} into {}", apache.modules.display()))
            .into());
        }
        command.arg("-C").arg(format!("LoadModule info_module {}", quote::argument(&info.to_string_lossy())));
    }
    command.args(["-t", "-D", what, "-f"]).arg(conf);
    let told = run(command)?;
    if told.is_accepted {
        return Ok(told);
    }
    let complaint: Vec<&str> = told.stderr.lines().filter(|line| !line.contains(":debug]")).collect();
    let problem = Problem::findings("Apache does not accept the config");
    Err(problem.detail(check::complaint(&complaint.join("\n"))).into())
}

/// What mod_so says that it has loaded; mod_info, which is loaded to ask, comes first and is left out.
fn loaded(log: &str) -> Vec<Directive> {
    let mut all = Vec::new();
    for line in log.lines() {
        if let Some((_, module)) = line.split_once("AH01575: loaded module ")
            && let Some((name, path)) = module.split_once(" from ")
        {
            all.push(early("LoadModule", &format!("{name} {path}")));
        } else if let Some((_, path)) = line.split_once("AH01576: loaded file ") {
            all.push(early("LoadFile", path));
        }
    }
    let is_asking = |one: &Directive| one.arguments.starts_with("info_module ") && one.arguments.ends_with(INFO);
    if all.first().is_some_and(is_asking) {
        all.remove(0);
    }
    all
}

/// What a line of Apache's account of its settings says of directives that are not in the tree.
fn come_of(line: &str) -> Option<Directive> {
    let (name, value) = line.split_once(": ")?;
    match name {
        "Define" if value.starts_with("DUMP_") => None,
        "Define" => Some(early("Define", &value.replacen('=', " ", 1))),
        "ServerRoot" => Some(early("ServerRoot", value)),
        // The folder of what has none of its own.
        "Mutex default" => {
            let folder = value.strip_prefix("dir=")?.rsplit_once(" mechanism=")?.0;
            Some(early("DefaultRuntimeDir", folder))
        }
        _ => None,
    }
}

fn early(name: &str, arguments: &str) -> Directive {
    let (name, arguments) = (name.to_owned(), arguments.trim().to_owned());
    Directive { sections: Vec::new(), name, arguments, file: String::new(), line: 0 }
}

/// Reads what mod_info prints: directives, sections with their ends, and lines `# In file: …` and `# 12:` before them.
fn read(text: &str) -> Vec<Directive> {
    let mut sections: Vec<String> = Vec::new();
    let (mut file, mut number) = (String::new(), 0);
    let mut directives = Vec::new();
    for line in text.lines().map(str::trim_start) {
        if let Some(path) = line.strip_prefix("# In file: ") {
            path.clone_into(&mut file);
        } else if let Some(comment) = line.strip_prefix('#') {
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
                file: file.clone(),
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

    #[test]
    fn what_was_loaded_and_defined_is_known() {
        let log = "[x] [so:debug] [pid 1:tid 1] mod_so.c(266): AH01575: loaded module info_module from /m/mod_info.so\n\
                   [x] [so:debug] [pid 1:tid 1] mod_so.c(266): AH01575: loaded module ssl_module from /m o/mod_ssl.so\n\
                   [x] [so:debug] [pid 1:tid 1] mod_so.c(336): AH01576: loaded file /lib/libz.so.1\nSyntax OK\n";
        let shown = |one: &Directive| format!("{} {}", one.name, one.arguments);
        let read: Vec<String> = loaded(log).iter().map(shown).collect();
        assert_eq!(read, ["LoadModule ssl_module /m o/mod_ssl.so", "LoadFile /lib/libz.so.1"]);
        let told = "ServerRoot: \"/etc/x\"\nMain ErrorLog: \"/x\"\nMutex default: dir=\"/run/x/\" mechanism=default \n\
                    Mutex ssl-cache: using_defaults\nDefine: DUMP_RUN_CFG\nDefine: A=b=c\nDefine: B\n";
        let read: Vec<String> = told.lines().filter_map(come_of).map(|one| shown(&one)).collect();
        assert_eq!(read, ["ServerRoot \"/etc/x\"", "DefaultRuntimeDir \"/run/x/\"", "Define A b=c", "Define B"]);
    }
}
