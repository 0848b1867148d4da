//! The WSGI script of production.

use anyhow::Result;
use serde_json::json;

use crate::cli::Target;
use crate::files;
use crate::production::deployment::Deployment;
use crate::scaffold::script;
use crate::scaffold::templates::{Template, python_literal};

/// Renders it; without its provenance line.
///
/// # Errors
/// When a path can't be expressed.
pub fn render(deployment: &Deployment) -> Result<String> {
    let (site, places) = (deployment.site, &deployment.places);
    let literal = |path| Ok::<_, anyhow::Error>(python_literal(files::config_text(&places.there(path))?));
    let mut path = vec!["SITE".to_owned()];
    for folder in site.own_path() {
        path.push(literal(folder)?);
    }
    // A container gets its variables from outside.
    let from_file = deployment.target != Target::Container || site.config.prod.env_file.is_some();
    let env_file = from_file.then(|| literal(&places.env_file)).transpose()?;
    let settings = site.production_settings();
    let mut data = script::environment(site, &path, env_file.as_deref(), settings);
    let wsgi = site.django.wsgi.as_ref();
    let differs = wsgi.is_some_and(|wsgi| wsgi.insists && wsgi.settings.as_deref() != Some(settings));
    data.insert("insists".into(), json!(differs));
    data.insert("root".into(), json!(literal(&site.root)?));
    data.insert("renewal".into(), json!(files::config_text(&places.renewal)?));
    Template::ProductionWsgi.render(&data)
}
