//! What the reasons for differences depend on.

use super::servers::Subject;

/// Of the site and its deployment.
pub struct Facts {
    /// `DEBUG` in development.
    pub dev_debug: bool,
    /// `DEBUG` in production.
    pub prod_debug: bool,
    /// Whether they have different settings modules.
    pub other_settings: bool,
    /// Whether Apache speaks TLS in production.
    pub has_tls: bool,
    /// Whether a balancer in front does.
    pub has_balancer: bool,
    /// `SECURE_SSL_REDIRECT` in production.
    pub redirects_to_https: bool,
    /// Whether production has an inner vhost behind a buffer.
    pub has_buffer: bool,
    /// Whether production takes this machine for a balancer.
    pub trusts_loopback: bool,
    /// Whether the site lives below a path.
    pub is_mounted: bool,
    /// Whether Apache serves static files in production.
    pub apache_serves_static: bool,
    /// Whether WhiteNoise serves them.
    pub whitenoise: bool,
    /// The largest body that production takes, in bytes.
    pub max_body: u64,
    /// The umask of production.
    pub umask: &'static str,
    /// Daemon processes in development and in production.
    pub processes: (u16, u16),
    /// Threads of each.
    pub threads: (u16, u16),
    /// Headers that Apache may add in production, in lower case.
    pub headers: Vec<String>,
}

impl Facts {
    /// Those of `subject`.
    pub fn of(subject: &Subject) -> Self {
        let (site, deployment) = (subject.site, &subject.generated.deployment);
        let production = deployment.site;
        let dev = &site.config.dev;
        let added = deployment.headers.iter().map(|(name, _)| *name).chain(["Strict-Transport-Security"]);
        Self {
            dev_debug: site.django.debug,
            prod_debug: production.django.debug,
            other_settings: site.django.settings != production.django.settings,
            has_tls: deployment.tls.is_some(),
            has_balancer: deployment.tls.is_none() && deployment.is_https(),
            redirects_to_https: production.django.production.as_ref().is_some_and(|facts| facts.ssl_redirect),
            has_buffer: deployment.buffer_port.is_some(),
            trusts_loopback: deployment.proxies.iter().any(|network| network.starts_with("127.")),
            is_mounted: production.mount() != "/",
            apache_serves_static: deployment.serves_static(),
            whitenoise: production.django.production.as_ref().is_some_and(|facts| facts.whitenoise),
            max_body: deployment.max_body,
            umask: deployment.umask(),
            processes: (dev.processes.map_or(1, u16::from), deployment.processes),
            threads: (dev.threads.map_or(crate::scaffold::conf::DEV_THREADS, u16::from), deployment.threads),
            headers: added.map(str::to_ascii_lowercase).collect(),
        }
    }
}
