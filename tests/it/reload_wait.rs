//! `djwsgi wait`, and sites that do more than import while they load.

use std::time::{Duration, Instant};

use crate::support::reload::{change_settings, first_answer, settle, settled_body, telling};
use crate::support::{Flavor, Sandbox, Server, on_both};

const URLS: &str = "mysite/mysite/urls.py";

#[test]
fn after_wait_the_site_is_served_as_it_is_on_the_disk() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        let server = Server::start(&sandbox, "mysite", &[]);
        server.until_body("one");
        let mut last = settle(&sandbox, "mysite");
        assert_eq!(server.ask("").build, last);
        for number in 0..20 {
            sandbox.view("mysite", &number.to_string());
            let build = settle(&sandbox, "mysite");
            let answer = server.ask("");
            assert_eq!((answer.body, answer.build), (number.to_string(), build));
            assert!(build > last, "{build} after {last}");
            last = build;
        }
        server.stop();
    });
}

#[test]
fn wait_says_what_it_waits_for_in_vain() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    let without = |arguments: &[&str]| sandbox.djwsgi("mysite", arguments).code(3);
    without(&["wait"]).says(&["no djwsgi dev runs for this site", "hint: djwsgi dev"]);
    let server = Server::start(&sandbox, "mysite", &[]);
    server.until_body("one");
    sandbox.write(URLS, "raise RuntimeError(\"no\")\n");
    let shown = sandbox.djwsgi("mysite", &["wait"]).code(1).says(&["the site can't be loaded"]);
    assert_eq!(shown.out.trim().parse::<u64>().unwrap(), server.ask("").build);
    sandbox.write(URLS, "while True:\n    pass\n");
    let began = Instant::now();
    sandbox
        .djwsgi("mysite", &["wait", "--timeout", "1"])
        .code(1)
        .says(&["does not serve what is on the disk yet", "hint: "]);
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    sandbox.view("mysite", "two");
    assert_eq!(settled_body(&sandbox, &server), "two");
    server.stop();
    without(&["wait"]);
    let server = Server::start(&sandbox, "mysite", &["--reload", "monitor"]);
    without(&["wait"]).says(&["does not know what it serves", "hint: start it without --reload"]);
    server.stop();
}

#[test]
fn a_site_has_its_database_after_its_settings_were_saved() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        sandbox.write("mysite/word.py", "WORD = \"zero\"\n");
        let asked = "__import__(\"django.db\").db.connection.cursor().execute(\"select 7\").fetchone()[0]";
        sandbox.write(URLS, &telling("word", &format!("word.WORD + str({asked})")));
        let server = Server::start(&sandbox, "mysite", &[]);
        server.until_body("zero7");
        let settings = sandbox.read("mysite/mysite/settings.py");
        for number in 0..10 {
            sandbox.write("mysite/mysite/settings.py", &format!("{settings}\n# {number}\n"));
            assert_eq!(first_answer(&server).shown(), (200, "zero7".to_owned()), "save {number} of the settings");
            settle(&sandbox, "mysite");
        }
        server.stop();
    });
}

/// A site whose application does `what` when it is ready, and answers `word` and the value of `told`.
fn ready_site(sandbox: &Sandbox, flavor: Flavor, what: &str, told: &str) {
    sandbox.site(flavor);
    sandbox.write("mysite/shop/__init__.py", "");
    let app = format!(
        "from django.apps import AppConfig\n\n\nclass ShopConfig(AppConfig):\n    name = \"shop\"\n\n    \
         def ready(self):\n        {}\n",
        what.replace('\n', "\n        ")
    );
    sandbox.write("mysite/shop/apps.py", &app);
    sandbox.write("mysite/word.py", "WORD = \"one\"\n");
    sandbox.write(URLS, &telling("word", &format!("word.WORD + \" \" + str({told})")));
    change_settings(sandbox, "INSTALLED_APPS = [", "INSTALLED_APPS = [\n    'shop',");
}

/// Saves the module before and after what `ready_site` does.
fn saves_are_served(sandbox: &Sandbox, server: &Server, told: &str) {
    server.until_body(&format!("one {told}"));
    let app = sandbox.read("mysite/shop/apps.py");
    for number in 0..10 {
        sandbox.write("mysite/word.py", &format!("WORD = \"word {number}\"\n"));
        assert_eq!(first_answer(server).shown(), (200, format!("word {number} {told}")));
        sandbox.write("mysite/shop/apps.py", &format!("{app}# {number}\n"));
        assert_eq!(first_answer(server).shown(), (200, format!("word {number} {told}")));
        settle(sandbox, "mysite");
    }
}

#[test]
fn a_site_that_starts_a_thread_while_it_loads_has_it_after_each_save() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        let what = "import threading, time\nself.beats = 0\ndef beat():\n    while True:\n        self.beats += 1\n        \
                    time.sleep(0.001)\nself.thread = threading.Thread(target=beat, daemon=True)\nself.thread.start()";
        let shop = "__import__(\"django.apps\").apps.apps.get_app_config(\"shop\")";
        let told =
            format!("({shop}.thread.is_alive(), [{shop}.beats, __import__(\"time\").sleep(0.2)][0] < {shop}.beats)");
        ready_site(&sandbox, flavor, what, &told);
        let server = Server::start(&sandbox, "mysite", &[]);
        saves_are_served(&sandbox, &server, "(True, True)");
        server.stop();
    });
}

#[test]
fn a_site_that_asks_its_database_while_it_loads_is_reloaded_like_any_other() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        let query = "from django.db import connection\nwith connection.cursor() as cursor:\n    \
                     cursor.execute(\"select 7\")\n    self.found = cursor.fetchone()[0]";
        let told = "__import__(\"django.apps\").apps.apps.get_app_config(\"shop\").found + \
                    __import__(\"django.db\").db.connection.cursor().execute(\"select 1\").fetchone()[0]";
        ready_site(&sandbox, flavor, query, told);
        let server = Server::start(&sandbox, "mysite", &[]);
        saves_are_served(&sandbox, &server, "8");
        server.stop();
    });
}
