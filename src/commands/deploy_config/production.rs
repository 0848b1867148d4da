//! `djwsgi deploy-config --prod`.

use std::path::Path;

use anyhow::Result;

use super::{absolute, check, finish, proof};
use crate::cli::DeployConfigArgs;
use crate::commands::prepared::Prepared;
use crate::production::trial::server_check;
use crate::production::{advice, output, readiness};
use crate::ui::problem::Problem;
use crate::ui::term::Ui;

/// Makes, checks, and prints or writes the production config.
///
/// # Errors
/// When something is missing, the site is not ready for production, or a file is in the way.
pub fn run(ui: &Ui, args: &DeployConfigArgs, root: &Path) -> Result<()> {
    if args.json && !args.prove && args.check.is_none() {
        return Err(Problem::usage("--json goes with --prove or --check").into());
    }
    let prepared = Prepared::of(ui, root, &args.site, &args.production)?;
    let deployment = prepared.deployment(&args.production)?;
    let output = args.output.as_deref().map(absolute).transpose()?;
    if let Some(place) = &args.check {
        let place = absolute(place)?;
        let folder = if place.is_dir() { place.clone() } else { root.join(output::FOLDER) };
        return check::run(ui, args, output::files(&deployment, &folder)?, &place);
    }
    let folder = output.clone().unwrap_or_else(|| root.join(output::FOLDER));
    let files = output::files(&deployment, &folder)?;
    let ready = readiness::look(&deployment)?;
    for note in advice::of(&deployment) {
        ui.note(&note);
    }
    for warning in &ready.warnings {
        ui.warn(warning);
    }
    if !ready.done_by_apache.is_empty() {
        ui.note(&format!("done by Apache, though Django misses it: {}", ready.done_by_apache.join(", ")));
    }
    ready.require()?;
    server_check::refuse_leaks(&deployment, files.iter())?;
    if args.prove {
        return proof::run(ui, args, &deployment, &files, output.as_deref());
    }
    let unchecked = server_check::syntax(&deployment, &files.conf.text)?;
    if output.is_none() {
        ui.note(&format!(
            "the script, DEPLOY.md and the rest: djwsgi deploy-config --prod --output {}",
            output::FOLDER
        ));
    }
    finish(ui, args, output.as_deref(), unchecked, files.into_all())
}
