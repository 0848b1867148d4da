//! What of the disk matters to the site, and what has changed of it.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use ignore::gitignore::Gitignore;
use walkdir::WalkDir;

use super::content;
use super::saved::Saved;
use super::watch::{Aside, Watch};
use super::witness::Numbers;
use crate::dev::harness::message::Folders;
use crate::dev::slots::{Id, Reads};
use crate::files;

/// A file that is gone may be on its way back: many editors save in such steps.
const SETTLING: Duration = Duration::from_millis(50);

/// Endings by which a change in an installed package is told from what Python writes there.
const PACKAGE_ENDINGS: [&str; 5] = ["py", "so", "pth", "dist-info", "egg-link"];

/// What changed.
#[derive(Debug, Default)]
pub struct Findings {
    /// The contents of what processes have read.
    pub contents: Reads,
    /// What is to be reloaded for, whoever read it: `[dev] watch`.
    pub forced: Reads,
    /// Templates.
    pub templates: BTreeSet<PathBuf>,
    /// Compiled translations.
    pub translations: BTreeSet<PathBuf>,
    /// Something in an installed package.
    pub packages: bool,
    /// Files of ours that mark a point in time.
    pub marks: Vec<PathBuf>,
    /// Why files are looked at regularly from now on.
    pub polling: Option<&'static str>,
    /// A round of such looks is over.
    pub looked: bool,
    /// Notices were lost.
    pub lost: bool,
}

/// The part of the disk that matters.
pub struct Disk {
    watch: Watch,
    /// Everything that any process has read.
    known: BTreeSet<PathBuf>,
    templates: BTreeSet<PathBuf>,
    translations: BTreeSet<PathBuf>,
    packages: BTreeSet<PathBuf>,
    package_watches: Vec<Aside>,
    /// How many of these watches are not complete yet.
    begun: usize,
    /// The packages that are loaded were read after this.
    packages_since: SystemTime,
    /// What has come or gone lately, and when it is to be believed.
    unsettled: BTreeMap<PathBuf, Instant>,
    /// `[dev] ignore`.
    ignored: Gitignore,
    /// `[dev] watch`.
    extra: Vec<PathBuf>,
    /// Where our own marks are made.
    marks: PathBuf,
}

impl Disk {
    /// Nothing is known to matter yet but `extra`.
    pub fn new(mut watch: Watch, ignored: Gitignore, extra: Vec<PathBuf>, marks: &Path) -> Self {
        watch.add(marks);
        let mut disk = Self {
            watch,
            known: BTreeSet::new(),
            templates: BTreeSet::new(),
            translations: BTreeSet::new(),
            packages: BTreeSet::new(),
            package_watches: Vec::new(),
            begun: 0,
            packages_since: SystemTime::now(),
            unsettled: BTreeMap::new(),
            ignored: Gitignore::empty(),
            extra: Vec::new(),
            marks: marks.to_owned(),
        };
        disk.reconfigure(ignored, extra);
        disk
    }

    /// Takes other `[dev] watch` and `ignore`.
    pub fn reconfigure(&mut self, ignored: Gitignore, extra: Vec<PathBuf>) {
        for path in &extra {
            self.look_at_extra(path, &mut Findings::default());
            self.watch.add_for(path);
        }
        self.ignored = ignored;
        self.extra = extra;
    }

    /// Whether files are looked at regularly, for want of notice from the kernel.
    pub fn polls(&self) -> bool {
        self.watch.polls()
    }

    /// Has a process that is to serve see saves itself, from now on. The folders by the number that its
    /// notices give them, where only what it has read matters; `None` where the kernel does not tell.
    pub fn witness(&mut self, id: Id) -> Option<Numbers> {
        if self.polls() {
            return None;
        }
        let marks = &self.marks;
        let folders: Vec<PathBuf> = self.watch.folders().filter(|folder| *folder != marks).cloned().collect();
        let mut numbers = self.watch.witnesses().begin(id, folders.iter()).ok()?;
        let kept = || self.templates.iter().chain(&self.translations).chain(&self.extra);
        // Such a folder may come or go as a whole.
        let whole = |folder: &PathBuf| kept().any(|kept| folder.starts_with(kept) || kept.parent() == Some(folder));
        numbers.retain(|_, folders| !folders.iter().any(whole));
        Some(numbers)
    }

    /// The queue of a process that sees saves itself.
    pub fn witness_of(&mut self, id: Id) -> Option<BorrowedFd<'_>> {
        self.watch.witnesses().of(id)
    }

    /// A process has gone.
    pub fn end_witness(&mut self, id: Id) {
        self.watch.witnesses().end(id);
    }

    /// Whether something is waited for.
    pub fn is_settled(&self) -> bool {
        self.unsettled.is_empty()
    }

    /// When all that has come or gone until now is to be believed.
    pub fn settled_by(&self) -> Option<Instant> {
        self.unsettled.values().max().copied()
    }

    /// Whether something is waited for that is to be believed at `until` or before.
    pub fn is_unsettled_at(&self, until: Instant) -> bool {
        self.unsettled.values().any(|when| *when <= until)
    }

    /// When what has come or gone is to be believed.
    pub fn deadline(&self) -> Option<Instant> {
        self.unsettled.values().min().copied()
    }

    /// Takes in what a process has read. Returns the contents of those that were not watched till now:
    /// what happened to them before, nobody has seen.
    pub fn learn(&mut self, reads: &Reads) -> Reads {
        let mut contents = Reads::new();
        for path in reads.keys() {
            if self.known.contains(path) || self.is_ignored(path) {
                continue;
            }
            self.known.insert(path.clone());
            self.watch_known(path);
            contents.insert(path.clone(), content::of(path));
        }
        contents
    }

    /// The known Python files, the last changed first.
    pub fn latest(&self) -> Vec<PathBuf> {
        let mut files: Vec<(std::time::SystemTime, &PathBuf)> = self
            .known
            .iter()
            .filter(|path| path.extension().is_some_and(|extension| extension == "py"))
            .filter_map(|path| Some((path.metadata().ok()?.modified().ok()?, path)))
            .collect();
        files.sort_by(|one, other| other.cmp(one));
        files.into_iter().map(|(_, path)| path.clone()).collect()
    }

    /// Takes in where the site has its templates and translations. Whether any of that is new.
    pub fn learn_folders(&mut self, folders: &Folders) -> bool {
        let mut is_new = false;
        for (found, kept) in
            [(&folders.templates, &mut self.templates), (&folders.translations, &mut self.translations)]
        {
            for folder in found {
                // Those of installed packages change with the packages.
                let installed = folder.iter().any(|part| part == "site-packages" || part == "dist-packages");
                if !installed && kept.insert(folder.clone()) {
                    is_new = true;
                    let real = folder.canonicalize().unwrap_or_else(|_| folder.clone());
                    watch_tree(&mut self.watch, &real);
                    self.watch.add_for(&real);
                    self.watch.matters(&real);
                    kept.insert(real);
                }
            }
        }
        is_new
    }

    /// The installed packages are about to be loaded anew.
    pub fn reload_packages(&mut self) {
        self.packages_since = files::now();
    }

    /// Takes in where the installed packages are.
    pub fn learn_packages(&mut self, folders: &[PathBuf]) {
        let mut new = Vec::new();
        for folder in folders {
            if self.packages.insert(folder.clone()) {
                new.push(folder.clone());
            }
            let top = folder
                .ancestors()
                .find(|above| above.file_name().is_some_and(|name| name == "site-packages" || name == "dist-packages"));
            if let Some(top) = top
                && self.packages.insert(top.to_owned())
            {
                new.push(top.to_owned());
            }
        }
        if !new.is_empty() {
            self.begun += 1;
            self.package_watches.push(self.watch.aside(new, self.packages_since));
        }
    }

    /// Whether all installed packages that are known of are watched.
    pub fn watches_packages(&self) -> bool {
        self.begun == 0
    }

    /// Takes in notices.
    pub fn saved(&mut self, batch: impl IntoIterator<Item = Saved>, now: Instant) -> Findings {
        let mut findings = Findings::default();
        for saved in batch {
            match saved {
                Saved::Written(path) => self.look(&path, false, now, &mut findings),
                Saved::Unsettled(path) => self.look(&path, true, now, &mut findings),
                Saved::Watched => self.begun -= 1,
                Saved::Looked => findings.looked = true,
                Saved::Polling(reason) => findings.polling = Some(reason),
                Saved::Lost => {
                    findings.lost = true;
                    for path in self.known.clone() {
                        findings.contents.insert(path.clone(), content::of(&path));
                    }
                    findings.templates.extend(self.templates.iter().cloned());
                    findings.translations.extend(self.translations.iter().cloned());
                }
            }
        }
        findings
    }

    /// What is to be believed by now.
    pub fn settled(&mut self, now: Instant) -> Findings {
        let (ripe, rest) = std::mem::take(&mut self.unsettled).into_iter().partition(|(_, when)| *when <= now);
        self.unsettled = rest;
        let ripe: BTreeMap<PathBuf, Instant> = ripe;
        let mut findings = Findings::default();
        for path in ripe.keys() {
            self.look(path, false, now, &mut findings);
        }
        findings
    }

    fn look(&mut self, path: &Path, unsettled: bool, now: Instant, findings: &mut Findings) {
        if path.parent() == Some(self.marks.as_path()) {
            findings.marks.push(path.to_owned());
            return;
        }
        if self.is_ignored(path) {
            return;
        }
        let affected = self.affected(path);
        let is_template = is_below(path, &self.templates);
        let is_translation = is_below(path, &self.translations) && path.extension().is_some_and(|ext| ext == "mo");
        let is_package = path.parent().is_some_and(|parent| self.packages.contains(parent))
            && path.extension().is_some_and(|extension| PACKAGE_ENDINGS.iter().any(|ending| extension == *ending));
        let is_extra = self.extra.iter().any(|extra| path.starts_with(extra));
        if is_below(path, &self.translations) && path.is_dir() {
            // Of a new language.
            watch_tree(&mut self.watch, path);
        }
        if affected.is_empty() && !(is_template || is_translation || is_package || is_extra) {
            return;
        }
        if unsettled {
            self.watch.forget(path);
            self.unsettled.entry(path.to_owned()).or_insert(now + SETTLING);
            return;
        }
        self.unsettled.remove(path);
        for known in affected {
            // A folder that has come may hold what was missed in it.
            self.watch_known(&known);
            findings.contents.insert(known.clone(), content::of(&known));
        }
        if is_template {
            if path.is_dir() {
                watch_tree(&mut self.watch, path);
            }
            findings.templates.insert(path.to_owned());
        }
        if is_translation {
            findings.translations.insert(path.to_owned());
        }
        if is_extra {
            self.look_at_extra(path, findings);
        }
        findings.packages |= is_package;
    }

    fn watch_known(&mut self, path: &Path) {
        if path.is_dir() {
            self.watch.add(path);
        }
        self.watch.add_for(path);
    }

    /// Watches what is below `path` and takes in the files there.
    fn look_at_extra(&mut self, path: &Path, findings: &mut Findings) {
        if !path.is_dir() {
            findings.forced.insert(path.to_owned(), content::of(path));
            return;
        }
        // What git leaves out is not the site's.
        for entry in ignore::WalkBuilder::new(path).hidden(false).build().flatten() {
            if entry.path().is_dir() {
                self.watch.add(entry.path());
            } else {
                findings.forced.insert(entry.path().to_owned(), content::of(entry.path()));
            }
        }
    }

    /// What of the known is at `path`, below it, or lists it.
    fn affected(&self, path: &Path) -> Vec<PathBuf> {
        let below = self.known.range(path.to_owned()..).take_while(|known| known.starts_with(path));
        let mut affected: Vec<PathBuf> = below.cloned().collect();
        if let Some(parent) = path.parent()
            && self.known.contains(parent)
        {
            affected.push(parent.to_owned());
        }
        affected
    }

    fn is_ignored(&self, path: &Path) -> bool {
        let root = self.ignored.path();
        path.starts_with(root) && self.ignored.matched_path_or_any_parents(path, path.is_dir()).is_ignore()
    }
}

fn is_below(path: &Path, folders: &BTreeSet<PathBuf>) -> bool {
    path.ancestors().any(|above| folders.contains(above))
}

fn watch_tree(watch: &mut Watch, folder: &Path) {
    for entry in WalkDir::new(folder).into_iter().flatten() {
        if entry.file_type().is_dir() {
            watch.add(entry.path());
        }
    }
}
