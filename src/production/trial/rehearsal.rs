//! A production config made to run on loopback, by whoever wants to try it: rewritten only in what needs
//! root or the server itself (addresses, accounts, certificates, folders), and every such line is known.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::frame;
use super::rewriter::Rewriter;
use crate::apache::locate::Apache;
use crate::apache::quote;
use crate::files;
use crate::production::deployment::Deployment;

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

/// A config that runs here.
pub struct Rehearsal {
    /// Its text: a frame, if the original is for a shared server, and the original's lines.
    pub text: String,
    /// The lines that differ: as generated, and as they run.
    pub rewritten: Vec<(String, String)>,
    /// The folder of everything it writes.
    pub folder: PathBuf,
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

impl Rehearsal {
    /// Rewrites the generated `conf`, to run in its place.
    ///
    /// # Errors
    /// When a path can't be expressed.
    pub fn of(deployment: &Deployment, apache: &Apache, conf: &str, place: &Place) -> Result<Self> {
        let Place { folder, ports, .. } = *place;
        let rewriter = Rewriter::new(deployment, apache, place)?;
        // A folder here may need it where the one on the server does not.
        let mut text = format!("{}\n", quote::DOLLAR_DEFINE);
        if !deployment.is_whole_server() {
            text += &frame::frame(deployment, apache, folder, ports)?;
        }
        let mut rewritten = Vec::new();
        text += &frame::bare_vhost(folder, ports)?;
        for line in conf.lines() {
            let new = rewriter.line(line);
            if new != line {
                rewritten.push((line.trim().to_owned(), new.trim().to_owned()));
            }
            text += &new;
            text.push('\n');
        }
        Ok(Self { text, rewritten, folder: folder.to_owned() })
    }

    /// The config's own path.
    pub fn conf(&self) -> PathBuf {
        self.folder.join("etc/httpd.conf")
    }

    /// Where Apache says which process it is.
    pub fn pid_file(&self) -> PathBuf {
        self.folder.join("run/httpd.pid")
    }
}

/// Makes the rehearsal's folder: its config, and empty stand-ins for certificates.
///
/// # Errors
/// When the folder can't be written to.
pub fn lay_out(rehearsal: &Rehearsal) -> Result<()> {
    let folder = &rehearsal.folder;
    for name in FOLDERS {
        let path = folder.join(name);
        std::fs::create_dir_all(&path).map_err(|error| files::unwritable(&path, error))?;
    }
    for name in ["tls/site.crt", "tls/site.key", "etc/catchall.crt", "etc/catchall.key"] {
        files::write_private(&folder.join(name), "stands for a certificate\n")?;
    }
    files::write_private(&rehearsal.conf(), &rehearsal.text)
}
