//! What the supervisor hands the reload to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ignore::gitignore::Gitignore;

use super::content;
use super::disk::{Disk, Findings};
use super::saved::Saved;
use super::told::Told;
use super::waiting::Asked;
use super::watch::Watch;
use crate::dev::event::Event;
use crate::dev::harness::control::Control;
use crate::dev::harness::files as harness;
use crate::dev::harness::message::{Order, Said, Variables};
use crate::dev::harness::route::Route;
use crate::dev::runtime::Runtime;
use crate::dev::slots::{self, Happening, Id, Plan, Reads, Slots};
use crate::files;
use crate::process;
use crate::ui::printer::Printer;

/// Installed packages must have been left alone for this long before they are believed.
const PACKAGES_QUIET: Duration = Duration::from_millis(700);

/// What the site wants of the reload.
#[derive(Debug)]
pub struct Settings {
    /// Processes and standbys.
    pub plan: Plan,
    /// The folder of manage.py.
    pub root: PathBuf,
    /// Folders that belong to the site.
    pub roots: Vec<PathBuf>,
    /// `[dev] ignore`.
    pub ignored: Gitignore,
    /// `[dev] watch`.
    pub extra: Vec<PathBuf>,
}

/// The instant reload of one running `dev`.
pub struct Reloader<'a> {
    pub(super) printer: &'a Printer,
    pub(super) runtime: &'a Runtime,
    pub(super) queue: Sender<Event>,
    pub(super) settings: Settings,
    pub(super) slots: Slots,
    pub(super) control: Control,
    pub(super) disk: Disk,
    pub(super) told: Told,
    /// The number of the start of Apache; messages from processes of an earlier one are stale.
    pub(super) start: u32,
    /// Where mod_wsgi looks for its socket.
    pub(super) place: Option<PathBuf>,
    pub(super) route: Option<Route>,
    pub(super) routes: u64,
    pub(super) packages_changed: Option<Instant>,
    /// Milliseconds from fork to loaded of the process that loaded last.
    pub(super) took: f64,
    /// Variables that have changed since Apache was started.
    pub(super) environment: Variables,
    /// Questions: those whose mark has not been seen yet, those for which so many rounds of looks are
    /// still to be made, and the others.
    pub(super) marking: BTreeMap<PathBuf, Asked>,
    pub(super) marks: u64,
    pub(super) looking: BTreeMap<Asked, u8>,
    /// With the time until which something is to be believed that had come or gone by then.
    pub(super) waiting: BTreeMap<Asked, Option<Instant>>,
    pub(super) obstacle: Option<String>,
    /// Apache is being stopped: what ends, ends because of that.
    pub(super) stopped: bool,
}

impl<'a> Reloader<'a> {
    /// Gets ready, before Apache is started.
    ///
    /// # Errors
    /// When the socket or a folder can't be made.
    pub fn new(printer: &'a Printer, runtime: &'a Runtime, settings: Settings, queue: &Sender<Event>) -> Result<Self> {
        let socket = runtime.control_socket();
        let control = Control::listen(&socket, queue.clone())
            .with_context(|| format!("cannot listen on {}", socket.display()))?;
        let marks = runtime.marks();
        fs::create_dir_all(&marks).with_context(|| format!("cannot make {}", marks.display()))?;
        let watch = Watch::start(&settings.root, queue.clone());
        let disk = Disk::new(watch, settings.ignored.clone(), settings.extra.clone(), &marks);
        let told = Told::new(&settings.root);
        Ok(Self {
            printer,
            runtime,
            queue: queue.clone(),
            slots: Slots::new(settings.plan, 0),
            settings,
            control,
            disk,
            told,
            start: 0,
            place: None,
            route: None,
            routes: 0,
            packages_changed: None,
            took: 0.0,
            environment: Variables::new(),
            marking: BTreeMap::new(),
            marks: 0,
            looking: BTreeMap::new(),
            waiting: BTreeMap::new(),
            obstacle: None,
            stopped: false,
        })
    }

    /// Takes other settings from the next start of Apache on.
    pub fn reconfigure(&mut self, settings: Settings) {
        self.disk.reconfigure(settings.ignored.clone(), settings.extra.clone());
        self.settings = settings;
    }

    /// Variables of the site have changed since Apache was started.
    pub fn set_environment(&mut self, variables: Variables) {
        self.environment = variables;
        self.happened(Happening::EverythingChanged("variables".to_owned()), Instant::now());
    }

    /// Apache is about to be started.
    ///
    /// # Errors
    /// When the harness can't be written.
    pub fn starting(&mut self, start: u32) -> Result<()> {
        self.start = start;
        self.disk.reload_packages();
        self.stopped = false;
        self.place = None;
        self.route = None;
        self.slots = Slots::new(self.settings.plan, self.slots.build());
        self.slots.expect_changes_in(self.disk.latest());
        let Settings { root, roots, plan, .. } = &self.settings;
        harness::write(self.runtime, root, roots, plan.processes, start)
    }

    /// Apache is being stopped: what serves finishes what it has.
    pub fn stopping(&mut self, grace: Duration) {
        self.stopped = true;
        for id in self.slots.standing_by() {
            self.control.send(id, &Order::End, None);
        }
        for id in self.slots.serving() {
            self.control.send(id, &Order::Retire { grace: grace.as_secs_f64() }, None);
        }
    }

    /// When this wants to hear from the clock.
    pub fn deadline(&self) -> Option<Instant> {
        if self.stopped {
            return None;
        }
        let packages = self.packages_changed.map(|changed| changed + PACKAGES_QUIET);
        [self.slots.deadline(), self.disk.deadline(), packages].into_iter().flatten().min()
    }

    /// A deadline may have passed.
    pub fn tick(&mut self, now: Instant) {
        let findings = self.disk.settled(now);
        self.found(findings, now);
        if self.packages_changed.is_some_and(|changed| changed + PACKAGES_QUIET <= now) {
            self.packages_changed = None;
            self.disk.reload_packages();
            self.happened(Happening::EverythingChanged("installed packages".to_owned()), now);
        }
        self.happened(Happening::Deadline, now);
    }

    /// The site has answered its first request.
    pub fn answered(&mut self) {
        self.slots.expect_changes_in(self.disk.latest());
        self.happened(Happening::Answered, Instant::now());
    }

    /// Files were saved.
    pub fn saved(&mut self, batch: Vec<Saved>) {
        let now = Instant::now();
        let findings = self.disk.saved(batch, now);
        self.found(findings, now);
    }

    fn found(&mut self, findings: Findings, now: Instant) {
        let Findings { mut contents, forced, templates, translations, packages, marks, polling, looked, lost } =
            findings;
        // Not before all of this is done.
        let waiting = std::mem::take(&mut self.waiting);
        if let Some(reason) = polling {
            self.printer.print(move |ui| ui.note(&format!("{reason}: files are looked at every 0.3 s")));
        }
        if packages {
            self.packages_changed = Some(now);
        }
        if !forced.is_empty() {
            contents.retain(|path, _| !forced.contains_key(path));
            self.happened(Happening::Changed { contents: forced, forced: true }, now);
        }
        let read: BTreeSet<PathBuf> = contents.keys().cloned().collect();
        if !contents.is_empty() {
            self.happened(Happening::Changed { contents, forced: false }, now);
        }
        // What was read while the site was loaded needs more than a reset.
        let templates: BTreeSet<PathBuf> = templates.into_iter().filter(|path| !read.contains(path)).collect();
        if !templates.is_empty() {
            self.tell_all(&Order::Templates);
            self.told.renewed(self.printer, &templates, "templates");
        }
        if let Some(path) = translations.first() {
            self.tell_all(&Order::Translations { path });
            self.told.renewed(self.printer, &translations, "translations");
        }
        for mark in marks {
            self.passed(&mark);
        }
        if looked {
            self.looked();
        }
        if lost {
            self.mark_again();
        }
        self.waiting.extend(waiting);
        self.answer_waiting();
    }

    fn tell_all(&self, order: &Order) {
        for id in self.slots.serving() {
            self.control.send(id, order, None);
        }
    }

    /// A connection ended.
    pub fn gone(&mut self, id: Id) {
        self.waiting.retain(|asked, _| asked.by() != id);
        self.marking.retain(|_, asked| asked.by() != id);
        self.looking.retain(|asked, _| asked.by() != id);
        self.disk.end_witness(id);
        self.happened(Happening::Gone(id), Instant::now());
    }

    /// A process of the harness, or another command of djwsgi, said something.
    pub fn said(&mut self, id: Id, said: Said) {
        let now = Instant::now();
        match said {
            Said::Hello { pid, parent, role, build, index, start, place } => {
                if start != self.start {
                    return self.control.close(id);
                }
                // Till the first save mod_wsgi's own socket is good enough: requests may wait there
                // already.
                self.place = place.or_else(|| self.place.take());
                let role = role.of(build, index);
                self.happened(Happening::Connected { id, pid, parent, role }, now);
            }
            Said::Held { at, before, modules, reads, wrote } => {
                self.learn(&reads, wrote, now);
                self.happened(Happening::Held { id, at, before, modules, reads }, now);
            }
            Said::Loaded { failed, obstacle, reads, wrote, folders, took } => {
                self.learn(&reads, wrote, now);
                self.look_again(&reads, now);
                self.took = took;
                self.note_obstacle(obstacle);
                self.happened(Happening::Loaded { id, reads, failure: failed }, now);
                self.disk.learn_folders(&folders);
            }
            Said::Folders { folders } => {
                if self.disk.learn_folders(&folders) {
                    // What was saved there meanwhile, nobody has seen.
                    self.tell_all(&Order::Templates);
                }
            }
            // Looked at while the load goes on: its end is not to wait for that.
            Said::Noted { reads } => self.learn(&reads, Vec::new(), now),
            Said::Read { reads } => {
                self.learn(&reads, Vec::new(), now);
                self.look_again(&reads, now);
                self.happened(Happening::Read { id, reads }, now);
            }
            Said::Unfit => self.happened(Happening::Unfit(id), now),
            Said::Rehearsed { failed, obstacle, reads, wrote } => {
                self.learn(&reads, wrote, now);
                self.look_again(&reads, now);
                self.note_obstacle(obstacle);
                self.happened(Happening::Read { id, reads }, now);
                self.happened(Happening::Rehearsed { id, failed: failed.is_some() }, now);
            }
            Said::Modules { names, folders } => {
                self.disk.learn_packages(&folders);
                // Without the list nothing is imported ahead.
                let _ = self.write_packages(&names);
                self.happened(Happening::Listed, now);
            }
            Said::Exited { pid, status, role, build, index } => {
                self.read_record(pid, now);
                let how = process::describe_status(status);
                self.happened(Happening::Exited { pid, how, role: role.of(build, index) }, now);
            }
            Said::Check { number } => self.mark(Asked::Check { id, number }),
            Said::Wait => self.mark(Asked::Wait { id }),
        }
    }

    /// What a process had read that has ended before it could say so.
    fn read_record(&mut self, pid: i32, now: Instant) {
        let record = self.runtime.run.join(format!("reads-{pid}"));
        let Ok(text) = fs::read_to_string(&record) else { return };
        let _ = fs::remove_file(record);
        let reads: Reads = text.lines().filter_map(|line| serde_json::from_str::<Reads>(line).ok()).flatten().collect();
        self.learn(&reads, Vec::new(), now);
    }

    /// What was read is watched from now on. What happened to it before is found out.
    fn learn(&mut self, reads: &Reads, wrote: Vec<PathBuf>, now: Instant) {
        self.slots.ignore(wrote);
        let contents = self.disk.learn(reads);
        if !contents.is_empty() {
            self.happened(Happening::Seen(contents), now);
        }
    }

    /// What was read differently than it was last seen may have been saved, and the notice be on its
    /// way. Only for what is to serve: a standby may as well have met a file that is just being written.
    fn look_again(&mut self, reads: &Reads, now: Instant) {
        let different = reads.iter().filter(|(path, read)| self.slots.differs(path, read));
        let contents: Reads = different.map(|(path, _)| (path.clone(), content::of(path))).collect();
        if !contents.is_empty() {
            self.happened(Happening::Seen(contents), now);
        }
    }

    fn note_obstacle(&mut self, obstacle: Option<String>) {
        let Some(text) = obstacle else { return };
        if self.obstacle.as_ref() != Some(&text) {
            self.obstacle = Some(text.clone());
            self.printer.print(move |ui| {
                if ui.verbose {
                    ui.dim(&format!("no standby beyond a point of the load: {text} there"));
                }
            });
        }
    }

    fn write_packages(&self, names: &[String]) -> Result<()> {
        let text = serde_json::to_string(names).context("cannot write the list of packages")?;
        files::write_private(&harness::warm_list(self.runtime), &text).context("cannot write the list of packages")
    }

    fn happened(&mut self, happening: Happening, now: Instant) {
        if self.stopped {
            return;
        }
        // Moved out and back: the state is large.
        let slots = std::mem::replace(&mut self.slots, Slots::new(self.settings.plan, 0));
        let (slots, actions) = slots::react(slots, happening, now);
        self.slots = slots;
        for action in actions {
            self.act(action);
        }
        self.answer_waiting();
    }
}
