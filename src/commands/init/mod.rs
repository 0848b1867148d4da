//! `djwsgi init`: hooks an existing Django site up to Apache and mod_wsgi, or creates a new one.

mod mod_wsgi_source;
mod new_folder;
mod new_site;

use std::path::Path;

use anyhow::Result;

use crate::answers::Answers;
use crate::apache::locate::Apache;
use crate::apache::mod_wsgi;
use crate::cli::{InitArgs, SiteArgs};
use crate::dev::runtime;
use crate::files;
use crate::identity;
use crate::scaffold::plan;
use crate::scaffold::site_files;
use crate::scaffold::write;
use crate::site::config::{FILE, Layers};
use crate::site::discover;
use crate::site::resolve::Site;
use crate::ui::term::Ui;

/// Creates or adopts a site.
///
/// # Errors
/// When a name, the machine or the site is not fit for it, or a file is in the way.
pub fn run(ui: &Ui, args: &InitArgs) -> Result<()> {
    match &args.name {
        Some(name) => new_site::create(ui, args, name),
        None => {
            let root = discover::project_root(&files::current_folder()?, args.site.project_dir.as_deref())?;
            adopt(ui, args, &root)
        }
    }
}

/// Hooks up the site at `root`, as its owner.
fn adopt(ui: &Ui, args: &InitArgs, root: &Path) -> Result<()> {
    identity::become_owner(root)?;
    hook_up(ui, args, root, &args.site, Origin::Existing)
}

/// Where the site comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// It was there before.
    Existing,
    /// This run has just made it.
    New,
}

/// Writes our files into the site at `root`.
fn hook_up(ui: &Ui, args: &InitArgs, root: &Path, site_args: &SiteArgs, origin: Origin) -> Result<()> {
    ui.asking(root);
    let answers = Answers::asked();
    let mut site = Site::at(root, site_args, Layers::Committed, &answers)?;
    let apache = Apache::for_python(&site.python, &answers)?;
    let mod_wsgi = mod_wsgi::find(&site.python, &apache)?;
    if !root.join(FILE).exists() {
        // What the new settings file will say holds for the other files of this run already.
        site.config.committed_env.file = site_files::found_env_file(&site);
        site.config.site.settings.clone_from(&args.site.settings);
    }
    let wanted = site_files::scaffold(&site, &mod_wsgi, origin == Origin::New)?;
    let steps = plan::make(wanted, root, args.write.overwrite)?;
    if args.write.dry_run {
        return plan::show(ui, &steps, root, args.write.diff);
    }
    write::apply(ui, &steps, root)?;
    if let Ok(folder) = runtime::state_folder(root)
        && !Answers::are_kept_in(&folder)
    {
        // The first start has nothing to ask for.
        answers.save_in(&folder);
    }
    report(ui, &site, steps.iter().any(plan::Step::writes));
    Ok(())
}

fn report(ui: &Ui, site: &Site, wrote: bool) {
    for alias in site.refused_aliases() {
        ui.warn(&alias.refusal());
    }
    let django = &site.django;
    if !wrote {
        ui.status("Unchanged", &format!("{} is hooked up already", site.name));
    }
    if site.production_settings() != django.settings {
        ui.note(&format!(
            "dev uses {} (manage.py), production {} (wsgi.py)",
            django.settings,
            site.production_settings()
        ));
    }
    let lost: Vec<&str> = django
        .added_environment
        .keys()
        .map(String::as_str)
        .filter(|name| *name != "DJANGO_CONFIGURATION" && !site.config.committed_env.values.contains_key(*name))
        .collect();
    if !lost.is_empty() && site.config.committed_env.file.is_none() {
        ui.note(&format!(
            "manage.py sets {}: djwsgi dev does too; for the system's Apache put them into djwsgi.toml, [env]",
            lost.join(", ")
        ));
    }
    if django.settings_from_environment {
        ui.note(&format!("settings {} come from DJANGO_SETTINGS_MODULE in your environment", django.settings));
    }
    if let Some(folder) = discover::closed_to_others(&site.root) {
        ui.note(&format!(
            "the system's Apache can't enter {}: djwsgi dev works; for apache/{}.conf: chmod o+x {}",
            folder.display(),
            site.name,
            folder.display()
        ));
    }
}
