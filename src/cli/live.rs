//! The flags of the commands that look after a live site.

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
