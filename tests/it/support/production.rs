//! A running `djwsgi dev --as-prod`, and a client that sends it whatever it is told.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::http2::Http2;
use super::sandbox::Sandbox;
use super::server::Server;
use super::wait::{LONG, until};

/// The site's name.
pub const NAME: &str = "www.example.org";

/// A visitor leaves after this time.
const PATIENCE: Duration = Duration::from_secs(5);

/// The site, as in production.
pub struct Production<'a> {
    /// The command.
    pub server: Server<'a>,
    /// Port for HTTPS.
    pub https: u16,
    /// Port for HTTP.
    pub http: u16,
    tls: Arc<ClientConfig>,
}

/// A connection, encrypted or not.
pub enum Connection {
    /// HTTP
    Plain(TcpStream),
    /// HTTPS
    Encrypted(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// An answer: status (0: closed without one), headers in lower case, the text.
#[derive(Clone, Debug, Default)]
pub struct Received {
    /// HTTP status.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// What follows them.
    pub body: String,
}

impl Received {
    /// All values of a header.
    pub fn values(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(own, _)| own == name).map(|(_, value)| value.as_str()).collect()
    }

    /// Reads an answer.
    pub fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or_default();
        let headers = lines.filter_map(|line| line.split_once(':'));
        Self {
            status,
            headers: headers.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect(),
            body: body.to_owned(),
        }
    }
}

impl<'a> Production<'a> {
    /// Starts it for the site `mysite` and waits for its URLs.
    pub fn start(sandbox: &'a Sandbox) -> Self {
        let server = Server::spawn(sandbox, &mut sandbox.djwsgi_command("mysite", &["dev", "--as-prod"])).ready();
        let port = |url: &str| url.split(':').nth(2)?.split('/').next()?.parse().ok();
        let url = |scheme: &str| server.out().lines().find(|line| line.starts_with(scheme)).and_then(port);
        // The last line of several.
        let http = until("the URL for http", LONG, || url("http://"));
        let https = url("https://").unwrap_or_default();
        let mut roots = RootCertStore::empty();
        if https != 0 {
            // It is named after the URLs, on the other stream.
            let named = || Some(server.err().split("--cacert ").nth(1)?.split_once(' ')?.0.to_owned());
            let authority = until("the certificate's authority", LONG, named);
            roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let tls = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
        Self { server, https, http, tls }
    }

    /// Its Apache's folder.
    pub fn folder(&self) -> String {
        let named = || Some(self.server.err().split("logs: ").nth(1)?.split_once("/log ")?.0.to_owned());
        until("the folder's name", LONG, named)
    }

    /// A connection without encryption.
    pub fn plain(&self, port: u16) -> TcpStream {
        self.from(Ipv4Addr::LOCALHOST, port)
    }

    fn from(&self, source: Ipv4Addr, port: u16) -> TcpStream {
        use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, socket};
        use std::os::fd::AsRawFd;
        let handle = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
        bind(handle.as_raw_fd(), &SockaddrIn::from(SocketAddrV4::new(source, 0))).unwrap();
        let target = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        connect(handle.as_raw_fd(), &SockaddrIn::from(target)).unwrap();
        let stream = TcpStream::from(handle);
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream
    }

    /// A connection as visitors have it: encrypted, with the site's name.
    pub fn connect(&self) -> Connection {
        self.connect_from(Ipv4Addr::LOCALHOST)
    }

    /// The same from another address of this machine.
    pub fn connect_from(&self, source: Ipv4Addr) -> Connection {
        if self.https == 0 {
            return Connection::Plain(self.from(source, self.http));
        }
        self.encrypted(source, Arc::clone(&self.tls))
    }

    /// A connection by HTTP/2.
    pub fn connect_http2(&self) -> Http2 {
        let mut tls = ClientConfig::clone(&self.tls);
        tls.alpn_protocols = vec![b"h2".to_vec()];
        Http2::over(self.encrypted(Ipv4Addr::LOCALHOST, Arc::new(tls)))
    }

    fn encrypted(&self, source: Ipv4Addr, tls: Arc<ClientConfig>) -> Connection {
        let connection = ClientConnection::new(tls, ServerName::try_from(NAME).unwrap()).unwrap();
        Connection::Encrypted(Box::new(StreamOwned::new(connection, self.from(source, self.https))))
    }

    /// Sends `bytes` on a connection of their own and reads what comes until it is closed.
    pub fn send(&self, bytes: &[u8]) -> Received {
        self.connect().exchange(bytes)
    }

    /// GET with the site's name.
    pub fn get(&self, target: &str) -> Received {
        self.ask("GET", target, "")
    }

    /// A request with the site's name; `headers` are whole lines with their ends.
    pub fn ask(&self, method: &str, target: &str, headers: &str) -> Received {
        self.send(request(method, target, headers).as_bytes())
    }

    /// Waits until the site answers.
    pub fn until_answers(&self) {
        until("the site to answer", LONG, || (self.get("/").status == 200).then_some(()));
    }

    /// Whether a visitor gets the front page before losing patience; else what came instead.
    pub fn visit(&self) -> Result<(), String> {
        let started = Instant::now();
        let mut connection = self.connect();
        connection.socket().set_read_timeout(Some(PATIENCE)).unwrap();
        served(started, &connection.exchange(request("GET", "/", "").as_bytes()))
    }

    /// The same by HTTP/2.
    pub fn visit_http2(&self) -> Result<(), String> {
        let started = Instant::now();
        let mut connection = self.connect_http2();
        connection.socket().set_read_timeout(Some(PATIENCE)).unwrap();
        served(started, &connection.get("/")).map_err(|seen| format!("HTTP/2: {seen}"))
    }
}

fn served(started: Instant, answer: &Received) -> Result<(), String> {
    match answer.status {
        200 if started.elapsed() < PATIENCE => Ok(()),
        status => Err(format!("status {status} after {} ms", started.elapsed().as_millis())),
    }
}

/// A request with the site's name.
pub fn request(method: &str, target: &str, headers: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n{headers}\r\n")
}

impl Connection {
    /// The socket below.
    pub fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Encrypted(stream) => &stream.sock,
        }
    }

    /// Sends `bytes` and reads until the connection is closed, or nothing comes any more.
    pub fn exchange(&mut self, bytes: &[u8]) -> Received {
        let _ = self.write_all(bytes).and_then(|()| self.flush());
        let mut answer = Vec::new();
        let _ = self.read_to_end(&mut answer);
        Received::parse(&answer)
    }

    /// Sends `bytes` and reads one answer, as long as it says it is; the connection may stay open.
    pub fn once(&mut self, bytes: &[u8]) -> Received {
        let _ = self.write_all(bytes).and_then(|()| self.flush());
        let mut answer = Vec::new();
        let mut byte = [0];
        while !answer.ends_with(b"\r\n\r\n") && self.read(&mut byte).is_ok_and(|read| read == 1) {
            answer.extend(byte);
        }
        let length = Received::parse(&answer).values("content-length").first().and_then(|text| text.parse().ok());
        let mut body = vec![0; length.unwrap_or_default()];
        let _ = self.read_exact(&mut body);
        Received::parse(&[answer, body].concat())
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Encrypted(stream) => stream.read(buffer),
        };
        // Closed without a farewell.
        read.or_else(|error| if error.kind() == ErrorKind::UnexpectedEof { Ok(0) } else { Err(error) })
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Encrypted(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Encrypted(stream) => stream.flush(),
        }
    }
}
