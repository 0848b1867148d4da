//! Values in an Apache config: what is written comes back as given and never widens a grant.
//!
//! Measured against httpd 2.4: within double quotes a backslash escapes a quote and a backslash;
//! afterwards `${NAME}` is replaced by a `Define` or an environment variable, once. The dollar of
//! a literal `${` is therefore written as a `Define` of our own, see [`DOLLAR_DEFINE`].

/// The line that every config with quoted values begins with.
pub const DOLLAR_DEFINE: &str = "Define DJWSGI_DOLLAR $";

/// `text` as one argument of a directive.
pub fn argument(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace("${", "${DJWSGI_DOLLAR}{");
    format!("\"{escaped}\"")
}

/// A folder as the argument of `<Directory>`, which takes it for a pattern as soon as it holds
/// a `*`, `?` or `[`. A backslash before them is not enough (httpd then compares the text with the
/// backslash in it), a class of one character is exact.
pub fn directory(path: &str) -> String {
    if !path.contains(['*', '?', '[']) {
        return argument(path);
    }
    let mut pattern = String::with_capacity(path.len() + 8);
    for character in path.chars() {
        match character {
            '*' | '?' | '[' => pattern.extend(['[', character, ']']),
            '\\' => pattern.push_str("\\\\"),
            _ => pattern.push(character),
        }
    }
    argument(&pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_backslashes_and_variables_are_escaped() {
        assert_eq!(argument("/a b"), r#""/a b""#);
        assert_eq!(argument(r#"/a"b\"#), r#""/a\"b\\""#);
        assert_eq!(argument("/${HOME}/$x"), r#""/${DJWSGI_DOLLAR}{HOME}/$x""#);
    }

    #[test]
    fn wildcards_become_classes_of_one_character() {
        assert_eq!(directory("/a[b]*"), r#""/a[[]b][*]""#);
        assert_eq!(directory(r"/a\b"), r#""/a\\b""#);
        assert_eq!(directory(r"/a\b?"), r#""/a\\\\b[?]""#);
    }
}
