//! Whether the site itself is ready for production: what would be a bad one is refused, with the way out.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use serde::Deserialize;

use super::deployment::Deployment;
use crate::cli::TlsSource;
use crate::files;
use crate::process;
use crate::site::alias::{Alias, AliasKind};
use crate::site::hosts::AllowedHosts;
use crate::ui::problem::Problem;

const CHECK: &str = include_str!("../python/check_production.py");

/// collectstatic of a large site takes its time.
const LIMIT: Duration = Duration::from_secs(120);

/// Django's number for errors; below are warnings.
const ERROR: u32 = 40;

const OWN_FOLDER: &str = "a folder of its own, for example BASE_DIR / \"data\"; the site gets the right to write there";

const TRY: &str = "manage.py check --deploy tells more";

/// What `check --deploy` asks of Django and this Apache does.
fn done_by_apache(deployment: &Deployment, id: &str) -> Option<&'static str> {
    let tls = deployment.tls.is_some();
    match id {
        "security.W002" => Some("X-Frame-Options"),
        "security.W004" if tls && deployment.hsts.is_some() => Some("Strict-Transport-Security"),
        "security.W005" if tls && deployment.hsts.is_some() => Some("Strict-Transport-Security for subdomains"),
        "security.W006" => Some("X-Content-Type-Options"),
        "security.W008" if tls => Some("the redirect to https"),
        "security.W022" => Some("Referrer-Policy"),
        _ => None,
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Readiness {
    /// What production must not have: the fault, and the way out.
    pub faults: Vec<(String, String)>,
    /// What should be looked at.
    pub warnings: Vec<String>,
    /// What Django misses and Apache does.
    pub done_by_apache: Vec<String>,
}

impl Readiness {
    /// Refuses what production must not have.
    ///
    /// # Errors
    /// When there is a fault; all of them are listed.
    pub fn require(&self) -> Result<(), Problem> {
        if self.faults.is_empty() {
            return Ok(());
        }
        let list: Vec<String> = self.faults.iter().map(|(fault, way)| format!("  {fault}\n      → {way}")).collect();
        let count = self.faults.len();
        let what = if count == 1 { "one thing stands".to_owned() } else { format!("{count} things stand") };
        Err(Problem::findings(format!("{what} between the site and production"))
            .detail(list.join("\n"))
            .hint("nothing was written; mend these, then run the command again"))
    }

    fn fault(&mut self, fault: impl Into<String>, way_out: impl Into<String>) {
        self.faults.push((fault.into(), way_out.into()));
    }
}

/// What `check_production.py` answers.
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Failed { error: String },
    Checked(Box<Checked>),
}

#[derive(Deserialize)]
struct Checked {
    checks: Vec<Message>,
    leaves_traces: bool,
    collected: Vec<String>,
    collectstatic_error: Option<String>,
    missing_entries: Vec<String>,
}

#[derive(Deserialize)]
struct Message {
    id: String,
    level: u32,
    text: String,
}

/// Looks at the site as it would run in production.
///
/// # Errors
/// When its Python can't be run.
pub fn look(deployment: &Deployment) -> Result<Readiness> {
    let mut found = Readiness::default();
    settings(deployment, &mut found);
    folders(deployment, &mut found);
    static_files(deployment, &mut found);
    django_checks(deployment, &mut found)?;
    Ok(found)
}

fn settings(deployment: &Deployment, found: &mut Readiness) {
    let site = deployment.site;
    let settings = &site.django.settings;
    if site.django.debug {
        found.fault(
            format!("{settings} has DEBUG = True: every error would show the site's code and settings"),
            match others(deployment) {
                Some(module) => format!("--settings {module}, or in wsgi.py, if those are production's"),
                None => "DEBUG = False in the settings of production".to_owned(),
            },
        );
    }
    let server_name = &deployment.server_name;
    if !AllowedHosts::new(&site.django.allowed_hosts, false).accepts(server_name) {
        found.fault(
            format!("ALLOWED_HOSTS does not list {server_name}: Django would answer every request with 400"),
            format!("ALLOWED_HOSTS = [{server_name:?}]"),
        );
    }
    let Some(facts) = &site.django.production else { return };
    if !facts.secret_key_in.is_empty() && !site.config.prod.secret_key_in_repository.unwrap_or(false) {
        found.fault(
            format!(
                "SECRET_KEY stands in {}: who can read the repository can forge sessions",
                facts.secret_key_in.join(", ")
            ),
            "SECRET_KEY = os.environ[\"DJANGO_SECRET_KEY\"], and a new key in secrets.env; \
             or, if it must be so, [prod] secret-key-in-repository = true",
        );
    }
    let own = facts.force_script_name.as_deref().unwrap_or("/").trim_end_matches('/');
    if facts.force_script_name.is_some() && own != site.mount().trim_end_matches('/') {
        found.fault(
            format!(
                "FORCE_SCRIPT_NAME is {own:?}, the site is mounted at {:?}: its links would lead elsewhere",
                site.mount()
            ),
            format!("in djwsgi.toml: [site] mount = {own:?}, or no FORCE_SCRIPT_NAME"),
        );
    }
    if facts.ssl_redirect && deployment.tls_source == TlsSource::Off {
        found.fault(
            "SECURE_SSL_REDIRECT sends everybody to https, which nothing here speaks: tls = \"off\"",
            "tls = \"files\" or another source of certificates; \"proxy\" where a balancer speaks https",
        );
    }
}

/// Settings beside these that are called production's.
fn others(deployment: &Deployment) -> Option<String> {
    let facts = &deployment.site.django;
    let folder = facts.settings_file.as_deref()?.parent()?;
    let (package, _) = facts.settings.rsplit_once('.')?;
    let mut names = ["production", "prod", "live"].into_iter();
    names.find(|name| folder.join(format!("{name}.py")).exists()).map(|name| format!("{package}.{name}"))
}

/// Folders that are served, and those that the site writes.
fn folders(deployment: &Deployment, found: &mut Readiness) {
    let site = deployment.site;
    for alias in site.refused_aliases() {
        found.fault(alias.refusal(), "give it a folder of its own in the settings");
    }
    let aliases = site.aliases();
    if let [one, other] = aliases.as_slice() {
        let (inner, outer) = if one.folder.starts_with(&other.folder) { (one, other) } else { (other, one) };
        if inner.folder.starts_with(&outer.folder) {
            found.fault(
                format!(
                    "{} {} is inside {} {}",
                    inner.setting(),
                    inner.folder.display(),
                    outer.setting(),
                    outer.folder.display()
                ),
                "give each a folder of its own: uploads are served by other rules than static files",
            );
        }
        if one.url == other.url {
            found.fault(format!("STATIC_URL and MEDIA_URL are both {}", one.url), "give each a URL of its own");
        }
    }
    let facts = site.django.production.as_ref();
    for written in facts.into_iter().flat_map(|facts| &facts.written) {
        if let Some(alias) = aliases.iter().find(|alias| written.path.starts_with(&alias.folder)) {
            found.fault(
                format!(
                    "{} {} is in {}, which Apache serves",
                    written.setting,
                    written.path.display(),
                    alias.setting()
                ),
                "put it elsewhere",
            );
        } else if let Some(code) = code_below(deployment, written.folder()) {
            found.fault(
                format!(
                    "{} {} lies beside code: whoever may write there may change {}",
                    written.setting,
                    written.path.display(),
                    code.display()
                ),
                OWN_FOLDER,
            );
        } else if is_the_systems(written.folder()) {
            found.fault(
                format!(
                    "{} {} lies in a folder of the system, where the site may not write",
                    written.setting,
                    written.path.display()
                ),
                OWN_FOLDER,
            );
        }
    }
}

/// The code that is in `folder`, or below it.
fn code_below(deployment: &Deployment, folder: &Path) -> Option<PathBuf> {
    let site = deployment.site;
    let settings = site.django.settings_file.as_deref().and_then(Path::parent);
    let code = [Some(site.root.as_path()), settings, Some(site.python.prefix.as_path())];
    if let Some(code) = code.into_iter().flatten().find(|code| code.starts_with(folder)) {
        return Some(code.to_owned());
    }
    let entries = files::sorted_entries(folder).unwrap_or_default();
    entries.into_iter().find(|path| path.extension().is_some_and(|end| end == "py"))
}

/// Whether others keep their things in `folder`.
fn is_the_systems(folder: &Path) -> bool {
    const SYSTEMS: [&str; 8] = ["/", "/home", "/opt", "/root", "/run", "/srv", "/var", "/usr"];
    const BELOW: [&str; 7] = ["/var/cache", "/var/lib", "/var/log", "/var/run", "/var/spool", "/usr/local", "/mnt"];
    const WHOLE: [&str; 7] = ["/bin", "/boot", "/etc", "/lib", "/sbin", "/usr/bin", "/usr/lib"];
    SYSTEMS.iter().chain(&BELOW).any(|own| folder == Path::new(own)) || WHOLE.iter().any(|own| folder.starts_with(own))
}

fn static_files(deployment: &Deployment, found: &mut Readiness) {
    let site = deployment.site;
    let url = site.django.static_url.as_deref().unwrap_or_default();
    let whitenoise = site.django.production.as_ref().is_some_and(|facts| facts.whitenoise);
    let elsewhere = url.contains("//");
    let root = site.config.static_files.root.as_ref().or(site.django.static_root.as_ref());
    if site.django.staticfiles && root.is_none() && !whitenoise && !elsewhere {
        found.fault(
            "STATIC_ROOT is not set: nothing would serve the static files",
            "STATIC_ROOT = BASE_DIR / \"static-files\" in the settings; Apache serves it",
        );
    }
}

fn django_checks(deployment: &Deployment, found: &mut Readiness) -> Result<()> {
    let site = deployment.site;
    let scratch = tempfile::Builder::new()
        .prefix("djwsgi-static-")
        .tempdir()
        .map_err(|error| files::unwritable(&std::env::temp_dir().join("djwsgi-static"), error))?;
    let mut command = site.python.command();
    command
        .arg("-c")
        .arg(CHECK)
        .arg(&site.root)
        .arg(site.production_settings())
        .arg(scratch.path())
        .args(site.own_path());
    command.current_dir(&site.root).envs(&site.django.added_environment).envs(&site.variables);
    let finished = process::run(&mut command, LIMIT)?;
    let checked = match serde_json::from_str(&finished.stdout) {
        Ok(Answer::Checked(checked)) => *checked,
        Ok(Answer::Failed { error }) => {
            found.fault(format!("Django does not start: {error}"), TRY);
            return Ok(());
        }
        Err(_) => {
            let last = process::last_lines(&finished.stderr, 3);
            found.fault(format!("Django's checks ended without an answer: {last}"), TRY);
            return Ok(());
        }
    };
    for message in &checked.checks {
        match done_by_apache(deployment, &message.id) {
            _ if message.level >= ERROR => {
                found.fault(format!("{}: {}", message.id, message.text), TRY);
            }
            // DEBUG and ALLOWED_HOSTS are faults of their own.
            _ if ["security.W018", "security.W020"].contains(&message.id.as_str()) => {}
            Some(what) => found.done_by_apache.push(what.to_owned()),
            _ => found.warnings.push(format!("check --deploy: {} {}", message.id, message.text)),
        }
    }
    if !checked.leaves_traces {
        let way = "LOGGING needs a handler, for example the root logger's \"console\": Apache logs what it writes";
        found.warnings.push(format!("a server error would leave no trace without DEBUG, and ADMINS is empty: {way}"));
    }
    if let Some(error) = &checked.collectstatic_error {
        found.fault(format!("collectstatic fails: {error}"), "manage.py collectstatic --noinput shows the same");
    }
    if !checked.missing_entries.is_empty() {
        found.fault(
            format!("static files that templates name are missing: {}", first_few(&checked.missing_entries)),
            "every page that uses one would be a server error; add them or mend the templates",
        );
    }
    let alias = site.aliases().into_iter().find(|alias| alias.kind == AliasKind::Static);
    if let Some(alias) = alias {
        found.warnings.extend(not_collected(&alias, &checked.collected));
    }
    Ok(())
}

/// Files that `collectstatic` would bring and that are not in the folder yet.
fn not_collected(alias: &Alias, names: &[String]) -> Option<String> {
    let missing: Vec<String> = names.iter().filter(|name| !alias.folder.join(name).exists()).cloned().collect();
    (!missing.is_empty()).then(|| {
        format!(
            "collectstatic has {} files to bring to {}: {}",
            missing.len(),
            alias.folder.display(),
            first_few(&missing)
        )
    })
}

fn first_few(names: &[String]) -> String {
    let rest = names.len().saturating_sub(3);
    let shown = names.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    if rest > 0 { format!("{shown} and {rest} more") } else { shown }
}
