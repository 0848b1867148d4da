//! What is seen from inside the daemon processes, through a probe at the end of the WSGI script.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::json;

use super::row::{self, Row};
use crate::client::{Client, Connection, Http2};
use crate::files;
use crate::production::deployment::Deployment;
use crate::production::trial::stage::Stage;

const PROBE: &str = include_str!("probe.py");

/// The module whose file is edited.
const EDITED: &str = "djwsgi_edited.py";

/// Modules that look for edits, in any server's development mode. Django loads its own without starting it.
const WATCHERS: [&str; 3] = ["watchdog.observers", "watchfiles", "pyinotify"];

/// Names of threads that do so: our own monitor's and Django's.
const WATCHING: [&str; 2] = ["code monitor", "django-main-thread"];

/// Longer than the monitor's second between two looks, and than Apache's before it notices that a process ended.
const WATCH: Duration = Duration::from_millis(2_500);

/// Half-sent by twice as many clients as there are threads, in bytes; more than a proxy reads ahead by itself.
const BODY: u64 = 100_000;

/// Of more there can be no proof: each takes two connections.
const MOST_THREADS: usize = 200;

/// By HTTP/2 they are streams: so many connections of so many streams.
const CONNECTIONS: usize = 60;
const STREAMS: usize = 100;

/// A user has left after this time; half bodies are cut off after ten seconds.
const PATIENCE: Duration = Duration::from_secs(6);

/// What the probe answers.
#[derive(Debug, Deserialize)]
struct Inside {
    pid: u32,
    edited: String,
    debug: bool,
    monitors: Vec<String>,
    threads: Vec<String>,
    umask: String,
    folder: String,
    encoding: String,
    read: usize,
    process_group: String,
    application_group: String,
    /// Not told by mod_wsgi 6.
    reloading: Option<String>,
    multithread: bool,
    multiprocess: bool,
    scheme: String,
    port: String,
    address: String,
    id: String,
    script_name: String,
    forwarded: BTreeMap<String, String>,
    secure: bool,
}

/// Looks inside.
pub struct Probe<'a> {
    client: &'a Client,
    token: String,
    base: String,
}

/// The end of the script with the probe.
pub fn tail(deployment: &Deployment, token: &str) -> String {
    let own = [deployment.site.monitor.module.as_str(), "djwsgi_monitor"];
    let watchers: Vec<&str> = WATCHERS.into_iter().chain(own).collect();
    let forwarded = [
        "HTTP_X_FORWARDED_HOST",
        "HTTP_X_FORWARDED_PORT",
        "HTTP_X_FORWARDED_SCHEME",
        "HTTP_X_FORWARDED_SSL",
        "HTTP_X_REAL_IP",
        "HTTP_X_CLIENT_IP",
        "HTTP_FORWARDED",
        "HTTP_PROXY",
    ];
    // JSON's lists and strings are Python's too.
    format!("\n\nTOKEN = {}\nWATCHERS = {}\nFORWARDED = {}{PROBE}", json!(token), json!(watchers), json!(forwarded))
}

/// Puts the module that is edited beside the script.
///
/// # Errors
/// When it can't be written.
pub fn lay_out(folder: &Path) -> Result<()> {
    files::write_private(&folder.join("etc").join(EDITED), "VALUE = \"before\"\n")
}

impl<'a> Probe<'a> {
    /// A probe for a script that has it.
    pub fn new(deployment: &Deployment, client: &'a Client, token: &str) -> Self {
        Self { client, token: token.to_owned(), base: deployment.site.base_path() }
    }

    fn look(&self, headers: &[(&str, &str)]) -> Result<Inside> {
        let mut all = vec![("X-Djwsgi-Probe", self.token.as_str())];
        all.extend(headers);
        let reply = self.client.ask("GET", &format!("{}?nap", self.base), &all)?;
        let answer = serde_json::from_slice(&reply.body);
        answer.with_context(|| format!("the site does not load: status {}", reply.status))
    }

    /// Every process that answers when many ask at once.
    fn processes(&self) -> Result<BTreeSet<u32>> {
        let looks: Vec<Result<Inside>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(|| self.look(&[]))).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
        });
        looks.into_iter().map(|look| look.map(|inside| inside.pid)).collect()
    }

    /// Where and how the site runs.
    ///
    /// # Errors
    /// When the site does not load.
    pub fn daemons(&self, deployment: &Deployment) -> Result<Row> {
        let inside = self.look(&[])?;
        let site = deployment.site;
        let expected_scheme = if deployment.tls.is_some() { "https" } else { "http" };
        let mount = site.mount().trim_end_matches('/');
        let mut faults = Vec::new();
        let mut expect = |holds: bool, fault: String| faults.extend((!holds).then_some(fault));
        expect(inside.process_group == site.name, format!("process group {:?}", inside.process_group));
        expect(inside.application_group.is_empty(), format!("sub-interpreter {:?}", inside.application_group));
        expect(inside.reloading.as_deref() != Some("1"), "the script is reloaded by itself".to_owned());
        expect(inside.multiprocess == (deployment.processes > 1), format!("wsgi.multiprocess {}", inside.multiprocess));
        expect(inside.multithread == (deployment.threads > 1), format!("wsgi.multithread {}", inside.multithread));
        expect(inside.umask == deployment.umask(), format!("umask {}", inside.umask));
        expect(Path::new(&inside.folder) == site.root, format!("working directory {}", inside.folder));
        expect(inside.encoding == "utf-8", format!("file names are read as {}", inside.encoding));
        expect(inside.scheme == expected_scheme, format!("wsgi.url_scheme {}", inside.scheme));
        expect(inside.script_name == mount, format!("SCRIPT_NAME {:?}", inside.script_name));
        let port = if deployment.tls.is_some() { deployment.ports.1 } else { deployment.ports.0 };
        // Without the buffer it is the one of the rehearsal.
        let is_told = deployment.buffer_port.is_none() || inside.port == port.to_string();
        expect(is_told, format!("SERVER_PORT {}", inside.port));
        Ok(Row::of(row::DAEMONS, 11, faults))
    }

    /// Nothing of development is in there.
    ///
    /// # Errors
    /// When the site does not load.
    pub fn development(&self) -> Result<Row> {
        let inside = self.look(&[])?;
        let mut faults: Vec<String> = inside.monitors.iter().map(|name| format!("{name} is loaded")).collect();
        if inside.debug {
            faults.push("DEBUG is True".to_owned());
        }
        let watching = inside.threads.iter().filter(|name| WATCHING.contains(&name.as_str()));
        faults.extend(watching.map(|name| format!("a thread {name}")));
        Ok(Row::of(row::DEVELOPMENT, 3, faults))
    }

    /// Edits change nothing: the same processes answer with the same code.
    ///
    /// # Errors
    /// When the site does not load, or the files can't be edited.
    pub fn edits(&self, stage: &Stage) -> Result<Row> {
        let before = self.processes()?;
        let folder = stage.rehearsal.folder.join("etc");
        files::write_private(&folder.join(EDITED), "VALUE = \"after\"\n")?;
        let script = folder.join("django.wsgi");
        let text = fs::read_to_string(&script)?;
        files::write_private(&script, &(text + "# edited\n"))?;
        let started = Instant::now();
        let mut faults = Vec::new();
        let mut asked = 0;
        while started.elapsed() < WATCH {
            let inside = self.look(&[])?;
            asked += 1;
            if inside.edited != "before" {
                faults.push("an edit is served".to_owned());
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let after = self.processes()?;
        if !after.is_subset(&before) && before.len() >= after.len() {
            faults.push(format!("processes {before:?} became {after:?}"));
        }
        if fs::read_dir("/proc").is_ok() && before.iter().any(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            faults.push(format!("of the processes {before:?} some have ended"));
        }
        Ok(Row::of(row::EDITS, asked, faults))
    }

    /// Strangers can't say who they are.
    ///
    /// # Errors
    /// When the site does not load.
    pub fn spoofing(&self, deployment: &Deployment) -> Result<Row> {
        let plain = self.look(&[])?;
        let other = if plain.scheme == "https" { "http" } else { "https" };
        let lies: [(&str, &str); 10] = [
            ("X-Forwarded-For", "192.0.2.1"),
            ("X-Forwarded-Proto", other),
            ("X-Forwarded-Port", "81"),
            ("X-Forwarded-Scheme", other),
            ("X-Forwarded-SSL", "on"),
            ("X-Forwarded-Host", "evil.invalid"),
            ("X-Real-IP", "192.0.2.1"),
            ("X-Client-IP", "192.0.2.1"),
            ("Forwarded", "for=192.0.2.1;proto=https;host=evil.invalid"),
            ("Proxy", "http://evil.invalid"),
        ];
        // The proof itself comes from there.
        if deployment.proxies.iter().any(|network| network.starts_with("127.")) {
            return Ok(Row::not_tried(row::SPOOFING, "loopback, from where the proof asks, is trusted"));
        }
        let own = own_lie(deployment);
        let mut faults = Vec::new();
        let own = own.as_ref().map(|(name, value)| (name.as_str(), value.as_str()));
        let all: Vec<(&str, &str)> = lies.into_iter().chain(own).collect();
        let told = |inside: &Inside| {
            let Inside { address, scheme, port, secure, forwarded, .. } = inside;
            (address.clone(), scheme.clone(), port.clone(), *secure, forwarded.clone())
        };
        for lie in &all {
            let inside = self.look(&[*lie])?;
            if told(&inside) != told(&plain) {
                faults.push(format!("{}: {} is believed", lie.0, lie.1));
            }
        }
        // What Apache tells the site itself can be taken away, by whoever calls it a matter of the connection.
        for (lie, _) in &all {
            let inside = self.look(&[("Connection", lie)])?;
            if told(&inside) != told(&plain) {
                faults.push(format!("Connection: {lie} changes what the site is told"));
            }
        }
        if !plain.id.is_empty() && self.look(&[("Connection", "X-Request-ID")])?.id.is_empty() {
            faults.push("Connection: X-Request-ID takes the request's id away".to_owned());
        }
        Ok(Row::of(row::SPOOFING, all.len() * 2 + 1, faults))
    }

    /// Half-sent bodies don't take the site's threads.
    ///
    /// # Errors
    /// When there are no connections.
    pub fn half_bodies(&self, deployment: &Deployment) -> Result<Row> {
        let threads = usize::from(deployment.processes) * usize::from(deployment.threads);
        if threads > MOST_THREADS {
            return Ok(Row::not_tried(
                row::HALF_BODIES,
                format!("{threads} threads are more than the proof has connections for"),
            ));
        }
        let count = threads * 2;
        let body = BODY.min(deployment.max_body);
        let length = body.to_string();
        let size = usize::try_from(body).unwrap_or(usize::MAX);
        let mut open: Vec<Connection> = Vec::new();
        for _ in 0..count {
            let request = self.client.request("POST", &self.base, self.client.name(), &[("Content-Length", &length)]);
            let mut connection = self.client.connect()?;
            connection.write_all(&request)?;
            // More than a proxy reads ahead by itself.
            connection.write_all(&vec![b'x'; size * 2 / 5])?;
            connection.flush()?;
            open.push(connection);
        }
        let mut faults = in_time(|| self.look(&[]));
        drop(open);
        let streams = self.half_streams(body)?;
        let tried = count + streams.as_ref().map_or(0, |_| CONNECTIONS * STREAMS);
        faults.extend(streams.into_iter().flatten());
        let request = self.client.request(
            "POST",
            &self.base,
            self.client.name(),
            &[("X-Djwsgi-Probe", &self.token), ("Content-Length", &length)],
        );
        let whole = self.client.connect()?.exchange(&[request, vec![b'x'; size]].concat())?;
        let read = serde_json::from_slice::<Inside>(&whole.body).map(|inside| inside.read).unwrap_or_default();
        faults.extend((read != size).then(|| format!("of a body of {size} bytes {read} came")));
        Ok(Row::of(row::HALF_BODIES, tried, faults))
    }

    /// The same by HTTP/2: what is found against it; `None` where the site does not speak it.
    fn half_streams(&self, body: u64) -> Result<Option<Vec<String>>> {
        let mut open: Vec<Http2> = Vec::new();
        for _ in 0..CONNECTIONS {
            let Some(mut connection) = self.client.connect_http2()? else { return Ok(None) };
            // A byte of each.
            connection.begin(STREAMS, &self.base, body, 1)?;
            open.push(connection);
        }
        let faults = in_time(|| {
            let connection = self.client.connect_http2()?;
            let mut connection = connection.context("HTTP/2 is not spoken any more")?;
            let reply = connection.get(&self.base, &[("x-djwsgi-probe", &self.token)])?;
            let answer = serde_json::from_slice(&reply.body);
            answer.with_context(|| format!("the site does not answer: status {}", reply.status))
        });
        Ok(Some(faults.into_iter().map(|fault| format!("HTTP/2: {fault}")).collect()))
    }
}

/// What there is against an answer: that it does not come, or not in time.
fn in_time(ask: impl FnOnce() -> Result<Inside>) -> Vec<String> {
    let started = Instant::now();
    match ask() {
        Ok(_) if started.elapsed() < PATIENCE => Vec::new(),
        Ok(_) => vec![format!("an answer took {} s", started.elapsed().as_secs())],
        Err(error) => vec![error.to_string()],
    }
}

/// The header of `SECURE_PROXY_SSL_HEADER`, from a stranger.
fn own_lie(deployment: &Deployment) -> Option<(String, String)> {
    let facts = deployment.site.django.production.as_ref()?;
    let [name, value] = facts.proxy_ssl_header.as_slice() else { return None };
    Some((name.strip_prefix("HTTP_")?.replace('_', "-"), value.clone()))
}
