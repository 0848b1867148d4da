//! `djwsgi dev`: the site under real Apache and mod_wsgi, in the foreground.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use anyhow::Result;

use crate::apache::check;
use crate::apache::locate::Apache;
use crate::cli::{DevArgs, ReloadMode};
use crate::dev::address;
use crate::dev::conf::{self, Serving};
use crate::dev::runtime::{Claim, Runtime};
use crate::dev::supervisor::Supervisor;
use crate::files;
use crate::python::mod_wsgi::{self, ModWsgi};
use crate::scaffold::{hookup, site_files, write};
use crate::site::discover;
use crate::site::identity::{self, Identity};
use crate::site::resolve::Site;
use crate::ui::problem::Problem;
use crate::ui::term::Ui;

/// Serves the site until the user stops it.
///
/// # Errors
/// When the site or the machine lacks something, or Apache can't be kept running.
pub fn run(ui: &Ui, args: &DevArgs) -> Result<()> {
    let root = discover::project_root(&files::current_folder()?, args.site.project_dir.as_deref())?;
    let environment = take_identity(ui, &root, args.user.as_deref())?;
    let runtime = match Runtime::claim(&root)? {
        Claim::Ours(runtime) => runtime,
        Claim::Taken(running) => return already_running(ui, running.map(|running| running.url)),
    };
    let site = Site::at(&root, &args.site)?;
    let apache = Apache::for_python(&site.python)?;
    let mod_wsgi = mod_wsgi::find(&site.python, &apache)?;

    let dev = &site.config.dev;
    let host = args.host.or(dev.host).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let listen = address::choose(host, args.port.or(dev.port.map(u16::from)))?;
    let reload = args.reload.or(dev.reload).unwrap_or_default();
    let script = script(ui, &site, reload, &runtime)?;
    let serving = Serving {
        listen,
        processes: args.processes.or(dev.processes.map(u16::from)).unwrap_or(1),
        threads: args.threads.or(dev.threads.map(u16::from)).unwrap_or(site_files::DEV_THREADS),
        script: &script,
        verbose: ui.verbose,
    };
    write::replace(&runtime.conf(), &conf::render(&site, &apache, &mod_wsgi, &runtime, &serving)?)?;
    if let Err(complaint) = check::syntax(&apache, &runtime.conf())? {
        return Err(Problem::environment("Apache does not accept the config that djwsgi made").detail(complaint).into());
    }

    banner(ui, &site, &apache, &mod_wsgi, &serving, reload);
    let (queue, events) = mpsc::channel();
    let supervisor = Supervisor {
        ui,
        runtime: &runtime,
        binary: apache.binary.clone(),
        environment,
        site: address::url(&site, listen),
        open: args.open,
    };
    supervisor.run(&queue, &events)?;
    ui.status("Stopped", &site.name);
    Ok(())
}

/// Started as root, becomes the user the site is served as. Returns what that changes in the
/// environment of Apache.
fn take_identity(ui: &Ui, root: &Path, user: Option<&str>) -> Result<Vec<(String, PathBuf)>> {
    if !identity::is_root() {
        if let Some(name) = user.filter(|name| *name != files::user_name()) {
            return Err(Problem::usage(format!("only root can serve a site as {name}"))
                .hint("leave --user out, or use sudo")
                .into());
        }
        return Ok(Vec::new());
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
    let home = identity.home.unwrap_or_else(|| PathBuf::from("/"));
    let name = identity.user.unwrap_or_else(|| identity.uid.to_string());
    Ok(vec![
        ("HOME".to_owned(), home),
        ("USER".to_owned(), PathBuf::from(&name)),
        ("LOGNAME".to_owned(), PathBuf::from(name)),
    ])
}

fn already_running(ui: &Ui, url: Option<String>) -> Result<()> {
    let url = url.unwrap_or_default();
    if url.is_empty() {
        ui.note("another djwsgi dev is starting this site");
        return Ok(());
    }
    ui.note("this site is being served already");
    ui.data(&format!("{url}\n"))?;
    Ok(())
}

/// The WSGI script to serve: the site's, or a copy without the monitor.
fn script(ui: &Ui, site: &Site, reload: ReloadMode, runtime: &Runtime) -> Result<PathBuf> {
    let script = site_files::script_path(&site.root);
    let Some(text) = files::read_if_exists(&script)? else {
        return Err(Problem::environment(format!("{} is missing", script.display()))
            .hint("djwsgi init")
            .into());
    };
    match (reload, hookup::without(&text, &script)) {
        (ReloadMode::Monitor, Some(_)) => Ok(script),
        (ReloadMode::Monitor, None) => {
            ui.warn("apache/django.wsgi does not start the code monitor: edits are not picked up");
            Ok(script)
        }
        (ReloadMode::Off, None) => Ok(script),
        (ReloadMode::Off, Some(text)) => {
            let copy = runtime.state.join("django.wsgi");
            write::replace(&copy, &text)?;
            Ok(copy)
        }
    }
}

fn banner(ui: &Ui, site: &Site, apache: &Apache, mod_wsgi: &ModWsgi, serving: &Serving, reload: ReloadMode) {
    let plural = |count: u16, what: &str, more: &str| format!("{count} {what}{}", if count == 1 { "" } else { more });
    ui.status(
        "Serving",
        &format!("{} · Django {} · Python {}", site.name, site.django.django, site.python.full_version()),
    );
    let reload = match reload {
        ReloadMode::Monitor => "monitor",
        ReloadMode::Off => "off",
    };
    ui.status(
        "Apache",
        &format!(
            "{} · mod_wsgi {} · {} × {} · reload: {reload}",
            apache.version,
            mod_wsgi.version,
            plural(serving.processes, "process", "es"),
            plural(serving.threads, "thread", "s"),
        ),
    );
    if site.django.settings_from_environment {
        ui.note(&format!("settings {} come from DJANGO_SETTINGS_MODULE in your environment", site.django.settings));
    }
    ui.dim("             Ctrl-C stops it");
}
