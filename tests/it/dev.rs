//! `djwsgi dev`: serving.

use std::net::TcpListener;

use crate::support::sandbox::urls;
use crate::support::server::{free_port, get};
use crate::support::{Flavor, LONG, Sandbox, Server, on_both, until};

#[test]
fn the_site_its_static_files_and_its_output() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        sandbox.write(
            "mysite/mysite/urls.py",
            &urls("[print(\"héllo\\tworld \\\\ \\\"x\\\"\"), sys.stderr.write(\"to stderr\\n\"), HttpResponse(\"one\")][-1]"),
        );
        let server = Server::start(&sandbox, "mysite", &[]);
        assert_eq!(server.get(""), (200, "one".to_owned()));
        let (status, css) = server.get("static/admin/css/base.css");
        assert!(status == 200 && css.contains("body"), "without collectstatic");
        server.until_says("héllo\tworld \\ \"x\"");
        server.until_says("to stderr");
        server.until_says("GET / 200");
        let version = if flavor == Flavor::Distribution { "mod_wsgi 4.9.4" } else { "mod_wsgi 6." };
        let said = server.stop();
        assert!(said.contains(version) && said.contains("reload: standby"), "{said}");
        assert!(!said.contains("djwsgi-dev"), "our own request is not shown: {said}");
        assert!(!sandbox.has("mysite/.djwsgi/dev.json"));
        assert_eq!(sandbox.read("mysite/.djwsgi/.gitignore"), "*\n");
    });
}

#[test]
fn a_traceback_appears_whole() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        let text =
            urls("1 / 0").replace("def view", "def deeper():\n    raise ValueError(\"in the view: ü\")\n\n\ndef view");
        sandbox.write("mysite/mysite/urls.py", &text.replace("1 / 0", "deeper()"));
        let server = Server::start(&sandbox, "mysite", &[]);
        server.until_says("the site answers 500");
        let (status, page) = server.get("");
        assert!(status == 500 && page.contains("in the view"), "Django's own page");
        let said = server.stop();
        for line in ["Traceback (most recent call last):", "in view\n    return deeper()", "ValueError: in the view: ü"]
        {
            assert!(said.contains(line), "{line:?} not in: {said}");
        }
    });
}

#[test]
fn processes_and_threads_are_those_asked_for() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    let tell = "HttpResponse(\"%s %s %s\" % (request.environ[\"wsgi.multiprocess\"], request.environ[\"wsgi.multithread\"], \
                __import__(\"mod_wsgi\").maximum_processes * __import__(\"mod_wsgi\").threads_per_process))";
    sandbox.write("mysite/mysite/urls.py", &urls(tell));
    for (arguments, expected) in [(&[][..], "False True 5"), (&["--processes", "2", "--threads", "3"], "True True 6")] {
        let server = Server::start(&sandbox, "mysite", arguments);
        assert_eq!(server.get(""), (200, expected.to_owned()));
        server.stop();
    }
    sandbox.write("mysite/djwsgi.local.toml", "[dev]\nprocesses = 3\nthreads = 7\n");
    let mut command = sandbox.djwsgi_command("mysite", &["dev", "--port", &free_port().to_string()]);
    let server = Server::spawn(&sandbox, command.env("DJWSGI_THREADS", "2")).ready();
    assert_eq!(server.get(""), (200, "True True 6".to_owned()), "variables win over files");
    server.stop();
}

#[test]
fn a_busy_port_is_named_and_a_busy_default_moves_on() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    // Another user's process can't be named; root's own view can.
    sandbox.djwsgi("mysite", &["dev", "--port", &port]).code(3).says(&[&port, "in use by", "--port"]);
    let mut squatter = sandbox.command("/usr/bin/python3", "");
    let free = free_port().to_string();
    let code = format!(
        "import socket, time; s = socket.create_server(('127.0.0.1', {free})); print('up', flush=True); time.sleep(600)"
    );
    let mut child = squatter.args(["-c", &code]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut [0; 2]).unwrap();
    let shown = sandbox.djwsgi("mysite", &["dev", "--port", &free]).code(3);
    shown.says(&[&format!("python3 (process {})", child.id())]);
    child.kill().unwrap();
    child.wait().unwrap();

    // The default one: held here, unless somebody holds it already.
    let _held = TcpListener::bind(("127.0.0.1", 8000));
    let server = Server::spawn(&sandbox, &mut sandbox.djwsgi_command("mysite", &["dev"])).ready();
    let port: u16 = server.url.trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap();
    assert!((8001..8100).contains(&port), "{}", server.url);
    server.stop();
}

#[test]
fn a_second_dev_prints_the_running_url() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    let server = Server::start(&sandbox, "mysite", &[]);
    let shown = sandbox.djwsgi("mysite", &["dev"]).code(0);
    assert_eq!(shown.out.trim(), server.url);
    assert_eq!(server.get("").0, 200, "the first one goes on");
    server.stop();
}

#[test]
fn a_state_folder_that_is_removed_is_made_again() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        let server = Server::start(&sandbox, "mysite", &[]);
        // As `git clean -fdx` does; somebody may make the folder anew, and files in it come and go.
        std::fs::rename(sandbox.join("mysite/.djwsgi"), sandbox.join("gone")).unwrap();
        sandbox.write("mysite/.djwsgi/.gitignore", "*\n");
        server.until_says("Serving again");
        sandbox.write("mysite/mysite/urls.py", &urls("HttpResponse(\"new\")"));
        server.until_body("new");
        assert_eq!(sandbox.djwsgi("mysite", &["wait"]).code(0).err, "");
        let shown = sandbox.djwsgi("mysite", &["dev"]).code(0);
        assert_eq!(shown.out.trim(), server.url);
        server.stop();
    });
}

#[test]
fn the_url_is_one_that_allowed_hosts_accepts() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    let settings = sandbox.read("mysite/mysite/settings.py");
    for (hosts, expected) in [
        ("['shop.localhost', 'www.example.org']", "http://shop.localhost:"),
        ("['.localhost']", "http://localhost:"),
        ("['*']", "http://127.0.0.1:"),
    ] {
        let listed = settings.replace("ALLOWED_HOSTS = []", &format!("ALLOWED_HOSTS = {hosts}"));
        sandbox.write("mysite/mysite/settings.py", &listed);
        let server = Server::start(&sandbox, "mysite", &[]);
        assert!(server.url.starts_with(expected), "{} for {hosts}", server.url);
        assert_eq!(server.get(""), (200, "one".to_owned()));
        server.stop();
    }
    let unreachable = settings.replace("ALLOWED_HOSTS = []", "ALLOWED_HOSTS = ['www.shop.test']");
    sandbox.write("mysite/mysite/settings.py", &unreachable);
    let server = Server::start(&sandbox, "mysite", &[]);
    assert!(server.url.starts_with("http://www.shop.test:"), "{}", server.url);
    assert!(server.stop().contains("/etc/hosts: 127.0.0.1 www.shop.test"));
}

#[test]
fn a_site_below_a_mount_point() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    sandbox.write("mysite/djwsgi.local.toml", "[site]\nmount = \"/shop\"\n");
    let server = Server::start(&sandbox, "mysite", &[]);
    assert!(server.url.ends_with("/shop/"), "{}", server.url);
    assert_eq!(server.get(""), (200, "one".to_owned()));
    let elsewhere = server.url.replace("/shop/", "/");
    assert_eq!(get(&elsewhere, None).0, 403);
    server.stop();
}

#[test]
fn a_read_only_site_is_served_with_its_state_elsewhere() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::new();
    let root = sandbox.site(Flavor::Distribution);
    std::fs::remove_dir_all(root.join(".djwsgi")).unwrap();
    set_permissions(&root, Permissions::from_mode(0o555)).unwrap();
    let server = Server::start(&sandbox, "mysite", &[]);
    assert_eq!(server.get(""), (200, "one".to_owned()));
    server.stop();
    assert!(!sandbox.has("mysite/.djwsgi") && sandbox.has(".local/state"));
    set_permissions(&root, Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn changed_settings_are_applied_and_wrong_ones_are_not() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    sandbox.write("mysite/mysite/urls.py", &urls("HttpResponse(str(__import__(\"mod_wsgi\").threads_per_process))"));
    let server = Server::start(&sandbox, "mysite", &[]);
    server.until_body("5");
    sandbox.write("mysite/djwsgi.local.toml", "[dev]\nthreads = 3\n");
    server.until_says("Applying");
    server.until_says("Serving again");
    assert_eq!(server.get(""), (200, "3".to_owned()));
    sandbox.write("mysite/djwsgi.local.toml", "[dev]\nthread = 4\n");
    server.until_says("unknown key thread");
    assert_eq!(server.get(""), (200, "3".to_owned()));
    server.stop();
}

#[test]
fn dev_needs_init_first() {
    let sandbox = Sandbox::new();
    sandbox.start_project(Flavor::Distribution, "mysite", "mysite");
    sandbox.djwsgi("mysite", &["dev"]).code(3).says(&["apache/django.wsgi is missing", "hint: djwsgi init"]);
}

#[test]
fn variables_and_settings_of_this_machine_reach_the_site_and_no_committed_file() {
    let sandbox = Sandbox::new();
    sandbox.production_site(Flavor::Distribution, "");
    sandbox.write("mysite/djwsgi.toml", "[env]\nSHARED = \"one\"\nfile = \".env\"\n");
    sandbox.write("mysite/djwsgi.local.toml", "[env]\nTOKEN = \"s3cret\"\nSHARED = \"mine\"\n");
    let other = "from .settings import *\nSECURE_SSL_REDIRECT = False\nALLOWED_HOSTS = [\"*\"]\n";
    sandbox.write("mysite/mysite/other.py", other);
    let names = "(\"TOKEN\", \"SHARED\", \"DJANGO_SETTINGS_MODULE\")";
    let tell = format!("HttpResponse(\" \".join(__import__(\"os\").environ.get(n, \"-\") for n in {names}))");
    sandbox.write("mysite/mysite/urls.py", &urls(&tell));
    sandbox.djwsgi("mysite", &["init"]).code(0);
    sandbox.djwsgi("mysite", &["deploy-config", "--prod", "--output", "out"]).code(0);
    for file in ["apache/django.wsgi", "apache/mysite.conf", "out/django.wsgi", "out/00-mysite.conf", "out/secrets.env"]
    {
        assert!(!sandbox.read(format!("mysite/{file}")).contains("s3cret"), "{file}");
    }
    let server = Server::start(&sandbox, "mysite", &["--settings", "mysite.other"]);
    assert_eq!(server.get("").1, "s3cret mine mysite.other");
    server.stop();
}

#[test]
fn the_state_folder_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    let djwsgi = crate::support::machine().djwsgi.display().to_string();
    let mut command = sandbox.command("sh", "mysite");
    command.args(["-c", &format!("umask 000; exec {djwsgi} dev --port {}", free_port())]);
    let server = Server::spawn(&sandbox, &mut command).ready();
    let mode = std::fs::metadata(sandbox.join("mysite/.djwsgi")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    server.stop();
    // A link or a file of that name is not used.
    std::fs::remove_dir_all(sandbox.join("mysite/.djwsgi")).unwrap();
    std::os::unix::fs::symlink("/etc", sandbox.join("mysite/.djwsgi")).unwrap();
    let server = Server::start(&sandbox, "mysite", &[]);
    assert_eq!(server.get("").0, 200);
    server.stop();
}

#[test]
fn two_sites_started_at_once_both_find_a_port() {
    let sandboxes = [Sandbox::new(), Sandbox::new()];
    for sandbox in &sandboxes {
        sandbox.site(Flavor::Distribution);
    }
    let started =
        sandboxes.each_ref().map(|sandbox| Server::spawn(sandbox, &mut sandbox.djwsgi_command("mysite", &["dev"])));
    let servers = started.map(Server::ready);
    assert_ne!(servers[0].url, servers[1].url);
    for server in servers {
        assert_eq!(server.get(""), (200, "one".to_owned()));
        server.stop();
    }
}

#[test]
fn a_terminal_that_stands_still_stops_neither_the_site_nor_ctrl_c() {
    use nix::sys::signal::{Signal, kill};
    use std::process::Stdio;
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    sandbox.write("mysite/mysite/urls.py", &urls("[print(\"x\" * 4000), HttpResponse(\"one\")][-1]"));
    let port = free_port();
    let (_never_read, stalled) = std::io::pipe().unwrap();
    let mut command = sandbox.djwsgi_command("mysite", &["dev", "--port", &port.to_string()]);
    let mut child = command.stdout(Stdio::null()).stderr(stalled).spawn().unwrap();
    let url = format!("http://127.0.0.1:{port}/");
    until("the port", LONG, || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
    for _ in 0..100 {
        assert_eq!(get(&url, None), (200, "one".to_owned()));
    }
    kill(nix::unistd::Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    let status = until("the end", std::time::Duration::from_secs(10), || child.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
}
