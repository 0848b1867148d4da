//! Production configs, rehearsed.

use anyhow::Result;

use super::{Kind, Running, Server, Subject, Version};
use crate::parity::battery::probe;
use crate::parity::battery::workshop::Workshop;
use crate::production::secrets;
use crate::production::trial::place::{self, Folders};
use crate::production::trial::stage::{Play, Stage};

/// Starts `version` and waits until it listens.
///
/// # Errors
/// When it can't run here.
pub fn raise(subject: &Subject, workshop: &Workshop, kind: Kind, version: &Version) -> Result<Server> {
    let Version { deployment, conf, script } = version;
    let names = secrets::names(deployment.site);
    let known: Vec<&str> =
        names.iter().map(String::as_str).filter(|name| deployment.site.variables.contains_key(*name)).collect();
    let tail = probe::tail(&workshop.token, workshop.folder(), &known)?;
    let play = Play { conf, script, tail: &tail, served: Folders::Planted, place: Some(workshop.folder()), port: None };
    let stage = Stage::raise(deployment, subject.apache, &play, |_| Ok(()))?;
    Ok(Server {
        kind,
        client: stage.client(deployment)?,
        host: deployment.server_name.clone(),
        base: deployment.site.base_path(),
        static_path: deployment.site.static_path(),
        static_folder: deployment.serves_static().then(|| stage.rehearsal.folder.join(place::STATIC)),
        conf: Some(stage.rehearsal.conf()),
        logs: stage.rehearsal.folder.join("log"),
        running: Running::Stage(Box::new(stage)),
    })
}
