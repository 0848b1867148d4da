//! The flags of the commands that compare development and production.

use std::path::PathBuf;

use clap::Args;
use clap::builder::FalseyValueParser;

use super::SiteArgs;

/// `djwsgi parity`.
#[derive(Debug, Args)]
pub struct ParityArgs {
    /// Where the site is and which Python runs it.
    #[command(flatten)]
    pub site: SiteArgs,
    /// What is deployed: the folder that deploy-config --output wrote, or a config [default: apache/production, if it is there]
    #[arg(long, env = "DJWSGI_DEPLOYED", hide_env = true, value_name = "DIR|FILE")]
    pub deployed: Option<PathBuf>,
    /// Variables of production [default: .env, where the site does not read it itself]
    #[arg(long, env = "DJWSGI_ENV_FILE", hide_env = true, value_name = "FILE")]
    pub env_file: Option<PathBuf>,
    /// The answers as JSON
    #[arg(long, env = "DJWSGI_JSON", hide_env = true, value_parser = FalseyValueParser::new())]
    pub json: bool,
}
