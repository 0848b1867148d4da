//! The socket on which processes of a site report, before they take requests.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use nix::fcntl::{Flock, FlockArg};
use serde::Deserialize;
use serde_json::json;

use crate::files;
use crate::identity::Identity;
use crate::production::manifest::Manifest;
use crate::ui::problem::Problem;

/// What a process says.
#[derive(Debug, Deserialize)]
struct Said {
    pid: u32,
    failure: Option<String>,
}

/// A process that has loaded the site, or failed to.
pub struct Report {
    /// Its process id.
    pub pid: u32,
    /// Why it can't answer.
    pub failure: Option<String>,
    stream: UnixStream,
}

impl Report {
    /// Lets the process take requests, whatever it said. Returns why it can't answer.
    pub fn serve(mut self) -> Option<String> {
        // One that has gone needs no leave.
        let _ = self.stream.write_all(b"serve\n");
        self.failure
    }

    /// Keeps it from taking requests until it is renewed again.
    pub fn wait(mut self) {
        let _ = self.stream.write_all(b"wait\n");
    }
}

/// The socket; while it is there, new processes report.
pub struct Line {
    path: PathBuf,
    reports: Receiver<Report>,
    /// Whether somebody waits for reports. Processes that begin at another time, for whatever reason, are not kept.
    awaited: Arc<AtomicBool>,
    _lock: Flock<fs::File>,
}

impl Line {
    /// Opens it, for processes of `account` only.
    ///
    /// # Errors
    /// When another renewal of the site is under way, or the socket can't be made.
    pub fn open(manifest: &Manifest, account: &Identity) -> Result<Self> {
        let path = manifest.renewal.clone();
        let folder = path.parent().unwrap_or(Path::new("/run"));
        let made = fs::DirBuilder::new().recursive(true).mode(0o755).create(folder);
        made.map_err(|error| files::unwritable(&path, error))?;
        let lock = Flock::lock(files::open_lock(&folder.join("lock"))?, FlockArg::LockExclusiveNonblock)
            .map_err(|_| Problem::findings(format!("{} is being renewed already", manifest.name)))?;
        // Of one that was killed.
        let _ = fs::remove_file(&path);
        let listener = UnixListener::bind(&path).map_err(|error| files::unwritable(&path, error))?;
        fs::set_permissions(&path, PermissionsExt::from_mode(0o600))
            .and_then(|()| chown(&path, Some(account.uid), Some(account.gid)))
            .map_err(|error| files::unwritable(&path, error))?;
        let (sender, reports) = mpsc::channel();
        let question = question(manifest);
        let awaited = Arc::new(AtomicBool::new(false));
        let is_awaited = Arc::clone(&awaited);
        thread::spawn(move || {
            // One that is not awaited finds the line dead, and goes on.
            for stream in listener.incoming().flatten().filter(|_| is_awaited.load(Ordering::SeqCst)) {
                let (sender, question) = (sender.clone(), question.clone());
                thread::spawn(move || hear(stream, &question, &sender));
            }
        });
        Ok(Self { path, reports, awaited, _lock: lock })
    }

    /// Has processes report from now on, until what is returned is dropped.
    pub fn awaiting(&self) -> Awaiting<'_> {
        self.awaited.store(true, Ordering::SeqCst);
        Awaiting { line: self }
    }

    /// The next report, if one comes within `limit`.
    pub fn next(&self, limit: Duration) -> Option<Report> {
        self.reports.recv_timeout(limit).ok()
    }
}

/// While it is there, processes report.
pub struct Awaiting<'a> {
    line: &'a Line,
}

impl Drop for Awaiting<'_> {
    fn drop(&mut self) {
        self.line.awaited.store(false, Ordering::SeqCst);
        // Nobody asks for these any more.
        self.line.reports.try_iter().for_each(|report| drop(report.serve()));
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// One process: it is asked for the front page, and says how that went.
fn hear(mut stream: UnixStream, question: &str, reports: &Sender<Report>) {
    if stream.write_all(question.as_bytes()).is_err() {
        return;
    }
    let mut line = String::new();
    let Ok(copy) = stream.try_clone() else { return };
    // One that ends without a word has ended; another takes its place.
    if BufReader::new(copy).read_line(&mut line).is_ok()
        && let Ok(Said { pid, failure }) = serde_json::from_str(&line)
    {
        let _ = reports.send(Report { pid, failure, stream });
    }
}

/// A visitor's request for the front page as WSGI has it.
fn question(manifest: &Manifest) -> String {
    let scheme = if manifest.is_https() { "https" } else { "http" };
    let port = if manifest.is_https() { "443" } else { "80" };
    let mount = manifest.front_page.trim_end_matches('/');
    let mut environ = json!({
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": mount,
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "REQUEST_URI": manifest.front_page,
        "SERVER_NAME": manifest.server_name,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": manifest.server_name,
        "HTTP_USER_AGENT": "djwsgi",
        "wsgi.url_scheme": scheme,
    });
    if manifest.is_https() {
        environ["HTTPS"] = json!("on");
        environ["HTTP_X_FORWARDED_PROTO"] = json!("https");
    }
    format!("{environ}\n")
}
