//! The instant reload: modules that come, go, move and live elsewhere.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::reload::{add_settings, first_answer, own_environment, settle, settled_body, telling};
use crate::support::{Flavor, Sandbox, Server, on_both};

const URLS: &str = "mysite/mysite/urls.py";

/// A module `word` that has `WORD` from wherever `extra` is, or from nowhere.
fn optional_extra(sandbox: &Sandbox) {
    sandbox.write("mysite/word.py", "try:\n    from extra import WORD\nexcept ImportError:\n    WORD = \"none\"\n");
    sandbox.write(URLS, &telling("word", "word.WORD"));
}

#[test]
fn a_module_that_was_looked_for_in_vain_is_found_when_it_comes() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        optional_extra(&sandbox);
        let server = Server::start(&sandbox, "mysite", &[]);
        server.until_body("none");
        sandbox.write("mysite/extra.py", "WORD = \"module\"\n");
        assert_eq!(first_answer(&server).body, "module");
        server.stop();
    });
}

#[test]
fn a_package_that_was_looked_for_in_vain_is_found_when_it_comes() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    optional_extra(&sandbox);
    let server = Server::start(&sandbox, "mysite", &[]);
    server.until_body("none");
    let package = sandbox.write("mysite/extra/__init__.py", "WORD = \"package\"\n");
    assert_eq!(settled_body(&sandbox, &server), "package");
    fs::write(package, "from .inner import NAME as WORD\n").unwrap();
    assert_eq!(first_answer(&server).shown(), (200, "none".to_owned()));
    sandbox.write("mysite/extra/inner.py", "NAME = \"inner\"\n");
    assert_eq!(first_answer(&server).shown(), (200, "inner".to_owned()));
    server.stop();
}

#[test]
fn a_module_that_takes_the_place_of_an_installed_one_is_found() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        let packages = own_environment(&sandbox, "mysite");
        sandbox.write(packages.join("shadowed.py"), "WORD = \"installed\"\n");
        sandbox.write("mysite/mysite/urls.py", &telling("shadowed", "shadowed.WORD"));
        let server = Server::start(&sandbox, "mysite", &[]);
        server.until_body("installed");
        for number in 0..3 {
            // From a standby that has imported the installed one ahead, in the end.
            sandbox.write("mysite/mysite/urls.py", &telling("shadowed", &format!("shadowed.WORD + \"{number}\"")));
            settle(&sandbox, "mysite");
            std::thread::sleep(std::time::Duration::from_millis(500));
        }
        sandbox.write("mysite/shadowed.py", "WORD = \"the site's own\"\n");
        settle(&sandbox, "mysite");
        assert_eq!(server.get("").1, "the site's own2");
        std::fs::remove_file(sandbox.join("mysite/shadowed.py")).unwrap();
        settle(&sandbox, "mysite");
        assert_eq!(server.get("").1, "installed2");
        server.stop();
    });
}

#[test]
fn a_module_that_goes_is_missed() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        optional_extra(&sandbox);
        let server = Server::start(&sandbox, "mysite", &[]);
        server.until_body("none");
        for _ in 0..3 {
            sandbox.write("mysite/extra.py", "WORD = \"module\"\n");
            assert_eq!(first_answer(&server).body, "module");
            fs::remove_file(sandbox.join("mysite/extra.py")).unwrap();
            assert_eq!(settled_body(&sandbox, &server), "none");
        }
        server.stop();
    });
}

#[test]
fn a_module_becomes_a_package_and_a_module_again() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        optional_extra(&sandbox);
        sandbox.write("mysite/extra.py", "WORD = \"module\"\n");
        let server = Server::start(&sandbox, "mysite", &[]);
        server.until_body("module");
        for number in 0..3 {
            let word = format!("package {number}");
            sandbox.write("mysite/made/__init__.py", &format!("WORD = {word:?}\n"));
            fs::remove_file(sandbox.join("mysite/extra.py")).unwrap();
            fs::rename(sandbox.join("mysite/made"), sandbox.join("mysite/extra")).unwrap();
            assert_eq!(settled_body(&sandbox, &server), word);
            sandbox.write("mysite/extra/__init__.py", "WORD = \"edited\"\n");
            assert_eq!(first_answer(&server).body, "edited");
            let word = format!("module {number}");
            fs::remove_dir_all(sandbox.join("mysite/extra")).unwrap();
            sandbox.write("mysite/extra.py", &format!("WORD = {word:?}\n"));
            assert_eq!(settled_body(&sandbox, &server), word);
        }
        server.stop();
    });
}

#[test]
fn a_package_made_beside_the_module_of_its_name_takes_its_place() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    sandbox.write("mysite/top.py", "WORD = \"module\"\n");
    sandbox.write("mysite/mysite/inner.py", "WORD = \"module\"\n");
    sandbox.write("mysite/word.py", "import top\nfrom mysite import inner\nWORDS = f\"{top.WORD} {inner.WORD}\"\n");
    sandbox.write(URLS, &telling("word", "word.WORDS"));
    let server = Server::start(&sandbox, "mysite", &[]);
    server.until_body("module module");
    sandbox.write("mysite/top/__init__.py", "WORD = \"package\"\n");
    assert_eq!(settled_body(&sandbox, &server), "package module");
    sandbox.write("mysite/mysite/inner/__init__.py", "WORD = \"package\"\n");
    assert_eq!(settled_body(&sandbox, &server), "package package");
    fs::remove_dir_all(sandbox.join("mysite/top")).unwrap();
    fs::remove_dir_all(sandbox.join("mysite/mysite/inner")).unwrap();
    assert_eq!(settled_body(&sandbox, &server), "module module");
    server.stop();
}

/// Waits for a site that is served as it is on the disk, loaded or not.
fn settle_whatever(sandbox: &Sandbox) {
    sandbox.djwsgi("mysite", &["wait"]);
}

#[test]
fn a_package_is_renamed() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    sandbox.write("mysite/shop/__init__.py", "");
    sandbox.write("mysite/shop/words.py", "WORD = \"shop\"\n");
    sandbox.write(URLS, &telling("shop.words", "shop.words.WORD"));
    let server = Server::start(&sandbox, "mysite", &[]);
    server.until_body("shop");
    fs::rename(sandbox.join("mysite/shop"), sandbox.join("mysite/store")).unwrap();
    settle_whatever(&sandbox);
    let answer = server.get("");
    assert!(answer.0 == 500 && answer.1.contains("No module named 'shop'"), "{answer:?}");
    sandbox.write(URLS, &telling("store.words", "store.words.WORD"));
    assert_eq!(first_answer(&server).shown(), (200, "shop".to_owned()));
    sandbox.write("mysite/store/words.py", "WORD = \"store\"\n");
    assert_eq!(first_answer(&server).shown(), (200, "store".to_owned()));
    // Back, with the same content, so that only the names tell.
    fs::rename(sandbox.join("mysite/store"), sandbox.join("mysite/shop")).unwrap();
    sandbox.write(URLS, &telling("shop.words", "shop.words.WORD"));
    assert_eq!(settled_body(&sandbox, &server), "store");
    server.stop();
}

#[test]
fn a_folder_without_init_becomes_a_package_of_its_own() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    sandbox.write("mysite/shop/words.py", "WORD = \"one\"\n");
    sandbox.write(URLS, &telling("shop.words", "getattr(shop, \"NAME\", shop.words.WORD)"));
    let server = Server::start(&sandbox, "mysite", &[]);
    server.until_body("one");
    sandbox.write("mysite/shop/words.py", "WORD = \"two\"\n");
    assert_eq!(first_answer(&server).body, "two");
    sandbox.write("mysite/shop/__init__.py", "NAME = \"named\"\n");
    assert_eq!(first_answer(&server).body, "named");
    server.stop();
}

#[test]
fn a_linked_folder_is_watched_where_it_is_and_may_be_pointed_elsewhere() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        for place in ["first", "other"] {
            sandbox.write(format!("{place}/__init__.py"), "");
            sandbox.write(format!("{place}/words.py"), &format!("WORD = {place:?}\n"));
        }
        let link = sandbox.join("mysite/shop");
        symlink(sandbox.join("first"), &link).unwrap();
        sandbox.write(URLS, &telling("shop.words", "shop.words.WORD"));
        let server = Server::start(&sandbox, "mysite", &[]);
        server.until_body("first");
        sandbox.write("first/words.py", "WORD = \"edited there\"\n");
        assert_eq!(first_answer(&server).body, "edited there");
        sandbox.write("mysite/shop/words.py", "WORD = \"edited here\"\n");
        assert_eq!(first_answer(&server).body, "edited here");
        symlink(sandbox.join("other"), sandbox.join("mysite/shop.new")).unwrap();
        fs::rename(sandbox.join("mysite/shop.new"), &link).unwrap();
        assert_eq!(first_answer(&server).body, "other");
        sandbox.write("other/words.py", "WORD = \"other edited\"\n");
        assert_eq!(first_answer(&server).body, "other edited");
        fs::remove_file(&link).unwrap();
        symlink(sandbox.join("first"), &link).unwrap();
        assert_eq!(settled_body(&sandbox, &server), "edited here");
        // What the link has left is no part of the site any more.
        let build = settle(&sandbox, "mysite");
        sandbox.write("other/words.py", "WORD = \"nobody's\"\n");
        assert_eq!(settle(&sandbox, "mysite"), build);
        server.stop();
    });
}

#[test]
fn code_outside_of_the_project_is_watched_too() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        sandbox.write("lib/library.py", "WORD = \"one\"\n");
        add_settings(&sandbox, &format!("import sys\nsys.path.insert(0, {:?})", sandbox.join("lib").display()));
        sandbox.write(URLS, &telling("library", "library.WORD"));
        let server = Server::start(&sandbox, "mysite", &[]);
        server.until_body("one");
        sandbox.write("lib/library.py", "WORD = \"two\"\n");
        assert_eq!(first_answer(&server).body, "two");
        server.stop();
    });
}
