//! Checking a vhost config with the real Apache: inside a private server's frame, as the
//! system's own config would include it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::check;
use super::locate::Apache;
use super::modules;
use super::quote;
use crate::apache::mod_wsgi::ModWsgi;
use crate::files;
use crate::ui::problem::Problem;

/// Modules that a vhost of ours may use, beyond those of every private server.
const FOR_TLS: [(&str, &str); 2] = [("ssl", "mod_ssl.so"), ("socache_shmcb", "mod_socache_shmcb.so")];

/// Has Apache check `conf`. Certificates need not be on this machine. `Some` tells why it could
/// not be checked here.
///
/// # Errors
/// When Apache does not accept it.
pub fn check(apache: &Apache, mod_wsgi: &ModWsgi, conf: &str) -> Result<Option<String>> {
    let has_tls = apache.built_in.contains("mod_ssl") || apache.modules.join("mod_ssl.so").exists();
    if !has_tls && conf.contains("SSLEngine") {
        return Ok(Some(format!("{} has no mod_ssl", apache.binary.display())));
    }
    let folder = tempfile::Builder::new()
        .prefix("djwsgi-check-")
        .tempdir()
        .map_err(|error| files::unwritable(&std::env::temp_dir().join("djwsgi-check"), error))?;
    let root = folder.path();
    let stand_in = root.join("certificate.pem");
    fs::write(&stand_in, "stands for a certificate that is on another machine\n")
        .with_context(|| format!("cannot write {}", stand_in.display()))?;
    let path = root.join("httpd.conf");
    let text = frame(apache, mod_wsgi, root)? + &with_stand_in(conf, &stand_in);
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    match check::syntax(apache, &path)? {
        Ok(()) => Ok(None),
        Err(complaint) => Err(Problem::findings("Apache does not accept the config").detail(complaint).into()),
    }
}

/// What the system's own config provides.
fn frame(apache: &Apache, mod_wsgi: &ModWsgi, root: &Path) -> Result<String> {
    let quoted = |path: &Path| quote::argument(&path.to_string_lossy());
    let mut text = format!(
        "{}\nServerRoot {}\nDefaultRuntimeDir {}\nServerName localhost\nErrorLog {}\nListen 127.0.0.1:65535\n",
        quote::DOLLAR_DEFINE,
        quoted(root),
        quoted(root),
        quoted(&root.join("error.log")),
    );
    for module in modules::to_load(apache, &mod_wsgi.path)? {
        text += &load_line(&module.name, &module.path);
    }
    for (name, file) in FOR_TLS {
        let path = apache.modules.join(file);
        if path.exists() && !apache.built_in.contains(&format!("mod_{name}")) {
            text += &load_line(&format!("{name}_module"), &path);
        }
    }
    Ok(text)
}

fn load_line(name: &str, path: &Path) -> String {
    format!("LoadModule {name} {}\n", quote::argument(&path.to_string_lossy()))
}

/// `conf` without what may be missing on this machine: Apache looks whether certificates, keys and
/// accounts exist.
fn with_stand_in(conf: &str, stand_in: &Path) -> String {
    let mut text = String::with_capacity(conf.len());
    for line in conf.lines() {
        let directive = line.trim_start();
        let name = directive.split_whitespace().next().unwrap_or_default();
        if name.starts_with("user=") {
            // An account may exist on the target only; Apache looks it up. The line ends in a
            // continuation, so does the one before it.
            continue;
        }
        if name == "SSLCertificateFile" || name == "SSLCertificateKeyFile" {
            text += &format!("{name} {}\n", quote::argument(&stand_in.to_string_lossy()));
        } else {
            text += line;
            text.push('\n');
        }
    }
    text
}
