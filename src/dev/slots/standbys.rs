//! Standbys: when they are made, and when they are let go.

use std::path::Path;
use std::time::Instant;

use super::process::{Id, Process, Stage};
use super::{Action, Depth, Job, Phase, Slots, Warmth};

/// Loads with packages imported ahead that may fail, in a row, before there are none any more.
const MOST_FAILURES: u8 = 2;

impl Slots {
    /// Whether it is still to be found out which installed packages the site has loaded.
    pub fn wants_packages(&self) -> bool {
        let unknown = matches!(self.warmth, Warmth::Unknown | Warmth::Asked);
        unknown && self.plan.depth >= Depth::Packages && self.phase == Phase::Serving && !self.failed
    }

    /// Has standbys made where there are none, once the site answers and nothing else is being loaded.
    pub(super) fn make_standbys(&mut self, actions: &mut Vec<Action>) {
        // They are watched from then on: that does not wait for the first answer.
        let serving = self.serving().next();
        if let Some(id) = serving.filter(|_| self.warmth == Warmth::Unknown && self.wants_packages()) {
            self.warmth = Warmth::Asked;
            actions.push(Action::AskModules(id));
        }
        let works = |stage: &Stage| matches!(stage, Stage::Warming | Stage::Rehearsing | Stage::Loading(_));
        let busy = self.making || self.calm.is_some() || self.processes.values().any(|process| works(&process.stage));
        let wanted = self.plan.depth >= Depth::Packages && self.answered && self.phase == Phase::Serving;
        if busy || !wanted || self.failed || actions.iter().any(|action| matches!(action, Action::Fork { .. })) {
            return;
        }
        self.overdue = false;
        let warm = self
            .processes
            .iter()
            .find(|(id, process)| process.warm && process.stage == Stage::Held(String::new()) && self.is_valid(**id));
        let warm = warm.map(|(id, _)| *id);
        match (self.warmth, warm) {
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
            (Warmth::Unknown | Warmth::Asked, _) => {}
        }
        if !self.making {
            self.make_spare(actions);
        }
    }

    /// Has a process ready, forked from the standby that the next save will need if it is of the same file
    /// as the last one. One only: it has much of its memory to itself.
    fn make_spare(&mut self, actions: &mut Vec<Action>) {
        let is_standby = |process: &Process| matches!(process.stage, Stage::Held(_));
        let hottest = self.hot.front().filter(|_| self.last_change.is_some() && self.plan.depth == Depth::Site);
        let likely =
            hottest.and_then(|file| self.deepest(|id, process| is_standby(process) && !self.has_read(id, file)));
        if self.spare == likely {
            return;
        }
        let before = self.spare.and_then(|id| self.processes.get_key_value(&id));
        if let Some((id, _)) = before.filter(|(_, process)| is_standby(process)) {
            actions.push(Action::NoSpare(*id));
        }
        self.spare = likely;
        actions.extend(likely.map(Action::Spare));
    }

    /// Has the site loaded for its standbys, once for a build at most, if those that are wanted are
    /// missing. `base`: knows nothing of the site.
    fn rehearse(&mut self, base: Id, actions: &mut Vec<Action>) {
        if self.plan.depth < Depth::Site || self.rehearsed == Some(self.build) {
            return;
        }
        let warm = self.processes.get(&base).is_some_and(|process| process.warm);
        let standbys = self.processes.iter().filter(|(id, process)| {
            let held = matches!(&process.stage, Stage::Held(at) if !at.is_empty());
            held && process.rehearsed && process.warm == warm && self.is_valid(**id)
        });
        let deepest = standbys.map(|(id, process)| (process.modules, *id)).max().map(|(_, id)| id);
        // A file that was changed for the first time has none that stopped right before it.
        let for_hottest = self.hot.front().is_none_or(|file| self.rehearsed_for.contains(file));
        if deepest.is_some() && for_hottest && !self.slow {
            return;
        }
        self.rehearsed = Some(self.build);
        self.rehearsed_for = self.stops();
        self.making = true;
        let from = deepest.unwrap_or(base);
        actions.push(Action::Fork { from, job: Job::Rehearse { stops: self.stops() } });
    }

    /// Lets go of a standby that does not fit what is on the disk now, and has another do its work.
    pub(super) fn unfit(&mut self, id: Id, now: Instant, actions: &mut Vec<Action>) {
        let Some(process) = self.processes.get(&id) else { return };
        let (stage, parent) = (process.stage.clone(), process.parent);
        if !matches!(stage, Stage::Loading(_) | Stage::Rehearsing) {
            return;
        }
        // It waits for that.
        self.kill(id, actions);
        let stage_of = |id: Id| self.processes.get(&id).map(|process| &process.stage);
        if let Some(parent) = parent.filter(|parent| matches!(stage_of(*parent), Some(Stage::Held(_)))) {
            self.end(parent, actions);
        }
        self.rehearsed_for.clear();
        if let Stage::Loading(slot) = stage
            && self.is_wanted(slot)
        {
            self.fork_load(slot, now, actions);
        }
    }

    pub(super) fn rehearsed(&mut self, id: Id, failed: bool, actions: &mut Vec<Action>) {
        let warm = self.processes.get(&id).is_some_and(|process| process.warm);
        let meaningful = self.is_valid(id) && self.served() == Some(true);
        self.set(id, Stage::Ending);
        if !failed {
            self.failures = 0;
        } else if warm && meaningful {
            self.failures += 1;
            self.rehearsed = None;
            // What loads without the packages imported ahead does not load with them; unless it met a file
            // that was just being written.
            let refused = self.failures >= MOST_FAILURES;
            if refused {
                self.warmth = Warmth::Refused;
                actions.push(Action::NoWarmUp);
            }
            let warm = self.processes.iter().filter(|(_, process)| process.warm && (refused || process.rehearsed));
            for id in warm.map(|(id, _)| *id).collect::<Vec<_>>() {
                if self.processes.get(&id).is_some_and(|process| matches!(process.stage, Stage::Held(_))) {
                    self.end(id, actions);
                }
            }
        }
    }

    /// What was made for a file is lost with what had to be executed before it: it is made again when
    /// that file is changed next. (What has read the file itself would be lost each time.)
    fn forget_rehearsal(&mut self, id: Id) {
        let Some(process) = self.processes.get(&id).filter(|process| process.rehearsed) else { return };
        let Some(file) = process.before.clone() else { return };
        if !self.is_valid(id) && !self.has_read(id, &file) {
            self.rehearsed_for.retain(|other| *other != file);
        }
    }

    fn has_read(&self, id: Id, file: &Path) -> bool {
        let Some(process) = self.processes.get(&id) else { return false };
        process.reads.contains_key(file) || process.parent.is_some_and(|parent| self.has_read(parent, file))
    }

    /// Lets go of standbys that will never be used.
    pub(super) fn drop_standbys(&mut self, actions: &mut Vec<Action>) {
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
            self.forget_rehearsal(id);
            self.end(id, actions);
        }
    }
}
