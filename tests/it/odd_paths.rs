//! Sites in folders whose names mean something to a shell, to Apache or to Python.

use crate::support::{Flavor, Sandbox, Server, machine};

const NAMES: [&str; 10] = [
    "with space",
    "quo\"te's",
    "dollar$HOME",
    "var${HOME}",
    "per%cent %{GLOBAL}",
    "#hash",
    "bra{ce}{{x}}",
    "glob[a]*?",
    "Köln-日本",
    "back\\slash\\",
];

#[test]
fn a_site_in_an_odd_folder_works_end_to_end() {
    let sandbox = Sandbox::new();
    for name in NAMES {
        // The project root itself has the name: it stands in every config and script.
        sandbox.start_project(Flavor::Distribution, "mysite", name);
        sandbox.view(name, "one");
        let shown = sandbox.djwsgi(name, &["init"]);
        assert_eq!(shown.code, 0, "{name}: {}", shown.err);
        let server = Server::start(&sandbox, name, &[]);
        assert_eq!(server.get(""), (200, "one".to_owned()), "{name}");
        assert_eq!(server.get("static/admin/css/base.css").0, 200, "{name}");
        server.stop();
        make_ready(&sandbox, name);
        let shown = sandbox.djwsgi(name, &["deploy-config", "--prod", "--output", "out"]);
        assert_eq!(shown.code, 0, "{name}: {}", shown.err);
        // Python reads the path back as it is.
        let script = sandbox.join(name).join("out/django.wsgi");
        let read_back = "import sys; exec(open(sys.argv[1]).read().split('for folder')[0]); print(SITE)";
        let mut command = sandbox.command(machine().venv(Flavor::Distribution).join("bin/python"), "");
        let shown = sandbox.run(command.args(["-c", read_back]).arg(script));
        assert_eq!(shown.out.trim_end_matches('\n'), sandbox.join(name).to_str().unwrap(), "{}", shown.err);
    }
}

/// Says in the settings what production needs.
fn make_ready(sandbox: &Sandbox, name: &str) {
    let settings = sandbox.read(format!("{name}/mysite/settings.py"));
    let ready = "DEBUG = False\nALLOWED_HOSTS = ['www.example.org']\nSTATIC_ROOT = BASE_DIR / 'static'\n\
                 DATABASES['default']['NAME'] = BASE_DIR / 'data/db.sqlite3'\n";
    sandbox.write(format!("{name}/mysite/settings.py"), &format!("{settings}\n{ready}"));
    sandbox.write(format!("{name}/djwsgi.local.toml"), "[prod]\nsecret-key-in-repository = true\n");
}

#[test]
fn media_in_an_odd_folder_is_served_and_its_neighbour_is_not() {
    let sandbox = Sandbox::new();
    sandbox.start_project(Flavor::Distribution, "mysite", "site");
    sandbox.view("site", "one");
    let settings = sandbox.read("site/mysite/settings.py");
    sandbox.write(
        "site/mysite/settings.py",
        &format!("{settings}\nMEDIA_URL = 'media/'\nMEDIA_ROOT = BASE_DIR / 'up[l]*'\n"),
    );
    sandbox.write("site/up[l]*/a b.txt", "upload");
    sandbox.write("site/upl/secret.txt", "secret");
    sandbox.djwsgi("site", &["init"]).code(0);
    let server = Server::start(&sandbox, "site", &[]);
    assert_eq!(server.get("media/a%20b.txt"), (200, "upload".to_owned()));
    assert_ne!(server.get("media/../upl/secret.txt").0, 200);
    server.stop();
}

#[test]
fn what_apache_cannot_express_is_said() {
    let sandbox = Sandbox::new();
    sandbox.start_project(Flavor::Distribution, "mysite", "line\nbreak");
    sandbox.djwsgi("line\nbreak", &["init"]).code(2).says(&["control character", "hint:"]);
    assert!(!sandbox.has("line\nbreak/apache"));
}

#[test]
fn a_folder_name_that_is_not_utf_8_is_said() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let sandbox = Sandbox::new();
    let name = OsStr::from_bytes(b"latin-\xe9");
    sandbox.start_project(Flavor::Distribution, "mysite", name);
    sandbox.djwsgi(name, &["init"]).code(2).says(&["not valid UTF-8", "hint:"]);
}

#[test]
fn a_long_path_does_not_break_the_sockets() {
    let sandbox = Sandbox::new();
    let deep = format!("{0}/{0}/{0}", "a".repeat(80));
    sandbox.start_project(Flavor::Distribution, "mysite", &deep);
    sandbox.view(&deep, "one");
    sandbox.djwsgi(&deep, &["init"]).code(0);
    let mut command = sandbox.djwsgi_command(&deep, &["dev"]);
    command.env("TMPDIR", sandbox.join(&deep)).env("DJWSGI_PORT", crate::support::server::free_port().to_string());
    let server = Server::spawn(&sandbox, &mut command).ready();
    assert_eq!(server.get(""), (200, "one".to_owned()));
    server.stop();
}
