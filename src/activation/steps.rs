//! What an activation would do, in words.

use anyhow::Result;

use super::parcel::{Parcel, SECRETS};
use super::store::Store;
use super::{certificates, disk, layout, modules, stage};
use crate::live::server::Server;
use crate::production::manifest::Manifest;

/// The steps by which `parcel` goes live, in order.
///
/// # Errors
/// When the server's folders can't be read.
pub fn of(store: &Store, parcel: &Parcel) -> Result<Vec<String>> {
    let manifest = &parcel.manifest;
    let (name, live) = (&manifest.name, store.live.display());
    let takes_variables = stage::takes_variables(&store.live, parcel)?;
    let mut steps = vec![format!("make the new set ready in /etc/djwsgi/.{name}/staged:")];
    steps.extend(
        parcel
            .files
            .iter()
            .filter(|(own, _)| own != SECRETS || takes_variables)
            .map(|(own, _)| format!("    {own}, as {live}/{own}")),
    );
    if parcel.text(SECRETS).is_some() && !takes_variables {
        steps.push(format!("    {SECRETS} of the server stays"));
    }
    if manifest.https_port.is_some() && !certificates::has_catch_all(&store.live) {
        steps.push("    a certificate for whoever asks for none of the sites".to_owned());
    }
    steps.extend(beside(manifest));
    steps.push("have Apache read and start it, and the site answer, in a private copy of /etc".to_owned());
    let server = Server::of(manifest);
    if store.live.exists() && server.pid().is_some() {
        steps.push("wait until the running requests have been answered; new ones wait meanwhile".to_owned());
    }
    steps.push(if store.live.exists() {
        format!("exchange {live} with it; the one of now becomes /etc/djwsgi/.{name}/previous")
    } else {
        format!("put it in its place, {live}")
    });
    for (link, target) in layout::links(manifest).into_iter().filter(|own| !disk::leads(own)) {
        steps.push(format!("link {} to {}", link.display(), target.display()));
    }
    steps.push(match server.pid() {
        Some(pid) => format!("have Apache (process {pid}) read its config again"),
        None => format!("systemctl enable and start {}", manifest.service),
    });
    steps.push(format!(
        "wait for the answer of each process, and of {}; without it, all of this is undone",
        manifest.url
    ));
    Ok(steps)
}

/// What is made beside the set.
fn beside(manifest: &Manifest) -> Vec<String> {
    let folders = layout::folders(manifest).into_iter().filter(|(folder, _)| !folder.exists());
    let folders = folders.map(|(folder, mode)| format!("make {} (mode {mode:o})", folder.display()));
    let missing = modules::missing(&manifest.modules);
    let modules = (!missing.is_empty()).then(|| format!("a2enmod {}", missing.join(" ")));
    folders.chain(modules).collect()
}
