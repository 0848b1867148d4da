//! Where everything lies on the server, by target.

use std::path::{Path, PathBuf};

use crate::cli::Target;
use crate::site::resolve::Site;

/// RHEL's account of Apache's workers.
const RHELS_USER: &str = "apache";

/// Where things are on the server.
#[derive(Clone, Debug)]
pub struct Places {
    /// The config.
    pub conf: PathBuf,
    /// Folder of the WSGI script and what belongs to it; root's.
    pub folder: PathBuf,
    /// The WSGI script.
    pub script: PathBuf,
    /// The file of variables.
    pub env_file: PathBuf,
    /// Folder that holds what Apache itself fetches: visits of the certificate authority, certificates.
    pub data: PathBuf,
    /// Sockets, pid file.
    pub run: PathBuf,
    /// Beginning of the daemons' socket paths.
    pub socket_prefix: PathBuf,
    /// Where `djwsgi reload` hears from the processes that it renews.
    pub renewal: PathBuf,
    /// While something is there, requests to the site wait: a new config is being activated.
    pub gate: PathBuf,
    /// Where Apache says which process it is.
    pub pid_file: PathBuf,
    /// Access log.
    pub access_log: PathBuf,
    /// Error log.
    pub error_log: PathBuf,
    /// Folder of Apache's loadable modules.
    pub modules: PathBuf,
    /// The account of Apache's workers, and its group.
    pub apache_user: &'static str,
    moved: Vec<(PathBuf, PathBuf)>,
}

impl Places {
    /// The places of `site` for `target`; `modules` is where this machine's Apache has them, if the
    /// target is one like it.
    pub fn of(site: &Site, target: Target, modules: Option<&Path>) -> Self {
        let name = &site.name;
        let folder = Path::new("/etc/djwsgi").join(name);
        let (run, logs) = match target {
            Target::Debian => (PathBuf::from("/run/apache2"), PathBuf::from("/var/log/apache2")),
            Target::Rhel => (PathBuf::from("/run/httpd"), PathBuf::from("/var/log/httpd")),
            Target::Standalone | Target::Container => {
                (format!("/run/djwsgi-{name}").into(), format!("/var/log/djwsgi-{name}").into())
            }
        };
        let log = |kind: &str| match target {
            Target::Debian | Target::Rhel => logs.join(format!("{name}-{kind}.log")),
            Target::Standalone => logs.join(format!("{kind}.log")),
            Target::Container => PathBuf::from(if kind == "error" { "/dev/stderr" } else { "/dev/stdout" }),
        };
        // Sorted before Debian's 000-default.conf: the first vhost of a port is the one for unknown names.
        let conf = match target {
            Target::Debian => format!("/etc/apache2/sites-available/00-{name}.conf").into(),
            Target::Rhel => format!("/etc/httpd/conf.d/00-{name}.conf").into(),
            Target::Standalone | Target::Container => folder.join("httpd.conf"),
        };
        let is_rhel = target == Target::Rhel || (target == Target::Standalone && is_rhel());
        let usual = if is_rhel { "/usr/lib64/httpd/modules" } else { "/usr/lib/apache2/modules" };
        let prod = &site.config.prod;
        let own_run = Path::new("/run/djwsgi").join(name);
        Self {
            script: folder.join("django.wsgi"),
            env_file: prod.env_file.clone().unwrap_or_else(|| folder.join("secrets.env")),
            data: Path::new("/var/lib/djwsgi").join(name),
            // A folder of the site's own has the name already, and the paths of sockets are short.
            socket_prefix: run.join(match target {
                Target::Debian | Target::Rhel => format!("djwsgi-{name}"),
                Target::Standalone | Target::Container => "wsgi".to_owned(),
            }),
            renewal: own_run.join("renewal.sock"),
            gate: own_run.join("gate"),
            pid_file: run.join(match target {
                Target::Debian => "apache2.pid",
                Target::Rhel | Target::Standalone | Target::Container => "httpd.pid",
            }),
            access_log: log("access"),
            error_log: log("error"),
            modules: modules.map_or_else(|| usual.into(), Path::to_owned),
            apache_user: if is_rhel { RHELS_USER } else { "www-data" },
            moved: moved(site, target),
            conf,
            folder,
            run,
        }
    }

    /// Where `path` of this machine is on the server.
    pub fn there(&self, path: &Path) -> PathBuf {
        let moved = self.moved.iter().find_map(|(here, there)| Some((path.strip_prefix(here).ok()?, there)));
        match moved {
            Some((rest, there)) if rest.as_os_str().is_empty() => there.clone(),
            Some((rest, there)) => there.join(rest),
            None => path.to_owned(),
        }
    }

    /// Where `path` of the server is on this machine.
    pub fn here(&self, path: &Path) -> PathBuf {
        let moved = self.moved.iter().find_map(|(here, there)| Some((path.strip_prefix(there).ok()?, here)));
        match moved {
            Some((rest, here)) if rest.as_os_str().is_empty() => here.clone(),
            Some((rest, here)) => here.join(rest),
            None => path.to_owned(),
        }
    }

    /// Whether anything lies elsewhere on the server than here.
    pub fn is_moved(&self) -> bool {
        self.moved.iter().any(|(here, there)| here != there)
    }

    /// Whether the server's Apache is RHEL's.
    pub fn is_rhel(&self) -> bool {
        self.apache_user == RHELS_USER
    }

    /// Where mod_md keeps certificates, in a server of the site's own.
    pub fn md_store(&self) -> PathBuf {
        self.data.join("md")
    }

    /// The folder that certbot takes for the site's, to leave answers for the certificate authority in.
    pub fn webroot(&self) -> PathBuf {
        self.data.join("acme")
    }

    /// Where these answers are in it.
    pub fn acme(&self) -> PathBuf {
        self.webroot().join(".well-known/acme-challenge")
    }
}

/// What lies elsewhere on the server: the environment first, for it may be in the site.
fn moved(site: &Site, target: Target) -> Vec<(PathBuf, PathBuf)> {
    let prod = &site.config.prod;
    let in_image = |path: String| (target == Target::Container).then(|| PathBuf::from(path));
    let root = prod.root.clone().or_else(|| in_image(format!("/srv/{}", site.name)));
    let python = prod.python.clone().or_else(|| in_image(format!("/opt/{}/venv", site.name)));
    let python = python.map(|there| (site.python.prefix.clone(), there));
    let root = root.map(|there| (site.root.clone(), there));
    python.into_iter().chain(root).collect()
}

/// Whether a server of `target` has its Apache as this machine has.
pub fn is_like_here(target: Target) -> bool {
    match target {
        Target::Debian | Target::Rhel => target == target_here(),
        Target::Standalone => true,
        // An image has its own, whatever this machine has.
        Target::Container => false,
    }
}

/// The target that fits this machine.
pub fn target_here() -> Target {
    if is_rhel() {
        Target::Rhel
    } else if Path::new("/etc/debian_version").exists() {
        Target::Debian
    } else {
        Target::Standalone
    }
}

fn is_rhel() -> bool {
    Path::new("/etc/redhat-release").exists()
}
