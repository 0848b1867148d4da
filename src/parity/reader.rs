//! Configs of anywhere, as the Apache of this machine reads them.

use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::stand_ins::{Sought, StandIns, value};
use crate::apache::effective::{self, Directive};
use crate::apache::locate::Apache;
use crate::files;
use crate::ui::problem::Problem;

/// Directives whose folders and files must be there.
const PLACES: [(&str, Sought); 10] = [
    ("serverroot", Sought::Folder),
    ("defaultruntimedir", Sought::Folder),
    ("sslcacertificatepath", Sought::Folder),
    ("errorlog", Sought::Parent),
    ("customlog", Sought::Parent),
    ("transferlog", Sought::Parent),
    ("sslcertificatefile", Sought::File),
    ("sslcertificatekeyfile", Sought::File),
    ("sslcertificatechainfile", Sought::File),
    ("sslcacertificatefile", Sought::File),
];

/// Options of a daemon process group that name accounts, and whether these are groups.
const ACCOUNTS: [(&str, bool); 5] = [
    ("user=", false),
    ("group=", true),
    ("script-user=", false),
    ("script-group=", true),
    ("supplementary-groups=", true),
];

/// A config.
pub struct Source<'a> {
    /// What it is, for messages.
    pub name: &'a str,
    /// Its text.
    pub text: &'a str,
    /// What stands around it, if it is for a shared server.
    pub frame: Option<&'a str>,
    /// Modules: where they are there, and here.
    pub modules: &'a [(PathBuf, PathBuf)],
}

/// Reads them.
pub struct Reader<'a> {
    apache: &'a Apache,
    stand_ins: StandIns,
}

impl<'a> Reader<'a> {
    /// By `apache`.
    ///
    /// # Errors
    /// When no temporary folder can be made.
    pub fn new(apache: &'a Apache) -> Result<Self> {
        Ok(Self { apache, stand_ins: StandIns::new()? })
    }

    /// The Apache that reads.
    pub fn apache(&self) -> &'a Apache {
        self.apache
    }

    /// The folder that goes with the reader.
    pub fn folder(&self) -> &Path {
        self.stand_ins.folder()
    }

    /// The directives of `source`, as they are on the server.
    ///
    /// # Errors
    /// When Apache does not accept it.
    pub fn read(&mut self, source: &Source) -> Result<Vec<Directive>> {
        let main = self.folder().join("read.conf");
        let part = self.folder().join("part.conf");
        let text = self.readable(source)?;
        if let Some(frame) = source.frame {
            files::write_private(&part, &text)?;
            files::write_private(&main, &format!("{frame}Include \"{}\"\n", files::config_text(&part)?))?;
        } else {
            files::write_private(&main, &text)?;
        }
        let all = effective::whole(self.apache, &main).map_err(|error| self.refused(source, error))?;
        let is_frame = |one: &Directive| source.frame.is_some() && Path::new(&one.file) == main;
        Ok(all
            .into_iter()
            .filter(|one| !is_frame(one) && !self.is_frames(source, one))
            .map(|one| self.restored(one))
            .collect())
    }

    /// Whether it is one of the folders of a frame.
    fn is_frames(&self, source: &Source, one: &Directive) -> bool {
        let is_folder = one.name == "ServerRoot" || one.name == "DefaultRuntimeDir";
        let Some(frame) = source.frame.filter(|_| is_folder) else { return false };
        let folder = one.arguments.trim_matches('"').trim_end_matches('/');
        !folder.ends_with(".there") && frame.contains(&format!("{} \"{folder}\"", one.name))
    }

    fn restored(&self, one: Directive) -> Directive {
        let restore = |text: &String| self.stand_ins.restore(text);
        let sections = one.sections.iter().map(restore).collect();
        let is_own = Path::new(&one.file).starts_with(self.folder());
        let file = if is_own { String::new() } else { one.file.clone() };
        Directive { sections, arguments: restore(&one.arguments), file, ..one }
    }

    /// Apache's complaint, by the names of the server.
    fn refused(&self, source: &Source, error: anyhow::Error) -> anyhow::Error {
        match error.downcast::<Problem>() {
            Ok(mut problem) => {
                problem.message = problem.message.replace("the config", source.name);
                let shown = |detail: String| {
                    let detail = self.stand_ins.restore(&detail);
                    ["read.conf", "part.conf"].iter().fold(detail, |text, own| {
                        text.replace(&*self.folder().join(own).to_string_lossy(), source.name)
                    })
                };
                problem.detail = problem.detail.map(shown);
                problem.into()
            }
            Err(error) => error,
        }
    }

    /// The text with stand-ins for what is not on this machine. Lines that Apache joins are joined, and stay at
    /// the number of the last of them, which Apache tells too.
    fn readable(&mut self, source: &Source) -> Result<String> {
        let mut text = String::with_capacity(source.text.len());
        let mut joined = String::new();
        for line in source.text.lines() {
            if let Some(begun) = line.strip_suffix('\\') {
                joined += begun;
                text.push('\n');
            } else {
                joined += line;
                text += &self.line(&joined, source.modules)?;
                text.push('\n');
                joined.clear();
            }
        }
        text += &self.line(&joined, source.modules)?;
        Ok(text)
    }

    fn line(&mut self, line: &str, modules: &[(PathBuf, PathBuf)]) -> Result<String> {
        let words = words(line);
        let mut changes: Vec<(Range<usize>, String)> = Vec::new();
        let [name, arguments @ ..] = words.as_slice() else { return Ok(line.to_owned()) };
        match (line[name.clone()].to_ascii_lowercase().as_str(), arguments) {
            (name @ ("user" | "group"), [account, ..]) => {
                let stand_in = self.stand_ins.account(&line[account.clone()], name == "group");
                changes.push((account.clone(), stand_in));
            }
            ("loadmodule", [_, path, ..]) => {
                let stand_in = self.module(&line[path.clone()], modules)?;
                changes.extend(stand_in.map(|stand_in| (path.clone(), stand_in)));
            }
            ("wsgidaemonprocess", [_, options @ ..]) => {
                changes.extend(options.iter().flat_map(|option| self.accounts(line, option)));
            }
            (name, [path, ..]) => {
                if let Some((_, sought)) = PLACES.iter().find(|(own, _)| *own == name) {
                    let stand_in = self.stand_ins.path(&line[path.clone()], *sought)?;
                    changes.extend(stand_in.map(|stand_in| (path.clone(), stand_in)));
                }
            }
            _ => {}
        }
        let mut line = line.to_owned();
        for (place, text) in changes.into_iter().rev() {
            line.replace_range(place, &text);
        }
        Ok(line)
    }

    /// The accounts that an option of a daemon process group names.
    fn accounts(&mut self, line: &str, option: &Range<usize>) -> Vec<(Range<usize>, String)> {
        let text = &line[option.clone()];
        let Some((name, is_group)) = ACCOUNTS.iter().find(|(name, _)| text.starts_with(name)) else {
            return Vec::new();
        };
        let mut start = option.start + name.len();
        let mut changes = Vec::new();
        for one in text[name.len()..].split(',') {
            // Quoted or not, it is one account.
            let account = one.trim_matches('"');
            if !account.is_empty() {
                changes.push((start..start + one.len(), self.stand_ins.account(account, *is_group)));
            }
            start += one.len() + 1;
        }
        changes
    }

    /// Where a module is here, if it is elsewhere than written.
    fn module(&mut self, word: &str, modules: &[(PathBuf, PathBuf)]) -> Result<Option<String>> {
        let path = PathBuf::from(value(word));
        let moved = modules.iter().find_map(|(there, here)| {
            let rest = path.strip_prefix(there).ok()?;
            Some(if rest.as_os_str().is_empty() { here.clone() } else { here.join(rest) })
        });
        let own = path.file_name().map(|name| self.apache.modules.join(name));
        let here =
            [moved, Some(path.clone()), own].into_iter().flatten().find(|path| path.is_absolute() && path.exists());
        match here {
            Some(here) if here != path => self.stand_ins.module(word, &here).map(Some),
            _ => Ok(None),
        }
    }
}

/// Where the words of a line are: blanks end them, but not between quotes.
fn words(line: &str) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let (mut start, mut quote, mut escaped) = (None, None, false);
    for (index, character) in line.char_indices() {
        match (character, quote) {
            _ if escaped => escaped = false,
            ('\\', Some(_)) => escaped = true,
            (end, Some(begun)) if end == begun => quote = None,
            ('"' | '\'', None) => quote = Some(character),
            _ => {}
        }
        if character.is_ascii_whitespace() && quote.is_none() {
            words.extend(start.take().map(|start| start..index));
        } else {
            start.get_or_insert(index);
        }
    }
    words.extend(start.map(|start| start..line.len()));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_quotes_too() {
        let line = r#"  A "b c" home="d e" f\ 'g "h' "i\"j""#;
        let found: Vec<&str> = words(line).into_iter().map(|word| &line[word]).collect();
        assert_eq!(found, ["A", "\"b c\"", "home=\"d e\"", "f\\", "'g \"h'", "\"i\\\"j\""]);
    }
}
