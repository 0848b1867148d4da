//! The config of the private Apache.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::json;

use super::harness::files as harness;
use super::runtime;
use super::{address, output};
use crate::apache::locate::Apache;
use crate::apache::mod_wsgi::ModWsgi;
use crate::apache::modules;
use crate::cli::ReloadMode;
use crate::files;
use crate::scaffold::conf::{self, Daemon};
use crate::scaffold::script;
use crate::scaffold::templates::Template;
use crate::site::config::DevSection;
use crate::site::resolve::Site;

/// Where systems keep the list of media types.
const TYPES: [&str; 4] = [
    "/etc/mime.types",
    "/etc/apache2/mime.types",
    "/opt/homebrew/etc/httpd/mime.types",
    "/usr/local/etc/httpd/mime.types",
];

/// What uploads usually are, for systems without that list.
const FEW_TYPES: [&str; 8] = [
    "text/html .html",
    "text/css .css",
    "text/javascript .js",
    "application/json .json",
    "image/png .png",
    "image/jpeg .jpg .jpeg",
    "image/svg+xml .svg",
    "application/pdf .pdf",
];

/// Seconds that a graceful stop waits for running requests.
pub const GRACE: u64 = 2;

/// What the command line decides.
pub struct Serving<'a> {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Daemon processes.
    pub processes: u16,
    /// Threads of each.
    pub threads: u16,
    /// The WSGI script.
    pub script: &'a Path,
    /// How code changes are picked up.
    pub reload: ReloadMode,
}

/// Folders and files of the private Apache.
pub struct Folders {
    /// Its ServerRoot.
    pub state: PathBuf,
    /// Its sockets.
    pub run: PathBuf,
    /// Its pid file.
    pub pid_file: PathBuf,
    /// The number of the build that serves.
    pub build_file: PathBuf,
}

impl Folders {
    /// Those of a `dev` that runs with its state in `state` and its sockets in `run`.
    pub fn at(state: &Path, run: &Path) -> Self {
        Self {
            pid_file: runtime::pid_file(run),
            build_file: runtime::build_file(run),
            state: state.to_owned(),
            run: run.to_owned(),
        }
    }
}

/// Processes, threads and reload as djwsgi.toml or nobody says.
pub fn choices(dev: &DevSection) -> (u16, u16, ReloadMode) {
    let (processes, threads) = (dev.processes.map_or(1, u16::from), dev.threads.map_or(conf::DEV_THREADS, u16::from));
    (processes, threads, dev.reload.unwrap_or_default())
}

/// The WSGI script that Apache runs: the site's, or what runs it.
pub fn entry(script: &Path, state: &Path, reload: ReloadMode) -> PathBuf {
    if reload == ReloadMode::Standby { harness::entry(state) } else { script.to_owned() }
}

/// The config of a `djwsgi dev` without flags, and its WSGI script, whether or not one runs.
///
/// # Errors
/// As [`render`].
pub fn usual(site: &Site, apache: &Apache, mod_wsgi: &ModWsgi) -> Result<(String, PathBuf)> {
    let dev = &site.config.dev;
    let (state, run) = runtime::usual_folders(&site.root);
    let (processes, threads, reload) = choices(dev);
    let script = entry(&script::path(&site.root), &state, reload);
    let host = dev.host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let listen = SocketAddr::new(host, dev.port.map_or(address::DEFAULT_PORT, u16::from));
    let serving = Serving { listen, processes, threads, script: &script, reload };
    Ok((render(site, apache, mod_wsgi, &Folders::at(&state, &run), &serving)?, script))
}

/// Renders the config.
///
/// # Errors
/// When Apache lacks a module, or a path can't be expressed.
pub fn render(
    site: &Site,
    apache: &Apache,
    mod_wsgi: &ModWsgi,
    folders: &Folders,
    serving: &Serving,
) -> Result<String> {
    let daemon = Daemon { processes: serving.processes, threads: serving.threads, account: None, limits: Vec::new() };
    let run = files::config_text(&folders.run)?;
    let mut data = conf::data(site, &daemon, serving.script, Path::to_owned)?;
    let own = json!({
        "server_root": files::config_text(&folders.state)?,
        "runtime": run,
        "pid_file": files::config_text(&folders.pid_file)?,
        "socket_prefix": format!("{run}/wsgi"),
        "server_name": "localhost",
        "listen": serving.listen.to_string(),
        "modules": modules::to_load(apache, &mod_wsgi.path)?,
        "types_config": TYPES.iter().find(|path| Path::new(path).exists()),
        "types": FEW_TYPES,
        // The harness is asked before each request only if this is on.
        "script_reloading": serving.reload != ReloadMode::Off,
        "build_file": files::config_text(&folders.build_file)?,
        "numbered": serving.reload == ReloadMode::Standby,
        "grace": GRACE,
        "error_format": output::ERROR_FORMAT,
        "access_format": output::ACCESS_FORMAT,
    });
    data.extend(own.as_object().cloned().unwrap_or_default());
    if serving.reload == ReloadMode::Standby && serving.processes > 1 {
        // The processes that serve are forked from one; written out, even one makes
        // `wsgi.multiprocess` true, as it is for the site.
        data.insert("processes".into(), json!(1));
    }
    conf::refuse_control_characters(&data)?;
    Template::DevConf.render(&data)
}
