//! Something that is not the same in development and production.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::production::secrets;

/// What stands for a value that nobody may see.
pub const HIDDEN: &str = "(hidden)";

/// Words in the names of directives whose values are secret.
const SECRET_WORDS: [&str; 4] = ["password", "passphrase", "secret", "externalaccountbinding"];

/// Directives that give a value to a name.
const GIVING: [&str; 3] = ["SetEnv", "Define", "RequestHeader"];

/// What kind of thing differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// What somebody has made of the generated production config.
    Edit,
    /// A setting of Django's.
    Setting,
    /// A variable of the environment.
    Variable,
    /// An option of the daemon process group.
    Daemon,
    /// A directive of Apache's.
    Directive,
    /// A module of Apache's.
    Module,
}

/// Something that is not the same in both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What kind of thing it is.
    pub kind: Kind,
    /// Its name: sections and directive, a variable, a setting.
    pub name: String,
    /// Its values in development.
    pub dev: Vec<String>,
    /// Those that djwsgi generates for production, where somebody has changed them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generated: Option<Vec<String>>,
    /// Its values in production.
    pub prod: Vec<String>,
    /// Where an edited config has each of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<String>,
    /// Why it may be so.
    pub reason: Option<String>,
    /// Whether djwsgi.toml says why.
    pub stated: bool,
}

impl Difference {
    /// Hides what nobody may know: values of directives that give something a secret name or have one themselves,
    /// addresses with a password in them, and `secrets`.
    pub fn hide(&mut self, secrets: &[&str]) {
        let directive = self.name.rsplit('>').next().unwrap_or_default().trim().to_owned();
        let values = [&mut self.dev, &mut self.prod].into_iter().chain(&mut self.generated);
        for value in values.flatten() {
            if is_secret(&directive, value) || secrets.iter().any(|secret| value.contains(secret)) {
                HIDDEN.clone_into(value);
            }
        }
    }

    /// One that is not an edit.
    pub fn new(kind: Kind, name: String, values: [Vec<String>; 2], reason: Option<&str>) -> Self {
        let [dev, prod] = values;
        let reason = reason.map(str::to_owned);
        Self { kind, name, dev, generated: None, prod, places: Vec::new(), reason, stated: false }
    }
}

/// Gives each difference that has no reason the one that djwsgi.toml states for it, or for what it is a part of.
/// Nobody can state one for all edits to come. Returns the names stated for nothing that differs.
pub fn state(differences: &mut [Difference], stated: &BTreeMap<String, String>) -> Vec<String> {
    let mut unused: Vec<String> = stated.keys().cloned().collect();
    for one in differences.iter_mut().filter(|one| one.kind != Kind::Edit) {
        let Some((key, reason)) =
            stated.iter().filter(|(key, _)| covers(key, &one.name)).max_by_key(|(key, _)| key.len())
        else {
            continue;
        };
        unused.retain(|name| name != key);
        if one.reason.is_none() {
            one.reason = Some(reason.clone());
            one.stated = true;
        }
    }
    unused
}

/// Whether a directive's value is nobody's to know. Most directives with a KEY in their names tell where it lies.
fn is_secret(directive: &str, value: &str) -> bool {
    let has_word = |text: &str| SECRET_WORDS.iter().any(|word| text.to_ascii_lowercase().contains(word));
    let gives = GIVING.iter().any(|name| directive.split(' ').any(|word| word.starts_with(name)));
    has_word(directive)
        || (gives && secrets::is_secret(&format!("{directive} {value}"), ""))
        || secrets::is_secret("", value)
}

/// Whether `key` names `name` or what it is a part of.
fn covers(key: &str, name: &str) -> bool {
    name.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[', ' ']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden() {
        let values = |name: &str, value: &str| {
            let mut one = Difference::new(Kind::Edit, name.to_owned(), [vec![], vec![value.to_owned()]], None);
            one.hide(&["k2H8sLq0"]);
            one.prod.remove(0)
        };
        for (name, value) in [
            ("SetEnv", "API_TOKEN x"),
            ("<VirtualHost *:443> a SetEnvIf", "Host x SECRET=x"),
            ("Define DB_PASSWORD", "x"),
            ("Define URL", "postgres://me:x@db/shop"),
            ("AuthLDAPBindPassword", "x"),
            ("ErrorDocument", "404 k2H8sLq0"),
        ] {
            assert_eq!(values(name, value), HIDDEN, "{name}");
        }
        for (name, value) in
            [("SSLCertificateKeyFile", "/x"), ("SetEnv", "A 1"), ("KeepAlive", "On"), ("Header X-A", "set 1")]
        {
            assert_eq!(values(name, value), value, "{name}");
        }
    }

    #[test]
    fn a_stated_reason_holds_for_what_it_names_and_its_parts() {
        let one = |kind, name: &str| Difference::new(kind, name.to_owned(), [vec![], vec!["1".to_owned()]], None);
        let mut all = [
            one(Kind::Setting, "DATABASES.default.ENGINE"),
            one(Kind::Setting, "DATABASES_OTHER"),
            one(Kind::Setting, "INSTALLED_APPS[shop]"),
            one(Kind::Edit, "Timeout"),
        ];
        let stated = [("DATABASES", "a"), ("DATABASES.default", "b"), ("INSTALLED_APPS", "c"), ("Timeout", "d")];
        let stated = stated.map(|(key, reason)| (key.to_owned(), reason.to_owned())).into();
        assert_eq!(state(&mut all, &stated), ["DATABASES", "Timeout"]);
        let reasons: Vec<_> = all.iter().map(|one| one.reason.as_deref()).collect();
        assert_eq!(reasons, [Some("b"), None, Some("c"), None]);
    }
}
