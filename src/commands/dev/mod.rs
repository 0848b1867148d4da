//! `djwsgi dev`: the site under real Apache and mod_wsgi, in the foreground.

mod as_prod;
mod prepared;
mod saves;

use std::path::Path;
use std::sync::mpsc;
use std::thread;

use anyhow::Result;

use crate::answers::Answers;
use crate::cli::{DevArgs, ServeDevArgs};
use crate::dev::runtime::{Claim, Running, Runtime};
use crate::dev::settings;
use crate::dev::supervisor::Supervisor;
use crate::files;
use crate::identity::{self, Identity};
use crate::interrupt;
use crate::site::discover;
use crate::ui::printer::Printer;
use crate::ui::problem::Problem;
use crate::ui::term::Ui;

use prepared::Prepared;
use saves::apply_saves;

/// How often a port that was free and then was not is replaced by the next.
const PORT_ATTEMPTS: u32 = 5;

/// Serves the site until the user stops it.
///
/// # Errors
/// When the site or the machine lacks something, or Apache can't be kept running.
pub fn run(ui: &Ui, args: &DevArgs) -> Result<()> {
    let root = discover::project_root(&files::current_folder()?, args.site.project_dir.as_deref())?;
    take_identity(ui, &root, args.user.as_deref())?;
    if args.as_prod {
        return as_prod::run(ui, args, &root);
    }
    let runtime = match Runtime::claim(&root)? {
        Claim::Ours(runtime) => runtime,
        Claim::Taken(running) => return already_running(ui, running),
    };
    ui.asking(&root);
    keep_serving(ui, args, &root, &runtime)
}

/// Serves it beside whoever serves it already, in a folder of its own, with another WSGI script.
///
/// # Errors
/// As [`run`].
pub fn run_private(ui: &Ui, args: &ServeDevArgs) -> Result<()> {
    let root = discover::project_root(&files::current_folder()?, args.dev.site.project_dir.as_deref())?;
    let runtime = Runtime::private(&args.folder, &args.script)?;
    keep_serving(ui, &args.dev, &root, &runtime)
}

fn keep_serving(ui: &Ui, args: &DevArgs, root: &Path, runtime: &Runtime) -> Result<()> {
    let mut attempt = 1;
    loop {
        let (prepared, recalled) = prepare(args, root, runtime)?;
        prepared.banner(ui);
        match serve(ui, args, &prepared, runtime, recalled) {
            // Between the look at the port and Apache's start somebody else took it.
            Err(error) if prepared.port_is_open && attempt < PORT_ATTEMPTS && is_port_taken(&error) => {
                interrupt::forget();
                attempt += 1;
            }
            end => return end,
        }
    }
}

/// Puts the config in place, and says whether it rests on what was recalled.
fn prepare(args: &DevArgs, root: &Path, runtime: &Runtime) -> Result<(Prepared, bool)> {
    let make = |answers: Answers| {
        let prepared = Prepared::make(args, root, runtime, None, &answers).and_then(|prepared| {
            prepared.install(runtime)?;
            Ok(prepared)
        });
        (prepared, answers)
    };
    let (mut prepared, mut answers) = make(Answers::kept_in(&runtime.state));
    if prepared.is_err() && answers.has_recalled() && !interrupt::requested() {
        (prepared, answers) = make(Answers::asked());
    }
    answers.save_in(&runtime.state);
    Ok((prepared?, answers.has_recalled()))
}

/// Apache's codes for an address it can't have, and for one it has but can't listen on.
fn is_port_taken(error: &anyhow::Error) -> bool {
    let problem = error.downcast_ref::<Problem>();
    problem
        .and_then(|problem| problem.detail.as_deref())
        .is_some_and(|detail| ["AH00072", "AH00073"].iter().any(|code| detail.contains(code)))
}

fn serve(ui: &Ui, args: &DevArgs, prepared: &Prepared, runtime: &Runtime, recalled: bool) -> Result<()> {
    let (queue, events) = mpsc::channel();
    let printer = Printer::start(ui);
    let supervisor = Supervisor {
        printer: &printer,
        runtime,
        binary: prepared.apache.binary.clone(),
        environment: prepared.environment(),
        site: prepared.url(),
        open: args.open,
    };
    let reload = prepared.reload_settings()?;
    interrupt::hand_over();
    thread::scope(|scope| {
        let (sender, reasons) = settings::reasons();
        let (root, state) = (&prepared.site.root, runtime.state.clone());
        let watch = settings::watch(root, prepared.watched_env_file(), state, sender.clone());
        if watch.is_none() {
            printer
                .print(|ui| ui.warn("the system has no file watches left: changed settings wait for the next start"));
        }
        let events_of_settings = queue.clone();
        scope.spawn(move || {
            let mut reasons = reasons.peekable();
            if recalled && reasons.peek().is_none() {
                // What kept the site from being loaded till the end may have been recalled.
                return Answers::forget(&runtime.state);
            }
            apply_saves(reasons, args, prepared, runtime, &events_of_settings);
        });
        let end = supervisor.run(reload, recalled.then_some(sender), &queue, &events);
        // Ends the watch, and whatever it is waiting for.
        interrupt::request();
        drop(watch);
        if end.is_ok() {
            let name = prepared.site.name.clone();
            printer.print(move |ui| ui.status("Stopped", &name));
        }
        end
    })
}

/// Started as root, becomes the user the site is served as.
fn take_identity(ui: &Ui, root: &Path, user: Option<&str>) -> Result<()> {
    if !identity::is_root() {
        if let Some(name) = user.filter(|name| *name != files::user_name()) {
            return Err(Problem::usage(format!("only root can serve a site as {name}"))
                .hint("leave --user out, or use sudo")
                .into());
        }
        return Ok(());
    }
    let identity = match user {
        Some(name) => Identity::named(name)?,
        None => Identity::owner_of(root)?,
    };
    if identity.uid == 0 {
        return Err(Problem::environment("a site is never served as root, and this one belongs to root")
            .hint("name an ordinary user: djwsgi dev --user NAME, or give the site to one: chown -R NAME .")
            .into());
    }
    identity::become_user(&identity)?;
    ui.note(&format!("serving as {}", identity.shown()));
    Ok(())
}

fn already_running(ui: &Ui, running: Option<Running>) -> Result<()> {
    match running {
        Some(Running { pid, url, .. }) if !url.is_empty() => {
            ui.note(&format!("this site is being served already (process {pid})"));
            ui.data(&format!("{url}\n"))
        }
        Some(Running { pid, .. }) => {
            ui.note(&format!("another djwsgi dev (process {pid}) is starting this site"));
            Ok(())
        }
        None => {
            ui.note("another djwsgi dev is starting or ending for this site");
            Ok(())
        }
    }
}
