//! `djwsgi diff`: what differs between development and production, and why that is allowed.

mod table;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use anyhow::Result;
use serde_json::json;

use crate::answers::Answers;
use crate::cli::{DiffArgs, SiteArgs};
use crate::commands::prepared::Prepared;
use crate::files;
use crate::identity;
use crate::parity::config::{Configs, There};
use crate::parity::difference::{self, Difference, Kind};
use crate::parity::environment::{self, Environments};
use crate::parity::settings;
use crate::production::deployment::Deployment;
use crate::production::output::{self, Files};
use crate::production::secrets;
use crate::python::django::{self, Surroundings, Values};
use crate::site::config::Layers;
use crate::site::discover;
use crate::site::resolve::Site;
use crate::site::variables;
use crate::ui::problem::Problem;
use crate::ui::term::Ui;

/// Shows every difference.
///
/// # Errors
/// When one has no reason, when something is missing, or Apache can't read a config.
pub fn run(ui: &Ui, args: &DiffArgs) -> Result<()> {
    let root = discover::project_root(&files::current_folder()?, args.site.project_dir.as_deref())?;
    identity::become_owner(&root)?;
    ui.asking(&root);
    let own = SiteArgs { settings: args.dev_settings.clone(), ..args.site.clone() };
    let dev = Site::at(&root, &own, Layers::All, &Answers::asked())?;
    let prepared = Prepared::of(ui, &root, &args.site, &args.production)?;
    let deployment = prepared.deployment(&args.production)?;
    let Some(apache) = deployment.apache else {
        return Err(Problem::environment("there is no Apache on this machine to read the configs with")
            .hint("apt install apache2-bin libapache2-mod-wsgi-py3")
            .into());
    };
    let there = args.deployment.as_deref().map(|place| there(&deployment, place)).transpose()?;
    let (conf, script) = there.map_or((None, None), |there| (Some(there.conf), there.script));
    let mut all = Configs::of(&dev, &deployment, apache)?.differences(conf.as_ref())?;
    all.extend(script);
    all.extend(of_the_site(args, &root, &dev, &deployment)?);
    all.sort_by_key(|one| one.kind);
    let unused = difference::state(&mut all, &dev.config.diff.reasons);
    show(ui, args, &dev, &all, &unused)
}

/// Settings and environment.
fn of_the_site(args: &DiffArgs, root: &Path, dev: &Site, deployment: &Deployment) -> Result<Vec<Difference>> {
    let prod = deployment.site;
    let own_file = secrets::to_check_with(root, None)?;
    let text = |text: OsString| text.to_string_lossy().into_owned();
    let variables = variables(root, prod, args.production.env_file.as_deref())?;
    let [here, there] = values(dev, prod, &variables)?;
    let environments = Environments {
        dev,
        prod,
        variables: &variables,
        target: deployment.target,
        own_file: &own_file,
        shell: std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect(),
        looked_up: &here.looked_up,
    };
    let mut all = settings::differences(&here, &there);
    all.extend(environment::differences(&environments));
    Ok(all)
}

/// The variables of production: those of djwsgi.toml, and of `file`, else of the files that the site has here.
fn variables(root: &Path, prod: &Site, file: Option<&Path>) -> Result<BTreeMap<String, String>> {
    let committed = &prod.config.committed_env;
    let mut all = committed.values.clone();
    if let Some(own) = committed.file.as_ref().filter(|_| file.is_none()) {
        all.extend(variables::parse(&files::read_if_exists(&root.join(own))?.unwrap_or_default()));
    }
    all.extend(secrets::to_check_with(root, file)?);
    Ok(all)
}

/// All settings of both: those of development with the shell's variables, as `djwsgi dev` has them, and those of
/// production without, for there is no shell on the server.
fn values(dev: &Site, prod: &Site, variables: &BTreeMap<String, String>) -> Result<[Values; 2]> {
    let committed = &dev.config.committed_env.values;
    let is_secret = |(name, value): &(&String, &String)| committed.get(*name) != Some(value);
    let secret = dev.variables.iter().chain(variables).filter(is_secret).map(|(name, _)| name.clone()).collect();
    let ask = |site: &Site, settings: &str, variables: &BTreeMap<String, String>, has_shells: bool| {
        let around = Surroundings { variables, secret: &secret, has_shells };
        django::values(&site.python, &site.root.join("manage.py"), settings, &around)
    };
    let here = ask(dev, &dev.django.settings, &dev.variables, true)?;
    let there = ask(prod, prod.production_settings(), variables, false).map_err(without_shell)?;
    Ok([here, there])
}

/// They could be loaded before, with the shell's variables.
fn without_shell(error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<Problem>() {
        Ok(mut problem) => {
            problem.message =
                format!("the settings of production, without your shell's variables: {}", problem.message);
            problem.hint("--env-file FILE gives them the variables of production").into()
        }
        Err(error) => error,
    }
}

/// A deployment that is there.
struct Present {
    conf: There,
    script: Option<Difference>,
}

/// The files in the folder `place`, or the config that it is.
fn there(deployment: &Deployment, place: &Path) -> Result<Present> {
    let place = std::path::absolute(place)?;
    let read = |path: &Path| {
        files::read_if_exists(path)?.ok_or_else(|| {
            let problem = Problem::usage(format!("{} is not there", path.display()));
            anyhow::Error::from(
                problem.hint("name what djwsgi deploy-config --prod --output DIR has written, with the same --target"),
            )
        })
    };
    if !place.is_dir() {
        return Ok(Present { conf: There { name: files::name(&place), text: read(&place)? }, script: None });
    }
    let Files { conf, script, .. } = output::files(deployment, &place)?;
    let text = read(&script.path)?;
    let name = files::name(&script.path);
    let edited = (text != script.text).then(|| {
        let what = "not what would be generated now: djwsgi deploy-config --prod --check shows it".to_owned();
        let as_generated = Some(vec!["as generated".to_owned()]);
        Difference { generated: as_generated, ..Difference::new(Kind::Edit, name, [vec![], vec![what]], None) }
    });
    Ok(Present { conf: There { name: files::name(&conf.path), text: read(&conf.path)? }, script: edited })
}

fn show(ui: &Ui, args: &DiffArgs, dev: &Site, all: &[Difference], unused: &[String]) -> Result<()> {
    let without = all.iter().filter(|one| one.reason.is_none()).count();
    if args.json {
        ui.data(
            &(json!({ "without_reason": without, "differences": all, "unused_reasons": unused }).to_string() + "\n"),
        )?;
    } else {
        ui.data(&table::of(all))?;
    }
    for name in unused {
        let meant = meant(name, all).map_or(String::new(), |other| format!("; did you mean {other}?"));
        ui.warn(&format!("[diff] has a reason for {name}, in which nothing differs{meant}"));
    }
    let count = |count: usize| if count == 1 { "1 difference".to_owned() } else { format!("{count} differences") };
    if without == 0 {
        ui.status("Compared", &format!("{}: {}, each with a reason", dev.name, count(all.len())));
        return Ok(());
    }
    let (verb, more) = (if without == 1 { "has" } else { "have" }, all.len() - without);
    let problem = Problem::findings(format!("{} {verb} no reason; {more} more have one", count(without)));
    Err(problem.hint(hint(all)).into())
}

/// What has no reason and is called nearly like `name`, as a whole or by its first part.
fn meant<'a>(name: &str, all: &'a [Difference]) -> Option<&'a str> {
    let open = all.iter().filter(|one| one.reason.is_none()).map(|one| one.name.as_str());
    let names = open.flat_map(|name| [Some(name), name.split(['.', '[', ' ']).next()]).flatten();
    let nearest = names.map(|other| (strsim::damerau_levenshtein(other, name), other)).min();
    nearest.filter(|(distance, _)| *distance <= 3).map(|(_, other)| other)
}

/// The way out for what is without a reason.
fn hint(all: &[Difference]) -> String {
    let edited = "djwsgi deploy-config --prod --output DIR --overwrite makes the files of the deployment anew";
    let first = all.iter().find(|one| one.reason.is_none() && one.kind != Kind::Edit);
    match first {
        Some(one) => format!("mend it, or say why it is meant, in djwsgi.toml: [diff] {:?} = \"…\"", one.name),
        None => edited.to_owned(),
    }
}
