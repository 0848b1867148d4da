//! The instant reload: a request that is sent after a save never gets the old code, however long djwsgi
//! takes to hear of the save. Here it is stopped meanwhile.

use std::thread::{JoinHandle, sleep, spawn};
use std::time::Duration;

use nix::sys::signal::Signal;
use ureq::Agent;

use crate::support::reload::{add_settings, change_settings, first_answer, settle};
use crate::support::sandbox::urls;
use crate::support::server::get;
use crate::support::{Flavor, LONG, Sandbox, Server, on_both, until};

/// Longer than any answer of a site that has nothing to wait for.
const A_WHILE: Duration = Duration::from_millis(500);
/// More than there are threads.
const MANY: usize = 12;

/// A site that answers `word`, with the length of what was sent to it.
fn counting_site(sandbox: &Sandbox, word: &str) {
    let text = urls(&format!("HttpResponse(f\"{word} {{len(request.body)}}\")"));
    let exempt = "from django.views.decorators.csrf import csrf_exempt\n\n\n@csrf_exempt\ndef view";
    sandbox.write("mysite/mysite/urls.py", &text.replace("def view", exempt));
}

/// Sends requests at once, every other one with a body.
fn send(server: &Server, count: usize) -> Vec<JoinHandle<(u16, String)>> {
    (0..count)
        .map(|number| {
            let url = server.url.clone();
            spawn(move || if number % 2 == 0 { get(&url, None) } else { post(&url, 100_000) })
        })
        .collect()
}

/// A request that is under way.
fn asking(server: &Server) -> JoinHandle<(u16, String)> {
    let url = server.url.clone();
    spawn(move || get(&url, None))
}

fn post(url: &str, length: usize) -> (u16, String) {
    let agent: Agent = Agent::config_builder().http_status_as_error(false).timeout_global(Some(LONG)).build().into();
    let mut answer = agent.post(url).send(vec![b'x'; length]).unwrap();
    (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
}

#[test]
fn requests_wait_while_djwsgi_has_not_heard_of_the_save() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        counting_site(&sandbox, "one");
        let server = Server::start(&sandbox, "mysite", &[]);
        server.until_body("one 0");
        for word in ["two", "three", "four"] {
            settle(&sandbox, "mysite");
            server.signal(Signal::SIGSTOP);
            counting_site(&sandbox, word);
            let requests = send(&server, MANY);
            sleep(A_WHILE);
            assert!(!requests.iter().any(JoinHandle::is_finished), "one did not wait for {word}");
            server.signal(Signal::SIGCONT);
            for request in requests {
                let (status, body) = request.join().unwrap();
                assert!(
                    status == 200 && [format!("{word} 0"), format!("{word} 100000")].contains(&body),
                    "{status} {body}"
                );
            }
        }
        let said = server.stop();
        assert!(!said.contains("ended by itself") && !said.contains("warning"), "{said}");
    });
}

#[test]
fn of_several_processes_none_answers_meanwhile() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        let server = Server::start(&sandbox, "mysite", &["--processes", "3", "--threads", "2"]);
        server.until_body("one");
        for word in ["two", "three"] {
            settle(&sandbox, "mysite");
            server.signal(Signal::SIGSTOP);
            sandbox.view("mysite", word);
            let requests: Vec<_> = (0..MANY).map(|_| asking(&server)).collect();
            sleep(A_WHILE);
            assert!(!requests.iter().any(JoinHandle::is_finished), "one did not wait for {word}");
            server.signal(Signal::SIGCONT);
            for request in requests {
                assert_eq!(request.join().unwrap(), (200, word.to_owned()));
            }
        }
        server.stop();
    });
}

#[test]
fn what_runs_already_is_finished_by_the_code_it_began_with() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        let slow = |word: &str| {
            let text = urls(&format!("HttpResponse({word:?})"));
            let view = format!(
                "def slow(request):\n    import time\n    time.sleep(3)\n    return HttpResponse(\"slow {word}\")\n\n\ndef view"
            );
            sandbox.write(
                "mysite/mysite/urls.py",
                &text.replace("def view", &view).replace("urlpatterns = [", "urlpatterns = [path(\"slow\", slow), "),
            );
        };
        slow("one");
        let server = Server::start(&sandbox, "mysite", &["--threads", "2"]);
        server.until_body("one");
        settle(&sandbox, "mysite");
        let url = format!("{}slow", server.url);
        let running = spawn(move || get(&url, None));
        sleep(A_WHILE);
        server.signal(Signal::SIGSTOP);
        slow("two");
        // More than there are threads left: the others wait for a thread of the old process.
        let waiting: Vec<_> = (0..MANY).map(|_| asking(&server)).collect();
        sleep(A_WHILE);
        server.signal(Signal::SIGCONT);
        for request in waiting {
            assert_eq!(request.join().unwrap(), (200, "two".to_owned()));
        }
        assert!(!running.is_finished());
        assert_eq!(running.join().unwrap(), (200, "slow one".to_owned()));
        server.stop();
    });
}

#[test]
fn a_template_is_new_at_once_too() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        sandbox.write("mysite/templates/page.html", "one");
        change_settings(&sandbox, "'DIRS': []", "'DIRS': [BASE_DIR / 'templates']");
        sandbox.write(
            "mysite/mysite/urls.py",
            &urls("__import__('django.shortcuts').shortcuts.render(request, 'page.html')"),
        );
        let server = Server::start(&sandbox, "mysite", &[]);
        server.until_body("one");
        let build = settle(&sandbox, "mysite");
        for number in 0..10 {
            let word = format!("page {number}");
            sandbox.write("mysite/templates/page.html", &word);
            assert_eq!(first_answer(&server).shown(), (200, word));
        }
        server.signal(Signal::SIGSTOP);
        sandbox.write("mysite/templates/page.html", "last");
        let request = asking(&server);
        sleep(A_WHILE);
        assert!(!request.is_finished());
        server.signal(Signal::SIGCONT);
        assert_eq!(request.join().unwrap(), (200, "last".to_owned()));
        assert_eq!(settle(&sandbox, "mysite"), build, "a template needs no other process");
        server.stop();
    });
}

#[test]
fn nobody_waits_for_what_the_site_does_not_read() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        add_settings(&sandbox, "SESSION_ENGINE = 'django.contrib.sessions.backends.db'");
        let server = Server::start(&sandbox, "mysite", &[]);
        server.until_body("one");
        settle(&sandbox, "mysite");
        // Till it has said where its templates are.
        sleep(A_WHILE);
        server.get("");
        server.signal(Signal::SIGSTOP);
        for name in ["mysite/db.sqlite3", "mysite/db.sqlite3-journal", "mysite/mysite/notes.txt", "mysite/debug.log"] {
            sandbox.write(name, "written by the site itself");
            let request = asking(&server);
            until(&format!("an answer after {name} was written"), A_WHILE, || request.is_finished().then_some(()));
            assert_eq!(request.join().unwrap(), (200, "one".to_owned()));
        }
        server.signal(Signal::SIGCONT);
        server.stop();
    });
}

#[test]
fn a_folder_that_was_moved_away_and_back_is_seen_as_before() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    let server = Server::start(&sandbox, "mysite", &[]);
    server.until_body("one");
    for word in ["two", "three"] {
        std::fs::rename(sandbox.join("mysite/mysite"), sandbox.join("mysite/other")).unwrap();
        std::fs::rename(sandbox.join("mysite/other"), sandbox.join("mysite/mysite")).unwrap();
        sandbox.view("mysite", word);
        assert_eq!(first_answer(&server).shown(), (200, word.to_owned()));
    }
    server.stop();
}

#[test]
fn requests_in_a_queue_outlive_any_number_of_saves() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        let slow = |word: &str| {
            sandbox.write(
                "mysite/mysite/urls.py",
                &urls(&format!("__import__('time').sleep(0.7) or HttpResponse({word:?})")),
            );
        };
        slow("0");
        let server = Server::start(&sandbox, "mysite", &["--threads", "1"]);
        server.until_body("0");
        settle(&sandbox, "mysite");
        // Each is sent back at a save; mod_wsgi itself gives up after the third time.
        let waiting: Vec<_> = (0..MANY).map(|_| asking(&server)).collect();
        for number in 1..=6 {
            sleep(Duration::from_millis(250));
            slow(&number.to_string());
        }
        for request in waiting {
            let (status, body) = request.join().unwrap();
            assert_eq!(status, 200, "{body}");
        }
        assert_eq!(server.get(""), (200, "6".to_owned()));
        server.stop();
    });
}

#[test]
fn what_was_read_while_it_serves_counts_at_once() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        sandbox.write("mysite/lazy/__init__.py", "");
        sandbox.write("mysite/lazy/word.py", "WORD = 'one'\n");
        sandbox.write("mysite/mysite/urls.py", &urls("HttpResponse(__import__('lazy.word').word.WORD)"));
        let server = Server::start(&sandbox, "mysite", &[]);
        for word in ["two", "three"] {
            settle(&sandbox, "mysite");
            server.get("");
            // The folder may not be watched yet.
            server.signal(Signal::SIGSTOP);
            sandbox.write("mysite/lazy/word.py", &format!("WORD = {word:?}\n"));
            let request = asking(&server);
            sleep(A_WHILE);
            assert!(!request.is_finished());
            server.signal(Signal::SIGCONT);
            assert_eq!(request.join().unwrap(), (200, word.to_owned()));
        }
        server.stop();
    });
}

#[test]
fn a_folder_of_templates_that_is_replaced_as_a_whole_is_new_at_once() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    sandbox.write("mysite/templates/page.html", "one");
    change_settings(&sandbox, "'DIRS': []", "'DIRS': [BASE_DIR / 'templates']");
    let page = urls("__import__('django.shortcuts').shortcuts.render(request, 'page.html')");
    sandbox.write("mysite/mysite/urls.py", &page);
    let server = Server::start(&sandbox, "mysite", &[]);
    server.until_body("one");
    settle(&sandbox, "mysite");
    sleep(A_WHILE);
    for word in ["two", "three"] {
        sandbox.write("mysite/new/page.html", word);
        server.signal(Signal::SIGSTOP);
        std::fs::rename(sandbox.join("mysite/templates"), sandbox.join(format!("mysite/before-{word}"))).unwrap();
        std::fs::rename(sandbox.join("mysite/new"), sandbox.join("mysite/templates")).unwrap();
        let request = asking(&server);
        sleep(A_WHILE);
        server.signal(Signal::SIGCONT);
        assert_eq!(request.join().unwrap(), (200, word.to_owned()));
    }
    server.stop();
}

#[test]
fn a_default_timeout_of_the_site_is_not_that_of_the_harness() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        add_settings(&sandbox, "import socket\nsocket.setdefaulttimeout(0.5)");
        let server = Server::start(&sandbox, "mysite", &[]);
        server.until_body("one");
        for word in ["two", "three", "four"] {
            sandbox.view("mysite", word);
            assert_eq!(first_answer(&server).shown(), (200, word.to_owned()));
            let build = settle(&sandbox, "mysite");
            sleep(Duration::from_secs(1));
            let answer = server.ask("");
            assert_eq!((answer.status, answer.build), (200, build));
        }
        let said = server.stop();
        assert!(!said.contains("ended by itself"), "{said}");
    });
}
