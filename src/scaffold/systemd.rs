//! Values in a systemd unit: `%` begins a specifier everywhere, `$` a variable in command lines, and
//! quotes and backslashes are read as in C (`systemd.syntax(7)`).

/// `text` as a whole value of a setting that takes one path or text.
pub fn value(text: &str) -> String {
    text.replace('%', "%%")
}

/// `text` as an argument of a command line; the program itself is a [`path`].
pub fn word(text: &str) -> String {
    path(&text.replace('$', "$$"))
}

/// `text` as a program, or one of a list of paths: they know no variables.
pub fn path(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specifiers_variables_and_quotes_are_escaped() {
        assert_eq!(value("/a 100%"), "/a 100%%");
        assert_eq!(path("/a $b 5%"), "\"/a $b 5%%\"");
        assert_eq!(word(r#"/a "b" $c 5%\"#), r#""/a \"b\" $$c 5%%\\""#);
    }
}
