//! What stands on this machine for accounts, folders and files of a server, while Apache reads its config.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::Result;
use nix::unistd::{User, getegid, geteuid};
use tempfile::TempDir;

use crate::apache::quote;
use crate::files;

/// How the dollar of a literal `${` is written.
const DOLLAR: &str = "${DJWSGI_DOLLAR}";

/// Stand-ins, each for one text; afterwards they are replaced by what they stand for.
pub struct StandIns {
    folder: TempDir,
    /// As Apache reads it, and as it was written.
    made: Vec<(String, String)>,
}

/// What Apache looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sought {
    /// A folder.
    Folder,
    /// A file that is not empty.
    File,
    /// The folder of a file.
    Parent,
}

impl StandIns {
    /// None yet.
    ///
    /// # Errors
    /// When no temporary folder can be made.
    pub fn new() -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("djwsgi-diff-")
            .tempdir()
            .map_err(|error| files::unwritable(&std::env::temp_dir().join("djwsgi-diff"), error))?;
        Ok(Self { folder, made: Vec::new() })
    }

    /// The folder that they are in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A word for the account named by `word`: a number that exists, which no other account has in that spelling.
    /// Apache refuses names that it does not know, and root.
    pub fn account(&mut self, word: &str, is_group: bool) -> String {
        if let Some((stand_in, _)) = self.made.iter().find(|(own, original)| own.starts_with('#') && original == word) {
            return stand_in.clone();
        }
        let nobody = User::from_name("nobody").ok().flatten();
        let (uid, gid) = nobody.map_or((geteuid(), getegid()), |nobody| (nobody.uid, nobody.gid));
        let number = if is_group { gid.as_raw() } else { uid.as_raw() };
        let stand_in = format!("#{}{number}", "0".repeat(self.made.len() + 1));
        self.made.push((stand_in.clone(), word.to_owned()));
        stand_in
    }

    /// A word for the path written as `word`, if what Apache looks for is not on this machine.
    ///
    /// # Errors
    /// When the stand-in can't be made.
    pub fn path(&mut self, word: &str, sought: Sought) -> Result<Option<String>> {
        let path = value(word);
        let place = PathBuf::from(&path);
        let has_variable = word.replace(DOLLAR, "").contains("${");
        // A program, a log of the system's, a variable whose value is not known, a key in a box.
        let is_none = path.starts_with('|') || path.starts_with("syslog") || has_variable;
        if is_none || (!place.is_absolute() && path.contains(':')) {
            return Ok(None);
        }
        let is_there = place.is_absolute()
            && match sought {
                Sought::Folder => place.is_dir(),
                Sought::File => fs::metadata(&place).is_ok_and(|meta| meta.is_file() && meta.len() > 0),
                Sought::Parent => place.parent().is_some_and(Path::is_dir),
            };
        if is_there {
            return Ok(None);
        }
        self.stand_in(word, &path, |own| match sought {
            Sought::Folder => fs::create_dir(own),
            Sought::File => fs::write(own, "stands for a file of the server\n"),
            Sought::Parent => Ok(()),
        })
        .map(Some)
    }

    /// A word for the module written as `word`, which is the file `here` on this machine.
    ///
    /// # Errors
    /// When the stand-in can't be made.
    pub fn module(&mut self, word: &str, here: &Path) -> Result<String> {
        // Each by a link of its own: two paths may lead to one file.
        self.stand_in(word, &value(word), |own| symlink(here, own))
    }

    fn stand_in(&mut self, word: &str, path: &str, make: impl Fn(&Path) -> std::io::Result<()>) -> Result<String> {
        if let Some((stand_in, _)) =
            self.made.iter().find(|(own, original)| own.starts_with('"') && *original == word.replace(DOLLAR, "$"))
        {
            return Ok(stand_in.clone());
        }
        // No name is the beginning of another.
        let own = self.folder.path().join(format!("{}.there", self.made.len()));
        make(&own).map_err(|error| files::unwritable(&own, error))?;
        let text = files::config_text(&own)?;
        let quoted = quote::argument(text);
        self.made.push((quoted.clone(), word.replace(DOLLAR, "$")));
        // Where Apache tells it without its quotes.
        self.made.push((text.to_owned(), path.to_owned()));
        Ok(quoted)
    }

    /// `text` as it was written.
    pub fn restore(&self, text: &str) -> String {
        self.made.iter().fold(text.to_owned(), |text, (own, original)| text.replace(own, original))
    }
}

/// The value of a word.
pub fn value(word: &str) -> String {
    if word.starts_with('"') { quote::argument_of(word) } else { word.trim_matches('\'').to_owned() }
}
