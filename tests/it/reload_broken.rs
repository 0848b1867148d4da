//! The instant reload: code that can't be loaded.

use std::time::Duration;

use crate::support::reload::{change_settings, first_answer, telling};
use crate::support::{Flavor, Sandbox, Server, on_both, until};

const URLS: &str = "mysite/mysite/urls.py";
/// A mended site is served within this time, by a wide margin.
const SOON: Duration = Duration::from_secs(3);

/// A site that answers "one", with an app and a module that may break.
fn site(sandbox: &Sandbox, flavor: Flavor) {
    sandbox.site(flavor);
    sandbox.write("mysite/shop/__init__.py", "");
    let app = "from django.apps import AppConfig\n\n\nclass ShopConfig(AppConfig):\n    name = \"shop\"\n\n    \
               def ready(self):\n        pass\n";
    sandbox.write("mysite/shop/apps.py", app);
    sandbox.write("mysite/word.py", "WORD = \"one\"\n");
    sandbox.write(URLS, &telling("word", "word.WORD"));
    change_settings(sandbox, "INSTALLED_APPS = [", "INSTALLED_APPS = [\n    'shop',");
}

/// Breaks a file of a served site: the browser says `title`, and like the terminal `trace`, a part of the
/// traceback; the terminal once. Mended, the site is served.
fn break_and_mend(sandbox: &Sandbox, server: &Server, file: &str, text: &str, title: &str, trace: &str) {
    let good = sandbox.read(file);
    let count = |text: &str| server.err().matches(text).count();
    let (before, told) = (count(trace), "the site can't be loaded");
    let times = count(told);
    sandbox.write(file, text);
    assert_eq!(first_answer(server).status, 500, "{title}");
    for _ in 0..3 {
        let page = server.browse("");
        assert!(page.status == 500 && page.kind.starts_with("text/html"), "{page:?}");
        let body = page.body.replace("&quot;", "\"").replace("&#x27;", "'").replace("&lt;", "<").replace("&gt;", ">");
        assert!(page.build > 0 && body.contains(&format!("<h1>{title}")), "{title:?} not in: {body}");
        assert!(body.contains(trace), "{trace:?} not in: {body}");
        assert!(body.contains("Mend it and save"), "{body}");
        assert!(server.ask("").kind.starts_with("text/plain"));
    }
    sandbox.djwsgi("mysite", &["wait"]).code(1).says(&["the site can't be loaded"]);
    until("the terminal to tell", SOON, || (count(told) > times).then_some(()));
    assert_eq!((count(told), count(trace)), (times + 1, before + 1), "{trace:?}: {}", server.err());
    sandbox.write(file, &good);
    until("the mended site", SOON, || (server.get("") == (200, "one".to_owned())).then_some(()));
    sandbox.djwsgi("mysite", &["wait"]).code(0);
}

#[test]
fn whatever_breaks_is_shown_once_and_mending_it_is_enough() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        site(&sandbox, flavor);
        let settings = sandbox.read("mysite/mysite/settings.py");
        let app = sandbox.read("mysite/shop/apps.py");
        let server = Server::start(&sandbox, "mysite", &[]);
        server.until_body("one");
        let try_it = |file: &str, text: &str, title: &str, trace: &str| {
            break_and_mend(&sandbox, &server, file, text, title, trace);
        };
        try_it("mysite/word.py", "WORD = \"one\n", "SyntaxError: unterminated string literal", "WORD = \"one");
        try_it("mysite/word.py", "1 / 0  # ünwise\n", "ZeroDivisionError: division by zero", "1 / 0  # ünwise");
        try_it(
            "mysite/word.py",
            "import nowhere\n",
            "ModuleNotFoundError: No module named 'nowhere'",
            "import nowhere",
        );
        let broken = format!("{settings}\nraise RuntimeError(\"<settings>\")\n");
        try_it("mysite/mysite/settings.py", &broken, "RuntimeError: <settings>", "raise RuntimeError(\"<settings>\")");
        let broken = app.replace("pass", "raise LookupError(\"not ready\")");
        try_it("mysite/shop/apps.py", &broken, "LookupError: not ready", "in ready");
        let broken = settings.replace("'shop',", "'shap',");
        try_it("mysite/mysite/settings.py", &broken, "ModuleNotFoundError: No module named 'shap'", "django.setup");
        try_it(
            URLS,
            "urlpatterns = [path(\"\", view)]\n",
            "NameError: name 'path' is not defined",
            "urlpatterns = [path",
        );
        let title = "the site called sys.exit(3) while it loaded";
        try_it("mysite/word.py", "import sys\nsys.exit(3)\n", title, "sys.exit(3)\n");
        server.stop();
    });
}

#[test]
fn what_ends_the_process_is_shown_once_and_mending_it_is_enough() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        site(&sandbox, flavor);
        let server = Server::start(&sandbox, "mysite", &[]);
        server.until_body("one");
        let ended = "the process that loaded the site ended: ";
        for (text, how) in [
            ("import os\nos._exit(3)\n", "exit status 3"),
            ("import ctypes\nctypes.string_at(0)\n", "killed by signal 11"),
            ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n", "killed by signal 11"),
            ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n", "killed by signal 9"),
        ] {
            let title = format!("{ended}{how}");
            break_and_mend(&sandbox, &server, "mysite/word.py", text, &title, &title);
        }
        let said = server.stop();
        assert!(said.contains("word.py\", line 2 in <module>"), "where it crashed: {said}");
    });
}

/// Starts with `file` as it must not be, and mends it.
fn mend_from_the_start(flavor: Flavor, file: &str, text: &str) {
    let sandbox = Sandbox::new();
    site(&sandbox, flavor);
    let good = sandbox.read(file);
    sandbox.write(file, text);
    let server = Server::start(&sandbox, "mysite", &[]);
    assert_eq!(server.get("").0, 500);
    server.until_says("the site can't be loaded");
    sandbox.write(file, &good);
    until("the mended site", SOON, || (server.get("") == (200, "one".to_owned())).then_some(()));
    sandbox.write("mysite/word.py", "WORD = \"two\"\n");
    assert_eq!(first_answer(&server).shown(), (200, "two".to_owned()));
    server.stop();
}

#[test]
fn a_site_broken_from_the_start_is_mended_by_a_save() {
    on_both(|flavor| {
        mend_from_the_start(flavor, "mysite/word.py", "raise RuntimeError(\"from the start\")\n");
        mend_from_the_start(flavor, URLS, "def view(:\n");
    });
}

#[test]
fn a_site_that_ends_the_process_from_the_start_is_mended_by_a_save() {
    on_both(|flavor| mend_from_the_start(flavor, "mysite/word.py", "import os\nos._exit(3)\n"));
}

#[test]
fn the_traceback_is_the_sites_own() {
    let sandbox = Sandbox::new();
    site(&sandbox, Flavor::Distribution);
    let server = Server::start(&sandbox, "mysite", &[]);
    server.until_body("one");
    for text in ["WORD = \"one\n", "1 / 0\n", "import nowhere\n", "WORD = \"\0\"\n"] {
        sandbox.write("mysite/word.py", text);
        let answer = first_answer(&server);
        assert_eq!(answer.status, 500, "{text:?}");
        assert!(!answer.body.contains("djwsgi_harness") && !answer.body.contains("During handling"), "{}", answer.body);
    }
    let said = server.stop();
    assert!(!said.contains("djwsgi_harness"), "{said}");
}

#[test]
fn several_mistakes_in_a_row_are_each_shown() {
    let sandbox = Sandbox::new();
    site(&sandbox, Flavor::Distribution);
    let server = Server::start(&sandbox, "mysite", &[]);
    server.until_body("one");
    for number in 0..5 {
        sandbox.write("mysite/word.py", &format!("raise ValueError(\"mistake {number}\")\n"));
        let answer = first_answer(&server);
        assert!(
            answer.status == 500 && answer.body.starts_with(&format!("ValueError: mistake {number}")),
            "{answer:?}"
        );
    }
    sandbox.write("mysite/word.py", "WORD = \"two\"\n");
    assert_eq!(first_answer(&server).shown(), (200, "two".to_owned()));
    let said = server.stop();
    for number in 0..5 {
        // The line that raises, and the error.
        assert_eq!(said.matches(&format!("mistake {number}")).count(), 2, "{said}");
    }
}

#[test]
fn a_load_that_hangs_says_where_and_mending_the_file_is_enough() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        site(&sandbox, flavor);
        let server = Server::start(&sandbox, "mysite", &[]);
        server.until_body("one");
        sandbox.write("mysite/word.py", "WORD = \"two\"\nwhile True:\n    pass\n");
        until("where it hangs", Duration::from_secs(14), || {
            let said = server.err();
            let told = said.contains("the site has been loading for 10 s");
            let place =
                said.contains("word.py\", line 2 in <module>") || said.contains("word.py\", line 3 in <module>");
            (told && place).then_some(())
        });
        sandbox.write("mysite/word.py", "WORD = \"two\"\n");
        until("the mended site", SOON, || (server.get("") == (200, "two".to_owned())).then_some(()));
        server.stop();
    });
}
