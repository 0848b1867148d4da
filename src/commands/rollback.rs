//! `djwsgi rollback`: the set before the one that serves.

use anyhow::Result;

use super::activate::require_root;
use crate::activation::store::{Source, Store};
use crate::activation::switch::Switch;
use crate::activation::{edits, recovery, rehearsal, removal};
use crate::cli::RollbackArgs;
use crate::files;
use crate::identity::Identity;
use crate::live::deployed;
use crate::production::manifest::Manifest;
use crate::site::name::is_identifier;
use crate::ui::problem::Problem;
use crate::ui::prompt;
use crate::ui::term::Ui;

/// Puts the previous set in the place of the one that serves; without one, removes the site.
///
/// # Errors
/// When the previous set can't answer: the one of now serves then.
pub fn run(ui: &Ui, args: &RollbackArgs) -> Result<()> {
    let manifest = find(args.name.as_deref())?;
    let name = &manifest.name;
    require_root(&format!("djwsgi rollback {name}"))?;
    let store = Store::of(name);
    let is_cut_off = store.journal()?.is_some();
    if !is_cut_off && Store::record(&store.live)?.is_none() {
        return Err(Problem::environment(format!("{name} was not activated by djwsgi"))
            .hint("djwsgi activate DIR does; from then on there is a way back")
            .into());
    }
    if args.dry_run {
        return show(ui, args, &store, is_cut_off);
    }
    let (store, line, ended) = recovery::open(ui, &manifest, &Identity::named(&manifest.user)?)?;
    let Some(old) = Store::manifest(&store.live)? else {
        removal::give_up(&store, &manifest)?;
        ui.status("Removed", name);
        return Ok(());
    };
    if ended && !args.remove {
        ui.status("Ended", &format!("{name}: one set serves, whole; djwsgi rollback goes to the other"));
        return Ok(());
    }
    let previous = Store::manifest(&store.at(Source::Previous))?.filter(|_| !args.remove);
    let Some(previous) = previous else { return remove(ui, args, &store) };
    refuse_edits(edits::of_links(&old)?, args, "they would be replaced")?;
    if !prompt::confirm(ui, &format!("Roll {name} back to the set before?"))? {
        return Err(Problem::declined().into());
    }
    ui.status("Checking", "the set before in a private copy of /etc");
    rehearsal::check(&previous, Source::Previous, &line)?;
    ui.status("Rolling back", name);
    Switch { ui, store: &store, line: &line, old: Some(old), new: previous, source: Source::Previous }.run()?;
    ui.status("Rolled back", &format!("{name}: the set before serves; djwsgi rollback goes forward again"));
    Ok(())
}

fn remove(ui: &Ui, args: &RollbackArgs, store: &Store) -> Result<()> {
    let Some(manifest) = Store::manifest(&store.live)? else { return Ok(()) };
    let name = &manifest.name;
    refuse_edits(edits::of(store, &manifest)?, args, "they would be removed")?;
    let why = if args.remove { "" } else { "There is no set before this one. " };
    if !prompt::confirm_removal(ui, &format!("{why}Remove {name} from this machine?"))? {
        return Err(Problem::declined().into());
    }
    removal::run(store, &manifest)?;
    ui.status("Removed", &format!("{name}; its code, data and logs stay"));
    Ok(())
}

/// The deployment called `name`, or the one here; or one whose set was on its way when djwsgi was killed.
fn find(name: Option<&str>) -> Result<Manifest> {
    let found = deployed::find(name, &files::current_folder()?);
    let left = || recovery::known(&Store::of(name.filter(|name| is_identifier(name))?)).ok().flatten();
    match found {
        Err(error) => left().ok_or(error),
        found => found,
    }
}

fn show(ui: &Ui, args: &RollbackArgs, store: &Store, is_cut_off: bool) -> Result<()> {
    if is_cut_off {
        ui.status("Would", "end what was cut off before");
    } else if args.remove || !store.at(Source::Previous).exists() {
        ui.status("Would", &format!("remove {} and what leads to it", store.live.display()));
    } else {
        ui.status("Would", &format!("exchange {} with the set before it", store.live.display()));
    }
    Ok(())
}

/// What a human wrote stays, unless it is said otherwise.
fn refuse_edits(edited: Vec<String>, args: &RollbackArgs, what: &str) -> Result<(), Problem> {
    if edited.is_empty() || args.overwrite {
        return Ok(());
    }
    let problem = Problem::refused(format!("somebody has edited or put there {}", edited.join(", ")));
    Err(problem.hint(format!("{what}: keep a copy, then --overwrite")))
}
