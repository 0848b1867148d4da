//! The instant reload: processes that are ended from outside.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::reload::{first_answer, telling};
use crate::support::sandbox::until_no_process;
use crate::support::{LONG, Sandbox, Server, on_both, until};

const URLS: &str = "mysite/mysite/urls.py";

#[test]
fn a_serving_process_killed_while_idle_is_replaced() {
    on_both(|flavor| {
        for processes in ["1", "2"] {
            let sandbox = Sandbox::new();
            sandbox.site(flavor);
            sandbox.write(URLS, &telling("os", "os.getpid()"));
            let server = Server::start(&sandbox, "mysite", &["--processes", processes]);
            for _ in 0..3 {
                let pid = until("an answer", LONG, || server.get("").1.parse::<i32>().ok());
                kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
                let (status, body) = server.get("");
                assert_eq!(status, 200, "{body}");
            }
            server.until_says("ended by itself (killed by signal 9");
            sandbox.view("mysite", "two");
            assert_eq!(first_answer(&server).shown(), (200, "two".to_owned()));
            server.stop();
        }
    });
}

#[test]
fn kill_9_right_after_a_save_leaves_nothing() {
    on_both(|flavor| {
        for pause in [0, 5, 15, 40] {
            let sandbox = Sandbox::new();
            sandbox.site(flavor);
            let mut server = Server::start(&sandbox, "mysite", &[]);
            server.until_body("one");
            sandbox.view("mysite", "two");
            std::thread::sleep(Duration::from_millis(pause));
            server.signal(Signal::SIGKILL);
            server.wait(LONG);
            until_no_process(&sandbox);
        }
    });
}

#[test]
fn ctrl_c_during_a_load_that_hangs_ends_it() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        let mut server = Server::start(&sandbox, "mysite", &[]);
        server.until_body("one");
        let begun = sandbox.join("begun");
        let hanging = format!("import time\nopen({:?}, \"w\").close()\ntime.sleep(600)\n", begun.display().to_string());
        sandbox.write(URLS, &hanging);
        until("the load to hang", LONG, || begun.exists().then_some(()));
        let asked = Instant::now();
        server.signal(Signal::SIGINT);
        assert_eq!(server.wait(LONG), 0);
        assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
        until_no_process(&sandbox);
    });
}
