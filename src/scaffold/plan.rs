//! What a run would write, compared with what is there.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use similar::TextDiff;

use super::provenance;
use crate::files;
use crate::ui::problem::Problem;
use crate::ui::term::Ui;

/// A file as it should be.
#[derive(Debug)]
pub struct Wanted {
    /// Where.
    pub path: PathBuf,
    /// Its whole text.
    pub text: String,
    /// Who decides about a difference.
    pub keep: Keep,
    /// Who may read it.
    pub access: Access,
}

/// Who may read a file that is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody: Apache's user must.
    All,
    /// Its owner.
    Owner,
}

/// What to do with a file that is there and differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Renew it if nobody has edited it; an edited one is a conflict.
    UnlessUntouched,
    /// It is the user's from the moment it exists.
    Always,
    /// The new text contains the old one: extend it.
    Extend,
}

/// A file and what would happen to it.
#[derive(Debug)]
pub struct Step {
    /// Where.
    pub path: PathBuf,
    /// Its text afterwards.
    pub text: String,
    /// What is there now.
    pub present: Option<String>,
    /// What would happen.
    pub change: Change,
    /// Who may read it, if it is created.
    pub access: Access,
}

/// What would happen to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is not there yet.
    Create,
    /// It is ours, unedited, and out of date; or lines are added.
    Update,
    /// It is as it should be, or the user's.
    Nothing,
    /// A human wrote or edited it, and it differs.
    Conflict,
    /// As before, but `--overwrite` was given: a backup is kept.
    Replace,
}

/// Compares `wanted` with the disk.
///
/// # Errors
/// When a file can't be read, is a symlink or no file at all, or conflicts (all are listed).
pub fn make(wanted: Vec<Wanted>, root: &Path, overwrite: bool) -> Result<Vec<Step>> {
    let mut steps = Vec::with_capacity(wanted.len());
    for file in wanted {
        refuse_links(root, &file.path)?;
        let present = files::read_if_exists(&file.path)?;
        let change = match &present {
            None => Change::Create,
            Some(text) if *text == file.text || file.keep == Keep::Always => Change::Nothing,
            Some(_) if file.keep == Keep::Extend => Change::Update,
            Some(text) if provenance::is_untouched(text) && provenance::same_template(text, &file.text) => {
                Change::Update
            }
            Some(_) if overwrite => Change::Replace,
            Some(_) => Change::Conflict,
        };
        steps.push(Step { path: file.path, text: file.text, present, change, access: file.access });
    }
    let conflicts: Vec<&Step> = steps.iter().filter(|step| step.change == Change::Conflict).collect();
    if !conflicts.is_empty() {
        let names: Vec<String> = conflicts.iter().map(|step| shown(root, &step.path)).collect();
        let diffs: Vec<String> = conflicts.iter().map(|step| step.diff(root)).collect();
        return Err(Problem::refused(format!(
            "would overwrite {}, which a human wrote or edited, or which is something else",
            names.join(", ")
        ))
        .detail(diffs.join("\n"))
        .hint("--overwrite replaces it and keeps a backup; nothing was written")
        .into());
    }
    Ok(steps)
}

/// A file that is a link may lead anywhere, and so may a folder on the way to it.
fn refuse_links(root: &Path, path: &Path) -> Result<(), Problem> {
    let below = path.strip_prefix(root).unwrap_or(path);
    let mut place = root.to_owned();
    for part in std::iter::once(Path::new("").as_os_str()).chain(below) {
        if !part.is_empty() {
            place.push(part);
        }
        let Ok(meta) = fs::symlink_metadata(&place) else { return Ok(()) };
        let last = place == path;
        if meta.is_symlink() || (last && !meta.is_file()) || (!last && !meta.is_dir()) {
            let what = if meta.is_symlink() { "a symbolic link" } else { "in the way" };
            return Err(
                Problem::refused(format!("{} is {what}", place.display())).hint("move it away; nothing was written")
            );
        }
    }
    Ok(())
}

/// `path` as the user would type it from the site's folder.
pub fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

impl Step {
    /// The difference as a unified diff.
    pub fn diff(&self, root: &Path) -> String {
        let name = shown(root, &self.path);
        let old = self.present.as_deref().unwrap_or_default();
        TextDiff::from_lines(old, &self.text)
            .unified_diff()
            .header(&format!("{name} (present)"), &format!("{name} (new)"))
            .to_string()
    }

    /// Whether anything would be written.
    pub fn writes(&self) -> bool {
        self.change != Change::Nothing
    }
}

/// Lists the steps, with their contents if `diff`.
///
/// # Errors
/// When stdout can't be written to.
pub fn show(ui: &Ui, steps: &[Step], root: &Path, diff: bool) -> Result<()> {
    for step in steps {
        let verb = match step.change {
            Change::Create => "Would create",
            Change::Update => "Would update",
            Change::Replace => "Would replace",
            Change::Nothing | Change::Conflict => "Unchanged",
        };
        ui.status(verb, &shown(root, &step.path));
        if diff && step.writes() {
            ui.data(&step.diff(root))?;
        }
    }
    Ok(())
}
