//! Putting a set where the server finds it, and taking it away.

use std::collections::BTreeMap;
use std::fs;

use anyhow::Result;

use super::disk;
use super::layout;
use super::record::{self, Record};
use super::store::{self, Store};
use crate::files;
use crate::production::manifest::Manifest;

/// Puts the next set in the place of the one that runs.
///
/// # Errors
/// When the file system can't.
pub fn put(store: &Store, manifest: &Manifest) -> Result<()> {
    let lead = || lead_to(manifest);
    // Links lead to nothing while there is no set, which Apache would not start with; and a config that was installed
    // by hand must not stay when its set goes.
    if store.live.join(files::name(&manifest.conf)).exists() {
        lead()?;
        store.exchange()
    } else {
        store.exchange()?;
        lead()
    }
}

/// Makes the links by which the server finds a set.
///
/// # Errors
/// When one can't be made.
pub fn lead_to(manifest: &Manifest) -> Result<()> {
    layout::links(manifest).iter().try_for_each(disk::link)
}

/// Takes the set that runs away; there is none to put in its place.
///
/// # Errors
/// When the file system can't.
pub fn take_away(store: &Store, manifest: &Manifest) -> Result<()> {
    unlink(manifest)?;
    store.withdraw()
}

/// Removes the links that lead to the set of `manifest`: Apache reads it no more.
///
/// # Errors
/// When one can't be removed.
pub fn unlink(manifest: &Manifest) -> Result<()> {
    layout::links(manifest).iter().rev().try_for_each(disk::unlink)
}

/// What somebody installed by hand, with DEPLOY.md, becomes a set: with what is where the links will be, and noted.
/// So does what somebody has put in the place of a link since.
///
/// # Errors
/// When it can't be copied.
pub fn adopt(store: &Store, manifest: &Manifest) -> Result<()> {
    if !store.live.is_dir() {
        return Ok(());
    }
    // The last one is what Apache finds.
    for own in layout::links(manifest) {
        let (link, target) = &own;
        let place = store.live.join(files::name(target));
        let text = if disk::leads(&own) { None } else { files::read_if_exists(link)? };
        if let Some(text) = text.filter(|text| fs::read_to_string(&place).ok().as_ref() != Some(text)) {
            disk::put(&place, text.as_bytes(), disk::READABLE, None)?;
        }
    }
    if Store::record(&store.live)?.is_some() {
        return Ok(());
    }
    store::note(&store.live, &Record { id: record::id(), files: BTreeMap::new() })
}
