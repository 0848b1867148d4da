//! Where the environments differ that the site's processes see in development and in production. Values are shown
//! only where they stand in the repository.

use std::collections::{BTreeMap, BTreeSet};

use super::difference::{Difference, Kind};
use crate::cli::{ReloadMode, Target};
use crate::dev;
use crate::production::secrets;
use crate::site::resolve::Site;

const OTHER_SETTINGS: &str = "production has settings of its own; what differs in them is listed by name";
const SCRIPT: &str = "djwsgi dev tells the WSGI script of development what it was asked for";
const FLAG: &str = "a flag of djwsgi's own";
const SESSION: &str = "of the session or account that a server is started from; each has its own";
const SHELL: &str = "djwsgi dev keeps your shell's variables; the settings do not look this one up";
const FILE: &str = "each server has a file of variables of its own";
const LOCAL: &str = "djwsgi.local.toml is this machine's alone";
const SERVICE: &str = "of the service that starts Apache on the server";

/// Variables of a session, an account or a terminal, or their beginnings.
const SESSIONS: [&str; 30] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TERM",
    "TERM_*",
    "COLORTERM",
    "PWD",
    "OLDPWD",
    "SHLVL",
    "_",
    "TMPDIR",
    "MAIL",
    "HOSTNAME",
    "XDG_*",
    "SSH_*",
    "DBUS_*",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "COLUMNS",
    "LINES",
    "VIRTUAL_ENV",
    "VIRTUAL_ENV_PROMPT",
    "PS1",
    "EDITOR",
    "PAGER",
];

/// Variables that change what Python or the loader does, whoever looks them up, or their beginnings.
const ACTING: [&str; 8] =
    ["PYTHONPATH", "PYTHONHOME", "PYTHONOPTIMIZE", "PYTHONHASHSEED", "PYTHONUTF8", "LD_*", "DYLD_*", "TZ"];

/// What Debian's envvars sets.
const DEBIANS: [&str; 6] =
    ["APACHE_RUN_USER", "APACHE_RUN_GROUP", "APACHE_PID_FILE", "APACHE_RUN_DIR", "APACHE_LOCK_DIR", "APACHE_LOG_DIR"];

/// What systemd sets for a service with folders of its own.
const FOLDERS: [&str; 3] = ["RUNTIME_DIRECTORY", "STATE_DIRECTORY", "LOGS_DIRECTORY"];

/// What systemd sets for every service.
const SYSTEMD: [&str; 3] = ["INVOCATION_ID", "JOURNAL_STREAM", "SYSTEMD_EXEC_PID"];

/// What the environments are made of.
pub struct Environments<'a> {
    /// The site as `djwsgi dev` serves it.
    pub dev: &'a Site,
    /// The site as production does.
    pub prod: &'a Site,
    /// The variables of production.
    pub variables: &'a BTreeMap<String, String>,
    /// What the deployment is laid out for.
    pub target: Target,
    /// The variables of the site's `.env`, which dev has one way or another.
    pub own_file: &'a BTreeMap<String, String>,
    /// The variables of the shell.
    pub shell: BTreeMap<String, String>,
    /// Variables that the settings of development look up.
    pub looked_up: &'a BTreeSet<String>,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// djwsgi or Django itself.
    Own,
    /// `[env]` of djwsgi.toml.
    Committed,
    /// djwsgi.local.toml
    Local,
    /// A file of variables.
    File,
    /// manage.py
    Manage,
    /// The shell that `djwsgi dev` is started in.
    Shell,
    /// The service that starts Apache.
    Service,
}

type Variable = (Origin, String);

type Variables = BTreeMap<String, Variable>;

/// What differs.
pub fn differences(of: &Environments) -> Vec<Difference> {
    let (dev, prod) = (in_dev(of), in_prod(of));
    let names: BTreeSet<&String> = dev.keys().chain(prod.keys()).collect();
    let mut all = Vec::new();
    for name in names {
        let (here, there) = (dev.get(name), prod.get(name));
        if !is_same(here, there) {
            let values = [shown(name, here, there), shown(name, there, here)];
            all.push(Difference::new(Kind::Variable, name.clone(), values, reason(of, name, here, there)));
        }
    }
    all
}

/// What a service sets has a value of its own.
fn is_same(dev: Option<&Variable>, prod: Option<&Variable>) -> bool {
    let values = dev.zip(prod.filter(|(origin, _)| *origin != Origin::Service));
    values.is_some_and(|((_, dev), (_, prod))| dev == prod)
}

/// The later ones win.
fn in_dev(of: &Environments) -> Variables {
    let site = of.dev;
    let mut all: Variables =
        of.own_file.iter().map(|(name, value)| (name.clone(), (Origin::File, value.clone()))).collect();
    let config = &site.config;
    for (name, value) in &site.variables {
        let origin = match (config.env.values.get(name), config.committed_env.values.get(name)) {
            (Some(own), Some(committed)) if own == value && own == committed => Origin::Committed,
            (Some(own), _) if own == value => Origin::Local,
            _ => Origin::File,
        };
        all.insert(name.clone(), (origin, value.clone()));
    }
    all.extend(of.shell.iter().map(|(name, value)| (name.clone(), (Origin::Shell, value.clone()))));
    let is_in_file = |name: &String, value: &String| of.variables.get(name) == Some(value);
    for (name, value) in &site.django.added_environment {
        let origin = if is_in_file(name, value) { Origin::File } else { Origin::Manage };
        all.insert(name.clone(), (origin, value.clone()));
    }
    // Given to Apache, they win over the shell's.
    for (name, value) in &config.env.values {
        let is_committed = config.committed_env.values.get(name) == Some(value);
        let origin = if is_committed { Origin::Committed } else { Origin::Local };
        all.insert(name.clone(), (origin, value.clone()));
    }
    let (_, _, reload) = dev::conf::choices(&config.dev);
    all.extend(own("DJWSGI_SETTINGS", &site.django.settings));
    all.extend(own("DJWSGI_RELOAD", ReloadMode::name(reload)));
    all.extend(own("DJANGO_SETTINGS_MODULE", &site.django.settings));
    all
}

fn in_prod(of: &Environments) -> Variables {
    let site = of.prod;
    let mut all = Variables::new();
    let is_systemd = of.target != Target::Container;
    let services = match of.target {
        Target::Debian => &DEBIANS[..],
        Target::Standalone => &FOLDERS[..],
        Target::Rhel | Target::Container => &[],
    };
    for name in services.iter().chain(SYSTEMD.iter().filter(|_| is_systemd)).chain(&["PATH", "LANG", "HOME"]) {
        all.insert((*name).to_owned(), (Origin::Service, String::new()));
    }
    for (name, value) in of.variables {
        let is_committed = site.config.committed_env.values.get(name) == Some(value);
        all.insert(name.clone(), (if is_committed { Origin::Committed } else { Origin::File }, value.clone()));
    }
    all.extend(own("DJANGO_SETTINGS_MODULE", site.production_settings()));
    all
}

fn own(name: &str, value: &str) -> Option<(String, Variable)> {
    Some((name.to_owned(), (Origin::Own, value.to_owned())))
}

fn reason(of: &Environments, name: &str, dev: Option<&Variable>, prod: Option<&Variable>) -> Option<&'static str> {
    let origins = (dev.map(|(origin, _)| *origin), prod.map(|(origin, _)| *origin));
    match (name, origins) {
        ("DJANGO_SETTINGS_MODULE", _) => Some(OTHER_SETTINGS),
        ("DJWSGI_SETTINGS" | "DJWSGI_RELOAD", _) => Some(SCRIPT),
        (_, (Some(Origin::Shell), None | Some(Origin::Service))) => of_shell(of, name),
        (_, (None, Some(Origin::Service))) => Some(SERVICE),
        // The shell's hides the site's.
        (_, (Some(Origin::Shell), Some(_))) => None,
        (_, (Some(Origin::Local), _)) => Some(LOCAL),
        // It may have been forgotten in production's.
        (_, (Some(_), None)) => None,
        (_, (Some(Origin::File), Some(Origin::File)) | (None, Some(Origin::File))) => Some(FILE),
        (_, (Some(Origin::Committed), Some(Origin::File))) => Some(FILE),
        _ => None,
    }
}

fn of_shell(of: &Environments, name: &str) -> Option<&'static str> {
    let is_one_of = |list: &[&str]| {
        list.iter().any(|own| own.strip_suffix('*').map_or(*own == name, |start| name.starts_with(start)))
    };
    if is_one_of(&SESSIONS) {
        Some(SESSION)
    } else if name.starts_with("DJWSGI_") {
        Some(FLAG)
    } else {
        (!is_one_of(&ACTING) && !of.looked_up.contains(name)).then_some(SHELL)
    }
}

/// A value that stands in the repository and is no secret; of others only that they are there.
fn shown(name: &str, one: Option<&Variable>, other: Option<&Variable>) -> Vec<String> {
    let text = |origin: Origin, value: &String| match origin {
        Origin::Own => value.clone(),
        Origin::Committed if !secrets::is_secret(name, value) => value.clone(),
        Origin::Committed => "set in djwsgi.toml".to_owned(),
        Origin::Shell => "set by your shell".to_owned(),
        Origin::Manage => "set by manage.py".to_owned(),
        Origin::Service => "set by the service".to_owned(),
        Origin::Local => "set in djwsgi.local.toml".to_owned(),
        Origin::File if other.is_some() => "another value, in the file of variables".to_owned(),
        Origin::File => "set in the file of variables".to_owned(),
    };
    one.map(|(origin, value)| text(*origin, value)).into_iter().collect()
}
