//! `djwsgi deploy-config`: the site's config for the system's Apache.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::answers::Answers;
use crate::apache::locate::Apache;
use crate::apache::mod_wsgi::{self, ModWsgi};
use crate::apache::sample;
use crate::cli::{DeployConfigArgs, TlsMode};
use crate::files;
use crate::identity;
use crate::scaffold::conf::Production;
use crate::scaffold::hookup;
use crate::scaffold::plan::{self, Wanted};
use crate::scaffold::provenance;
use crate::scaffold::site_files::generated;
use crate::scaffold::templates::Template;
use crate::scaffold::write;
use crate::scaffold::{conf, script};
use crate::site::config::Layers;
use crate::site::config::is_host_name;
use crate::site::discover;
use crate::site::hosts::AllowedHosts;
use crate::site::resolve::Site;
use crate::ui::problem::Problem;
use crate::ui::report;
use crate::ui::term::Ui;

/// Where the files of production go when nothing else is said.
const PRODUCTION: &str = "apache/production";

/// Prints the config, or writes it with what belongs to it.
///
/// # Errors
/// When something is missing, Apache does not accept the config, or a file is in the way.
pub fn run(ui: &Ui, args: &DeployConfigArgs) -> Result<()> {
    let root = discover::project_root(&files::current_folder()?, args.site.project_dir.as_deref())?;
    identity::become_owner(&root)?;
    ui.asking(&root);
    let layers = if args.prod { Layers::All } else { Layers::Committed };
    let site = Site::at(&root, &args.site, layers, &Answers::asked())?;
    let site = if args.prod { with_production_facts(ui, site) } else { site };
    let (apache, mod_wsgi) = server(ui, &site)?;
    let output = args.output.as_deref().map(absolute).transpose()?;
    let wanted = if args.prod {
        production(ui, &site, &mod_wsgi, args, output.as_deref())?
    } else {
        development(&site, &mod_wsgi, output.as_deref())?
    };
    let unchecked = match &apache {
        Some(apache) => sample::check(apache, &mod_wsgi, &wanted[0].text)?,
        None => Some("there is no Apache on this machine".to_owned()),
    };
    if let Some(reason) = unchecked {
        ui.warn(&format!("the config was not checked: {reason}"));
    }
    match output {
        Some(folder) => {
            let steps = plan::make(wanted, &folder, args.write.overwrite)?;
            if args.write.dry_run {
                return plan::show(ui, &steps, &folder, args.write.diff);
            }
            write::apply(ui, &steps, &folder)
        }
        None => {
            if args.prod {
                remind_of_script(ui, &wanted[1])?;
            }
            ui.data(&wanted[0].text)
        }
    }
}

fn with_production_facts(ui: &Ui, site: Site) -> Site {
    let settings = site.production_settings().to_owned();
    let (site, error) = site.for_production();
    if let Some(error) = error {
        let what = format!("{settings} can't be asked here, {} stands for it", site.django.settings);
        report::setback(ui, &what, &error);
    }
    site
}

/// The Apache that checks the config, and the mod_wsgi that it names. A machine without Apache
/// can still make a config for one that has the distribution's.
fn server(ui: &Ui, site: &Site) -> Result<(Option<Apache>, ModWsgi)> {
    if site.python.mod_wsgi.is_none() && !Apache::is_installed() {
        ui.note("Apache is not installed here; the config is for one with the distribution's mod_wsgi");
        let mod_wsgi = ModWsgi { path: PathBuf::new(), version: String::new(), from_distribution: true };
        return Ok((None, mod_wsgi));
    }
    let apache = Apache::for_python(&site.python, &Answers::asked())?;
    let mod_wsgi = mod_wsgi::find(&site.python, &apache)?;
    Ok((Some(apache), mod_wsgi))
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("cannot find {}", path.display()))
}

fn development(site: &Site, mod_wsgi: &ModWsgi, output: Option<&Path>) -> Result<Vec<Wanted>> {
    let folder = output.map_or_else(|| site.root.join("apache"), Path::to_owned);
    let conf_text = conf::development(site, mod_wsgi)?;
    Ok(vec![generated(folder.join(format!("{}.conf", site.name)), Template::SiteConf, &conf_text)])
}

/// The config and the script, in this order.
fn production(
    ui: &Ui,
    site: &Site,
    mod_wsgi: &ModWsgi,
    args: &DeployConfigArgs,
    output: Option<&Path>,
) -> Result<Vec<Wanted>> {
    let folder = output.map_or_else(|| site.root.join(PRODUCTION), Path::to_owned);
    let script_path = folder.join("django.wsgi");
    let server_name = server_name(ui, site, args.server_name.as_deref())?;
    let live = PathBuf::from("/etc/letsencrypt/live").join(&server_name);
    let prod = &site.config.prod;
    let file = |given: &Option<PathBuf>, default: &str| {
        given.as_ref().map_or_else(|| live.join(default), |path| site.root.join(path))
    };
    let certificate = file(&prod.certificate, "fullchain.pem");
    let key = file(&prod.certificate_key, "privkey.pem");
    let production = Production {
        script: &script_path,
        server_name: &server_name,
        tls: args.tls.or(prod.tls).unwrap_or_default(),
        certificate: (&certificate, &key),
    };
    if let Some(alias) = site.refused_aliases().first() {
        return Err(Problem::findings(alias.refusal()).hint("give it a folder of its own in the settings").into());
    }
    advise(ui, site, &production);
    let conf_text = conf::production(site, mod_wsgi, &production)?;
    let script_text = script::production(site)?;
    refuse_monitor(site, &[&conf_text, &script_text])?;
    Ok(vec![
        generated(folder.join(format!("{}.conf", site.name)), Template::ProductionConf, &conf_text),
        generated(script_path, Template::ProductionWsgi, &script_text),
    ])
}

/// The public name: as given, from djwsgi.toml, from ALLOWED_HOSTS; else a placeholder.
fn server_name(ui: &Ui, site: &Site, given: Option<&str>) -> Result<String, Problem> {
    if let Some(name) = given {
        return if is_host_name(name) {
            Ok(name.to_owned())
        } else {
            Err(Problem::usage(format!("--server-name {name:?} is no host name"))
                .hint("letters, digits, hyphens and dots, for example www.example.com"))
        };
    }
    let listed = || AllowedHosts::new(&site.django.allowed_hosts, false).public_name();
    if let Some(name) = site.config.site.server_name.clone().or_else(listed) {
        return Ok(name);
    }
    let placeholder = format!("{}.example", site.name.replace('_', "-").trim_matches('-').to_lowercase());
    ui.warn(&format!("the site's public name is not known, {placeholder} stands for it"));
    ui.hint("set it in djwsgi.toml: [site] server-name = \"www.example.com\"");
    Ok(placeholder)
}

/// What makes a correct config a bad production.
fn advise(ui: &Ui, site: &Site, production: &Production) {
    if site.django.debug {
        ui.warn(&format!("{} has DEBUG = True; production must not", site.django.settings));
    }
    let static_root = site.config.static_files.root.as_ref().or(site.django.static_root.as_ref());
    if site.django.staticfiles && static_root.is_none() {
        ui.warn("STATIC_ROOT is not set: nothing will serve the static files");
        ui.hint("set STATIC_ROOT, run manage.py collectstatic, and make the config again");
    }
    if let Some(user) = site.config.prod.user.as_deref().filter(|user| identity::Identity::named(user).is_err()) {
        ui.note(&format!("the account {user} is not on this machine"));
    }
    if production.tls == TlsMode::Files && !production.certificate.0.exists() {
        ui.note(&format!("the certificate {} is not on this machine", production.certificate.0.display()));
    }
}

/// A production file with the monitor in it must be impossible.
fn refuse_monitor(site: &Site, texts: &[&str]) -> Result<(), Problem> {
    if texts.iter().any(|text| hookup::is_in(text, &site.monitor.module)) {
        return Err(Problem::findings("the production files contain the code monitor; this is a fault of djwsgi"));
    }
    Ok(())
}

/// The printed config names a script that only `--output` writes.
fn remind_of_script(ui: &Ui, script: &Wanted) -> Result<()> {
    let present = files::read_if_exists(&script.path)?;
    let current = present.as_deref().is_some_and(|text| text == script.text || !provenance::is_untouched(text));
    if !current {
        let state = if present.is_some() { "is out of date" } else { "is not there yet" };
        ui.note(&format!("the config names {}, which {state}; write it with", script.path.display()));
        let folder = script.path.parent().unwrap_or(&script.path);
        let folder = folder.strip_prefix(files::current_folder()?).unwrap_or(folder);
        ui.line(&format!("      djwsgi deploy-config --prod --output {}", folder.display()));
    }
    Ok(())
}
