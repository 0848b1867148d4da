//! The command line: every flag, with the one environment variable that sets it.

mod deploy;
mod diff;
mod live;
mod parity;

use std::net::IpAddr;
use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

pub use deploy::{DeployConfigArgs, ProductionArgs, Target, TlsProfile, TlsSource, TlsWord};
pub use diff::DiffArgs;
pub use live::{ActivateArgs, ExecGateArgs, ExecPrivateArgs, ReloadArgs, RollbackArgs};
pub use parity::ParityArgs;

/// Said below the list of commands.
const AFTER_HELP: &str = "Every flag can be set by a variable: --port by DJWSGI_PORT, --no-input by DJWSGI_NO_INPUT.";

/// Django sites on Apache and mod_wsgi: scaffold, serve with reload, deploy.
#[derive(Debug, Parser)]
#[command(name = "djwsgi", version, about, propagate_version = true, disable_help_subcommand = true, after_help = AFTER_HELP)]
pub struct Cli {
    /// Flags that every command takes.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that every command takes.
#[derive(Clone, Debug, Args)]
pub struct GlobalArgs {
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t = ColorWhen::Auto, help_heading = "Everywhere", env = "DJWSGI_COLOR", hide_env = true, value_name = "WHEN")]
    pub color: ColorWhen,
    /// Never ask; a question that needs an answer is an error
    #[arg(long, global = true, help_heading = "Everywhere", env = "DJWSGI_NO_INPUT", hide_env = true, value_parser = FalseyValueParser::new())]
    pub no_input: bool,
    /// Answer every question with yes
    #[arg(short, long, global = true, help_heading = "Everywhere", env = "DJWSGI_YES", hide_env = true, value_parser = FalseyValueParser::new())]
    pub yes: bool,
    /// Say more about what happens
    #[arg(short, long, global = true, help_heading = "Everywhere", env = "DJWSGI_VERBOSE", hide_env = true, value_parser = FalseyValueParser::new())]
    pub verbose: bool,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    /// Where a terminal shows it
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a new site, or adopt the Django site you stand in
    Init(InitArgs),
    /// Serve the site under Apache and mod_wsgi, reloading on every save
    Dev(DevArgs),
    /// Wait until the running `djwsgi dev` serves what is on the disk, and print its build number
    Wait(WaitArgs),
    /// Print the Apache config of the site; --prod: for production, monitor removed
    DeployConfig(DeployConfigArgs),
    /// Put a generated production set live: checked first, without a failed request, undone if it does not answer
    Activate(ActivateArgs),
    /// Go back to the set before the one that is live
    Rollback(RollbackArgs),
    /// Show what differs between development and production, and why that is allowed
    Diff(DiffArgs),
    /// Renew the code of a live site, process by process, without a failed request
    Reload(ReloadArgs),
    /// Send the same requests to runserver, dev, the production config and what is deployed, and compare the answers
    Parity(ParityArgs),
    /// Serve as `dev` does, beside whoever serves the site already (internal)
    #[command(name = "serve-dev", hide = true)]
    ServeDev(ServeDevArgs),
    /// Remove a folder once the parent process has ended (internal)
    #[command(name = "clean-up", hide = true)]
    CleanUp(CleanUpArgs),
    /// Become Apache, tied to the life of the parent process (internal)
    #[command(name = "exec-server", hide = true)]
    ExecServer(ExecServerArgs),
    /// Keep the gate of a site shut (internal)
    #[command(name = "exec-gate", hide = true)]
    ExecGate(ExecGateArgs),
    /// Become a program in a private copy of the server's folders (internal)
    #[command(name = "exec-private", hide = true)]
    ExecPrivate(ExecPrivateArgs),
}

/// Where the site is and which Python runs it.
#[derive(Clone, Debug, Default, Args)]
pub struct SiteArgs {
    /// The folder of manage.py [default: found from the working directory]
    #[arg(long, env = "DJWSGI_PROJECT_DIR", hide_env = true, value_name = "DIR")]
    pub project_dir: Option<PathBuf>,
    /// The site's virtual environment, or a Python [default: active venv, .venv, venv, env]
    #[arg(long, env = "DJWSGI_PYTHON", hide_env = true, value_name = "PATH")]
    pub python: Option<PathBuf>,
    /// Settings module [default: the one manage.py uses]
    #[arg(long, env = "DJWSGI_SETTINGS", hide_env = true, value_name = "MODULE")]
    pub settings: Option<String>,
}

/// How files are written.
#[derive(Clone, Debug, Args)]
pub struct WriteArgs {
    /// Replace files that differ (a backup is kept)
    #[arg(long, env = "DJWSGI_OVERWRITE", hide_env = true, value_parser = FalseyValueParser::new())]
    pub overwrite: bool,
    /// Show what would be written; write nothing
    #[arg(long, env = "DJWSGI_DRY_RUN", hide_env = true, value_parser = FalseyValueParser::new())]
    pub dry_run: bool,
    /// With --dry-run: show the contents too
    #[arg(long, requires = "dry_run", env = "DJWSGI_DIFF", hide_env = true, value_parser = FalseyValueParser::new())]
    pub diff: bool,
}

/// `djwsgi init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Name of a new site; without it, the existing site here is adopted
    #[arg(allow_hyphen_values = true, conflicts_with = "project_dir")]
    pub name: Option<String>,
    /// Where the site is and which Python runs it.
    #[command(flatten)]
    pub site: SiteArgs,
    /// Which mod_wsgi a new site uses
    #[arg(long, value_enum, default_value_t = ModWsgiChoice::Auto, env = "DJWSGI_MOD_WSGI", hide_env = true)]
    pub mod_wsgi: ModWsgiChoice,
    /// Django requirement of a new site, for example "Django~=5.2"
    #[arg(long, default_value = "Django", env = "DJWSGI_DJANGO", hide_env = true, value_name = "REQUIREMENT")]
    pub django: String,
    /// How files are written.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// Which mod_wsgi a new site uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModWsgiChoice {
    /// The distribution's if it fits the Python, else PyPI's, else the standalone one
    Auto,
    /// The distribution's package
    Distribution,
    /// `mod_wsgi` from PyPI, compiled against the Apache of this machine
    Pypi,
    /// `mod_wsgi-standalone` from PyPI, which brings its own Apache
    Standalone,
}

/// `djwsgi dev`.
#[derive(Debug, Args)]
pub struct DevArgs {
    /// Where the site is and which Python runs it.
    #[command(flatten)]
    pub site: SiteArgs,
    /// Address to listen on [default: 127.0.0.1]
    #[arg(long, env = "DJWSGI_HOST", hide_env = true, value_parser = parse_host)]
    pub host: Option<IpAddr>,
    /// Port to listen on [default: 8000, or the next free one]
    #[arg(long, env = "DJWSGI_PORT", hide_env = true, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// Daemon processes [default: 1]
    #[arg(long, env = "DJWSGI_PROCESSES", hide_env = true, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub processes: Option<u16>,
    /// Threads of each daemon process [default: 5]
    #[arg(long, env = "DJWSGI_THREADS", hide_env = true, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: Option<u16>,
    /// How code changes are picked up [default: standby]
    #[arg(long, value_enum, env = "DJWSGI_RELOAD", hide_env = true)]
    pub reload: Option<ReloadMode>,
    /// What is kept loaded for the next save: 0 nothing, 1 installed packages, 2 the site as well [default: 2]
    #[arg(long, env = "DJWSGI_STANDBY", hide_env = true, value_name = "DEPTH", value_parser = clap::value_parser!(u8).range(0..=2))]
    pub standby: Option<u8>,
    /// Serve the production config itself on loopback; edits are not picked up, as in production
    #[arg(long, conflicts_with_all = ["host", "processes", "threads", "reload", "standby", "open", "user"], env = "DJWSGI_AS_PROD", hide_env = true, value_parser = FalseyValueParser::new())]
    pub as_prod: bool,
    /// Open the site in the browser when it is ready
    #[arg(long, env = "DJWSGI_OPEN", hide_env = true, value_parser = FalseyValueParser::new())]
    pub open: bool,
    /// As root: the user to serve the site as [default: the owner of the site]
    #[arg(long, env = "DJWSGI_USER", hide_env = true, value_name = "NAME")]
    pub user: Option<String>,
}

/// `djwsgi wait`.
#[derive(Debug, Args)]
pub struct WaitArgs {
    /// The folder of manage.py, if it is not the one you stand in or above
    #[arg(long, env = "DJWSGI_PROJECT_DIR", hide_env = true, value_name = "DIR")]
    pub project_dir: Option<PathBuf>,
    /// Seconds to wait at most
    #[arg(long, default_value_t = 60, env = "DJWSGI_TIMEOUT", hide_env = true, value_name = "SECONDS")]
    pub timeout: u64,
}

/// An address, or the name of this machine's own.
fn parse_host(text: &str) -> Result<IpAddr, String> {
    if text == "localhost" {
        return Ok(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));
    }
    text.parse().map_err(|_| "name an address of this machine, for example 127.0.0.1 or 0.0.0.0".to_owned())
}

/// How code changes are picked up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReloadMode {
    /// The next request after a save waits for the new code, of which most is loaded already
    #[default]
    Standby,
    /// A thread in every daemon process watches the loaded files, as under the system's Apache
    Monitor,
    /// Code changes are not picked up
    Off,
}

impl ReloadMode {
    /// Its word on the command line, in settings and in `DJWSGI_RELOAD`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standby => "standby",
            Self::Monitor => "monitor",
            Self::Off => "off",
        }
    }
}

/// The internal server of development.
#[derive(Debug, Args)]
pub struct ServeDevArgs {
    /// Where it keeps everything.
    #[arg(long)]
    pub folder: PathBuf,
    /// The WSGI script.
    #[arg(long)]
    pub script: PathBuf,
    /// As `dev`.
    #[command(flatten)]
    pub dev: DevArgs,
}

/// The internal janitor.
#[derive(Debug, Args)]
pub struct CleanUpArgs {
    /// What is removed.
    #[arg(long)]
    pub folder: PathBuf,
}

/// The internal launcher.
#[derive(Debug, Args)]
pub struct ExecServerArgs {
    /// The process to die with.
    #[arg(long)]
    pub parent: i32,
    /// Without a grace.
    #[arg(long)]
    pub at_once: bool,
    /// The program to become, and its arguments.
    #[arg(last = true, required = true)]
    pub argv: Vec<std::ffi::OsString>,
}
