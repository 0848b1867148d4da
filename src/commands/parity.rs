//! `djwsgi parity`: the same requests to runserver, dev, the production config and what is deployed.

use anyhow::Result;

use crate::answers::Answers;
use crate::cli::{ParityArgs, ProductionArgs};
use crate::commands::prepared::Prepared;
use crate::files;
use crate::identity;
use crate::parity::battery::deployed::Deployed;
use crate::parity::battery::servers::{Kind, Subject, Version};
use crate::parity::battery::{self, Report, table};
use crate::production::deployment::Deployment;
use crate::production::output::{conf, script};
use crate::site::config::Layers;
use crate::site::discover;
use crate::site::resolve::Site;
use crate::ui::problem::Problem;
use crate::ui::report;
use crate::ui::term::Ui;

/// Sends the battery and shows the answers.
///
/// # Errors
/// When a server does not start or load the site, or answers differ without a reason.
pub fn run(ui: &Ui, args: &ParityArgs) -> Result<()> {
    let root = discover::project_root(&files::current_folder()?, args.site.project_dir.as_deref())?;
    identity::become_owner(&root)?;
    ui.asking(&root);
    let site = Site::at(&root, &args.site, Layers::All, &Answers::asked())?;
    let production = ProductionArgs { env_file: args.env_file.clone(), ..ProductionArgs::default() };
    let prepared = Prepared::of(ui, &root, &args.site, &production)?;
    let deployment = prepared.deployment(&production)?;
    let Some(apache) = deployment.apache else {
        return Err(Problem::environment("there is no Apache on this machine").hint("apt install apache2-bin").into());
    };
    let deployed = Deployed::find(args.deployed.as_deref(), &deployment)?;
    let deployed = deployed.map(|deployed| version(&prepared, deployed, &deployment, &production)).transpose()?;
    let (conf, script) = (conf::render(&deployment)?, script::render(&deployment)?);
    let generated = Version { deployment, conf, script };
    ui.status("Asking", &words(deployed.as_ref()));
    let subject =
        Subject { site: &site, args: &args.site, generated, deployed: deployed.map(|(version, _)| version), apache };
    let report = battery::run(&subject)?;
    tell(ui, &report);
    ui.data(&if args.json { table::as_json(&report) + "\n" } else { table::text(&report) })?;
    judge(ui, &report)
}

/// What is deployed as it can be run, and where it is.
fn version<'a>(
    prepared: &'a Prepared,
    deployed: Deployed,
    generated: &Deployment,
    production: &ProductionArgs,
) -> Result<(Version<'a>, String)> {
    let mut deployment = prepared.deployment(&deployed.arguments(generated, production))?;
    deployed.apply(&mut deployment);
    let Deployed { place, conf, script, .. } = deployed;
    Ok((Version { deployment, conf, script }, place.display().to_string()))
}

fn words(deployed: Option<&(Version, String)>) -> String {
    let others = "runserver, dev, the production config";
    deployed.map_or_else(|| others.to_owned(), |(_, place)| format!("{others} and {place}"))
}

/// What the table does not say.
fn tell(ui: &Ui, report: &Report) {
    if let Some(error) = &report.without_runserver {
        report::setback(ui, "left out", error);
    }
    if !report.servers.contains(&Kind::Deployed) {
        ui.note("nothing is deployed in apache/production; --deployed DIR names another place");
    }
    for note in &report.notes {
        ui.warn(note);
    }
}

fn judge(ui: &Ui, report: &Report) -> Result<()> {
    let found: Vec<String> = report.findings().map(|(row, difference)| table::finding(row, difference)).collect();
    if found.is_empty() {
        ui.status("Agreed", &format!("{} requests, every difference has its reason", report.rows.len()));
        return Ok(());
    }
    let what = if found.len() == 1 { "1 answer differs".to_owned() } else { format!("{} answers differ", found.len()) };
    Err(Problem::findings(format!("{what} without a reason")).detail(found.join("\n")).into())
}
