//! The variables of production: their names, never their values.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;
use serde_json::json;

use crate::cli::Target;
use crate::files;
use crate::scaffold::templates::Template;
use crate::site::resolve::Site;
use crate::site::variables;
use crate::ui::problem::Problem;

/// Django's own word for it in most sites that read it from the environment.
pub const SECRET_KEY: &str = "DJANGO_SECRET_KEY";

/// The variables to ask the site at `root` with, besides those of djwsgi.toml: those of `file`, else of the
/// `.env` that the site has here.
///
/// # Errors
/// When the file that was named can't be read.
pub fn to_check_with(root: &Path, file: Option<&Path>) -> Result<BTreeMap<String, String>> {
    let path = file.map_or_else(|| root.join(".env"), Path::to_owned);
    match files::read_if_exists(&path) {
        Ok(Some(text)) => Ok(variables::parse(&text)),
        Ok(None) if file.is_some() => {
            Err(Problem::usage(format!("--env-file {} does not exist", path.display())).into())
        }
        Err(error) if file.is_some() => Err(error),
        // An environment may have that name.
        Ok(None) | Err(_) => Ok(BTreeMap::new()),
    }
}

/// Names of variables that production is likely to need.
pub fn names(site: &Site) -> BTreeSet<String> {
    let values = &site.config.committed_env.values;
    let added = site.django.added_environment.keys();
    let mut names: BTreeSet<String> = site.variables.keys().chain(added).cloned().collect();
    names.retain(|name| !values.contains_key(name) && name != "DJANGO_CONFIGURATION");
    if names.is_empty() {
        names.insert(SECRET_KEY.to_owned());
    }
    names
}

/// Words in the names of variables that nobody else may know.
const WORDS: [&str; 8] = ["SECRET", "KEY", "TOKEN", "PASS", "PWD", "CREDENTIAL", "DSN", "PRIVATE"];

/// Variables whose values may stand nowhere: those of such names, and addresses with a password in them.
/// Short ones could be part of any word, and what is committed is known already.
pub fn kept(site: &Site) -> impl Iterator<Item = (&str, &str)> {
    let committed = &site.config.committed_env.values;
    let all = site.variables.iter().filter(|(name, value)| value.len() >= 8 && !committed.contains_key(*name));
    all.map(|(name, value)| (name.as_str(), value.as_str())).filter(|(name, value)| is_secret(name, value))
}

/// Whether nobody may know the value: by the variable's name, or it is an address with a password in it.
pub fn is_secret(name: &str, value: &str) -> bool {
    let has_password = value.split_once("://").is_some_and(|(_, rest)| rest.contains('@'));
    has_password || WORDS.iter().any(|word| name.to_ascii_uppercase().contains(word))
}

/// The template of the file on the server.
///
/// # Errors
/// As [`Template::render`].
pub fn render(site: &Site, target: Target) -> Result<String> {
    let names = names(site);
    let generates_key = names.iter().any(|name| name.contains("SECRET_KEY"));
    Template::Secrets.render(&json!({
        "name": site.name,
        "container": target == Target::Container,
        "names": names,
        "generates_key": generates_key,
    }))
}
