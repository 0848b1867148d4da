//! The first line of every generated file: who wrote it, from which template, and a digest by
//! which a later run sees whether a human has edited it since.

use sha2::{Digest, Sha256};

use super::templates::Template;
use crate::files::GENERATED;

const MARK: &str = "(sha256:";
const DIGITS: usize = 16;
const MARKDOWN: &str = "<!-- ";

/// `body` below its provenance line. All our formats write comments with `#`, but Markdown.
pub fn sign(template: Template, body: &str) -> String {
    let line = format!(
        "{GENERATED}{} from {} {MARK}{}). Edits are kept.",
        env!("CARGO_PKG_VERSION"),
        template.name(),
        digest(body),
    );
    if template.is_markdown() { format!("{MARKDOWN}{line} -->\n{body}") } else { format!("{line}\n{body}") }
}

/// Whether `text` is a generated file that nobody has edited.
pub fn is_untouched(text: &str) -> bool {
    let Some((first, body)) = text.split_once('\n') else { return false };
    let signed = first.split_once(MARK).and_then(|(_, rest)| rest.get(..DIGITS));
    first.trim_start_matches(MARKDOWN).starts_with(GENERATED) && signed == Some(digest(body).as_str())
}

/// Whether both texts were generated from the same template: one that was not must not be taken
/// for an old state of the other.
pub fn same_template(one: &str, other: &str) -> bool {
    let template = |text: &str| -> Option<String> {
        let first = text.lines().next()?;
        Some(first.split_once(" from ")?.1.split_once(' ')?.0.to_owned())
    };
    template(one).is_some() && template(one) == template(other)
}

fn digest(body: &str) -> String {
    let hash = Sha256::digest(body.as_bytes());
    hash.iter().take(DIGITS / 2).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_told_apart() {
        let conf = sign(Template::SiteConf, "a\n");
        assert!(same_template(&conf, &sign(Template::SiteConf, "b\n")));
        assert!(!same_template(&conf, &sign(Template::ProductionConf, "a\n")));
        assert!(!same_template("a\n", "a\n"));
    }

    #[test]
    fn an_edit_is_seen() {
        let text = sign(Template::Settings, "a = 1\n");
        assert!(is_untouched(&text));
        assert!(!is_untouched(&text.replace("a = 1", "a = 2")));
        assert!(!is_untouched("a = 1\n"));
        assert!(!is_untouched(""));
    }
}
