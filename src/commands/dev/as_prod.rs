//! `djwsgi dev --as-prod`: the production config itself, on loopback.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::cli::{DevArgs, ProductionArgs};
use crate::commands::prepared::Prepared;
use crate::commands::rewritten;
use crate::interrupt;
use crate::production::deployment::Deployment;
use crate::production::output::{conf, script};
use crate::production::trial::place::Folders;
use crate::production::trial::stage::{Play, Stage};
use crate::ui::problem::Problem;
use crate::ui::term::Ui;

/// How often Apache and the signals are looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Serves until the user stops it.
///
/// # Errors
/// When something is missing, or Apache does not start or ends by itself.
pub fn run(ui: &Ui, args: &DevArgs, root: &Path) -> Result<()> {
    ui.asking(root);
    let production = ProductionArgs::default();
    let prepared = Prepared::of(ui, root, &args.site, &production)?;
    let deployment = prepared.deployment(&production)?;
    let Some(apache) = deployment.apache else {
        return Err(Problem::environment("there is no Apache on this machine").hint("apt install apache2-bin").into());
    };
    let (conf, script) = (conf::render(&deployment)?, script::render(&deployment)?);
    let play = Play { conf: &conf, script: &script, tail: "", served: Folders::Own, place: None, port: args.port };
    let mut stage = Stage::raise(&deployment, apache, &play, |_| Ok(()))?;
    rewritten::show(ui, &stage.rehearsal.rewritten);
    ui.status("Serving", &format!("{} as in production; edits are not picked up", deployment.site.name));
    banner(ui, &deployment, &stage)?;
    loop {
        if interrupt::requested() {
            ui.status("Stopped", &deployment.site.name);
            return Ok(());
        }
        if let Some(how) = stage.ended()? {
            return Err(Problem::findings(format!("Apache ended ({how})")).detail(stage.last_lines(15)).into());
        }
        std::thread::sleep(LOOK);
    }
}

/// The URLs, and how to get past the name and the certificate, which are the site's own.
fn banner(ui: &Ui, deployment: &Deployment, stage: &Stage) -> Result<()> {
    let (name, base) = (&deployment.server_name, deployment.site.base_path());
    let (ports, folder) = (stage.ports, stage.rehearsal.folder.display());
    ui.dim(&format!("             logs: {folder}/log   Ctrl-C stops it"));
    if deployment.tls.is_some() {
        let url = format!("https://{name}:{}{base}", ports.https);
        ui.dim(&format!(
            "             curl --cacert {folder}/tls/ca.crt --resolve {name}:{}:127.0.0.1 {url}",
            ports.https
        ));
        ui.data(&format!("{url}\nhttp://{name}:{}{base}\n", ports.http))
    } else {
        let url = format!("http://{name}:{}{base}", ports.http);
        ui.dim(&format!("             curl --resolve {name}:{}:127.0.0.1 {url}", ports.http));
        ui.data(&format!("{url}\n"))
    }
}
