//! The loop of `djwsgi dev`: takes the queue's entries, shows them, and does what [`react`] says.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use anyhow::Result;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::address::SiteUrl;
use super::conf::GRACE;
use super::event::Event;
use super::last_words::LastWords;
use super::life::Life;
use super::output::Line;
use super::react::{Action, Cause, State, react};
use super::ready::{self, Watch};
use super::reload::{Reloader, Settings};
use super::runtime::Runtime;
use super::server::Server;
use super::settings::Reason;
use crate::ui::printer::Printer;
use crate::ui::report;
use crate::ui::term::Ui;

/// Pause between the load of the site and our own first request.
const AFTER_OTHERS: Duration = Duration::from_millis(150);

/// Everything that stays the same while `dev` runs.
pub struct Supervisor<'a> {
    /// Where what happens is told.
    pub printer: &'a Printer,
    /// The folders.
    pub runtime: &'a Runtime,
    /// The Apache binary.
    pub binary: PathBuf,
    /// Variables for Apache's environment.
    pub environment: Vec<(String, OsString)>,
    /// Where the site answers.
    pub site: SiteUrl,
    /// What to do at the first answer.
    pub open: bool,
}

impl Supervisor<'_> {
    /// Starts Apache and serves until the user stops it or it can't be kept running. `recalled` hears
    /// of the first load.
    ///
    /// # Errors
    /// When Apache can't be started or kept running.
    pub fn run(
        &self,
        reload: Option<Settings>,
        recalled: Option<Sender<Reason>>,
        queue: &Sender<Event>,
        events: &Receiver<Event>,
    ) -> Result<()> {
        forward_signals(queue.clone())?;
        let mut reloader =
            reload.map(|settings| Reloader::new(self.printer, self.runtime, settings, queue)).transpose()?;
        let mut life = Life {
            state: State::started(Instant::now()),
            number: 0,
            server: self.start(0, reloader.as_mut(), queue)?,
            reloader,
            passed_over: VecDeque::new(),
            watch: None,
            last_words: LastWords::default(),
            announced: false,
            shown: false,
            recalled,
        };
        self.watch_first_answer(&mut life, queue);
        let end = self.serve(&mut life, queue, events);
        if end.is_err() {
            // Whatever went wrong, nothing of ours stays behind.
            life.server.kill();
        }
        end
    }

    fn serve<'a>(&'a self, life: &mut Life<'a>, queue: &Sender<Event>, events: &Receiver<Event>) -> Result<()> {
        loop {
            let Some(cause) = self.next_cause(life, queue, events) else { continue };
            let now = Instant::now();
            let (state, actions) = react(life.state.clone(), cause, now);
            life.state = state;
            for action in actions {
                if let Some(end) = self.act(action, life, queue) {
                    return end;
                }
            }
        }
    }

    fn start(&self, number: u32, reloader: Option<&mut Reloader>, queue: &Sender<Event>) -> Result<Server> {
        self.runtime.forget_pid();
        if let Some(reloader) = reloader {
            reloader.starting(number)?;
        }
        Server::start(&self.binary, &self.runtime.conf(), &self.environment, number, queue)
    }

    /// Waits for the queue or the next deadline; shows what is only to be shown.
    fn next_cause(&self, life: &mut Life, queue: &Sender<Event>, events: &Receiver<Event>) -> Option<Cause> {
        let event = life.next_event(events)?;
        match event {
            Event::Exited(number, how) => (number == life.number).then_some(Cause::Exited(how)),
            Event::Answered(number, status) => (number == life.number).then_some(Cause::Answered(status)),
            Event::Loaded(number, well) => {
                if number == life.number && life.watch.is_none() {
                    self.loaded(well, life, queue);
                }
                None
            }
            Event::Stop => Some(Cause::Stop),
            Event::Deadline => Some(Cause::Deadline),
            Event::Reconfigured(reload) => {
                if let (Some(reloader), Some(settings)) = (&mut life.reloader, reload) {
                    reloader.reconfigure(settings);
                }
                Some(Cause::Reconfigured)
            }
            Event::Harness(id, said) => {
                life.reloader.as_mut()?.said(id, said);
                None
            }
            Event::HarnessGone(id) => {
                life.reloader.as_mut()?.gone(id);
                None
            }
            Event::Saved(saved) => {
                let batch = life.with_following(saved, events);
                life.reloader.as_mut()?.saved(batch);
                None
            }
            Event::Environment(variables) => {
                life.reloader.as_mut()?.set_environment(variables);
                None
            }
            Event::Wrote(line) => self.show_line(line, life),
            Event::Request(line, status) => {
                self.printer.print(move |ui| if status >= 500 { ui.line(&line) } else { ui.dim(&line) });
                None
            }
            Event::Warning(text) => {
                self.printer.print(move |ui| ui.warn(&text));
                None
            }
            Event::Rejected(error) => {
                self.printer.print(move |ui| report::setback(ui, "the changed settings are not used", &error));
                None
            }
        }
    }

    fn show_line(&self, line: Line, life: &mut Life) -> Option<Cause> {
        match line {
            Line::Site(text) => self.printer.print(move |ui| ui.line(&text)),
            Line::Server(text) => {
                life.last_words.remember(text.clone());
                self.printer.print(move |ui| ui.line(&format!("apache: {text}")));
            }
            Line::Detail(text) => {
                life.last_words.remember(text.clone());
                self.printer.print(move |ui| {
                    if ui.verbose {
                        ui.dim(&format!("apache: {text}"));
                    }
                });
            }
        }
        None
    }

    /// Does one thing; `Some` ends the loop.
    fn act(&self, action: Action, life: &mut Life, queue: &Sender<Event>) -> Option<Result<()>> {
        match action {
            Action::Start => {
                life.number += 1;
                match self.start(life.number, life.reloader.as_mut(), queue) {
                    Ok(server) => life.server = server,
                    Err(error) => return Some(Err(error)),
                }
                self.watch_first_answer(life, queue);
            }
            Action::StopGracefully => {
                life.server.stop_gracefully();
                if let Some(reloader) = &mut life.reloader {
                    reloader.stopping(Duration::from_secs(GRACE));
                }
            }
            Action::Terminate => life.server.terminate(),
            Action::Kill => {
                life.watch = None;
                life.server.kill();
            }
            Action::Announce(status) => {
                if let Some(reloader) = &mut life.reloader {
                    reloader.answered();
                }
                self.announce(status, life);
            }
            Action::StillWaiting(seconds) => {
                let state = if life.shown { "its first page takes long" } else { "it is still loading" };
                self.printer.print(move |ui| {
                    ui.note(&format!("the site has not answered its first request yet ({seconds} s): {state}"));
                });
                // That may be why.
                life.ask_again();
                // Whatever keeps the processes from telling.
                life.watch.get_or_insert_with(|| self.ask(life.number, Duration::ZERO, queue));
            }
            Action::Crashed(how, pause) => self.printer.print(move |ui| {
                let seconds = pause.as_secs_f32();
                ui.warn(&format!("Apache ended by itself ({how}); starting it again in {seconds} s"));
            }),
            Action::Applying => self.printer.print(|ui| ui.status("Applying", "new settings")),
            Action::End => return Some(Ok(())),
            Action::GiveUp(how) => return Some(Err(life.last_words.problem(&how).into())),
        }
        None
    }

    /// Has the first answer reported. Where the processes tell when they have loaded the site, that is
    /// waited for.
    fn watch_first_answer(&self, life: &mut Life, queue: &Sender<Event>) {
        life.shown = false;
        life.watch = life.reloader.is_none().then(|| self.ask(life.number, Duration::ZERO, queue));
    }

    /// The site answers from now on. Whoever waits for it comes first, then we ask how it does.
    fn loaded(&self, well: bool, life: &mut Life, queue: &Sender<Event>) {
        if well {
            self.show(life);
        }
        life.watch = Some(self.ask(life.number, AFTER_OTHERS, queue));
    }

    fn ask(&self, number: u32, patience: Duration, queue: &Sender<Event>) -> Watch {
        ready::watch(&self.site, number, patience, queue.clone())
    }

    fn announce(&self, status: u16, life: &mut Life) {
        if status >= 500 {
            self.printer.print(move |ui| {
                ui.warn(&format!("the site answers {status}: its error is above; mend it and save"));
            });
        }
        if !life.shown {
            self.show(life);
        }
    }

    /// Tells where the site is served, or that it is again.
    fn show(&self, life: &mut Life) {
        life.shown = true;
        life.ask_again();
        // Each time: that it starts again may be because the state was removed.
        if let Err(error) = self.runtime.announce(&self.site.url) {
            self.printer.print(move |ui| ui.warn(&format!("other commands do not find this server: {error:#}")));
        }
        if life.announced {
            return self.printer.print(|ui| ui.status("Serving", "again"));
        }
        life.announced = true;
        let (site, open) = (self.site.clone(), self.open);
        self.printer.print(move |ui| present(ui, &site, open));
    }
}

/// The URL as the last line, and the browser if it was asked for.
fn present(ui: &Ui, site: &SiteUrl, open: bool) {
    if !site.resolves {
        let name = site.host_header.split(':').next().unwrap_or_default();
        ui.note(&format!(
            "ALLOWED_HOSTS accepts no name that leads to this machine; add to /etc/hosts: 127.0.0.1 {name}"
        ));
    }
    if open && open::that_detached(&site.url).is_err() {
        ui.warn("found no browser to open it in");
    }
    // Data, for a script that waits for it; a reader that has gone does not end the server.
    let _ = ui.data(&format!("{}\n", site.url));
}

fn forward_signals(queue: Sender<Event>) -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    std::thread::spawn(move || {
        for _ in signals.forever() {
            if queue.send(Event::Stop).is_err() {
                return;
            }
        }
    });
    Ok(())
}
