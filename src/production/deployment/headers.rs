//! The security headers of every answer.

use crate::site::resolve::Site;

/// A start value that Django's own pages and the admin work with.
const CSP: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; \
                   form-action 'self'; frame-ancestors 'none'";

/// Further headers of every answer that the site does not set itself.
const HEADERS: [(&str, &str); 6] = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
];

/// Whether Strict-Transport-Security counts for all names below the site's. Below a domain's own name there may be
/// servers that speak no https, and a browser that was told does not forget for a year; below www there is nobody else.
pub fn hsts_covers_subdomains<'a>(site: &Site, mut names: impl Iterator<Item = &'a String>) -> bool {
    site.config.prod.hsts_subdomains.unwrap_or_else(|| names.all(|name| name.starts_with("www.")))
}

/// Those that the site does not set itself: names and values.
pub fn headers(site: &Site) -> Vec<(&'static str, String)> {
    let sets_csp = site.django.production.as_ref().is_some_and(|facts| facts.sets_csp);
    let own = if sets_csp { "" } else { CSP };
    let csp = site.config.prod.csp.clone().unwrap_or_else(|| own.to_owned());
    let fixed = HEADERS.into_iter().map(|(name, value)| (name, value.to_owned()));
    fixed.chain((!csp.is_empty()).then_some(("Content-Security-Policy", csp))).collect()
}
