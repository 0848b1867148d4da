//! Builds: when one is started, what from, and what becomes of the one before.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::process::{Content, Id, Process, Reads, Slot, Stage};
use super::{Action, Cause, Depth, Failure, Job, Phase, Report, Slots};

/// Changes that follow each other faster than this come from a program, not from a person.
const TOGETHER: Duration = Duration::from_millis(25);
/// How long further changes of such a series are waited for.
const QUIET: Duration = Duration::from_millis(30);
/// The same in a long series: a git switch, a formatter over the whole tree.
const LONG_QUIET: Duration = Duration::from_millis(80);
/// From this many on, a series is long.
const LONG_SERIES: u32 = 8;
/// A load that takes longer has better standbys made.
const SLOW: Duration = Duration::from_millis(60);
/// Nothing else is made for so long after a load.
const CALM: Duration = Duration::from_millis(150);
/// The user is told that a load takes long.
const PATIENCE: Duration = Duration::from_secs(10);
/// A retired process that has not ended this long after its grace is killed.
const OVERTIME: Duration = Duration::from_secs(1);
/// Serving processes that die more often than this within `DEATHS_WITHIN` are not replaced.
const MOST_DEATHS: u32 = 5;
const DEATHS_WITHIN: Duration = Duration::from_secs(10);

impl Slots {
    /// Nobody knows who has read it: only a process that knows nothing of the site is sure not to.
    pub(super) fn assume_read(&mut self, contents: &Reads) {
        let before = |(path, _): (&PathBuf, &Content)| (path.clone(), Some("before".to_owned()));
        let reads: Reads = contents.iter().map(before).collect();
        let knows_the_site = |stage: &Stage| *stage != Stage::Root && *stage != Stage::Held(String::new());
        for process in self.processes.values_mut().filter(|process| knows_the_site(&process.stage)) {
            process.add_reads(reads.clone(), &self.disk);
        }
    }

    /// `unsure`: whatever is different now may have been read.
    pub(super) fn changed(&mut self, contents: Reads, unsure: bool, now: Instant, actions: &mut Vec<Action>) {
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
    pub(super) fn rebuild_if_stale(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let build = self.build;
        let is_newest = |process: &Process| matches!(process.stage, Stage::Serving(slot) | Stage::Loading(slot) if slot.build == build);
        let stale = self.those(is_newest).any(|id| !self.is_valid(id));
        if stale || matches!(self.phase, Phase::Settling(_)) {
            self.rebuild(now, true, actions);
        } else if self.phase == Phase::Serving {
            self.cause = Cause::default();
        }
    }

    /// Starts a build at once, or after a quiet moment where changes come in a series.
    pub(super) fn rebuild(&mut self, now: Instant, is_change: bool, actions: &mut Vec<Action>) {
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
        let loading: Vec<Id> = self.those(|process| matches!(process.stage, Stage::Loading(_))).collect();
        for id in loading {
            self.kill(id, actions);
        }
    }

    pub(super) fn build_now(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if self.root().is_none() {
            self.phase = Phase::Waiting;
            return;
        }
        self.build += 1;
        self.phase = Phase::Building { since: now, remind: Some(now + PATIENCE) };
        self.page = None;
        self.pages = 0;
        self.given_up = 0;
        self.fork_load(Slot { build: self.build, index: 0 }, now, actions);
    }

    pub(super) fn fork_load(&mut self, slot: Slot, now: Instant, actions: &mut Vec<Action>) {
        if let Some(title) = self.page.clone() {
            return self.show_page(slot, title, now, actions);
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
        // An answer does not wait for forks: standbys are made after it. But after a failure there is
        // nothing to be made, and the load is likely to fail again.
        let leaves_standbys = slot.index == 0 && self.plan.depth == Depth::Site && self.failed;
        let stops = leaves_standbys.then(|| self.stops());
        let renew = is_root && self.packages > 0;
        self.awaited.push((slot, from));
        // It is that one now, if it was ready.
        self.spare = self.spare.filter(|of| *of != from);
        actions.push(Action::Fork { from, job: Job::Load { slot, stops, renew } });
    }

    pub(super) fn stops(&self) -> Vec<PathBuf> {
        self.hot.iter().cloned().collect()
    }

    /// A standby in words.
    fn name_of(&self, id: Id) -> String {
        match self.processes.get(&id).map(|process| &process.stage) {
            Some(Stage::Held(at)) if at.is_empty() => "the installed packages".to_owned(),
            Some(Stage::Held(at)) => format!("the standby before {at}"),
            _ => "an empty process".to_owned(),
        }
    }

    /// Whether a process that loads for `slot` is still of use.
    pub(super) fn is_wanted(&self, slot: Slot) -> bool {
        slot.build == self.build && !matches!(self.phase, Phase::Waiting | Phase::Settling(_))
    }

    pub(super) fn loaded(
        &mut self,
        id: Id,
        reads: Reads,
        failure: Option<Failure>,
        now: Instant,
        actions: &mut Vec<Action>,
    ) {
        self.add_reads(id, reads);
        let Some(Process { stage: Stage::Loading(slot), .. }) = self.processes.get(&id) else { return };
        let slot = *slot;
        if !self.is_wanted(slot) {
            return self.kill(id, actions);
        }
        if !self.is_valid(id) {
            return self.rebuild(now, false, actions);
        }
        let other = self.those(|process| process.stage == Stage::Serving(slot)).next();
        if let Some(other) = other {
            // A page was asked for, for a load that went on after all: the site itself is what counts.
            let is_page = self.processes.get(&id).is_some_and(|process| process.reads.is_empty());
            if is_page {
                return self.kill(id, actions);
            }
            self.page = None;
            self.failed = failure.is_some();
            self.retire(other, now, actions);
        }
        self.set(id, Stage::Serving(slot));
        actions.push(Action::Go(id));
        let first = !self.route_used;
        if let (true, Phase::Building { since, .. }) = (first, &self.phase) {
            self.slow = now.duration_since(*since) > SLOW;
            // Whoever waits for an answer does not share the processor with what comes later.
            if !self.overdue {
                self.calm.get_or_insert(now + CALM);
            }
        }
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
                self.fork_load(Slot { index, ..slot }, now, actions);
            }
        }
        self.settle_down(now, actions);
    }

    /// Ends the building once as many processes serve as ever will.
    fn settle_down(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let is_newest = |process: &Process| matches!(process.stage, Stage::Serving(slot) if slot.build == self.build);
        let serving = self.those(is_newest).count();
        if serving == 0 {
            self.phase = Phase::Building { since: now, remind: None };
        } else if serving + self.given_up >= usize::from(self.plan.processes) {
            self.phase = Phase::Serving;
            self.retire_older(now, actions);
        }
    }

    /// The older builds' processes finish what they have; none of them gets anything new.
    fn retire_older(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let build = self.build;
        let is_older = |process: &Process| matches!(process.stage, Stage::Serving(slot) if slot.build != build);
        let older: Vec<Id> = self.those(is_older).collect();
        for id in older {
            self.retire(id, now, actions);
        }
    }

    fn retire(&mut self, id: Id, now: Instant, actions: &mut Vec<Action>) {
        self.set(id, Stage::Retiring(now + self.plan.grace + OVERTIME));
        actions.push(Action::Retire(id));
    }

    /// A serving process died by itself: another takes its place at the same listener.
    pub(super) fn replace(&mut self, slot: Slot, how: &str, now: Instant, actions: &mut Vec<Action>) {
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
                now,
                actions,
            );
        }
        self.fork_load(slot, now, actions);
    }

    pub(super) fn show_page(&mut self, slot: Slot, title: String, now: Instant, actions: &mut Vec<Action>) {
        if let Some(root) = self.root() {
            self.pages += 1;
            if self.pages > MOST_DEATHS + u32::from(self.plan.processes) {
                // A page needs next to nothing: where even that can't live, it is not for the site to mend.
                actions.push(Action::GaveUp(title));
                self.given_up += 1;
                // The others of this build go on.
                return self.settle_down(now, actions);
            }
            self.awaited.push((slot, root));
            self.page = Some(title.clone());
            let detail = "What it wrote last is in the terminal of djwsgi dev.".to_owned();
            actions.push(Action::Fork { from: root, job: Job::Page { slot, title, detail } });
        }
    }
}
