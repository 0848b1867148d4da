//! A production config made to run on loopback, by whoever wants to try it: rewritten only in what needs
//! root or the server itself (addresses, accounts, certificates, folders), and every such line is known.

use std::path::PathBuf;

use anyhow::Result;

use super::frame;
use super::place::{FOLDERS, Place};
use super::rewriter::Rewriter;
use crate::apache::locate::Apache;
use crate::apache::quote;
use crate::files;
use crate::production::deployment::Deployment;

/// A config that runs here.
pub struct Rehearsal {
    /// Its text: a frame, if the original is for a shared server, and the original's lines.
    pub text: String,
    /// The lines that differ: as generated, and as they run.
    pub rewritten: Vec<(String, String)>,
    /// The folder of everything it writes.
    pub folder: PathBuf,
}

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
