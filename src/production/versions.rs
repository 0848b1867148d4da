//! The versions that a production config is made for, and what each of them can do.

use std::fmt;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::apache::locate::Apache;
use crate::apache::mod_wsgi::ModWsgi;
use crate::cli::{ProductionArgs, Target};
use crate::process;
use crate::ui::problem::Problem;

/// Older ones lack what the config can't do without: TLS 1.3 and its ciphers (Apache 2.4.37), a daemon
/// that notices that it can't start (mod_wsgi 4.6).
const OLDEST_APACHE: Version = Version([2, 4, 37]);
const OLDEST_MOD_WSGI: Version = Version([4, 6, 0]);
const OLDEST_OPENSSL: Version = Version([1, 1, 1]);

/// What a server is taken for where nothing says otherwise: Debian 12.
const USUAL: Versions =
    Versions { apache: Version([2, 4, 62]), mod_wsgi: Version([4, 9, 4]), openssl: Version([3, 0, 0]) };

/// What an image has: Debian 12 with mod_wsgi from PyPI.
const IN_IMAGES: Versions = Versions { mod_wsgi: Version([6, 1, 1]), ..USUAL };

const LIMIT: Duration = Duration::from_secs(10);

/// A version of up to three numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version([u32; 3]);

impl Version {
    /// Reads "2.4.52", "3.0", "4.9.4-1" or "3.0.19 27 Jan 2026".
    pub fn parse(text: &str) -> Option<Self> {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let mut numbers = [0; 3];
        for (index, part) in text[..end].split('.').enumerate() {
            *numbers.get_mut(index)? = part.parse().ok()?;
        }
        Some(Self(numbers))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, micro] = self.0;
        write!(f, "{major}.{minor}.{micro}")
    }
}

/// The versions of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    /// Apache's.
    pub apache: Version,
    /// mod_wsgi's.
    pub mod_wsgi: Version,
    /// That of the OpenSSL that mod_ssl uses.
    pub openssl: Version,
}

impl Versions {
    /// Those named on the command line, else those found on this machine.
    ///
    /// # Errors
    /// When one can't be read, or is too old.
    pub fn of(
        target: Target,
        args: &ProductionArgs,
        apache: Option<&Apache>,
        mod_wsgi: &ModWsgi,
    ) -> Result<Self, Problem> {
        let given =
            |flag: &str, text: &Option<String>| match text.as_deref().map(|text| (text, Version::parse(text))) {
                None => Ok(None),
                Some((_, Some(version))) => Ok(Some(version)),
                Some((text, None)) => Err(Problem::usage(format!("{flag} {text:?} is no version"))
                    .hint("numbers and dots, for example 2.4.62")),
            };
        // An image has its own, whatever this machine has.
        let usual = if target == Target::Container { IN_IMAGES } else { Self::here(apache, mod_wsgi) };
        let versions = Self {
            apache: given("--apache", &args.apache)?.unwrap_or(usual.apache),
            mod_wsgi: given("--mod-wsgi", &args.mod_wsgi)?.unwrap_or(usual.mod_wsgi),
            openssl: given("--openssl", &args.openssl)?.unwrap_or(usual.openssl),
        };
        let oldest = [
            ("Apache", versions.apache, OLDEST_APACHE),
            ("mod_wsgi", versions.mod_wsgi, OLDEST_MOD_WSGI),
            ("OpenSSL", versions.openssl, OLDEST_OPENSSL),
        ];
        match oldest.into_iter().find(|(_, version, oldest)| version < oldest) {
            Some((name, version, oldest)) => {
                Err(Problem::environment(format!("{name} {version} is too old for a hardened config"))
                    .hint(format!("{name} {oldest} is the oldest one that will do")))
            }
            None => Ok(versions),
        }
    }

    /// Those of this machine.
    fn here(apache: Option<&Apache>, mod_wsgi: &ModWsgi) -> Self {
        let known = |text: &str| Version::parse(text).filter(|version| *version != Version([0; 3]));
        Self {
            apache: apache.and_then(|apache| known(&apache.version)).unwrap_or(USUAL.apache),
            mod_wsgi: known(&mod_wsgi.version).unwrap_or(USUAL.mod_wsgi),
            openssl: installed_openssl().unwrap_or(USUAL.openssl),
        }
    }

    /// Refuses a Host header that names no vhost.
    pub fn has_strict_host_check(self) -> bool {
        self.apache >= Version([2, 4, 49])
    }

    /// Ends a TLS handshake that does not come to its end.
    pub fn has_handshake_timeout(self) -> bool {
        self.apache >= Version([2, 4, 39])
    }

    /// Ends a stream of HTTP/2 whose body stops coming.
    pub fn has_stream_timeout(self) -> bool {
        self.apache >= Version([2, 4, 55])
    }

    /// Knows the key exchange that quantum computers can't break.
    pub fn has_hybrid_key_exchange(self) -> bool {
        self.openssl >= Version([3, 5, 0])
    }

    /// What these versions can't do, a sentence each.
    pub fn losses(self, with_tls: bool) -> Vec<String> {
        let mut losses = Vec::new();
        if !self.has_strict_host_check() {
            losses.push(format!("Apache {}: a wrong Host is answered by the catch-all only (2.4.49)", self.apache));
        }
        if with_tls && !self.has_handshake_timeout() {
            losses.push(format!(
                "Apache {}: TLS handshakes that never end are closed after 20 s, not 5 s (2.4.39)",
                self.apache
            ));
        }
        if with_tls && !self.has_stream_timeout() {
            losses.push(format!(
                "Apache {}: half-sent requests of HTTP/2 are ended after 60 s, not 10 s (2.4.55)",
                self.apache
            ));
        }
        if self.mod_wsgi < Version([5, 0, 0]) {
            losses.push(format!("mod_wsgi {} gets no fixes any more; 6.x from PyPI does", self.mod_wsgi));
        }
        if with_tls && !self.has_hybrid_key_exchange() {
            losses.push(format!("OpenSSL {}: no X25519MLKEM768 key exchange (3.5)", self.openssl));
        }
        losses
    }
}

fn installed_openssl() -> Option<Version> {
    let finished = process::run(Command::new("openssl").arg("version"), LIMIT).ok()?;
    Version::parse(finished.stdout.strip_prefix("OpenSSL ")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared_by_number() {
        assert_eq!(Version::parse("3.0"), Some(Version([3, 0, 0])));
        assert_eq!(Version::parse("3.0.19 27 Jan 2026"), Some(Version([3, 0, 19])));
        assert_eq!(Version::parse("1.1.1w"), Some(Version([1, 1, 1])));
        assert!(Version::parse("2.4.9") < Version::parse("2.4.52"));
        for text in ["", "x", "2..4", "2.4.5.6", "99999999999.1"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }
}
