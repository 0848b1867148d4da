//! Notices of saves.

use std::path::PathBuf;

/// What happened to a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saved {
    /// Its content is complete: written and closed, or renamed to here.
    Written(PathBuf),
    /// It has come or gone; whether that is all, is not known yet.
    Unsettled(PathBuf),
    /// Notices were lost.
    Lost,
    /// From now on files are looked at regularly, for this reason.
    Polling(&'static str),
    /// Such a round is over.
    Looked,
    /// Folders that were to be watched aside are.
    Watched,
}
