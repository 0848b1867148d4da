//! `djwsgi reload`: the processes of a live site begin anew with the new code, without a failed request.

use anyhow::Result;

use crate::cli::ReloadArgs;
use crate::files;
use crate::identity;
use crate::live::rolling::Rolling;
use crate::live::{deployed, scratch};
use crate::ui::problem::Problem;
use crate::ui::term::Ui;

/// Renews the processes, one at a time.
///
/// # Errors
/// When no such site runs here, or the new code can't answer.
pub fn run(ui: &Ui, args: &ReloadArgs) -> Result<()> {
    let manifest = deployed::find(args.name.as_deref(), &files::current_folder()?)?;
    if !identity::is_root() {
        let problem = Problem::environment(format!("only root can tell the processes of {}", manifest.name));
        return Err(problem.hint(format!("sudo djwsgi reload {}", manifest.name)).into());
    }
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
