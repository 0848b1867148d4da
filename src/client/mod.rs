//! A client that sends what it is told, byte by byte, and keeps what comes back.

mod anyone;
mod http2;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, ConfigBuilder, RootCertStore, StreamOwned, WantsVerifier};

use crate::interrupt;
pub use http2::Http2;

/// How long an answer may take: longer than the site may take to load.
const LIMIT: Duration = Duration::from_secs(35);

/// How often it is looked whether the user has had enough.
const LOOK: Duration = Duration::from_millis(200);

/// Headers that an answer may have.
const MOST_HEADERS: usize = 100;

/// An answer.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// HTTP status; 0 for a connection that was closed without an answer.
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// Everything after the headers.
    pub body: Vec<u8>,
}

impl Reply {
    /// All values of a header.
    pub fn values(&self, name: &str) -> Vec<&str> {
        let name = name.to_ascii_lowercase();
        self.headers.iter().filter(|(own, _)| *own == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The first value of a header, or "".
    pub fn value(&self, name: &str) -> &str {
        self.values(name).first().copied().unwrap_or_default()
    }

    /// The body without the frames of chunks, if it came in chunks.
    pub fn content(&self) -> Vec<u8> {
        if !self.value("Transfer-Encoding").eq_ignore_ascii_case("chunked") {
            return self.body.clone();
        }
        let (mut content, mut rest) = (Vec::new(), self.body.as_slice());
        while let Ok(httparse::Status::Complete((start, size))) = httparse::parse_chunk_size(rest) {
            let end = start.saturating_add(usize::try_from(size).unwrap_or(usize::MAX));
            let (Some(chunk), true) = (rest.get(start..end), size > 0) else { break };
            content.extend_from_slice(chunk);
            rest = rest.get(end + 2..).unwrap_or_default();
        }
        content
    }

    /// Reads an answer; one that is none has status 0.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let Ok(httparse::Status::Complete(length)) = response.parse(bytes) else { return Self::default() };
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        Self {
            status: response.code.unwrap_or_default(),
            headers: response.headers.iter().map(|h| (h.name.to_ascii_lowercase(), text(h.value))).collect(),
            body: bytes[length..].to_vec(),
        }
    }
}

/// Talks to a site on this machine.
pub struct Client {
    http: u16,
    https: Option<u16>,
    name: String,
    tls: Arc<ClientConfig>,
}

/// A connection, encrypted or not.
pub enum Connection {
    /// HTTP
    Plain(TcpStream),
    /// HTTPS
    Encrypted(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Client {
    /// For the site called `name`, whose certificate must be signed by one of `roots`.
    ///
    /// # Errors
    /// When TLS can't be set up.
    pub fn trusting(name: &str, http: u16, https: Option<u16>, roots: RootCertStore) -> Result<Self> {
        let tls = config()?.with_root_certificates(roots).with_no_client_auth();
        Ok(Self { http, https, name: name.to_owned(), tls: Arc::new(tls) })
    }

    /// For the site called `name`, whatever its certificate: who else would answer at this machine's own address?
    ///
    /// # Errors
    /// When TLS can't be set up.
    pub fn of_this_machine(name: &str, http: u16, https: Option<u16>) -> Result<Self> {
        let verifier = Arc::new(anyone::Anyone);
        let tls = config()?.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
        Ok(Self { http, https, name: name.to_owned(), tls: Arc::new(tls) })
    }

    /// Connects as users do: encrypted where the site is.
    ///
    /// # Errors
    /// When there is no connection.
    pub fn connect(&self) -> Result<Connection> {
        let Some(port) = self.https else { return self.connect_plain() };
        let name = ServerName::try_from(self.name.clone())?;
        let connection = ClientConnection::new(Arc::clone(&self.tls), name)?;
        Ok(Connection::Encrypted(Box::new(StreamOwned::new(connection, tcp(port)?))))
    }

    /// Connects without encryption, to the port for HTTP.
    ///
    /// # Errors
    /// When there is no connection.
    pub fn connect_plain(&self) -> Result<Connection> {
        Ok(Connection::Plain(tcp(self.http)?))
    }

    /// Asks for `target` with the site's own name.
    ///
    /// # Errors
    /// When no answer comes.
    pub fn get(&self, target: &str) -> Result<Reply> {
        self.ask("GET", target, &[])
    }

    /// A request with the site's own name and further headers.
    ///
    /// # Errors
    /// When no answer comes.
    pub fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Result<Reply> {
        self.connect()?.exchange(&self.request(method, target, &self.name, headers))
    }

    /// A request to the port for HTTP for the host `name`.
    ///
    /// # Errors
    /// When no answer comes.
    pub fn ask_plain(&self, target: &str, name: &str) -> Result<Reply> {
        self.connect_plain()?.exchange(&self.request("GET", target, name, &[]))
    }

    /// A request to another port of the rehearsal.
    ///
    /// # Errors
    /// When no answer comes.
    pub fn ask_at(&self, port: u16, target: &str, host: &str) -> Result<Reply> {
        Connection::Plain(tcp(port)?).exchange(&self.request("GET", target, host, &[]))
    }

    /// A request for the host `name` over a connection made for the site's own.
    ///
    /// # Errors
    /// When no answer comes.
    pub fn ask_as(&self, name: &str) -> Result<Reply> {
        self.connect()?.exchange(&self.request("GET", "/", name, &[]))
    }

    /// The bytes of a request.
    pub fn request(&self, method: &str, target: &str, host: &str, headers: &[(&str, &str)]) -> Vec<u8> {
        let mut text = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        (text + "\r\n").into_bytes()
    }

    /// How users ask.
    pub fn scheme(&self) -> &'static str {
        if self.https.is_some() { "https" } else { "http" }
    }

    /// The site's own name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn config() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?)
}

impl Connection {
    /// Sends `bytes` and reads until the other side closes.
    ///
    /// # Errors
    /// When nothing comes within the limit.
    pub fn exchange(mut self, bytes: &[u8]) -> Result<Reply> {
        // Refused early, a request need not be read to its end.
        let _ = self.write_all(bytes).and_then(|()| self.flush());
        let mut answer = Vec::new();
        match self.read_to_end(&mut answer) {
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => {}
            Err(error) if answer.is_empty() => return Err(error).context("no answer came"),
            Err(_) => {}
        }
        Ok(Reply::parse(&answer))
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        patiently(|| match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Encrypted(stream) => stream.read(buffer),
        })
    }
}

/// Does it again while there is nothing to read yet. What is written waits too, for the answers of the handshake.
fn patiently<T>(mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let started = Instant::now();
    loop {
        match act() {
            Err(error) if is_pause(&error) && started.elapsed() < LIMIT && !interrupt::requested() => {}
            done => return done,
        }
    }
}

fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        patiently(|| match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Encrypted(stream) => stream.write(bytes),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        patiently(|| match self {
            Self::Plain(stream) => stream.flush(),
            Self::Encrypted(stream) => stream.flush(),
        })
    }
}

fn tcp(port: u16) -> Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
        .with_context(|| format!("cannot connect to port {port} of this machine"))?;
    stream.set_read_timeout(Some(LOOK))?;
    stream.set_write_timeout(Some(LIMIT))?;
    Ok(stream)
}
