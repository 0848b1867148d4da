//! The folder in which everything of a run is, apart from the site.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::Result;
use tempfile::TempDir;

use super::janitor::Janitor;
use super::probe;
use crate::files;
use crate::production::trial::token;

/// How its name begins.
pub const PREFIX: &str = "djwsgi-parity-";

/// The run folder's sockets have paths of 107 bytes at most.
const LONGEST: usize = 30;

/// The size of the file that a page answers, in bytes.
const LARGE: usize = 300_000;

/// The folder; removed when this is dropped.
pub struct Workshop {
    /// The word that the probe answers to.
    pub token: String,
    folder: TempDir,
    _janitor: Janitor,
}

impl Workshop {
    /// Makes it, with what the probe reads.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn open() -> Result<Self> {
        let folder = files::short_temporary(&std::env::temp_dir(), PREFIX, LONGEST)?;
        let janitor = Janitor::of(folder.path())?;
        let workshop = Self { token: token::token()?, folder, _janitor: janitor };
        for name in ["names", "log", "log/runserver", "log/dev", "dev"] {
            let path = workshop.path(name);
            fs::create_dir(&path).map_err(|error| files::unwritable(&path, error))?;
        }
        files::write_private(&workshop.path("names/ü.txt"), "ü")?;
        files::write_private(&workshop.path("large.bin"), &"large ".repeat(LARGE / 6))?;
        files::write_private(&workshop.path("runserver.py"), probe::RUNSERVER)?;
        Ok(workshop)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A new file for the output `stream` of the program `name`.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn log(&self, name: &str, stream: &str) -> Result<File> {
        let path = self.path("log").join(name).join(stream);
        File::create(&path).map_err(|error| files::unwritable(&path, error))
    }
}
