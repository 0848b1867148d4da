//! A new site: folder, environment, Django, mod_wsgi, startproject, hookup.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::mod_wsgi_source::{self, Source};
use super::new_folder::{MARKER, NewFolder};
use super::{Origin, adopt, hook_up};
use crate::answers::Answers;
use crate::apache::locate::Packages;
use crate::cli::{InitArgs, SiteArgs};
use crate::files;
use crate::identity::{self, Identity};
use crate::interrupt;
use crate::process;
use crate::python::choose;
use crate::python::interpreter::Interpreter;
use crate::site::config::FILE;
use crate::site::discover;
use crate::site::name;
use crate::ui::problem::Problem;
use crate::ui::progress;
use crate::ui::term::Ui;

/// The oldest Python of the oldest Django that is supported.
const OLDEST_PYTHON: (u16, u16) = (3, 8);

/// Installing from PyPI, compiling mod_wsgi included.
const INSTALL_LIMIT: Duration = Duration::from_secs(30 * 60);
/// Compiling an Apache took ten minutes on two cores; slow machines exist.
const COMPILE_LIMIT: Duration = Duration::from_secs(2 * 60 * 60);
/// Local steps.
const LOCAL_LIMIT: Duration = Duration::from_secs(5 * 60);

/// Creates the site `name` in a folder of that name.
///
/// # Errors
/// When the name, the folder, Python, Apache or mod_wsgi is not fit; what was written is removed.
pub fn create(ui: &Ui, args: &InitArgs, name: &str) -> Result<()> {
    name::check(name)?;
    let here = files::current_folder()?;
    let root = here.join(name);
    files::config_text(&root)?;
    if root.join("manage.py").exists() && root.join(FILE).exists() {
        return adopt(ui, args, &root);
    }
    refuse_nested(&here)?;
    refuse_occupied(&root)?;
    let plan = Plan::make(ui, args, name, &root)?;
    if args.write.dry_run {
        plan.show(ui);
        return Ok(());
    }
    let mut folder = NewFolder::create(&root, name)?;
    plan.carry_out(ui, args)?;
    // A settings module named in the user's shell is not this site's.
    let settings = args.site.settings.clone().unwrap_or_else(|| format!("{name}.settings"));
    let site_args = SiteArgs { python: Some(plan.environment()), settings: Some(settings), project_dir: None };
    hook_up(ui, args, &root, &site_args, Origin::New)?;
    if interrupt::requested() {
        return Err(Problem::interrupted().into());
    }
    folder.keep();
    next_steps(ui, name, &root)
}

fn refuse_nested(here: &Path) -> Result<(), Problem> {
    match discover::above(here) {
        Some(root) => Err(Problem::usage(format!("{} is inside the Django site {}", here.display(), root.display()))
            .hint("djwsgi init without a name adopts that site; for a new one change to another folder")),
        None => Ok(()),
    }
}

/// Only a missing or empty folder can become a site.
fn refuse_occupied(root: &Path) -> Result<()> {
    let Ok(meta) = fs::symlink_metadata(root) else { return Ok(()) };
    if !meta.is_dir() {
        return Err(Problem::refused(format!("{} is in the way", root.display())).hint("move it away").into());
    }
    let entries = files::sorted_entries(root)?;
    // Whether the marker is held or was left behind shows when the folder is taken.
    let is_marker = |path: &PathBuf| path.file_name().is_some_and(|name| name == MARKER);
    if entries.iter().all(is_marker) {
        return Ok(());
    }
    if entries.iter().any(is_marker) {
        return Err(Problem::refused(format!(
            "another djwsgi init is at work in {}, or was killed there",
            root.display()
        ))
        .hint(format!("wait for it; if it was killed: rm -r {}", root.display()))
        .into());
    }
    let names: Vec<String> = entries
        .iter()
        .take(5)
        .map(|path| path.file_name().unwrap_or_default().to_string_lossy().into_owned())
        .collect();
    let more = if entries.len() > 5 { ", …" } else { "" };
    let problem = Problem::refused(format!("{} is not empty: {}{more}", root.display(), names.join(", ")));
    Err(if root.join("manage.py").exists() {
        problem.hint(format!("to adopt the site in it: cd {} && djwsgi init", root.display()))
    } else {
        problem.hint("choose another name, or move the files away")
    }
    .into())
}

/// What will be done, decided before the first byte is written.
struct Plan {
    name: String,
    root: PathBuf,
    base: Interpreter,
    /// The active environment is used; none is created.
    active: bool,
    source: Source,
}

impl Plan {
    fn make(ui: &Ui, args: &InitArgs, name: &str, root: &Path) -> Result<Self> {
        let active = args.site.python.is_none().then(choose::active_venv).flatten();
        let program = match (&args.site.python, &active) {
            (Some(path), _) | (None, Some(path)) => choose::program(path)?,
            (None, None) => which::which("python3").map_err(|_| {
                Problem::environment("Python 3 is not installed").hint(match Packages::of_machine() {
                    Packages::Dnf => "dnf install python3",
                    Packages::Brew => "brew install python",
                    Packages::Apt | Packages::Unknown => "apt install python3 python3-venv",
                })
            })?,
        };
        let base = Interpreter::inspect(&program, &[name], &Answers::asked())?;
        if !base.known.is_empty() {
            return Err(name::module_exists(name).into());
        }
        if (base.version.0, base.version.1) < OLDEST_PYTHON {
            return Err(Problem::environment(format!(
                "{} is Python {}; Django needs 3.8 or newer",
                program.display(),
                base.full_version()
            ))
            .hint("name a newer one with --python")
            .into());
        }
        let active = base.is_venv();
        if !active && root.to_string_lossy().contains(':') {
            return Err(Problem::usage(format!(
                "{} contains a colon, which a virtual environment can't have in its path",
                root.display()
            ))
            .hint("choose another folder")
            .into());
        }
        let source = mod_wsgi_source::choose(ui, args.mod_wsgi, &base)?;
        Ok(Self { name: name.to_owned(), root: root.to_owned(), base, active, source })
    }

    /// The environment's folder.
    fn environment(&self) -> PathBuf {
        if self.active { self.base.prefix.clone() } else { self.root.join(".venv") }
    }

    fn packages(&self, args: &InitArgs) -> Vec<String> {
        let has_django = self.active && self.base.django.is_some() && args.django == "Django";
        let mut packages: Vec<String> = (!has_django).then(|| args.django.clone()).into_iter().collect();
        match self.source {
            Source::Present => {}
            Source::Pypi => packages.push("mod_wsgi".to_owned()),
            Source::Standalone => packages.push("mod_wsgi-standalone".to_owned()),
        }
        packages
    }

    fn show(&self, ui: &Ui) {
        ui.status("Would create", &self.root.display().to_string());
        if !self.active {
            ui.status(
                "Would create",
                &format!("{} (Python {})", self.environment().display(), self.base.full_version()),
            );
        }
        ui.status(
            "Would use",
            match self.source {
                Source::Present => "the mod_wsgi that is installed",
                Source::Pypi => "mod_wsgi from PyPI, compiled here",
                Source::Standalone => "mod_wsgi-standalone from PyPI, which compiles an Apache of its own",
            },
        );
    }

    fn carry_out(&self, ui: &Ui, args: &InitArgs) -> Result<()> {
        let environment = self.environment();
        if !self.active {
            let mut venv = self.base.command();
            venv.args(["-m", "venv"]).arg(&environment);
            let object = format!("environment .venv (Python {})", self.base.full_version());
            progress::run(ui, "Creating", &object, &mut venv, LOCAL_LIMIT)
                .map_err(|error| explain_venv(error, &self.base))?;
        }
        let python = Interpreter::inspect(&choose::program(&environment)?, &[], &Answers::asked())?;
        let packages = self.packages(args);
        if !packages.is_empty() {
            let mut arguments = vec!["install", "--progress-bar=off", "--no-color"];
            if self.source != Source::Present {
                // As a wheel, which pip keeps: a second site gets it without compiling.
                arguments.push("--use-pep517");
            }
            // Compiling says nothing for minutes without it.
            if self.source == Source::Standalone {
                arguments.push("--verbose");
            }
            arguments.extend(packages.iter().map(String::as_str));
            let limit = if self.source == Source::Standalone { COMPILE_LIMIT } else { INSTALL_LIMIT };
            let object = packages.join(", ");
            progress::run(ui, "Installing", &object, &mut python.pip(&arguments), limit)?;
        }
        self.start_project(ui, &python)
    }

    fn start_project(&self, ui: &Ui, python: &Interpreter) -> Result<()> {
        let mut command: Command = python.command();
        // From inside: the folder's own name, seen from outside, counts as a module.
        command.args(["-m", "django", "startproject", &self.name, "."]).current_dir(&self.root);
        // A settings module named in the user's shell is not this site's.
        command.env_remove("DJANGO_SETTINGS_MODULE");
        let finished = process::run(&mut command, LOCAL_LIMIT)?;
        if !finished.status.success() {
            return Err(Problem::findings("django startproject failed")
                .detail(process::last_lines(&finished.stderr, 10))
                .into());
        }
        ui.status("Created", &format!("Django site {}", self.name));
        Ok(())
    }
}

/// Debian keeps ensurepip in a package of its own.
fn explain_venv(error: anyhow::Error, base: &Interpreter) -> anyhow::Error {
    match error.downcast::<Problem>() {
        Ok(problem) if problem.detail.as_deref().is_some_and(|text| text.contains("ensurepip")) => {
            problem.hint(format!("apt install python{}-venv", base.minor_version())).into()
        }
        Ok(problem) => problem.into(),
        Err(error) => error,
    }
}

fn next_steps(ui: &Ui, name: &str, root: &Path) -> Result<()> {
    if identity::is_root() && Identity::owner_of(root)?.uid == 0 {
        ui.note(&format!(
            "the site belongs to root; to serve it: chown -R USER {}, or djwsgi dev --user USER",
            root.display()
        ));
    }
    ui.line("");
    ui.line(&format!("    cd {name}"));
    ui.line("    djwsgi dev");
    Ok(())
}
