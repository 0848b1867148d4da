//! What the slots decide, done.

use std::os::fd::AsFd;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::reloader::Reloader;
use super::waiting::Asked;
use super::witness::Numbers;
use crate::dev::event::Event;
use crate::dev::harness::message::{Order, Role as Wire};
use crate::dev::harness::route::Route;
use crate::dev::slots::{Action, Id, Job, Slot};
use crate::files;

impl Reloader<'_> {
    pub(super) fn act(&mut self, action: Action) {
        match action {
            Action::NewRoute => self.open_route(),
            Action::Fork { from, job } => self.fork(from, &job),
            Action::Spare(id) => self.control.send(id, &Order::Spare { wanted: true }, None),
            Action::NoSpare(id) => self.control.send(id, &Order::Spare { wanted: false }, None),
            Action::Go(id) => self.go(id),
            Action::Retire(id) => {
                let grace = self.settings.plan.grace.as_secs_f64();
                self.control.send(id, &Order::Retire { grace }, None);
            }
            Action::End(id) => self.control.send(id, &Order::End, None),
            Action::Kill(id) => self.signal(id, Signal::SIGKILL),
            Action::AskModules(id) => self.control.send(id, &Order::Modules, None),
            Action::Reloaded(report) => {
                // For what Apache answers itself; no more than a number is lost with it.
                let _ = files::write_private(&self.runtime.build_file(), &report.build.to_string());
                // The queue ends with the server.
                let _ = self.queue.send(Event::Loaded(self.start, report.failure.is_none()));
                self.told.reloaded(self.printer, report, self.took);
            }
            Action::Hanging(id, since) => {
                let seconds = since.as_secs();
                self.printer.print(move |ui| {
                    ui.note(&format!("the site has been loading for {seconds} s; this is where it is:"));
                });
                self.signal(id, Signal::SIGUSR2);
            }
            Action::Died(how) => self.printer.print(move |ui| {
                ui.warn(&format!("a process that served the site ended by itself ({how}); another takes its place"));
            }),
            Action::GaveUp(how) => self.printer.print(move |ui| {
                ui.warn(&format!("nothing answers, again and again: {how}; the next save tries it anew"));
            }),
            Action::NoWarmUp => self.printer.print(|ui| {
                ui.note(
                    "the site does not load with its packages imported ahead: they are loaded with it at each save",
                );
            }),
        }
    }

    /// New requests wait for the next build from now on.
    fn open_route(&mut self) {
        let Some(place) = &self.place else { return };
        self.routes += 1;
        match Route::open(place, self.routes) {
            Ok(route) => {
                self.route = Some(route);
                for id in self.slots.serving().chain(self.slots.retiring()) {
                    self.control.send(id, &Order::Leave, None);
                }
            }
            Err(error) => {
                let place = place.clone();
                self.printer.print(move |ui| ui.error(&format!("cannot listen at {}: {error}", place.display())));
            }
        }
    }

    /// Lets a process serve. It sees saves itself from now on; of those since it read what it has
    /// read, it is told.
    fn go(&mut self, id: Id) {
        let everything = Numbers::new();
        let numbers = self.disk.witness(id);
        // What a process had read that died while it loaded, the page in its place does not know.
        let folders = numbers.as_ref().filter(|_| !self.slots.shows_page()).unwrap_or(&everything);
        let order = Order::Go { saves: numbers.is_some(), folders };
        self.control.send(id, &order, self.disk.witness_of(id));
        if numbers.is_some() {
            self.mark(Asked::Check { id, number: 0 });
        }
    }

    fn fork(&self, from: Id, job: &Job) {
        let nowhere = Slot { build: 0, index: 0 };
        let (role, slot, stops, title, detail) = match job {
            Job::Warm => (Wire::Warm, nowhere, None, "", ""),
            Job::Rehearse { stops } => (Wire::Rehearse, nowhere, Some(stops.as_slice()), "", ""),
            Job::Load { slot, stops, renew } => {
                let role = if *renew { Wire::Renew } else { Wire::Load };
                (role, *slot, stops.as_deref(), "", "")
            }
            Job::Page { slot, title, detail } => (Wire::Error, *slot, None, title.as_str(), detail.as_str()),
        };
        let serves = matches!(job, Job::Load { .. } | Job::Page { .. });
        let listener = self.route.as_ref().filter(|_| serves);
        let order = Order::Fork {
            role,
            build: slot.build,
            index: slot.index,
            stops,
            listener: listener.is_some(),
            environment: &self.environment,
            title,
            detail,
        };
        self.control.send(from, &order, listener.map(AsFd::as_fd));
    }

    fn signal(&self, id: Id, signal: Signal) {
        if let Some(process) = self.slots.process(id) {
            // One that has gone already is what is wanted.
            let _ = kill(Pid::from_raw(process.pid), signal);
        }
    }
}
