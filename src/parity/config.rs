//! Where the configs of development and production differ.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::difference::{Difference, Kind};
use super::edits::{self, Edit};
use super::reader::{Reader, Source};
use super::reasons;
use super::view::{self, DAEMON, Entry, Key, View};
use crate::apache::locate::Apache;
use crate::apache::quote;
use crate::dev;
use crate::files;
use crate::production::deployment::Deployment;
use crate::production::modules;
use crate::production::output::conf;
use crate::production::secrets;
use crate::production::trial::frame;
use crate::production::trial::place::Ports;
use crate::site::alias::AliasKind;
use crate::site::resolve::Site;
use crate::ui::problem::Problem;

/// Nothing listens while Apache only reads a config.
const NO_PORTS: Ports = Ports { http: 65_532, https: 65_533, buffer: 65_534, bare: 65_535 };

/// Where the system's Apache looks for files with relative names.
const SERVER_ROOTS: [&str; 2] = ["/etc/apache2", "/etc/httpd"];

/// A config of production that is there.
pub struct There {
    /// Its name, for messages.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// The configs of development and of production, as Apache reads them.
pub struct Configs<'a> {
    deployment: &'a Deployment<'a>,
    reader: Reader<'a>,
    frame: Option<String>,
    roles: Vec<(String, String)>,
    dev: View,
    generated: Vec<Entry>,
}

impl<'a> Configs<'a> {
    /// What `djwsgi dev` runs for `dev`, and what djwsgi generates for `deployment`.
    ///
    /// # Errors
    /// When Apache can't read one of them.
    pub fn of(dev: &Site, deployment: &'a Deployment<'a>, apache: &'a Apache) -> Result<Self> {
        let missing = modules::missing(deployment, apache);
        if !missing.is_empty() {
            let (binary, missing) = (apache.binary.display(), missing.join(", "));
            return Err(Problem::environment(format!("{binary} has no {missing}, which the production config uses"))
                .hint("install what brings them on the server, here too")
                .into());
        }
        let mut reader = Reader::new(apache)?;
        let (text, script) = dev::conf::usual(dev, apache, deployment.mod_wsgi)?;
        let source = Source { name: "the config of djwsgi dev", text: &text, frame: None, modules: &[] };
        let own_roles = roles(dev, &script, deployment, Path::to_owned)?;
        let dev = view::of(&view::entries(&reader.read(&source)?, &own_roles));
        let frame = frame(deployment, apache, reader.folder())?;
        let places = &deployment.places;
        let roles = roles(deployment.site, &places.script, deployment, |path| places.there(path))?;
        let mut configs = Self { deployment, reader, frame, roles, dev, generated: Vec::new() };
        configs.generated = configs.read("the production config", &conf::render(deployment)?)?;
        Ok(configs)
    }

    /// What differs between the two; and before that, what somebody has made of the generated config in the one
    /// that is `there`, if one is given.
    ///
    /// # Errors
    /// When Apache can't read it.
    pub fn differences(&mut self, there: Option<&There>) -> Result<Vec<Difference>> {
        let there = there.map(|there| self.read(&there.name, &there.text)).transpose()?;
        let edits = there.map(|there| edits::of(&self.generated, &there)).unwrap_or_default();
        let prod = view::of(&self.generated);
        let mut all: Vec<Difference> = edits.iter().map(|edit| as_difference(edit, &self.dev)).collect();
        all.extend(between(&self.dev, &prod, self.deployment)?);
        let secrets: Vec<&str> = secrets::kept(self.deployment.site).map(|(_, value)| value).collect();
        all.iter_mut().for_each(|one| one.hide(&secrets));
        Ok(all)
    }

    fn read(&mut self, name: &str, text: &str) -> Result<Vec<Entry>> {
        let (places, apache) = (&self.deployment.places, self.reader.apache());
        let mod_wsgi = &self.deployment.mod_wsgi.path;
        let modules = [
            (places.there(mod_wsgi), mod_wsgi.clone()),
            (places.modules.join("mod_wsgi.so"), mod_wsgi.clone()),
            (places.modules.clone(), apache.modules.clone()),
        ];
        let source = Source { name, text, frame: self.frame.as_deref(), modules: &modules };
        Ok(view::entries(&self.reader.read(&source)?, &self.roles))
    }
}

fn as_difference(edit: &Edit, dev: &View) -> Difference {
    let values = dev.get(&edit.key).cloned().unwrap_or_default();
    let difference = Difference::new(Kind::Edit, edit.name.clone(), [values, edit.there.clone()], None);
    let is_known = edit.places.iter().any(|place| !place.is_empty());
    let places = if is_known { edit.places.clone() } else { Vec::new() };
    Difference { generated: Some(edit.generated.clone()), places, ..difference }
}

/// What differs between two views.
fn between(dev: &View, prod: &View, deployment: &Deployment) -> Result<Vec<Difference>> {
    let moves = moves(deployment)?;
    let here = |value: &String| moves.iter().fold(value.clone(), |value, (there, here)| value.replace(there, here));
    let keys: BTreeSet<&Key> = dev.keys().chain(prod.keys()).collect();
    let mut all = Vec::new();
    for key in keys {
        let [dev, prod] = [dev, prod].map(|view| view.get(key).cloned().unwrap_or_default());
        if dev == prod {
            continue;
        }
        let is_moved = !dev.is_empty() && prod.iter().map(here).collect::<Vec<_>>() == dev;
        let reason = if is_moved { Some(reasons::MOVED) } else { reasons::of(key, &dev, &prod) };
        all.push(Difference::new(kind(key), key.shown(), [dev, prod], reason));
    }
    Ok(all)
}

fn kind(key: &Key) -> Kind {
    match key.name.split(' ').next() {
        Some(DAEMON) => Kind::Daemon,
        Some("LoadModule" | "LoadFile") => Kind::Module,
        _ => Kind::Directive,
    }
}

/// Folders of the site: on the server, and here.
fn moves(deployment: &Deployment) -> Result<Vec<(String, String)>> {
    let site = deployment.site;
    let mut moves = Vec::new();
    for here in [&site.python.prefix, &site.root] {
        let there = deployment.places.there(here);
        if there != **here {
            moves.push((files::config_text(&there)?.to_owned(), files::config_text(here)?.to_owned()));
        }
    }
    Ok(moves)
}

/// Sections of a config by what they are for: the folders differ.
fn roles(
    site: &Site,
    script: &Path,
    deployment: &Deployment,
    there: impl Fn(&Path) -> PathBuf,
) -> Result<Vec<(String, String)>> {
    let section = |name: &str, value: &str| format!("<{name} {}>", value.replace("${DJWSGI_DOLLAR}", "$"));
    let folder = |path: &Path| {
        Ok::<_, anyhow::Error>(section("Directory", &quote::directory(files::config_text(path)?.trim_end_matches('/'))))
    };
    let named = |role: &str| format!("<Directory ({role})>");
    let mut roles = vec![
        (folder(script.parent().unwrap_or(Path::new("/")))?, named("WSGI script")),
        (section("Files", &quote::argument(&files::name(script))), "<Files (WSGI script)>".to_owned()),
        (folder(&deployment.places.acme())?, named("certificate authority")),
    ];
    for alias in site.aliases() {
        let role = if alias.kind == AliasKind::Static { "static files" } else { "uploads" };
        roles.push((folder(&there(&alias.folder))?, named(role)));
    }
    Ok(roles)
}

/// What stands around a shared server's config.
fn frame(deployment: &Deployment, apache: &Apache, folder: &Path) -> Result<Option<String>> {
    if deployment.is_whole_server() {
        return Ok(None);
    }
    let folder = folder.join("frame");
    for name in ["etc", "run", "log"] {
        let path = folder.join(name);
        std::fs::create_dir_all(&path).map_err(|error| files::unwritable(&path, error))?;
    }
    let mut frame = frame::frame(deployment, apache, &folder, NO_PORTS)?;
    if let Some(root) = SERVER_ROOTS.iter().find(|root| Path::new(root).is_dir()) {
        frame += &format!("ServerRoot \"{root}\"\n");
    }
    Ok(Some(if frame.contains("${DJWSGI_DOLLAR}") { format!("{}\n{frame}", quote::DOLLAR_DEFINE) } else { frame }))
}
