//! What `tests/prepare` has set up.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Whose mod_wsgi serves a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavor {
    /// The distribution's
    Distribution,
    /// The newest from PyPI
    Pypi,
}

/// The prepared machine.
pub struct Machine {
    /// Folder of everything.
    pub base: PathBuf,
    /// The binary under test, where everybody can run it.
    pub djwsgi: PathBuf,
    /// The ordinary user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its name.
    pub user: String,
}

impl Machine {
    /// The environment with Django and, for PyPI's, mod_wsgi.
    pub fn venv(&self, flavor: Flavor) -> PathBuf {
        self.base.join("venvs").join(match flavor {
            Flavor::Distribution => "distribution",
            Flavor::Pypi => "pypi",
        })
    }
}

/// The machine, checked once.
///
/// # Panics
/// When it is not prepared, or the tests do not run as root.
pub fn machine() -> &'static Machine {
    static MACHINE: OnceLock<Machine> = OnceLock::new();
    MACHINE.get_or_init(|| {
        assert!(nix::unistd::geteuid().is_root(), "the tests become an ordinary user and need root: make test");
        let base = PathBuf::from("/var/tmp/djwsgi-test");
        let user = "djwsgi-test".to_owned();
        let entry = nix::unistd::User::from_name(&user).unwrap().expect("no user djwsgi-test: make test creates it");
        let machine = Machine { djwsgi: install(&base), base, uid: entry.uid.as_raw(), gid: entry.gid.as_raw(), user };
        for flavor in [Flavor::Distribution, Flavor::Pypi] {
            let python = machine.venv(flavor).join("bin/python");
            assert!(python.exists(), "{} is missing: make test creates it", python.display());
        }
        machine
    })
}

/// The build folder may lie where the ordinary user can't go.
fn install(base: &Path) -> PathBuf {
    let folder = base.join(format!("bin-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("djwsgi");
    fs::copy(env!("CARGO_BIN_EXE_djwsgi"), &path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}
