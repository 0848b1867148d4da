//! The embedded templates, rendered strictly: a missing variable is an error, and every value
//! goes through the quoting helper of its target.

use anyhow::{Context, Result};
use handlebars::{Handlebars, handlebars_helper, no_escape};
use serde::Serialize;
use serde_json::{Map, Value};

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
            Self::ProductionConf => "apache/production.conf",
            Self::DevConf => "apache/dev.conf",
            Self::DjangoWsgi => "wsgi/django.wsgi",
            Self::ProductionWsgi => "wsgi/production.wsgi",
            Self::Monitor => "monitor.py",
            Self::Settings => "djwsgi.toml",
        }
    }

    fn source(self) -> &'static str {
        match self {
            Self::SiteConf => include_str!("../../templates/apache/site.conf.hbs"),
            Self::ProductionConf => include_str!("../../templates/apache/production.conf.hbs"),
            Self::DevConf => include_str!("../../templates/apache/dev.conf.hbs"),
            Self::DjangoWsgi => include_str!("../../templates/wsgi/django.wsgi.hbs"),
            Self::ProductionWsgi => include_str!("../../templates/wsgi/production.wsgi.hbs"),
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
        engine.register_helper("python", Box::new(python));
        engine.register_helper("toml", Box::new(toml_string));
        engine.register_helper("shell", Box::new(shell));
        for (name, text) in PARTIALS {
            engine.register_partial(name, text).with_context(failed)?;
        }
        engine.render_template(self.source(), data).with_context(failed)
    }
}

const PARTIALS: [(&str, &str); 3] = [
    ("daemon", include_str!("../../templates/partials/daemon.conf.hbs")),
    ("site", include_str!("../../templates/partials/site.conf.hbs")),
    ("environment", include_str!("../../templates/partials/environment.py.hbs")),
];

handlebars_helper!(apache: |value: str| quote::argument(value));
handlebars_helper!(directory: |value: str| quote::directory(value));
handlebars_helper!(python: |value: str| python_literal(value));
handlebars_helper!(toml_string: |value: str| toml::Value::from(value).to_string());
handlebars_helper!(shell: |value: str| format!("'{}'", value.replace('\'', r"'\''")));

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
