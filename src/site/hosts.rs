//! Host names that a site accepts, by Django's own rule for `ALLOWED_HOSTS`.

/// What Django accepts under `DEBUG` with `ALLOWED_HOSTS` empty (`HttpRequest.get_host`).
const DEBUG_HOSTS: [&str; 3] = [".localhost", "127.0.0.1", "[::1]"];

/// The hosts a site answers to.
pub struct AllowedHosts<'a> {
    patterns: Vec<&'a str>,
}

impl<'a> AllowedHosts<'a> {
    /// From `ALLOWED_HOSTS` and `DEBUG`.
    pub fn new(allowed: &'a [String], debug: bool) -> Self {
        let patterns = if allowed.is_empty() && debug {
            DEBUG_HOSTS.to_vec()
        } else {
            allowed.iter().map(String::as_str).collect()
        };
        Self { patterns }
    }

    /// Whether a request for `host` (without port) is accepted: exact, below a leading dot, or `*`.
    pub fn accepts(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        self.patterns.iter().any(|pattern| {
            let pattern = pattern.to_ascii_lowercase();
            match pattern.strip_prefix('.') {
                _ if pattern == "*" => true,
                Some(domain) => host == domain || host.ends_with(&pattern),
                None => host == pattern,
            }
        })
    }

    /// The names it lists, without patterns' dots and without `*` and addresses.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.patterns
            .iter()
            .map(|pattern| pattern.trim_start_matches('.').to_ascii_lowercase())
            .filter(|name| super::config::is_host_name(name) && name.parse::<std::net::IpAddr>().is_err())
    }

    /// A name for the development vhost of site `name`: its own below `.localhost`, which every
    /// browser takes for this machine, if the site accepts it; else a name that it lists.
    pub fn development_name(&self, name: &str) -> String {
        // Django takes an underscore in a host name for an attack.
        let own = format!("{}.localhost", name.replace('_', "-").trim_matches('-').to_ascii_lowercase());
        if self.accepts(&own) { own } else { self.names().next().unwrap_or(own) }
    }

    /// The names listed that are not this machine's.
    pub fn public_names(&self) -> impl Iterator<Item = String> {
        self.names().filter(|name| name != "localhost" && !name.ends_with(".localhost") && name.contains('.'))
    }

    /// The public name: the first of them.
    pub fn public_name(&self) -> Option<String> {
        self.public_names().next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(list: &[&str]) -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn acceptance_follows_django() {
        let debug = AllowedHosts::new(&[], true);
        assert!(debug.accepts("127.0.0.1") && debug.accepts("x.localhost") && debug.accepts("localhost"));
        assert!(!debug.accepts("example.com"));
        assert!(!AllowedHosts::new(&[], false).accepts("localhost"));
        let listed = hosts(&[".example.com", "Shop.test"]);
        let listed = AllowedHosts::new(&listed, true);
        assert!(listed.accepts("example.com") && listed.accepts("a.example.com") && listed.accepts("shop.test"));
        assert!(!listed.accepts("badexample.com") && !listed.accepts("127.0.0.1"));
        assert!(AllowedHosts::new(&hosts(&["*"]), false).accepts("anything"));
    }

    #[test]
    fn names_are_ones_that_the_site_accepts() {
        assert_eq!(AllowedHosts::new(&[], true).development_name("my_site"), "my-site.localhost");
        let listed = hosts(&["10.0.0.1", "shop.test"]);
        assert_eq!(AllowedHosts::new(&listed, true).development_name("x"), "shop.test");
        assert_eq!(AllowedHosts::new(&listed, true).public_name(), Some("shop.test".to_owned()));
        assert_eq!(AllowedHosts::new(&[], true).public_name(), None);
    }
}
