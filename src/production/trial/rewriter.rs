//! Lines of a production config as they can run on loopback.

use std::path::Path;

use anyhow::Result;

use super::place::{Folders, MEDIA, Place, STATIC};
use crate::apache::locate::Apache;
use crate::apache::quote;
use crate::files;
use crate::production::deployment::Deployment;
use crate::site::alias::AliasKind;

/// Beginnings of lines that are about accounts, which only root can change to, or about the certificate
/// authority, which can't reach loopback.
const LEFT_OUT: [&str; 9] = [
    "User ",
    "Group ",
    "<MDomain ",
    "</MDomain>",
    "MDStoreDir ",
    "MDCertificateAgreement ",
    "MDContactEmail ",
    "MDPrivateKeys ",
    "MDRequireHttps ",
];

/// Rewrites lines.
pub struct Rewriter {
    /// Folders and files: as generated, and as they run. The longest first.
    moves: Vec<(String, String)>,
    /// Pieces of lines that hold a port.
    ports: Vec<(String, String)>,
    managed: bool,
    certificate: (String, String),
}

impl Rewriter {
    /// For a rehearsal of `deployment` at `place`.
    ///
    /// # Errors
    /// When a path can't be expressed.
    pub fn new(deployment: &Deployment, apache: &Apache, place: &Place) -> Result<Self> {
        let Place { folder, ports, served } = *place;
        let places = &deployment.places;
        let certificate = (folder.join("tls/site.crt"), folder.join("tls/site.key"));
        let mut moves = vec![
            (places.folder.clone(), folder.join("etc")),
            (places.run.clone(), folder.join("run")),
            (places.data.clone(), folder.join("data")),
            (places.modules.clone(), apache.modules.clone()),
            (places.env_file.clone(), folder.join("etc/secrets.env")),
            (places.modules.join("mod_wsgi.so"), deployment.mod_wsgi.path.clone()),
        ];
        if let Some(logs) = places.access_log.parent().filter(|logs| *logs != Path::new("/dev")) {
            moves.push((logs.to_owned(), folder.join("log")));
        }
        if let Some((file, key)) = deployment.tls.as_ref().and_then(|tls| tls.certificate.as_ref()) {
            moves.push((file.clone(), certificate.0.clone()));
            moves.push((key.clone(), certificate.1.clone()));
        }
        for alias in deployment.site.aliases().into_iter().filter(|_| served == Folders::Planted) {
            let name = if alias.kind == AliasKind::Static { STATIC } else { MEDIA };
            moves.push((places.there(&alias.folder), folder.join(name)));
        }
        for path in [&deployment.site.root, &deployment.site.python.prefix] {
            moves.push((places.there(path), path.clone()));
        }
        moves.sort_by_key(|(from, _)| std::cmp::Reverse(from.as_os_str().len()));
        let text = |path: &Path| Ok::<_, anyhow::Error>(files::config_text(path)?.to_owned());
        let moves = moves.iter().map(|(from, to)| Ok((text(from)?, text(to)?))).collect::<Result<_>>()?;
        let pair = |before: &str, old: u16, after: &str, new: u16| {
            (format!("{before}{old}{after}"), format!("{before}{new}{after}"))
        };
        let mut pieces = Vec::new();
        for (old, new) in [(deployment.ports.0, ports.http), (deployment.ports.1, ports.https)] {
            pieces.push(pair("<VirtualHost *:", old, ">", new));
            pieces.push((format!("Listen *:{old}"), format!("Listen 127.0.0.1:{new}")));
        }
        if let Some(old) = deployment.buffer_port {
            pieces.push(pair("<VirtualHost 127.0.0.1:", old, ">", ports.buffer));
            pieces.push(pair("Listen 127.0.0.1:", old, "", ports.buffer));
            pieces.push(pair("\"http://127.0.0.1:", old, "/\"", ports.buffer));
        }
        Ok(Self {
            moves,
            ports: pieces,
            managed: deployment.is_managed(),
            certificate: (quote::argument(&text(&certificate.0)?), quote::argument(&text(&certificate.1)?)),
        })
    }

    /// A line as it runs.
    pub fn line(&self, line: &str) -> String {
        let start = line.trim_start();
        if start.starts_with('#') {
            return line.to_owned();
        }
        if LEFT_OUT.iter().any(|left_out| start.starts_with(left_out)) {
            return String::new();
        }
        if start.starts_with("user=") {
            // The line goes on, and so does the one before.
            return "    \\".to_owned();
        }
        // Only root's Apache can require root's script.
        let line = line.replace("script-user=root ", "");
        // Apache would have fetched one.
        if self.managed && start == "Protocols h2 http/1.1" {
            let (file, key) = &self.certificate;
            return format!("{line}\n    SSLCertificateFile {file}\n    SSLCertificateKeyFile {key}");
        }
        if let Some((old, new)) = self.ports.iter().find(|(old, _)| ends_there(&line, old)) {
            return line.replacen(old, new, 1);
        }
        self.paths(&line)
    }

    /// Replaces folders at the beginnings of quoted values.
    fn paths(&self, line: &str) -> String {
        let is_directory = line.trim_start().starts_with("<Directory ");
        let mut result = String::with_capacity(line.len());
        let mut rest = line;
        while let Some(start) = rest.find('"') {
            result.push_str(&rest[..start]);
            rest = &rest[start..];
            let value = &rest[..end_of_quoted(rest)];
            let moved = if is_directory {
                self.moved(&quote::directory_of(value)).map(|path| quote::directory(&path))
            } else {
                self.moved(&quote::argument_of(value)).map(|path| quote::argument(&path))
            };
            result.push_str(moved.as_deref().unwrap_or(value));
            rest = &rest[value.len()..];
        }
        result + rest
    }

    /// Where the file or folder `path` is here, if it is elsewhere.
    fn moved(&self, path: &str) -> Option<String> {
        // Session caches have their kind before the path.
        if let Some(path) = path.strip_prefix("shmcb:") {
            return self.moved(path).map(|path| format!("shmcb:{path}"));
        }
        let below = |from: &str| {
            let rest = path.strip_prefix(from)?;
            (rest.is_empty() || rest.starts_with('/') || from.ends_with('/')).then_some(rest)
        };
        let (rest, to) = self.moves.iter().find_map(|(from, to)| Some((below(from)?, to)))?;
        Some(format!("{to}{rest}"))
    }
}

/// Whether `line` contains `piece` and the port in it ends there.
fn ends_there(line: &str, piece: &str) -> bool {
    line.split_once(piece).is_some_and(|(_, rest)| !rest.starts_with(|next: char| next.is_ascii_digit()))
}

/// The length of the quoted value that `text` begins with, its quotes included.
fn end_of_quoted(text: &str) -> usize {
    let mut escaped = false;
    for (index, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return index + 1,
            _ => {}
        }
    }
    text.len()
}
