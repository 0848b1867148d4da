//! Everything a command needs to know of a site, resolved once.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::alias::{Alias, AliasKind};
use super::application::Application;
use super::config::Config;
use super::discover;
use super::identity::{self, Identity};
use super::monitor_place::MonitorPlace;
use super::name;
use crate::cli::SiteArgs;
use crate::files;
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
    /// The Python it runs on.
    pub python: Interpreter,
    /// What Django says of it.
    pub django: DjangoFacts,
    /// The WSGI application to serve; `None`: `django.core.wsgi.get_wsgi_application()`.
    pub application: Option<Application>,
    /// Where its code monitor lives.
    pub monitor: MonitorPlace,
    /// Who owns the folder of manage.py.
    pub owner: Identity,
}

impl Site {
    /// Resolves the site that `args` and the working directory name.
    ///
    /// # Errors
    /// When there is none, its settings file is wrong, or its Django can't be asked.
    pub fn find(args: &SiteArgs) -> Result<Self> {
        let root = discover::project_root(&files::current_folder()?, args.project_dir.as_deref())?;
        Self::at(&root, args)
    }

    /// Resolves the site at `root`.
    ///
    /// # Errors
    /// As [`Site::find`].
    pub fn at(root: &Path, args: &SiteArgs) -> Result<Self> {
        files::config_text(root)?;
        let config = Config::load(root)?;
        let configured = args.python.clone().or_else(|| config.python.home.as_ref().map(|home| root.join(home)));
        let python = choose::for_site(root, configured.as_deref())?;
        files::config_text(&python.prefix)?;
        let owner = Identity::owner_of(root)?;
        let settings = args.settings.as_deref().or(config.site.settings.as_deref());
        // Root never runs the code of a site that belongs to somebody else.
        let run_as = (identity::is_root() && owner.uid != 0).then_some((owner.uid, owner.gid));
        let django = django::ask(&python, &root.join("manage.py"), settings, run_as)?;
        let folder = root.file_name().unwrap_or_default().to_string_lossy();
        Ok(Self {
            name: config.site.name.clone().unwrap_or_else(|| name::of_existing(&django.settings, &folder)),
            application: application(&config, &django)?,
            monitor: MonitorPlace::beside(root, &django.settings, django.settings_file.as_deref()),
            root: root.to_owned(),
            owner,
            config,
            python,
            django,
        })
    }

    /// The settings module of production: the one wsgi.py names, else manage.py's.
    pub fn production_settings(&self) -> &str {
        let named = self.django.wsgi.as_ref().and_then(|wsgi| wsgi.settings.as_deref());
        self.config.site.settings.as_deref().or(named).unwrap_or(&self.django.settings)
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
    /// first, as aliases must be.
    pub fn aliases(&self) -> Vec<Alias> {
        let django = &self.django;
        let pairs = [
            (AliasKind::Static, &self.config.static_files, &django.static_url, &django.static_root),
            (AliasKind::Media, &self.config.media, &django.media_url, &django.media_root),
        ];
        let mut aliases: Vec<Alias> = pairs
            .into_iter()
            .filter_map(|(kind, own, url, root)| {
                let folder = own.root.as_ref().map(|folder| self.root.join(folder)).or_else(|| root.clone())?;
                let url = self.url_path(own.url.as_ref().or(url.as_ref())?)?;
                Some(Alias { kind, url, folder })
            })
            .collect();
        aliases.sort_by_key(|alias| std::cmp::Reverse(alias.url.len()));
        aliases
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
