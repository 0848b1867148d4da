//! The embedded templates, rendered strictly: a missing variable is an error, and every value
//! goes through the quoting helper of its target.

use anyhow::{Context, Result};
use handlebars::{Handlebars, handlebars_helper, no_escape};
use serde::Serialize;
use serde_json::{Map, Value};

use super::systemd;
use crate::apache::quote;

/// A file that can be rendered; the name is part of the provenance line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// `apache/NAME.conf`
    SiteConf,
    /// The production config
    ProductionConf,
    /// The private Apache of `djwsgi dev`
    DevConf,
    /// `apache/django.wsgi`
    DjangoWsgi,
    /// The WSGI script of production
    ProductionWsgi,
    /// Variables of production, to be filled in
    Secrets,
    /// The steps of a deployment
    Deploy,
    /// The steps of a container's
    DeployImage,
    /// What git ignores beside them
    DeployIgnore,
    /// Rotation of a server's own logs
    Logrotate,
    /// The systemd unit of a server of its own
    Unit,
    /// What the commands on the server go by
    Manifest,
    /// The image of a container
    Containerfile,
    /// What an image leaves out
    ContainerIgnore,
    /// `monitor.py`
    Monitor,
    /// `djwsgi.toml`
    Settings,
}

impl Template {
    /// Its name in provenance lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::SiteConf => "apache/site.conf",
            Self::ProductionConf => "production/server.conf",
            Self::DevConf => "apache/dev.conf",
            Self::DjangoWsgi => "wsgi/django.wsgi",
            Self::ProductionWsgi => "production/django.wsgi",
            Self::Secrets => "production/secrets.env",
            Self::Deploy => "production/DEPLOY.md",
            Self::DeployImage => "production/DEPLOY.image.md",
            Self::DeployIgnore => "production/gitignore",
            Self::Logrotate => "production/logrotate",
            Self::Unit => "production/unit.service",
            Self::Manifest => "production/deployment.toml",
            Self::Containerfile => "production/Containerfile",
            Self::ContainerIgnore => "production/containerignore",
            Self::Monitor => "monitor.py",
            Self::Settings => "djwsgi.toml",
        }
    }

    /// Whether its comments are Markdown's.
    pub fn is_markdown(self) -> bool {
        matches!(self, Self::Deploy | Self::DeployImage)
    }

    fn source(self) -> &'static str {
        match self {
            Self::SiteConf => include_str!("../../templates/apache/site.conf.hbs"),
            Self::ProductionConf => include_str!("../../templates/production/server.conf.hbs"),
            Self::DevConf => include_str!("../../templates/apache/dev.conf.hbs"),
            Self::DjangoWsgi => include_str!("../../templates/wsgi/django.wsgi.hbs"),
            Self::ProductionWsgi => include_str!("../../templates/production/django.wsgi.hbs"),
            Self::Secrets => include_str!("../../templates/production/secrets.env.hbs"),
            Self::Deploy => include_str!("../../templates/production/DEPLOY.md.hbs"),
            Self::DeployImage => include_str!("../../templates/production/DEPLOY.image.md.hbs"),
            Self::DeployIgnore => include_str!("../../templates/production/gitignore.hbs"),
            Self::Logrotate => include_str!("../../templates/production/logrotate.hbs"),
            Self::Unit => include_str!("../../templates/production/unit.service.hbs"),
            Self::Manifest => include_str!("../../templates/production/deployment.toml.hbs"),
            Self::Containerfile => include_str!("../../templates/production/Containerfile.hbs"),
            Self::ContainerIgnore => include_str!("../../templates/production/containerignore.hbs"),
            Self::Monitor => include_str!("../../templates/monitor.py"),
            Self::Settings => include_str!("../../templates/djwsgi.toml.hbs"),
        }
    }

    /// Renders the template with `data`.
    ///
    /// # Errors
    /// When a variable is missing: a fault of ours.
    pub fn render(self, data: &impl Serialize) -> Result<String> {
        let failed = || format!("cannot render the template {}", self.name());
        let mut engine = Handlebars::new();
        engine.set_strict_mode(true);
        engine.register_escape_fn(no_escape);
        engine.register_helper("apache", Box::new(apache));
        engine.register_helper("directory", Box::new(directory));
        engine.register_helper("header", Box::new(header));
        engine.register_helper("python", Box::new(python));
        engine.register_helper("toml", Box::new(toml_string));
        engine.register_helper("shell", Box::new(shell_word));
        engine.register_helper("slash", Box::new(slash));
        engine.register_helper("unit_value", Box::new(unit_value));
        engine.register_helper("unit_word", Box::new(unit_word));
        engine.register_helper("unit_path", Box::new(unit_path));
        for (name, text) in PARTIALS {
            engine.register_partial(name, text).with_context(failed)?;
        }
        engine.render_template(self.source(), data).with_context(failed)
    }
}

const PARTIALS: [(&str, &str); 11] = [
    ("daemon", include_str!("../../templates/partials/daemon.conf.hbs")),
    ("site", include_str!("../../templates/partials/site.conf.hbs")),
    ("environment", include_str!("../../templates/partials/environment.py.hbs")),
    ("own_server", include_str!("../../templates/production/own_server.conf.hbs")),
    ("vhosts", include_str!("../../templates/production/vhosts.conf.hbs")),
    ("headers", include_str!("../../templates/production/headers.conf.hbs")),
    ("plain_headers", include_str!("../../templates/production/plain_headers.conf.hbs")),
    ("error_format", include_str!("../../templates/production/error_format.conf.hbs")),
    ("deploy_settings", include_str!("../../templates/production/deploy_settings.md.hbs")),
    ("renewal", include_str!("../../templates/production/renewal.py.hbs")),
    ("private_files", include_str!("../../templates/production/private_files.conf.hbs")),
];

handlebars_helper!(apache: |value: str| quote::argument(value));
handlebars_helper!(directory: |value: str| quote::directory(value));
handlebars_helper!(header: |value: str| quote::header(value));
handlebars_helper!(python: |value: str| python_literal(value));
handlebars_helper!(toml_string: |value: str| toml::Value::from(value).to_string());
handlebars_helper!(slash: |folder: str| format!("{}/", folder.trim_end_matches('/')));
handlebars_helper!(unit_value: |value: str| systemd::value(value));
handlebars_helper!(unit_word: |value: str| systemd::word(value));
handlebars_helper!(unit_path: |value: str| systemd::path(value));
handlebars_helper!(shell_word: |value: str| super::shell::word(value));

/// The fields of a `json!` object, to which more are added.
pub fn fields(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// `text` as a string literal of Python; JSON's are a subset of Python's.
pub fn python_literal(text: &str) -> String {
    Value::from(text).to_string()
}
