//! Deployments of this machine.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::files;
use crate::production::manifest::{self, DEPLOYMENTS, Manifest};
use crate::ui::problem::Problem;

/// The deployment called `name`; without a name that of the site at or above `folder`, or the only one there is.
///
/// # Errors
/// When there is none, or several fit.
pub fn find(name: Option<&str>, folder: &Path) -> Result<Manifest> {
    if let Some(name) = name {
        let place = named(name)?;
        let text = files::read_if_exists(&place)?.ok_or_else(|| none(&format!("{name} is not deployed here")))?;
        return Manifest::read(&place, &text);
    }
    let all = all()?;
    let is_here = |manifest: &&Manifest| {
        let root = manifest.root.canonicalize();
        [Some(manifest.root.as_path()), root.as_deref().ok()].into_iter().flatten().any(|root| folder.starts_with(root))
    };
    let here: Vec<&Manifest> = all.iter().filter(is_here).collect();
    let names = || all.iter().map(|manifest| manifest.name.as_str()).collect::<Vec<_>>().join(", ");
    match (here.as_slice(), all.as_slice()) {
        ([one], _) => Ok((*one).clone()),
        ([], [one]) => Ok(one.clone()),
        (_, []) => Err(none("no site is deployed here").into()),
        _ => {
            Err(Problem::usage("several sites are deployed here").hint(format!("name one of them: {}", names())).into())
        }
    }
}

/// All of them, by name.
fn all() -> Result<Vec<Manifest>> {
    let folder = Path::new(DEPLOYMENTS);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    // Hidden ones hold sets that don't run.
    let is_deployment = |entry: &PathBuf| !files::name(entry).starts_with('.');
    let entries = files::sorted_entries(folder)?.into_iter().filter(is_deployment);
    let places = entries.map(|entry| entry.join(manifest::FILE));
    let texts = places.filter_map(|place| Some((files::read_if_exists(&place).transpose()?, place)));
    texts.map(|(text, place)| Manifest::read(&place, &text?)).collect()
}

/// Names are parts of paths.
fn named(name: &str) -> Result<PathBuf, Problem> {
    let is_name = !name.is_empty() && !name.starts_with(['.', '-']) && !name.contains(['/', '\0']);
    if is_name { Ok(Manifest::place(name)) } else { Err(Problem::usage(format!("{name:?} is not the name of a site"))) }
}

fn none(message: &str) -> Problem {
    Problem::environment(message)
        .hint("djwsgi deploy-config --prod --output DIR makes a deployment; DIR/DEPLOY.md has the steps")
}
