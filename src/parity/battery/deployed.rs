//! The config that is deployed, edited since or not.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::apache::quote;
use crate::cli::{ProductionArgs, Target, TlsWord};
use crate::files;
use crate::production::deployment::Deployment;
use crate::production::manifest::{self, Manifest};
use crate::production::output;
use crate::production::places::{Places, target_here};
use crate::ui::problem::Problem;

/// The name of the WSGI script of a deployment.
const SCRIPT: &str = "django.wsgi";

/// A config and a script on the disk.
pub struct Deployed {
    /// Where the config is.
    pub place: PathBuf,
    /// Its text.
    pub conf: String,
    /// The script's.
    pub script: String,
    manifest: Option<Manifest>,
    target: Target,
}

impl Deployed {
    /// What is at `given`, a folder or a config; without that, in the usual output folder of the site, if anything is.
    /// `generated`: what would be deployed now.
    ///
    /// # Errors
    /// When `given` is neither, or a file can't be read.
    pub fn find(given: Option<&Path>, generated: &Deployment) -> Result<Option<Self>> {
        let usual = generated.site.root.join(output::FOLDER);
        let Some(given) = given else {
            return Ok(if usual.is_dir() { in_folder(&usual, generated)? } else { None });
        };
        if given.is_dir() {
            let found = in_folder(given, generated)?;
            let missing = || Problem::usage(format!("{} holds no config of this site", given.display()));
            return found.map(Some).ok_or_else(|| missing().hint("djwsgi deploy-config --prod --output DIR").into());
        }
        let Some(conf) = files::read_if_exists(given)? else {
            return Err(Problem::usage(format!("{} is not there", given.display())).into());
        };
        let manifest = manifest_in(given.parent().unwrap_or(Path::new("/")))?;
        let target = manifest.as_ref().map_or_else(|| target_of(&conf), |manifest| manifest.target);
        Self::of(given.to_owned(), conf, manifest, target).map(Some)
    }

    fn of(place: PathBuf, conf: String, manifest: Option<Manifest>, target: Target) -> Result<Self> {
        let beside = place.with_file_name(SCRIPT);
        let named = script_named(&conf);
        let looked_at = [Some(beside), named];
        for path in looked_at.iter().flatten() {
            if let Some(script) = files::read_if_exists(path)? {
                return Ok(Self { place, conf, script, manifest, target });
            }
        }
        let shown: Vec<String> = looked_at.iter().flatten().map(|path| path.display().to_string()).collect();
        Err(Problem::usage(format!("the WSGI script of {} is not here", place.display()))
            .detail(format!("looked for\n  {}", shown.join("\n  ")))
            .hint("name the folder that deploy-config --output wrote")
            .into())
    }

    /// What the deployment was made with, as far as it says so: `generated` is what would be now.
    pub fn arguments(&self, generated: &Deployment, given: &ProductionArgs) -> ProductionArgs {
        let has_tls = self.conf.lines().any(|line| line.trim() == "SSLEngine on");
        let word = match (has_tls, generated.proxies.is_empty()) {
            (true, _) => TlsWord::Files,
            (false, true) => TlsWord::Off,
            (false, false) => TlsWord::Proxy,
        };
        let is_as_now = has_tls == generated.tls.is_some();
        ProductionArgs {
            target: Some(self.target),
            server_name: self.manifest.as_ref().map(|manifest| manifest.server_name.clone()),
            tls: if is_as_now { Vec::new() } else { vec![word] },
            ..given.clone()
        }
    }

    /// Tells `deployment` the ports that the config has.
    pub fn apply(&self, deployment: &mut Deployment) {
        if let Some(manifest) = &self.manifest {
            deployment.ports = (manifest.http_port, manifest.https_port.unwrap_or(deployment.ports.1));
            deployment.buffer_port = manifest.buffer_port;
        }
    }
}

/// The config in `folder`, by the name that its target gives it.
fn in_folder(folder: &Path, generated: &Deployment) -> Result<Option<Deployed>> {
    let manifest = manifest_in(folder)?;
    let targets = match &manifest {
        Some(manifest) => vec![manifest.target],
        None if folder.join("Containerfile").exists() => vec![Target::Container],
        None => vec![generated.target, Target::Standalone, Target::Debian],
    };
    for target in targets {
        let place = folder.join(files::name(&Places::of(generated.site, target, None).conf));
        if let Some(conf) = files::read_if_exists(&place)? {
            return Deployed::of(place, conf, manifest, target).map(Some);
        }
    }
    Ok(None)
}

fn manifest_in(folder: &Path) -> Result<Option<Manifest>> {
    let place = folder.join(manifest::FILE);
    files::read_if_exists(&place)?.map(|text| Manifest::read(&place, &text)).transpose()
}

/// A whole server's config says where it is.
fn target_of(conf: &str) -> Target {
    if conf.lines().any(|line| line.starts_with("ServerRoot ")) { Target::Standalone } else { target_here() }
}

/// The script that the config names.
fn script_named(conf: &str) -> Option<PathBuf> {
    let line = conf.lines().find_map(|line| line.trim().strip_prefix("WSGIScriptAlias "))?;
    let quoted = line.find('"').map(|start| &line[start..])?;
    let end = quoted[1..].find('"')? + 2;
    Some(PathBuf::from(quote::argument_of(&quoted[..end])))
}
