//! Folders that are served, and those that the site writes.

use std::path::{Path, PathBuf};

use super::Readiness;
use crate::files;
use crate::production::deployment::Deployment;

const OWN_FOLDER: &str = "a folder of its own, for example BASE_DIR / \"data\"; the site gets the right to write there";

/// Folders that are served, and those that the site writes.
pub fn look(deployment: &Deployment, found: &mut Readiness) {
    let site = deployment.site;
    for alias in site.refused_aliases() {
        found.fault(alias.refusal(), "give it a folder of its own in the settings");
    }
    let aliases = site.aliases();
    if let [one, other] = aliases.as_slice() {
        let (inner, outer) = if one.folder.starts_with(&other.folder) { (one, other) } else { (other, one) };
        if inner.folder.starts_with(&outer.folder) {
            found.fault(
                format!(
                    "{} {} is inside {} {}",
                    inner.setting(),
                    inner.folder.display(),
                    outer.setting(),
                    outer.folder.display()
                ),
                "give each a folder of its own: uploads are served by other rules than static files",
            );
        }
        if one.url == other.url {
            found.fault(format!("STATIC_URL and MEDIA_URL are both {}", one.url), "give each a URL of its own");
        }
    }
    let facts = site.django.production.as_ref();
    for written in facts.into_iter().flat_map(|facts| &facts.written) {
        if let Some(alias) = aliases.iter().find(|alias| written.path.starts_with(&alias.folder)) {
            found.fault(
                format!(
                    "{} {} is in {}, which Apache serves",
                    written.setting,
                    written.path.display(),
                    alias.setting()
                ),
                "put it elsewhere",
            );
        } else if let Some(code) = code_below(deployment, written.folder()) {
            found.fault(
                format!(
                    "{} {} lies beside code: whoever may write there may change {}",
                    written.setting,
                    written.path.display(),
                    code.display()
                ),
                OWN_FOLDER,
            );
        } else if is_the_systems(written.folder()) {
            found.fault(
                format!(
                    "{} {} lies in a folder of the system, where the site may not write",
                    written.setting,
                    written.path.display()
                ),
                OWN_FOLDER,
            );
        }
    }
}

/// The code that is in `folder`, or below it.
fn code_below(deployment: &Deployment, folder: &Path) -> Option<PathBuf> {
    let site = deployment.site;
    let settings = site.django.settings_file.as_deref().and_then(Path::parent);
    let code = [Some(site.root.as_path()), settings, Some(site.python.prefix.as_path())];
    if let Some(code) = code.into_iter().flatten().find(|code| code.starts_with(folder)) {
        return Some(code.to_owned());
    }
    let entries = files::sorted_entries(folder).unwrap_or_default();
    entries.into_iter().find(|path| path.extension().is_some_and(|end| end == "py"))
}

/// Whether others keep their things in `folder`.
fn is_the_systems(folder: &Path) -> bool {
    const SYSTEMS: [&str; 15] = [
        "/",
        "/home",
        "/mnt",
        "/opt",
        "/root",
        "/run",
        "/srv",
        "/usr",
        "/usr/local",
        "/var",
        "/var/cache",
        "/var/lib",
        "/var/log",
        "/var/run",
        "/var/spool",
    ];
    const WHOLE: [&str; 7] = ["/bin", "/boot", "/etc", "/lib", "/sbin", "/usr/bin", "/usr/lib"];
    SYSTEMS.iter().any(|own| folder == Path::new(own)) || WHOLE.iter().any(|own| folder.starts_with(own))
}
