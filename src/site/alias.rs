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

impl Alias {
    /// The setting that names the folder.
    pub fn setting(&self) -> &'static str {
        match self.kind {
            AliasKind::Static => "STATIC_ROOT",
            AliasKind::Media => "MEDIA_ROOT",
        }
    }

    /// Why this one is not served.
    pub fn refusal(&self) -> String {
        let name = self.setting();
        format!("{name} {} holds the site's own code: it is not served", self.folder.display())
    }
}
