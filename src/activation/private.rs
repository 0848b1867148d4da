//! A private copy of what the server reads and writes: a view of the file system that only one process has.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::Signal;

use super::store::{Source, Store};
use super::{disk, layout, modules, place};
use crate::apache::launch;
use crate::cli::ExecPrivateArgs;
use crate::files;
use crate::identity::{self, Identity};
use crate::process;
use crate::production::manifest::Manifest;
use crate::ui::problem::Problem;

/// Copying /etc/apache2 takes a fraction of a second.
const COPY: Duration = Duration::from_secs(60);

/// Let Apache listen on the machine's addresses, which a network of its own does not have.
const NONLOCAL: [&str; 2] = ["/proc/sys/net/ipv4/ip_nonlocal_bind", "/proc/sys/net/ipv6/ip_nonlocal_bind"];

/// Folders of a copy.
pub struct Folders {
    /// All of it.
    pub base: PathBuf,
    /// Where the copied folders are mounted: for the process alone, and gone with it.
    copies: PathBuf,
    /// In place of the server's own folder for sockets and its pid file.
    pub run: PathBuf,
    /// In place of the folder of its logs.
    pub logs: PathBuf,
}

impl Folders {
    /// Those for the set of `manifest`.
    pub fn of(manifest: &Manifest) -> Self {
        let base = manifest.gate.with_file_name("private");
        Self { copies: base.join("copies"), run: base.join("run"), logs: base.join("logs"), base }
    }

    /// Makes them, empty.
    ///
    /// # Errors
    /// When they can't be made.
    pub fn make(&self) -> Result<()> {
        self.remove()?;
        for folder in [&self.base, &self.copies, &self.run, &self.logs] {
            let made = DirBuilder::new().recursive(true).mode(0o755).create(folder);
            made.map_err(|error| files::unwritable(folder, error))?;
        }
        Ok(())
    }

    /// The last lines of what was logged there.
    pub fn said(&self) -> String {
        let logs = files::sorted_entries(&self.logs).unwrap_or_default();
        let text = |log: &PathBuf| fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).ok();
        process::last_lines(&logs.iter().filter_map(text).collect::<Vec<_>>().join("\n"), 15)
    }

    /// Removes them.
    ///
    /// # Errors
    /// When they can't be removed.
    pub fn remove(&self) -> Result<()> {
        disk::remove_folder(&self.base)
    }
}

/// Puts the next set of a site in its place, or takes one away, for this process alone, and becomes the program in `args`.
///
/// # Errors
/// When the system allows no such view, or the program can't be started.
pub fn enter(args: &ExecPrivateArgs) -> Result<()> {
    let store = Store::of(&args.name);
    let source = if args.previous { Source::Previous } else { Source::Staged };
    let staged = store.at(source);
    let manifest = match &args.removed {
        Some(text) => serde_json::from_str(text)?,
        None => Store::manifest(&staged)?
            .ok_or_else(|| Problem::environment(format!("{} is not there", staged.display())))?,
    };
    let network = if args.starts { CloneFlags::CLONE_NEWNET } else { CloneFlags::empty() };
    let refused = |error: nix::Error| {
        Problem::environment(format!("cannot make a private copy of /etc: {error}"))
            .hint("in a container: the capability SYS_ADMIN, or the target \"container\"")
    };
    unshare(CloneFlags::CLONE_NEWNS | network).map_err(refused)?;
    let none = None::<&Path>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).map_err(refused)?;
    let folders = Folders::of(&manifest);
    let copies = &folders.copies;
    mount(Some("tmpfs"), copies, Some("tmpfs"), MsFlags::empty(), Some("mode=0755")).map_err(refused)?;
    for (number, folder) in layout::changed(&manifest).iter().enumerate() {
        let copy = copies.join(number.to_string());
        copy_folder(folder, &copy)?;
        over(&copy, folder)?;
    }
    if args.starts {
        // Where the system has no IPv6 there is none to listen on.
        NONLOCAL.iter().for_each(|switch| drop(fs::write(switch, "1")));
    }
    // Apache looks for them when it reads its config, too.
    let run = manifest.pid_file.parent().unwrap_or(Path::new("/run"));
    for (folder, empty) in [(run, &folders.run), (&manifest.logs, &folders.logs)] {
        let made = DirBuilder::new().recursive(true).mode(0o755).create(folder);
        made.map_err(|error| files::unwritable(folder, error))?;
        over(empty, folder)?;
    }
    if args.removed.is_some() {
        place::take_away(&store, &manifest)?;
        modules::disable(&args.without)?;
    } else {
        modules::enable(&modules::missing(&manifest.modules))?;
        place::adopt(&store, &manifest)?;
        store.take(source)?;
        place::put(&store, &manifest)?;
    }
    if let Some(user) = &args.user {
        identity::become_user(&Identity::named(user)?)?;
    }
    if args.starts {
        // A server that is ended while it starts leaves processes behind, which would be taken for the site's.
        return launch::run_enclosed(args.parent, &args.argv);
    }
    launch::exec(args.parent, Signal::SIGTERM, &args.argv)
}

/// Lets `folder` be what `copy` is.
fn over(copy: &Path, folder: &Path) -> Result<()> {
    let none = None::<&Path>;
    mount(Some(copy), folder, none, MsFlags::MS_BIND, none)
        .map_err(|error| Problem::environment(format!("cannot mount {}: {error}", folder.display())).into())
}

fn copy_folder(folder: &Path, copy: &Path) -> Result<()> {
    let finished = process::run(Command::new("cp").arg("-a").arg(folder).arg(copy), COPY)?;
    if finished.status.success() {
        return Ok(());
    }
    Err(Problem::environment(format!("cannot copy {}", folder.display())).detail(finished.stderr.trim_end()).into())
}
