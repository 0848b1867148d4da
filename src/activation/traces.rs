//! What a site needs on the server besides its files: made before its first set runs, taken back after its last.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;

use anyhow::Result;

use super::store::Store;
use super::{layout, modules, rehearsal};
use crate::files;
use crate::production::manifest::Manifest;

/// Makes the folders that are missing, and notes it.
///
/// # Errors
/// When they can't be made.
pub fn make_folders(store: &Store, manifest: &Manifest) -> Result<()> {
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
    Ok(())
}

/// Has Apache load the modules that are missing, and notes it.
///
/// # Errors
/// When one is not installed.
pub fn enable_modules(store: &Store, manifest: &Manifest) -> Result<()> {
    let mut traces = store.traces()?;
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

/// Takes back what was made for the site of `manifest`, but for folders that somebody has put something in, and
/// modules that others need. Whether modules were disabled.
///
/// # Errors
/// When Apache's modules can't be disabled.
pub fn remove(store: &Store, manifest: &Manifest) -> Result<bool> {
    let traces = store.traces()?;
    // Found out in a copy: Apache would end if somebody had it read a config that lacks one. Where there can be no
    // copy they stay.
    let disables = modules::are_any(&traces.modules) && rehearsal::check_without(manifest, &traces.modules).is_ok();
    if disables {
        modules::disable(&traces.modules)?;
    }
    for folder in traces.folders {
        let _ = fs::remove_dir(folder);
    }
    Ok(disables)
}
