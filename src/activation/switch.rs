//! One set takes the place of another while the site serves: whole, without a failed request, and back if it can't
//! answer.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::time::Duration;

use anyhow::Result;

use super::store::{Journal, Source, Store};
use super::{place, renewed};
use crate::interrupt;
use crate::live::daemons::Daemons;
use crate::live::gate::Gate;
use crate::live::line::Line;
use crate::live::server::Server;
use crate::live::traffic::Traffic;
use crate::process;
use crate::production::manifest::Manifest;
use crate::ui::problem::{Exit, Problem};
use crate::ui::term::Ui;

/// So much of a log is looked at, in bytes.
const END_OF_LOG: u64 = 16 * 1024;

/// Changes places.
pub struct Switch<'a> {
    /// For what is said meanwhile.
    pub ui: &'a Ui,
    /// The sets.
    pub store: &'a Store,
    /// On which processes report.
    pub line: &'a Line,
    /// The set that runs, if there is one.
    pub old: Option<Manifest>,
    /// The set that is to run.
    pub new: Manifest,
    /// Where it is.
    pub source: Source,
}

impl Switch<'_> {
    /// The set of the source takes the place of the one that runs, which becomes the previous one.
    ///
    /// # Errors
    /// When it can't answer: the old one is back then.
    pub fn run(&self) -> Result<()> {
        let place = self.store.at(self.source);
        let record = Store::record(&place)?;
        let missing = || Problem::environment(format!("{} is not there", place.display()));
        let wanted = record.ok_or_else(missing)?.id;
        let (gate, pids) = self.quiet()?;
        self.store.begin(&Journal::Switch { wanted: wanted.clone(), from: self.source })?;
        if let Err(error) = self.store.take(self.source).and_then(|()| place::put(self.store, &self.new)) {
            self.put_back(&wanted)?;
            self.store.end()?;
            return Err(error);
        }
        self.finish(&wanted, gate, &pids)
    }

    /// What comes after the sets have changed places.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn finish(&self, wanted: &str, mut gate: Option<Gate>, pids: &[u32]) -> Result<()> {
        let result = renewed::renew(&self.new, pids, self.line).and_then(|()| {
            drop(gate.take());
            renewed::ask_publicly(&self.new, self.line)
        });
        match result {
            Ok(()) => self.done(),
            // Visitors who wait go on waiting, for the set of before.
            Err(_) if interrupt::requested() => self.back(wanted, Problem::interrupted().into(), gate),
            Err(error) => self.back(wanted, error, gate),
        }
    }

    fn done(&self) -> Result<()> {
        self.store.end()?;
        if let Err(error) = self.store.keep_previous() {
            self.ui.warn(&format!("the set of before is in {}: {error:#}", self.store.next().display()));
        }
        Ok(())
    }

    /// The old set is put back, and served; `error` is why.
    fn back(&self, wanted: &str, error: anyhow::Error, gate: Option<Gate>) -> Result<()> {
        interrupt::forget();
        let mut problem = as_problem(error);
        self.ui.warn("the new set does not answer; what was there before is put back");
        let (gate, pids) = match (gate, &self.old) {
            (Some(gate), Some(old)) => (Some(gate), Daemons::of(old)?.running()?),
            (gate, _) => {
                drop(gate);
                self.quiet()?
            }
        };
        self.put_back(wanted)?;
        let again = self.serve_old(&pids);
        drop(gate);
        self.store.end()?;
        if let Err(again) = again {
            problem.exit = Exit::Environment;
            problem.message = format!("{}; and what was there before does not answer: {again:#}", problem.message);
            return Err(problem.hint(format!("systemctl status {}", self.new.service)).into());
        }
        let what = if self.old.is_some() { "the set of before serves" } else { "nothing of it is left" };
        problem.message = format!("{}; {what}", problem.message);
        problem.detail.get_or_insert_with(|| self.last_words());
        Err(problem.into())
    }

    /// Serves what was there before.
    ///
    /// # Errors
    /// When it can't.
    pub fn serve_old(&self, pids: &[u32]) -> Result<()> {
        let server = Server::of(&self.new);
        match &self.old {
            Some(old) => renewed::renew(old, pids, self.line),
            None if !self.new.is_shared() => {
                if server.pid().is_some() {
                    server.retire()
                } else {
                    Ok(())
                }
            }
            None if server.pid().is_some() => server.reload(),
            None => server.start(),
        }
    }

    /// Everything is where it was before.
    fn put_back(&self, wanted: &str) -> Result<()> {
        match &self.old {
            Some(old) if self.store.is_live(wanted)? => place::put(self.store, old)?,
            Some(_) => {}
            None => place::take_away(self.store, &self.new)?,
        }
        self.store.give_back(self.source)
    }

    /// Waits until the site has answered its visitors, while new ones wait before the gate. Returns the processes that
    /// serve now.
    pub fn quiet(&self) -> Result<(Option<Gate>, Vec<u32>)> {
        let Some(old) = self.old.as_ref().filter(|old| Server::of(old).pid().is_some()) else {
            return Ok((None, Vec::new()));
        };
        let daemons = Daemons::of(old)?;
        let limit = Duration::from_secs(old.graceful_timeout.into());
        let mut traffic = Traffic::of(old, &daemons);
        traffic.wait_for_lull(limit);
        let gate = has_gate(old).then(|| Gate::shut(&old.gate)).transpose()?;
        if gate.is_some() {
            let late = traffic.wait_for_end(limit);
            if late > 0 {
                self.ui.warn(&format!("{late} requests have taken longer than {} s; they are cut", limit.as_secs()));
            }
        }
        Ok((gate, daemons.running()?))
    }

    /// What Apache has logged last.
    fn last_words(&self) -> String {
        let mut end = Vec::new();
        let log = File::open(self.new.logs.join("error.log")).and_then(|mut log| {
            let length = log.metadata()?.len();
            log.seek(SeekFrom::Start(length.saturating_sub(END_OF_LOG)))?;
            log.read_to_end(&mut end)
        });
        if log.is_ok() { process::last_lines(&String::from_utf8_lossy(&end), 5) } else { String::new() }
    }
}

fn as_problem(error: anyhow::Error) -> Problem {
    error.downcast::<Problem>().unwrap_or_else(|error| Problem::findings(format!("{error:#}")))
}

/// Whether the config that runs has a gate: a site whose balancer reads bodies has none.
fn has_gate(manifest: &Manifest) -> bool {
    let conf = fs::read_to_string(&manifest.conf).unwrap_or_default();
    manifest.buffer_port.is_some() && manifest.gate.to_str().is_some_and(|gate| conf.contains(gate))
}
