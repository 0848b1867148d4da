//! Values in commands that are printed for people.

/// `text` as one word.
pub fn word(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
