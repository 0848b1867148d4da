//! Code changes under `djwsgi dev`, through the monitor.

use std::fs;

use crate::support::sandbox::urls;
use crate::support::{Flavor, LONG, Sandbox, Server, on_both, until};

#[test]
fn an_edit_is_answered_by_the_new_code_and_no_request_fails() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        let server = Server::start(&sandbox, "mysite", &["--reload", "monitor"]);
        server.until_body("one");
        for word in ["two", "three", "four"] {
            sandbox.view("mysite", word);
            // Every answer meanwhile must be a 200: the old or the new one.
            until("the new code", LONG, || {
                let (status, body) = server.get("");
                assert_eq!(status, 200, "{body}");
                (body == word).then_some(())
            });
        }
        server.until_says("code monitor: mysite/urls.py changed");
        server.stop();
    });
}

#[test]
fn two_processes_both_get_the_new_code() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    let server = Server::start(&sandbox, "mysite", &["--reload", "monitor", "--processes", "2"]);
    server.until_body("one");
    sandbox.view("mysite", "two");
    let mut in_a_row = 0;
    until("only new answers", LONG, || {
        in_a_row = if server.get("") == (200, "two".to_owned()) { in_a_row + 1 } else { 0 };
        (in_a_row == 30).then_some(())
    });
    server.stop();
}

#[test]
fn touching_the_script_restarts_too() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        sandbox.write("mysite/mysite/urls.py", &urls("HttpResponse(str(__import__(\"os\").getpid()))"));
        let server = Server::start(&sandbox, "mysite", &["--reload", "monitor"]);
        let before = server.get("").1;
        assert_eq!(server.get("").1, before);
        let script = sandbox.join("mysite/apache/django.wsgi");
        let later = std::time::SystemTime::now() + std::time::Duration::from_secs(2);
        fs::File::options().write(true).open(script).unwrap().set_modified(later).unwrap();
        let (status, after) = server.get("");
        assert_eq!(status, 200, "the request is held, not failed");
        assert_ne!(after, before);
        server.stop();
    });
}

#[test]
fn a_module_that_comes_goes_or_is_replaced() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    sandbox.write("mysite/word.py", "WORD = \"first\"\n");
    let reading = "HttpResponse(__import__(\"word\").WORD)";
    sandbox.write("mysite/mysite/urls.py", &format!("import word\n{}", urls(reading)));
    let server = Server::start(&sandbox, "mysite", &["--reload", "monitor"]);
    server.until_body("first");
    // Editors that rename over the file.
    sandbox.write("mysite/word.py.tmp", "WORD = \"other\"\n");
    fs::rename(sandbox.join("mysite/word.py.tmp"), sandbox.join("mysite/word.py")).unwrap();
    server.until_body("other");
    fs::remove_file(sandbox.join("mysite/word.py")).unwrap();
    server.until_says("word.py was removed");
    until("the failure", LONG, || (server.get("").0 == 500).then_some(()));
    sandbox.write("mysite/word.py", "WORD = \"again\"\n");
    server.until_body("again");
    server.stop();
}

#[test]
fn broken_code_is_shown_and_mending_it_is_enough() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        let settings = sandbox.read("mysite/mysite/settings.py");
        let server = Server::start(&sandbox, "mysite", &["--reload", "monitor"]);
        server.until_body("one");

        // A syntax error in the URLconf: Django's own page.
        sandbox.write("mysite/mysite/urls.py", "def broken(:\n");
        until("the failure", LONG, || (server.get("").0 == 500).then_some(()));
        server.until_says("SyntaxError");
        sandbox.view("mysite", "two");
        server.until_body("two");

        // An app that can't be imported: the process can't be set up twice.
        let broken = settings.replace("INSTALLED_APPS = [", "INSTALLED_APPS = [\n    'missing_app',");
        sandbox.write("mysite/mysite/settings.py", &broken);
        until("the failure", LONG, || (server.get("").0 == 500).then_some(()));
        server.until_says("No module named 'missing_app'");
        assert_eq!(server.get("").0, 500);
        server.until_says("the first error in this process was");
        sandbox.write("mysite/mysite/settings.py", &settings);
        server.until_body("two");

        // Broken from the start of a process on.
        sandbox.write("mysite/mysite/settings.py", &format!("{settings}\nraise RuntimeError(\"settings: ü\")\n"));
        until("the failure", LONG, || (server.get("").0 == 500).then_some(()));
        server.until_says("RuntimeError: settings: ü");
        sandbox.write("mysite/mysite/settings.py", &settings);
        server.until_body("two");
        server.stop();
    });
}

#[test]
fn a_package_that_fails_to_import_itself_recovers() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    let server = Server::start(&sandbox, "mysite", &["--reload", "monitor"]);
    server.until_body("one");
    sandbox.write("mysite/mysite/__init__.py", "raise RuntimeError(\"no package\")\n");
    until("the failure", LONG, || (server.get("").0 == 500).then_some(()));
    sandbox.write("mysite/mysite/__init__.py", "");
    server.until_body("one");
    server.stop();
}

#[test]
fn reload_off_serves_the_old_code() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    let server = Server::start(&sandbox, "mysite", &["--reload", "off"]);
    server.until_body("one");
    sandbox.view("mysite", "two");
    // Long enough for the monitor to have looked three times, had it been there.
    let end = std::time::Instant::now() + std::time::Duration::from_secs(3);
    while std::time::Instant::now() < end {
        assert_eq!(server.get(""), (200, "one".to_owned()));
    }
    let said = server.stop();
    assert!(said.contains("reload: off") && !said.contains("code monitor"), "{said}");
}

#[test]
fn what_the_failing_package_has_loaded_is_watched_too() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    let server = Server::start(&sandbox, "mysite", &["--reload", "monitor"]);
    server.until_body("one");
    // The mistake is in a module that loads well: only a new process reads it again.
    sandbox.write("mysite/mysite/helper.py", "LIMIT = 0\n");
    sandbox.write("mysite/mysite/__init__.py", "from mysite.helper import LIMIT\n1 / LIMIT\n");
    until("the failure", LONG, || (server.get("").0 == 500).then_some(()));
    server.until_says("ZeroDivisionError");
    sandbox.write("mysite/mysite/helper.py", "LIMIT = 10\n");
    server.until_body("one");
    server.stop();
}

#[test]
fn an_app_that_is_named_first_and_made_then_is_found() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    let server = Server::start(&sandbox, "mysite", &["--reload", "monitor"]);
    server.until_body("one");
    let settings = sandbox.read("mysite/mysite/settings.py");
    let named = settings.replace("INSTALLED_APPS = [", "INSTALLED_APPS = [\n    'shop',");
    sandbox.write("mysite/mysite/settings.py", &named);
    until("the failure", LONG, || (server.get("").0 == 500).then_some(()));
    sandbox.write("mysite/shop/__init__.py", "");
    server.until_body("one");
    server.stop();
}

#[test]
fn an_edited_template_is_served_at_the_next_request() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        let settings = sandbox.read("mysite/mysite/settings.py").replace("'DIRS': []", "'DIRS': ['pages']");
        let settings = settings.replace("INSTALLED_APPS = [", "INSTALLED_APPS = [\n    'mysite',");
        sandbox.write("mysite/mysite/settings.py", &settings);
        let render = "__import__(\"django.shortcuts\").shortcuts.render(request, \"home.html\")";
        sandbox.write("mysite/mysite/urls.py", &urls(render));
        sandbox.write("mysite/pages/home.html", "{% include \"part.html\" %} one");
        sandbox.write("mysite/mysite/templates/part.html", "app");
        let server = Server::start(&sandbox, "mysite", &["--reload", "monitor"]);
        assert_eq!(server.get("").1, "app one");
        sandbox.write("mysite/pages/home.html", "{% include \"part.html\" %} two");
        assert_eq!(server.get("").1, "app two");
        sandbox.write("mysite/mysite/templates/part.html", "edited");
        assert_eq!(server.get("").1, "edited two");
        server.stop();
    });
}

#[test]
fn a_hanging_import_says_where_and_a_mended_file_gets_its_turn() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    let server = Server::start(&sandbox, "mysite", &["--reload", "monitor"]);
    server.until_body("one");
    let settings = sandbox.read("mysite/mysite/settings.py");
    sandbox.write("mysite/mysite/settings.py", &format!("{settings}\nwhile True:\n    pass\n"));
    server.until_says("settings.py changed");
    server.until_says("Timeout (0:00:30)!");
    server.until_says(&format!("mysite/settings.py\", line {} in <module>", settings.lines().count() + 2));
    sandbox.write("mysite/mysite/settings.py", &settings);
    // What waited for the hanging process may have failed with it.
    until("the new code", LONG, || (server.get("") == (200, "one".to_owned())).then_some(()));
    server.stop();
}
