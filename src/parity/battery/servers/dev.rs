//! `djwsgi dev` as it is, beside the user's own.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Context, Result};

use super::program::Program;
use super::{Kind, Running, Server, Subject};
use crate::apache::launch;
use crate::client::Client;
use crate::dev::address;
use crate::files;
use crate::parity::battery::probe;
use crate::parity::battery::workshop::Workshop;
use crate::scaffold::script;
use crate::ui::problem::Problem;

/// Variables that set flags of `dev`: the site's own settings count.
const NOT_INHERITED: [&str; 8] = [
    "DJWSGI_AS_PROD",
    "DJWSGI_COLOR",
    "DJWSGI_OPEN",
    "DJWSGI_PROCESSES",
    "DJWSGI_RELOAD",
    "DJWSGI_THREADS",
    "DJWSGI_USER",
    "DJWSGI_VERBOSE",
];

/// A spare port is free when it is chosen; somebody else may be faster.
const ATTEMPTS: usize = 5;

/// A dev that may not serve yet.
pub struct Dev {
    program: Program,
    listen: SocketAddr,
}

/// Starts it on a spare port.
///
/// # Errors
/// When it can't be started.
pub fn start(subject: &Subject, workshop: &Workshop) -> Result<Dev> {
    let site = subject.site;
    let own = script::path(&site.root);
    if !own.exists() {
        return Err(Problem::environment(format!("{} is missing", own.display())).hint("djwsgi init").into());
    }
    let variables: Vec<&str> = site.variables.keys().map(String::as_str).collect();
    let tail = probe::tail(&workshop.token, workshop.folder(), &variables)?;
    let place = workshop.path("dev/django.wsgi");
    files::write_private(&place, &probe::around(&own, &tail)?)?;
    let listen = spare_address()?;
    let mut command = launch::command(&launch::itself()?);
    command.arg("serve-dev").arg("--folder").arg(workshop.path("dev")).arg("--script").arg(place);
    command.arg("--project-dir").arg(&site.root).args(["--host", "127.0.0.1"]);
    command.arg("--port").arg(listen.port().to_string());
    command.args(subject.args.python.iter().flat_map(|python| ["--python".into(), python.clone().into_os_string()]));
    command.args(subject.args.settings.iter().flat_map(|settings| ["--settings", settings]));
    for name in NOT_INHERITED {
        command.env_remove(name);
    }
    Ok(Dev { program: Program::start(Kind::Dev.name(), command, workshop)?, listen })
}

impl Dev {
    /// Waits until it serves.
    ///
    /// # Errors
    /// When it ends before.
    pub fn ready(mut self, subject: &Subject, workshop: &Workshop) -> Result<Server> {
        let mut attempt = 1;
        while let Err(error) =
            self.program.wait_for(&workshop.path("log/dev/out"), |text| text.contains("http://").then_some(()))
        {
            if attempt == ATTEMPTS || !is_port_taken(&error) {
                return Err(error);
            }
            attempt += 1;
            self = start(subject, workshop)?;
        }
        let (site, listen) = (subject.site, self.listen);
        let url = address::url(site, listen);
        Ok(Server {
            kind: Kind::Dev,
            client: Client::of_this_machine(&url.host_header, listen.port(), None)?,
            host: url.host_header,
            base: site.base_path(),
            static_path: site.static_path(),
            static_folder: None,
            conf: None,
            logs: workshop.path("log/dev"),
            running: Running::Program { _ends: self.program },
        })
    }
}

/// What dev or its Apache says then.
fn is_port_taken(error: &anyhow::Error) -> bool {
    let said = error.downcast_ref::<Problem>().and_then(|problem| problem.detail.as_deref());
    said.is_some_and(|said| ["is in use", "AH00072", "AH00073"].iter().any(|words| said.contains(words)))
}

/// An address of loopback whose port is free now.
fn spare_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port of loopback is free")?;
    listener.local_addr().context("no port of loopback is free")
}
