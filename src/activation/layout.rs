//! Where the files of a set are on the server. All lie in one folder, which is exchanged as a whole; the server finds
//! them by links that stay.

use std::path::{Path, PathBuf};

use crate::cli::Target;
use crate::files;
use crate::production::manifest::{DEPLOYMENTS, Manifest};
use crate::site::name;
use crate::ui::problem::Problem;

/// The WSGI script.
pub const SCRIPT: &str = "django.wsgi";

/// Rotation of the logs.
const LOGROTATE: &str = "logrotate";

/// A link, and what it leads to.
pub type Link = (PathBuf, PathBuf);

/// The files of a set besides its manifest and its variables.
pub fn names(manifest: &Manifest) -> Vec<String> {
    let own = match manifest.target {
        Target::Standalone => vec![manifest.service.clone(), LOGROTATE.to_owned()],
        Target::Debian | Target::Rhel | Target::Container => Vec::new(),
    };
    [files::name(&manifest.conf), SCRIPT.to_owned()].into_iter().chain(own).collect()
}

/// The folder of the set that runs.
pub fn folder(name: &str) -> PathBuf {
    Path::new(DEPLOYMENTS).join(name)
}

/// The folder of what is there only while djwsgi is at work.
pub fn run(name: &str) -> PathBuf {
    Path::new("/run/djwsgi").join(name)
}

/// The links by which the server finds a set.
pub fn links(manifest: &Manifest) -> Vec<Link> {
    let folder = folder(&manifest.name);
    let conf = files::name(&manifest.conf);
    let own = |link: &str, name: &str| (PathBuf::from(link), folder.join(name));
    match manifest.target {
        Target::Debian => {
            let enabled = Path::new("/etc/apache2/sites-enabled").join(&conf);
            let relative = Path::new("../sites-available").join(&conf);
            vec![(manifest.conf.clone(), folder.join(&conf)), (enabled, relative)]
        }
        Target::Rhel => vec![(manifest.conf.clone(), folder.join(&conf))],
        Target::Standalone => vec![
            own(&format!("/etc/systemd/system/{}", manifest.service), &manifest.service),
            own(&format!("/etc/logrotate.d/djwsgi-{}", manifest.name), LOGROTATE),
        ],
        Target::Container => Vec::new(),
    }
}

/// Folders that the server needs, with their rights.
pub fn folders(manifest: &Manifest) -> Vec<(PathBuf, u32)> {
    let mut folders = vec![(manifest.data.join("acme/.well-known/acme-challenge"), 0o755)];
    if !manifest.is_shared() {
        folders.push((manifest.logs.clone(), 0o750));
    }
    folders
}

/// Folders that a set changes something in.
pub fn changed(manifest: &Manifest) -> Vec<PathBuf> {
    let own: &[&str] = match manifest.target {
        Target::Debian => &["/etc/apache2", "/var/lib/apache2"],
        Target::Rhel => &["/etc/httpd"],
        Target::Standalone | Target::Container => &["/etc/systemd/system", "/etc/logrotate.d"],
    };
    own.iter().map(PathBuf::from).chain([PathBuf::from(DEPLOYMENTS)]).filter(|folder| folder.is_dir()).collect()
}

/// Refuses a manifest that names other places than its target has: somebody may have edited it.
///
/// # Errors
/// When it does.
pub fn check(manifest: &Manifest) -> Result<(), Problem> {
    let Manifest { name, target, .. } = manifest;
    let wrong = |what: &str| Err(Problem::usage(format!("deployment.toml names {what}, which djwsgi would not")));
    if !name::is_identifier(name) || name.len() > name::MAX_LENGTH {
        return wrong(&format!("the site {name:?}"));
    }
    let conf = match target {
        Target::Debian => format!("/etc/apache2/sites-available/00-{name}.conf"),
        Target::Rhel => format!("/etc/httpd/conf.d/00-{name}.conf"),
        Target::Standalone | Target::Container => format!("{DEPLOYMENTS}/{name}/httpd.conf"),
    };
    let own_run = run(name);
    let places = [
        (&manifest.conf, PathBuf::from(conf)),
        (&manifest.script, folder(name).join(SCRIPT)),
        (&manifest.renewal, own_run.join("renewal.sock")),
        (&manifest.gate, own_run.join("gate")),
    ];
    match places.iter().find(|(named, own)| *named != own) {
        Some((named, _)) => wrong(&named.display().to_string()),
        None => Ok(()),
    }
}
