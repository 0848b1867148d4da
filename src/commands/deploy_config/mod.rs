//! `djwsgi deploy-config`: the site's config for an Apache other than that of `dev`.

mod check;
mod production;
mod proof;

use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};

use crate::answers::Answers;
use crate::apache::sample;
use crate::cli::DeployConfigArgs;
use crate::commands::prepared;
use crate::files;
use crate::identity;
use crate::scaffold::conf;
use crate::scaffold::plan::{self, Wanted};
use crate::scaffold::site_files::generated;
use crate::scaffold::templates::Template;
use crate::scaffold::write;
use crate::site::config::Layers;
use crate::site::discover;
use crate::site::resolve::Site;
use crate::ui::term::Ui;

/// Prints the config, or writes it with what belongs to it.
///
/// # Errors
/// When something is missing, Apache does not accept the config, or a file is in the way.
pub fn run(ui: &Ui, args: &DeployConfigArgs) -> Result<()> {
    let root = discover::project_root(&files::current_folder()?, args.site.project_dir.as_deref())?;
    identity::become_owner(&root)?;
    ui.asking(&root);
    if args.prod { production::run(ui, args, &root) } else { development(ui, args, &root) }
}

fn development(ui: &Ui, args: &DeployConfigArgs, root: &Path) -> Result<()> {
    let site = Site::at(root, &args.site, Layers::Committed, &Answers::asked())?;
    let (apache, mod_wsgi) = prepared::server(ui, &site)?;
    let output = args.output.as_deref().map(absolute).transpose()?;
    let folder = output.clone().unwrap_or_else(|| root.join("apache"));
    let text = conf::development(&site, &mod_wsgi)?;
    let wanted = generated(folder.join(format!("{}.conf", site.name)), Template::SiteConf, &text);
    let unchecked = match &apache {
        Some(apache) => sample::check(apache, &mod_wsgi, &wanted.text)?,
        None => Some("there is no Apache on this machine".to_owned()),
    };
    finish(ui, args, output.as_deref(), unchecked, vec![wanted])
}

/// Writes the files into the output folder, or prints the first of them, the config.
fn finish(
    ui: &Ui,
    args: &DeployConfigArgs,
    output: Option<&Path>,
    unchecked: Option<String>,
    wanted: Vec<Wanted>,
) -> Result<()> {
    if let Some(reason) = unchecked {
        ui.warn(&format!("the config was not checked: {reason}"));
    }
    let Some(folder) = output else {
        return wanted.first().map_or(Ok(()), |conf| ui.data(&conf.text));
    };
    let steps = plan::make(wanted, folder, args.write.overwrite)?;
    if args.write.dry_run {
        return plan::show(ui, &steps, folder, args.write.diff);
    }
    write::apply(ui, &steps, folder)
}

/// The output folder from the root, without `..`: whether it is in the site's folder matters.
fn absolute(path: &Path) -> Result<PathBuf> {
    let path = std::path::absolute(path).with_context(|| format!("cannot find {}", path.display()))?;
    let mut clean = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            // Of a link it is the folder that the link leads to.
            clean = clean.canonicalize().unwrap_or(clean);
            clean.pop();
        } else {
            clean.push(part);
        }
    }
    Ok(clean)
}
