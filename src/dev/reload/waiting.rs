//! The other end of `djwsgi wait`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::reloader::Reloader;
use crate::dev::harness::message::Served;
use crate::dev::slots::Id;

/// Rounds of regular looks after which everything saved before has been seen: one may have begun.
const ROUNDS: u8 = 2;

impl Reloader<'_> {
    /// Notices of everything that was saved before now arrive before that of a file made now.
    pub(super) fn mark(&mut self, id: Id) {
        if self.disk.polls() {
            self.looking.insert(id, ROUNDS);
            return;
        }
        let mark = self.runtime.marks().join(id.to_string());
        if fs::write(&mark, "").is_err() {
            self.waiting.insert(id);
            return self.answer_waiting();
        }
        self.marking.insert(mark, id);
    }

    /// The notice of a mark has come.
    pub(super) fn passed(&mut self, mark: &Path) {
        if let Some(id) = self.marking.remove(mark) {
            let _ = fs::remove_file(mark);
            self.waiting.insert(id);
        }
    }

    /// The notices of marks may have been lost.
    pub(super) fn mark_again(&mut self) {
        for id in std::mem::take(&mut self.marking).into_values() {
            self.mark(id);
        }
    }

    /// A round of regular looks is over.
    pub(super) fn looked(&mut self) {
        for left in self.looking.values_mut() {
            *left -= 1;
        }
        let (over, rest) = std::mem::take(&mut self.looking).into_iter().partition(|(_, left)| *left == 0);
        self.looking = rest;
        let over: BTreeMap<Id, u8> = over;
        self.waiting.extend(over.into_keys());
    }

    pub(super) fn answer_waiting(&mut self) {
        if self.waiting.is_empty() || !self.disk.is_settled() || self.packages_changed.is_some() {
            return;
        }
        // What was done to an installed package is not known before it is watched.
        if self.slots.wants_packages() || !self.disk.watches_packages() {
            return;
        }
        let Some(loaded) = self.slots.served() else { return };
        let served = Served { build: self.slots.build(), loaded };
        for id in std::mem::take(&mut self.waiting) {
            self.control.send(id, &served, None);
        }
    }
}
