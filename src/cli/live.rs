//! The flags of the commands that look after a live site.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use clap::builder::FalseyValueParser;

/// `djwsgi reload`.
#[derive(Debug, Args)]
pub struct ReloadArgs {
    /// The site [default: the one you stand in, or the only one that is deployed here]
    pub name: Option<String>,
    /// Load the new code in a process that serves nobody first; nothing is touched if it can't answer
    #[arg(long, env = "DJWSGI_CHECK", hide_env = true, value_parser = FalseyValueParser::new())]
    pub check: bool,
}

/// `djwsgi activate`.
#[derive(Debug, Args)]
pub struct ActivateArgs {
    /// The folder that `deploy-config --prod --output` has written
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Replace files that somebody has edited on the server (a rollback brings them back)
    #[arg(long, env = "DJWSGI_OVERWRITE", hide_env = true, value_parser = FalseyValueParser::new())]
    pub overwrite: bool,
    /// List every step; do none
    #[arg(long, env = "DJWSGI_DRY_RUN", hide_env = true, value_parser = FalseyValueParser::new())]
    pub dry_run: bool,
}

/// `djwsgi rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// The site [default: the one you stand in, or the only one that is deployed here]
    pub name: Option<String>,
    /// Remove the site from this machine instead, with all its sets; code and data stay
    #[arg(long, env = "DJWSGI_REMOVE", hide_env = true, value_parser = FalseyValueParser::new())]
    pub remove: bool,
    /// Remove it though somebody has edited its files
    #[arg(long, env = "DJWSGI_OVERWRITE", hide_env = true, value_parser = FalseyValueParser::new())]
    pub overwrite: bool,
    /// Say what would be done; do nothing
    #[arg(long, env = "DJWSGI_DRY_RUN", hide_env = true, value_parser = FalseyValueParser::new())]
    pub dry_run: bool,
}

/// The internal keeper of a gate.
#[derive(Debug, Args)]
pub struct ExecGateArgs {
    /// Where the gate is.
    pub path: PathBuf,
}

/// The internal start of a program in a private copy of the server's folders.
#[derive(Debug, Args)]
pub struct ExecPrivateArgs {
    /// The process to die with.
    #[arg(long)]
    pub parent: i32,
    /// The site.
    #[arg(long)]
    pub name: String,
    /// The set that ran before takes the place of the one that runs, not the new one.
    #[arg(long)]
    pub previous: bool,
    /// Neither: a set, as JSON, that is not to be there any more.
    #[arg(long, value_name = "JSON")]
    pub removed: Option<String>,
    /// A link of Apache's modules that is not to be there any more.
    #[arg(long, value_name = "LINK")]
    pub without: Vec<PathBuf>,
    /// A server that listens, in a network of its own.
    #[arg(long)]
    pub starts: bool,
    /// Whom to become.
    #[arg(long)]
    pub user: Option<String>,
    /// The program to become, and its arguments.
    #[arg(last = true, required = true)]
    pub argv: Vec<OsString>,
}
