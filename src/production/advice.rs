//! What is worth knowing of a deployment before it is made.

use super::deployment::Deployment;
use super::server;
use crate::cli::{Target, TlsSource};
use crate::identity::Identity;

/// Folders of which a unit with PrivateTmp has its own.
const PRIVATE: [&str; 2] = ["/tmp", "/var/tmp"];

/// Sentences of advice; none of them stands in the way.
pub fn of(deployment: &Deployment) -> Vec<String> {
    let site = deployment.site;
    let mut notes = deployment.versions.losses(deployment.tls.is_some());
    let production = site.production_settings();
    if let Some(manage) = site.manage_settings.as_deref().filter(|manage| *manage != production) {
        notes.push(format!("development uses {manage} (manage.py), production {production} (wsgi.py)"));
    }
    let facts = site.django.production.as_ref();
    let asgi = facts.and_then(|facts| facts.asgi_application.as_deref());
    if let Some(asgi) = asgi {
        let what = "mod_wsgi serves no WebSockets and nothing else that needs ASGI";
        match &site.application {
            Some(_) => notes.push(format!("ASGI_APPLICATION is {asgi}: {what}")),
            None => notes.push(format!("the site names ASGI_APPLICATION {asgi} and no WSGI_APPLICATION: {what}; Django's own WSGI application stands for it")),
        }
    }
    if facts.is_some_and(|facts| facts.whitenoise) {
        notes.push("WhiteNoise serves the static files, as the site is set up".to_owned());
    }
    if deployment.tls_source == TlsSource::Off {
        notes.push("tls = \"off\": what users send, passwords too, can be read on the way".to_owned());
    }
    let (user, _) = &deployment.account;
    if Identity::named(user).is_err() && deployment.is_for_here() {
        notes.push(format!("the account {user} is not on this machine yet; DEPLOY.md creates it"));
    }
    if deployment.target == Target::Standalone {
        notes.extend(hidden(deployment));
    }
    if let Some((certificate, _)) = deployment.tls.as_ref().and_then(|tls| tls.certificate.as_ref())
        && !certificate.exists()
    {
        notes.push(format!("the certificate {} is not on this machine", certificate.display()));
    }
    notes
}

/// What the server's unit would not find.
fn hidden(deployment: &Deployment) -> Option<String> {
    let (site, places) = (deployment.site, &deployment.places);
    let certificate = deployment.tls.as_ref().and_then(|tls| tls.certificate.clone()).map(|(file, _)| file);
    let needed = [places.there(&site.root), places.there(&site.python.prefix)];
    let needed = needed.into_iter().chain(server::written_folders(deployment)).chain(certificate);
    let hidden = needed.into_iter().find(|path| PRIVATE.iter().any(|private| path.starts_with(private)))?;
    let path = hidden.display();
    Some(format!("{path} is hidden from the server: its unit has a /tmp and a /var/tmp of its own (PrivateTmp)"))
}
