//! What stands around a production config on loopback.

use std::path::Path;

use anyhow::Result;

use super::place::{BARE, Ports};
use crate::apache::locate::Apache;
use crate::apache::quote;
use crate::files;
use crate::production::deployment::Deployment;
use crate::production::modules;

/// What a shared server's own config provides.
///
/// # Errors
/// When a path can't be expressed.
pub fn frame(deployment: &Deployment, apache: &Apache, folder: &Path, ports: Ports) -> Result<String> {
    let text = |path: &Path| Ok::<_, anyhow::Error>(quote::argument(files::config_text(path)?));
    let mut frame = format!(
        "ServerRoot {}\nDefaultRuntimeDir {}\nPidFile {}\nServerName localhost\nErrorLog {}\nLogLevel warn\n",
        text(&folder.join("etc"))?,
        text(&folder.join("run"))?,
        text(&folder.join("run/httpd.pid"))?,
        text(&folder.join("log/error.log"))?,
    );
    let types = ["/etc/mime.types", "/etc/apache2/mime.types"].into_iter().find(|path| Path::new(path).exists());
    frame += &format!("TypesConfig {}\n", types.unwrap_or("/dev/null"));
    if deployment.ports.0 == 80 {
        frame += &format!("Listen 127.0.0.1:{}\n", ports.http);
    }
    if deployment.tls.is_some() && deployment.ports.1 == 443 {
        frame += &format!("Listen 127.0.0.1:{} https\n", ports.https);
    }
    for (name, path) in modules::of_here(deployment, apache)? {
        frame += &format!("LoadModule {name}_module {}\n", text(&path)?);
    }
    Ok(frame)
}

/// A vhost that grants nothing itself.
///
/// # Errors
/// When a path can't be expressed.
pub fn bare_vhost(folder: &Path, ports: Ports) -> Result<String> {
    let (port, root) = (ports.bare, quote::argument(files::config_text(&folder.join(BARE))?));
    Ok(format!(
        "Listen 127.0.0.1:{port}\n<VirtualHost 127.0.0.1:{port}>\n    ServerName bare.invalid\n    DocumentRoot {root}\n</VirtualHost>\n"
    ))
}
