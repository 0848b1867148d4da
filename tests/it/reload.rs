//! The instant reload: the first request after a save is answered by the new code.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::support::reload::{Polling, add_settings, first_answer, reloads, settle, telling};
use crate::support::server::free_port;
use crate::support::{Flavor, LONG, Sandbox, Server, on_both, until};

/// Saves thirty times while others ask; no request fails, none gets less than it had already, and none
/// that was sent after a save is answered by what was there before it.
fn thirty_saves(sandbox: &Sandbox, server: &Server) {
    server.until_body("0");
    let polling = Polling::start(server, 3);
    for number in 1..=30 {
        sandbox.view("mysite", &number.to_string());
        let answer = first_answer(server);
        assert_eq!((answer.status, answer.body.as_str()), (200, number.to_string().as_str()));
    }
    for answers in polling.stop() {
        let mut last = 0;
        assert!(!answers.is_empty());
        for (status, body) in answers {
            assert_eq!(status, 200, "{body}");
            let number: u32 = body.parse().unwrap();
            assert!(number >= last, "{number} after {last}");
            last = number;
        }
    }
}

#[test]
fn the_first_request_after_a_save_gets_the_new_code_and_none_fails() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        sandbox.view("mysite", "0");
        let server = Server::start(&sandbox, "mysite", &[]);
        thirty_saves(&sandbox, &server);
        let said = server.stop();
        assert!(!said.contains("ended by itself") && !said.contains("warning"), "{said}");
    });
}

#[test]
fn with_two_processes_too() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        sandbox.view("mysite", "0");
        let server = Server::start(&sandbox, "mysite", &["--processes", "2"]);
        thirty_saves(&sandbox, &server);
        server.stop();
    });
}

#[test]
fn with_the_worker_mpm_too() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    sandbox.view("mysite", "0");
    // An Apache without the event MPM.
    let fake = sandbox.write("fake/sbin/apache2", "#!/bin/sh\nexec /usr/sbin/apache2 \"$@\"\n");
    fs::set_permissions(fake, fs::Permissions::from_mode(0o755)).unwrap();
    let modules = sandbox.write("fake/lib/apache2/modules/x", "").parent().unwrap().to_owned();
    for module in fs::read_dir("/usr/lib/apache2/modules").unwrap().flatten() {
        if module.file_name() != "mod_mpm_event.so" {
            symlink(module.path(), modules.join(module.file_name())).unwrap();
        }
    }
    let path = format!("{}:/usr/bin:/bin", sandbox.join("fake/sbin").display());
    let mut command = sandbox.djwsgi_command("mysite", &["dev"]);
    let server = Server::spawn(&sandbox, command.env("PATH", path).env("DJWSGI_PORT", free_port().to_string())).ready();
    assert!(sandbox.read("mysite/.djwsgi/httpd.conf").contains("mpm_worker"));
    thirty_saves(&sandbox, &server);
    server.stop();
}

#[test]
fn a_reload_is_told_in_a_line() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    let server = Server::start(&sandbox, "mysite", &[]);
    server.until_body("one");
    assert_eq!(reloads(&server), 0, "the first build is no reload");
    sandbox.view("mysite", "two");
    assert_eq!(first_answer(&server).body, "two");
    server.until_says("↻ mysite/urls.py → ");
    let said = server.stop();
    let line = said.lines().find(|line| line.contains('↻')).unwrap();
    let time = line.trim().strip_prefix("↻ mysite/urls.py → ").and_then(|rest| rest.strip_suffix(" ms")).unwrap();
    assert!(time.parse::<u32>().is_ok(), "{line}");
}

#[test]
fn every_answer_has_the_number_of_its_build_and_it_grows() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        add_settings(&sandbox, "MEDIA_URL = 'media/'\nMEDIA_ROOT = BASE_DIR / 'media'");
        sandbox.write("mysite/media/photo.txt", "a photo");
        let server = Server::start(&sandbox, "mysite", &[]);
        server.until_body("one");
        let kinds = [("", 200), ("static/admin/css/base.css", 200), ("nowhere", 404), ("media/photo.txt", 200)];
        let mut last = 0;
        for word in ["two", "three", "four"] {
            sandbox.view("mysite", word);
            let build = settle(&sandbox, "mysite");
            assert!(build > last, "{build} after {last}");
            last = build;
            for (path, status) in kinds {
                // Apache takes the number from a file, which is written after the first new answer.
                let answer = until("the number of the build", LONG, || {
                    Some(server.ask(path)).filter(|answer| answer.build == build)
                });
                assert_eq!(answer.status, status, "{path}");
            }
            assert_eq!(server.ask("").body, word);
        }
        server.stop();
    });
}

/// The last thing told of where a build was forked from.
fn forked_from(sandbox: &Sandbox, server: &Server, word: &str) -> String {
    sandbox.view("mysite", word);
    assert_eq!(server.get(""), (200, word.to_owned()));
    server.until_says(&format!("  build {}, ", settle(sandbox, "mysite")));
    server.err().lines().rfind(|line| line.starts_with("  build ")).unwrap().to_owned()
}

#[test]
fn nothing_stands_by_where_nothing_should() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    let server = Server::start(&sandbox, "mysite", &["--verbose", "--standby", "0"]);
    server.until_body("one");
    for word in ["two", "three", "four", "five"] {
        let line = forked_from(&sandbox, &server, word);
        assert!(line.contains("an empty process"), "{line}");
    }
    server.stop();
}

#[test]
fn installed_packages_alone_stand_by_where_the_settings_say_so() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    sandbox.write("mysite/djwsgi.local.toml", "[dev]\nstandby = 1\n");
    let server = Server::start(&sandbox, "mysite", &["--verbose"]);
    server.until_body("one");
    let mut number = 0;
    until("a build from the installed packages", LONG, || {
        number += 1;
        let line = forked_from(&sandbox, &server, &format!("word {number}"));
        assert!(line.contains("an empty process") || line.contains("installed packages"), "{line}");
        line.contains("installed packages").then_some(())
    });
    server.stop();
}

/// A site that answers what the module saved last says, and the process that executed the one before it.
fn telling_origin(sandbox: &Sandbox) {
    sandbox.write("mysite/base.py", "import os\nPID = os.getpid()\n");
    sandbox.write("mysite/word.py", "WORD = 0\n");
    sandbox.write("mysite/mysite/urls.py", &telling("base, word", "f\"{word.WORD} {base.PID}\""));
}

/// Saves the last module, which must be served: the process that executed the one before it.
fn origin_after_save(sandbox: &Sandbox, server: &Server, number: u32) -> String {
    sandbox.write("mysite/word.py", &format!("WORD = {number}\n"));
    let (status, body) = first_answer(server).shown();
    assert_eq!(status, 200, "{body}");
    let (word, pid) = body.split_once(' ').unwrap();
    assert_eq!(word, number.to_string());
    pid.to_owned()
}

#[test]
fn the_site_stands_by_and_what_is_nearest_to_the_change_is_used_for_good() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        telling_origin(&sandbox);
        let server = Server::start(&sandbox, "mysite", &[]);
        until("an answer", LONG, || (server.get("").0 == 200).then_some(()));
        // Which takes a moment: what to import ahead is learned first.
        let mut origins = Vec::new();
        until("only what was saved to be executed anew", LONG, || {
            origins.push(origin_after_save(&sandbox, &server, u32::try_from(origins.len()).unwrap()));
            let last: BTreeSet<&String> = origins.iter().rev().take(10).collect();
            (origins.len() > 10 && last.len() <= 2).then_some(())
        });
        server.stop();
    });
}

#[test]
fn with_less_standing_by_more_is_executed_anew() {
    for standby in ["0", "1"] {
        let sandbox = Sandbox::new();
        sandbox.site(Flavor::Distribution);
        telling_origin(&sandbox);
        let server = Server::start(&sandbox, "mysite", &["--standby", standby]);
        until("an answer", LONG, || (server.get("").0 == 200).then_some(()));
        let origins: BTreeSet<String> = (1..=10).map(|number| origin_after_save(&sandbox, &server, number)).collect();
        assert_eq!(origins.len(), 10);
        server.stop();
    }
}
