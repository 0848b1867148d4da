//! Names of sites: they become a Python package, a daemon process group and file names.

use crate::ui::problem::Problem;

/// Longest name accepted: it is part of file names.
pub const MAX_LENGTH: usize = 64;

const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
    "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
    "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// Names that a new site's environment will contain although a bare Python does not.
const TAKEN: [&str; 7] = ["django", "asgiref", "sqlparse", "mod_wsgi", "pip", "setuptools", "site"];

/// Folder names that say nothing about a site.
const GENERIC: [&str; 11] =
    ["config", "settings", "conf", "core", "project", "src", "server", "backend", "app", "apps", "web"];

/// Checks the name of a new site, except whether a module of that name exists.
///
/// # Errors
/// When it can't be the name of a Python package; the message tells the rule.
pub fn check(name: &str) -> Result<(), Problem> {
    let shown: String = name.chars().take(MAX_LENGTH).collect();
    let wrong = |rule: &str| {
        Problem::usage(format!("{shown:?} can't be the name of a site: {rule}"))
            .hint("use letters, digits and underscores, for example: djwsgi init mysite")
    };
    if name.is_empty() {
        return Err(wrong("it is empty"));
    }
    if name.len() > MAX_LENGTH {
        return Err(wrong("it is longer than 64 characters"));
    }
    if !is_identifier(name) {
        return Err(wrong("a Python package is named with ASCII letters, digits and underscores, and no digit first"));
    }
    if KEYWORDS.contains(&name) {
        return Err(wrong("it is a keyword of Python"));
    }
    if TAKEN.contains(&name.to_lowercase().as_str()) {
        return Err(module_exists(name));
    }
    Ok(())
}

/// The error of a name that a Python module already has.
pub fn module_exists(name: &str) -> Problem {
    Problem::usage(format!("{name:?} can't be the name of a site: a Python module of that name exists"))
        .hint("choose another name, for example: djwsgi init mysite")
}

/// Whether `name` is an identifier of ASCII letters, digits and underscores.
pub fn is_identifier(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|character| character.is_ascii_alphanumeric() || character == '_')
}

/// The name of an existing site: the package of its settings, or its folder where that says
/// nothing ("config").
pub fn of_existing(settings: &str, folder: &str) -> String {
    let package = settings.split('.').next().unwrap_or_default();
    if is_identifier(package) && !GENERIC.contains(&package) {
        return package.to_owned();
    }
    let mut name: String = folder
        .chars()
        .map(|character| if character.is_ascii_alphanumeric() { character } else { '_' })
        .take(MAX_LENGTH)
        .collect();
    if !is_identifier(&name) {
        name.insert(0, '_');
    }
    let name = name.trim_matches('_').to_owned();
    if is_identifier(&name) { name } else { "site".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_python_packages_are_accepted() {
        for name in ["mysite", "my_site2", "_x", "Blog"] {
            assert!(check(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for name in [
            "", ".", "../x", "/etc/x", "-rf", "--name", "2x", "my-site", "a b", "é", "class", "django", "Django",
            "a\nb",
        ] {
            assert!(check(name).is_err(), "{name}");
        }
        assert!(check(&"x".repeat(300)).is_err());
    }

    #[test]
    fn an_existing_site_is_named_after_its_package_or_folder() {
        assert_eq!(of_existing("mysite.settings", "x"), "mysite");
        assert_eq!(of_existing("config.settings.dev", "shop-2"), "shop_2");
        assert_eq!(of_existing("settings", "2008"), "site");
        assert_eq!(of_existing("settings", "köln"), "k_ln");
    }
}
