//! The sets on the server: the one that runs, the one before it, the next. They change places by one rename.
//!
//! `/etc/djwsgi/NAME` is the set that runs. `/etc/djwsgi/.NAME`, which is root's only, has the others: `staged` is made
//! ready, `previous` ran before; one of them becomes `next` and takes the place of the one that runs, which is `next`
//! then. A journal says so meanwhile.

use std::fs::{self, DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::fcntl::{AT_FDCWD, Flock, FlockArg, RenameFlags, renameat2};
use serde::{Deserialize, Serialize};

use super::disk;
use super::layout;
use super::record::{RECORD, Record};
use crate::files;
use crate::production::manifest::{self, DEPLOYMENTS, Manifest};
use crate::ui::problem::Problem;

/// What has been begun and not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Journal {
    /// A set was to run.
    Switch {
        /// Its id.
        wanted: String,
        /// Where it was.
        from: Source,
    },
    /// The site was to be removed.
    Removal,
}

/// Where a set comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// It is new.
    Staged,
    /// It ran before.
    Previous,
}

/// What was done for a site besides its files, to be undone when it is removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traces {
    /// Modules that were enabled.
    pub modules: Vec<PathBuf>,
    /// Folders that were made.
    pub folders: Vec<PathBuf>,
}

/// The sets of a site.
pub struct Store {
    /// The set that runs.
    pub live: PathBuf,
    own: PathBuf,
    _lock: Option<Flock<File>>,
}

impl Store {
    /// Those of the site `name`, for this process alone.
    ///
    /// # Errors
    /// When another has them, or they can't be written.
    pub fn open(name: &str) -> Result<Self> {
        let mut store = Self::of(name);
        let made = DirBuilder::new().recursive(true).mode(0o755).create(DEPLOYMENTS);
        made.map_err(|error| files::unwritable(Path::new(DEPLOYMENTS), error))?;
        match DirBuilder::new().mode(0o700).create(&store.own) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(files::unwritable(&store.own, error)),
            _ => {}
        }
        let lock = Flock::lock(files::open_lock(&store.own.join("lock"))?, FlockArg::LockExclusiveNonblock);
        let busy = || Problem::findings(format!("another djwsgi is activating or rolling back {name}"));
        store._lock = Some(lock.map_err(|_| busy())?);
        Ok(store)
    }

    /// Those of the site `name`, to look at, or in a private copy of /etc.
    pub fn of(name: &str) -> Self {
        Self { live: layout::folder(name), own: Path::new(DEPLOYMENTS).join(format!(".{name}")), _lock: None }
    }

    /// The set that takes the place of the one that runs; after that, the one that ran.
    pub fn next(&self) -> PathBuf {
        self.own.join("next")
    }

    /// The set of `source`.
    pub fn at(&self, source: Source) -> PathBuf {
        self.own.join(match source {
            Source::Staged => "staged",
            Source::Previous => "previous",
        })
    }

    /// What was begun and not ended.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn journal(&self) -> Result<Option<Journal>> {
        read(&self.own.join("journal.json"))
    }

    /// Notes what is begun.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn begin(&self, journal: &Journal) -> Result<()> {
        write(&self.own.join("journal.json"), journal)
    }

    /// It has ended, one way or the other.
    ///
    /// # Errors
    /// When the note can't be removed.
    pub fn end(&self) -> Result<()> {
        disk::remove_file(&self.own.join("journal.json"))
    }

    /// What else was done for the site.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn traces(&self) -> Result<Traces> {
        Ok(read(&self.own.join("traces.json"))?.unwrap_or_default())
    }

    /// Notes what else is done for the site.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn trace(&self, traces: &Traces) -> Result<()> {
        write(&self.own.join("traces.json"), traces)
    }

    /// The set of `source` becomes the next one.
    ///
    /// # Errors
    /// When it can't be moved.
    pub fn take(&self, source: Source) -> Result<()> {
        disk::rename(&self.at(source), &self.next())
    }

    /// The next set goes back to where it came from; a new one is given up.
    ///
    /// # Errors
    /// When it can't be moved.
    pub fn give_back(&self, source: Source) -> Result<()> {
        if source == Source::Previous && self.next().exists() && !self.at(source).exists() {
            return disk::rename(&self.next(), &self.at(source));
        }
        disk::remove_folder(&self.next())?;
        disk::remove_folder(&self.at(Source::Staged))
    }

    /// The next set and the one that runs change places; where none runs, the next one takes its place.
    ///
    /// # Errors
    /// When the file system can't.
    pub fn exchange(&self) -> Result<()> {
        let next = self.next();
        if !self.live.exists() {
            return disk::rename(&next, &self.live);
        }
        renameat2(AT_FDCWD, &next, AT_FDCWD, &self.live, RenameFlags::RENAME_EXCHANGE)
            .map_err(|error| files::unwritable(&self.live, error.into()))?;
        disk::sync(&self.own);
        disk::sync(Path::new(DEPLOYMENTS));
        Ok(())
    }

    /// Takes the set that runs away; there is none in its place then.
    ///
    /// # Errors
    /// When it can't be moved.
    pub fn withdraw(&self) -> Result<()> {
        if !self.live.exists() {
            return Ok(());
        }
        disk::remove_folder(&self.next())?;
        disk::rename(&self.live, &self.next())
    }

    /// Whether the set called `wanted` is in its place.
    ///
    /// # Errors
    /// When that can't be read.
    pub fn is_live(&self, wanted: &str) -> Result<bool> {
        Ok(Self::record(&self.live)?.is_some_and(|record| record.id == wanted))
    }

    /// The set that ran last becomes the previous one.
    ///
    /// # Errors
    /// When it can't be moved.
    pub fn keep_previous(&self) -> Result<()> {
        let (next, previous, old) = (self.next(), self.at(Source::Previous), self.own.join("old"));
        disk::remove_folder(&old)?;
        if !next.exists() {
            return Ok(());
        }
        if previous.exists() {
            disk::rename(&previous, &old)?;
        }
        disk::rename(&next, &previous)?;
        disk::remove_folder(&old)
    }

    /// Removes all of it.
    ///
    /// # Errors
    /// When it can't be removed.
    pub fn remove(&self) -> Result<()> {
        // The journal last: whatever is left without it would be taken for a set.
        for set in [self.next(), self.at(Source::Staged), self.at(Source::Previous)] {
            disk::remove_folder(&set)?;
        }
        disk::remove_folder(&self.own)?;
        // Unless there are others.
        let _ = fs::remove_dir(DEPLOYMENTS);
        Ok(())
    }

    /// What was noted of the set in `folder` when it was put there.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn record(folder: &Path) -> Result<Option<Record>> {
        read(&folder.join(RECORD))
    }

    /// What the set in `folder` says of itself.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn manifest(folder: &Path) -> Result<Option<Manifest>> {
        let path = folder.join(manifest::FILE);
        let manifest = files::read_if_exists(&path)?.map(|text| Manifest::read(&path, &text)).transpose()?;
        manifest.as_ref().map_or(Ok(()), layout::check)?;
        Ok(manifest)
    }
}

/// Notes in `folder`, a set, what it is.
///
/// # Errors
/// When it can't be written.
pub fn note(folder: &Path, record: &Record) -> Result<()> {
    let text = serde_json::to_string(record).context("cannot write JSON")?;
    disk::put(&folder.join(RECORD), text.as_bytes(), disk::READABLE, None)
}

fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<Option<T>> {
    let text = files::read_if_exists(path)?;
    text.map(|text| serde_json::from_str(&text).with_context(|| format!("cannot read {}", path.display()))).transpose()
}

fn write(path: &Path, value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string(value).context("cannot write JSON")?;
    files::write_private(path, &text)?;
    let _ = File::open(path).and_then(|file| file.sync_all());
    path.parent().map(disk::sync);
    Ok(())
}
