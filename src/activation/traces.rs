//! What a site needs on the server besides its files: made before its first set runs, taken back after its last.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;

use anyhow::Result;

use super::store::Store;
use super::{layout, modules};
use crate::files;
use crate::production::manifest::Manifest;

/// Makes what is missing, and notes it.
///
/// # Errors
/// When it can't be made.
pub fn make(store: &Store, manifest: &Manifest) -> Result<()> {
    let mut traces = store.traces()?;
    for (folder, mode) in layout::folders(manifest) {
        let missing: Vec<_> = folder.ancestors().take_while(|folder| !folder.exists()).map(ToOwned::to_owned).collect();
        if missing.is_empty() {
            continue;
        }
        traces.folders.extend(missing.iter().cloned());
        store.trace(&traces)?;
        for folder in missing.iter().rev() {
            let made = DirBuilder::new().mode(mode).create(folder);
            made.map_err(|error| files::unwritable(folder, error))?;
        }
    }
    let missing = modules::missing(&manifest.modules);
    if !missing.is_empty() {
        traces.modules.extend(modules::links_of(&missing));
        store.trace(&traces)?;
        let links = modules::enable(&missing)?;
        traces.modules.extend(links);
        traces.modules.sort();
        traces.modules.dedup();
        store.trace(&traces)?;
    }
    Ok(())
}

/// Takes back what was made for the site, but for folders that somebody has put something in.
///
/// # Errors
/// When Apache's modules can't be disabled.
pub fn remove(store: &Store) -> Result<()> {
    let traces = store.traces()?;
    modules::disable(&traces.modules)?;
    for folder in traces.folders {
        let _ = fs::remove_dir(folder);
    }
    Ok(())
}
