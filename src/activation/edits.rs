//! What somebody has changed on the server: it is not ours to replace.

use anyhow::Result;
use similar::TextDiff;

use super::layout;
use super::parcel::{Parcel, SECRETS};
use super::record;
use super::store::Store;
use crate::files;
use crate::production::manifest::Manifest;
use crate::ui::problem::Problem;

/// Refuses to replace files of the set that runs which somebody has edited, and links or files that are not ours.
///
/// # Errors
/// When there are any, with the differences.
pub fn refuse(store: &Store, parcel: &Parcel) -> Result<()> {
    let record = Store::record(&store.live)?;
    let mut edited = Vec::new();
    for (name, wanted) in parcel.files.iter().filter(|(name, _)| name != SECRETS) {
        let path = store.live.join(name);
        let Some(present) = files::read_if_exists(&path)? else { continue };
        if present != *wanted && !record::is_as_put(record.as_ref(), name, &present) {
            edited.push((path, difference(&present, wanted)));
        }
    }
    for (link, target) in layout::links(&parcel.manifest) {
        if std::fs::symlink_metadata(&link).is_err() || std::fs::read_link(&link).is_ok_and(|own| own == target) {
            continue;
        }
        let wanted = parcel.text(&files::name(&target)).unwrap_or_default();
        let present = files::read_if_exists(&link)?.unwrap_or_default();
        if present != wanted && !record::is_as_put(None, "", &present) {
            edited.push((link, difference(&present, wanted)));
        }
    }
    if edited.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = edited.iter().map(|(path, _)| path.display().to_string()).collect();
    let diffs: Vec<&str> = edited.iter().map(|(_, diff)| diff.as_str()).collect();
    Err(Problem::refused(format!("somebody has edited {}", names.join(", ")))
        .detail(diffs.join("\n"))
        .hint("take the edits into djwsgi.toml, or --overwrite; djwsgi rollback brings them back then")
        .into())
}

fn difference(present: &str, wanted: &str) -> String {
    TextDiff::from_lines(present, wanted).unified_diff().header("on the server", "to be activated").to_string()
}

/// The files of the set that runs which a rollback would take away though somebody has edited them.
///
/// # Errors
/// When they can't be read.
pub fn of(store: &Store, manifest: &Manifest) -> Result<Vec<String>> {
    let record = Store::record(&store.live)?;
    let mut edited = Vec::new();
    for name in layout::names(manifest) {
        let path = store.live.join(&name);
        let present = files::read_if_exists(&path)?;
        if present.is_some_and(|text| !record::is_as_put(record.as_ref(), &name, &text)) {
            edited.push(path.display().to_string());
        }
    }
    Ok(edited)
}
