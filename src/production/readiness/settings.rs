//! The site's settings.

use super::Readiness;
use crate::cli::TlsSource;
use crate::production::deployment::Deployment;
use crate::site::hosts::AllowedHosts;

/// Settings that production must not have, or must.
pub fn look(deployment: &Deployment, found: &mut Readiness) {
    let site = deployment.site;
    let settings = &site.django.settings;
    if site.django.debug {
        found.fault(
            format!("{settings} has DEBUG = True: every error would show the site's code and settings"),
            match others(deployment) {
                Some(module) => format!("--settings {module}, or in wsgi.py, if those are production's"),
                None => "DEBUG = False in the settings of production".to_owned(),
            },
        );
    }
    let server_name = &deployment.server_name;
    if !AllowedHosts::new(&site.django.allowed_hosts, false).accepts(server_name) {
        found.fault(
            format!("ALLOWED_HOSTS does not list {server_name}: Django would answer every request with 400"),
            format!("ALLOWED_HOSTS = [{server_name:?}]"),
        );
    }
    let Some(facts) = &site.django.production else { return };
    if !facts.secret_key_in.is_empty() && !site.config.prod.secret_key_in_repository.unwrap_or(false) {
        found.fault(
            format!(
                "SECRET_KEY stands in {}: who can read the repository can forge sessions",
                facts.secret_key_in.join(", ")
            ),
            "SECRET_KEY = os.environ[\"DJANGO_SECRET_KEY\"], and a new key in secrets.env; \
             or, if it must be so, [prod] secret-key-in-repository = true",
        );
    }
    let own = facts.force_script_name.as_deref().unwrap_or("/").trim_end_matches('/');
    if facts.force_script_name.is_some() && own != site.mount().trim_end_matches('/') {
        found.fault(
            format!(
                "FORCE_SCRIPT_NAME is {own:?}, the site is mounted at {:?}: its links would lead elsewhere",
                site.mount()
            ),
            format!("in djwsgi.toml: [site] mount = {own:?}, or no FORCE_SCRIPT_NAME"),
        );
    }
    if facts.ssl_redirect && deployment.tls_source == TlsSource::Off {
        found.fault(
            "SECURE_SSL_REDIRECT sends everybody to https, which nothing here speaks: tls = \"off\"",
            "tls = \"files\" or another source of certificates; \"proxy\" where a balancer speaks https",
        );
    }
}

/// Settings beside these that are called production's.
fn others(deployment: &Deployment) -> Option<String> {
    let facts = &deployment.site.django;
    let folder = facts.settings_file.as_deref()?.parent()?;
    let (package, _) = facts.settings.rsplit_once('.')?;
    let mut names = ["production", "prod", "live"].into_iter();
    names.find(|name| folder.join(format!("{name}.py")).exists()).map(|name| format!("{package}.{name}"))
}

/// Something must serve the static files.
pub fn static_files(deployment: &Deployment, found: &mut Readiness) {
    let site = deployment.site;
    let url = site.django.static_url.as_deref().unwrap_or_default();
    let whitenoise = site.django.production.as_ref().is_some_and(|facts| facts.whitenoise);
    let elsewhere = url.contains("//");
    let root = site.config.static_files.root.as_ref().or(site.django.static_root.as_ref());
    if site.django.staticfiles && root.is_none() && !whitenoise && !elsewhere {
        found.fault(
            "STATIC_ROOT is not set: nothing would serve the static files",
            "STATIC_ROOT = BASE_DIR / \"static-files\" in the settings; Apache serves it",
        );
    }
}
