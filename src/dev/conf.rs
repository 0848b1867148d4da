//! The config of the private Apache.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Result;
use serde_json::json;

use super::output;
use super::runtime::Runtime;
use crate::apache::locate::Apache;
use crate::apache::mod_wsgi::ModWsgi;
use crate::apache::modules;
use crate::cli::ReloadMode;
use crate::files;
use crate::scaffold::conf::{self, Daemon};
use crate::scaffold::templates::Template;
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

/// Renders the config.
///
/// # Errors
/// When Apache lacks a module, or a path can't be expressed.
pub fn render(
    site: &Site,
    apache: &Apache,
    mod_wsgi: &ModWsgi,
    runtime: &Runtime,
    serving: &Serving,
) -> Result<String> {
    let daemon = Daemon { processes: serving.processes, threads: serving.threads, account: None, limits: Vec::new() };
    let run = files::config_text(&runtime.run)?;
    let mut data = conf::data(site, &daemon, serving.script, Path::to_owned)?;
    let own = json!({
        "server_root": files::config_text(&runtime.state)?,
        "runtime": run,
        "pid_file": files::config_text(&runtime.pid_file())?,
        "socket_prefix": format!("{run}/wsgi"),
        "server_name": "localhost",
        "listen": serving.listen.to_string(),
        "modules": modules::to_load(apache, &mod_wsgi.path)?,
        "types_config": TYPES.iter().find(|path| Path::new(path).exists()),
        "types": FEW_TYPES,
        "script_reloading": serving.reload == ReloadMode::Monitor,
        "build_file": files::config_text(&runtime.build_file())?,
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
