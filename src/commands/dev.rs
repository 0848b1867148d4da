//! `djwsgi dev`: the site under real Apache and mod_wsgi, in the foreground.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

use anyhow::Result;

use crate::apache::check;
use crate::apache::locate::Apache;
use crate::apache::mod_wsgi::{self, ModWsgi};
use crate::cli::{DevArgs, ReloadMode};
use crate::dev::address;
use crate::dev::conf::{self, Serving};
use crate::dev::event::Event;
use crate::dev::runtime::{Claim, Runtime};
use crate::dev::settings;
use crate::dev::supervisor::Supervisor;
use crate::files;
use crate::scaffold::{conf as scaffold_conf, hookup, provenance, script as wsgi_script, write};
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
    let prepared = Prepared::make(args, &root, &runtime, None)?;
    prepared.install(&runtime)?;
    prepared.banner(ui);
    let library = prepared.apache.library_variable().map(|(name, folder)| (name.to_owned(), folder.to_owned()));
    let environment = environment.into_iter().chain(library).collect();
    let (queue, events) = mpsc::channel();
    let supervisor = Supervisor {
        ui,
        runtime: &runtime,
        binary: prepared.apache.binary.clone(),
        environment,
        site: address::url(&prepared.site, prepared.listen),
        open: args.open,
    };
    let env_file = prepared.site.config.env.file.as_ref().map(|file| root.join(file));
    thread::scope(|scope| {
        let watch = settings::watch(&root, env_file).map(|(watch, saves)| {
            let (queue, listen, root, runtime) = (queue.clone(), prepared.listen, &root, &runtime);
            scope.spawn(move || {
                for () in saves {
                    // The queue ends with the server, and so does the watch.
                    let _ = queue.send(apply_settings(args, root, runtime, listen));
                }
            });
            watch
        });
        let end = supervisor.run(&queue, &events);
        drop(watch);
        end
    })?;
    ui.status("Stopped", &prepared.site.name);
    Ok(())
}

/// Puts the config of changed settings in place; the server stays where it listens.
fn apply_settings(args: &DevArgs, root: &Path, runtime: &Runtime, listen: SocketAddr) -> Event {
    let applied = Prepared::make(args, root, runtime, Some(listen)).and_then(|prepared| prepared.install(runtime));
    match applied {
        Ok(()) => Event::Reconfigured,
        Err(error) => Event::Warning(format!("the changed settings are not used: {error:#}")),
    }
}

/// A site, the server for it, and the config, ready to be installed.
struct Prepared {
    site: Site,
    apache: Apache,
    mod_wsgi: ModWsgi,
    listen: SocketAddr,
    processes: u16,
    threads: u16,
    reload: ReloadMode,
    conf: String,
    warnings: Vec<String>,
}

impl Prepared {
    fn make(args: &DevArgs, root: &Path, runtime: &Runtime, listen: Option<SocketAddr>) -> Result<Self> {
        let site = Site::at(root, &args.site)?;
        let apache = Apache::for_python(&site.python)?;
        let mod_wsgi = mod_wsgi::find(&site.python, &apache)?;
        let dev = &site.config.dev;
        let listen = match listen {
            Some(listen) => listen,
            None => {
                let host = args.host.or(dev.host).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
                address::choose(host, args.port.or(dev.port.map(u16::from)))?
            }
        };
        let processes = args.processes.or(dev.processes.map(u16::from)).unwrap_or(1);
        let threads = args.threads.or(dev.threads.map(u16::from)).unwrap_or(scaffold_conf::DEV_THREADS);
        let reload = args.reload.or(dev.reload).unwrap_or_default();
        let mut warnings = Vec::new();
        let script = script(&site, reload, runtime, &mut warnings)?;
        let serving = Serving { listen, processes, threads, script: &script };
        let conf = conf::render(&site, &apache, &mod_wsgi, runtime, &serving)?;
        Ok(Self { site, apache, mod_wsgi, listen, processes, threads, reload, conf, warnings })
    }

    /// Puts the config in place once Apache accepts it.
    fn install(&self, runtime: &Runtime) -> Result<()> {
        let candidate = runtime.state.join("httpd.conf.new");
        write::replace(&candidate, &self.conf)?;
        if let Err(complaint) = check::syntax(&self.apache, &candidate)? {
            return Err(Problem::environment("Apache does not accept the config that djwsgi made")
                .detail(complaint)
                .into());
        }
        let conf = runtime.conf();
        fs::rename(&candidate, &conf).map_err(|error| files::unwritable(&conf, error))
    }

    fn banner(&self, ui: &Ui) {
        let Self { site, apache, mod_wsgi, .. } = self;
        let count = |count: u16, one: &str, more: &str| format!("{count} {}", if count == 1 { one } else { more });
        let django = &site.django;
        ui.status(
            "Serving",
            &format!("{} · Django {} · Python {}", site.name, django.django, site.python.full_version()),
        );
        let reload = match self.reload {
            ReloadMode::Monitor => "monitor",
            ReloadMode::Off => "off",
        };
        let processes = count(self.processes, "process", "processes");
        let threads = count(self.threads, "thread", "threads");
        let server = format!("{} · mod_wsgi {}", apache.version, mod_wsgi.version);
        ui.status("Apache", &format!("{server} · {processes} × {threads} · reload: {reload}"));
        if django.settings_from_environment {
            ui.note(&format!("settings {} come from DJANGO_SETTINGS_MODULE in your environment", django.settings));
        }
        for warning in &self.warnings {
            ui.warn(warning);
        }
        ui.dim("             Ctrl-C stops it");
    }
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
fn script(site: &Site, reload: ReloadMode, runtime: &Runtime, warnings: &mut Vec<String>) -> Result<PathBuf> {
    let script = wsgi_script::path(&site.root);
    let Some(text) = files::read_if_exists(&script)? else {
        return Err(Problem::environment(format!("{} is missing", script.display())).hint("djwsgi init").into());
    };
    if provenance::is_untouched(&text) && text != wsgi_script::development(site)? {
        warnings
            .push("apache/django.wsgi is older than the settings it was made from: djwsgi init renews it".to_owned());
    }
    match (reload, hookup::without(&text, &script)) {
        (ReloadMode::Monitor, None) => {
            warnings.push("apache/django.wsgi does not start the code monitor: edits are not picked up".to_owned());
            Ok(script)
        }
        (ReloadMode::Monitor, Some(_)) | (ReloadMode::Off, None) => Ok(script),
        (ReloadMode::Off, Some(text)) => {
            let copy = runtime.state.join("django.wsgi");
            write::replace(&copy, &text)?;
            Ok(copy)
        }
    }
}
