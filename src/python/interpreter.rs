//! A Python interpreter, described by itself.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use serde::Deserialize;

use crate::answers::Answers;
use crate::ui::problem::Problem;

const INSPECT: &str = include_str!("inspect_interpreter.py");

/// An interpreter that takes longer than this to describe itself is broken.
const LIMIT: Duration = Duration::from_secs(30);

/// What an interpreter says of itself.
#[derive(Clone, Debug, Deserialize)]
pub struct Interpreter {
    /// The command that started it.
    pub executable: PathBuf,
    /// Major, minor and micro version.
    pub version: (u16, u16, u16),
    /// The virtual environment, or the installation where there is none.
    pub prefix: PathBuf,
    /// The installation behind a virtual environment.
    pub base_prefix: PathBuf,
    /// Where `Python.h` is, if it is installed.
    pub include: PathBuf,
    /// The version of Django installed, if any.
    pub django: Option<String>,
    /// The mod_wsgi installed from PyPI, if any.
    pub mod_wsgi: Option<InstalledModWsgi>,
    /// Where it looks for packages: its `sys.path` without the site's own folders.
    pub path: Vec<PathBuf>,
    /// Those of the module names asked for that this interpreter can import.
    pub known: Vec<String>,
}

/// A mod_wsgi from PyPI inside an environment.
#[derive(Clone, Debug, Deserialize)]
pub struct InstalledModWsgi {
    /// The Apache module.
    pub path: PathBuf,
    /// The version of the distribution.
    pub version: Option<String>,
    /// The Apache that `mod_wsgi-standalone` brings.
    pub httpd: Option<PathBuf>,
}

impl Interpreter {
    /// Asks the interpreter at `path`; `modules` are names whose existence is of interest.
    ///
    /// # Errors
    /// When it can't be started or is no Python 3.
    pub fn inspect(path: &Path, modules: &[&str], answers: &Answers) -> Result<Self> {
        let mut command = Command::new(path);
        // -P would be right, but needs 3.11; -I keeps the working directory and PYTHON* out.
        command.args(["-I", "-c", INSPECT]).args(modules);
        answers.ask(&mut command, LIMIT, |finished| {
            let interpreter: Self = serde_json::from_str(&finished.stdout).map_err(|_| {
                Problem::environment(format!("{} is not a working Python 3", path.display()))
                    .hint("name a virtual environment or an interpreter with --python")
            })?;
            // A stand-in, of pyenv for example, decides each time which one it starts.
            let is_itself = path.canonicalize().ok() == interpreter.executable.canonicalize().ok();
            let files = is_itself.then(|| interpreter.rests_on(path));
            Ok((interpreter, files))
        })
    }

    /// What has another time after an upgrade, an installation or a change of the environment.
    fn rests_on(&self, path: &Path) -> Vec<PathBuf> {
        let mut files = vec![path.to_owned(), self.executable.clone(), self.prefix.join("pyvenv.cfg")];
        files.extend(self.path.iter().cloned());
        files.extend(self.mod_wsgi.iter().map(|own| own.path.clone()));
        files
    }

    /// Whether this is a virtual environment.
    pub fn is_venv(&self) -> bool {
        self.prefix != self.base_prefix
    }

    /// "3.11": what a compiled module is bound to.
    pub fn minor_version(&self) -> String {
        format!("{}.{}", self.version.0, self.version.1)
    }

    /// "3.11.2".
    pub fn full_version(&self) -> String {
        format!("{}.{}.{}", self.version.0, self.version.1, self.version.2)
    }

    /// A command that runs this interpreter.
    pub fn command(&self) -> Command {
        Command::new(&self.executable)
    }

    /// `pip` of this interpreter with `arguments`, quiet about itself.
    pub fn pip(&self, arguments: &[&str]) -> Command {
        let mut command = self.command();
        command
            .args(["-m", "pip", "--disable-pip-version-check", "--no-input"])
            .args(arguments.iter().map(OsString::from));
        command
    }
}
