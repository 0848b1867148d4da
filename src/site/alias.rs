//! Folders that Apache serves itself.

use std::path::PathBuf;

/// A folder that Apache serves itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// What is in it.
    pub kind: AliasKind,
    /// URL prefix with slashes at both ends.
    pub url: String,
    /// The folder.
    pub folder: PathBuf,
}

/// What an alias serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AliasKind {
    /// Collected static files
    Static,
    /// Uploads
    Media,
}
