//! What a config says of what the battery is about: not everything that is said has an effect on a request here.

use std::collections::BTreeSet;
use std::path::Path;

use super::answer::Answer;
use crate::apache::effective::{self, Directive};
use crate::apache::locate::Apache;

/// What is looked at.
pub const FACTS: &[&str] = &["AllowEncodedSlashes", "WSGIPassAuthorization", "application group", "lang, locale"];

/// The values in the config at `conf`, as Apache reads it; nothing if it can't be asked.
pub fn read(apache: &Apache, conf: &Path) -> Answer {
    let Ok(directives) = effective::of(apache, conf) else { return Answer::new() };
    FACTS.iter().map(|fact| (*fact, values(&directives, fact))).collect()
}

/// The different values of one of them.
fn values(directives: &[Directive], fact: &str) -> String {
    let found: BTreeSet<String> = directives.iter().filter_map(|directive| value(directive, fact)).collect();
    found.into_iter().collect::<Vec<_>>().join(", ")
}

fn value(directive: &Directive, fact: &str) -> Option<String> {
    let option = |name: &str| {
        let values = directive.values();
        values.iter().find_map(|value| value.strip_prefix(name).map(str::to_owned)).unwrap_or_else(|| "-".to_owned())
    };
    match (fact, directive.name.as_str()) {
        ("application group", "WSGIApplicationGroup") => Some(directive.values().concat()),
        ("application group", "WSGIScriptAlias") => Some(option("application-group=")),
        ("lang, locale", "WSGIDaemonProcess") => Some(format!("{} {}", option("lang="), option("locale="))),
        (fact, name) if fact.eq_ignore_ascii_case(name) => Some(directive.values().concat()),
        _ => None,
    }
}
