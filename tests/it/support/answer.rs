//! Requests and what comes back.

use std::net::SocketAddr;

use super::wait::LONG;

/// An answer, as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// X-Djwsgi-Build; 0 without one.
    pub build: u64,
    /// Content-Type.
    pub kind: String,
    /// The text.
    pub body: String,
}

impl Answer {
    /// Status and text.
    pub fn shown(self) -> (u16, String) {
        (self.status, self.body)
    }
}

/// GET, without following redirects, on a connection of its own.
pub fn ask(url: &str, host: Option<&str>, accept: &str) -> Answer {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(LONG))
        .proxy(None)
        .build()
        .into();
    // Names below .localhost are this machine's, but not every resolver knows.
    let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let (name, port) = address.rsplit_once(':').unwrap_or((address, "80"));
    let ip = if name.parse::<std::net::IpAddr>().is_ok() { name } else { "127.0.0.1" };
    let socket: SocketAddr = format!("{ip}:{port}").parse().unwrap();
    let request = agent.get(format!("http://{socket}/{path}"));
    let request = request.header("Host", host.unwrap_or(address)).header("Accept", accept);
    let mut response = request.call().unwrap_or_else(|error| panic!("{url}: {error}"));
    let header = |name: &str| {
        let value = response.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    Answer {
        status: response.status().as_u16(),
        build: header("X-Djwsgi-Build").parse().unwrap_or_default(),
        kind: header("Content-Type"),
        body: response.body_mut().read_to_string().unwrap_or_default(),
    }
}
