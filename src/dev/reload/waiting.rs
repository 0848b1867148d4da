//! The other end of `djwsgi wait`.

use std::fs;

use super::reloader::Reloader;
use crate::dev::harness::message::Served;
use crate::dev::slots::Id;

impl Reloader<'_> {
    /// Notices of everything that was saved before now arrive before that of a file made now.
    pub(super) fn mark(&mut self, id: Id) {
        let mark = self.runtime.run.join(format!("mark-{id}"));
        if self.disk.polls() || fs::write(&mark, "").is_err() {
            self.waiting.insert(id);
            return self.answer_waiting();
        }
        self.marking.insert(mark, id);
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
