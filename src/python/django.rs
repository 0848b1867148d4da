//! What Django says of a site: asked, never guessed from the text of a settings file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::interpreter::Interpreter;
use crate::answers::Answers;
use crate::process::{self, Finished};
use crate::ui::problem::Problem;

const ASK: &str = include_str!("ask_django.py");
const PRODUCTION_FACTS: &str = include_str!("production_facts.py");
const SETTING_VALUES: &str = include_str!("setting_values.py");

/// What a shell has that every program needs.
const NEEDED: [&str; 5] = ["PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"];

/// Settings that take longer than this to import hang.
const LIMIT: Duration = Duration::from_secs(60);

/// The facts of a site, as its own Django sees them from manage.py.
#[derive(Clone, Debug, Deserialize)]
pub struct DjangoFacts {
    /// Django's version.
    pub django: String,
    /// The settings module of manage.py.
    pub settings: String,
    /// Whether that came from a variable of the user's shell.
    pub settings_from_environment: bool,
    /// The file of the settings module.
    pub settings_file: Option<PathBuf>,
    /// Variables that manage.py itself put into the environment.
    pub added_environment: BTreeMap<String, String>,
    /// The library that read them from a file: "environ" or "dotenv".
    pub env_reader: Option<String>,
    /// Folders that manage.py itself put on `sys.path`.
    pub added_path: Vec<PathBuf>,
    /// `DEBUG`.
    pub debug: bool,
    /// `ALLOWED_HOSTS`.
    pub allowed_hosts: Vec<String>,
    /// `STATIC_URL` as written; relative ones are below the mount point.
    pub static_url: Option<String>,
    /// `STATIC_ROOT`, absolute.
    pub static_root: Option<PathBuf>,
    /// `MEDIA_URL` as written; relative ones are below the mount point.
    pub media_url: Option<String>,
    /// `MEDIA_ROOT`, absolute.
    pub media_root: Option<PathBuf>,
    /// Whether `django.contrib.staticfiles` is installed.
    pub staticfiles: bool,
    /// `WSGI_APPLICATION`, dotted.
    pub wsgi_application: Option<String>,
    /// The files of the site that were read for this, and where more of them were looked for; `None`
    /// where it rests on more than files.
    pub files: Option<Vec<PathBuf>>,
    /// The module of the WSGI application, where it could be looked at.
    pub wsgi: Option<WsgiFacts>,
    /// What only production needs, where it was asked for.
    pub production: Option<ProductionFacts>,
    /// All settings, where they were asked for.
    pub values: Option<Values>,
}

/// All settings of a site.
#[derive(Clone, Debug, Deserialize)]
pub struct Values {
    /// Variables of the environment that were looked up by their names while the settings were loaded.
    pub looked_up: BTreeSet<String>,
    /// By name, with the keys inside of a value: `DATABASES.default.ENGINE`.
    pub settings: BTreeMap<String, SettingValue>,
}

/// The value of a setting.
#[derive(Clone, Debug, Deserialize)]
pub struct SettingValue {
    /// As Python writes it; `None` where it may be secret.
    pub shown: Option<String>,
    /// The same for the same value.
    pub digest: String,
    /// The names in a list of them.
    pub items: Option<Vec<String>>,
}

/// The site's own WSGI module.
#[derive(Clone, Debug, Deserialize)]
pub struct WsgiFacts {
    /// The settings module it names when nobody has named one before.
    pub settings: Option<String>,
    /// Whether it names its own even where one is set already.
    pub insists: bool,
}

/// What only production needs to know.
#[derive(Clone, Debug, Deserialize)]
pub struct ProductionFacts {
    /// `ASGI_APPLICATION`, dotted.
    pub asgi_application: Option<String>,
    /// Whether WhiteNoise serves static files.
    pub whitenoise: bool,
    /// Whether a middleware of the site sends Content-Security-Policy.
    pub sets_csp: bool,
    /// `FORCE_SCRIPT_NAME`.
    pub force_script_name: Option<String>,
    /// Whether the names of collected static files hold a digest of the content.
    pub hashed_static: bool,
    /// `DATA_UPLOAD_MAX_MEMORY_SIZE` in bytes, where the site sets one.
    pub max_memory_body: Option<u64>,
    /// `SECURE_PROXY_SSL_HEADER`: name and value, or empty.
    pub proxy_ssl_header: Vec<String>,
    /// `SECURE_SSL_REDIRECT`
    pub ssl_redirect: bool,
    /// `USE_X_FORWARDED_HOST`
    pub use_x_forwarded_host: bool,
    /// `USE_X_FORWARDED_PORT`
    pub use_x_forwarded_port: bool,
    /// Files and folders that the site writes.
    pub written: Vec<Written>,
    /// Variables whose value is `SECRET_KEY`.
    pub secret_key_variables: Vec<String>,
    /// Files of the repository that hold `SECRET_KEY`, relative to the folder of manage.py.
    pub secret_key_in: Vec<String>,
}

/// A file or folder that the site writes.
#[derive(Clone, Debug, Deserialize)]
pub struct Written {
    /// The setting that names it.
    pub setting: String,
    /// What it is.
    pub kind: WrittenKind,
    /// Where it is.
    pub path: PathBuf,
}

/// What a site writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WrittenKind {
    /// A file, and others beside it.
    File,
    /// A folder.
    Folder,
}

impl Written {
    /// The folder that the site must be able to write in.
    pub fn folder(&self) -> &Path {
        match self.kind {
            WrittenKind::Folder => &self.path,
            WrittenKind::File => self.path.parent().unwrap_or(Path::new("/")),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Failed { error: Failure },
    Facts(Box<DjangoFacts>),
}

#[derive(Deserialize)]
struct Failure {
    stage: String,
    settings_from_environment: bool,
    message: String,
    file: Option<String>,
    line: Option<u32>,
    traceback: String,
}

/// Asks the site at `manage` (its manage.py), with `settings` in place of manage.py's if given, and with
/// `variables` in its environment.
///
/// # Errors
/// When the settings can't be imported (the traceback is shown), or hang.
pub fn ask(
    python: &Interpreter,
    manage: &Path,
    settings: Option<&str>,
    variables: &BTreeMap<String, String>,
    answers: &Answers,
) -> Result<DjangoFacts> {
    answers.ask(command(python, manage, settings, ["", ""]).envs(variables), LIMIT, |finished| {
        let facts = read(python, manage, finished)?;
        let files = facts.files.clone().map(|files| files.into_iter().chain(python.path.iter().cloned()).collect());
        Ok((facts, files))
    })
}

/// Asks it as it would run in production, with `variables` in its environment.
///
/// # Errors
/// As [`ask`].
pub fn ask_for_production(
    python: &Interpreter,
    manage: &Path,
    settings: &str,
    variables: &BTreeMap<String, String>,
) -> Result<DjangoFacts> {
    let mut command = command(python, manage, Some(settings), [PRODUCTION_FACTS, ""]);
    read(python, manage, &process::run(command.envs(variables), LIMIT)?)
}

/// The environment that a site is asked in.
pub struct Surroundings<'a> {
    /// Variables of the site.
    pub variables: &'a BTreeMap<String, String>,
    /// Those of them whose values are secret.
    pub secret: &'a BTreeSet<String>,
    /// Whether the shell's variables are there as well.
    pub has_shells: bool,
}

/// Asks it for all of its settings.
///
/// # Errors
/// As [`ask`].
pub fn values(python: &Interpreter, manage: &Path, settings: &str, around: &Surroundings) -> Result<Values> {
    let mut command = command(python, manage, Some(settings), ["", SETTING_VALUES]);
    if !around.has_shells {
        let needed = NEEDED.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        command.env_clear().env("LANG", "C.UTF-8").envs(needed);
    }
    command.args(around.secret).envs(around.variables);
    let facts = read(python, manage, &process::run(&mut command, LIMIT)?)?;
    facts.values.context("Django has not told the settings")
}

fn command(python: &Interpreter, manage: &Path, settings: Option<&str>, more: [&str; 2]) -> Command {
    let mut command = python.command();
    command.arg("-c").arg(ASK).arg(manage).arg(settings.unwrap_or_default()).args(more);
    command.current_dir(manage.parent().unwrap_or(Path::new("/")));
    command
}

fn read(python: &Interpreter, manage: &Path, finished: &Finished) -> Result<DjangoFacts> {
    match serde_json::from_str(&finished.stdout) {
        Ok(Answer::Facts(facts)) => Ok(*facts),
        Ok(Answer::Failed { error }) => Err(explain(error).into()),
        Err(_) if finished.stderr.contains("Timeout (0:00:50)!") => {
            Err(Problem::environment("the settings took more than 50 s to import and were stopped; they were here")
                .detail(process::last_lines(&finished.stderr, 20))
                .hint("the most recent call is the first one; mend it, then run the command again")
                .into())
        }
        Err(_) => Err(Problem::environment(format!(
            "asking Django for its settings ended without an answer ({})",
            process::describe(finished.status)
        ))
        .detail(process::last_lines(&finished.stderr, 20))
        .hint(format!("{} {} check", python.executable.display(), manage.display()))
        .into()),
    }
}

fn explain(failure: Failure) -> Problem {
    let place = match (&failure.file, failure.line) {
        (Some(file), Some(line)) => format!(" ({file}, line {line})"),
        (Some(file), None) => format!(" ({file})"),
        _ => String::new(),
    };
    let what = match failure.stage.as_str() {
        "settings" => "the settings can't be imported",
        _ => "manage.py can't be run",
    };
    let hint = if failure.settings_from_environment {
        "the settings come from DJANGO_SETTINGS_MODULE in your environment; if that is not meant: unset DJANGO_SETTINGS_MODULE"
    } else {
        "mend the file, then run the command again"
    };
    Problem::environment(format!("{what}: {}{place}", failure.message)).detail(failure.traceback).hint(hint)
}
