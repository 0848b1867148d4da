//! The public names of a site.

use crate::site::config::is_host_name;
use crate::site::hosts::AllowedHosts;
use crate::site::resolve::Site;
use crate::ui::problem::Problem;

/// The public name: as given, from djwsgi.toml, or from ALLOWED_HOSTS.
pub fn server_name(site: &Site, given: Option<&str>) -> Result<String, Problem> {
    if let Some(name) = given {
        return if is_host_name(name) {
            Ok(name.to_ascii_lowercase())
        } else {
            Err(Problem::usage(format!("--server-name {name:?} is no host name"))
                .hint("letters, digits, hyphens and dots, for example www.example.com; others as xn--…"))
        };
    }
    let listed = || AllowedHosts::new(&site.django.allowed_hosts, false).public_name();
    let name = site.config.site.server_name.clone().or_else(listed);
    name.map(|name| name.to_ascii_lowercase()).ok_or_else(|| {
        Problem::usage("the site's public name is not known")
            .hint("--server-name www.example.com, or in djwsgi.toml: [site] server-name = \"www.example.com\"")
    })
}

/// Further names: those of djwsgi.toml, else the other public ones of ALLOWED_HOSTS.
pub fn aliases(site: &Site, server_name: &str) -> Vec<String> {
    let listed = || AllowedHosts::new(&site.django.allowed_hosts, false).public_names().collect();
    let mut names: Vec<String> = site.config.site.server_aliases.clone().unwrap_or_else(listed);
    names.iter_mut().for_each(|name| name.make_ascii_lowercase());
    names.sort();
    names.dedup();
    names.retain(|name| name != server_name);
    names
}
