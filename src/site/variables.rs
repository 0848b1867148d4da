//! Files of variables: a NAME=value a line, as `.env` files have it; the WSGI script reads them the same way.

use std::collections::BTreeMap;

/// The variables in `text`. Comments, empty lines and what is no assignment are left out; `export ` before
/// the name and one pair of quotes around the value are taken away, and a comment after the value.
pub fn parse(text: &str) -> BTreeMap<String, String> {
    text.lines().filter_map(assignment).collect()
}

fn assignment(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    let quoted =
        |quote: char| value.strip_prefix(quote).and_then(|rest| rest.split_once(quote)).map(|(inner, _)| inner);
    let plain = || value.split_once(" #").map_or(value, |(value, _)| value.trim_end());
    let value = quoted('"').or_else(|| quoted('\'')).unwrap_or_else(plain);
    super::name::is_identifier(name).then(|| (name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_are_read_and_the_rest_is_left_out() {
        let read = parse("# A=1\n\nB=2 # two\nexport C = 'x=y # z' # c\nD=\"\n1E=3\nF=\nG=a#b\n");
        let expected = [("B", "2"), ("C", "x=y # z"), ("D", "\""), ("F", ""), ("G", "a#b")];
        assert_eq!(read, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    }
}
