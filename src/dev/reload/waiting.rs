//! Who wants to know when everything that was saved before has been taken in: `djwsgi wait`, and the
//! processes that serve.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::reloader::Reloader;
use crate::dev::harness::message::{Order, Served};
use crate::dev::slots::Id;

/// Rounds of regular looks after which everything saved before has been seen: one may have begun.
const ROUNDS: u8 = 2;

/// A question, and the connection it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asked {
    /// When is what is served what is on the disk?
    Wait { id: Id },
    /// When is it known what the saves until now mean? Each process numbers its questions.
    Check { id: Id, number: u64 },
}

impl Asked {
    /// The connection.
    pub fn by(self) -> Id {
        match self {
            Self::Wait { id } | Self::Check { id, .. } => id,
        }
    }
}

impl Reloader<'_> {
    /// Notices of everything that was saved before now arrive before that of a file made now.
    pub(super) fn mark(&mut self, asked: Asked) {
        if self.disk.polls() {
            self.looking.insert(asked, ROUNDS);
            return;
        }
        self.marks += 1;
        let mark = self.runtime.marks().join(self.marks.to_string());
        if fs::write(&mark, "").is_err() {
            self.wait(asked);
            return self.answer_waiting();
        }
        self.marking.insert(mark, asked);
    }

    /// The notice of a mark has come.
    pub(super) fn passed(&mut self, mark: &Path) {
        if let Some(asked) = self.marking.remove(mark) {
            let _ = fs::remove_file(mark);
            self.wait(asked);
        }
    }

    fn wait(&mut self, asked: Asked) {
        self.waiting.insert(asked, self.disk.settled_by());
    }

    /// The notices of marks may have been lost.
    pub(super) fn mark_again(&mut self) {
        for asked in std::mem::take(&mut self.marking).into_values() {
            self.mark(asked);
        }
    }

    /// A round of regular looks is over.
    pub(super) fn looked(&mut self) {
        for left in self.looking.values_mut() {
            *left -= 1;
        }
        let (over, rest) = std::mem::take(&mut self.looking).into_iter().partition(|(_, left)| *left == 0);
        self.looking = rest;
        let over: BTreeMap<Asked, u8> = over;
        over.into_keys().for_each(|asked| self.wait(asked));
    }

    pub(super) fn answer_waiting(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let served = self.served();
        let mut later = std::mem::take(&mut self.waiting);
        later.retain(|asked, until| match (asked, &served) {
            // What has come or gone may be half of a save. What does so later is another.
            (Asked::Check { .. }, _)
                if until.is_some_and(|until| self.disk.is_unsettled_at(until)) && !self.stopped =>
            {
                true
            }
            (Asked::Check { id, number }, _) => {
                // If it meant something, the process has been told to leave before.
                self.control.send(*id, &Order::Checked { number: *number }, None);
                false
            }
            (Asked::Wait { id }, Some(served)) => {
                self.control.send(*id, served, None);
                false
            }
            (Asked::Wait { .. }, None) => true,
        });
        self.waiting = later;
    }

    /// What is served, if that is what is on the disk.
    fn served(&self) -> Option<Served> {
        // What was done to an installed package is not known before it is watched.
        if !self.disk.is_settled()
            || self.packages_changed.is_some()
            || self.slots.wants_packages()
            || !self.disk.watches_packages()
        {
            return None;
        }
        self.slots.served().map(|loaded| Served { build: self.slots.build(), loaded })
    }
}
