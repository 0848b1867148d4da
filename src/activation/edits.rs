//! What somebody has changed on the server: it is not ours to replace.

use std::path::PathBuf;

use anyhow::Result;
use similar::TextDiff;

use super::certificates::CATCH_ALL;
use super::disk;
use super::layout;
use super::parcel::{Parcel, SECRETS};
use super::record::{self, RECORD};
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
    for (link, target, present) in in_place_of_links(&parcel.manifest)? {
        let wanted = parcel.text(&files::name(&target)).unwrap_or_default();
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

/// Links that are not ours, what they are to lead to, and the text that is there.
fn in_place_of_links(manifest: &Manifest) -> Result<Vec<(PathBuf, PathBuf, String)>> {
    let mut found = Vec::new();
    for (link, target) in layout::links(manifest).into_iter().filter(|own| !disk::leads(own)) {
        if let Some(text) = files::read_if_exists(&link)? {
            found.push((link, target, text));
        }
    }
    Ok(found)
}

/// What somebody has put in the place of links, which a rollback would replace.
///
/// # Errors
/// When it can't be read.
pub fn of_links(manifest: &Manifest) -> Result<Vec<String>> {
    Ok(in_place_of_links(manifest)?.into_iter().map(|(link, ..)| link.display().to_string()).collect())
}

/// The files of the set that runs which a removal would take away though somebody has edited or put them there.
///
/// # Errors
/// When they can't be read.
pub fn of(store: &Store, manifest: &Manifest) -> Result<Vec<String>> {
    let record = Store::record(&store.live)?;
    let mut edited = of_links(manifest)?;
    for path in files::sorted_entries(&store.live)? {
        let name = files::name(&path);
        if name == RECORD || CATCH_ALL.contains(&name.as_str()) {
            continue;
        }
        let present = files::read_if_exists(&path).ok().flatten();
        if !present.is_some_and(|text| record::is_as_put(record.as_ref(), &name, &text)) {
            edited.push(path.display().to_string());
        }
    }
    Ok(edited)
}
