//! What a set needs of the server, looked at before anything is changed.

use std::fs;
use std::path::Path;

use anyhow::Result;
use nix::unistd::Group;

use super::{certificates, layout};
use crate::identity::Identity;
use crate::live::server::Server;
use crate::production::manifest::Manifest;
use crate::ui::problem::Problem;

/// Looks at account, folders, certificates and ports. Returns the account.
///
/// # Errors
/// When one of them is missing or is somebody else's, with the step of DEPLOY.md that mends it.
pub fn check(manifest: &Manifest, deploy: &Path) -> Result<Identity> {
    let step = |title: &str| format!("{}, {title}", deploy.display());
    layout::check(manifest)?;
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
    }
    ports(manifest)?;
    Ok(Identity { gid: group.gid.as_raw(), ..account })
}

fn missing(what: &str, step: String) -> anyhow::Error {
    Problem::environment(what).hint(step).into()
}

/// Apache ends if somebody else listens where it is to.
fn ports(manifest: &Manifest) -> Result<(), Problem> {
    let server = Server::of(manifest).pid();
    let is_the_servers = |pid: u32| Some(pid) == server || parent(pid).is_some_and(|parent| Some(parent) == server);
    let wanted = [Some(manifest.http_port), manifest.https_port, manifest.buffer_port];
    let listening = listeners::get_all().unwrap_or_default();
    for port in wanted.into_iter().flatten() {
        let taken = listening.iter().find(|listener| {
            let is_tcp = listener.protocol == listeners::Protocol::TCP;
            is_tcp && listener.socket.port() == port && !is_the_servers(listener.process.pid)
        });
        if let Some(listener) = taken {
            let (name, pid) = (&listener.process.name, listener.process.pid);
            return Err(Problem::environment(format!("port {port} is taken by {name} (process {pid})"))
                .hint("end it, or choose another port in djwsgi.toml: [prod] http-port, https-port, buffer-port"));
        }
    }
    Ok(())
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it may hold anything.
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}
