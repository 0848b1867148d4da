//! Modules of Debian's Apache.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::files;
use crate::process;
use crate::ui::problem::Problem;

/// Links of the modules that are loaded.
const ENABLED: &str = "/etc/apache2/mods-enabled";

/// Where Debian's programs for it are.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How long Debian's programs may take for it.
const LIMIT: Duration = Duration::from_secs(30);

/// Those of `names` that are not loaded yet.
pub fn missing(names: &[String]) -> Vec<String> {
    let is_missing = |name: &&String| !Path::new(ENABLED).join(format!("{name}.load")).exists();
    names.iter().filter(is_missing).cloned().collect()
}

/// Has `names` loaded from Apache's next start or reload on, with what they need. Returns the links that are new.
///
/// # Errors
/// When one is not installed.
pub fn enable(names: &[String]) -> Result<Vec<PathBuf>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let before = links()?;
    run("a2enmod", names)?;
    Ok(links()?.into_iter().filter(|link| !before.contains(link)).collect())
}

/// The links that load the modules `names`.
pub fn links_of(names: &[String]) -> impl Iterator<Item = PathBuf> {
    names.iter().map(|name| Path::new(ENABLED).join(format!("{name}.load")))
}

/// Whether one of `links` loads a module.
pub fn are_any(links: &[PathBuf]) -> bool {
    links.iter().any(|link| is_module(link))
}

/// Takes back what [`enable`] did: the modules of `links`.
///
/// # Errors
/// When they can't be taken back.
pub fn disable(links: &[PathBuf]) -> Result<()> {
    let name = |link: &PathBuf| link.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut names: Vec<String> = links.iter().filter(|link| is_module(link)).map(name).collect();
    if names.is_empty() {
        return Ok(());
    }
    // proxy_http needs proxy: one after the other goes, and Apache may read its config in between.
    names.sort_unstable_by(|one, other| other.cmp(one));
    run("a2dismod", &names)
}

fn is_module(link: &Path) -> bool {
    link.extension().is_some_and(|kind| kind == "load") && link.exists()
}

fn links() -> Result<Vec<PathBuf>> {
    files::sorted_entries(Path::new(ENABLED))
}

fn run(program: &str, names: &[String]) -> Result<()> {
    let mut command = Command::new(program);
    command.env("PATH", PATH);
    // Others that depend on it are among them; and Debian's note of who disabled it is not left either.
    let force: &[&str] = if program == "a2dismod" { &["--force", "--purge"] } else { &[] };
    let finished = process::run(command.arg("--quiet").args(force).args(names), LIMIT)?;
    if finished.status.success() {
        return Ok(());
    }
    let what = format!("{program} {}: {}", names.join(" "), process::describe(finished.status));
    Err(Problem::environment(what).detail((finished.stdout + &finished.stderr).trim_end()).into())
}
