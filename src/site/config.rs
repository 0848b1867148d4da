//! djwsgi.toml: the site's settings file, its local overlay, and `[tool.djwsgi]`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Deserialize;

use crate::cli::{ReloadMode, TlsMode};
use crate::files;
use crate::ui::problem::Problem;

/// The settings file.
pub const FILE: &str = "djwsgi.toml";
/// The overlay that is not committed.
pub const LOCAL_FILE: &str = "djwsgi.local.toml";

/// Most daemon processes, and most threads of each, that a config may ask for.
pub const MAX_PROCESSES: u16 = 64;
/// See [`MAX_PROCESSES`].
pub const MAX_THREADS: u16 = 256;

/// Every section and its keys; `env` takes any further key as a variable.
const KEYS: [(&str, &[&str]); 7] = [
    ("site", &["name", "settings", "application", "server-name", "server-aliases", "mount"]),
    ("python", &["home"]),
    ("static", &["url", "root"]),
    ("media", &["url", "root"]),
    ("env", &["file"]),
    ("dev", &["host", "port", "processes", "threads", "reload", "standby", "watch", "ignore"]),
    (
        "prod",
        &[
            "processes",
            "threads",
            "user",
            "group",
            "tls",
            "certificate",
            "certificate-key",
            "request-timeout",
            "queue-timeout",
            "startup-timeout",
            "graceful-timeout",
            "shutdown-timeout",
        ],
    ),
];

/// Declares a section: every key optional, and `or` that names every field, so that a key
/// forgotten in the layering does not compile.
macro_rules! section {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(rename_all = "kebab-case", default)]
        pub struct $name { $($(#[$field_meta])* pub $field: Option<$type>,)* }

        impl $name {
            fn or(self, base: Self) -> Self {
                let Self { $($field,)* } = self;
                Self { $($field: $field.or(base.$field),)* }
            }
        }
    };
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
        host: std::net::IpAddr,
        /// Port to listen on.
        port: std::num::NonZeroU16,
        /// Daemon processes.
        processes: std::num::NonZeroU16,
        /// Threads of each.
        threads: std::num::NonZeroU16,
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
    /// `[prod]`; times in seconds
    ProdSection {
        /// Daemon processes.
        processes: std::num::NonZeroU16,
        /// Threads of each.
        threads: std::num::NonZeroU16,
        /// User the daemons run as.
        user: String,
        /// Their group.
        group: String,
        /// Where TLS ends.
        tls: TlsMode,
        /// Certificate chain, PEM.
        certificate: PathBuf,
        /// Its private key, PEM.
        certificate_key: PathBuf,
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

/// The merged settings of all files.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Config {
    /// `[site]`
    pub site: SiteSection,
    /// `[python]`
    pub python: PythonSection,
    /// `[static]`
    #[serde(rename = "static")]
    pub static_files: FilesSection,
    /// `[media]`
    pub media: FilesSection,
    /// `[env]`
    pub env: EnvSection,
    /// `[dev]`
    pub dev: DevSection,
    /// `[prod]`
    pub prod: ProdSection,
    /// `[env]` without the overlay of this machine: what may stand in files that are committed.
    #[serde(skip)]
    pub committed_env: EnvSection,
}

/// Which files count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layers {
    /// All of them.
    All,
    /// Those that are committed with the site: for files that are committed too.
    Committed,
}

impl Config {
    /// Reads the settings of the site at `root`; all empty where there is no file.
    ///
    /// # Errors
    /// When a file can't be read or parsed, holds an unknown key, or both kinds of file exist.
    pub fn load(root: &Path, layers: Layers) -> Result<Self> {
        let own = files::read_if_exists(&root.join(FILE))?;
        let base = match (own, in_pyproject(root)?) {
            (Some(_), Some(_)) => {
                return Err(Problem::usage(format!("both {FILE} and [tool.djwsgi] in pyproject.toml are there"))
                    .hint("keep one of them")
                    .into());
            }
            (Some(text), None) => Self::parse(&text, FILE)?,
            (None, Some(table)) => Self::from_table(table, "pyproject.toml, [tool.djwsgi]")?,
            (None, None) => Self::default(),
        };
        let committed_env = base.env.clone();
        let local = match layers {
            Layers::All => files::read_if_exists(&root.join(LOCAL_FILE))?,
            Layers::Committed => None,
        };
        let merged = match local {
            Some(text) => Self::parse(&text, LOCAL_FILE)?.over(base),
            None => base,
        };
        Ok(Self { committed_env, ..merged })
    }

    fn parse(text: &str, name: &str) -> Result<Self, Problem> {
        Self::from_table(toml::from_str(text).map_err(|error| wrong_file(name, &error))?, name)
    }

    fn from_table(table: toml::Table, name: &str) -> Result<Self, Problem> {
        check_keys(&table, name)?;
        let config: Self = toml::Value::Table(table).try_into().map_err(|error| wrong_file(name, &error))?;
        config.check_values(name)?;
        Ok(config)
    }

    /// Lays `self` over `base`, key by key.
    fn over(self, base: Self) -> Self {
        let Self { site, python, static_files, media, env, dev, prod, committed_env: _ } = self;
        let mut values = base.env.values;
        values.extend(env.values);
        Self {
            site: site.or(base.site),
            python: python.or(base.python),
            static_files: static_files.or(base.static_files),
            media: media.or(base.media),
            env: EnvSection { file: env.file.or(base.env.file), values },
            dev: dev.or(base.dev),
            prod: prod.or(base.prod),
            committed_env: EnvSection::default(),
        }
    }

    /// What the types can't say.
    fn check_values(&self, name: &str) -> Result<(), Problem> {
        let wrong = |key: &str, rule: &str| Err(Problem::usage(format!("{name}: {key} {rule}")));
        if let Some(site) = &self.site.name
            && !super::name::is_identifier(site)
        {
            return wrong("[site] name", "must be letters, digits and underscores, and no digit first");
        }
        if let Some(mount) = &self.site.mount {
            let plain = mount.chars().all(|c| c.is_ascii_alphanumeric() || "/-._~".contains(c));
            if !mount.starts_with('/') || !plain || mount.contains("//") || mount.split('/').any(|part| part == "..") {
                return wrong("[site] mount", "must be a URL path such as \"/shop\"");
            }
        }
        for (key, url) in [("[static] url", &self.static_files.url), ("[media] url", &self.media.url)] {
            if url.as_ref().is_some_and(|url| url.chars().any(char::is_control)) {
                return wrong(key, "contains a control character");
            }
        }
        if let Some(application) = &self.site.application
            && super::application::Application::parse(application).is_none()
        {
            return wrong("[site] application", "must be \"module:callable\"");
        }
        let counts = [
            ("[dev] processes", self.dev.processes, MAX_PROCESSES),
            ("[dev] threads", self.dev.threads, MAX_THREADS),
            ("[prod] processes", self.prod.processes, MAX_PROCESSES),
            ("[prod] threads", self.prod.threads, MAX_THREADS),
        ];
        if let Some((key, _, most)) =
            counts.iter().find(|(_, count, most)| count.is_some_and(|count| count.get() > *most))
        {
            return wrong(key, &format!("is at most {most}"));
        }
        if self.dev.standby.is_some_and(|depth| depth > 2) {
            return wrong("[dev] standby", "is 0, 1 or 2");
        }
        let hosts = self.site.server_name.iter().chain(self.site.server_aliases.iter().flatten());
        if let Some(host) = hosts.into_iter().find(|host| !is_host_name(host)) {
            return wrong("[site] server-name or server-aliases", &format!("holds {host:?}, which is no host name"));
        }
        for (key, value) in [("user", &self.prod.user), ("group", &self.prod.group)] {
            if value.as_ref().is_some_and(|value| !is_account_name(value)) {
                return wrong(&format!("[prod] {key}"), "is no account name");
            }
        }
        for variable in self.env.values.keys() {
            if !super::name::is_identifier(variable) {
                return wrong(&format!("[env] {variable:?}"), "is no name of a variable");
            }
        }
        Ok(())
    }
}

/// `[tool.djwsgi]` of pyproject.toml.
fn in_pyproject(root: &Path) -> Result<Option<toml::Table>> {
    let Some(text) = files::read_if_exists(&root.join("pyproject.toml"))? else { return Ok(None) };
    let table: toml::Table = match toml::from_str(&text) {
        Ok(table) => table,
        // Somebody else's mistake, unless our settings may be in it.
        Err(error) if text.contains("djwsgi") => return Err(wrong_file("pyproject.toml", &error).into()),
        Err(_) => return Ok(None),
    };
    match table.get("tool").and_then(|tool| tool.get("djwsgi")) {
        None => Ok(None),
        Some(toml::Value::Table(own)) => Ok(Some(own.clone())),
        Some(_) => Err(Problem::usage("pyproject.toml: tool.djwsgi must be a table").into()),
    }
}

fn wrong_file(name: &str, error: &toml::de::Error) -> Problem {
    Problem::usage(format!("{name} can't be read")).detail(error.to_string())
}

fn check_keys(table: &toml::Table, name: &str) -> Result<(), Problem> {
    for (section, value) in table {
        let sections = KEYS.iter().map(|(section, _)| *section);
        let Some((_, keys)) = KEYS.iter().find(|(known, _)| known == section) else {
            return Err(unknown(name, &format!("[{section}]"), section, sections));
        };
        if section == "env" {
            continue;
        }
        for key in value.as_table().into_iter().flat_map(toml::Table::keys) {
            if !keys.contains(&key.as_str()) {
                return Err(unknown(name, &format!("{key} in [{section}]"), key, keys.iter().copied()));
            }
        }
    }
    Ok(())
}

fn unknown<'a>(file: &str, shown: &str, key: &str, known: impl Iterator<Item = &'a str> + Clone) -> Problem {
    let nearest = known
        .clone()
        .map(|candidate| (strsim::damerau_levenshtein(key, candidate), candidate))
        .min()
        .filter(|(distance, _)| *distance <= 3);
    let list = known.collect::<Vec<_>>().join(", ");
    let problem = Problem::usage(format!("{file}: unknown key {shown}"));
    match nearest {
        Some((_, candidate)) => problem.hint(format!("did you mean {candidate}? There are: {list}")),
        None => problem.hint(format!("there are: {list}")),
    }
}

/// RFC 1123: labels of letters, digits and inner hyphens, at most 253 characters.
pub fn is_host_name(host: &str) -> bool {
    host.len() <= 253
        && host.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

/// The portable form of a user's or group's name (`useradd(8)`).
pub fn is_account_name(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && !name.starts_with('-')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        && name != "root"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_an_error_with_a_suggestion() {
        let problem = Config::parse("[dev]\nprot = 8000\n", FILE).unwrap_err();
        assert!(problem.message.contains("prot"), "{problem:?}");
        assert!(problem.hint.is_some_and(|hint| hint.contains("did you mean port?")));
        assert!(Config::parse("[deb]\n", FILE).unwrap_err().hint.is_some_and(|hint| hint.contains("dev")));
    }

    #[test]
    fn the_overlay_wins_key_by_key() {
        let base = Config::parse("[dev]\nport = 1\nthreads = 2\n[env]\nA = \"1\"\nB = \"2\"\n", FILE).unwrap();
        let merged = Config::parse("[dev]\nport = 9\n[env]\nB = \"3\"\n", LOCAL_FILE).unwrap().over(base);
        assert_eq!(merged.dev.port.map(u16::from), Some(9));
        assert_eq!(merged.dev.threads.map(u16::from), Some(2));
        assert_eq!(merged.env.values["A"], "1");
        assert_eq!(merged.env.values["B"], "3");
    }

    #[test]
    fn wrong_values_are_refused() {
        for text in [
            "[dev]\nport = 0\n",
            "[dev]\nport = 70000\n",
            "[dev]\nhost = \"nonsense\"\n",
            "[dev]\nreload = \"magic\"\n",
            "[dev]\nthreads = 60000\n",
            "[prod]\nprocesses = 65\n",
            "[media]\nurl = \"/a\\nErrorDocument 404 x\"\n",
            "[site]\nname = \"a b\"\n",
            "[site]\nmount = \"shop\"\n",
            "[site]\nserver-name = \"a b\"\n",
            "[site]\napplication = \"nonsense\"\n",
            "[prod]\nuser = \"root\"\n",
            "[env]\nA = 1\n",
            "[dev\n",
        ] {
            assert!(Config::parse(text, FILE).is_err(), "{text}");
        }
    }

    #[test]
    fn host_names_follow_rfc_1123() {
        for host in ["a.example", "localhost", "x-1.example.org"] {
            assert!(is_host_name(host), "{host}");
        }
        for host in ["", "*", "a b", "a/b", "a@b", "-a", "a..b", "mañana.es"] {
            assert!(!is_host_name(host), "{host}");
        }
        assert!(!is_host_name(&"a.".repeat(130)));
    }
}
