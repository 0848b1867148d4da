//! What was begun by a djwsgi that was killed is ended first: the set that is in its place is served, or the one before
//! it.

use anyhow::Result;

use super::removal;
use super::store::{Journal, Source, Store};
use super::switch::Switch;
use super::{place, renewed};
use crate::live::gate;
use crate::live::line::Line;
use crate::production::manifest::Manifest;
use crate::ui::term::Ui;

/// Ends what was begun for the site of `manifest`.
///
/// # Errors
/// When its set can't be served.
pub fn end(ui: &Ui, store: &Store, line: &Line, manifest: &Manifest) -> Result<()> {
    gate::open_left(&manifest.gate);
    let Some(journal) = store.journal()? else {
        // The last rename of a switch comes after the note that it has ended.
        return store.keep_previous();
    };
    ui.note("what was begun here before was cut off; it is ended first");
    match journal {
        Journal::Removal => removal::end(store, manifest),
        Journal::Switch { wanted, from } => switch(ui, store, line, manifest, &wanted, from),
    }
}

fn switch(ui: &Ui, store: &Store, line: &Line, manifest: &Manifest, wanted: &str, source: Source) -> Result<()> {
    let (live, next) = (Store::manifest(&store.live)?, Store::manifest(&store.next())?);
    if store.is_live(wanted)? {
        let new = live.unwrap_or_else(|| manifest.clone());
        place::lead_to(&new)?;
        let switch = Switch { ui, store, line, old: next, new, source };
        let (gate, pids) = switch.quiet()?;
        return switch.finish(wanted, gate, &pids);
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
