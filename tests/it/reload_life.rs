//! The instant reload: what becomes of the processes.

use std::collections::BTreeSet;
use std::fs;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::reload::{first_answer, reloads, settle, settled_body, telling, until_gone};
use crate::support::sandbox::urls;
use crate::support::server::get;
use crate::support::{Flavor, LONG, Sandbox, Server, on_both, until};

const URLS: &str = "mysite/mysite/urls.py";
/// What a retired process may take for requests that still run, and a little more.
const GRACE: Duration = Duration::from_secs(20);

/// djwsgi, Apache with two workers, the root, one that serves, with packages one, with the site eight; one spare.
const MOST: usize = 16;

/// A site that answers `word` at once, and at `slow` after `seconds`; "begun" tells of the beginning.
fn slow_site(sandbox: &Sandbox, word: &str, seconds: u32) {
    let begun = sandbox.join("begun").display().to_string();
    let slow = format!(
        "def slow(request):\n    import time\n    open({begun:?}, \"w\").close()\n    time.sleep({seconds})\n    \
         return HttpResponse(\"slow {word}\")\n\n\ndef view"
    );
    let text = urls(&format!("HttpResponse({word:?})")).replace("def view", &slow);
    sandbox.write(URLS, &text.replace("urlpatterns = [", "urlpatterns = [path(\"slow\", slow), "));
}

fn begin_slow(sandbox: &Sandbox, server: &Server) -> JoinHandle<(u16, String)> {
    let url = format!("{}slow", server.url);
    let request = std::thread::spawn(move || get(&url, None));
    until("the slow request to begin", LONG, || sandbox.has("begun").then_some(()));
    fs::remove_file(sandbox.join("begun")).unwrap();
    request
}

#[test]
fn a_long_request_gets_its_own_answer_while_others_get_the_new_code() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        slow_site(&sandbox, "one", 3);
        let server = Server::start(&sandbox, "mysite", &[]);
        server.until_body("one");
        let first = begin_slow(&sandbox, &server);
        slow_site(&sandbox, "two", 3);
        assert_eq!(first_answer(&server).shown(), (200, "two".to_owned()));
        let second = begin_slow(&sandbox, &server);
        slow_site(&sandbox, "three", 3);
        assert_eq!(first_answer(&server).shown(), (200, "three".to_owned()));
        assert!(!first.is_finished() && !second.is_finished());
        assert_eq!(first.join().unwrap(), (200, "slow one".to_owned()));
        assert_eq!(second.join().unwrap(), (200, "slow two".to_owned()));
        server.stop();
    });
}

#[test]
fn a_request_without_end_is_ended_after_the_grace() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    slow_site(&sandbox, "one", 600);
    let server = Server::start(&sandbox, "mysite", &[]);
    server.until_body("one");
    let request = begin_slow(&sandbox, &server);
    sandbox.view("mysite", "two");
    assert_eq!(first_answer(&server).body, "two");
    let before = Instant::now();
    until("the end of the request", GRACE, || request.is_finished().then_some(()));
    assert!(before.elapsed() > Duration::from_secs(10), "not before its time");
    assert!(request.join().unwrap().0 >= 500);
    assert_eq!(server.get(""), (200, "two".to_owned()));
    server.stop();
}

/// Open files of a process.
fn open_files(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// The memory of all processes of the test in kB, shared memory once.
fn memory(sandbox: &Sandbox) -> u64 {
    let pids = sandbox.processes().into_iter().map(|process| process.split(' ').next().unwrap().to_owned());
    let pss = |pid: String| {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with("Pss:")).map(str::to_owned);
        line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).unwrap_or_default()
    };
    pids.map(pss).sum()
}

#[test]
fn retired_processes_end_and_neither_memory_nor_anything_else_grows() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        sandbox.write("mysite/word.py", "WORD = 0\n");
        sandbox.write(URLS, &telling("os, word", "\"%s %s\" % (word.WORD, os.getpid())"));
        let server = Server::start(&sandbox, "mysite", &[]);
        until("an answer", LONG, || (server.get("").0 == 200).then_some(()));
        let mut served = BTreeSet::new();
        let mut seen = Vec::new();
        for number in 1..=60 {
            sandbox.write("mysite/word.py", &format!("WORD = {number}\n"));
            let answer = first_answer(&server);
            let (word, pid) = answer.body.split_once(' ').unwrap();
            assert_eq!(word, number.to_string());
            served.insert(pid.parse::<u32>().unwrap());
            if number % 20 == 0 {
                let current: u32 = pid.parse().unwrap();
                for old in served.iter().filter(|old| **old != current) {
                    until_gone(*old, GRACE);
                }
                // What was let go of may still be ending.
                let started = Instant::now();
                let mut processes = sandbox.processes();
                while processes.len() > MOST {
                    assert!(started.elapsed() < GRACE, "{processes:#?}");
                    processes = sandbox.processes();
                }
                let count = processes.len();
                seen.push((count, open_files(server.child.id()), memory(&sandbox)));
            }
        }
        let (_, files, kilobytes) = seen[0];
        let (_, files_now, kilobytes_now) = seen[2];
        assert!(files_now <= files + 8, "open files: {seen:?}");
        assert!(kilobytes_now * 10 <= kilobytes * 13, "memory: {seen:?}");
        server.stop();
    });
}

/// The numbers of all processes of the test.
fn pids(sandbox: &Sandbox) -> BTreeSet<u32> {
    let pid = |process: String| process.split(' ').next().unwrap().parse().unwrap();
    sandbox.processes().into_iter().map(pid).collect()
}

#[test]
fn a_save_is_answered_by_a_process_that_was_forked_ahead_and_does_without_if_that_has_died() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        sandbox.write("mysite/word.py", "WORD = 0\n");
        sandbox.write(URLS, &telling("os, word", "\"%s %s\" % (word.WORD, os.getpid())"));
        let server = Server::start(&sandbox, "mysite", &[]);
        until("an answer", LONG, || (server.get("").0 == 200).then_some(()));
        let mut number = 0;
        let mut save = || {
            number += 1;
            let before = pids(&sandbox);
            sandbox.write("mysite/word.py", &format!("WORD = {number}\n"));
            let answer = first_answer(&server);
            let (word, pid) = answer.body.split_once(' ').unwrap();
            assert_eq!(word, number.to_string());
            std::thread::sleep(Duration::from_millis(700));
            (before, pid.parse::<u32>().unwrap())
        };
        until("a process forked ahead", LONG, || {
            let (before, serving) = save();
            before.contains(&serving).then_some(())
        });
        let spare = until("another one", LONG, || {
            let (before, serving) = save();
            let new: Vec<u32> = pids(&sandbox).difference(&before).copied().filter(|pid| *pid != serving).collect();
            if let [spare] = new.as_slice() { Some(*spare) } else { None }
        });
        kill(Pid::from_raw(i32::try_from(spare).unwrap()), Signal::SIGKILL).unwrap();
        until("its end", LONG, || (!pids(&sandbox).contains(&spare)).then_some(()));
        let (_, serving) = save();
        assert_ne!(serving, spare);
        assert!(!server.err().contains("ended by itself"), "{}", server.err());
        server.stop();
    });
}

#[test]
fn a_thousand_saves_are_few_builds_and_then_it_is_quiet() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        let server = Server::start(&sandbox, "mysite", &[]);
        server.until_body("one");
        let before = settle(&sandbox, "mysite");
        for number in 0..1000 {
            sandbox.view("mysite", &number.to_string());
            std::thread::sleep(Duration::from_millis(2));
        }
        assert_eq!(first_answer(&server).shown(), (200, "999".to_owned()));
        let builds = settle(&sandbox, "mysite") - before;
        assert!(builds <= 100 && reloads(&server) <= 100, "{builds} builds, {} told", reloads(&server));
        let pids: Vec<String> = sandbox.processes();
        let busy = || pids.iter().map(|process| ticks(process.split(' ').next().unwrap())).sum::<u64>();
        until("all to be quiet for a second", LONG, || {
            let start = busy();
            std::thread::sleep(Duration::from_secs(1));
            // Hundredths of a second.
            (busy().abs_diff(start) <= 5).then_some(())
        });
        server.stop();
    });
}

/// What a process has used of the CPU, in hundredths of a second.
fn ticks(pid: &str) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    [11, 12].iter().filter_map(|index| fields.get(*index)?.parse::<u64>().ok()).sum()
}

#[test]
fn saves_during_a_slow_load_end_with_the_last_state() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        let slow =
            |word: &str| sandbox.write("mysite/word.py", &format!("import time\ntime.sleep(1)\nWORD = {word:?}\n"));
        slow("one");
        sandbox.write(URLS, &telling("word", "word.WORD"));
        let server = Server::start(&sandbox, "mysite", &[]);
        server.until_body("one");
        for round in 0..3 {
            let url = server.url.clone();
            slow(&format!("first {round}"));
            let waiting = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(100));
                get(&url, None)
            });
            std::thread::sleep(Duration::from_millis(400));
            slow(&format!("last {round}"));
            assert_eq!(first_answer(&server).shown(), (200, format!("last {round}")));
            // Asked before the last save: by then what was loading is of no use to anybody.
            assert_eq!(waiting.join().unwrap(), (200, format!("last {round}")));
            assert_eq!(settled_body(&sandbox, &server), format!("last {round}"));
        }
        server.stop();
    });
}
