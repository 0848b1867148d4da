//! The instant reload: the ways in which files are saved, and which of them matter.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::support::reload::{first_answer, reloads, settle, settled_body, telling};
use crate::support::sandbox::urls;
use crate::support::{Flavor, Sandbox, Server, on_both};

const URLS: &str = "mysite/mysite/urls.py";

fn answering(word: &str) -> String {
    urls(&format!("HttpResponse({word:?})"))
}

fn modified(path: &Path) -> SystemTime {
    path.metadata().unwrap().modified().unwrap()
}

fn set_modified(path: &Path, time: SystemTime) {
    File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

#[test]
fn every_way_of_saving_is_noticed_at_once() {
    type Save = fn(&Sandbox, &Path, &str);
    let ways: [(&str, Save); 9] = [
        ("truncated and written", |_, path, text| fs::write(path, text).unwrap()),
        ("truncated, and written in pieces", |_, path, text| {
            let mut file = File::create(path).unwrap();
            for piece in text.as_bytes().chunks(16) {
                file.write_all(piece).unwrap();
                std::thread::sleep(Duration::from_millis(1));
            }
        }),
        ("renamed over it", |sandbox, path, text| {
            let fresh = sandbox.write("mysite/mysite/.urls.py.Ab12", text);
            fs::rename(fresh, path).unwrap();
        }),
        ("renamed over it from elsewhere", |sandbox, path, text| {
            fs::rename(sandbox.write("elsewhere/urls.py", text), path).unwrap();
        }),
        ("through a backup, as vim does", |sandbox, path, text| {
            let backup = path.with_file_name("urls.py~");
            fs::rename(path, &backup).unwrap();
            sandbox.write(path, text);
            fs::remove_file(backup).unwrap();
        }),
        ("beside a swap file", |sandbox, path, text| {
            let swap = sandbox.write("mysite/mysite/.urls.py.swp", "swap");
            fs::write(path, text).unwrap();
            fs::remove_file(swap).unwrap();
        }),
        ("written in place", |_, path, text| {
            let mut file = File::options().write(true).open(path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
            file.set_len(text.len() as u64).unwrap();
        }),
        ("dated an hour back", |_, path, text| {
            fs::write(path, text).unwrap();
            set_modified(path, SystemTime::now() - Duration::from_secs(3600));
        }),
        ("dated as it was before", |_, path, text| {
            let before = modified(path);
            fs::write(path, text).unwrap();
            set_modified(path, before);
        }),
    ];
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        let path = sandbox.join(URLS);
        let server = Server::start(&sandbox, "mysite", &[]);
        server.until_body("one");
        for (number, (way, save)) in ways.iter().enumerate() {
            // Words of one length, within one second.
            let word = format!("way{number}");
            save(&sandbox, &path, &answering(&word));
            let answer = first_answer(&server);
            assert_eq!((answer.status, answer.body), (200, word), "{way}");
        }
        server.stop();
    });
}

#[test]
fn a_file_removed_and_made_again_is_served_as_it_became() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    let server = Server::start(&sandbox, "mysite", &[]);
    server.until_body("one");
    for word in ["two", "three", "four"] {
        fs::remove_file(sandbox.join(URLS)).unwrap();
        sandbox.view("mysite", word);
        assert_eq!(first_answer(&server).shown(), (200, word.to_owned()), "it is never missed in between");
    }
    server.stop();
}

#[test]
fn the_same_content_saved_again_reloads_nothing() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        let server = Server::start(&sandbox, "mysite", &[]);
        server.until_body("one");
        sandbox.view("mysite", "two");
        let build = settle(&sandbox, "mysite");
        let path = sandbox.join(URLS);
        let text = sandbox.read(URLS);
        for _ in 0..5 {
            sandbox.view("mysite", "two");
            set_modified(&path, SystemTime::now() + Duration::from_secs(5));
            fs::rename(sandbox.write("mysite/mysite/urls.py.tmp", &text), &path).unwrap();
            assert_eq!(settle(&sandbox, "mysite"), build);
        }
        assert_eq!(server.ask("").build, build);
        assert_eq!(reloads(&server), 1, "{}", server.err());
        server.stop();
    });
}

#[test]
fn a_file_that_nothing_reads_reloads_nothing() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    sandbox.write("mysite/mysite/tests.py", "assert True\n");
    let server = Server::start(&sandbox, "mysite", &[]);
    server.until_body("one");
    let build = settle(&sandbox, "mysite");
    for file in ["mysite/tests.py", "mysite/brand_new.py", "notes.txt", "mysite/.urls.py.swp", "mysite/4913"] {
        sandbox.write(format!("mysite/{file}"), "changed, and no Python\n");
        assert_eq!(settle(&sandbox, "mysite"), build, "{file}");
    }
    fs::create_dir(sandbox.join("mysite/mysite/__pycache__/x")).unwrap();
    assert_eq!(settle(&sandbox, "mysite"), build);
    assert_eq!(reloads(&server), 0, "{}", server.err());
    server.stop();
}

#[test]
fn a_storm_of_changes_is_one_reload_and_the_last_state_is_served() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        let switch = |branch: u32| {
            for number in 0..300 {
                sandbox.write(format!("mysite/parts/part{number}.py"), &format!("BRANCH = {branch}\n"));
            }
        };
        sandbox.write("mysite/parts/__init__.py", "");
        switch(1);
        let gather = "import importlib\nparts = [importlib.import_module(f\"parts.part{n}\") for n in range(300)]\n";
        sandbox.write("mysite/gathered.py", gather);
        sandbox.write(URLS, &telling("gathered", "sorted({part.BRANCH for part in gathered.parts})"));
        let server = Server::start(&sandbox, "mysite", &[]);
        server.until_body("[1]");
        for branch in [2, 3] {
            let before = reloads(&server);
            switch(branch);
            assert_eq!(first_answer(&server).shown(), (200, format!("[{branch}]")));
            assert_eq!(settled_body(&sandbox, &server), format!("[{branch}]"));
            let lines = reloads(&server) - before;
            assert!((1..=2).contains(&lines), "{lines} reloads: {}", server.err());
        }
        server.stop();
    });
}

#[test]
fn a_folder_that_took_the_place_of_another_is_watched_like_it() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    sandbox.write("mysite/word/__init__.py", "from word.value import WORD\n");
    sandbox.write("mysite/word/value.py", "WORD = \"one\"\n");
    sandbox.write(URLS, &telling("word", "word.WORD"));
    let server = Server::start(&sandbox, "mysite", &[]);
    server.until_body("one");
    for number in 0..3 {
        sandbox.write("mysite/fresh/__init__.py", "from word.value import WORD\n");
        sandbox.write("mysite/fresh/value.py", &format!("WORD = \"folder {number}\"\n"));
        fs::rename(sandbox.join("mysite/word"), sandbox.join(format!("mysite/old{number}"))).unwrap();
        fs::rename(sandbox.join("mysite/fresh"), sandbox.join("mysite/word")).unwrap();
        assert_eq!(settled_body(&sandbox, &server), format!("folder {number}"));
        sandbox.write("mysite/word/value.py", &format!("WORD = \"edited {number}\"\n"));
        assert_eq!(settled_body(&sandbox, &server), format!("edited {number}"));
    }
    server.stop();
}
