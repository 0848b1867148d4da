//! Everything a command needs to know of a site, resolved once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::alias::{Alias, AliasKind};
use super::application::Application;
use super::config::{Config, FilesSection, Layers};
use super::monitor_place::MonitorPlace;
use super::name;
use super::variables;
use crate::answers::Answers;
use crate::cli::SiteArgs;
use crate::files;
use crate::identity::Identity;
use crate::python::choose;
use crate::python::django::{self, DjangoFacts};
use crate::python::interpreter::Interpreter;
use crate::ui::problem::Problem;

/// A Django site, fully resolved.
pub struct Site {
    /// The folder of manage.py.
    pub root: PathBuf,
    /// Its name: daemon process group, file names.
    pub name: String,
    /// The settings of djwsgi.toml and its overlays.
    pub config: Config,
    /// The variables that it was asked with.
    pub variables: BTreeMap<String, String>,
    /// The Python it runs on.
    pub python: Interpreter,
    /// What Django says of it.
    pub django: DjangoFacts,
    /// The settings module that manage.py uses by itself, if it was asked.
    pub manage_settings: Option<String>,
    /// The WSGI application to serve; `None`: `django.core.wsgi.get_wsgi_application()`.
    pub application: Option<Application>,
    /// Where its code monitor lives.
    pub monitor: MonitorPlace,
    /// Who owns the folder of manage.py.
    pub owner: Identity,
}

impl Site {
    /// Resolves the site at `root`.
    ///
    /// # Errors
    /// When its settings file is wrong, its Django can't be asked, or a URL can't be expressed.
    pub fn at(root: &Path, args: &SiteArgs, layers: Layers, answers: &Answers) -> Result<Self> {
        Self::with_variables(root, args, layers, None, answers)
    }

    /// Resolves it with variables `given` besides those of `[env]`: then what the shell has does not count.
    ///
    /// # Errors
    /// As [`Site::at`].
    pub fn with_variables(
        root: &Path,
        args: &SiteArgs,
        layers: Layers,
        given: Option<BTreeMap<String, String>>,
        answers: &Answers,
    ) -> Result<Self> {
        files::config_text(root)?;
        let config = Config::load(root, layers)?;
        let mut variables = own_variables(root, &config);
        match given {
            Some(given) => variables.extend(given),
            None => variables.retain(|name, _| std::env::var_os(name).is_none()),
        }
        let configured = args.python.clone().or_else(|| config.python.home.as_ref().map(|home| root.join(home)));
        let python = choose::for_site(root, configured.as_deref(), answers)?;
        files::config_text(&python.prefix)?;
        let owner = Identity::owner_of(root)?;
        let settings = args.settings.as_deref().or(config.site.settings.as_deref());
        let django = django::ask(&python, &root.join("manage.py"), settings, &variables, answers)?;
        for (name, url) in [("STATIC_URL", &django.static_url), ("MEDIA_URL", &django.media_url)] {
            if url.as_ref().is_some_and(|url| url.chars().any(char::is_control)) {
                return Err(Problem::environment(format!("{name} contains a control character")).into());
            }
        }
        let folder = root.file_name().unwrap_or_default().to_string_lossy();
        Ok(Self {
            name: config.site.name.clone().unwrap_or_else(|| name::of_existing(&django.settings, &folder)),
            application: application(&config, &django)?,
            monitor: MonitorPlace::beside(root, &django.settings, django.settings_file.as_deref()).beside_own(),
            root: root.to_owned(),
            // Asked with others, manage.py does not tell its own.
            manage_settings: settings.is_none().then(|| django.settings.clone()),
            owner,
            config,
            variables,
            python,
            django,
        })
    }

    /// The settings module of production: the one wsgi.py names, else manage.py's.
    pub fn production_settings(&self) -> &str {
        let named = self.django.wsgi.as_ref().and_then(|wsgi| wsgi.settings.as_deref());
        self.config.site.settings.as_deref().or(named).unwrap_or(&self.django.settings)
    }

    /// The same site as its production settings describe it.
    ///
    /// # Errors
    /// When they can't be imported: they may need what only the server has.
    pub fn for_production(mut self, flag: Option<&str>) -> Result<Self> {
        if let Some(settings) = flag {
            self.config.site.settings = Some(settings.to_owned());
        }
        let settings = self.production_settings().to_owned();
        let facts = django::ask_for_production(&self.python, &self.root.join("manage.py"), &settings, &self.variables)?;
        self.application = application(&self.config, &facts)?;
        self.django = DjangoFacts { wsgi: self.django.wsgi.take(), ..facts };
        Ok(self)
    }

    /// Folders outside of its own that manage.py puts on `sys.path`, the environment's left out.
    pub fn own_path(&self) -> impl Iterator<Item = &Path> {
        let added = self.django.added_path.iter().map(PathBuf::as_path);
        added.filter(|folder| !folder.starts_with(&self.python.prefix))
    }

    /// The URL path below which the site lives: "/" or "/shop".
    pub fn mount(&self) -> &str {
        match self.config.site.mount.as_deref().map(|mount| mount.trim_end_matches('/')) {
            None | Some("") => "/",
            Some(mount) => mount,
        }
    }

    /// The mount point as the URL path of the site's front page, with one slash at its end.
    pub fn base_path(&self) -> String {
        format!("{}/", self.mount().trim_end_matches('/'))
    }

    /// Static and media files that Apache can serve: URL prefix and folder, the longest prefix
    /// first, as aliases must be. A folder that holds the site's own code is none of them.
    pub fn aliases(&self) -> Vec<Alias> {
        self.wanted_aliases().into_iter().filter(|alias| !self.exposes_code(alias)).collect()
    }

    /// Folders that must not be served, because the site's own code is in them.
    pub fn refused_aliases(&self) -> Vec<Alias> {
        self.wanted_aliases().into_iter().filter(|alias| self.exposes_code(alias)).collect()
    }

    fn exposes_code(&self, alias: &Alias) -> bool {
        let settings = self.django.settings_file.as_deref().and_then(Path::parent);
        let code = [Some(self.root.as_path()), Some(&self.python.prefix), settings, self.monitor.file.parent()];
        let folder = alias.folder.canonicalize().unwrap_or_else(|_| alias.folder.clone());
        code.into_iter().flatten().any(|own| own.starts_with(&folder) || own.starts_with(&alias.folder))
    }

    fn wanted_aliases(&self) -> Vec<Alias> {
        let django = &self.django;
        let pairs = [
            (AliasKind::Static, &self.config.static_files, &django.static_url, &django.static_root),
            (AliasKind::Media, &self.config.media, &django.media_url, &django.media_root),
        ];
        // WhiteNoise answers for static files itself, unless a folder is named for Apache.
        let whitenoise = django.production.as_ref().is_some_and(|facts| facts.whitenoise);
        let is_left =
            |kind: AliasKind, own: &FilesSection| whitenoise && kind == AliasKind::Static && own.root.is_none();
        let mut aliases: Vec<Alias> = pairs
            .into_iter()
            .filter(|(kind, own, _, _)| !is_left(*kind, own))
            .filter_map(|(kind, own, url, root)| {
                let folder = own.root.as_ref().map(|folder| self.root.join(folder)).or_else(|| root.clone())?;
                let url = self.url_path(own.url.as_ref().or(url.as_ref())?)?;
                Some(Alias { kind, url, folder })
            })
            .collect();
        aliases.sort_by_key(|alias| std::cmp::Reverse(alias.url.len()));
        aliases
    }

    /// The URL path of static files, if they are this server's.
    pub fn static_path(&self) -> Option<String> {
        self.url_path(self.config.static_files.url.as_ref().or(self.django.static_url.as_ref())?)
    }

    /// A URL setting as a path of this server with slashes at both ends; `None` for another
    /// server's URL and for the root itself.
    fn url_path(&self, url: &str) -> Option<String> {
        if url.contains("//") || url.trim_matches('/').is_empty() {
            return None;
        }
        let prefix = if url.starts_with('/') { "" } else { self.mount().trim_end_matches('/') };
        Some(format!("{prefix}/{}/", url.trim_matches('/')))
    }
}

/// The variables of `[env]`, as the WSGI script sets them.
fn own_variables(root: &Path, config: &Config) -> BTreeMap<String, String> {
    let text = config.env.file.as_ref().and_then(|file| std::fs::read_to_string(root.join(file)).ok());
    let mut found = text.map(|text| variables::parse(&text)).unwrap_or_default();
    // The script reads the file first, too.
    for (name, value) in &config.env.values {
        found.entry(name.clone()).or_insert_with(|| value.clone());
    }
    found
}

fn application(config: &Config, django: &DjangoFacts) -> Result<Option<Application>, Problem> {
    let Some(text) = config.site.application.as_ref().or(django.wsgi_application.as_ref()) else {
        return Ok(None);
    };
    let parsed = Application::parse(text);
    parsed.map(Some).ok_or_else(|| {
        Problem::environment(format!("WSGI_APPLICATION {text:?} is not \"module.callable\""))
            .hint("name it in djwsgi.toml: [site] application = \"module:callable\"")
    })
}
