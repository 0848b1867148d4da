//! `djwsgi activate`: a generated set goes live.

use std::path::Path;

use anyhow::Result;
use nix::sys::stat::{Mode, umask};

use crate::activation::parcel::Parcel;
use crate::activation::store::{Source, Store};
use crate::activation::switch::Switch;
use crate::activation::{edits, place, recovery, rehearsal, removal, requirements, stage, steps, traces};
use crate::cli::ActivateArgs;
use crate::files;
use crate::identity::{self, Identity};
use crate::live::line::Line;
use crate::ui::problem::Problem;
use crate::ui::prompt;
use crate::ui::term::Ui;

/// Installs the set in the folder named, and serves it.
///
/// # Errors
/// When something is missing or edited by hand, or the set can't answer: what was there before serves then.
pub fn run(ui: &Ui, args: &ActivateArgs) -> Result<()> {
    let folder = files::current_folder()?.join(&args.folder);
    let parcel = Parcel::read(&folder)?;
    let manifest = &parcel.manifest;
    require_root(&format!("djwsgi activate {}", args.folder.display()))?;
    refuse_other_target(&parcel, &Store::of(&manifest.name).live)?;
    let account = requirements::check(ui, &parcel, &folder.join("DEPLOY.md"))?;
    if args.dry_run {
        return show(ui, args, &parcel);
    }
    let (store, line, _) = recovery::open(ui, manifest, &account)?;
    let result = activate(ui, args, &parcel, &account, (&store, &line));
    if result.is_err()
        && let Err(error) = removal::give_up(&store, manifest)
    {
        ui.warn(&format!("what was made ready could not be removed: {error:#}"));
    }
    result
}

fn activate(
    ui: &Ui,
    args: &ActivateArgs,
    parcel: &Parcel,
    account: &Identity,
    (store, line): (&Store, &Line),
) -> Result<()> {
    let manifest = &parcel.manifest;
    let old = Store::manifest(&store.live)?;
    if stage::is_active(store, parcel)? {
        ui.status("Active", &format!("{}: it is what serves already", manifest.name));
        return Ok(());
    }
    if !args.overwrite {
        edits::refuse(store, parcel)?;
    }
    if !prompt::confirm(ui, &format!("Activate {} on this machine, at {}?", manifest.name, manifest.url))? {
        return Err(Problem::declined().into());
    }
    if store.live.exists() && parcel.variables().is_some() && !stage::takes_variables(&store.live, parcel)? {
        ui.note("secrets.env of the server was written there, and stays");
    }
    let switch = Switch { ui, store, line, old, new: manifest.clone(), source: Source::Staged };
    go_live(&switch, parcel, account)?;
    ui.status("Activated", &format!("{} serves; djwsgi rollback goes back", manifest.name));
    Ok(())
}

fn go_live(switch: &Switch, parcel: &Parcel, account: &Identity) -> Result<()> {
    let Switch { ui, store, line, new, .. } = switch;
    ui.status("Checking", "the new set in a private copy of /etc");
    traces::make_folders(store, new)?;
    stage::stage(store, parcel, account)?;
    rehearsal::check(new, Source::Staged, line)?;
    place::adopt(store, new)?;
    traces::enable_modules(store, new)?;
    ui.status("Activating", &format!("{} at {}", new.name, new.url));
    switch.run()
}

fn show(ui: &Ui, args: &ActivateArgs, parcel: &Parcel) -> Result<()> {
    let store = Store::of(&parcel.manifest.name);
    if stage::is_active(&store, parcel)? {
        ui.status("Active", &format!("{}: it is what serves already", parcel.manifest.name));
        return Ok(());
    }
    if !args.overwrite {
        edits::refuse(&store, parcel)?;
    }
    for step in steps::of(&store, parcel)? {
        ui.status("Would", &step);
    }
    Ok(())
}

/// Only root may do this.
///
/// # Errors
/// With the command for sudo.
pub fn require_root(command: &str) -> Result<(), Problem> {
    if identity::is_root() {
        // Others must be able to read what root makes for them.
        umask(Mode::from_bits_truncate(0o022));
        return Ok(());
    }
    Err(Problem::environment("only root can change what Apache serves").hint(format!("sudo {command}")))
}

/// Each target has the files elsewhere.
fn refuse_other_target(parcel: &Parcel, live: &Path) -> Result<()> {
    let manifest = &parcel.manifest;
    match Store::manifest(live)? {
        Some(old) if old.target != manifest.target => {
            let problem = Problem::usage(format!("{} is active for another target, {}", manifest.name, old.service));
            Err(problem.hint(format!("djwsgi rollback {} until it is gone, then activate", manifest.name)).into())
        }
        _ => Ok(()),
    }
}
