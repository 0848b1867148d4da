//! What the server calls things, and what the site writes there.

use std::path::{Path, PathBuf};

use super::deployment::Deployment;
use crate::cli::Target;
use crate::files;

/// Folders that everybody may write in.
const SHARED: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];

/// A renewed process may take so many seconds to become idle.
pub const GRACEFUL_TIMEOUT: u32 = 15;

/// Its last requests may take so many seconds then.
pub const SHUTDOWN_TIMEOUT: u32 = 5;

/// The site may take so many seconds to load.
pub const STARTUP_TIMEOUT: u32 = 30;

/// The name of the config in the output folder.
pub fn conf_name(deployment: &Deployment) -> String {
    files::name(&deployment.places.conf)
}

/// The systemd service that serves the site.
pub fn service(deployment: &Deployment) -> String {
    match deployment.target {
        Target::Debian => "apache2.service".to_owned(),
        Target::Rhel => "httpd.service".to_owned(),
        Target::Standalone | Target::Container => format!("djwsgi-{}.service", deployment.site.name),
    }
}

/// The server's program.
pub fn binary(deployment: &Deployment) -> PathBuf {
    let usual = if deployment.places.is_rhel() { "/usr/sbin/httpd" } else { "/usr/sbin/apache2" };
    deployment.apache_there().map_or_else(|| PathBuf::from(usual), |apache| apache.binary.clone())
}

/// Folders on the server that the site writes in: uploads, databases, caches, logs.
pub fn written_folders(deployment: &Deployment) -> Vec<PathBuf> {
    let (site, places) = (deployment.site, &deployment.places);
    let facts = site.django.production.as_ref();
    let listed = facts.into_iter().flat_map(|facts| &facts.written).map(|written| written.folder().to_owned());
    let media = site.config.media.root.as_ref().map(|folder| site.root.join(folder));
    let media = media.or_else(|| site.django.media_root.clone());
    // Where everybody may write, nothing is given to anybody.
    let own = listed.chain(media).filter(|folder| !SHARED.iter().any(|shared| folder == Path::new(shared)));
    let mut folders: Vec<PathBuf> = own.map(|folder| places.there(&folder)).collect();
    folders.sort();
    folders.dedup();
    folders
}

/// The site's Python on the server.
pub fn python(deployment: &Deployment) -> PathBuf {
    let python = &deployment.site.python;
    let here = if python.is_venv() { python.prefix.join("bin/python") } else { python.executable.clone() };
    deployment.places.there(&here)
}
