//! Differences, for people.

use crate::parity::difference::{Difference, Kind};

/// Names and values in a row are cut to so many characters; those without a reason are whole.
const NAME: usize = 44;
/// See [`NAME`].
const VALUE: usize = 36;

/// The kinds, in the order of the table.
const KINDS: [(Kind, &str); 6] = [
    (Kind::Edit, "PRODUCTION, EDITED"),
    (Kind::Setting, "DJANGO SETTINGS"),
    (Kind::Variable, "ENVIRONMENT"),
    (Kind::Daemon, "DAEMON OPTIONS"),
    (Kind::Directive, "DIRECTIVES OF APACHE"),
    (Kind::Module, "MODULES OF APACHE"),
];

/// Those of development and of production.
type Values<'a> = (&'a [String], &'a [String]);

/// A block for each kind; in it, first what has no reason, then the rest by its reason.
pub fn of(all: &[Difference]) -> String {
    let blocks = KINDS.iter().filter_map(|(kind, title)| {
        let own: Vec<&Difference> = all.iter().filter(|one| one.kind == *kind).collect();
        (!own.is_empty()).then(|| block(title, &own))
    });
    blocks.collect::<Vec<_>>().join("\n")
}

fn block(title: &str, all: &[&Difference]) -> String {
    let count = if all.len() == 1 { "1 difference".to_owned() } else { format!("{} differences", all.len()) };
    let head = format!("{title}: {count}");
    let rows_follow = all.iter().any(|one| one.reason.is_some());
    let columns =
        if rows_follow { format!("{head:<width$}{:<VALUE$}  production", "dev", width = NAME + 6) } else { head };
    let mut text = format!("{columns}\n");
    for one in all.iter().filter(|one| one.reason.is_none()) {
        text += &whole(one);
    }
    let mut reasons: Vec<(&str, bool)> = Vec::new();
    for one in all {
        if let Some(reason) = one.reason.as_deref().filter(|reason| !reasons.contains(&(reason, one.stated))) {
            reasons.push((reason, one.stated));
        }
    }
    for (reason, stated) in reasons {
        let source = if stated { " (djwsgi.toml)" } else { "" };
        text += &format!("  {}{source}\n", printable(reason));
        let own: Vec<&&Difference> =
            all.iter().filter(|one| one.reason.as_deref() == Some(reason) && one.stated == stated).collect();
        text += &rows(&own);
    }
    text
}

/// One without a reason, with all that is known of it.
fn whole(one: &Difference) -> String {
    let mut text = format!("  NO REASON  {}\n", printable(&one.name));
    let generated = one.generated.as_ref().map(|values| ("generated", values));
    let sides = [Some(("dev", &one.dev)), generated, Some(("production", &one.prod))];
    for (side, values) in sides.into_iter().flatten() {
        // An edit may have no counterpart in dev.
        if side == "dev" && values.is_empty() && one.generated.is_some() {
            continue;
        }
        let none = ["-".to_owned()];
        for (index, value) in if values.is_empty() { &none[..] } else { values }.iter().enumerate() {
            let place = one.places.get(index).filter(|place| side == "production" && !place.is_empty());
            let place = place.map_or(String::new(), |place| format!("   ({place})"));
            text +=
                &format!("      {:<11}{}\n", if index == 0 { side } else { "" }, printable(&(value.clone() + &place)));
        }
    }
    text
}

/// Rows with a column for dev and one for production; variables that have nothing to show but their names share one.
fn rows(all: &[&&Difference]) -> String {
    let mut text = String::new();
    let mut named: Vec<(Values, Vec<&str>)> = Vec::new();
    for one in all {
        let values = (one.dev.as_slice(), one.prod.as_slice());
        if one.kind != Kind::Variable {
            text += &row(&one.name, values);
        } else if let Some((_, names)) = named.iter_mut().find(|(other, _)| *other == values) {
            names.push(&one.name);
        } else {
            named.push((values, vec![&one.name]));
        }
    }
    for (values, names) in named {
        let mut lines = wrapped(&names, NAME);
        text += &row(&lines.remove(0), values);
        text.extend(lines.iter().map(|line| format!("    {line}\n")));
    }
    text
}

fn row(name: &str, (dev, prod): Values) -> String {
    let mut text = String::new();
    for index in 0..dev.len().max(prod.len()).max(1) {
        let none = if index == 0 { "-" } else { "" };
        let value = |values: &[String]| match values.get(index) {
            Some(value) if value.is_empty() => "(set)".to_owned(),
            Some(value) => printable(value),
            None => none.to_owned(),
        };
        let (dev, prod) = apart(&value(dev), &value(prod));
        let name = if index == 0 { end_of(name) } else { String::new() };
        text += format!("    {name:<NAME$}  {dev:<VALUE$}  {prod}").trim_end();
        text.push('\n');
    }
    text
}

/// Both cut, so that what differs can be seen.
fn apart(dev: &str, prod: &str) -> (String, String) {
    let common = dev.chars().zip(prod.chars()).take_while(|(dev, prod)| dev == prod).count();
    let is_long = dev.chars().count().max(prod.chars().count()) > VALUE;
    let from = if is_long && common > VALUE / 2 { common - VALUE / 4 } else { 0 };
    let end = |text: &str| {
        let rest: String = text.chars().skip(from).collect();
        cut(&if from > 0 { format!("…{rest}") } else { rest }, VALUE)
    };
    (end(dev), end(prod))
}

/// Names, as many in a line as there is room for.
fn wrapped(names: &[&str], width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for (index, name) in names.iter().enumerate() {
        let word = format!("{name}{}", if index + 1 < names.len() { ", " } else { "" });
        match lines.last_mut() {
            Some(line) if line.is_empty() || line.len() + word.trim_end().len() <= width => line.push_str(&word),
            _ => lines.push(word),
        }
    }
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

/// A name without its beginning, if it is too long: what it is stands at its end, where it stands before.
fn end_of(name: &str) -> String {
    let name = printable(name);
    let count = name.chars().count();
    if count <= NAME {
        return name;
    }
    ['…'].into_iter().chain(name.chars().skip(count - NAME + 1)).collect()
}

/// At most `width` characters.
fn cut(text: &str, width: usize) -> String {
    let text = printable(text);
    if text.chars().count() <= width {
        return text;
    }
    text.chars().take(width - 1).chain(['…']).collect()
}

/// Without what a terminal would take for a command.
fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|one| if one.is_control() { one.escape_default().collect::<Vec<_>>() } else { vec![one] })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(kind: Kind, name: &str, values: [&[&str]; 2], reason: Option<&str>) -> Difference {
        let [dev, prod] = values.map(|values| values.iter().map(|value| (*value).to_owned()).collect());
        Difference::new(kind, name.to_owned(), [dev, prod], reason)
    }

    #[test]
    fn what_has_no_reason_comes_first_and_is_whole() {
        let long = "x".repeat(90);
        let all = [
            one(Kind::Setting, "A", [&["1"], &[&long]], Some("because")),
            one(Kind::Setting, "B", [&[], &[&long, "\u{1b}[2J"]], None),
        ];
        let expected = format!(
            "DJANGO SETTINGS: 2 differences{:20}dev{:35}production\n  NO REASON  B\n      dev        -\n      \
             production {long}\n                 \
             \\u{{1b}}[2J\n  because\n    A{:45}1{:37}{}…\n",
            "",
            "",
            "",
            "",
            "x".repeat(35)
        );
        assert_eq!(of(&all), expected);
    }

    #[test]
    fn long_values_are_cut_where_they_are_the_same() {
        let start = "django.contrib.staticfiles.storage.";
        let (dev, prod) = apart(&format!("{start}StaticFilesStorage"), &format!("{start}ManifestStaticFilesStorage"));
        assert_eq!(
            (dev.as_str(), prod.as_str()),
            ("….storage.StaticFilesStorage", "….storage.ManifestStaticFilesStorage")
        );
        assert!(apart(&"a".repeat(50), "b").0.ends_with("a…"));
    }

    #[test]
    fn variables_of_the_same_kind_share_rows() {
        let all = [
            one(Kind::Variable, "HOME", [&["yours"], &[]], Some("because")),
            one(Kind::Variable, "PATH", [&["yours"], &[]], Some("because")),
        ];
        assert!(of(&all).contains("    HOME, PATH "), "{}", of(&all));
    }
}
