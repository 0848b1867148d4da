//! Sending a request to one of the servers.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Deserialize;

use super::acts;
use super::answer::{self, Answer, NONE};
use super::directives;
use super::requests::{Body, Request, Value, Via, Wanted};
use super::servers::Server;
use super::workshop::Workshop;
use crate::apache::locate::Apache;
use crate::client::Reply;
use crate::interrupt;
use crate::ui::problem::Problem;

/// The boundary of a form's parts, and the type of the form.
const BOUNDARY: &str = "djwsgi-parity-boundary";
const FORM: &str = "multipart/form-data; boundary=djwsgi-parity-boundary";

/// The size of a chunk, in bytes.
const CHUNK: usize = 4096;

/// How often a request is sent whose connection is cut.
const ATTEMPTS: usize = 3;

/// Pause before a server is asked again.
const PAUSE: Duration = Duration::from_millis(200);

/// How long that may go on.
const LIMIT: Duration = Duration::from_secs(60);

/// Asks one server.
pub struct Asker<'a> {
    /// The server.
    pub server: &'a Server,
    /// The Apache of this machine.
    pub apache: &'a Apache,
    /// Where the probe finds its files.
    pub workshop: &'a Workshop,
    /// The name of a static file, below the URL of all of them.
    pub static_name: &'a str,
    /// What production takes of a body, in bytes.
    pub max_body: usize,
}

/// What the probe says of the site at first.
#[derive(Clone, Debug, Deserialize)]
pub struct Introduction {
    /// A static file of the site's or of one of its packages.
    #[serde(rename = "static")]
    pub static_file: Option<StaticFile>,
}

/// A static file.
#[derive(Clone, Debug, Deserialize)]
pub struct StaticFile {
    /// Below the URL of all of them.
    pub name: String,
    /// Where it is.
    pub file: std::path::PathBuf,
}

/// Waits until the probe in `server` answers.
///
/// # Errors
/// When it does not: the site has not been loaded.
pub fn introduce(server: &Server, apache: &Apache, workshop: &Workshop) -> Result<Introduction> {
    let asker = Asker { server, apache, workshop, static_name: "", max_body: 0 };
    let started = Instant::now();
    loop {
        let headers = [("X-Djwsgi-Parity", workshop.token.as_str()), ("X-Djwsgi-Wanted", "introduction")];
        let reply = server.client.connect()?.exchange(&asker.bytes("GET", &asker.path("{page}"), &headers))?;
        if let Ok(introduction) = serde_json::from_slice(&reply.content()) {
            return Ok(introduction);
        }
        if interrupt::requested() {
            return Err(Problem::interrupted().into());
        }
        // Still loading, or too busy.
        if !matches!(reply.status, 503 | 504) || started.elapsed() > LIMIT {
            let name = server.kind.name();
            let problem = Problem::findings(format!("{name} does not load the site: it answers {}", reply.status));
            return Err(problem.detail(server.last_lines(20)).into());
        }
        std::thread::sleep(PAUSE);
    }
}

impl Asker<'_> {
    /// Sends `request` and reads the answer. A connection that is cut is an answer too, if it is cut every time: a
    /// busy machine may be too slow for the server's patience.
    ///
    /// # Errors
    /// When the user interrupts.
    pub fn ask(&self, request: &Request) -> Result<Answer> {
        let mut attempt = 1;
        loop {
            let answer = self.try_to_ask(request).unwrap_or_else(|_| Answer::from([("answer", NONE.to_owned())]));
            if interrupt::requested() {
                return Err(Problem::interrupted().into());
            }
            if attempt == ATTEMPTS || answer.get("answer").is_none_or(|status| status != NONE) {
                return Ok(answer);
            }
            attempt += 1;
            std::thread::sleep(PAUSE);
        }
    }

    fn try_to_ask(&self, request: &Request) -> Result<Answer> {
        match request.wanted {
            Wanted::Stream => acts::stream(self, request),
            Wanted::Endless => acts::endless(self, request),
            Wanted::Config => {
                Ok(self.server.conf.as_ref().map(|conf| directives::read(self.apache, conf)).unwrap_or_default())
            }
            Wanted::Output => acts::output(self, request),
            _ => self.send(request, &[]).map(|reply| self.read(request, &reply)),
        }
    }

    /// The facts of an answer to `request`.
    pub fn read(&self, request: &Request, reply: &Reply) -> Answer {
        answer::read(self.server, reply, request.facts, request.wanted.is_the_probes())
    }

    /// Sends `request` with `more` headers.
    ///
    /// # Errors
    /// When no answer comes.
    pub fn send(&self, request: &Request, more: &[(&str, &str)]) -> Result<Reply> {
        let target = self.path(request.target);
        let values = request.headers.iter().map(|(name, value)| Ok((*name, self.value(request, value)?)));
        let values: Vec<(&str, String)> = values.collect::<Result<_>>()?;
        let mut headers = self.word(request);
        headers.extend(values.iter().map(|(name, value)| (*name, value.as_str())));
        headers.extend(more);
        let body = self.body(request.body);
        let length = body.len().to_string();
        match request.body {
            Body::None => {}
            Body::Chunked(_) => headers.push(("Transfer-Encoding", "chunked")),
            Body::Form(_) => headers.extend([("Content-Type", FORM), ("Content-Length", &length)]),
            Body::Bytes(_) | Body::TooLarge => headers.push(("Content-Length", &length)),
        }
        let connection = match request.via {
            Via::Usual => self.server.client.connect()?,
            Via::Http => self.server.client.connect_plain()?,
        };
        connection.exchange(&[self.bytes(request.method, &target, &headers), body].concat())
    }

    fn value(&self, request: &Request, value: &Value) -> Result<String> {
        Ok(match value {
            Value::Is(text) => (*text).to_owned(),
            Value::Long(length) => "x".repeat(*length),
            Value::Of(header) => {
                let first = self.bytes(request.method, &self.path(request.target), &self.word(request));
                self.server.client.connect()?.exchange(&first)?.value(header).to_owned()
            }
        })
    }

    /// The headers by which the probe knows a request.
    pub fn word(&self, request: &Request) -> Vec<(&str, &str)> {
        let words = request.wanted.word().map(|word| ("X-Djwsgi-Wanted", word));
        words.into_iter().flat_map(|word| [("X-Djwsgi-Parity", self.workshop.token.as_str()), word]).collect()
    }

    /// A URL path with its names replaced.
    pub fn path(&self, target: &str) -> String {
        let base = &self.server.base;
        let files = self.server.static_path.as_deref().unwrap_or("/static/").trim_end_matches('/');
        target
            .replace("{page}", &format!("{base}djwsgi-parity/"))
            .replace("{base}", base)
            .replace("{static}", &format!("{files}/{}", self.static_name))
            .replace("{files}", files)
    }

    /// The bytes of a request without its body, with the site's own name unless `headers` have another.
    pub fn bytes(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Vec<u8> {
        let other = headers.iter().find(|(name, _)| *name == "Host").map(|(_, value)| *value);
        let headers: Vec<(&str, &str)> = headers.iter().copied().filter(|(name, _)| *name != "Host").collect();
        let host = other.unwrap_or(&self.server.host);
        self.server.client.request(method, target, host, &headers)
    }

    fn body(&self, body: Body) -> Vec<u8> {
        match body {
            Body::None => Vec::new(),
            Body::Bytes(size) => vec![b'x'; size],
            Body::TooLarge => vec![b'x'; self.max_body + 1],
            Body::Chunked(size) => chunked(&vec![b'x'; size]),
            Body::Form(size) => {
                let head = format!(
                    "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"ü.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n"
                );
                [head.as_bytes(), &vec![b'x'; size], format!("\r\n--{BOUNDARY}--\r\n").as_bytes()].concat()
            }
        }
    }
}

fn chunked(bytes: &[u8]) -> Vec<u8> {
    let mut framed = Vec::new();
    for chunk in bytes.chunks(CHUNK) {
        framed.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        framed.extend_from_slice(chunk);
        framed.extend_from_slice(b"\r\n");
    }
    framed.extend_from_slice(b"0\r\n\r\n");
    framed
}
