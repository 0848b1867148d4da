//! The instant reload: the imports that a changed module begins with are there already.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::support::reload::{add_settings, change_settings, first_answer, own_environment, settle, telling};
use crate::support::{Flavor, LONG, Sandbox, Server, on_both};

const MODELS: &str = "mysite/front/models.py";

/// A site whose app `front` uses an installed one that comes after it and has models: nobody may import
/// that one ahead but `front.models` itself. Where packages are installed.
fn site(sandbox: &Sandbox) -> PathBuf {
    let packages = own_environment(sandbox, "mysite");
    let names: Vec<String> = (0..12).map(|number| format!("part_{number}")).collect();
    for name in &names {
        sandbox.write(packages.join(format!("shared/{name}.py")), "from shared import models\n");
    }
    sandbox.write(packages.join("shared/__init__.py"), "");
    sandbox.write(
        packages.join("shared/models.py"),
        &format!(
            "from django.db import models\n\n\nclass Base(models.Model):\n    pass\n\n\nfrom shared import {}\n",
            names.join(", ")
        ),
    );
    sandbox.write("mysite/front/__init__.py", "");
    sandbox.write(MODELS, "\"\"\"Front.\"\"\"\nfrom shared.models import Base\n\nWORD = \"one\"\n");
    add_settings(sandbox, "DEFAULT_AUTO_FIELD = \"django.db.models.BigAutoField\"");
    change_settings(sandbox, "INSTALLED_APPS = [", "INSTALLED_APPS = [\n    \"front\",\n    \"shared\",");
    sandbox.write("mysite/mysite/urls.py", &telling("front.models", "front.models.WORD"));
    packages
}

/// Saves until the reload comes from the standby that is named.
fn until_from(sandbox: &Sandbox, server: &Server, text: &str, standby: &str) {
    let told = || server.err().matches(&format!("from {standby}:")).count();
    let before = told();
    let began = Instant::now();
    for attempt in 0.. {
        assert!(began.elapsed() < LONG, "never from {standby}: {}", server.err());
        sandbox.write(MODELS, &text.replace("WORD = \"", &format!("WORD = \"{attempt} ")));
        let answer = first_answer(server);
        assert!(answer.body.starts_with(&format!("{attempt} ")), "{}", answer.body);
        if told() > before {
            return;
        }
        // Standbys are made after the answer.
        settle(sandbox, "mysite");
        std::thread::sleep(Duration::from_millis(500));
    }
}

#[test]
fn they_are_not_executed_again_as_long_as_they_stay() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        site(&sandbox);
        let server = Server::start(&sandbox, "mysite", &["-v"]);
        server.until_body("one");
        let text = sandbox.read(MODELS);
        until_from(&sandbox, &server, &text, "the standby before front.models, after its imports");
        // What was executed is not what it says now.
        let other = text.replace("\nfrom shared.models", "\nimport shared.part_0\nfrom shared.models");
        sandbox.write(MODELS, &other.replace("one", "other"));
        assert_eq!(first_answer(&server).body, "other");
        until_from(&sandbox, &server, &other, "the standby before front.models, after its imports");
        sandbox.write(MODELS, "from shared.part_3 import models\nWORD = str(models.Base._meta.label)\n");
        assert_eq!(first_answer(&server).body, "shared.Base");
        server.stop();
    });
}

#[test]
fn what_they_load_of_the_site_itself_is_part_of_it() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    let packages = site(&sandbox);
    // As a framework does that is told of a class by its name.
    let parts = (0..12).map(|number| format!("part_{number}"));
    parts.clone().for_each(|part| drop(sandbox.write(packages.join(format!("finder/{part}.py")), "")));
    let imports = parts.collect::<Vec<_>>().join(", ");
    let finder =
        format!("import importlib\nfrom finder import {imports}\nEXTRA = importlib.import_module(\"front.extra\")\n");
    sandbox.write(packages.join("finder/__init__.py"), &finder);
    sandbox.write("mysite/front/extra.py", "WORD = \"extra\"\n");
    sandbox.write(MODELS, "from finder import EXTRA\n\nWORD = \"one\"\n");
    sandbox.write("mysite/mysite/urls.py", &telling("front.models", "front.models.WORD + front.models.EXTRA.WORD"));
    let server = Server::start(&sandbox, "mysite", &["-v"]);
    server.until_body("oneextra");
    let text = sandbox.read(MODELS);
    until_from(&sandbox, &server, &text, "the standby before front.models, after its imports");
    sandbox.write("mysite/front/extra.py", "WORD = \"changed\"\n");
    assert!(first_answer(&server).body.ends_with("changed"));
    until_from(&sandbox, &server, &text, "the standby before front.models, after its imports");
    server.stop();
}

#[test]
fn a_module_that_has_gone_is_missed_as_by_a_fresh_start() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    site(&sandbox);
    sandbox.write("mysite/mysite/urls.py", &telling("front", "getattr(front, 'models', None) is None"));
    let server = Server::start(&sandbox, "mysite", &["-v"]);
    server.until_body("False");
    let text = sandbox.read(MODELS);
    for number in 0..3 {
        sandbox.write(MODELS, &text.replace("one", &number.to_string()));
        settle(&sandbox, "mysite");
        std::thread::sleep(Duration::from_millis(500));
    }
    std::fs::remove_file(sandbox.join(MODELS)).unwrap();
    settle(&sandbox, "mysite");
    assert_eq!(server.get(""), (200, "True".to_owned()));
    sandbox.write("mysite/front/models/__init__.py", &text);
    settle(&sandbox, "mysite");
    assert_eq!(server.get(""), (200, "False".to_owned()));
    server.stop();
}
