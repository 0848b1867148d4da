//! Values in a config, as Apache serves by them: the folder that was named, and no other.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{Often, batches, line};
use crate::answers::Answers;
use crate::apache::locate::Apache;
use crate::apache::quote::{DOLLAR_DEFINE, argument, directory, header};

/// What a folder is tried with.
struct Tried {
    /// The folder's name.
    name: String,
    /// Whether it is granted.
    granted: bool,
}

#[test]
fn folders_are_served_as_given_and_their_neighbours_are_not() {
    let apache = Apache::of_machine(&Answers::asked()).unwrap_or_else(|error| panic!("{error}"));
    batches(&Often::Each, line(), 100, |names| {
        let folder = tempfile::Builder::new().prefix("it's \"[x]* ").tempdir()?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        let granted: BTreeSet<String> = names.into_iter().collect();
        let neighbours: BTreeSet<String> = granted.iter().flat_map(|name| neighbours(name)).collect();
        let granted_list = granted.iter().map(|name| Tried { name: name.clone(), granted: true });
        let denied = neighbours.difference(&granted).map(|name| Tried { name: name.clone(), granted: false });
        let tried: Vec<Tried> = granted_list.chain(denied).collect();
        for one in &tried {
            fs::create_dir(folder.path().join(&one.name))?;
            fs::write(folder.path().join(&one.name).join("file"), &one.name)?;
        }
        let server = Server::start(&apache, folder.path(), &tried)?;
        let mut connection = server.connect()?;
        for (index, one) in tried.iter().enumerate() {
            let (status, shown, body) = connection.get(index)?;
            prop_assert_eq!(status, if one.granted { 200 } else { 403 }, "{:?}", one.name);
            if one.granted {
                prop_assert_eq!(&body, &one.name);
                // Apache takes the blanks around a header's value away.
                prop_assert_eq!(shown.as_deref().map(str::trim), Some(one.name.trim()), "{:?}", one.name);
            }
        }
        Ok(())
    });
}

/// Folders that a badly quoted `name` would grant too.
fn neighbours(name: &str) -> Vec<String> {
    let mut found =
        vec![format!("{name}x"), name.replace(['*', '?'], "a"), name.replace('\\', ""), name.replace('*', "")];
    if let Some((before, rest)) = name.split_once('[')
        && let Some((inside, after)) = rest.split_once(']')
    {
        found.extend(inside.chars().map(|one| format!("{before}{one}{after}")));
    }
    found.retain(|text| !text.is_empty() && text != "." && text != ".." && text != name);
    found
}

struct Server {
    process: Child,
    port: u16,
}

impl Server {
    fn start(apache: &Apache, folder: &Path, tried: &[Tried]) -> std::io::Result<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let private = tempfile::tempdir()?;
        let mut conf = format!("{DOLLAR_DEFINE}\nListen 127.0.0.1:{port}\nServerName localhost\nErrorLog /dev/null\n");
        for name in ["mpm_event", "authz_core", "alias", "headers", "unixd"] {
            let file = apache.modules.join(format!("mod_{name}.so"));
            if file.exists() {
                conf += &format!("LoadModule {name}_module {}\n", argument(&file.to_string_lossy()));
            }
        }
        conf += &format!("PidFile {}\n", argument(&private.path().join("pid").to_string_lossy()));
        conf += &format!("DefaultRuntimeDir {}\n", argument(&private.path().to_string_lossy()));
        conf += "User nobody\nGroup nogroup\nMaxKeepAliveRequests 0\nStartServers 1\n<Directory \"/\">\nRequire all denied\n</Directory>\n";
        for (index, one) in tried.iter().enumerate() {
            let path = folder.join(&one.name);
            let path = path.to_string_lossy();
            conf += &format!("Alias \"/{index}/\" {}\n", argument(&format!("{path}/")));
            if one.granted {
                // What begins like that is refused; a blank before it goes on the way.
                let value = if one.name.starts_with("expr=") { format!(" {}", one.name) } else { one.name.clone() };
                conf += &format!("<Directory {}>\nRequire all granted\n</Directory>\n", directory(&path));
                conf += &format!("<Location \"/{index}/\">\nHeader set X-Name {}\n</Location>\n", header(&value));
            }
        }
        let file = private.path().join("httpd.conf");
        fs::write(&file, conf)?;
        let mut command = apache.command();
        command.arg("-DFOREGROUND").arg("-f").arg(&file).stdin(Stdio::null()).stdout(Stdio::null());
        let process = command.stderr(Stdio::piped()).spawn()?;
        let mut server = Self { process, port };
        server.until_it_listens(&private.path().join("pid"))?;
        Ok(server)
    }

    /// Its pid file is written once it listens. To connect in vain could meet oneself: the port is one of
    /// those that the system takes for outgoing connections.
    fn until_it_listens(&mut self, pid_file: &Path) -> std::io::Result<()> {
        let end = Instant::now() + Duration::from_secs(20);
        while !pid_file.exists() {
            if self.process.try_wait()?.is_some() || Instant::now() > end {
                let mut text = String::new();
                let _ = self.process.kill();
                self.process.stderr.take().map(|mut pipe| pipe.read_to_string(&mut text));
                return Err(std::io::Error::other(text));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    fn connect(&self) -> std::io::Result<Connection> {
        let stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(Connection { stream: BufReader::new(stream) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // TERM, so that it ends its workers.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}

struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Status, the header X-Name, body.
    fn get(&mut self, index: usize) -> std::io::Result<(u16, Option<String>, String)> {
        write!(self.stream.get_mut(), "GET /{index}/file HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.stream.read_line(&mut head)? == 0 {
                return Err(std::io::Error::other(format!("the server hung up: {head}")));
            }
        }
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        let length = field("Content-Length: ").and_then(|text| text.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        let status = head.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
        Ok((status, field("X-Name: "), String::from_utf8_lossy(&body).into_owned()))
    }
}
