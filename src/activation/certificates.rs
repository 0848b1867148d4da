//! Certificates on the server: looked into before Apache does, which ends if it does not like one.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result};
use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::client::verify_server_name;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use time::{Duration, OffsetDateTime};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::ui::problem::Problem;

/// Rights of a file that everybody may read.
const READABLE: u32 = 0o004;

/// Looks into the certificate of a site and its key.
///
/// # Errors
/// When one is missing or no such thing, they don't belong together, it is not valid today, or anybody may read the
/// key.
pub fn check(certificate: &Path, key: &Path) -> Result<(), Problem> {
    let chain = read(certificate, |bytes| CertificateDer::pem_slice_iter(bytes).collect::<Result<Vec<_>, _>>())?;
    let private = read(key, PrivateKeyDer::from_pem_slice)?;
    let (shown, key_shown) = (certificate.display(), key.display());
    if fs::metadata(key).is_ok_and(|meta| meta.mode() & READABLE != 0) {
        return Err(Problem::environment(format!("everybody may read {key_shown}, the private key"))
            .hint(format!("chmod 600 {key_shown}")));
    }
    let first = chain.first().ok_or_else(|| Problem::environment(format!("{shown} holds no certificate")))?;
    let parsed = X509Certificate::from_der(first);
    let (_, parsed) = parsed.map_err(|_| Problem::environment(format!("{shown} holds no certificate")))?;
    let validity = parsed.validity();
    if !validity.is_valid() {
        let (from, to) = (validity.not_before, validity.not_after);
        return Err(Problem::environment(format!("{shown} is not valid today: from {from} to {to}"))
            .hint("have it renewed first"));
    }
    let signs = ring::default_provider().key_provider.load_private_key(private);
    let signs = signs.map_err(|error| Problem::environment(format!("{key_shown} is no private key: {error}")))?;
    match CertifiedKey::new(chain, signs).keys_match() {
        Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => {
            Err(Problem::environment(format!("{key_shown} is not the key of {shown}"))
                .hint("name the pair in djwsgi.toml: [prod] certificate, certificate-key"))
        }
        _ => Ok(()),
    }
}

/// Whether a browser takes the certificate for that of the site `name`.
///
/// # Errors
/// When it can't be read.
pub fn names(certificate: &Path, name: &str) -> Result<bool, Problem> {
    let first = read(certificate, CertificateDer::from_pem_slice)?;
    let (Ok(parsed), Ok(name)) = (ParsedCertificate::try_from(&first), ServerName::try_from(name)) else {
        return Ok(false);
    };
    Ok(verify_server_name(&parsed, &name).is_ok())
}

fn read<T, E: std::fmt::Display>(path: &Path, parse: impl Fn(&[u8]) -> Result<T, E>) -> Result<T, Problem> {
    let bytes = fs::read(path).map_err(|error| {
        Problem::environment(format!("cannot read {}: {error}", path.display()))
            .hint("the certificate comes first: DEPLOY.md, Certificates")
    })?;
    parse(&bytes).map_err(|error| Problem::environment(format!("cannot read {}: {error}", path.display())))
}

/// A certificate that names no site, and its key, PEM: for whoever asks for none of ours.
///
/// # Errors
/// When the system has no random numbers.
pub fn catch_all() -> Result<(String, String)> {
    let pair = KeyPair::generate()?;
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, "catchall.invalid");
    let now = OffsetDateTime::now_utc();
    params.not_before = now - Duration::days(1);
    params.not_after = now + Duration::days(3650);
    let certificate = params.self_signed(&pair).context("cannot make a certificate")?;
    Ok((certificate.pem(), pair.serialize_pem()))
}

/// Names of its files.
pub const CATCH_ALL: [&str; 2] = ["catchall.crt", "catchall.key"];

/// Whether both files of it are in `folder`.
pub fn has_catch_all(folder: &Path) -> bool {
    CATCH_ALL.iter().all(|name| folder.join(name).is_file())
}
