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
use crate::ui::problem::Problem;
use crate::ui::prompt;
use crate::ui::term::Ui;

/// Puts the previous set in the place of the one that serves; without one, removes the site.
///
/// # Errors
/// When the previous set can't answer: the one of now serves then.
pub fn run(ui: &Ui, args: &RollbackArgs) -> Result<()> {
    let manifest = deployed::find(args.name.as_deref(), &files::current_folder()?)?;
    let name = &manifest.name;
    require_root(&format!("djwsgi rollback {name}"))?;
    if Store::record(&Store::of(name).live)?.is_none() {
        return Err(Problem::environment(format!("{name} was not activated by djwsgi"))
            .hint("djwsgi activate DIR does; from then on there is a way back")
            .into());
    }
    let (store, line) = recovery::open(ui, &manifest, &Identity::named(&manifest.user)?)?;
    let Some(old) = Store::manifest(&store.live)? else {
        removal::give_up(&store)?;
        ui.status("Removed", name);
        return Ok(());
    };
    let previous = Store::manifest(&store.at(Source::Previous))?.filter(|_| !args.remove);
    let Some(previous) = previous else { return remove(ui, args, &store) };
    if args.dry_run {
        ui.status("Would", &format!("exchange {} with the set before it", store.live.display()));
        return Ok(());
    }
    if !prompt::confirm(ui, &format!("Roll {name} back to the set before?"))? {
        return Err(Problem::interrupted().into());
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
    let edited = edits::of(store, &manifest)?;
    if !edited.is_empty() && !args.overwrite {
        return Err(Problem::refused(format!("somebody has edited {}", edited.join(", ")))
            .hint("--overwrite removes the site, edits included")
            .into());
    }
    if args.dry_run {
        ui.status("Would", &format!("remove {name} from this machine"));
        return Ok(());
    }
    let why = if args.remove { "" } else { "There is no set before this one. " };
    if !prompt::confirm(ui, &format!("{why}Remove {name} from this machine?"))? {
        return Err(Problem::interrupted().into());
    }
    removal::run(store, &manifest)?;
    ui.status("Removed", &format!("{name}; its code, data and logs stay"));
    Ok(())
}
