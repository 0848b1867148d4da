//! The servers of one site that are compared.

mod dev;
mod program;
mod runserver;
mod stages;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use super::workshop::Workshop;
use crate::apache::locate::Apache;
use crate::cli::SiteArgs;
use crate::client::Client;
use crate::files;
use crate::process;
use crate::production::deployment::Deployment;
use crate::production::trial::stage::Stage;
use crate::site::resolve::Site;
use program::Program;

/// How long a server may take to load the site.
const LIMIT: Duration = Duration::from_secs(90);

/// What is compared.
pub struct Subject<'a> {
    /// The site in development.
    pub site: &'a Site,
    /// How its commands are called.
    pub args: &'a SiteArgs,
    /// What would be deployed now.
    pub generated: Version<'a>,
    /// What is deployed.
    pub deployed: Option<Version<'a>>,
    /// The Apache of this machine.
    pub apache: &'a Apache,
}

/// A production config and its WSGI script.
pub struct Version<'a> {
    /// What they are made from.
    pub deployment: Deployment<'a>,
    /// The config.
    pub conf: String,
    /// The script.
    pub script: String,
}

/// One of the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `manage.py runserver`
    Runserver,
    /// `djwsgi dev`
    Dev,
    /// The production config as it would be generated now.
    AsProd,
    /// The production config that is there.
    Deployed,
}

impl Kind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Runserver => "runserver",
            Self::Dev => "dev",
            Self::AsProd => "as-prod",
            Self::Deployed => "deployed",
        }
    }
}

/// A server that listens.
pub struct Server {
    /// Which.
    pub kind: Kind,
    /// Talks to it.
    pub client: Client,
    /// The Host header that the site takes.
    pub host: String,
    /// The URL path of the front page.
    pub base: String,
    /// The URL path of static files, if they are this server's.
    pub static_path: Option<String>,
    /// Where Apache serves static files from, if it does.
    pub static_folder: Option<PathBuf>,
    /// The config, where it is one of production.
    pub conf: Option<PathBuf>,
    /// Where its output goes.
    pub logs: PathBuf,
    /// The processes.
    running: Running,
}

/// Ends when dropped.
enum Running {
    Program { _ends: Program },
    Stage(Box<Stage>),
}

impl Server {
    /// The last lines of what it and the site have said.
    pub fn last_lines(&self, count: usize) -> String {
        match &self.running {
            Running::Stage(stage) => stage.last_lines(count),
            Running::Program { .. } => process::last_lines(&output(&self.logs), count),
        }
    }
}

/// Everything that has been written to the files in `logs`, or to that file.
pub fn output(logs: &Path) -> String {
    let entries = if logs.is_dir() { files::sorted_entries(logs).unwrap_or_default() } else { vec![logs.to_owned()] };
    let read = |path: &PathBuf| std::fs::read(path).unwrap_or_default();
    entries.iter().map(|path| String::from_utf8_lossy(&read(path)).into_owned()).collect()
}

/// The servers, and what kept others from starting that can be done without.
pub struct Servers {
    /// Those that listen, in order.
    pub list: Vec<Server>,
    /// Why `manage.py runserver` is not among them.
    pub without_runserver: Option<anyhow::Error>,
}

/// Starts all of them. Must be called from the main thread: the kernel ties them to that.
///
/// # Errors
/// When one of them can't be started.
pub fn start(subject: &Subject, workshop: &Workshop) -> Result<Servers> {
    // They load the site at the same time.
    let runserver = runserver::start(subject, workshop);
    let dev = dev::start(subject, workshop)?;
    let mut list = Vec::new();
    for (kind, version) in [(Kind::AsProd, Some(&subject.generated)), (Kind::Deployed, subject.deployed.as_ref())] {
        if let Some(version) = version {
            list.push(stages::raise(subject, workshop, kind, version)?);
        }
    }
    list.insert(0, dev.ready(subject, workshop)?);
    let without_runserver = match runserver.and_then(|runserver| runserver.ready(subject, workshop)) {
        Ok(server) => {
            list.insert(0, server);
            None
        }
        Err(error) if crate::interrupt::requested() => return Err(error),
        Err(error) => Some(error),
    };
    Ok(Servers { list, without_runserver })
}
