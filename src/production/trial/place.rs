//! Where a rehearsal is: its folder, its ports, what it serves.

use std::path::Path;

/// Where the rehearsal listens on loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// In place of the port for HTTP.
    pub http: u16,
    /// In place of the port for HTTPS.
    pub https: u16,
    /// In place of the inner vhost's.
    pub buffer: u16,
    /// Of a vhost that grants nothing itself: what it serves, the config grants to all.
    pub bare: u16,
}

/// Where a rehearsal is.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The folder of everything it writes.
    pub folder: &'a Path,
    /// Where it listens.
    pub ports: Ports,
    /// What it serves.
    pub served: Folders,
}

/// Whose static files and uploads are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folders {
    /// The site's.
    Own,
    /// The rehearsal's: nothing is put among the site's.
    Planted,
}

/// Folders of a rehearsal, relative to its own.
pub const FOLDERS: [&str; 8] =
    ["etc", "run", "log", "data/acme/.well-known/acme-challenge", "tls", STATIC, MEDIA, BARE];

/// In place of the folder of static files.
pub const STATIC: &str = "static";

/// In place of the folder of uploads: nothing is put among real ones.
pub const MEDIA: &str = "media";

/// What the bare vhost would serve.
pub const BARE: &str = "bare";
