//! A rehearsal that runs: a private Apache on loopback with the production config.

use std::ffi::OsString;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustls::RootCertStore;
use tempfile::TempDir;

use super::certificates::Authority;
use super::place::{Folders, Place, Ports};
use super::rehearsal::{self, Rehearsal};
use super::script;
use crate::apache::launch;
use crate::apache::locate::Apache;
use crate::client::Client;
use crate::files;
use crate::identity;
use crate::interrupt;
use crate::process;
use crate::production::deployment::Deployment;
use crate::ui::problem::Problem;

/// A temporary folder whose path is longer, the site's name included, would break the daemons' sockets, whose
/// paths have 107 bytes: the folder's own name and the socket's take the rest.
const LONGEST_TEMPORARY: usize = 64;

/// How long Apache may take to listen.
const LIMIT: Duration = Duration::from_secs(30);

/// How long running requests may take when it ends.
const GRACE: Duration = Duration::from_secs(5);

/// Spare ports are free when they are chosen; somebody else may be faster.
const ATTEMPTS: usize = 5;

/// A running rehearsal; it ends when this is dropped.
pub struct Stage {
    /// What runs.
    pub rehearsal: Rehearsal,
    /// Where it listens.
    pub ports: Ports,
    /// Who has signed its certificates.
    pub authority: Authority,
    child: Child,
    // Removed after Apache has ended.
    _folder: TempDir,
}

/// What is played.
pub struct Play<'a> {
    /// The config, as generated.
    pub conf: &'a str,
    /// The WSGI script, as generated.
    pub script: &'a str,
    /// Python that is added at the end of the script.
    pub tail: &'a str,
    /// Whose static files and uploads are served.
    pub served: Folders,
    /// Where its folder is made, if not where temporary ones are.
    pub place: Option<&'a Path>,
    /// The port that visitors ask, if it must be a certain one.
    pub port: Option<u16>,
}

impl Stage {
    /// Starts Apache and waits until it listens; `prepare` puts what else it needs into its folder.
    ///
    /// # Errors
    /// When it does not start, or this machine can't run the config.
    pub fn raise(
        deployment: &Deployment,
        apache: &Apache,
        play: &Play,
        prepare: impl Fn(&Path) -> Result<()>,
    ) -> Result<Self> {
        if identity::is_root() {
            return Err(Problem::environment("the site belongs to root, whose code must not run with root's rights")
                .hint(format!("give it to a user: chown -R USER: {}", deployment.site.root.display()))
                .into());
        }
        let mut attempt = 1;
        loop {
            match Self::try_raise(deployment, apache, play, &prepare) {
                Err(error) if play.port.is_none() && attempt < ATTEMPTS && error.to_string().contains("AH00072") => {
                    attempt += 1
                }
                result => return result,
            }
        }
    }

    fn try_raise(
        deployment: &Deployment,
        apache: &Apache,
        play: &Play,
        prepare: &impl Fn(&Path) -> Result<()>,
    ) -> Result<Self> {
        let longest = LONGEST_TEMPORARY.saturating_sub(deployment.site.name.len());
        let folder = files::short_temporary(play.place.unwrap_or(&std::env::temp_dir()), "djwsgi-", longest)?;
        let mut ports = spare_ports()?;
        match play.port {
            Some(port) if deployment.tls.is_some() => ports.https = port,
            Some(port) => ports.http = port,
            None => {}
        }
        let here = Place { folder: folder.path(), ports, served: play.served };
        let rehearsal = Rehearsal::of(deployment, apache, play.conf, &here)?;
        rehearsal::lay_out(&rehearsal)?;
        let authority = Authority::new()?;
        let at = |name: &str| folder.path().join(name);
        authority.write(&at("tls/ca.crt"))?;
        let names = [&deployment.server_name].into_iter().chain(&deployment.aliases).cloned().collect();
        authority.issue(names, &at("tls/site.crt"), &at("tls/site.key"))?;
        let catchall = vec!["catchall.invalid".to_owned()];
        authority.issue(catchall, &at("etc/catchall.crt"), &at("etc/catchall.key"))?;
        let script = script::script(deployment, play.script, folder.path())?;
        files::write_private(&at("etc/django.wsgi"), &(script + play.tail))?;
        files::write_private(&at("etc/secrets.env"), &variables(deployment))?;
        prepare(folder.path())?;
        let child = start(deployment, apache, &rehearsal)?;
        let mut stage = Self { rehearsal, ports, authority, child, _folder: folder };
        stage.wait_until_listening()?;
        Ok(stage)
    }

    /// Its pid file is written once it listens. To connect in vain could meet oneself: the ports are of those
    /// that the system takes for outgoing connections.
    fn wait_until_listening(&mut self) -> Result<()> {
        let pid_file = self.rehearsal.pid_file();
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().context("cannot wait for Apache")? {
                return Err(self.complaint(&format!("Apache did not start ({})", process::describe(status))));
            }
            if pid_file.exists() {
                return Ok(());
            }
            if interrupt::requested() {
                return Err(Problem::interrupted().into());
            }
            if started.elapsed() > LIMIT {
                return Err(self.complaint("Apache did not listen within 30 s"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// A client of the site that trusts the stage's own authority only.
    ///
    /// # Errors
    /// When TLS can't be set up.
    pub fn client(&self, deployment: &Deployment) -> Result<Client> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.certificate())?;
        let https = deployment.tls.as_ref().map(|_| self.ports.https);
        Client::trusting(&deployment.server_name, self.ports.http, https, roots)
    }

    /// Whether Apache has ended by itself, and how.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn ended(&mut self) -> Result<Option<String>> {
        Ok(self.child.try_wait().context("cannot wait for Apache")?.map(process::describe))
    }

    /// The last lines of what Apache and the site have logged.
    pub fn last_lines(&self, count: usize) -> String {
        let mut text = String::new();
        for entry in files::sorted_entries(&self.rehearsal.folder.join("log")).unwrap_or_default() {
            if !entry.to_string_lossy().contains("access") {
                text += &fs::read(&entry).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
            }
        }
        let lines: Vec<&str> = text.lines().map(without_brackets).collect();
        process::last_lines(&lines.join("\n"), count)
    }

    fn complaint(&self, what: &str) -> anyhow::Error {
        let detail = self.last_lines(15);
        // Seen by whoever may try again.
        let busy = if detail.contains("AH00072") { " (AH00072)" } else { "" };
        Problem::findings(format!("{what}{busy}")).detail(detail).into()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        process::end_group(&mut self.child, GRACE);
    }
}

/// A line of Apache's log without time, module, process and client.
fn without_brackets(mut line: &str) -> &str {
    while let Some((_, rest)) = line.strip_prefix('[').and_then(|inside| inside.split_once("] ")) {
        line = rest;
    }
    line
}

fn start(deployment: &Deployment, apache: &Apache, rehearsal: &Rehearsal) -> Result<Child> {
    let log = |name: &str| {
        let path = rehearsal.folder.join("log").join(name);
        File::create(&path).map_err(|error| files::unwritable(&path, error))
    };
    let mut command = launch::command(&apache.binary);
    command.arg("-f").arg(rehearsal.conf()).arg("-DFOREGROUND");
    // Nothing of the shell's: on the server there is none.
    command.env_clear().envs(kept_variables()).envs(identity::environment());
    if deployment.target == crate::cli::Target::Container {
        // From outside, as in production.
        command.envs(&deployment.site.variables);
    }
    if let Some((name, folder)) = apache.library_variable() {
        command.env(name, folder);
    }
    command.stdin(Stdio::null()).stdout(log("stdout.log")?).stderr(log("stderr.log")?).process_group(0);
    command.spawn().map_err(|error| process::cannot_start(apache.binary.as_os_str(), error))
}

/// What every program needs, and what marks this one.
fn kept_variables() -> impl Iterator<Item = (OsString, OsString)> {
    const KEPT: [&str; 6] = ["PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"];
    std::env::vars_os()
        .filter(|(name, _)| name.to_str().is_some_and(|name| KEPT.contains(&name) || name.starts_with("DJWSGI_")))
}

/// The variables as the site's file of them on the server.
fn variables(deployment: &Deployment) -> String {
    let quoted = |value: &String| {
        let is_quoted = value.len() > 1 && value.starts_with(['"', '\'']) && value.ends_with(['"', '\'']);
        if is_quoted || value.contains([' ', '#']) { format!("'{value}'") } else { value.clone() }
    };
    deployment.site.variables.iter().map(|(name, value)| format!("{name}={}\n", quoted(value))).collect()
}

/// Ports of loopback that are free now.
fn spare_ports() -> Result<Ports> {
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port of loopback is free");
    // Held together, so that they differ.
    let (http, https, buffer, bare) = (bind()?, bind()?, bind()?, bind()?);
    let number = |listener: &TcpListener| listener.local_addr().map(|address| address.port());
    Ok(Ports { http: number(&http)?, https: number(&https)?, buffer: number(&buffer)?, bare: number(&bare)? })
}
