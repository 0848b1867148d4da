//! What follows from what happens.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::process::{Content, Id, Process, Reads, Slot, Stage};
use super::{Action, Cause, Depth, Failure, Happening, Job, Phase, Report, Role, Slots, Warmth};

/// Changes that follow each other faster than this come from a program, not from a person.
const TOGETHER: Duration = Duration::from_millis(25);
/// How long further changes of such a series are waited for.
const QUIET: Duration = Duration::from_millis(30);
/// The same in a long series: a git switch, a formatter over the whole tree.
const LONG_QUIET: Duration = Duration::from_millis(80);
/// From this many on, a series is long.
const LONG_SERIES: u32 = 8;
/// The user is told that a load takes long.
const PATIENCE: Duration = Duration::from_secs(10);
/// A retired process that has not ended this long after its grace is killed.
const OVERTIME: Duration = Duration::from_secs(1);
/// Serving processes that die more often than this within `DEATHS_WITHIN` are not replaced.
const MOST_DEATHS: u32 = 5;
const DEATHS_WITHIN: Duration = Duration::from_secs(10);

/// The next state, and what to do on the way to it, in order.
pub fn react(mut slots: Slots, happening: Happening, now: Instant) -> (Slots, Vec<Action>) {
    let mut actions = Vec::new();
    slots.take(happening, now, &mut actions);
    slots.make_standbys(&mut actions);
    slots.drop_standbys(&mut actions);
    (slots, actions)
}

impl Slots {
    fn take(&mut self, happening: Happening, now: Instant, actions: &mut Vec<Action>) {
        match happening {
            Happening::Connected { id, pid, parent, role } => self.connected(id, pid, parent, role, now, actions),
            Happening::Held { id, at, reads } => self.held(id, at, reads),
            Happening::Loaded { id, reads, failure } => self.loaded(id, reads, failure, now, actions),
            Happening::Read { id, reads } => {
                self.add_reads(id, reads);
                self.rebuild_if_stale(now, actions);
            }
            Happening::Rehearsed { id, failed } => self.rehearsed(id, failed, actions),
            Happening::Listed => {
                if self.warmth != Warmth::Refused {
                    self.warmth = Warmth::Listed;
                }
            }
            Happening::Exited { pid, how } => {
                let found = self.processes.iter().find(|(_, process)| process.pid == pid).map(|(id, _)| *id);
                if let Some(id) = found {
                    self.ended(id, &how, now, actions);
                }
            }
            Happening::Gone(id) => {
                // Its parent says how it ended; of an orphan this is all we learn.
                if self.processes.get(&id).is_some_and(|process| process.orphan) {
                    self.ended(id, "its end was not seen", now, actions);
                }
            }
            Happening::Changed { contents, forced } => {
                if forced {
                    self.assume_read(&contents);
                }
                // What a process has read that is loading, or has died while it was, is not known.
                let unsure = self.page.is_some() || matches!(self.phase, Phase::Building { .. } | Phase::Settling(_));
                self.changed(contents, unsure, now, actions);
            }
            Happening::Seen(contents) => self.changed(contents, false, now, actions),
            Happening::EverythingChanged(what) => {
                self.packages += 1;
                self.warmth = if self.warmth == Warmth::Refused { Warmth::Refused } else { Warmth::Unknown };
                self.cause.everything = Some(what);
                self.rebuild(now, true, actions);
            }
            Happening::Answered => self.answered = true,
            Happening::Deadline => self.deadline_passed(now, actions),
        }
    }

    fn connected(&mut self, id: Id, pid: i32, parent: i32, role: Role, now: Instant, actions: &mut Vec<Action>) {
        match role {
            Role::Warm | Role::Rehearse => self.making = false,
            Role::Load(slot) => self.awaited.retain(|(awaited, _)| *awaited != slot),
            Role::Root => {}
        }
        let parent = self.processes.iter().find(|(_, process)| process.pid == parent).map(|(id, _)| *id);
        let over = parent.and_then(|parent| self.processes.get(&parent));
        let stage = match role {
            Role::Root => Stage::Root,
            Role::Warm => Stage::Warming,
            Role::Rehearse => Stage::Rehearsing,
            Role::Load(slot) => Stage::Loading(slot),
        };
        let process = Process {
            pid,
            parent,
            orphan: parent.is_none(),
            warm: role == Role::Warm || over.is_some_and(|over| over.warm),
            rehearsed: role == Role::Rehearse || over.is_some_and(|over| over.rehearsed),
            packages: match over {
                Some(over) if over.stage != Stage::Root => over.packages,
                _ => self.packages,
            },
            stage,
            reads: Reads::new(),
            stale: BTreeSet::new(),
        };
        self.processes.insert(id, process);
        match role {
            Role::Root if self.phase == Phase::Waiting => self.build_now(now, actions),
            Role::Load(slot) if !self.is_wanted(slot) => self.kill(id, actions),
            _ => {}
        }
    }

    /// Whether a process that loads for `slot` is still of use.
    fn is_wanted(&self, slot: Slot) -> bool {
        slot.build == self.build && !matches!(self.phase, Phase::Waiting | Phase::Settling(_))
    }

    fn held(&mut self, id: Id, at: String, reads: Reads) {
        self.add_reads(id, reads);
        if let Some(process) = self.processes.get_mut(&id)
            && process.stage != Stage::Ending
        {
            process.stage = Stage::Held(at);
        }
    }

    fn loaded(&mut self, id: Id, reads: Reads, failure: Option<Failure>, now: Instant, actions: &mut Vec<Action>) {
        self.add_reads(id, reads);
        let Some(Process { stage: Stage::Loading(slot), .. }) = self.processes.get(&id) else { return };
        let slot = *slot;
        if !self.is_wanted(slot) {
            return self.kill(id, actions);
        }
        if !self.is_valid(id) {
            return self.rebuild(now, false, actions);
        }
        self.set(id, Stage::Serving(slot));
        actions.push(Action::Go(id));
        let first = !self.route_used;
        self.route_used = true;
        self.failed = if first { failure.is_some() } else { self.failed || failure.is_some() };
        if first {
            let cause = std::mem::take(&mut self.cause);
            let took = cause.since.map(|since| now.duration_since(since));
            let from = self.from.clone();
            actions.push(Action::Reloaded(Report { build: self.build, cause, took, from, failure }));
        }
        if first {
            // The others load when there is one that answers: what can't be loaded fails once, and the
            // first answer does not share the processor.
            for index in 1..self.plan.processes {
                self.fork_load(Slot { index, ..slot }, actions);
            }
        }
        let build = self.build;
        let count = |stage: &Stage| matches!(stage, Stage::Serving(slot) if slot.build == build);
        let serving = self.processes.values().filter(|process| count(&process.stage)).count();
        if serving >= usize::from(self.plan.processes) {
            self.phase = Phase::Serving;
            self.retire_older(now, actions);
        }
    }

    /// The older builds' processes finish what they have; none of them gets anything new.
    fn retire_older(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let build = self.build;
        for (id, process) in &mut self.processes {
            if matches!(process.stage, Stage::Serving(slot) if slot.build != build) {
                process.stage = Stage::Retiring(now + self.plan.grace + OVERTIME);
                actions.push(Action::Retire(*id));
            }
        }
    }

    /// A standby in words.
    fn name_of(&self, id: Id) -> String {
        match self.processes.get(&id).map(|process| &process.stage) {
            Some(Stage::Held(at)) if at.is_empty() => "the installed packages".to_owned(),
            Some(Stage::Held(at)) => at.clone(),
            _ => "nothing".to_owned(),
        }
    }

    fn rehearsed(&mut self, id: Id, failed: bool, actions: &mut Vec<Action>) {
        let warm = self.processes.get(&id).is_some_and(|process| process.warm);
        let meaningful = self.is_valid(id) && self.served() == Some(true);
        self.set(id, Stage::Ending);
        if failed && warm && meaningful {
            // What loads without the packages imported ahead does not load with them.
            self.warmth = Warmth::Refused;
            actions.push(Action::NoWarmUp);
            self.rehearsed = None;
            let warm: Vec<Id> = self.processes.iter().filter(|(_, process)| process.warm).map(|(id, _)| *id).collect();
            for id in warm {
                if self.processes.get(&id).is_some_and(|process| matches!(process.stage, Stage::Held(_))) {
                    self.end(id, actions);
                }
            }
        }
    }

    fn ended(&mut self, id: Id, how: &str, now: Instant, actions: &mut Vec<Action>) {
        let Some(process) = self.processes.remove(&id) else { return };
        // What was executed before the fork is in the forked processes still.
        for child in self.processes.values_mut().filter(|child| child.parent == Some(id)) {
            child.parent = process.parent;
            child.orphan = true;
            child.add_reads(process.reads.clone(), &self.disk);
        }
        self.making = false;
        if self.warmth == Warmth::Asked {
            self.warmth = Warmth::Unknown;
        }
        let (lost, awaited) = std::mem::take(&mut self.awaited).into_iter().partition(|(_, from)| *from == id);
        self.awaited = awaited;
        for (slot, _) in lost {
            // It died before it could fork.
            if self.is_wanted(slot) {
                self.fork_load(slot, actions);
            }
        }
        match process.stage {
            Stage::Root if self.phase == Phase::Serving && self.serving().next().is_none() => {
                self.phase = Phase::Waiting;
            }
            Stage::Loading(slot) if self.is_wanted(slot) => {
                let title = format!("the process that loaded the site ended: {how}");
                self.show_page(slot, title, actions);
            }
            Stage::Serving(slot) if slot.build == self.build => self.replace(slot, how, now, actions),
            _ => {}
        }
    }

    /// A serving process died by itself: another takes its place at the same listener.
    fn replace(&mut self, slot: Slot, how: &str, now: Instant, actions: &mut Vec<Action>) {
        if matches!(self.phase, Phase::Waiting | Phase::Settling(_)) {
            return;
        }
        let in_a_row = match self.deaths {
            (count, Some(last)) if now.duration_since(last) < DEATHS_WITHIN => count + 1,
            _ => 1,
        };
        self.deaths = (in_a_row, Some(now));
        actions.push(Action::Died(how.to_owned()));
        if in_a_row > MOST_DEATHS {
            return self.show_page(
                slot,
                format!("the process that served the site ended again and again: {how}"),
                actions,
            );
        }
        self.fork_load(slot, actions);
    }

    fn show_page(&mut self, slot: Slot, title: String, actions: &mut Vec<Action>) {
        if let Some(root) = self.root() {
            self.awaited.push((slot, root));
            self.page = Some(title.clone());
            let detail = "What it wrote last is in the terminal of djwsgi dev.".to_owned();
            actions.push(Action::Fork { from: root, job: Job::Page { slot, title, detail } });
        }
    }

    /// Nobody knows who has read it: only a process that knows nothing of the site is sure not to.
    fn assume_read(&mut self, contents: &Reads) {
        let before = |(path, _): (&PathBuf, &Content)| (path.clone(), Some("before".to_owned()));
        let reads: Reads = contents.iter().map(before).collect();
        let knows_the_site = |stage: &Stage| *stage != Stage::Root && *stage != Stage::Held(String::new());
        for process in self.processes.values_mut().filter(|process| knows_the_site(&process.stage)) {
            process.add_reads(reads.clone(), &self.disk);
        }
    }

    /// `unsure`: whatever is different now may have been read.
    fn changed(&mut self, contents: Reads, unsure: bool, now: Instant, actions: &mut Vec<Action>) {
        let mut files = Vec::new();
        for (path, content) in contents {
            if self.disk.get(&path) == Some(&content) {
                continue;
            }
            let mut concerned = unsure;
            for process in self.processes.values_mut() {
                process.compare(&path, &content);
                concerned |= process.stale.contains(&path);
            }
            if concerned {
                files.push(path.clone());
            }
            self.disk.insert(path, content);
        }
        if files.is_empty() {
            return;
        }
        for path in &files {
            if path.extension().is_some_and(|extension| extension == "py") {
                self.heat(path);
            }
        }
        self.cause.files.extend(files);
        if unsure {
            self.rebuild(now, true, actions);
        } else {
            self.rebuild_if_stale(now, actions);
        }
    }

    /// Starts a build if what serves, or is about to, has executed something that has changed.
    fn rebuild_if_stale(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let build = self.build;
        let concerned: Vec<Id> = self
            .processes
            .iter()
            .filter(|(_, process)| match process.stage {
                Stage::Serving(slot) | Stage::Loading(slot) => slot.build == build,
                _ => false,
            })
            .map(|(id, _)| *id)
            .collect();
        let stale = concerned.into_iter().any(|id| !self.is_valid(id));
        if stale || matches!(self.phase, Phase::Settling(_)) {
            self.rebuild(now, true, actions);
        } else if self.phase == Phase::Serving {
            self.cause = Cause::default();
        }
    }

    /// Starts a build at once, or after a quiet moment where changes come in a series.
    fn rebuild(&mut self, now: Instant, is_change: bool, actions: &mut Vec<Action>) {
        if is_change {
            let together = self.last_change.is_some_and(|last| now.duration_since(last) < TOGETHER);
            let waiting = matches!(self.phase, Phase::Settling(_));
            self.burst = if together || waiting { self.burst + 1 } else { 0 };
            self.last_change = Some(now);
            if self.burst == 0 {
                // A save by itself; whatever was being loaded before was for an earlier one.
                self.cause.since = None;
            }
        }
        self.cause.since.get_or_insert(now);
        // New requests are not for the old code, whenever the new one is ready.
        if self.route_used {
            self.route_used = false;
            actions.push(Action::NewRoute);
        }
        self.stop_loading(actions);
        if is_change && self.burst > 0 {
            let quiet = if self.burst < LONG_SERIES { QUIET } else { LONG_QUIET };
            self.phase = Phase::Settling(now + quiet);
        } else {
            self.build_now(now, actions);
        }
    }

    fn stop_loading(&mut self, actions: &mut Vec<Action>) {
        let loading: Vec<Id> = self
            .processes
            .iter()
            .filter(|(_, process)| matches!(process.stage, Stage::Loading(_)))
            .map(|(id, _)| *id)
            .collect();
        for id in loading {
            self.kill(id, actions);
        }
    }

    fn build_now(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if self.root().is_none() {
            self.phase = Phase::Waiting;
            return;
        }
        self.build += 1;
        self.phase = Phase::Building { since: now, remind: Some(now + PATIENCE) };
        self.page = None;
        self.fork_load(Slot { build: self.build, index: 0 }, actions);
    }

    fn fork_load(&mut self, slot: Slot, actions: &mut Vec<Action>) {
        if let Some(title) = self.page.clone() {
            return self.show_page(slot, title, actions);
        }
        let from = match self.plan.depth {
            Depth::Off => self.root(),
            Depth::Packages | Depth::Site => self.best_standby(),
        };
        let Some(from) = from else {
            // The next root will do it.
            self.phase = Phase::Waiting;
            return;
        };
        self.from = self.name_of(from);
        let is_root = self.processes.get(&from).is_some_and(|process| process.stage == Stage::Root);
        let stops = (slot.index == 0 && self.plan.depth == Depth::Site).then(|| self.stops());
        let renew = is_root && self.packages > 0;
        self.awaited.push((slot, from));
        actions.push(Action::Fork { from, job: Job::Load { slot, stops, renew } });
    }

    fn stops(&self) -> Vec<PathBuf> {
        self.hot.iter().cloned().collect()
    }

    fn deadline_passed(&mut self, now: Instant, actions: &mut Vec<Action>) {
        match self.phase {
            Phase::Settling(until) if until <= now => {
                self.burst = 0;
                self.build_now(now, actions);
            }
            Phase::Building { since, remind: Some(remind) } if remind <= now => {
                self.phase = Phase::Building { since, remind: None };
                let loading = |process: &Process| matches!(process.stage, Stage::Loading(_));
                let found = self.processes.iter().find(|(_, process)| loading(process)).map(|(id, _)| *id);
                if let Some(id) = found {
                    actions.push(Action::Hanging(id, now.duration_since(since)));
                }
            }
            _ => {}
        }
        let late: Vec<Id> = self
            .processes
            .iter()
            .filter(|(_, process)| matches!(process.stage, Stage::Retiring(until) if until <= now))
            .map(|(id, _)| *id)
            .collect();
        for id in late {
            self.kill(id, actions);
        }
    }

    /// Has standbys made where there are none, once the site answers and nothing else is being loaded.
    fn make_standbys(&mut self, actions: &mut Vec<Action>) {
        let works = |stage: &Stage| matches!(stage, Stage::Warming | Stage::Rehearsing | Stage::Loading(_));
        let busy = self.making || self.processes.values().any(|process| works(&process.stage));
        let wanted = self.plan.depth >= Depth::Packages && self.answered && self.phase == Phase::Serving;
        if busy || !wanted || self.failed || actions.iter().any(|action| matches!(action, Action::Fork { .. })) {
            return;
        }
        let warm = self
            .processes
            .iter()
            .find(|(id, process)| process.warm && process.stage == Stage::Held(String::new()) && self.is_valid(**id));
        let warm = warm.map(|(id, _)| *id);
        match (self.warmth, warm) {
            (Warmth::Unknown, _) => {
                let serving = self.serving().next();
                if let Some(id) = serving {
                    self.warmth = Warmth::Asked;
                    actions.push(Action::AskModules(id));
                }
            }
            (Warmth::Listed, None) => {
                if let Some(root) = self.root() {
                    self.making = true;
                    actions.push(Action::Fork { from: root, job: Job::Warm });
                }
            }
            (Warmth::Listed, Some(warm)) => self.rehearse(warm, actions),
            (Warmth::Refused, _) => {
                if let Some(root) = self.root() {
                    self.rehearse(root, actions);
                }
            }
            (Warmth::Asked, _) => {}
        }
    }

    /// Has the site loaded for its standbys, once for a build at most, if there are none yet.
    fn rehearse(&mut self, from: Id, actions: &mut Vec<Action>) {
        let warm = self.processes.get(&from).is_some_and(|process| process.warm);
        let has_standbys = self.processes.iter().any(|(id, process)| {
            let held = matches!(&process.stage, Stage::Held(at) if !at.is_empty());
            held && process.rehearsed && process.warm == warm && self.is_valid(*id)
        });
        if self.plan.depth < Depth::Site || has_standbys || self.rehearsed == Some(self.build) {
            return;
        }
        self.rehearsed = Some(self.build);
        self.making = true;
        actions.push(Action::Fork { from, job: Job::Rehearse { stops: self.stops() } });
    }

    /// Lets go of standbys that will never be used.
    fn drop_standbys(&mut self, actions: &mut Vec<Action>) {
        let held = |process: &Process| match &process.stage {
            Stage::Held(at) => Some(at.clone()),
            _ => None,
        };
        let useless: Vec<Id> = self
            .processes
            .iter()
            .filter(|(id, process)| {
                let Some(at) = held(process) else { return false };
                let better = self.processes.iter().any(|(other, process_there)| {
                    held(process_there).as_ref() == Some(&at)
                        && (process_there.warm, process_there.rehearsed, *other)
                            > (process.warm, process.rehearsed, **id)
                        && self.is_valid(*other)
                });
                better || !self.is_valid(**id)
            })
            .map(|(id, _)| *id)
            .collect();
        for id in useless {
            self.end(id, actions);
        }
    }

    fn add_reads(&mut self, id: Id, reads: Reads) {
        if let Some(process) = self.processes.get_mut(&id) {
            process.add_reads(reads, &self.disk);
        }
    }

    fn set(&mut self, id: Id, stage: Stage) {
        if let Some(process) = self.processes.get_mut(&id) {
            process.stage = stage;
        }
    }

    fn kill(&mut self, id: Id, actions: &mut Vec<Action>) {
        self.set(id, Stage::Ending);
        actions.push(Action::Kill(id));
    }

    fn end(&mut self, id: Id, actions: &mut Vec<Action>) {
        self.set(id, Stage::Ending);
        actions.push(Action::End(id));
    }
}
