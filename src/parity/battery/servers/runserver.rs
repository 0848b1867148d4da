//! `manage.py runserver`, with the probe around the application.

use anyhow::Result;

use super::program::Program;
use super::{Kind, Running, Server, Subject};
use crate::apache::launch;
use crate::client::Client;
use crate::dev::address;
use crate::files;
use crate::parity::battery::probe;
use crate::parity::battery::workshop::Workshop;

/// A runserver that may not listen yet.
pub struct Runserver(Program);

/// Starts it on any port.
///
/// # Errors
/// When it can't be started.
pub fn start(subject: &Subject, workshop: &Workshop) -> Result<Runserver> {
    let site = subject.site;
    let variables: Vec<&str> = site.variables.keys().map(String::as_str).collect();
    files::write_private(&workshop.path("probe.py"), &probe::tail(&workshop.token, workshop.folder(), &variables)?)?;
    let mut command = launch::command(&site.python.executable);
    command.arg(workshop.path("runserver.py")).arg(site.root.join("manage.py")).arg(workshop.folder()).arg("0");
    command.current_dir(&site.root).env("PYTHONUNBUFFERED", "1").envs(&site.variables);
    if site.manage_settings.is_none() {
        // Others than manage.py's were asked for.
        command.env("DJANGO_SETTINGS_MODULE", &site.django.settings);
    }
    Ok(Runserver(Program::start(Kind::Runserver.name(), command, workshop)?))
}

impl Runserver {
    /// Waits until it listens.
    ///
    /// # Errors
    /// When it ends before.
    pub fn ready(mut self, subject: &Subject, workshop: &Workshop) -> Result<Server> {
        let port = self.0.wait_for(&workshop.path("runserver.port"), |text| text.trim().parse::<u16>().ok())?;
        let url = address::url(subject.site, ([127, 0, 0, 1], port).into());
        Ok(Server {
            kind: Kind::Runserver,
            client: Client::of_this_machine(&url.host_header, port, None)?,
            host: url.host_header,
            base: without_mount(subject.site.mount(), &subject.site.base_path()),
            static_path: subject.site.static_path().map(|path| without_mount(subject.site.mount(), &path)),
            static_folder: None,
            conf: None,
            logs: workshop.path("log/runserver"),
            running: Running::Program { _ends: self.0 },
        })
    }
}

/// A URL path as runserver has it, which knows no mount point.
fn without_mount(mount: &str, path: &str) -> String {
    path.strip_prefix(mount.trim_end_matches('/')).unwrap_or(path).to_owned()
}
