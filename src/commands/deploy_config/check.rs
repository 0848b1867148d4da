//! `djwsgi deploy-config --prod --check`: is what is there still what would be generated now?

use std::path::Path;

use anyhow::Result;
use serde_json::json;

use crate::cli::DeployConfigArgs;
use crate::files;
use crate::production::output::{self, Files};
use crate::scaffold::compare::{Compared, Finding};
use crate::scaffold::plan::{Keep, Wanted};
use crate::scaffold::provenance;
use crate::ui::problem::Problem;
use crate::ui::term::Ui;

/// Compares the files of the folder `place`, or the one file there, with `generated`.
///
/// # Errors
/// When they differ, or `place` is neither.
pub fn run(ui: &Ui, args: &DeployConfigArgs, generated: Files, place: &Path) -> Result<()> {
    let findings = if place.is_dir() { folder(generated, place)? } else { vec![file(generated, place)?] };
    if args.json {
        ui.data(&(as_json(&findings) + "\n"))?;
    } else {
        for finding in &findings {
            tell(ui, finding)?;
        }
    }
    let stale = findings.iter().filter(|finding| finding.compared != Compared::Same).count();
    if stale == 0 {
        ui.status("Up to date", &place.display().to_string());
        return Ok(());
    }
    let what = if stale == 1 { "1 file is".to_owned() } else { format!("{stale} files are") };
    let hint =
        "djwsgi deploy-config --prod --output DIR renews what nobody has edited; --overwrite the rest, with a backup";
    Err(Problem::findings(format!("{what} not what would be generated now")).hint(hint).into())
}

/// All files of a deployment but those that are the user's from the beginning.
fn folder(generated: Files, folder: &Path) -> Result<Vec<Finding>> {
    let compared = |wanted: &Wanted| {
        let name = files::name(&wanted.path);
        let present = files::read_if_exists(&folder.join(&name))?;
        let base = files::read_if_exists(&output::base(folder, &name))?;
        Ok(Finding { compared: Compared::of(present.as_deref(), &wanted.text, base.as_deref()), name })
    };
    let is_ours = |wanted: &&Wanted| wanted.keep != Keep::Always && !output::is_base(&wanted.path);
    generated.into_all().iter().filter(is_ours).map(compared).collect()
}

/// The file at `place`, which says itself what it was made from. What it was like then is known if the folder
/// that it was made in is still there.
fn file(generated: Files, place: &Path) -> Result<Finding> {
    let Some(present) = files::read_if_exists(place)? else {
        return Err(Problem::usage(format!("{} is not there", place.display())).into());
    };
    let all = generated.into_all();
    let is_same =
        |wanted: &&Wanted| provenance::same_template(&wanted.text, &present) && !output::is_base(&wanted.path);
    let wanted = all.iter().find(is_same).ok_or_else(|| {
        Problem::usage(format!("{} is not a file that a deployment has", place.display()))
            .hint("its first line, which says what it was made from, may be lost")
    })?;
    let folder = wanted.path.parent().unwrap_or(Path::new("/"));
    let base = files::read_if_exists(&output::base(folder, &files::name(&wanted.path)))?;
    let compared = Compared::of(Some(&present), &wanted.text, base.as_deref());
    Ok(Finding { name: place.display().to_string(), compared })
}

/// What is different, and who made it so.
fn tell(ui: &Ui, finding: &Finding) -> Result<()> {
    for (words, diff) in finding.parts() {
        ui.line(&format!("{}: {words}", finding.name));
        ui.data(diff)?;
    }
    Ok(())
}

fn as_json(findings: &[Finding]) -> String {
    let all: Vec<_> = findings
        .iter()
        .map(|finding| {
            let Finding { name, compared } = finding;
            json!({ "file": name, "state": compared.word(), "edited": compared.edits(), "outdated": compared.renewal() })
        })
        .collect();
    json!({ "files": all }).to_string()
}
