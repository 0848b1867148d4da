//! The sections of djwsgi.toml and their keys.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::path::PathBuf;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::section::section;
use crate::cli::{ReloadMode, Target, TlsProfile, TlsSource};

/// The names of all sections.
pub const NAMES: [&str; 8] = ["site", "python", "static", "media", "env", "dev", "prod", "diff"];

/// The keys of a section; `env` takes any further key as a variable, and `diff` as the name of a difference.
pub fn keys_of(section: &str) -> Option<Vec<String>> {
    match section {
        "site" => Some(SiteSection::keys()),
        "python" => Some(PythonSection::keys()),
        "static" | "media" => Some(FilesSection::keys()),
        "env" | "diff" => Some(Vec::new()),
        "dev" => Some(DevSection::keys()),
        "prod" => Some(ProdSection::keys()),
        _ => None,
    }
}

section! {
    /// `[site]`
    SiteSection {
        /// Daemon process group and file names.
        name: String,
        /// Settings module in place of manage.py's.
        settings: String,
        /// "module:callable" in place of `WSGI_APPLICATION`.
        application: String,
        /// Public host name.
        server_name: String,
        /// Further host names.
        server_aliases: Vec<String>,
        /// URL path below which the site lives.
        mount: String,
    }
}
section! {
    /// `[python]`
    PythonSection {
        /// Virtual environment, or interpreter; relative to the file.
        home: PathBuf,
    }
}
section! {
    /// `[static]` and `[media]`
    FilesSection {
        /// URL prefix.
        url: String,
        /// Folder, relative to the file.
        root: PathBuf,
    }
}
section! {
    /// `[dev]`
    DevSection {
        /// Address to listen on.
        host: IpAddr,
        /// Port to listen on.
        port: NonZeroU16,
        /// Daemon processes.
        processes: NonZeroU16,
        /// Threads of each.
        threads: NonZeroU16,
        /// How changes are picked up.
        reload: ReloadMode,
        /// What is kept loaded for the next save, from 0 to 2.
        standby: u8,
        /// Files and folders, relative to the file, that are reloaded for whoever reads them.
        watch: Vec<PathBuf>,
        /// Patterns as in .gitignore of what is never reloaded for.
        ignore: Vec<String>,
    }
}
section! {
    /// `[prod]`; times in seconds, sizes in bytes
    ProdSection {
        /// What the files are laid out for.
        target: Target,
        /// The folder of manage.py on the server, if it is another one there.
        root: PathBuf,
        /// The virtual environment on the server, if it is another one there.
        python: PathBuf,
        /// Daemon processes.
        processes: NonZeroU16,
        /// Threads of each.
        threads: NonZeroU16,
        /// User the daemons run as.
        user: String,
        /// Their group.
        group: String,
        /// Where TLS ends and who looks after the certificate.
        tls: TlsSource,
        /// Which clients may connect.
        tls_profile: TlsProfile,
        /// Certificate chain, PEM.
        certificate: PathBuf,
        /// Its private key, PEM.
        certificate_key: PathBuf,
        /// E-mail address for the certificate authority.
        contact: String,
        /// Addresses and networks of the balancers in front.
        proxies: Vec<String>,
        /// Port for HTTP.
        http_port: NonZeroU16,
        /// Port for HTTPS.
        https_port: NonZeroU16,
        /// Whether Apache reads a request's body before a thread of the site is taken for it.
        buffer: bool,
        /// The loopback port of the inner vhost that this needs.
        buffer_port: NonZeroU16,
        /// The largest request body.
        max_body: u64,
        /// The file of variables on the server that the WSGI script reads first.
        env_file: PathBuf,
        /// Whether a SECRET_KEY may stand in a file of the repository.
        secret_key_in_repository: bool,
        /// Content-Security-Policy where the site sends none; empty: none.
        csp: String,
        /// `max-age` of Strict-Transport-Security; 0 sends none.
        hsts: u32,
        /// Whether it counts for all names below the site's too.
        hsts_subdomains: bool,
        /// Whether uploads are offered for download only.
        media_download: bool,
        /// Whether the site's own pages are compressed too.
        compress_pages: bool,
        /// A request may take this long.
        request_timeout: u32,
        /// A request may wait this long for a thread.
        queue_timeout: u32,
        /// The application may take this long to load.
        startup_timeout: u32,
        /// A renewed process may take this long to become idle.
        graceful_timeout: u32,
        /// A stopping process may take this long.
        shutdown_timeout: u32,
    }
}

/// `[env]`
#[derive(Clone, Debug, Default, Deserialize)]
pub struct EnvSection {
    /// File of variables, relative to the settings file.
    pub file: Option<PathBuf>,
    /// Literal variables.
    #[serde(flatten)]
    pub values: BTreeMap<String, String>,
}

/// `[diff]`
#[derive(Clone, Debug, Default)]
pub struct DiffSection {
    /// Why something may differ between development and production, by its name.
    pub reasons: BTreeMap<String, String>,
}

impl<'de> Deserialize<'de> for DiffSection {
    /// Names have dots in them, which TOML takes for tables.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        fn add(reasons: &mut BTreeMap<String, String>, name: &str, value: toml::Value) -> Result<(), String> {
            match value {
                toml::Value::String(reason) if !reason.trim().is_empty() => {
                    reasons.insert(name.to_owned(), reason);
                    Ok(())
                }
                toml::Value::Table(table) => table.into_iter().try_for_each(|(key, value)| {
                    let name = if name.is_empty() { key } else { format!("{name}.{key}") };
                    add(reasons, &name, value)
                }),
                _ => Err(format!("[diff] {name} must say why that may differ, in words")),
            }
        }
        let table = toml::Table::deserialize(deserializer)?;
        let mut reasons = BTreeMap::new();
        add(&mut reasons, "", toml::Value::Table(table)).map_err(D::Error::custom)?;
        Ok(Self { reasons })
    }
}
