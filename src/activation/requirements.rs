//! What a set needs of the server, looked at before anything is changed.

use std::net::{IpAddr, TcpListener};
use std::path::Path;

use anyhow::Result;
use nix::unistd::Group;

use super::certificates;
use super::parcel::Parcel;
use crate::files;
use crate::identity::Identity;
use crate::live::server::Server;
use crate::process;
use crate::production::manifest::Manifest;
use crate::ui::problem::Problem;
use crate::ui::term::Ui;

/// Looks at account, folders, certificates and ports. Returns the account.
///
/// # Errors
/// When one of them is missing or is somebody else's, with the step of DEPLOY.md that mends it.
pub fn check(ui: &Ui, parcel: &Parcel, deploy: &Path) -> Result<Identity> {
    let manifest = &parcel.manifest;
    let step = |title: &str| format!("{}, {title}", deploy.display());
    let Ok(account) = Identity::named(&manifest.user) else {
        return Err(missing(&format!("there is no account {}", manifest.user), step("Accounts")));
    };
    let Some(group) = Group::from_name(&manifest.group).ok().flatten() else {
        return Err(missing(&format!("there is no group {}", manifest.group), step("Accounts")));
    };
    for path in [&manifest.root, &manifest.python] {
        if !path.exists() {
            return Err(missing(&format!("{} is not there", path.display()), step("Code")));
        }
    }
    if !Server::of(manifest).is_installed() {
        return Err(missing(&format!("{} is not installed", manifest.service), step("Packages")));
    }
    if let (Some(certificate), Some(key)) = (&manifest.certificate, &manifest.certificate_key) {
        certificates::check(certificate, key)?;
        let name = &manifest.server_name;
        // A balancer that does not look at the name may be in front.
        if !certificates::names(certificate, name)? {
            ui.warn(&format!("{} does not name {name}: browsers will refuse it", certificate.display()));
        }
    }
    ports(manifest, parcel.text(&files::name(&manifest.conf)).unwrap_or_default())?;
    Ok(Identity { gid: group.gid.as_raw(), ..account })
}

fn missing(what: &str, step: String) -> anyhow::Error {
    Problem::environment(what).hint(step).into()
}

/// Apache ends if it can't listen somewhere.
fn ports(manifest: &Manifest, conf: &str) -> Result<(), Problem> {
    let server = Server::of(manifest).pid();
    let is_the_servers =
        |pid: u32| Some(pid) == server || process::parent(pid).is_some_and(|parent| Some(parent) == server);
    let listening = listeners::get_all().unwrap_or_default();
    let shared = [Some(manifest.http_port), manifest.https_port, manifest.buffer_port].into_iter().flatten();
    for (address, port) in listens(conf).into_iter().chain(shared.map(|port| (None, port))) {
        let taken = listening.iter().find(|listener| {
            let is_tcp = listener.protocol == listeners::Protocol::TCP;
            is_tcp && listener.socket.port() == port && !is_the_servers(listener.process.pid)
        });
        if let Some(listener) = taken {
            let (name, pid) = (&listener.process.name, listener.process.pid);
            return Err(Problem::environment(format!("port {port} is taken by {name} (process {pid})"))
                .hint("end it, or choose another port in djwsgi.toml: [prod] http-port, https-port, buffer-port"));
        }
        if let Some(address) = address.filter(|address| TcpListener::bind((*address, 0)).is_err()) {
            return Err(Problem::environment(format!("{address} is no address of this machine")));
        }
    }
    Ok(())
}

/// Addresses and ports of the lines `Listen`, which somebody may have edited.
fn listens(conf: &str) -> Vec<(Option<IpAddr>, u16)> {
    let values = conf.lines().filter_map(|line| line.trim().strip_prefix("Listen ")?.split_whitespace().next());
    let parts = |value: &str| {
        let (address, port) = value.rsplit_once(':').unwrap_or(("", value));
        Some((address.trim_matches(['[', ']']).parse().ok(), port.parse().ok()?))
    };
    values.filter_map(parts).collect()
}
