//! A production config made to run on loopback, by whoever wants to try it: rewritten only in what needs
//! root or the server itself (addresses, accounts, certificates, folders), and every such line is known.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::apache::locate::Apache;
use crate::apache::quote;
use crate::files;
use crate::production::deployment::Deployment;
use crate::production::modules;
use crate::scaffold::templates::python_literal;
use crate::site::alias::AliasKind;

/// Where the rehearsal listens on loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// In place of the port for HTTP.
    pub http: u16,
    /// In place of the port for HTTPS.
    pub https: u16,
    /// In place of the inner vhost's.
    pub buffer: u16,
    /// Of a vhost that grants nothing itself: what it serves, the config grants to all.
    pub bare: u16,
}

/// Where a rehearsal is.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The folder of everything it writes.
    pub folder: &'a Path,
    /// Where it listens.
    pub ports: Ports,
    /// What it serves.
    pub served: Folders,
}

/// Whose static files and uploads are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folders {
    /// The site's.
    Own,
    /// The rehearsal's: nothing is put among the site's.
    Planted,
}

/// A config that runs here.
pub struct Rehearsal {
    /// Its text: a frame, if the original is for a shared server, and the original's lines.
    pub text: String,
    /// The lines that differ: as generated, and as they run.
    pub rewritten: Vec<(String, String)>,
    /// The folder of everything it writes.
    pub folder: PathBuf,
}

/// Beginnings of lines that are about accounts, which only root can change to, or about the certificate
/// authority, which can't reach loopback.
const LEFT_OUT: [&str; 8] = [
    "User ",
    "Group ",
    "MDomain ",
    "MDStoreDir ",
    "MDCertificateAgreement ",
    "MDContactEmail ",
    "MDPrivateKeys ",
    "MDRequireHttps ",
];

/// Folders of a rehearsal, relative to its own.
pub const FOLDERS: [&str; 8] =
    ["etc", "run", "log", "data/acme/.well-known/acme-challenge", "tls", STATIC, MEDIA, BARE];

/// In place of the folder of static files.
pub const STATIC: &str = "static";
/// In place of the folder of uploads: nothing is put among real ones.
pub const MEDIA: &str = "media";
/// What the bare vhost would serve.
pub const BARE: &str = "bare";

impl Rehearsal {
    /// Rewrites the generated `conf`, to run in its place.
    ///
    /// # Errors
    /// When a path can't be expressed.
    pub fn of(deployment: &Deployment, apache: &Apache, conf: &str, place: &Place) -> Result<Self> {
        let Place { folder, ports, .. } = *place;
        let rewriter = Rewriter::new(deployment, apache, place)?;
        // A folder here may need it where the one on the server does not.
        let mut text = format!("{}\n", quote::DOLLAR_DEFINE);
        if !deployment.is_whole_server() {
            text += &frame(deployment, apache, folder, ports)?;
        }
        let mut rewritten = Vec::new();
        text += &bare_vhost(folder, ports)?;
        for line in conf.lines() {
            let new = rewriter.line(line);
            if new != line {
                rewritten.push((line.trim().to_owned(), new.trim().to_owned()));
            }
            text += &new;
            text.push('\n');
        }
        Ok(Self { text, rewritten, folder: folder.to_owned() })
    }

    /// The config's own path.
    pub fn conf(&self) -> PathBuf {
        self.folder.join("etc/httpd.conf")
    }

    /// Where Apache says which process it is.
    pub fn pid_file(&self) -> PathBuf {
        self.folder.join("run/httpd.pid")
    }
}

struct Rewriter {
    /// Folders and files: as generated, and as they run. The longest first.
    moves: Vec<(String, String)>,
    /// Pieces of lines that hold a port.
    ports: Vec<(String, String)>,
    managed: bool,
    certificate: (String, String),
}

impl Rewriter {
    fn new(deployment: &Deployment, apache: &Apache, place: &Place) -> Result<Self> {
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
            managed: deployment.tls.as_ref().is_some_and(|tls| tls.contact.is_some()),
            certificate: (quote::argument(&text(&certificate.0)?), quote::argument(&text(&certificate.1)?)),
        })
    }

    fn line(&self, line: &str) -> String {
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

/// A quoted value without its closing quote.
fn without_end(quoted: &str) -> &str {
    quoted.strip_suffix('"').unwrap_or(quoted)
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

/// What a shared server's own config provides.
fn frame(deployment: &Deployment, apache: &Apache, folder: &Path, ports: Ports) -> Result<String> {
    let text = |path: &Path| Ok::<_, anyhow::Error>(quote::argument(files::config_text(path)?));
    let mut frame = format!(
        "ServerRoot {}\nDefaultRuntimeDir {}\nPidFile {}\nServerName localhost\nErrorLog {}\nLogLevel warn\n",
        text(&folder.join("etc"))?,
        text(&folder.join("run"))?,
        text(&folder.join("run/httpd.pid"))?,
        text(&folder.join("log/error.log"))?,
    );
    let types = ["/etc/mime.types", "/etc/apache2/mime.types"].into_iter().find(|path| Path::new(path).exists());
    frame += &format!("TypesConfig {}\n", types.unwrap_or("/dev/null"));
    if deployment.ports.0 == 80 {
        frame += &format!("Listen 127.0.0.1:{}\n", ports.http);
    }
    if deployment.tls.is_some() && deployment.ports.1 == 443 {
        frame += &format!("Listen 127.0.0.1:{} https\n", ports.https);
    }
    for (name, path) in modules::of_here(deployment, apache)? {
        frame += &format!("LoadModule {name}_module {}\n", text(&path)?);
    }
    Ok(frame)
}

/// A vhost that grants nothing itself.
fn bare_vhost(folder: &Path, ports: Ports) -> Result<String> {
    let (port, root) = (ports.bare, quote::argument(files::config_text(&folder.join(BARE))?));
    Ok(format!(
        "Listen 127.0.0.1:{port}\n<VirtualHost 127.0.0.1:{port}>\n    ServerName bare.invalid\n    DocumentRoot {root}\n</VirtualHost>\n"
    ))
}

/// The script as the rehearsal runs it.
///
/// # Errors
/// When a path can't be expressed.
pub fn script(deployment: &Deployment, text: &str, folder: &Path) -> Result<String> {
    let (site, places) = (deployment.site, &deployment.places);
    let moves = [
        (places.env_file.clone(), folder.join("etc/secrets.env")),
        (places.there(&site.python.prefix), site.python.prefix.clone()),
        (places.there(&site.root), site.root.clone()),
    ];
    let mut text = text.to_owned();
    for (from, to) in moves.iter().filter(|(from, to)| from != to) {
        let (from, to) = (python_literal(files::config_text(from)?), python_literal(files::config_text(to)?));
        text = text.replace(&from, &to);
        text = text.replace(&format!("{}/", without_end(&from)), &format!("{}/", without_end(&to)));
    }
    Ok(text)
}

/// Makes the rehearsal's folder: its config, and empty stand-ins for certificates.
///
/// # Errors
/// When the folder can't be written to.
pub fn lay_out(rehearsal: &Rehearsal) -> Result<()> {
    let folder = &rehearsal.folder;
    for name in FOLDERS {
        let path = folder.join(name);
        std::fs::create_dir_all(&path).map_err(|error| files::unwritable(&path, error))?;
    }
    for name in ["tls/site.crt", "tls/site.key", "etc/catchall.crt", "etc/catchall.key"] {
        files::write_private(&folder.join(name), "stands for a certificate\n")?;
    }
    files::write_private(&rehearsal.conf(), &rehearsal.text)
}
