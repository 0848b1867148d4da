//! What was begun by a djwsgi that was killed is ended first: the set that is in its place is served, or the one before
//! it.

use std::path::Path;

use anyhow::Result;

use super::removal;
use super::store::{Journal, Source, Store};
use super::switch::Switch;
use super::{place, renewed};
use crate::files;
use crate::identity::Identity;
use crate::live::gate;
use crate::live::line::Line;
use crate::live::server::Server;
use crate::production::manifest::Manifest;
use crate::ui::problem::{Exit, Problem};
use crate::ui::term::Ui;

/// The sets of the site of `manifest` and the line on which its processes report, for this process alone, and nothing
/// begun that has not ended; and whether there was anything.
///
/// # Errors
/// When another has them, or what was begun can't be ended: the set can't be served.
pub fn open(ui: &Ui, manifest: &Manifest, account: &Identity) -> Result<(Store, Line, bool)> {
    let (store, line) = (Store::open(&manifest.name)?, Line::open(manifest, account)?);
    gate::open_left(&manifest.gate);
    let Some(journal) = store.journal()? else {
        // The last rename of a switch comes after the note that it has ended.
        store.keep_previous()?;
        return Ok((store, line, false));
    };
    ui.note("what was begun here before was cut off; it is ended first");
    // Not what is to come: it may be for another server.
    let begun = known(&store)?.unwrap_or_else(|| manifest.clone());
    match journal {
        Journal::Switch { wanted, from } => switch(ui, &store, &line, &begun, &wanted, from)?,
        Journal::Removal => {
            removal::end(&store, &begun)?;
            // These have gone with the rest.
            drop((store, line));
            return Ok((Store::open(&manifest.name)?, Line::open(manifest, account)?, true));
        }
    }
    Ok((store, line, true))
}

/// Has Apache read what is there, if a djwsgi was killed while sets changed places: nobody knows whether it has, and a
/// process that begins anew must not find the one set's script under the other's config. `gate` is the site's.
///
/// # Errors
/// When Apache does not accept it.
pub fn settle(gate: &Path) -> Result<()> {
    let Some(name) = gate.parent().map(files::name) else { return Ok(()) };
    let store = Store::of(&name);
    match Store::manifest(&store.live)? {
        Some(manifest) if store.journal()?.is_some() => Server::of(&manifest).reload(),
        _ => Ok(()),
    }
}

/// Whether the set could not answer, and the one of before does.
fn is_undone(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Problem>().is_some_and(|problem| problem.exit == Exit::Findings)
}

/// What is known of a site whose set may be on its way.
///
/// # Errors
/// When it can't be read.
pub fn known(store: &Store) -> Result<Option<Manifest>> {
    for folder in [store.live.clone(), store.next(), store.at(Source::Staged)] {
        if let Some(manifest) = Store::manifest(&folder)? {
            return Ok(Some(manifest));
        }
    }
    Ok(None)
}

fn switch(ui: &Ui, store: &Store, line: &Line, manifest: &Manifest, wanted: &str, source: Source) -> Result<()> {
    let (live, next) = (Store::manifest(&store.live)?, Store::manifest(&store.next())?);
    if store.is_live(wanted)? {
        let new = live.unwrap_or_else(|| manifest.clone());
        place::lead_to(&new)?;
        let switch = Switch { ui, store, line, old: next, new, source };
        let (gate, pids) = switch.quiet()?;
        return match switch.finish(wanted, gate, &pids) {
            // What was there before is back and serves: that is an end, too.
            Err(error) if store.journal()?.is_none() && is_undone(&error) => {
                ui.warn(&format!("{error:#}"));
                Ok(())
            }
            result => result,
        };
    }
    // It had not come to its place, or had been taken from it again.
    store.give_back(source)?;
    let switch = Switch { ui, store, line, old: live.clone(), new: manifest.clone(), source };
    let (gate, pids) = switch.quiet()?;
    match live {
        Some(old) => renewed::renew(&old, &pids, line)?,
        None => {
            place::take_away(store, manifest)?;
            switch.serve_old(&pids)?;
        }
    }
    drop(gate);
    store.end()
}
