//! What `djwsgi dev` needs to know before Apache can be started.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use ignore::gitignore::GitignoreBuilder;

use crate::answers::Answers;
use crate::apache::check;
use crate::apache::locate::Apache;
use crate::apache::mod_wsgi::{self, ModWsgi};
use crate::cli::{DevArgs, ReloadMode};
use crate::dev::address::{self, SiteUrl};
use crate::dev::conf::{self, Folders, Serving};
use crate::dev::harness::message::Variables;
use crate::dev::reload::Settings;
use crate::dev::runtime::Runtime;
use crate::dev::slots::{Depth, Plan};
use crate::files;
use crate::scaffold::{hookup, provenance, script as wsgi_script};
use crate::site::alias::Alias;
use crate::site::config::LOCAL_FILE;
use crate::site::config::Layers;
use crate::site::resolve::Site;
use crate::ui::problem::Problem;
use crate::ui::term::Ui;

/// How long a process of the old code may take for its running requests.
const GRACE: Duration = Duration::from_secs(15);

/// A site, the server for it, and the config, ready to be installed.
pub struct Prepared {
    /// The site.
    pub site: Site,
    /// The Apache that serves it.
    pub apache: Apache,
    mod_wsgi: ModWsgi,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Nobody asked for this port.
    pub port_is_open: bool,
    processes: u16,
    threads: u16,
    reload: ReloadMode,
    depth: Depth,
    conf: String,
    /// What to tell the user.
    pub warnings: Vec<String>,
}

impl Prepared {
    /// `listen`: where a running server listens already.
    pub fn make(
        args: &DevArgs,
        root: &Path,
        runtime: &Runtime,
        listen: Option<SocketAddr>,
        answers: &Answers,
    ) -> Result<Self> {
        let site = Site::at(root, &args.site, Layers::All, answers)?;
        let apache = Apache::for_python(&site.python, answers)?;
        let mod_wsgi = mod_wsgi::find(&site.python, &apache)?;
        let dev = &site.config.dev;
        let host = args.host.or(dev.host).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let port = args.port.or(dev.port.map(u16::from));
        let listen = match listen {
            Some(listen) => SocketAddr::new(host, port.unwrap_or(listen.port())),
            None => address::choose(host, port)?,
        };
        let (processes, threads, reload) = conf::choices(dev);
        let (processes, threads) = (args.processes.unwrap_or(processes), args.threads.unwrap_or(threads));
        let reload = args.reload.unwrap_or(reload);
        let depth = match args.standby.or(dev.standby) {
            Some(0) => Depth::Off,
            Some(1) => Depth::Packages,
            _ => Depth::Site,
        };
        let warnings = warnings(&site, args, &wsgi_script::path(root), reload)?;
        let script = conf::entry(&runtime.script(root), &runtime.state, reload);
        let serving = Serving { listen, processes, threads, script: &script, reload };
        let folders = Folders::at(&runtime.state, &runtime.run);
        let conf = conf::render(&site, &apache, &mod_wsgi, &folders, &serving)?;
        let port_is_open = port.is_none();
        Ok(Self { site, apache, mod_wsgi, listen, port_is_open, processes, threads, reload, depth, conf, warnings })
    }

    pub fn url(&self) -> SiteUrl {
        address::url(&self.site, self.listen)
    }

    /// The file of variables that only a new start of Apache would read again. A process of the
    /// instant reload reads it as it reads everything else.
    pub fn watched_env_file(&self) -> Option<PathBuf> {
        let file = self.site.config.committed_env.file.as_ref().filter(|_| self.reload != ReloadMode::Standby);
        file.map(|file| self.site.root.join(file))
    }

    /// What the instant reload must know; `None` where another way was asked for.
    ///
    /// # Errors
    /// When a pattern of `[dev] ignore` can't be understood.
    pub fn reload_settings(&self) -> Result<Option<Settings>> {
        if self.reload != ReloadMode::Standby {
            return Ok(None);
        }
        let root = &self.site.root;
        let dev = &self.site.config.dev;
        let mut patterns = GitignoreBuilder::new(root);
        for pattern in dev.ignore.iter().flatten() {
            patterns.add_line(None, pattern).map_err(|error| {
                Problem::usage(format!("[dev] ignore holds {pattern:?}, which is no pattern")).detail(error.to_string())
            })?;
        }
        let own = self.site.django.added_path.iter().filter(|folder| !folder.starts_with(&self.site.python.prefix));
        let roots: BTreeSet<PathBuf> = [root.clone()].into_iter().chain(own.cloned()).collect();
        Ok(Some(Settings {
            plan: Plan { processes: self.processes, depth: self.depth, grace: GRACE },
            root: root.clone(),
            roots: roots.into_iter().collect(),
            ignored: patterns.build()?,
            extra: dev.watch.iter().flatten().map(|path| root.join(path)).collect(),
        }))
    }

    /// What the daemons find in their environment: the settings asked for, what manage.py sets, the
    /// variables of djwsgi.toml and of this machine, and what the loader needs.
    pub fn environment(&self) -> Vec<(String, OsString)> {
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

    /// The variables that differ from those of the `running` one, where they can be given to a process
    /// without a new start of Apache.
    pub fn changed_variables(&self, running: &Self) -> Variables {
        if self.reload != ReloadMode::Standby {
            return Variables::new();
        }
        let (new, old) = (self.environment(), running.environment());
        let gone = old.iter().filter(|(name, _)| !new.iter().any(|(other, _)| other == name));
        let set = new.iter().filter(|variable| !old.contains(variable));
        // Values come from a TOML file or from JSON: they are text.
        let text = |value: &OsString| Some(value.to_string_lossy().into_owned());
        gone.map(|(name, _)| (name.clone(), None)).chain(set.map(|(name, value)| (name.clone(), text(value)))).collect()
    }

    /// What a restart of Apache would change, or a new `djwsgi dev`.
    pub fn fingerprint(&self) -> impl PartialEq + use<> {
        let dev = &self.site.config.dev;
        let reload = (self.processes, self.depth, dev.watch.clone(), dev.ignore.clone());
        let files = (self.site.django.added_path.clone(), self.watched_env_file().and_then(|file| fs::read(file).ok()));
        (self.conf.clone(), reload, files, self.fixed())
    }

    /// Whether this differs from the `running` one in what only a new `djwsgi dev` can change.
    pub fn needs_restart(&self, running: &Self) -> bool {
        self.fixed() != running.fixed()
    }

    /// What stays the same as long as `djwsgi dev` runs.
    fn fixed(&self) -> impl PartialEq + use<> {
        let SiteUrl { url, host_header, .. } = self.url();
        // A process of the instant reload can be given other variables.
        let variables = if self.reload == ReloadMode::Standby { Vec::new() } else { self.environment() };
        (url, host_header, self.apache.binary.clone(), self.reload, variables)
    }

    /// Puts the config in place once Apache accepts it.
    pub fn install(&self, runtime: &Runtime) -> Result<()> {
        let conf = runtime.conf();
        if self.was_accepted(&conf) {
            return files::write_private(&conf, &self.conf);
        }
        let candidate = runtime.state.join("httpd.conf.new");
        files::write_private(&candidate, &self.conf)?;
        if let Err(complaint) = check::syntax(&self.apache, &candidate)? {
            return Err(Problem::environment("Apache does not accept the config that djwsgi made")
                .detail(complaint)
                .into());
        }
        fs::rename(&candidate, &conf).map_err(|error| files::unwritable(&conf, error))
    }

    /// Whether this Apache has accepted the same config before, but for the address: one is in place
    /// only after that.
    fn was_accepted(&self, conf: &Path) -> bool {
        let Ok(accepted) = fs::metadata(conf) else { return false };
        let parts = [&self.apache.binary, &self.apache.modules, &self.mod_wsgi.path];
        // An installed file's own time is that of its making; the change of its attributes is what counts.
        let is_older = |part: &PathBuf| fs::metadata(part).is_ok_and(|meta| meta.ctime() < accepted.mtime());
        parts.into_iter().all(is_older)
            && fs::read_to_string(conf).is_ok_and(|text| anywhere(&text).eq(anywhere(&self.conf)))
    }

    pub fn banner(&self, ui: &Ui) {
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

/// A config without the address it listens on.
fn anywhere(conf: &str) -> impl Iterator<Item = &str> {
    conf.lines().filter(|line| !line.starts_with("Listen "))
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
