//! Where `djwsgi dev` listens, and the URL at which the site accepts requests there.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};

use anyhow::Result;

use crate::site::hosts::AllowedHosts;
use crate::site::resolve::Site;
use crate::ui::problem::Problem;

/// The port that is tried first, as `manage.py runserver` does.
pub const DEFAULT_PORT: u16 = 8000;

/// How many ports after the default one are tried.
const TRIED: u16 = 100;

/// A free address: `port` if given, else the default port or the next free one.
///
/// # Errors
/// When the given port is in use (its owner is named) or can't be used, or none is free.
pub fn choose(host: IpAddr, port: Option<u16>) -> Result<SocketAddr> {
    if let Some(port) = port {
        let address = SocketAddr::new(host, port);
        return match TcpListener::bind(address) {
            Ok(_) => Ok(address),
            Err(error) => Err(refused(address, &error).into()),
        };
    }
    for port in DEFAULT_PORT..DEFAULT_PORT + TRIED {
        let address = SocketAddr::new(host, port);
        match TcpListener::bind(address) {
            Ok(_) => return Ok(address),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            Err(error) => return Err(refused(address, &error).into()),
        }
    }
    let last = DEFAULT_PORT + TRIED - 1;
    Err(Problem::environment(format!("the ports {DEFAULT_PORT} to {last} of {host} are all in use"))
        .hint("choose one: --port 9000")
        .into())
}

fn refused(address: SocketAddr, error: &std::io::Error) -> Problem {
    match error.kind() {
        ErrorKind::AddrInUse => Problem::environment(format!("port {} is in use{}", address.port(), owner(address)))
            .hint(format!("stop that, or take a free one: --port {}", next_free(address))),
        ErrorKind::PermissionDenied => Problem::environment(format!("port {} is reserved for root", address.port()))
            .hint("choose one from 1024 on, for example --port 8000"),
        ErrorKind::AddrNotAvailable => Problem::usage(format!("{} is no address of this machine", address.ip()))
            .hint("use --host 127.0.0.1, or 0.0.0.0 for all of this machine's addresses"),
        _ => Problem::environment(format!("cannot listen on {address}: {error}")),
    }
}

/// The first free port after that of `address`.
fn next_free(address: SocketAddr) -> u16 {
    let free = |port: &u16| TcpListener::bind(SocketAddr::new(address.ip(), *port)).is_ok();
    (address.port().saturating_add(1)..=u16::MAX).find(free).unwrap_or(DEFAULT_PORT)
}

/// " by python3 (process 123)", as far as the system lets us know.
fn owner(address: SocketAddr) -> String {
    let listening = listeners::get_all().unwrap_or_default();
    let found = listening.iter().find(|listener| {
        let ip = listener.socket.ip();
        listener.socket.port() == address.port()
            && listener.protocol == listeners::Protocol::TCP
            && (ip == address.ip() || ip.is_unspecified() || address.ip().is_unspecified())
    });
    match found {
        Some(listener) => format!(" by {} (process {})", listener.process.name, listener.process.pid),
        None => " by a process of another user".to_owned(),
    }
}

/// A URL of the site and the parts needed to ask for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteUrl {
    /// For the user and the browser.
    pub url: String,
    /// For a request made from here, whatever the name resolves to.
    pub connect: SocketAddr,
    /// Value of the Host header.
    pub host_header: String,
    /// The URL's path.
    pub path: String,
    /// Whether the name leads to this machine as things are.
    pub resolves: bool,
}

/// The URL for `site` at `listen` that its ALLOWED_HOSTS accepts.
pub fn url(site: &Site, listen: SocketAddr) -> SiteUrl {
    let hosts = AllowedHosts::new(&site.django.allowed_hosts, site.django.debug);
    let connect = SocketAddr::new(reachable(listen.ip()), listen.port());
    let address = match connect.ip() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    let leads_here = |name: &String| resolves_to(name, connect);
    let (host, resolves) = if hosts.accepts(&address) {
        (address, true)
    } else if hosts.accepts("localhost") && leads_here(&"localhost".to_owned()) {
        ("localhost".to_owned(), true)
    } else if let Some(name) = hosts.names().find(leads_here) {
        (name, true)
    } else if let Some(name) = hosts.names().next() {
        (name, false)
    } else {
        (address, true)
    };
    let host_header = if listen.port() == 80 { host } else { format!("{host}:{}", listen.port()) };
    let path = site.base_path();
    SiteUrl { url: format!("http://{host_header}{path}"), connect, host_header, path, resolves }
}

/// The address at which this machine reaches a listener on `ip`.
fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        other => other,
    }
}

/// Browsers take every name below `.localhost` for this machine, whatever the resolver says.
fn resolves_to(name: &str, address: SocketAddr) -> bool {
    let is_local = name == "localhost" || name.ends_with(".localhost");
    if is_local && address.ip().is_loopback() {
        return true;
    }
    (name, address.port()).to_socket_addrs().is_ok_and(|mut found| found.any(|one| one.ip() == address.ip()))
}
