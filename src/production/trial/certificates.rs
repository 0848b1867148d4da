//! Certificates for a rehearsal: an authority of its own, the site's certificate and the catch-all's.

use std::path::Path;

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};

use crate::files;

/// An authority whose certificates only this rehearsal uses.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// A new one, with a new key.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn new() -> Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "djwsgi rehearsal");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        short(&mut params, 0);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?).context("cannot make a certificate")?;
        Ok(Self { issuer })
    }

    /// Its own certificate, DER.
    pub fn certificate(&self) -> rustls::pki_types::CertificateDer<'static> {
        self.issuer.der().clone()
    }

    /// Writes its own certificate to `path`, PEM.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        files::write_private(path, &self.issuer.pem())
    }

    /// Writes a certificate for `names` and its key, PEM.
    ///
    /// # Errors
    /// When a file can't be written.
    pub fn issue(&self, names: Vec<String>, certificate: &Path, key: &Path) -> Result<()> {
        let pair = KeyPair::generate()?;
        let mut params = CertificateParams::new(names)?;
        short(&mut params, 1);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let signed = params.signed_by(&pair, &self.issuer).context("cannot make a certificate")?;
        files::write_private(certificate, &(signed.pem() + &self.issuer.pem()))?;
        files::write_private(key, &pair.serialize_pem())
    }
}

/// Valid since yesterday and for `extra` days more than a month: browsers trust none for years.
fn short(params: &mut CertificateParams, extra: i64) {
    let now = time::OffsetDateTime::now_utc();
    params.not_before = now - time::Duration::days(1);
    params.not_after = now + time::Duration::days(31 - extra);
}
