//! What a deployment tells the commands that look after it on the server: `deployment.toml`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::deployment::Deployment;
use super::{modules, server};
use crate::cli::Target;
use crate::files;
use crate::scaffold::templates::Template;

/// The name of its file, in the output folder and beside the WSGI script on the server.
pub const FILE: &str = "deployment.toml";

/// Where deployments are on a server, each in a folder of its name.
pub const DEPLOYMENTS: &str = "/etc/djwsgi";

/// A deployment as the server knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Manifest {
    /// The site's name.
    pub name: String,
    /// What it is laid out for.
    pub target: Target,
    /// The systemd service that serves it.
    pub service: String,
    /// Public host name.
    pub server_name: String,
    /// The public URL of the site's front page.
    pub url: String,
    /// The path of the front page.
    pub front_page: String,
    /// Port for HTTP.
    pub http_port: u16,
    /// Port for HTTPS, where this Apache speaks TLS.
    pub https_port: Option<u16>,
    /// The inner vhost's port.
    pub buffer_port: Option<u16>,
    /// The user of the daemon processes.
    pub user: String,
    /// Their group.
    pub group: String,
    /// The folder of manage.py.
    pub root: PathBuf,
    /// The site's Python.
    pub python: PathBuf,
    /// The WSGI script.
    pub script: PathBuf,
    /// Where the processes report while they are renewed.
    pub renewal: PathBuf,
    /// While something is there, requests to the site wait.
    pub gate: PathBuf,
    /// The config, as the server finds it.
    pub conf: PathBuf,
    /// The server's program.
    pub binary: PathBuf,
    /// Where the server says which process it is.
    pub pid_file: PathBuf,
    /// Beginning of the daemons' socket paths.
    pub socket_prefix: PathBuf,
    /// The folder of its logs.
    pub logs: PathBuf,
    /// The folder of what Apache itself fetches.
    pub data: PathBuf,
    /// The site's certificate, where it is a file.
    pub certificate: Option<PathBuf>,
    /// Its key.
    pub certificate_key: Option<PathBuf>,
    /// Modules that Debian's Apache must be told to load.
    pub modules: Vec<String>,
    /// How many processes there are.
    pub processes: u16,
    /// How long a renewed process may take to become idle, in seconds.
    pub graceful_timeout: u32,
    /// How long its last requests may take then, in seconds.
    pub shutdown_timeout: u32,
    /// How long the site may take to load, in seconds.
    pub startup_timeout: u32,
}

impl Manifest {
    /// That of `deployment`.
    ///
    /// # Errors
    /// When a path can't be expressed.
    pub fn of(deployment: &Deployment) -> Result<Self> {
        let (site, places, prod) = (deployment.site, &deployment.places, &deployment.site.config.prod);
        let certificate = deployment.tls.as_ref().and_then(|tls| tls.certificate.clone());
        let checked = |path: PathBuf| files::config_text(&path).map(drop).map(|()| path.clone());
        Ok(Self {
            name: site.name.clone(),
            target: deployment.target,
            service: server::service(deployment),
            server_name: deployment.server_name.clone(),
            url: deployment.url(),
            front_page: site.base_path(),
            http_port: deployment.ports.0,
            https_port: deployment.tls.as_ref().map(|_| deployment.ports.1),
            buffer_port: deployment.buffer_port,
            user: deployment.account.0.clone(),
            group: deployment.account.1.clone(),
            root: checked(places.there(&site.root))?,
            python: checked(server::python(deployment))?,
            script: checked(places.script.clone())?,
            renewal: places.renewal.clone(),
            gate: places.gate.clone(),
            conf: places.conf.clone(),
            binary: server::binary(deployment),
            pid_file: places.pid_file.clone(),
            socket_prefix: places.socket_prefix.clone(),
            logs: places.access_log.parent().map_or_else(|| "/var/log".into(), Path::to_owned),
            data: places.data.clone(),
            certificate: certificate.clone().map(|(file, _)| checked(file)).transpose()?,
            certificate_key: certificate.map(|(_, key)| checked(key)).transpose()?,
            modules: modules::enabled_for(deployment),
            processes: deployment.processes,
            graceful_timeout: prod.graceful_timeout.unwrap_or(server::GRACEFUL_TIMEOUT),
            shutdown_timeout: prod.shutdown_timeout.unwrap_or(server::SHUTDOWN_TIMEOUT),
            startup_timeout: prod.startup_timeout.unwrap_or(server::STARTUP_TIMEOUT),
        })
    }

    /// The one whose text, of the file `place`, is `text`.
    ///
    /// # Errors
    /// When the text says something else.
    pub fn read(place: &Path, text: &str) -> Result<Self> {
        toml::from_str(text).with_context(|| format!("cannot read {}", place.display()))
    }

    /// Its text; without its provenance line.
    ///
    /// # Errors
    /// When a value can't be expressed.
    pub fn render(&self) -> Result<String> {
        let values = toml::to_string(self)?;
        Template::Manifest.render(&json!({ "name": self.name, "values": values.trim_end() }))
    }

    /// Whether other sites may have the same Apache.
    pub fn is_shared(&self) -> bool {
        matches!(self.target, Target::Debian | Target::Rhel)
    }

    /// Whether people reach the site by HTTPS.
    pub fn is_https(&self) -> bool {
        self.url.starts_with("https:")
    }

    /// Where the one of the site `name` is on a server.
    pub fn place(name: &str) -> PathBuf {
        Path::new(DEPLOYMENTS).join(name).join(FILE)
    }
}
