//! The next set, made ready beside the one that runs.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::certificates::{self, CATCH_ALL};
use super::disk::{self, READABLE};
use super::layout;
use super::parcel::{Parcel, SECRETS};
use super::record::{self, RECORD, Record};
use super::store::{self, Source, Store};
use crate::files;
use crate::identity::Identity;
use crate::live::server::Server;
use crate::process;
use crate::ui::problem::Problem;

const PRIVATE: u32 = 0o600;
/// The site's group may read it.
const GROUPS: u32 = 0o640;

/// How long copying a few files may take.
const COPY: Duration = Duration::from_secs(60);

/// Makes the next set of `parcel` and what the one that runs has besides.
///
/// # Errors
/// When it can't be written: what runs is untouched.
pub fn stage(store: &Store, parcel: &Parcel, account: &Identity) -> Result<()> {
    let next = store.at(Source::Staged);
    disk::remove_folder(&next)?;
    DirBuilder::new().mode(0o755).create(&next).map_err(|error| files::unwritable(&next, error))?;
    let takes_variables = takes_variables(&store.live, parcel)?;
    let files: Vec<&(String, String)> =
        parcel.files.iter().filter(|(name, _)| name != SECRETS || takes_variables).collect();
    carry_over(&store.live, &next, |name| files.iter().any(|(own, _)| own == name) || name == RECORD)?;
    for (name, text) in &files {
        let (mode, group) = if name == SECRETS { (GROUPS, Some(account.gid)) } else { (READABLE, None) };
        disk::put(&next.join(name), text.as_bytes(), mode, group)?;
    }
    if parcel.manifest.https_port.is_some() && !certificates::has_catch_all(&next) {
        let (certificate, key) = certificates::catch_all()?;
        for (name, text, mode) in [(CATCH_ALL[0], certificate, READABLE), (CATCH_ALL[1], key, PRIVATE)] {
            disk::put(&next.join(name), text.as_bytes(), mode, None)?;
        }
    }
    let made = files.iter().map(|(name, text)| (name.as_str(), text.as_bytes()));
    let mut record = Record::of(record::id(), made);
    if let Some(digest) = Store::record(&store.live)?.and_then(|live| live.files.get(SECRETS).cloned()) {
        // What came with an earlier set is renewed by a later one.
        record.files.entry(SECRETS.to_owned()).or_insert(digest);
    }
    store::note(&next, &record)
}

/// Whether the variables of `parcel` take the place of those in `live`: not if somebody wrote them on the server.
///
/// # Errors
/// When they can't be read.
pub fn takes_variables(live: &Path, parcel: &Parcel) -> Result<bool> {
    let Some(present) = files::read_if_exists(&live.join(SECRETS))? else { return Ok(parcel.text(SECRETS).is_some()) };
    let record = Store::record(live)?;
    let is_ours = record::is_as_put(record.as_ref(), SECRETS, &present);
    Ok(is_ours && parcel.variables().is_some())
}

/// Copies what else is in `live`, with its rights: certificates, and whatever somebody has put there.
fn carry_over(live: &Path, next: &Path, is_replaced: impl Fn(&str) -> bool) -> Result<()> {
    if !live.exists() {
        return Ok(());
    }
    let kept: Vec<PathBuf> =
        files::sorted_entries(live)?.into_iter().filter(|entry| !is_replaced(&files::name(entry))).collect();
    if kept.is_empty() {
        return Ok(());
    }
    let finished = process::run(Command::new("cp").arg("-a").arg("--").args(&kept).arg(next), COPY)?;
    if finished.status.success() {
        return Ok(());
    }
    Err(Problem::environment(format!("cannot copy {}", live.display())).detail(finished.stderr.trim_end()).into())
}

/// Whether the set that runs is `parcel` already, and runs.
///
/// # Errors
/// When it can't be read.
pub fn is_active(store: &Store, parcel: &Parcel) -> Result<bool> {
    let live = &store.live;
    if Store::record(live)?.is_none() || Server::of(&parcel.manifest).pid().is_none() {
        return Ok(false);
    }
    let takes_variables = takes_variables(live, parcel)?;
    for (name, text) in parcel.files.iter().filter(|(name, _)| name != SECRETS || takes_variables) {
        if files::read_if_exists(&live.join(name))?.as_deref() != Some(text) {
            return Ok(false);
        }
    }
    Ok(layout::links(&parcel.manifest).iter().all(disk::leads))
}
