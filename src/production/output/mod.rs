//! The files of a deployment.

mod commands;
pub mod conf;
mod container;
mod forwarding;
pub mod script;
mod steps;
mod unit;

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::json;

use crate::cli::Target;
use crate::files;
use crate::production::deployment::Deployment;
use crate::production::manifest::{self, Manifest};
use crate::production::secrets;
use crate::production::server::{conf_name, service};
use crate::scaffold::plan::{Access, Keep, Wanted};
use crate::scaffold::provenance;
use crate::scaffold::site_files::generated;
use crate::scaffold::templates::Template;

/// Where the files of production go when nothing else is said, below the folder of manage.py.
pub const FOLDER: &str = "apache/production";

/// The folder in the output folder that nobody is to edit.
const BASES: &str = ".generated";

/// Everything that belongs to a deployment.
pub struct Files {
    /// The config.
    pub conf: Wanted,
    /// The WSGI script.
    pub script: Wanted,
    /// What else there is.
    pub rest: Vec<Wanted>,
}

impl Files {
    /// All of them, the config first.
    pub fn into_all(self) -> Vec<Wanted> {
        [self.conf, self.script].into_iter().chain(self.rest).collect()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Wanted> {
        [&self.conf, &self.script].into_iter().chain(&self.rest)
    }
}

/// The files of `deployment`, in `folder`.
///
/// # Errors
/// When a value can't be expressed.
pub fn files(deployment: &Deployment, folder: &Path) -> Result<Files> {
    let site = deployment.site;
    let in_folder = |name: &str| folder.join(name);
    let secrets = Wanted {
        path: in_folder("secrets.env"),
        text: provenance::sign(Template::Secrets, &secrets::render(site, deployment.target)?),
        // From the moment it is there, it is the user's.
        keep: Keep::Always,
        access: Access::Owner,
    };
    let mut rest = vec![
        secrets,
        generated(in_folder("DEPLOY.md"), steps::template(deployment), &steps::render(deployment, folder)?),
        generated(in_folder(".gitignore"), Template::DeployIgnore, &Template::DeployIgnore.render(&json!({}))?),
    ];
    if deployment.target != Target::Container {
        let text = Manifest::of(deployment)?.render()?;
        rest.push(generated(in_folder(manifest::FILE), Template::Manifest, &text));
    }
    match deployment.target {
        Target::Debian | Target::Rhel => {}
        Target::Standalone => {
            rest.push(generated(in_folder(&service(deployment)), Template::Unit, &unit::render(deployment)?));
            let logs = deployment.places.access_log.parent().unwrap_or(Path::new("/var/log"));
            let data = json!({
                "name": site.name,
                "log_folder": files::config_text(logs)?,
            });
            rest.push(generated(in_folder("logrotate"), Template::Logrotate, &Template::Logrotate.render(&data)?));
        }
        Target::Container => {
            let text = container::file(deployment, folder)?;
            rest.push(generated(in_folder("Containerfile"), Template::Containerfile, &text));
            let text = container::ignored(deployment)?;
            rest.push(generated(in_folder("containerignore"), Template::ContainerIgnore, &text));
        }
    }
    let conf = generated(folder.join(conf_name(deployment)), Template::ProductionConf, &conf::render(deployment)?);
    let script = generated(in_folder("django.wsgi"), Template::ProductionWsgi, &script::render(deployment)?);
    let signed = rest.iter().chain([&conf, &script]).filter(|file| file.keep != Keep::Always);
    let bases: Vec<Wanted> = signed.map(|file| copy(file, base(folder, &files::name(&file.path)))).collect();
    rest.extend(bases);
    Ok(Files { conf, script, rest })
}

/// Where the output folder keeps what was generated, beside what may be edited: `--check` tells the two apart by it.
pub fn base(folder: &Path, name: &str) -> PathBuf {
    folder.join(BASES).join(name)
}

/// Whether a file of the output folder is one of these.
pub fn is_base(path: &Path) -> bool {
    path.parent().is_some_and(|folder| folder.ends_with(BASES))
}

fn copy(file: &Wanted, path: PathBuf) -> Wanted {
    Wanted { path, text: file.text.clone(), keep: file.keep, access: file.access }
}
