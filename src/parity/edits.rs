//! What somebody has made of a generated config: every change, in its order and at its place.

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::view::{Entry, Key};

/// A directive that is not as it was generated.
pub struct Edit {
    /// Where it stands, and what it is.
    pub name: String,
    /// What the comparison with development calls it.
    pub key: Key,
    /// As it was generated; empty if it has been added.
    pub generated: Vec<String>,
    /// As it is there; empty if it has been removed.
    pub there: Vec<String>,
    /// Where each of these stands; empty where Apache does not say.
    pub places: Vec<String>,
}

/// What has been changed in `there`, in which order.
pub fn of(generated: &[Entry], there: &[Entry]) -> Vec<Edit> {
    let texts = |entries: &[Entry]| entries.iter().map(|one| one.exact.clone()).collect::<Vec<_>>();
    let mut edits: Vec<Edit> = Vec::new();
    for change in capture_diff_slices(Algorithm::Myers, &texts(generated), &texts(there)) {
        if matches!(change, DiffOp::Equal { .. }) {
            continue;
        }
        for one in &generated[change.old_range()] {
            edit(&mut edits, one).generated.push(value(one));
        }
        for one in &there[change.new_range()] {
            let edit = edit(&mut edits, one);
            edit.there.push(value(one));
            edit.places.push(place(one));
        }
    }
    edits
}

/// The edit of what `one` is; a new one if there is none.
fn edit<'a>(edits: &'a mut Vec<Edit>, one: &Entry) -> &'a mut Edit {
    let name = format!("{} {}", one.sections.join(" "), one.key.name).trim().to_owned();
    let index = edits.iter().position(|edit| edit.name == name).unwrap_or_else(|| {
        let key = one.key.clone();
        edits.push(Edit { name, key, generated: Vec::new(), there: Vec::new(), places: Vec::new() });
        edits.len() - 1
    });
    &mut edits[index]
}

/// Its line, and the file if that is another one than the config itself.
fn place(one: &Entry) -> String {
    match (one.line, one.file.as_str()) {
        (0, _) => String::new(),
        (line, "") => format!("line {line}"),
        (line, file) => format!("{file}, line {line}"),
    }
}

fn value(one: &Entry) -> String {
    if one.value.is_empty() { "(as it is)".to_owned() } else { one.value.clone() }
}

#[cfg(test)]
mod tests {
    use super::super::view;
    use super::*;
    use crate::apache::effective::Directive;

    fn entries(lines: &[(&str, &str, &str)]) -> Vec<Entry> {
        let directive = |(section, name, arguments): &(&str, &str, &str)| Directive {
            sections: if section.is_empty() { Vec::new() } else { vec![(*section).to_owned()] },
            name: (*name).to_owned(),
            arguments: (*arguments).to_owned(),
            file: String::new(),
            line: 0,
        };
        view::entries(&lines.iter().map(directive).collect::<Vec<_>>(), &[])
    }

    #[test]
    fn what_has_only_moved_is_a_change() {
        let (host, other) = ("<VirtualHost a>", "<VirtualHost b>");
        let lines = [
            ("", "<VirtualHost", "a"),
            (host, "A", "1"),
            (host, "B", "1"),
            ("", "<VirtualHost", "b"),
            (other, "B", "2"),
        ];
        let generated = entries(&lines);
        assert!(of(&generated, &generated).is_empty());
        for (from, to) in [(1, 2), (2, 0), (4, 2)] {
            let mut moved = lines.to_vec();
            let one = moved.remove(from);
            moved.insert(to, one);
            assert!(!of(&generated, &entries(&moved)).is_empty(), "{from} {to}");
        }
        // Out of its section, though nothing lies between.
        let mut outside = lines.to_vec();
        outside[4].0 = "";
        assert!(!of(&generated, &entries(&outside)).is_empty());
        for index in 0..lines.len() {
            let mut changed = lines.to_vec();
            changed[index].2 = "other";
            assert!(!of(&generated, &entries(&changed)).is_empty(), "{index}");
            changed.remove(index);
            assert!(!of(&generated, &entries(&changed)).is_empty(), "{index}");
        }
    }
}
