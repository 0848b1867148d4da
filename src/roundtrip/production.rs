//! Whole production configs: whatever the values are, Apache reads the same directives as for harmless
//! ones, and reads the values as given; so does Python.

use std::cell::Cell;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};

use super::site::{given, tame};
use super::{Often, batches};
use crate::answers::Answers;
use crate::apache::effective::{self, Directive};
use crate::apache::locate::Apache;
use crate::apache::mod_wsgi::ModWsgi;
use crate::production::deployment::Deployment;
use crate::production::output::{self, conf, script};
use crate::production::trial::place::{Folders, Place, Ports};
use crate::production::trial::rehearsal::{self, Rehearsal};
use crate::site::resolve::Site;

const PORTS: Ports = Ports { http: 65_532, https: 65_533, buffer: 65_534, bare: 65_535 };

/// Prints for each script the kinds of its nodes and the texts in it.
const READ: &str = r#"
import ast, json, sys
for text in json.load(open(sys.argv[1], encoding="utf-8")):
    nodes = list(ast.walk(ast.parse(text)))
    texts = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    print(json.dumps([[type(node).__name__ for node in nodes], texts]))
"#;

#[test]
fn no_value_becomes_a_directive_or_a_statement_and_every_value_comes_back() {
    let apache = Apache::of_machine(&Answers::asked()).unwrap_or_else(|error| panic!("{error}"));
    let path = apache.modules.join("mod_wsgi.so");
    let mod_wsgi = ModWsgi { path, version: "4.9.4".to_owned(), from_distribution: true };
    let (tried, all_of_them) = (Cell::new(0), Cell::new(0));
    batches(&Often::Tenth, given(), 10, |all| {
        all_of_them.set(all_of_them.get() + all.len());
        let mut scripts = Vec::new();
        for given in &all {
            // Names that are none of their kinds are refused.
            let Ok(site) = given.site() else { continue };
            let Ok(deployment) = Deployment::of(&site, &given.args(), Some(&apache), &mod_wsgi) else { continue };
            let tame_site = given.tame().site().map_err(fail)?;
            let tamed = Deployment::of(&tame_site, &given.args(), Some(&apache), &mod_wsgi);
            let tamed = tamed.map_err(|error| fail(error.into()))?;
            tried.set(tried.get() + 1);
            configs(&deployment, &tamed, &apache)?;
            output::files(&deployment, Path::new("/out")).map_err(fail)?;
            for one in [&deployment, &tamed] {
                scripts.push((script::render(one).map_err(fail)?, texts(one)));
            }
        }
        pythons(&scripts)
    });
    assert!(
        tried.get() * 3 > all_of_them.get(),
        "{} of {} were refused",
        all_of_them.get() - tried.get(),
        all_of_them.get()
    );
}

pub(super) fn fail(error: anyhow::Error) -> TestCaseError {
    TestCaseError::fail(format!("{error:#}"))
}

/// Apache reads the same directives in both.
fn configs(deployment: &Deployment, tamed: &Deployment, apache: &Apache) -> Result<(), TestCaseError> {
    let (read, expected) = (directives(deployment, apache)?, directives(tamed, apache)?);
    let names = |list: &[Directive]| list.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
    prop_assert_eq!(names(&read), names(&expected));
    for (one, expected) in read.iter().zip(&expected) {
        let tame_all = |one: &Directive| values(one).iter().map(|value| tame(value)).collect::<Vec<_>>();
        prop_assert_eq!(tame_all(one), tame_all(expected), "{:?}", one);
    }
    let all: Vec<String> = read.iter().flat_map(values).collect();
    for value in given_values(deployment) {
        prop_assert!(all.contains(&value), "{value:?} is not in {all:#?}");
    }
    Ok(())
}

fn directives(deployment: &Deployment, apache: &Apache) -> Result<Vec<Directive>, TestCaseError> {
    let text = conf::render(deployment).map_err(fail)?;
    let folder = tempfile::Builder::new().prefix("djwsgi-roundtrip-").tempdir()?;
    let place = Place { folder: folder.path(), ports: PORTS, served: Folders::Own };
    let rehearsal = Rehearsal::of(deployment, apache, &text, &place).map_err(fail)?;
    rehearsal::lay_out(&rehearsal).map_err(fail)?;
    let mut list = effective::of(apache, &rehearsal.conf()).map_err(fail)?;
    for one in &mut list {
        // Another one each time.
        one.arguments = one.arguments.replace(&*folder.path().to_string_lossy(), "/rehearsal");
    }
    Ok(list)
}

/// The values of a directive, as it takes them.
fn values(directive: &Directive) -> Vec<String> {
    let mut values = directive.values();
    match directive.name.as_str() {
        // A pattern: classes of one character stand for it.
        "<Directory" if ["[[]", "[*]", "[?]"].iter().any(|class| values[0].contains(class)) => {
            let text = values[0].replace("[*]", "*").replace("[?]", "?").replace("[[]", "[");
            values[0] = text.replace("\\\\", "\\");
        }
        "Header" => values.iter_mut().for_each(|value| *value = value.replace("%%", "%").replace("\\\\", "\\")),
        _ => {}
    }
    values
}

/// What must come back as it was given.
fn given_values(deployment: &Deployment) -> Vec<String> {
    let site = deployment.site;
    let mut values = Vec::new();
    // Elsewhere on the server, the rehearsal has it here.
    if !deployment.places.is_moved() {
        values.push(format!("home={}", site.root.display()));
        values.push(format!("python-home={}", site.python.prefix.display()));
        for alias in site.aliases() {
            values.extend([
                alias.url.clone(),
                alias.folder.display().to_string(),
                format!("{}/", alias.folder.display()),
            ]);
        }
    }
    values.extend(site.config.prod.csp.clone());
    values
}

/// What must come back from the script.
fn texts(deployment: &Deployment) -> Vec<String> {
    let Site { root, config, .. } = deployment.site;
    let places = &deployment.places;
    let mut texts = vec![places.there(root).display().to_string(), places.env_file.display().to_string()];
    texts.extend(config.committed_env.values.values().cloned());
    texts
}

/// Python reads the same statements in every second script as in the one before, and the texts as given.
fn pythons(scripts: &[(String, Vec<String>)]) -> Result<(), TestCaseError> {
    let file = tempfile::NamedTempFile::new()?;
    let all: Vec<&String> = scripts.iter().map(|(script, _)| script).collect();
    std::fs::write(file.path(), json!(all).to_string())?;
    let output = Command::new("python3").args(["-I", "-c", READ]).arg(file.path()).output()?;
    let read: Vec<Value> = output.stdout.split(|byte| *byte == b'\n').flat_map(serde_json::from_slice).collect();
    prop_assert_eq!(read.len(), scripts.len(), "{}", String::from_utf8_lossy(&output.stderr));
    for (pair, given) in read.chunks(2).zip(scripts.chunks(2)) {
        prop_assert_eq!(&pair[0][0], &pair[1][0], "{}", given[0].0);
        for text in &given[0].1 {
            let read = pair[0][1].as_array().is_some_and(|texts| texts.iter().any(|read| read == text));
            prop_assert!(read, "{:?} is not in {}", text, given[0].0);
        }
    }
    Ok(())
}
