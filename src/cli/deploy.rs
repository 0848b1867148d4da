//! The flags of `djwsgi deploy-config`.

use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};

use super::{SiteArgs, WriteArgs};

/// `djwsgi deploy-config`.
#[derive(Debug, Args)]
pub struct DeployConfigArgs {
    /// Where the site is and which Python runs it.
    #[command(flatten)]
    pub site: SiteArgs,
    /// The production config: monitor removed, hardened, limits set, TLS
    #[arg(long, env = "DJWSGI_PROD", hide_env = true, value_parser = FalseyValueParser::new())]
    pub prod: bool,
    /// Write everything that belongs to it into this folder instead of printing the config
    #[arg(long, env = "DJWSGI_OUTPUT", hide_env = true, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// What production decides.
    #[command(flatten)]
    pub production: ProductionArgs,
    /// Start it on loopback and show that it keeps its promises; with --output: the files that are there
    #[arg(long, requires = "prod", conflicts_with_all = ["overwrite", "dry_run"], env = "DJWSGI_PROVE", hide_env = true, value_parser = FalseyValueParser::new())]
    pub prove: bool,
    /// Compare the files of a deployment, or one of them, with what would be generated now; exit status 1 if they differ
    #[arg(long, requires = "prod", conflicts_with_all = ["output", "prove", "overwrite", "dry_run"], env = "DJWSGI_CHECK_PATH", hide_env = true, value_name = "DIR|FILE")]
    pub check: Option<PathBuf>,
    /// With --prove or --check: the result as JSON
    #[arg(long, requires = "prod", env = "DJWSGI_JSON", hide_env = true, value_parser = FalseyValueParser::new())]
    pub json: bool,
    /// How files are written.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// What the production config is for.
#[derive(Clone, Debug, Default, Args)]
pub struct ProductionArgs {
    /// Public host name of the site [default: [site] server-name, else from ALLOWED_HOSTS]
    #[arg(long, requires = "prod", env = "DJWSGI_SERVER_NAME", hide_env = true, value_name = "NAME")]
    pub server_name: Option<String>,
    /// What the files are laid out for [default: what fits this machine]
    #[arg(long, requires = "prod", value_enum, env = "DJWSGI_TARGET", hide_env = true)]
    pub target: Option<Target>,
    /// Where TLS ends and who looks after the certificate; which clients may connect [default: files,intermediate]
    #[arg(
        long,
        requires = "prod",
        value_enum,
        value_delimiter = ',',
        env = "DJWSGI_TLS",
        hide_env = true,
        value_name = "WORDS"
    )]
    pub tls: Vec<TlsWord>,
    /// The Apache of the server, if it is not this machine's, for example 2.4.52
    #[arg(long, requires = "prod", env = "DJWSGI_APACHE", hide_env = true, value_name = "VERSION")]
    pub apache: Option<String>,
    /// The mod_wsgi of the server, if it is not this machine's, for example 4.9.4
    #[arg(long, requires = "prod", env = "DJWSGI_MOD_WSGI_VERSION", hide_env = true, value_name = "VERSION")]
    pub mod_wsgi: Option<String>,
    /// The OpenSSL of the server, if it is not this machine's, for example 3.0
    #[arg(long, requires = "prod", env = "DJWSGI_OPENSSL", hide_env = true, value_name = "VERSION")]
    pub openssl: Option<String>,
    /// Variables of production to check the site with [default: .env, where the site does not read it itself]
    #[arg(long, requires = "prod", env = "DJWSGI_ENV_FILE", hide_env = true, value_name = "FILE")]
    pub env_file: Option<PathBuf>,
}

/// What a deployment is laid out for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// The system's Apache on Debian, Ubuntu
    Debian,
    /// The system's Apache on RHEL, Fedora, Rocky, Alma
    Rhel,
    /// An Apache of the site's own, as a systemd service beside the system's
    Standalone,
    /// A container image, Apache as its first process
    Container,
}

/// Where TLS ends and who looks after the certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsSource {
    /// In this Apache, with certificate files that somebody else renews
    #[default]
    Files,
    /// In this Apache, with the certificate of certbot
    Certbot,
    /// In this Apache, which gets its certificate itself by mod_md
    #[serde(rename = "mod_md")]
    MdModule,
    /// In a balancer in front
    Proxy,
    /// Nowhere: plain HTTP
    Off,
}

/// Which clients may connect, in Mozilla's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsProfile {
    /// TLS 1.2 and 1.3
    #[default]
    Intermediate,
    /// TLS 1.3 only
    Modern,
}

/// A word of `--tls`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TlsWord {
    /// Certificate files that somebody else renews
    Files,
    /// The certificate of certbot
    Certbot,
    /// Apache gets its certificate itself
    #[value(name = "mod_md")]
    MdModule,
    /// TLS ends in a balancer in front
    Proxy,
    /// Plain HTTP
    Off,
    /// TLS 1.2 and 1.3
    Intermediate,
    /// TLS 1.3 only
    Modern,
}

impl ProductionArgs {
    /// The source that `--tls` names; of several the last.
    pub fn tls_source(&self) -> Option<TlsSource> {
        self.tls.iter().rev().find_map(|word| match word {
            TlsWord::Files => Some(TlsSource::Files),
            TlsWord::Certbot => Some(TlsSource::Certbot),
            TlsWord::MdModule => Some(TlsSource::MdModule),
            TlsWord::Proxy => Some(TlsSource::Proxy),
            TlsWord::Off => Some(TlsSource::Off),
            TlsWord::Intermediate | TlsWord::Modern => None,
        })
    }

    /// The profile that `--tls` names; of several the last.
    pub fn tls_profile(&self) -> Option<TlsProfile> {
        self.tls.iter().rev().find_map(|word| match word {
            TlsWord::Intermediate => Some(TlsProfile::Intermediate),
            TlsWord::Modern => Some(TlsProfile::Modern),
            _ => None,
        })
    }
}
