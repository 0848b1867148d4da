//! A production deployment, every question decided.

mod account;
mod headers;
mod names;
mod tls;

use sha2::{Digest, Sha256};

use crate::apache::locate::Apache;
use crate::apache::mod_wsgi::ModWsgi;
use crate::cli::{ProductionArgs, Target, TlsSource};
use crate::production::places::{self, Places};
use crate::production::versions::Versions;
use crate::site::alias::AliasKind;
use crate::site::resolve::Site;
use crate::ui::problem::Problem;
pub use tls::Tls;

/// 10 MiB: what a request body may have where neither djwsgi.toml nor Django says otherwise.
const MAX_BODY: u64 = 10 * 1024 * 1024;

/// A year, in seconds.
const HSTS: u32 = 31_536_000;

/// Sockets have at most 107 characters in their paths, and the name is not the only part.
const MAX_NAME: usize = 60;

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
    /// Daemon processes.
    pub processes: u16,
    /// Threads of each.
    pub threads: u16,
    /// The largest request body, in bytes.
    pub max_body: u64,
    /// Headers of every answer that the site does not set itself.
    pub headers: Vec<(&'static str, String)>,
    /// Value of Strict-Transport-Security, if any is sent.
    pub hsts: Option<String>,
    /// How long browsers are to keep to HTTPS, in seconds.
    pub hsts_seconds: u32,
    /// Whether they are to do so for all names below the site's too.
    pub hsts_subdomains: bool,
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
        let like_it = apache.filter(|_| places::is_like_here(target));
        let server_name = names::server_name(site, args.server_name.as_deref())?;
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
        let places = Places::of(site, target, like_it.map(|apache| apache.modules.as_path()));
        let tls = tls::tls(site, &places, args, tls_source, &server_name)?;
        let hsts = prod.hsts.unwrap_or(HSTS);
        let sends_hsts = hsts > 0 && tls_source != TlsSource::Off;
        let aliases = names::aliases(site, &server_name);
        let subdomains = headers::hsts_covers_subdomains(site, aliases.iter().chain([&server_name]));
        let below = if subdomains { "; includeSubDomains" } else { "" };
        Ok(Self {
            aliases,
            account: account::account(site)?,
            processes: prod.processes.map_or(2, u16::from),
            threads: prod.threads.map_or(10, u16::from),
            max_body: prod.max_body.unwrap_or_else(|| max_body(site)),
            headers: headers::headers(site),
            hsts: sends_hsts.then(|| format!("max-age={hsts}{below}")),
            hsts_seconds: hsts,
            hsts_subdomains: subdomains,
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
        self.apache_there().is_some() && !self.places.is_moved()
    }

    /// The Apache of this machine, if the server has it in the same way.
    pub fn apache_there(&self) -> Option<&'a Apache> {
        self.apache.filter(|_| places::is_like_here(self.target))
    }

    /// Whether people reach the site by HTTPS.
    pub fn is_https(&self) -> bool {
        self.tls_source != TlsSource::Off
    }

    /// Whether Apache gets and renews the certificate itself.
    pub fn is_managed(&self) -> bool {
        self.tls_source == TlsSource::MdModule
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

    /// Whether Apache serves static files.
    pub fn serves_static(&self) -> bool {
        self.site.aliases().iter().any(|alias| alias.kind == AliasKind::Static)
    }

    /// The umask of the daemon processes: uploads in new folders must be readable for Apache where it serves them.
    pub fn umask(&self) -> &'static str {
        if self.serves_media() { "0022" } else { "0027" }
    }

    /// Whether Apache serves uploads.
    pub fn serves_media(&self) -> bool {
        self.site.aliases().iter().any(|alias| alias.kind == AliasKind::Media)
    }
}

/// Django's own limit where the site sets one that is larger.
fn max_body(site: &Site) -> u64 {
    let own = site.django.production.as_ref().and_then(|facts| facts.max_memory_body);
    own.unwrap_or_default().max(MAX_BODY)
}

/// A port that two sites of one Apache hardly share.
fn port_of(name: &str) -> u16 {
    let digest = Sha256::digest(name.as_bytes());
    let number = u16::from_be_bytes([digest[0], digest[1]]);
    BUFFER_PORTS.start + number % (BUFFER_PORTS.end - BUFFER_PORTS.start)
}
