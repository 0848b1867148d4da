//! Where the kernel has no watches to give: files are looked at.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::lchown;
use std::process::{Child, Stdio};

use crate::support::server::free_port;
use crate::support::{Sandbox, Server, on_both};

/// Without an account, and not another test's: the kernel counts by user.
const OWNER: u32 = 54322;

/// Takes every watch of a user that the kernel has to give, until its input ends.
const TAKE_ALL: &str = "import ctypes, os, sys\n\
    os.setuid(int(sys.argv[1]))\n\
    while ctypes.CDLL(None).inotify_init() >= 0:\n    pass\n\
    print('taken', flush=True)\n\
    sys.stdin.read()\n";

fn take_all_watches(sandbox: &Sandbox) -> Child {
    let mut command = sandbox.command_as_root("python3", "");
    command.args(["-c", TAKE_ALL, &OWNER.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut taker = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(taker.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "taken\n");
    taker
}

#[test]
fn without_watches_files_are_looked_at() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        let root = sandbox.site(flavor);
        for entry in walkdir::WalkDir::new(&root) {
            lchown(entry.unwrap().path(), Some(OWNER), Some(OWNER)).unwrap();
        }
        lchown(&sandbox.path, Some(OWNER), None).unwrap();
        let mut taker = take_all_watches(&sandbox);
        let djwsgi = |arguments: &[&str]| {
            let mut command = sandbox.command_as_root(&crate::support::machine().djwsgi, "mysite");
            command.args(arguments).env("DJWSGI_PORT", free_port().to_string());
            command
        };
        let server = Server::spawn(&sandbox, &mut djwsgi(&["dev"])).ready();
        server.until_says("the kernel has no more watches to give");
        server.until_body("one");
        // Several of the same size within a second, each served when djwsgi says so.
        for number in 10..15 {
            sandbox.view("mysite", &number.to_string());
            sandbox.run(&mut djwsgi(&["wait"])).code(0);
            assert_eq!(server.get(""), (200, number.to_string()));
        }
        // Without it, soon.
        sandbox.view("mysite", "later");
        server.until_body("later");
        // What was not there before.
        sandbox.write("mysite/fresh.py", "WORD = \"fresh\"\n");
        sandbox.write("mysite/mysite/urls.py", &crate::support::reload::telling("fresh", "fresh.WORD"));
        server.until_body("fresh");
        sandbox.write("mysite/fresh/__init__.py", "WORD = \"a package\"\n");
        server.until_body("a package");
        std::fs::remove_dir_all(sandbox.join("mysite/fresh")).unwrap();
        server.until_body("fresh");
        drop(taker.stdin.take());
        taker.wait().unwrap();
        server.stop();
    });
}
