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

/// The value of a header, which mod_headers reads once more, like a log's format: `%` begins a variable of
/// the request, and a backslash an escape. No value may begin with `expr=`.
pub fn header(text: &str) -> String {
    argument(&text.replace('\\', "\\\\").replace('%', "%%"))
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

/// What [`argument`] was given.
pub fn argument_of(quoted: &str) -> String {
    let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(quoted);
    let mut text = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        text.push(if character == '\\' { characters.next().unwrap_or('\\') } else { character });
    }
    text.replace("${DJWSGI_DOLLAR}{", "${")
}

/// What [`directory`] was given.
pub fn directory_of(quoted: &str) -> String {
    let pattern = argument_of(quoted);
    if !pattern.contains('[') {
        return pattern;
    }
    let mut path = String::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '[' => {
                path.extend(characters.next());
                characters.next();
            }
            '\\' => path.extend(characters.next()),
            _ => path.push(character),
        }
    }
    path
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
    fn what_was_quoted_is_read_back() {
        for text in ["/a b", "/a\"b\\\\", "/${HOME}/$x", "/a[b]*", "/a\\b?", "/${A}[\\", "\\"] {
            assert_eq!(argument_of(&argument(text)), text);
            assert_eq!(directory_of(&directory(text)), text);
        }
    }

    #[test]
    fn wildcards_become_classes_of_one_character() {
        assert_eq!(directory("/a[b]*"), r#""/a[[]b][*]""#);
        assert_eq!(directory(r"/a\b"), r#""/a\\b""#);
        assert_eq!(directory(r"/a\b?"), r#""/a\\\\b[?]""#);
    }
}
