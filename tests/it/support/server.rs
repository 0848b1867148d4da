//! A running `djwsgi dev`.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::answer::{Answer, ask};
use super::sandbox::{Sandbox, until_no_process};
use super::wait::{LONG, until};

/// A `djwsgi dev` and what it has printed.
pub struct Server<'a> {
    /// The process.
    pub child: Child,
    /// The URL it printed.
    pub url: String,
    sandbox: &'a Sandbox,
    out: Arc<Mutex<String>>,
    err: Arc<Mutex<String>>,
}

/// A port that is free now and that no other test has been given: below those that the system
/// takes for outgoing connections, above those that `dev` tries by itself.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(20_000);
    loop {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl<'a> Server<'a> {
    /// Starts `djwsgi dev` in `folder` as the ordinary user and waits for its URL.
    pub fn start(sandbox: &'a Sandbox, folder: impl AsRef<Path>, arguments: &[&str]) -> Self {
        let mut command = sandbox.djwsgi_command(folder, &["dev"]);
        command.args(arguments);
        if !arguments.contains(&"--port") {
            command.env("DJWSGI_PORT", free_port().to_string());
        }
        Self::spawn(sandbox, &mut command).ready()
    }

    /// Starts a prepared command, without waiting.
    pub fn spawn(sandbox: &'a Sandbox, command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = collect(child.stdout.take().unwrap());
        let err = collect(child.stderr.take().unwrap());
        Self { child, url: String::new(), sandbox, out, err }
    }

    /// Waits for the URL.
    pub fn ready(mut self) -> Self {
        let (out, err) = (Arc::clone(&self.out), Arc::clone(&self.err));
        self.url = until("the URL", LONG, || {
            if let Some(status) = self.child.try_wait().unwrap() {
                let said = err.lock().unwrap().clone();
                panic!("dev ended ({status}): {said}");
            }
            let text = out.lock().unwrap();
            text.lines().find(|line| line.starts_with("http://")).map(str::to_owned)
        });
        self
    }

    /// Everything it has printed on stdout so far.
    pub fn out(&self) -> String {
        self.out.lock().unwrap().clone()
    }

    /// Everything it has printed on stderr so far.
    pub fn err(&self) -> String {
        self.err.lock().unwrap().clone()
    }

    /// Waits until stderr contains `text`.
    pub fn until_says(&self, text: &str) {
        let seen = || self.err().contains(text).then_some(());
        let started = std::time::Instant::now();
        while seen().is_none() {
            assert!(started.elapsed() < LONG, "{text:?} not in: {}", self.err());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// GET below the printed URL: status and body.
    pub fn get(&self, path: &str) -> (u16, String) {
        self.ask(path).shown()
    }

    /// GET below the printed URL.
    pub fn ask(&self, path: &str) -> Answer {
        ask(&format!("{}{}", self.url, path.trim_start_matches('/')), None, "*/*")
    }

    /// GET below the printed URL, as a browser does it.
    pub fn browse(&self, path: &str) -> Answer {
        ask(&format!("{}{}", self.url, path.trim_start_matches('/')), None, "text/html,*/*;q=0.8")
    }

    /// Waits until GET answers `body` with 200. A request that fails to get an answer fails the test.
    pub fn until_body(&self, body: &str) {
        until(&format!("the answer {body:?}"), LONG, || (self.get("") == (200, body.to_owned())).then_some(()));
    }

    /// Its process.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// Sends a signal to djwsgi alone.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Waits for its end: the exit status.
    pub fn wait(&mut self, limit: Duration) -> i32 {
        let child = &mut self.child;
        until("dev to end", limit, || child.try_wait().unwrap()).code().unwrap_or(-1)
    }

    /// Ctrl-C; it must end well, within the time promised, and leave nothing behind.
    pub fn stop(mut self) -> String {
        self.signal(Signal::SIGINT);
        assert_eq!(self.wait(LONG), 0, "{}", self.err());
        until_no_process(self.sandbox);
        self.err()
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("dev printed:\n{}", self.err());
        }
    }
}

fn collect(pipe: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&text);
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            let mut text = sink.lock().unwrap();
            text.push_str(&String::from_utf8_lossy(&line));
            text.push('\n');
        }
    });
    text
}

/// GET, without following redirects, on a connection of its own: status and body.
pub fn get(url: &str, host: Option<&str>) -> (u16, String) {
    ask(url, host, "*/*").shown()
}
