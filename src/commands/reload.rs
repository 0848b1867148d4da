//! `djwsgi reload`: the processes of a live site begin anew with the new code, without a failed request.

use anyhow::Result;

use super::activate::require_root;
use crate::cli::ReloadArgs;
use crate::files;
use crate::live::rolling::Rolling;
use crate::live::{deployed, scratch};
use crate::ui::term::Ui;

/// Renews the processes, one at a time.
///
/// # Errors
/// When no such site runs here, or the new code can't answer.
pub fn run(ui: &Ui, args: &ReloadArgs) -> Result<()> {
    let manifest = deployed::find(args.name.as_deref(), &files::current_folder()?)?;
    require_root(&format!("djwsgi reload {}", manifest.name))?;
    ui.status("Reloading", &manifest.name);
    let rolling = Rolling::of(&manifest)?;
    if args.check {
        scratch::check(&manifest, rolling.line())?;
        ui.status("Checked", "the new code answers");
    }
    let count = rolling.run(ui)?;
    let processes = if count == 1 { "1 process serves".to_owned() } else { format!("{count} processes serve") };
    ui.status("Reloaded", &format!("{}: {processes} the new code", manifest.name));
    Ok(())
}
