//! `djwsgi deploy-config --prod --prove`.

use std::path::Path;

use anyhow::Result;
use serde_json::json;

use crate::cli::DeployConfigArgs;
use crate::commands::rewritten;
use crate::files;
use crate::production::deployment::Deployment;
use crate::production::output::Files;
use crate::production::prove::{self, Proof, Row};
use crate::scaffold::plan::Wanted;
use crate::ui::problem::Problem;
use crate::ui::term::Ui;

/// Tries the config: that of the files in `output`, if it is named, else the generated one.
///
/// # Errors
/// When it can't be run here, or breaks a promise.
pub fn run(
    ui: &Ui,
    args: &DeployConfigArgs,
    deployment: &Deployment,
    generated: &Files,
    output: Option<&Path>,
) -> Result<()> {
    let Some(apache) = deployment.apache else {
        return Err(Problem::environment("there is no Apache on this machine to try the config with")
            .hint("apt install apache2-bin libapache2-mod-wsgi-py3")
            .into());
    };
    let [conf, script] = [&generated.conf, &generated.script].map(|file| text(file, output.is_some()));
    let (conf, script) = (conf?, script?);
    ui.status("Proving", &format!("{} on loopback", deployment.site.name));
    let proof = prove::run(deployment, apache, &conf, &script)?;
    if args.json {
        ui.data(&(as_json(&proof) + "\n"))?;
    } else {
        rewritten::show(ui, &proof.rewritten);
        ui.data(&table(&proof.rows))?;
    }
    if proof.holds() {
        return Ok(());
    }
    let broken = proof.rows.iter().filter(|row| row.kept == Some(false)).map(|row| row.name).collect::<Vec<_>>();
    Err(Problem::findings(format!("broken: {}", broken.join(", "))).detail(proof.log).into())
}

fn text(file: &Wanted, on_disk: bool) -> Result<String> {
    if !on_disk {
        return Ok(file.text.clone());
    }
    files::read_if_exists(&file.path)?.ok_or_else(|| {
        Problem::usage(format!("{} is not there yet", file.path.display()))
            .hint("write it first, without --prove; or leave --output out to prove what would be written")
            .into()
    })
}

/// The table for people.
fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for row in rows {
        let (mark, tried) = match row.kept {
            Some(true) => ("kept  ", format!("{:>4}", row.tried)),
            Some(false) => ("BROKEN", format!("{:>4}", row.tried)),
            None => ("-     ", "   -".to_owned()),
        };
        text += &format!("{mark} {tried}  {:width$}  {}\n", row.name, row.promise);
        for seen in &row.seen {
            text += &format!("{:14}{:width$}{seen}\n", "", "");
        }
    }
    text
}

fn as_json(proof: &Proof) -> String {
    let rewritten: Vec<_> =
        proof.rewritten.iter().map(|(generated, runs)| json!({ "generated": generated, "runs": runs })).collect();
    json!({ "holds": proof.holds(), "rows": proof.rows, "rewritten": rewritten }).to_string()
}
