//! `djwsgi dev`: the site under real Apache and mod_wsgi, in the foreground.

use std::ffi::OsString;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::thread;

use anyhow::Result;

use crate::apache::check;
use crate::apache::locate::Apache;
use crate::apache::mod_wsgi::{self, ModWsgi};
use crate::cli::{DevArgs, ReloadMode};
use crate::dev::address::{self, SiteUrl};
use crate::dev::conf::{self, Serving};
use crate::dev::event::Event;
use crate::dev::runtime::{Claim, Running, Runtime};
use crate::dev::settings::{self, Saves};
use crate::dev::supervisor::Supervisor;
use crate::files;
use crate::identity::{self, Identity};
use crate::interrupt;
use crate::scaffold::{conf as scaffold_conf, hookup, provenance, script as wsgi_script, write};
use crate::site::alias::Alias;
use crate::site::config::{LOCAL_FILE, Layers};
use crate::site::discover;
use crate::site::resolve::Site;
use crate::ui::printer::Printer;
use crate::ui::problem::Problem;
use crate::ui::term::Ui;

/// How often a port that was free and then was not is replaced by the next.
const PORT_ATTEMPTS: u32 = 5;

/// Serves the site until the user stops it.
///
/// # Errors
/// When the site or the machine lacks something, or Apache can't be kept running.
pub fn run(ui: &Ui, args: &DevArgs) -> Result<()> {
    let root = discover::project_root(&files::current_folder()?, args.site.project_dir.as_deref())?;
    take_identity(ui, &root, args.user.as_deref())?;
    let runtime = match Runtime::claim(&root)? {
        Claim::Ours(runtime) => runtime,
        Claim::Taken(running) => return already_running(ui, running),
    };
    ui.asking(&root);
    let mut attempt = 1;
    loop {
        let prepared = Prepared::make(args, &root, &runtime, None)?;
        prepared.install(&runtime)?;
        prepared.banner(ui);
        match serve(ui, args, &prepared, &runtime) {
            // Between the look at the port and Apache's start somebody else took it.
            Err(error) if prepared.port_is_open && attempt < PORT_ATTEMPTS && is_port_taken(&error) => {
                interrupt::forget();
                attempt += 1;
            }
            end => return end,
        }
    }
}

/// Apache's code for an address it can't listen on.
fn is_port_taken(error: &anyhow::Error) -> bool {
    let problem = error.downcast_ref::<Problem>();
    problem.and_then(|problem| problem.detail.as_deref()).is_some_and(|detail| detail.contains("AH00072"))
}

fn serve(ui: &Ui, args: &DevArgs, prepared: &Prepared, runtime: &Runtime) -> Result<()> {
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
    interrupt::hand_over();
    thread::scope(|scope| {
        let watch = settings::watch(&prepared.site.root, prepared.env_file());
        let watch = match watch {
            Some((watch, saves)) => {
                let queue = queue.clone();
                scope.spawn(move || apply_saves(saves, args, prepared, runtime, &queue));
                Some(watch)
            }
            None => {
                printer.print(|ui| {
                    ui.warn("the system has no file watches left: changed settings wait for the next start")
                });
                None
            }
        };
        let end = supervisor.run(&queue, &events);
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

/// Puts the config of changed settings in place, save by save; the server stays where it listens.
fn apply_saves(saves: Saves, args: &DevArgs, first: &Prepared, runtime: &Runtime, queue: &Sender<Event>) {
    let mut applied = first.fingerprint();
    for () in saves {
        let event = match Prepared::make(args, &first.site.root, runtime, Some(first.listen)) {
            Err(error) => Event::Rejected(error),
            Ok(_) if interrupt::requested() => return,
            Ok(prepared) if prepared.fingerprint() == applied => continue,
            Ok(prepared) if prepared.needs_restart(first) => Event::Warning(
                "the address, the mount point, the variables or the Python changed: stop djwsgi dev and start it again"
                    .to_owned(),
            ),
            Ok(prepared) => match prepared.install(runtime) {
                Err(error) => Event::Rejected(error),
                Ok(()) => {
                    applied = prepared.fingerprint();
                    for warning in prepared.warnings {
                        let _ = queue.send(Event::Warning(warning));
                    }
                    Event::Reconfigured
                }
            },
        };
        // The queue ends with the server, and so does the watch.
        let _ = queue.send(event);
    }
}

/// A site, the server for it, and the config, ready to be installed.
struct Prepared {
    site: Site,
    apache: Apache,
    mod_wsgi: ModWsgi,
    listen: SocketAddr,
    /// Nobody asked for this port.
    port_is_open: bool,
    processes: u16,
    threads: u16,
    reload: ReloadMode,
    conf: String,
    warnings: Vec<String>,
}

impl Prepared {
    /// `listen`: where a running server listens already.
    fn make(args: &DevArgs, root: &Path, runtime: &Runtime, listen: Option<SocketAddr>) -> Result<Self> {
        let site = Site::at(root, &args.site, Layers::All)?;
        let apache = Apache::for_python(&site.python)?;
        let mod_wsgi = mod_wsgi::find(&site.python, &apache)?;
        let dev = &site.config.dev;
        let host = args.host.or(dev.host).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let port = args.port.or(dev.port.map(u16::from));
        let listen = match listen {
            Some(listen) => SocketAddr::new(host, port.unwrap_or(listen.port())),
            None => address::choose(host, port)?,
        };
        let processes = args.processes.or(dev.processes.map(u16::from)).unwrap_or(1);
        let threads = args.threads.or(dev.threads.map(u16::from)).unwrap_or(scaffold_conf::DEV_THREADS);
        let reload = args.reload.or(dev.reload).unwrap_or_default();
        let script = wsgi_script::path(root);
        let warnings = warnings(&site, args, &script, reload)?;
        let script_reloading = reload == ReloadMode::Monitor;
        let serving = Serving { listen, processes, threads, script: &script, script_reloading };
        let conf = conf::render(&site, &apache, &mod_wsgi, runtime, &serving)?;
        let port_is_open = port.is_none();
        Ok(Self { site, apache, mod_wsgi, listen, port_is_open, processes, threads, reload, conf, warnings })
    }

    fn url(&self) -> SiteUrl {
        address::url(&self.site, self.listen)
    }

    fn env_file(&self) -> Option<PathBuf> {
        self.site.config.committed_env.file.as_ref().map(|file| self.site.root.join(file))
    }

    /// What the daemons find in their environment: the settings asked for, what manage.py sets, the
    /// variables of djwsgi.toml and of this machine, and what the loader needs.
    fn environment(&self) -> Vec<(String, OsString)> {
        let from_manage = self.site.django.added_environment.iter();
        let own = self.site.config.env.values.iter();
        let mut variables: Vec<(String, OsString)> =
            from_manage.chain(own).map(|(name, value)| (name.clone(), value.into())).collect();
        variables.push(("DJWSGI_SETTINGS".to_owned(), self.site.django.settings.clone().into()));
        variables.push(("DJWSGI_RELOAD".to_owned(), self.reload.name().into()));
        if let Some((name, folder)) = self.apache.library_variable() {
            variables.push((name.to_owned(), folder.into()));
        }
        variables
    }

    /// What a restart of Apache would change.
    fn fingerprint(&self) -> (String, Option<Vec<u8>>) {
        (self.conf.clone(), self.env_file().and_then(|file| fs::read(file).ok()))
    }

    /// Whether this differs from the `running` one in what only a new `djwsgi dev` can change.
    fn needs_restart(&self, running: &Self) -> bool {
        self.url() != running.url()
            || self.apache.binary != running.apache.binary
            || self.environment() != running.environment()
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
        let reload = self.reload.name();
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
        Some(Running { pid, url }) if !url.is_empty() => {
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

/// What to tell the user of the site's own script and folders.
fn warnings(site: &Site, args: &DevArgs, script: &Path, reload: ReloadMode) -> Result<Vec<String>> {
    let Some(text) = files::read_if_exists(script)? else {
        return Err(Problem::environment(format!("{} is missing", script.display())).hint("djwsgi init").into());
    };
    let mut warnings: Vec<String> = site.refused_aliases().iter().map(Alias::refusal).collect();
    let as_committed =
        args.site.settings.is_none() && !site.django.settings_from_environment && !site.root.join(LOCAL_FILE).exists();
    if as_committed && provenance::is_untouched(&text) && text != wsgi_script::development(site)? {
        warnings
            .push("apache/django.wsgi is older than the settings it was made from: djwsgi init renews it".to_owned());
    }
    if reload == ReloadMode::Monitor && !hookup::is_in(&text, &site.monitor.module) {
        warnings.push("apache/django.wsgi does not start the code monitor: edits are not picked up".to_owned());
    }
    Ok(warnings)
}
