//! Where a site's certificate comes from.

use std::path::PathBuf;

use crate::cli::{ProductionArgs, TlsProfile, TlsSource};
use crate::production::places::Places;
use crate::site::resolve::Site;
use crate::ui::problem::Problem;

/// TLS in this Apache.
pub struct Tls {
    /// Which clients may connect.
    pub profile: TlsProfile,
    /// Certificate chain and key; `None` where Apache gets them itself.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// For the certificate authority, where Apache gets its certificate itself.
    pub contact: Option<String>,
}

/// TLS of `source`; `None` where this Apache speaks none.
///
/// # Errors
/// When djwsgi.toml lacks what it needs.
pub fn tls(
    site: &Site,
    places: &Places,
    args: &ProductionArgs,
    source: TlsSource,
    server_name: &str,
) -> Result<Option<Tls>, Problem> {
    let prod = &site.config.prod;
    let profile = args.tls_profile().or(prod.tls_profile).unwrap_or_default();
    let live = PathBuf::from("/etc/letsencrypt/live").join(server_name);
    let certbots = || (live.join("fullchain.pem"), live.join("privkey.pem"));
    let (certificate, contact) = match source {
        TlsSource::Proxy | TlsSource::Off => return Ok(None),
        TlsSource::Certbot => (Some(certbots()), None),
        TlsSource::Files => {
            let certificate = match (&prod.certificate, &prod.certificate_key) {
                (Some(certificate), Some(key)) => {
                    (places.there(&site.root.join(certificate)), places.there(&site.root.join(key)))
                }
                (None, None) => certbots(),
                _ => {
                    return Err(Problem::usage("one of [prod] certificate and certificate-key is missing")
                        .hint("name both: the chain and its private key"));
                }
            };
            (Some(certificate), None)
        }
        TlsSource::MdModule => {
            let contact = prod.contact.clone().ok_or_else(|| {
                Problem::usage("tls = \"mod_md\" needs an address for the certificate authority")
                    .hint("in djwsgi.toml: [prod] contact = \"ops@example.com\"")
            })?;
            (None, Some(contact))
        }
    };
    Ok(Some(Tls { profile, certificate, contact }))
}
