//! A production deployment, every question decided.

use std::path::PathBuf;

use anyhow::Result;
use sha2::{Digest, Sha256};

use super::places::{self, Places};
use super::versions::Versions;
use crate::apache::locate::Apache;
use crate::apache::mod_wsgi::ModWsgi;
use crate::cli::{ProductionArgs, Target, TlsProfile, TlsSource};
use crate::site::alias::AliasKind;
use crate::site::config::{is_account_name, is_host_name};
use crate::site::hosts::AllowedHosts;
use crate::site::resolve::Site;
use crate::ui::problem::Problem;

/// 10 MiB: what a request body may have where neither djwsgi.toml nor Django says otherwise.
const MAX_BODY: u64 = 10 * 1024 * 1024;

/// A year, in seconds: the least that browsers' preload lists accept is a year.
const HSTS: u32 = 31_536_000;

/// Sockets have at most 107 characters in their paths, and the name is not the only part.
const MAX_NAME: usize = 60;

/// Accounts of Debian's and RHEL's base systems and of common services.
const RESERVED: [&str; 40] = [
    "adm",
    "apache",
    "backup",
    "bin",
    "daemon",
    "dbus",
    "ftp",
    "games",
    "git",
    "gnats",
    "halt",
    "http",
    "irc",
    "list",
    "lp",
    "mail",
    "man",
    "memcached",
    "messagebus",
    "mysql",
    "news",
    "nginx",
    "nobody",
    "operator",
    "polkitd",
    "postfix",
    "postgres",
    "proxy",
    "rabbitmq",
    "redis",
    "root",
    "rpc",
    "shutdown",
    "sshd",
    "sync",
    "sys",
    "systemd",
    "tss",
    "uucp",
    "www",
];

/// A start value that Django's own pages and the admin work with.
const CSP: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; \
                   form-action 'self'; frame-ancestors 'none'";

/// Further headers of every answer that the site does not set itself.
const HEADERS: [(&str, &str); 6] = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
];

/// Inner vhosts listen somewhere in this range, by the name of their site: below the ports that systems
/// take for outgoing connections.
const BUFFER_PORTS: std::ops::Range<u16> = 18_000..28_000;

/// Everything that the files of a deployment are made from.
pub struct Deployment<'a> {
    /// The site.
    pub site: &'a Site,
    /// What it is laid out for.
    pub target: Target,
    /// The versions of the server.
    pub versions: Versions,
    /// The Apache of this machine, if there is one.
    pub apache: Option<&'a Apache>,
    /// The mod_wsgi of the server.
    pub mod_wsgi: &'a ModWsgi,
    /// Where everything lies there.
    pub places: Places,
    /// Public host name.
    pub server_name: String,
    /// Further host names.
    pub aliases: Vec<String>,
    /// TLS in this Apache.
    pub tls: Option<Tls>,
    /// Where TLS ends.
    pub tls_source: TlsSource,
    /// Ports for HTTP and HTTPS.
    pub ports: (u16, u16),
    /// Addresses of the balancers in front.
    pub proxies: Vec<String>,
    /// The inner vhost's port, if request bodies are read before they reach the site.
    pub buffer_port: Option<u16>,
    /// User and group of the daemon processes.
    pub account: (String, String),
    /// The largest request body, in bytes.
    pub max_body: u64,
    /// Headers of every answer that the site does not set itself.
    pub headers: Vec<(&'static str, String)>,
    /// Value of Strict-Transport-Security, if any is sent.
    pub hsts: Option<String>,
}

/// TLS in this Apache.
pub struct Tls {
    /// Which clients may connect.
    pub profile: TlsProfile,
    /// Certificate chain and key; `None` where Apache gets them itself.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// For the certificate authority, where Apache gets its certificate itself.
    pub contact: Option<String>,
}

impl<'a> Deployment<'a> {
    /// Decides everything about the deployment of `site`.
    ///
    /// # Errors
    /// When a flag or a setting is wrong or missing.
    pub fn of(
        site: &'a Site,
        args: &ProductionArgs,
        apache: Option<&'a Apache>,
        mod_wsgi: &'a ModWsgi,
    ) -> Result<Self, Problem> {
        let prod = &site.config.prod;
        let target = args.target.or(prod.target).unwrap_or_else(places::target_here);
        let modules = apache.map(|apache| apache.modules.as_path());
        let server_name = server_name(site, args.server_name.as_deref())?;
        let tls_source = args.tls_source().or(prod.tls).unwrap_or_default();
        let proxies = prod.proxies.clone().unwrap_or_default();
        if tls_source == TlsSource::Proxy && proxies.is_empty() {
            return Err(Problem::usage("tls = \"proxy\" needs the addresses of the balancers: only they are trusted")
                .hint("name them in djwsgi.toml: [prod] proxies = [\"10.0.0.5\"]"));
        }
        if tls_source == TlsSource::Certbot && target == Target::Container {
            return Err(Problem::usage("certbot can't renew a certificate inside a container")
                .hint("tls = \"proxy\" behind a balancer, or tls = \"mod_md\", which renews it itself"));
        }
        if site.name.len() > MAX_NAME {
            return Err(Problem::usage(format!("the site's name {} is too long for the path of a socket", site.name))
                .hint(format!("at most {MAX_NAME} characters, in djwsgi.toml: [site] name = \"shop\"")));
        }
        let ports = (prod.http_port.map_or(80, u16::from), prod.https_port.map_or(443, u16::from));
        // A balancer has the whole body before it asks us.
        let buffers = prod.buffer.unwrap_or(proxies.is_empty());
        let buffer_port = buffers.then(|| prod.buffer_port.map_or_else(|| port_of(&site.name), u16::from));
        if buffer_port.is_some_and(|port| port == ports.0 || port == ports.1) {
            return Err(Problem::usage("[prod] buffer-port is the port of the site itself"));
        }
        if !proxies.is_empty() && buffers {
            return Err(Problem::usage(
                "[prod] buffer = true and proxies exclude each other: what is in front has read the body",
            )
            .hint("leave one of them out"));
        }
        let places = Places::of(site, target, modules);
        let tls = tls(site, &places, args, tls_source, &server_name)?;
        let hsts = prod.hsts.unwrap_or(HSTS);
        let sends_hsts = hsts > 0 && tls_source != TlsSource::Off;
        Ok(Self {
            aliases: aliases(site, &server_name),
            account: account(site)?,
            max_body: prod.max_body.unwrap_or_else(|| max_body(site)),
            headers: headers(site),
            hsts: sends_hsts.then(|| format!("max-age={hsts}; includeSubDomains")),
            versions: Versions::of(target, args, apache, mod_wsgi)?,
            site,
            target,
            apache,
            mod_wsgi,
            places,
            server_name,
            tls,
            tls_source,
            ports,
            proxies,
            buffer_port,
        })
    }

    /// Whether Apache is the site's own, with a config of its own.
    pub fn is_whole_server(&self) -> bool {
        matches!(self.target, Target::Standalone | Target::Container)
    }

    /// Whether it may be meant for this machine.
    pub fn is_for_here(&self) -> bool {
        self.target != Target::Container && !self.places.is_moved() && self.apache.is_some()
    }

    /// Whether people reach the site by HTTPS.
    pub fn is_https(&self) -> bool {
        self.tls_source != TlsSource::Off
    }

    /// Whether certbot looks after the certificate.
    pub fn has_certbot(&self) -> bool {
        self.tls_source == TlsSource::Certbot
    }

    /// The public URL of the site's front page.
    pub fn url(&self) -> String {
        let (scheme, port, usual) = match (&self.tls, self.is_https()) {
            (Some(_), _) => ("https", self.ports.1, 443),
            // The balancer's port is its own affair.
            (None, true) => ("https", 443, 443),
            (None, false) => ("http", self.ports.0, 80),
        };
        let port = if port == usual { String::new() } else { format!(":{port}") };
        format!("{scheme}://{}{port}{}", self.server_name, self.site.base_path())
    }

    /// Whether Apache serves uploads.
    pub fn serves_media(&self) -> bool {
        self.site.aliases().iter().any(|alias| alias.kind == AliasKind::Media)
    }
}

/// The public name: as given, from djwsgi.toml, or from ALLOWED_HOSTS.
fn server_name(site: &Site, given: Option<&str>) -> Result<String, Problem> {
    if let Some(name) = given {
        return if is_host_name(name) {
            Ok(name.to_ascii_lowercase())
        } else {
            Err(Problem::usage(format!("--server-name {name:?} is no host name"))
                .hint("letters, digits, hyphens and dots, for example www.example.com; others as xn--…"))
        };
    }
    let listed = || AllowedHosts::new(&site.django.allowed_hosts, false).public_name();
    let name = site.config.site.server_name.clone().or_else(listed);
    name.map(|name| name.to_ascii_lowercase()).ok_or_else(|| {
        Problem::usage("the site's public name is not known")
            .hint("--server-name www.example.com, or in djwsgi.toml: [site] server-name = \"www.example.com\"")
    })
}

/// Further names: those of djwsgi.toml, else the other public ones of ALLOWED_HOSTS.
fn aliases(site: &Site, server_name: &str) -> Vec<String> {
    let listed = || AllowedHosts::new(&site.django.allowed_hosts, false).public_names().collect();
    let mut names: Vec<String> = site.config.site.server_aliases.clone().unwrap_or_else(listed);
    names.iter_mut().for_each(|name| name.make_ascii_lowercase());
    names.sort();
    names.dedup();
    names.retain(|name| name != server_name);
    names
}

fn tls(
    site: &Site,
    places: &Places,
    args: &ProductionArgs,
    source: TlsSource,
    server_name: &str,
) -> Result<Option<Tls>, Problem> {
    let prod = &site.config.prod;
    let profile = args.tls_profile().or(prod.tls_profile).unwrap_or_default();
    let live = PathBuf::from("/etc/letsencrypt/live").join(server_name);
    let certbots = || (live.join("fullchain.pem"), live.join("privkey.pem"));
    let (certificate, contact) = match source {
        TlsSource::Proxy | TlsSource::Off => return Ok(None),
        TlsSource::Certbot => (Some(certbots()), None),
        TlsSource::Files => {
            let certificate = match (&prod.certificate, &prod.certificate_key) {
                (Some(certificate), Some(key)) => {
                    (places.there(&site.root.join(certificate)), places.there(&site.root.join(key)))
                }
                (None, None) => certbots(),
                _ => {
                    return Err(Problem::usage("one of [prod] certificate and certificate-key is missing")
                        .hint("name both: the chain and its private key"));
                }
            };
            (Some(certificate), None)
        }
        TlsSource::MdModule => {
            let contact = prod.contact.clone().ok_or_else(|| {
                Problem::usage("tls = \"mod_md\" needs an address for the certificate authority")
                    .hint("in djwsgi.toml: [prod] contact = \"ops@example.com\"")
            })?;
            (None, Some(contact))
        }
    };
    Ok(Some(Tls { profile, certificate, contact }))
}

/// The account of the daemon processes: one of the site's own.
fn account(site: &Site) -> Result<(String, String), Problem> {
    let prod = &site.config.prod;
    let own = || {
        let name: String = site.name.to_ascii_lowercase().chars().take(31).collect();
        let name = name.trim_start_matches('_').to_owned();
        // One that is there already belongs to something else.
        if RESERVED.contains(&name.as_str()) { format!("{name}-site") } else { name }
    };
    let user = prod.user.clone().unwrap_or_else(own);
    let group = prod.group.clone().unwrap_or_else(|| user.clone());
    if let Some(name) = [&user, &group].into_iter().find(|name| !is_account_name(name)) {
        return Err(Problem::usage(format!("{name:?} can't be the name of an account"))
            .hint("choose one in djwsgi.toml: [prod] user = \"mysite\""));
    }
    Ok((user, group))
}

/// Django's own limit where the site sets one that is larger.
fn max_body(site: &Site) -> u64 {
    let own = site.django.production.as_ref().and_then(|facts| facts.max_memory_body);
    own.unwrap_or_default().max(MAX_BODY)
}

fn headers(site: &Site) -> Vec<(&'static str, String)> {
    let sets_csp = site.django.production.as_ref().is_some_and(|facts| facts.sets_csp);
    let own = if sets_csp { "" } else { CSP };
    let csp = site.config.prod.csp.clone().unwrap_or_else(|| own.to_owned());
    let fixed = HEADERS.into_iter().map(|(name, value)| (name, value.to_owned()));
    fixed.chain((!csp.is_empty()).then_some(("Content-Security-Policy", csp))).collect()
}

/// A port that two sites of one Apache hardly share.
fn port_of(name: &str) -> u16 {
    let digest = Sha256::digest(name.as_bytes());
    let number = u16::from_be_bytes([digest[0], digest[1]]);
    BUFFER_PORTS.start + number % (BUFFER_PORTS.end - BUFFER_PORTS.start)
}
