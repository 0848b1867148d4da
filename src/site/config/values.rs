//! Values of djwsgi.toml, beyond what their types say.

use std::net::IpAddr;

use super::Config;
use crate::site::application::Application;
use crate::site::name;
use crate::ui::problem::Problem;

/// Most daemon processes, and most threads of each, that a config may ask for.
const MAX_PROCESSES: u16 = 64;
/// See [`MAX_PROCESSES`].
const MAX_THREADS: u16 = 256;
/// The longest of all times, a day, in seconds.
const MAX_SECONDS: u32 = 86_400;
/// Browsers take no longer one: two years, in seconds.
const MAX_HSTS: u32 = 63_072_000;
/// Apache's own limit of a request body, 2 GiB − 1, in bytes.
const MAX_BODY: u64 = 2_147_483_647;

type Checked = Result<(), (String, String)>;

/// Checks what was read from the file `name`.
///
/// # Errors
/// With the key and the rule that it breaks.
pub fn check(config: &Config, name: &str) -> Result<(), Problem> {
    let checks = [names(config), urls(config), counts(config), times(config), production(config)];
    match checks.into_iter().find_map(Result::err) {
        Some((key, rule)) => Err(Problem::usage(format!("{name}: {key} {rule}"))),
        None => Ok(()),
    }
}

fn require(holds: bool, key: impl Into<String>, rule: impl Into<String>) -> Checked {
    if holds { Ok(()) } else { Err((key.into(), rule.into())) }
}

fn names(config: &Config) -> Checked {
    let site = &config.site;
    let given = |value: &Option<String>, holds: fn(&str) -> bool| value.as_deref().is_none_or(holds);
    let rule = "must be letters, digits and underscores, and no digit first";
    require(given(&site.name, name::is_identifier), "[site] name", rule)?;
    let is_dotted = |text: &str| text.split('.').all(name::is_identifier);
    require(given(&site.settings, is_dotted), "[site] settings", "must be a dotted module")?;
    let is_application = |text: &str| Application::parse(text).is_some();
    require(given(&site.application, is_application), "[site] application", "must be \"module:callable\"")?;
    for host in site.server_name.iter().chain(site.server_aliases.iter().flatten()) {
        let rule = format!("holds {host:?}, which is no host name");
        require(is_host_name(host), "[site] server-name or server-aliases", rule)?;
    }
    for variable in config.env.values.keys() {
        require(name::is_identifier(variable), format!("[env] {variable:?}"), "is no name of a variable")?;
    }
    Ok(())
}

fn urls(config: &Config) -> Checked {
    if let Some(mount) = &config.site.mount {
        let plain = mount.chars().all(|c| c.is_ascii_alphanumeric() || "/-._~".contains(c));
        let is_path = mount.starts_with('/') && plain && !mount.contains("//") && !mount.split('/').any(|p| p == "..");
        require(is_path, "[site] mount", "must be a URL path such as \"/shop\"")?;
    }
    for (key, url) in [("[static] url", &config.static_files.url), ("[media] url", &config.media.url)] {
        let plain = url.as_ref().is_none_or(|url| !url.chars().any(char::is_control));
        require(plain, key, "contains a control character")?;
    }
    Ok(())
}

fn counts(config: &Config) -> Checked {
    let counts = [
        ("[dev] processes", config.dev.processes, MAX_PROCESSES),
        ("[dev] threads", config.dev.threads, MAX_THREADS),
        ("[prod] processes", config.prod.processes, MAX_PROCESSES),
        ("[prod] threads", config.prod.threads, MAX_THREADS),
    ];
    for (key, count, most) in counts {
        require(count.is_none_or(|count| count.get() <= most), key, format!("is at most {most}"))?;
    }
    require(config.dev.standby.is_none_or(|depth| depth <= 2), "[dev] standby", "is 0, 1 or 2")
}

fn times(config: &Config) -> Checked {
    let prod = &config.prod;
    let times = [
        ("request-timeout", prod.request_timeout),
        ("queue-timeout", prod.queue_timeout),
        ("startup-timeout", prod.startup_timeout),
        ("graceful-timeout", prod.graceful_timeout),
        ("shutdown-timeout", prod.shutdown_timeout),
    ];
    for (key, seconds) in times {
        // mod_wsgi takes 0 for "for ever".
        let holds = seconds.is_none_or(|seconds| (1..=MAX_SECONDS).contains(&seconds));
        require(holds, format!("[prod] {key}"), format!("is 1 to {MAX_SECONDS} seconds"))?;
    }
    let rule = format!("is at most {MAX_HSTS} seconds");
    require(prod.hsts.is_none_or(|seconds| seconds <= MAX_HSTS), "[prod] hsts", rule)
}

fn production(config: &Config) -> Checked {
    let prod = &config.prod;
    for (key, account) in [("user", &prod.user), ("group", &prod.group)] {
        let key = format!("[prod] {key}");
        require(account.as_deref().is_none_or(is_account_name), key, "is no account name, or root's")?;
    }
    let body = prod.max_body.is_none_or(|bytes| (1..=MAX_BODY).contains(&bytes));
    require(body, "[prod] max-body", format!("is 1 to {MAX_BODY} bytes"))?;
    for network in prod.proxies.iter().flatten() {
        let rule = format!("holds {network:?}, which is no address and no network");
        require(is_network(network), "[prod] proxies", rule)?;
    }
    require(prod.contact.as_deref().is_none_or(is_contact), "[prod] contact", "is no e-mail address")?;
    if let Some(csp) = &prod.csp {
        // Apache would evaluate it.
        let plain = csp.is_ascii() && !csp.chars().any(char::is_control) && !csp.starts_with("expr=");
        require(plain, "[prod] csp", "must be directives in one line of ASCII")?;
    }
    for (key, path) in [("root", &prod.root), ("python", &prod.python), ("env-file", &prod.env_file)] {
        let holds = path.as_ref().is_none_or(|path| path.is_absolute());
        require(holds, format!("[prod] {key}"), "must be an absolute path on the server")?;
    }
    let ports = [prod.http_port, prod.https_port, prod.buffer_port];
    let given: Vec<_> = ports.into_iter().flatten().collect();
    let distinct = given.iter().all(|port| given.iter().filter(|other| other == &port).count() == 1);
    require(distinct, "[prod] http-port, https-port or buffer-port", "is another one's too")
}

/// RFC 1123: labels of letters, digits and inner hyphens, at most 253 characters.
pub fn is_host_name(host: &str) -> bool {
    host.len() <= 253
        && host.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

/// The portable form of a user's or group's name (`useradd(8)`), root's excepted. It begins with a letter:
/// a number would be taken for an account's number.
pub fn is_account_name(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
        && name != "root"
}

/// An address, or an address with the length of a prefix.
fn is_network(text: &str) -> bool {
    let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    let Ok(address) = address.parse::<IpAddr>() else { return false };
    let most = if address.is_ipv4() { 32 } else { 128 };
    // A network of everybody would trust everybody.
    length.is_none_or(|length| length.parse::<u8>().is_ok_and(|length| (1..=most).contains(&length)))
}

/// An e-mail address of the plain kind.
fn is_contact(text: &str) -> bool {
    let plain =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+-".contains(&b));
    text.split_once('@').is_some_and(|(name, host)| plain(name) && is_host_name(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_follow_rfc_1123() {
        for host in ["a.example", "localhost", "x-1.example.org"] {
            assert!(is_host_name(host), "{host}");
        }
        for host in ["", "*", "a b", "a/b", "a@b", "-a", "a..b", "mañana.es"] {
            assert!(!is_host_name(host), "{host}");
        }
        assert!(!is_host_name(&"a.".repeat(130)));
    }

    #[test]
    fn networks_are_addresses_with_or_without_a_length() {
        assert!(["10.0.0.1", "10.0.0.0/8", "fd00::/8", "::1"].into_iter().all(is_network));
        assert!(!["", "10.0.0", "10.0.0.0/33", "0.0.0.0/0", "balancer.example", "::/0"].into_iter().any(is_network));
    }

    #[test]
    fn accounts_and_contacts_are_plain() {
        assert!(is_account_name("www-data") && is_account_name("_x1"));
        assert!(!["root", "0", "-x", "a b", "A", "", "#0"].into_iter().any(is_account_name));
        assert!(is_contact("ops+tls@example.org"));
        assert!(!["", "a", "@b", "a@", "a b@c", "a@b@c"].into_iter().any(is_contact));
    }
}
