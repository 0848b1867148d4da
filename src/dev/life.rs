//! What changes while `djwsgi dev` runs, and the order in which it takes what happens.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Instant;

use super::event::Event;
use super::last_words::LastWords;
use super::react::State;
use super::ready::Watch;
use super::reload::{Reloader, Saved};
use super::server::Server;
use super::settings::Reason;

/// What changes while `dev` runs.
pub struct Life<'a> {
    /// Of Apache.
    pub state: State,
    /// The instant reload, where that was asked for.
    pub reloader: Option<Reloader<'a>>,
    /// Entries of the queue that were passed over.
    pub passed_over: VecDeque<Event>,
    /// Counts the starts: news of an earlier one is stale.
    pub number: u32,
    /// The Apache of the newest start.
    pub server: Server,
    /// Our own first request.
    pub watch: Option<Watch>,
    /// What Apache wrote last.
    pub last_words: LastWords,
    /// The user knows the URL.
    pub announced: bool,
    /// The user knows that it is served after this start.
    pub shown: bool,
    /// Where to say that what was recalled can be asked for: the first load does not wait for it.
    pub recalled: Option<Sender<Reason>>,
}

impl Life<'_> {
    /// What was recalled is asked for, once.
    pub fn ask_again(&mut self) {
        if let Some(recalled) = self.recalled.take() {
            let _ = recalled.send(Reason::Recalled);
        }
    }

    /// The next entry of the queue; `None` when only a deadline of the reload has passed.
    pub fn next_event(&mut self, events: &Receiver<Event>) -> Option<Event> {
        if let Some(event) = self.passed_over.pop_front() {
            return Some(event);
        }
        let reload = self.reloader.as_ref().and_then(Reloader::deadline);
        let Some(deadline) = self.state.deadline().into_iter().chain(reload).min() else {
            return Some(events.recv().unwrap_or(Event::Stop));
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero()
            && let Some(reloader) = &mut self.reloader
        {
            // Not to be put off by requests without pause, each of which is an entry.
            reloader.tick(Instant::now());
        }
        match events.recv_timeout(left) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Disconnected) => Some(Event::Stop),
            Err(RecvTimeoutError::Timeout) => {
                self.state.deadline().is_some_and(|deadline| deadline <= Instant::now()).then_some(Event::Deadline)
            }
        }
    }

    /// Saves that are in the queue already belong together: of a git switch there are hundreds.
    pub fn with_following(&mut self, first: Saved, events: &Receiver<Event>) -> Vec<Saved> {
        let mut batch = vec![first];
        while let Ok(event) = events.try_recv() {
            match event {
                Event::Saved(saved) => batch.push(saved),
                other => self.passed_over.push_back(other),
            }
        }
        batch
    }
}
