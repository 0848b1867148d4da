//! Started as root: the site's owner serves it, root never does.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::process::Command;

use crate::support::sandbox::urls;
use crate::support::server::free_port;
use crate::support::{Flavor, Sandbox, Server, machine, on_both};

fn as_root(sandbox: &Sandbox, arguments: &[&str]) -> Command {
    let mut command = sandbox.command_as_root(&machine().djwsgi, "mysite");
    command.args(arguments).env("DJWSGI_PORT", free_port().to_string());
    command
}

const WHO: &str = "HttpResponse(\"%d %d %s\" % (__import__(\"os\").getuid(), len(__import__(\"os\").getgroups()), __import__(\"os\").environ[\"HOME\"]))";

#[test]
fn the_owner_of_the_site_serves_it() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        sandbox.write("mysite/mysite/urls.py", &urls(WHO));
        let server = Server::spawn(&sandbox, &mut as_root(&sandbox, &["dev"])).ready();
        let (_, body) = server.get("");
        let home = nix::unistd::User::from_name(&machine().user).unwrap().unwrap().dir;
        assert_eq!(body, format!("{} 1 {}", machine().uid, home.display()));
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
            if String::from_utf8_lossy(&environment).contains(&format!("DJWSGI_TEST={}\0", sandbox.mark)) {
                assert_eq!(fs::metadata(entry.path()).unwrap().uid(), machine().uid, "a process of root's");
            }
        }
        assert_eq!(fs::metadata(sandbox.join("mysite/.djwsgi")).unwrap().uid(), machine().uid);
        assert!(server.stop().contains("serving as djwsgi-test"));
    });
}

#[test]
fn a_site_of_roots_is_refused_and_user_is_the_way_out() {
    let sandbox = Sandbox::new();
    let root = sandbox.site(Flavor::Distribution);
    for entry in walkdir::WalkDir::new(&root) {
        std::os::unix::fs::lchown(entry.unwrap().path(), Some(0), Some(0)).unwrap();
    }
    let shown = sandbox.run(&mut as_root(&sandbox, &["dev"])).code(3);
    shown.says(&["never served as root", "--user NAME"]);
    let shown = sandbox.run(&mut as_root(&sandbox, &["dev", "--user", "root"])).code(3);
    shown.says(&["never served as root"]);
    let shown = sandbox.run(&mut as_root(&sandbox, &["dev", "--user", "nobody-here"])).code(2);
    shown.says(&["there is no user", "useradd"]);
    let server = Server::spawn(&sandbox, &mut as_root(&sandbox, &["dev", "--user", &machine().user])).ready();
    assert_eq!(server.get(""), (200, "one".to_owned()));
    server.stop();
}

#[test]
fn an_owner_without_an_account_serves_too() {
    let sandbox = Sandbox::new();
    let root = sandbox.site(Flavor::Distribution);
    sandbox.write("mysite/mysite/urls.py", &urls(WHO));
    for entry in walkdir::WalkDir::new(&root) {
        std::os::unix::fs::lchown(entry.unwrap().path(), Some(54321), Some(54321)).unwrap();
    }
    chown(&sandbox.path, Some(54321), None).unwrap();
    let server = Server::spawn(&sandbox, &mut as_root(&sandbox, &["dev"])).ready();
    assert_eq!(server.get("").1, "54321 1 /");
    assert!(server.stop().contains("serving as user 54321"));
}

#[test]
fn init_as_root_gives_the_files_to_the_owner_and_never_runs_the_site_as_root() {
    let sandbox = Sandbox::new();
    sandbox.production_site(Flavor::Distribution, "");
    let told = sandbox.write("uid", "");
    let settings = sandbox.read("mysite/mysite/settings.py");
    let tell = format!("{settings}\nimport os\nopen({:?}, 'a').write('%d ' % os.getuid())\n", told.display());
    sandbox.write("mysite/mysite/settings.py", &tell);
    sandbox.run(&mut as_root(&sandbox, &["init"])).code(0);
    assert_eq!(fs::metadata(sandbox.join("mysite/apache/django.wsgi")).unwrap().uid(), machine().uid);
    sandbox.run(&mut as_root(&sandbox, &["deploy-config", "--prod"])).code(0);
    let uid = machine().uid.to_string();
    assert!(!sandbox.read("uid").is_empty());
    assert!(sandbox.read("uid").split_whitespace().all(|seen| seen == uid), "{}", sandbox.read("uid"));
}

#[test]
fn only_root_may_name_another_user() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    sandbox.djwsgi("mysite", &["dev", "--user", "daemon"]).code(2).says(&["only root"]);
}

#[test]
fn no_verb_runs_anything_of_the_sites_as_root() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::new();
    sandbox.production_site(Flavor::Distribution, "SECURE_SSL_REDIRECT = False\nALLOWED_HOSTS += ['127.0.0.1']");
    // The site's own Python tells who started it.
    fs::remove_file(sandbox.join("mysite/.venv")).unwrap();
    let real = machine().venv(Flavor::Distribution).join("bin/python");
    let log = sandbox.write("log", "");
    let spy = format!("#!/bin/sh\nid -u >> {}\nexec {} \"$@\"\n", log.display(), real.display());
    let path = sandbox.write("mysite/.venv/bin/python", &spy);
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    sandbox.write("mysite/.venv/pyvenv.cfg", "");
    for arguments in [&["init"][..], &["deploy-config"], &["deploy-config", "--prod"]] {
        sandbox.run(&mut as_root(&sandbox, arguments)).code(0);
    }
    // From the folder above, by name.
    let mut by_name = sandbox.command_as_root(&machine().djwsgi, "");
    sandbox.run(by_name.args(["init", "mysite"])).code(0);
    let server = Server::spawn(&sandbox, &mut as_root(&sandbox, &["dev"])).ready();
    server.stop();
    let uid = machine().uid.to_string();
    assert!(sandbox.read("log").lines().count() >= 5);
    assert!(sandbox.read("log").lines().all(|seen| seen == uid), "{}", sandbox.read("log"));
    assert_eq!(fs::metadata(sandbox.join("mysite/apache/mysite.conf")).unwrap().uid(), machine().uid);
}
