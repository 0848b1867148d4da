//! Who owns a site, and becoming that user when started as root.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result};
use nix::unistd::{self, Gid, Group, Uid, User};

use crate::ui::problem::Problem;

/// A user and a group, by number and, where the system knows them, by name.
#[derive(Clone, Debug)]
pub struct Identity {
    /// User number.
    pub uid: u32,
    /// Group number.
    pub gid: u32,
    /// User name.
    pub user: Option<String>,
    /// Group name.
    pub group: Option<String>,
    /// Home folder.
    pub home: Option<PathBuf>,
}

impl Identity {
    /// The owner of the folder `path`.
    ///
    /// # Errors
    /// When the folder can't be looked at.
    pub fn owner_of(path: &Path) -> Result<Self> {
        let meta = std::fs::metadata(path).with_context(|| format!("cannot look at {}", path.display()))?;
        Ok(Self::from_ids(meta.uid(), meta.gid()))
    }

    fn from_ids(uid: u32, gid: u32) -> Self {
        let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
        Self {
            uid,
            gid,
            home: user.as_ref().map(|user| user.dir.clone()),
            user: user.map(|user| user.name),
            group: Group::from_gid(Gid::from_raw(gid)).ok().flatten().map(|group| group.name),
        }
    }

    /// The user called `name`, with its primary group.
    ///
    /// # Errors
    /// When there is no such user.
    pub fn named(name: &str) -> Result<Self> {
        let user = User::from_name(name).context("cannot look up users")?;
        let user = user.ok_or_else(|| {
            Problem::usage(format!("there is no user {name:?}"))
                .hint(format!("create it: useradd --create-home {name}"))
        })?;
        Ok(Self::from_ids(user.uid.as_raw(), user.gid.as_raw()))
    }

    /// The name, or "user 1234".
    pub fn shown(&self) -> String {
        self.user.clone().unwrap_or_else(|| format!("user {}", self.uid))
    }
}

/// What a change of user changes in the environment of child processes.
static ENVIRONMENT: OnceLock<Vec<(&'static str, PathBuf)>> = OnceLock::new();

/// Variables that child processes get besides our own.
pub fn environment() -> impl Iterator<Item = (&'static str, &'static Path)> {
    ENVIRONMENT.get().into_iter().flatten().map(|(name, value)| (*name, value.as_path()))
}

/// As root, becomes the owner of the site at `root`, unless that is root too: the code of a site
/// never runs with more rights than its owner has, and what is written belongs to them.
///
/// # Errors
/// When the owner can't be found out, or the system refuses.
pub fn become_owner(root: &Path) -> Result<()> {
    let owner = Identity::owner_of(root)?;
    if is_root() && owner.uid != 0 { become_user(&owner) } else { Ok(()) }
}

/// Whether this process is root's.
pub fn is_root() -> bool {
    unistd::geteuid().is_root()
}

/// Becomes `identity` for good: its groups, group and user. Must be called before any thread is
/// started.
///
/// # Errors
/// When the system refuses, or on a platform where root can't change its groups this way.
#[cfg(not(target_vendor = "apple"))]
pub fn become_user(identity: &Identity) -> Result<()> {
    let failed = || format!("cannot become {}", identity.shown());
    let gid = Gid::from_raw(identity.gid);
    match identity.user.as_deref().and_then(|name| std::ffi::CString::new(name).ok()) {
        Some(name) => unistd::initgroups(&name, gid),
        None => unistd::setgroups(&[gid]),
    }
    .with_context(failed)?;
    unistd::setgid(gid).with_context(failed)?;
    unistd::setuid(Uid::from_raw(identity.uid)).with_context(failed)?;
    let name = identity.user.clone().unwrap_or_else(|| identity.uid.to_string());
    let home = identity.home.clone().unwrap_or_else(|| PathBuf::from("/"));
    // Set once: nobody changes users twice.
    let _ = ENVIRONMENT.set(vec![("HOME", home), ("USER", PathBuf::from(&name)), ("LOGNAME", PathBuf::from(name))]);
    Ok(())
}

/// As on other systems, but not available here.
///
/// # Errors
/// Always.
#[cfg(target_vendor = "apple")]
pub fn become_user(_: &Identity) -> Result<()> {
    Err(Problem::environment("djwsgi can't change users on this system").hint("run it as the owner of the site").into())
}
