//! Finding the Apache of this machine, or the one that a virtual environment brings.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::answers::Answers;
use crate::process;
use crate::python::interpreter::Interpreter;
use crate::ui::problem::Problem;

/// Where binaries are that an ordinary user's PATH leaves out, by platform.
const BINARIES: [&str; 6] = [
    "/usr/sbin/apache2",
    "/usr/sbin/httpd",
    "/usr/local/sbin/httpd",
    "/usr/local/apache2/bin/httpd",
    "/opt/homebrew/opt/httpd/bin/httpd",
    "/usr/local/opt/httpd/bin/httpd",
];

/// Where the loadable modules are, relative to the folder above the binary's.
const MODULE_FOLDERS: [&str; 4] = ["lib/apache2/modules", "lib64/httpd/modules", "lib/httpd/modules", "modules"];

/// The loader's variable for folders of libraries.
const LIBRARY_VARIABLE: &str = if cfg!(target_vendor = "apple") { "DYLD_LIBRARY_PATH" } else { "LD_LIBRARY_PATH" };

const LIMIT: Duration = Duration::from_secs(20);

/// An Apache on this machine.
#[derive(Clone, Debug)]
pub struct Apache {
    /// The server binary itself, never a wrapper script.
    pub binary: PathBuf,
    /// Its version, for example "2.4.62".
    pub version: String,
    /// The folder of its loadable modules.
    pub modules: PathBuf,
    /// Where its own libraries are, if the loader does not find them by itself: the Apache of
    /// mod_wsgi-standalone is moved after it was linked.
    libraries: Option<PathBuf>,
    /// Names of the modules compiled in, as `apache2 -l` lists them, without `.c`.
    pub built_in: BTreeSet<String>,
}

impl Apache {
    /// The Apache for a site that runs on `python`: the one its `mod_wsgi-standalone` brings,
    /// else this machine's.
    ///
    /// # Errors
    /// When there is none, or it does not run.
    pub fn for_python(python: &Interpreter, answers: &Answers) -> Result<Self> {
        match python.mod_wsgi.as_ref().and_then(|own| own.httpd.as_deref()) {
            Some(httpd) => Self::inspect(httpd, httpd.ancestors().nth(2).map(|prefix| prefix.join("lib")), answers),
            None => Self::of_machine(answers),
        }
    }

    /// Whether this machine has an Apache.
    pub fn is_installed() -> bool {
        binary().is_some()
    }

    /// This machine's Apache.
    ///
    /// # Errors
    /// When there is none, or it does not run.
    pub fn of_machine(answers: &Answers) -> Result<Self> {
        let binary = binary().ok_or_else(|| Problem::environment("Apache is not installed").hint(install_hint()))?;
        Self::inspect(&binary, None, answers)
    }

    fn inspect(binary: &Path, libraries: Option<PathBuf>, answers: &Answers) -> Result<Self> {
        // The folder the binary really lives in: PATH may hold a link.
        let binary = binary.canonicalize().unwrap_or_else(|_| binary.to_owned());
        let version_text = ask(&binary, libraries.as_deref(), "-v", answers)?;
        let version =
            version_text.split("Apache/").nth(1).and_then(|rest| rest.split_whitespace().next()).ok_or_else(|| {
                Problem::environment(format!("{} is not Apache", binary.display()))
                    .detail(process::last_lines(&version_text, 5))
            })?;
        if !version.starts_with("2.4.") {
            return Err(Problem::environment(format!("{} is Apache {version}; djwsgi needs 2.4", binary.display()))
                .hint(install_hint())
                .into());
        }
        let built_in = ask(&binary, libraries.as_deref(), "-l", answers)?
            .lines()
            .filter_map(|line| line.trim().strip_suffix(".c").map(str::to_owned))
            .collect();
        Ok(Self {
            version: version.to_owned(),
            modules: modules_of(&binary)
                .ok_or_else(|| Problem::environment(format!("cannot find the modules of {}", binary.display())))?,
            built_in,
            libraries,
            binary,
        })
    }

    /// A command that runs this Apache.
    pub fn command(&self) -> Command {
        command(&self.binary, self.libraries.as_deref())
    }

    /// The variable that its processes need to find their libraries, if any.
    pub fn library_variable(&self) -> Option<(&'static str, &Path)> {
        self.libraries.as_deref().map(|folder| (LIBRARY_VARIABLE, folder))
    }

    /// Whether mod_wsgi can be compiled against this Apache.
    pub fn has_headers(&self) -> bool {
        ["apxs", "apxs2"].iter().any(|name| which::which(name).is_ok())
            || ["/usr/bin/apxs", "/usr/bin/apxs2", "/usr/sbin/apxs"].iter().any(|path| Path::new(path).exists())
    }

    /// The start of a command line that installs what compiling mod_wsgi needs.
    #[allow(clippy::unused_self)]
    pub fn headers_hint(&self) -> &'static str {
        match Packages::of_machine() {
            Packages::Apt => "apt install apache2-dev python3-dev gcc && ",
            Packages::Dnf => "dnf install httpd-devel python3-devel gcc && ",
            Packages::Brew | Packages::Unknown => "",
        }
    }
}

fn binary() -> Option<PathBuf> {
    ["apache2", "httpd"]
        .iter()
        .find_map(|name| which::which(name).ok())
        .or_else(|| BINARIES.iter().map(PathBuf::from).find(|path| path.exists()))
}

fn command(binary: &Path, libraries: Option<&Path>) -> Command {
    let mut command = Command::new(binary);
    command.envs(libraries.map(|folder| (LIBRARY_VARIABLE, folder)));
    command
}

fn ask(binary: &Path, libraries: Option<&Path>, flag: &str, answers: &Answers) -> Result<String> {
    let files = || [binary.to_owned()].into_iter().chain(libraries.map(Path::to_owned)).collect();
    answers.ask(command(binary, libraries).arg(flag), LIMIT, |finished| {
        let files = if finished.stdout.is_empty() { None } else { Some(files()) };
        Ok((format!("{}{}", finished.stdout, finished.stderr), files))
    })
}

fn modules_of(binary: &Path) -> Option<PathBuf> {
    let prefix = binary.parent()?.parent()?;
    MODULE_FOLDERS.iter().map(|folder| prefix.join(folder)).find(|folder| folder.join("mod_alias.so").exists())
}

/// The package manager of this machine, for hints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packages {
    /// Debian, Ubuntu
    Apt,
    /// Fedora, RHEL
    Dnf,
    /// Homebrew
    Brew,
    /// None that we know
    Unknown,
}

impl Packages {
    /// Finds out by looking for the programs.
    pub fn of_machine() -> Self {
        if which::which("apt-get").is_ok() {
            Self::Apt
        } else if which::which("dnf").is_ok() {
            Self::Dnf
        } else if which::which("brew").is_ok() {
            Self::Brew
        } else {
            Self::Unknown
        }
    }
}

fn install_hint() -> &'static str {
    match Packages::of_machine() {
        Packages::Apt => "apt install apache2 libapache2-mod-wsgi-py3",
        Packages::Dnf => "dnf install httpd python3-mod_wsgi",
        Packages::Brew => "brew install httpd",
        Packages::Unknown => "install Apache 2.4, or into the site's environment: pip install mod_wsgi-standalone",
    }
}
