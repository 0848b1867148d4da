//! The account of a site's daemon processes.

use crate::site::config::is_account_name;
use crate::site::resolve::Site;
use crate::ui::problem::Problem;

/// Accounts of Debian's and RHEL's base systems and of common services.
const RESERVED: [&str; 40] = [
    "adm",
    "apache",
    "backup",
    "bin",
    "daemon",
    "dbus",
    "ftp",
    "games",
    "git",
    "gnats",
    "halt",
    "http",
    "irc",
    "list",
    "lp",
    "mail",
    "man",
    "memcached",
    "messagebus",
    "mysql",
    "news",
    "nginx",
    "nobody",
    "operator",
    "polkitd",
    "postfix",
    "postgres",
    "proxy",
    "rabbitmq",
    "redis",
    "root",
    "rpc",
    "shutdown",
    "sshd",
    "sync",
    "sys",
    "systemd",
    "tss",
    "uucp",
    "www",
];

/// The account of the daemon processes: one of the site's own.
pub fn account(site: &Site) -> Result<(String, String), Problem> {
    let prod = &site.config.prod;
    let own = || {
        let name: String = site.name.to_ascii_lowercase().chars().take(31).collect();
        let name = name.trim_start_matches('_').to_owned();
        // One that is there already belongs to something else.
        if RESERVED.contains(&name.as_str()) { format!("{name}-site") } else { name }
    };
    let user = prod.user.clone().unwrap_or_else(own);
    let group = prod.group.clone().unwrap_or_else(|| user.clone());
    if let Some(name) = [&user, &group].into_iter().find(|name| !is_account_name(name)) {
        return Err(Problem::usage(format!("{name:?} can't be the name of an account"))
            .hint("choose one in djwsgi.toml: [prod] user = \"mysite\""));
    }
    Ok((user, group))
}
