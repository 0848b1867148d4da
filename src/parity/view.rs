//! What of a config is about the site's requests, made comparable.

use std::collections::BTreeMap;

use crate::apache::effective::Directive;

/// A section that says which server its directives are about.
const SERVER: &str = "<VirtualHost";

/// Directives of a virtual host that answers the site's own requests.
const SERVES: [&str; 2] = ["WSGIScriptAlias", "ProxyPass"];

/// The group of daemon processes, whose options are compared one by one.
pub const DAEMON: &str = "WSGIDaemonProcess";

/// Directives whose first word is a part of their name.
const NAMED: [&str; 3] = ["LoadModule", "Define", "Header"];

/// A name: of a directive with the sections it stands in, or of one option of `WSGIDaemonProcess`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The sections, outermost first. Those virtual hosts are left out that answer the site's requests: in
    /// development it has one server, in production several.
    pub place: String,
    /// The directive, or `WSGIDaemonProcess threads`.
    pub name: String,
}

impl Key {
    /// As people read it.
    pub fn shown(&self) -> String {
        format!("{} {}", self.place, self.name).trim().to_owned()
    }
}

/// A directive, or an option of one.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What it is about.
    pub key: Key,
    /// Its value.
    pub value: String,
    /// The sections it stands in, every virtual host with its name.
    pub sections: Vec<String>,
    /// All that it says, and where: two entries that are the same here do the same at the same place in the order.
    pub exact: String,
    /// The file that it stands in, if it is another one than the config itself.
    pub file: String,
    /// Its line, where it has one.
    pub line: usize,
}

impl Entry {
    /// Whether it is the beginning of a section: what the section says stands in it.
    pub fn is_section(&self) -> bool {
        self.key.name.starts_with('<')
    }
}

/// All values of each name, in order, each once.
pub type View = BTreeMap<Key, Vec<String>>;

/// The view of `entries`.
pub fn of(entries: &[Entry]) -> View {
    let mut view = View::new();
    for one in entries.iter().filter(|one| !one.is_section() || one.key.name == SERVER) {
        let values = view.entry(one.key.clone()).or_default();
        if !values.contains(&one.value) {
            values.push(one.value.clone());
        }
    }
    view
}

/// The entries of `directives`; `roles` gives the same name to sections that are for the same.
pub fn entries(directives: &[Directive], roles: &[(String, String)]) -> Vec<Entry> {
    let role = |place: String| roles.iter().fold(place, |place, (from, to)| place.replace(from, to));
    let hosts = hosts(directives);
    let mut host = 0;
    let mut entries = Vec::new();
    for one in directives {
        let is_host = one.name == SERVER;
        host += usize::from(is_host);
        let is_server = |section: &String| section.starts_with(SERVER);
        let own = hosts.get(host.wrapping_sub(1));
        let outside = one.sections.iter().filter(|section| !is_server(section)).cloned();
        let is_inside = one.sections.iter().any(is_server);
        let server = own.filter(|own| is_inside && !own.serves).map(|own| own.name.clone());
        let place = server.into_iter().chain(outside).collect::<Vec<_>>().join(" ");
        let place = role(place);
        let named =
            |section: &String| own.filter(|_| is_server(section)).map_or(section.clone(), |own| own.name.clone());
        let sections: Vec<String> = one.sections.iter().map(named).collect();
        for (name, value) in parts(one) {
            entries.push(Entry {
                exact: format!("{}\0{name}\0{value}", one.sections.join("\0")),
                key: Key { place: place.clone(), name },
                value,
                sections: sections.clone(),
                file: one.file.clone(),
                line: one.line,
            });
        }
    }
    entries
}

/// A virtual host.
struct Host {
    name: String,
    serves: bool,
}

fn hosts(directives: &[Directive]) -> Vec<Host> {
    let mut hosts = Vec::new();
    for (start, host) in directives.iter().enumerate().filter(|(_, one)| one.name == SERVER) {
        let is_inside = |one: &&Directive| one.sections.iter().any(|section| section.starts_with(SERVER));
        let inside = directives[start + 1..].iter().take_while(is_inside);
        let serves = inside.clone().any(|one| SERVES.contains(&one.name.as_str()));
        let name = inside.clone().find(|one| one.name == "ServerName").map_or("", |one| one.arguments.as_str());
        hosts.push(Host { name: format!("{SERVER} {}> {name}", host.arguments).trim_end().to_owned(), serves });
    }
    hosts
}

/// Names and values: several of a directive with options.
fn parts(directive: &Directive) -> Vec<(String, String)> {
    let name = &directive.name;
    let arguments = directive.arguments.trim();
    let whole = || vec![(name.clone(), arguments.to_owned())];
    match name.as_str() {
        DAEMON => options(directive, 1, &["name"]),
        "WSGIScriptAlias" => options(directive, 2, &["path", "script"]),
        "Header" => header(arguments).map_or_else(whole, |(header, value)| vec![(format!("{name} {header}"), value)]),
        _ if NAMED.contains(&name.as_str()) => {
            let (first, rest) = arguments.split_once(' ').unwrap_or((arguments, ""));
            vec![(format!("{name} {first}"), rest.to_owned())]
        }
        _ => whole(),
    }
}

/// Words without a name, and options.
fn options(directive: &Directive, count: usize, names: &[&str]) -> Vec<(String, String)> {
    let words = directive.values();
    let own = |name: &str| format!("{} {name}", directive.name);
    let first = words.iter().zip(names).map(|(word, name)| (own(name), word.clone()));
    let rest = words.iter().skip(count).filter(|word| !word.is_empty());
    let rest = rest.map(|word| {
        word.split_once('=').map_or((own(word), String::new()), |(name, value)| (own(name), value.to_owned()))
    });
    first.chain(rest).collect()
}

/// Which header a directive is about, and what it says of it.
fn header(arguments: &str) -> Option<(String, String)> {
    let mut words = arguments.split(' ');
    let mut said: Vec<&str> = Vec::new();
    let condition = words.next()?;
    said.push(condition);
    let action = if ["always", "onsuccess", "early"].contains(&condition.to_ascii_lowercase().as_str()) {
        let action = words.next()?;
        said.push(action);
        action
    } else {
        condition
    };
    let header = words.next().filter(|_| action != "echo")?;
    let rest: Vec<&str> = words.collect();
    Some((header.to_owned(), format!("{} {}", said.join(" "), rest.join(" ")).trim_end().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directive(sections: &[&str], name: &str, arguments: &str) -> Directive {
        let sections = sections.iter().map(|section| (*section).to_owned()).collect();
        Directive { sections, name: name.to_owned(), arguments: arguments.to_owned(), file: String::new(), line: 0 }
    }

    fn shown(directives: &[Directive]) -> Vec<String> {
        let view = of(&entries(directives, &[]));
        view.iter().map(|(key, values)| format!("{} = {}", key.shown(), values.join(" | "))).collect()
    }

    #[test]
    fn options_and_headers_have_names_of_their_own() {
        let directives = [
            directive(&[], "WSGIDaemonProcess", "my threads=3 home=\"/a b\" x"),
            directive(&[], "WSGIScriptAlias", "/ \"/x/y.wsgi\" process-group=my application-group=%{GLOBAL}"),
            directive(&[], "Header", "always set X-A \"b c\""),
            directive(&[], "Header", "set X-B 1"),
            directive(&[], "LoadModule", "a_module /m/a b.so"),
        ];
        let expected = [
            "Header X-A = always set \"b c\"",
            "Header X-B = set 1",
            "LoadModule a_module = /m/a b.so",
            "WSGIDaemonProcess home = /a b",
            "WSGIDaemonProcess name = my",
            "WSGIDaemonProcess threads = 3",
            "WSGIDaemonProcess x = ",
            "WSGIScriptAlias application-group = %{GLOBAL}",
            "WSGIScriptAlias path = /",
            "WSGIScriptAlias process-group = my",
            "WSGIScriptAlias script = /x/y.wsgi",
        ];
        assert_eq!(shown(&directives), expected);
    }

    #[test]
    fn hosts_that_serve_the_site_are_the_server() {
        let (site, other) = (["<VirtualHost *:443>"], ["<VirtualHost *:80>"]);
        let directives = [
            directive(&[], "<VirtualHost", "*:80"),
            directive(&other, "ServerName", "other"),
            directive(&other, "Redirect", "421 /"),
            directive(&[], "<VirtualHost", "*:443"),
            directive(&site, "ServerName", "site"),
            directive(&site, "ProxyPass", "/ x"),
            directive(&["<VirtualHost *:443>", "<Location />"], "Require", "all denied"),
            directive(&[], "Timeout", "60"),
        ];
        let expected = [
            "<VirtualHost = *:80 | *:443",
            "ProxyPass = / x",
            "ServerName = site",
            "Timeout = 60",
            "<Location /> Require = all denied",
            "<VirtualHost *:80> other Redirect = 421 /",
            "<VirtualHost *:80> other ServerName = other",
        ];
        assert_eq!(shown(&directives), expected);
    }
}
