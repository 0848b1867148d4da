//! The flags of `djwsgi diff`.

use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{ArgGroup, Args};

use super::{ProductionArgs, SiteArgs};

/// What production decides, by the names of its fields.
const PRODUCTION: [&str; 7] = ["server_name", "target", "tls", "apache", "mod_wsgi", "openssl", "env_file"];

/// `djwsgi diff`.
#[derive(Debug, Args)]
// What production decides asks for a flag --prod. Here each of these is one: there is nothing but production.
#[command(mut_arg("settings", |arg| arg.help("Settings module of production [default: the one wsgi.py names]")))]
#[command(group = ArgGroup::new("prod").multiple(true).args(PRODUCTION))]
pub struct DiffArgs {
    /// The files of a deployment, or its config: what somebody has changed in it has no reason
    #[arg(value_name = "DIR|FILE")]
    pub deployment: Option<PathBuf>,
    /// Where the site is and which Python runs it; the settings are those of production.
    #[command(flatten)]
    pub site: SiteArgs,
    /// Settings module of development [default: [site] settings, else the one manage.py uses]
    #[arg(long, env = "DJWSGI_DEV_SETTINGS", hide_env = true, value_name = "MODULE")]
    pub dev_settings: Option<String>,
    /// What production decides.
    #[command(flatten)]
    pub production: ProductionArgs,
    /// The differences as JSON, every value whole
    #[arg(long, env = "DJWSGI_JSON", hide_env = true, value_parser = FalseyValueParser::new())]
    pub json: bool,
}
