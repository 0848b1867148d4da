//! A site whose first set is rolled back: nothing of it stays on the server.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::store::{Journal, Source, Store};
use super::{disk, layout, place, traces};
use crate::live::daemons::Daemons;
use crate::live::server::Server;
use crate::production::manifest::Manifest;

/// Apache gives processes three seconds to end.
const LIMIT: Duration = Duration::from_secs(10);

/// How often it is looked whether they have.
const LOOK: Duration = Duration::from_millis(20);

/// Removes the site of `manifest`.
///
/// # Errors
/// When something can't be removed, or Apache does not read its config without it.
pub fn run(store: &Store, manifest: &Manifest) -> Result<()> {
    store.begin(&Journal::Removal)?;
    end(store, manifest)
}

/// Ends a removal that has begun.
///
/// # Errors
/// As [`run`].
pub fn end(store: &Store, manifest: &Manifest) -> Result<()> {
    let server = Server::of(manifest);
    if !manifest.is_shared() && server.pid().is_some() {
        server.retire()?;
    }
    let is_read = manifest.is_shared() && server.pid().is_some();
    // The files stay as long as Apache may still read them: it would end without.
    place::unlink(manifest)?;
    if is_read {
        server.reload()?;
        until_gone(&server, manifest)?;
    }
    store.withdraw()?;
    // Each reload cuts long requests of the other sites.
    if traces::remove(store, manifest)? && is_read {
        server.reload()?;
    }
    let _ = fs::remove_dir_all(layout::run(&manifest.name));
    store.remove()
}

/// Takes back what was made for a set that was not put in its place, and if it was the first, all that was made for the
/// site.
///
/// # Errors
/// When it can't be removed.
pub fn give_up(store: &Store, manifest: &Manifest) -> Result<()> {
    if store.journal()?.is_some() {
        return Ok(());
    }
    // The next one may be the one of before, which could not be kept.
    disk::remove_folder(&store.at(Source::Staged))?;
    if store.live.exists() {
        return Ok(());
    }
    traces::remove(store, manifest)?;
    store.remove()
}

/// Waits until Apache has read its config without the site.
fn until_gone(server: &Server, manifest: &Manifest) -> Result<()> {
    let Ok(daemons) = Daemons::of(manifest) else { return Ok(()) };
    let started = Instant::now();
    while started.elapsed() < LIMIT && !daemons.running()?.is_empty() {
        thread::sleep(LOOK);
    }
    if server.pid().is_some() { Ok(()) } else { server.start() }
}
