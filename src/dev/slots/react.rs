//! What follows from what happens.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

use super::process::{Id, Process, Reads, Stage};
use super::{Action, Happening, Phase, Role, Slots, Warmth};

/// So many early ends are remembered; of more than a few nothing is ever heard again.
const MOST_EARLY: usize = 32;

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
            Happening::Held { id, at, before, modules, reads } => {
                self.add_reads(id, reads);
                self.held(id, at, before, modules);
            }
            Happening::Loaded { id, reads, failure } => self.loaded(id, reads, failure, now, actions),
            Happening::Read { id, reads } => {
                self.add_reads(id, reads);
                self.rebuild_if_stale(now, actions);
            }
            Happening::Unfit(id) => self.unfit(id, now, actions),
            Happening::Rehearsed { id, failed } => self.rehearsed(id, failed, actions),
            Happening::Listed => {
                if self.warmth != Warmth::Refused {
                    self.warmth = Warmth::Listed;
                }
            }
            Happening::Exited { pid, how, role } => {
                let found = self.processes.iter().find(|(_, process)| process.pid == pid).map(|(id, _)| *id);
                match found {
                    Some(id) => self.ended(id, &how, now, actions),
                    None => self.ended_early(pid, &how, role, now, actions),
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
            Happening::Answered => {
                self.answered = true;
                // Some modules are loaded with the first request only.
                if self.warmth == Warmth::Listed {
                    self.warmth = Warmth::Unknown;
                }
            }
            Happening::Deadline => self.deadline_passed(now, actions),
        }
    }

    fn connected(&mut self, id: Id, pid: i32, parent: i32, role: Role, now: Instant, actions: &mut Vec<Action>) {
        if let Some(place) = self.early.iter().position(|early| *early == pid) {
            self.early.remove(place);
            return;
        }
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
            before: None,
            reads: Reads::new(),
            stale: BTreeSet::new(),
            modules: 0,
        };
        self.processes.insert(id, process);
        match role {
            Role::Root if self.phase == Phase::Waiting => self.build_now(now, actions),
            Role::Root => {}
            Role::Load(slot) if !self.is_wanted(slot) => self.kill(id, actions),
            // What the one it was forked from had read is not known any more.
            Role::Load(slot) if parent.is_none() => {
                self.kill(id, actions);
                self.fork_load(slot, now, actions);
            }
            _ if parent.is_none() => self.kill(id, actions),
            _ => {}
        }
    }

    fn held(&mut self, id: Id, at: String, before: Option<PathBuf>, modules: usize) {
        if let Some(process) = self.processes.get_mut(&id)
            && process.stage != Stage::Ending
        {
            process.stage = Stage::Held(at);
            process.before = before;
            process.modules = modules;
        }
    }

    /// A process ended before it was heard of.
    fn ended_early(&mut self, pid: i32, how: &str, role: Role, now: Instant, actions: &mut Vec<Action>) {
        self.early.push_back(pid);
        if self.early.len() > MOST_EARLY {
            self.early.pop_front();
        }
        self.making = false;
        let Role::Load(slot) = role else { return };
        self.awaited.retain(|(awaited, _)| *awaited != slot);
        let has_it = |stage: &Stage| matches!(stage, Stage::Loading(other) | Stage::Serving(other) if *other == slot);
        if self.is_wanted(slot) && !self.processes.values().any(|process| has_it(&process.stage)) {
            self.show_page(slot, died_loading(how), now, actions);
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
                self.fork_load(slot, now, actions);
            }
        }
        match process.stage {
            Stage::Root if self.phase == Phase::Serving && self.serving().next().is_none() => {
                self.phase = Phase::Waiting;
            }
            Stage::Loading(slot) if self.is_wanted(slot) => {
                self.show_page(slot, died_loading(how), now, actions);
            }
            Stage::Serving(slot) if slot.build == self.build => self.replace(slot, how, now, actions),
            _ => {}
        }
    }

    fn deadline_passed(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if self.calm.is_some_and(|until| until <= now) {
            self.calm = None;
            self.overdue = true;
        }
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
        let is_late = |process: &Process| matches!(process.stage, Stage::Retiring(until) if until <= now);
        let late: Vec<Id> = self.those(is_late).collect();
        for id in late {
            self.kill(id, actions);
        }
    }

    pub(super) fn add_reads(&mut self, id: Id, reads: Reads) {
        if let Some(process) = self.processes.get_mut(&id) {
            process.add_reads(reads, &self.disk);
        }
    }

    pub(super) fn set(&mut self, id: Id, stage: Stage) {
        if let Some(process) = self.processes.get_mut(&id) {
            process.stage = stage;
        }
    }

    pub(super) fn kill(&mut self, id: Id, actions: &mut Vec<Action>) {
        self.set(id, Stage::Ending);
        actions.push(Action::Kill(id));
    }

    pub(super) fn end(&mut self, id: Id, actions: &mut Vec<Action>) {
        self.set(id, Stage::Ending);
        actions.push(Action::End(id));
    }
}

fn died_loading(how: &str) -> String {
    format!("the process that loaded the site ended: {how}")
}
