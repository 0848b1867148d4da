//! djwsgi.toml: the site's settings file, its local overlay, and `[tool.djwsgi]`.

mod section;
mod sections;
mod values;

use std::path::Path;

use anyhow::Result;
use serde::Deserialize;

pub use sections::{DevSection, DiffSection, EnvSection, FilesSection, ProdSection, PythonSection, SiteSection};
pub use values::{is_account_name, is_host_name};

use crate::files;
use crate::ui::problem::Problem;

/// The settings file.
pub const FILE: &str = "djwsgi.toml";
/// The overlay that is not committed.
pub const LOCAL_FILE: &str = "djwsgi.local.toml";

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
    /// `[diff]`
    pub diff: DiffSection,
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
        values::check(&config, name)?;
        Ok(config)
    }

    /// Lays `self` over `base`, key by key.
    fn over(self, base: Self) -> Self {
        let Self { site, python, static_files, media, env, dev, prod, diff, committed_env: _ } = self;
        let mut values = base.env.values;
        values.extend(env.values);
        let mut reasons = base.diff.reasons;
        reasons.extend(diff.reasons);
        Self {
            site: site.or(base.site),
            python: python.or(base.python),
            static_files: static_files.or(base.static_files),
            media: media.or(base.media),
            env: EnvSection { file: env.file.or(base.env.file), values },
            dev: dev.or(base.dev),
            prod: prod.or(base.prod),
            diff: DiffSection { reasons },
            committed_env: EnvSection::default(),
        }
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
        let Some(keys) = sections::keys_of(section) else {
            let known = sections::NAMES.map(str::to_owned);
            return Err(unknown(name, &format!("[{section}]"), section, &known));
        };
        // Any further name there is a variable, or something that differs.
        if section == "env" || section == "diff" {
            continue;
        }
        for key in value.as_table().into_iter().flat_map(toml::Table::keys) {
            if !keys.contains(key) {
                return Err(unknown(name, &format!("{key} in [{section}]"), key, &keys));
            }
        }
    }
    Ok(())
}

fn unknown(file: &str, shown: &str, key: &str, known: &[String]) -> Problem {
    let nearest = known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(key, candidate), candidate))
        .min()
        .filter(|(distance, _)| *distance <= 3);
    let list = known.join(", ");
    let problem = Problem::usage(format!("{file}: unknown key {shown}"));
    match nearest {
        Some((_, candidate)) => problem.hint(format!("did you mean {candidate}? There are: {list}")),
        None => problem.hint(format!("there are: {list}")),
    }
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
    fn reasons_are_known_by_names_with_dots() {
        let text = "[diff]\nA = \"x\"\nB.c.d = \"y\"\n\"E.f[g.h]\" = \"z\"\n";
        let local = Config::parse("[diff]\nA = \"w\"\n", LOCAL_FILE).unwrap();
        let reasons = local.over(Config::parse(text, FILE).unwrap()).diff.reasons;
        let expected = [("A", "w"), ("B.c.d", "y"), ("E.f[g.h]", "z")];
        assert_eq!(reasons, expected.map(|(name, reason)| (name.to_owned(), reason.to_owned())).into());
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
            "[prod]\nuser = \"0\"\n",
            "[prod]\nrequest-timeout = 0\n",
            "[prod]\nproxies = [\"0.0.0.0/0\"]\n",
            "[prod]\nroot = \"srv\"\n",
            "[prod]\nhttp-port = 443\nhttps-port = 443\n",
            "[prod]\ncsp = \"a\\nb\"\n",
            "[env]\nA = 1\n",
            "[diff]\nA = 1\n",
            "[diff]\nA = \" \"\n",
            "diff = \"A\"\n",
            "[dev\n",
        ] {
            assert!(Config::parse(text, FILE).is_err(), "{text}");
        }
    }
}
