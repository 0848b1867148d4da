//! Headers with which balancers tell of a request, and strangers lie.

use serde_json::{Value, json};

use crate::production::deployment::Deployment;

/// All of them that servers and frameworks believe.
const ALL: [&str; 9] = [
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Port",
    "X-Forwarded-Scheme",
    "X-Forwarded-SSL",
    "X-Real-IP",
    "X-Client-IP",
    "Forwarded",
];

/// What the template needs: `unset` always, `guarded` unless a balancer of ours sends them, `trusted` by
/// mod_wsgi, which drops them itself when anybody else sends them, and `told` to the site by Apache.
pub fn data(deployment: &Deployment) -> Value {
    let trusted = trusted(deployment);
    let own = own_header(deployment);
    let behind = !deployment.proxies.is_empty();
    let guarded = own.as_ref().filter(|(own, _)| behind && !trusted.contains(&own.as_str()));
    let told = own.as_ref().filter(|_| deployment.tls.is_some());
    let unset: Vec<&str> = ALL
        .into_iter()
        .chain(own.iter().map(|(own, _)| own.as_str()).filter(|own| !ALL.contains(own)))
        .filter(|header| !trusted.contains(header) && guarded.is_none_or(|(own, _)| own != header))
        .collect();
    json!({
        "unset": unset,
        "guarded": guarded.map(|(name, _)| json!({ "name": name, "condition": stranger(deployment) })),
        "trusted": trusted.join(" "),
        "told": told.map(|(name, value)| json!({ "name": name, "value": value })),
    })
}

/// Those that mod_wsgi takes from the balancers named.
fn trusted(deployment: &Deployment) -> Vec<&'static str> {
    if deployment.proxies.is_empty() {
        return Vec::new();
    }
    let facts = deployment.site.django.production.as_ref();
    let mut headers = vec!["X-Forwarded-For", "X-Forwarded-Proto"];
    headers.extend(facts.is_some_and(|facts| facts.use_x_forwarded_host).then_some("X-Forwarded-Host"));
    headers.extend(facts.is_some_and(|facts| facts.use_x_forwarded_port).then_some("X-Forwarded-Port"));
    headers
}

/// The header of `SECURE_PROXY_SSL_HEADER`, by which the site knows https, and the value that says so.
fn own_header(deployment: &Deployment) -> Option<(String, String)> {
    let facts = deployment.site.django.production.as_ref()?;
    let [name, value] = facts.proxy_ssl_header.as_slice() else { return None };
    let name = name.strip_prefix("HTTP_")?;
    // As browsers and balancers write it.
    let words = name.split('_').map(|word| {
        let mut characters = word.chars();
        let first = characters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(characters.map(|rest| rest.to_ascii_lowercase())).collect::<String>()
    });
    let name = words.collect::<Vec<_>>().join("-");
    let is_header = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    (is_header(&name) && is_header(value)).then(|| (name, value.clone()))
}

/// An expression that holds for whoever is none of the balancers.
fn stranger(deployment: &Deployment) -> String {
    let ours = deployment.proxies.iter().map(|network| format!("%{{REMOTE_ADDR}} -ipmatch '{network}'"));
    format!("! ({})", ours.collect::<Vec<_>>().join(" || "))
}
