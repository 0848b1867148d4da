//! `djwsgi deploy-config --prod --check`: is what is deployed still what would be generated now?

use serde_json::Value;

use crate::support::{Flavor, Sandbox, Shown};

const CHECK: [&str; 5] = ["deploy-config", "--prod", "--target", "standalone", "--check"];

fn check(sandbox: &Sandbox, more: &[&str]) -> Shown {
    sandbox.djwsgi("mysite", &[&CHECK, more].concat())
}

fn deployed() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.production_site(Flavor::Distribution, "");
    let arguments = ["deploy-config", "--prod", "--target", "standalone", "--output", "apache/production"];
    sandbox.djwsgi("mysite", &arguments).code(0);
    sandbox
}

#[test]
fn what_nobody_has_touched_is_up_to_date() {
    let sandbox = deployed();
    let shown = check(&sandbox, &["apache/production"]).code(0).says(&["Up to date"]);
    assert_eq!(shown.out, "");
    // The user's own from the beginning.
    sandbox.write("mysite/apache/production/secrets.env", "DJANGO_SECRET_KEY=x\n");
    check(&sandbox, &["apache/production"]).code(0);
    // As installed.
    sandbox.write("etc/httpd.conf", &sandbox.read("mysite/apache/production/httpd.conf"));
    for name in ["../etc/httpd.conf", "apache/production/django.wsgi"] {
        check(&sandbox, &[name]).code(0).says(&["Up to date"]);
    }
    let shown = check(&sandbox, &["apache/production", "--json"]).code(0);
    let found: Value = serde_json::from_str(&shown.out).unwrap();
    let files = found["files"].as_array().unwrap();
    assert!(files.len() >= 6 && files.iter().all(|file| file["state"] == "same"), "{found}");
}

#[test]
fn what_a_human_changed_is_shown_apart_from_what_has_changed_since() {
    let sandbox = deployed();
    let conf = sandbox.read("mysite/apache/production/httpd.conf");
    let edited = conf.replace("KeepAliveTimeout 5\n", "KeepAliveTimeout 7\n");
    assert_ne!(edited, conf);
    sandbox.write("mysite/apache/production/httpd.conf", &edited);
    let shown = check(&sandbox, &["apache/production"]).code(1).says(&["httpd.conf: edited by hand", "1 file is not"]);
    assert!(shown.out.contains("-KeepAliveTimeout 5\n+KeepAliveTimeout 7\n"), "{}", shown.out);
    assert!(!shown.err.contains("otherwise now"), "{}", shown.err);
    // The settings change too.
    sandbox.write("mysite/djwsgi.toml", &(sandbox.read("mysite/djwsgi.toml") + "[prod]\nthreads = 7\n"));
    let shown = check(&sandbox, &["apache/production/httpd.conf", "--json"]).code(1);
    let found: Value = serde_json::from_str(&shown.out).unwrap();
    let file = &found["files"][0];
    let (edits, renewal) = (file["edited"].as_str().unwrap(), file["outdated"].as_str().unwrap());
    assert_eq!(file["state"], "edited and outdated");
    assert!(edits.contains("KeepAliveTimeout 7") && !edits.contains("threads"), "{edits}");
    assert!(renewal.contains("threads=7") && !renewal.contains("KeepAliveTimeout 7"), "{renewal}");
    // Nobody edited the script, and the settings don't change it; a file that is gone is found.
    check(&sandbox, &["apache/production/django.wsgi"]).code(0);
    std::fs::remove_file(sandbox.join("mysite/apache/production/logrotate")).unwrap();
    check(&sandbox, &["apache/production"]).code(1).says(&["logrotate: not there", "2 files are not"]);
    // What it was made from is lost: both are shown together.
    std::fs::remove_dir_all(sandbox.join("mysite/apache/production/.generated")).unwrap();
    let shown = check(&sandbox, &["apache/production/httpd.conf"]).code(1).says(&["both together"]);
    assert!(shown.out.contains("threads=7") && shown.out.contains("KeepAliveTimeout 7"), "{}", shown.out);
    // Nothing was written.
    assert_eq!(sandbox.read("mysite/apache/production/httpd.conf"), edited);
}

#[test]
fn what_is_no_deployment_is_refused() {
    let sandbox = deployed();
    sandbox.write("mysite/plain.conf", "Listen 80\n");
    check(&sandbox, &["plain.conf"]).code(2).says(&["is not a file that a deployment has"]);
    check(&sandbox, &["nowhere"]).code(2).says(&["nowhere is not there"]);
    check(&sandbox, &["apache/production", "--prove"]).code(2);
    check(&sandbox, &["apache/production", "--output", "x"]).code(2);
    sandbox.djwsgi("mysite", &["deploy-config", "--check", "apache"]).code(2);
    sandbox.djwsgi("mysite", &["deploy-config", "--prod", "--json"]).code(2).says(&["--prove or --check"]);
    // A folder without any of the files.
    sandbox.write("mysite/empty/.keep", "");
    check(&sandbox, &["empty"]).code(1).says(&["httpd.conf: not there"]);
}
