//! A generated file as it is, as it was made, and as it would be made now: who changed what.

use similar::TextDiff;

use super::provenance;

/// A file and what is different.
pub struct Finding {
    /// Its name.
    pub name: String,
    /// How it compares.
    pub compared: Compared,
}

impl Finding {
    /// What is different, in words and as a unified diff.
    pub fn parts(&self) -> Vec<(&'static str, &str)> {
        let (edits, renewal) = (self.compared.edits(), self.compared.renewal());
        match &self.compared {
            Compared::Same => Vec::new(),
            Compared::Missing => vec![("not there", "")],
            Compared::Mixed(diff) => {
                vec![("edited by hand, and what it was made from is not known: both together", diff.as_str())]
            }
            Compared::Differs { .. } => [
                edits.map(|diff| ("edited by hand", diff)),
                renewal.map(|diff| ("would be generated otherwise now", diff)),
            ]
            .into_iter()
            .flatten()
            .collect(),
        }
    }
}

/// How a file that is there compares with what would be generated.
#[derive(Debug, PartialEq, Eq)]
pub enum Compared {
    /// It is the same.
    Same,
    /// It is not there.
    Missing,
    /// It is not.
    Differs {
        /// From what was generated to what is there.
        edits: Option<String>,
        /// From what was generated to what would be now.
        renewal: Option<String>,
    },
    /// Edited, and what was generated is not known: from what is there to what would be generated.
    Mixed(String),
}

impl Compared {
    /// `present` is there, `wanted` would be generated, `base` was generated last, as far as is known.
    pub fn of(present: Option<&str>, wanted: &str, base: Option<&str>) -> Self {
        let Some(present) = present else { return Self::Missing };
        if present == wanted {
            return Self::Same;
        }
        if provenance::is_untouched(present) {
            return Self::Differs { edits: None, renewal: Some(diff(present, wanted, "present", "now")) };
        }
        // The first line of an edited file is still that of what it was made from.
        let is_base = |text: &&str| provenance::is_untouched(text) && text.lines().next() == present.lines().next();
        match [Some(wanted), base].into_iter().flatten().find(is_base) {
            Some(base) => Self::Differs {
                edits: Some(diff(base, present, "generated", "present")),
                renewal: (base != wanted).then(|| diff(base, wanted, "generated", "now")),
            },
            None => Self::Mixed(diff(present, wanted, "present", "now")),
        }
    }

    /// One word for machines.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Missing => "missing",
            Self::Differs { edits: None, .. } => "outdated",
            Self::Differs { renewal: None, .. } => "edited",
            Self::Differs { .. } | Self::Mixed(_) => "edited and outdated",
        }
    }

    /// What a human has changed, as a unified diff.
    pub fn edits(&self) -> Option<&str> {
        match self {
            Self::Differs { edits, .. } => edits.as_deref(),
            _ => None,
        }
    }

    /// What would be generated otherwise now; with a human's changes where the two can't be told apart.
    pub fn renewal(&self) -> Option<&str> {
        match self {
            Self::Differs { renewal, .. } => renewal.as_deref(),
            Self::Mixed(diff) => Some(diff),
            _ => None,
        }
    }
}

fn diff(old: &str, new: &str, before: &str, after: &str) -> String {
    TextDiff::from_lines(old, new).unified_diff().header(before, after).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::templates::Template;
    use super::*;

    #[test]
    fn edits_and_what_has_changed_since_are_told_apart() {
        let sign = |body: &str| provenance::sign(Template::ProductionConf, body);
        let (old, new) = (sign("a\nb\nc\nd\ne\nf\ng\nh\n"), sign("a\nb\nc\nd\ne\nf\ng\nH\n"));
        let edited = old.replace("\na\n", "\nA\n");
        assert_eq!(Compared::of(Some(&new), &new, None), Compared::Same);
        assert_eq!(Compared::of(None, &new, None), Compared::Missing);
        assert_eq!(Compared::of(Some(&old), &new, None).word(), "outdated");
        assert_eq!(Compared::of(Some(&edited), &old, None).word(), "edited");
        let both = Compared::of(Some(&edited), &new, Some(&old));
        let (edits, renewal) = (both.edits().unwrap(), both.renewal().unwrap());
        assert!(edits.contains("+A\n") && !edits.contains("H\n"), "{edits}");
        assert!(renewal.contains("+H\n") && !renewal.contains("A\n"), "{renewal}");
        // What it was made from is lost.
        for base in [None, Some(new.as_str()), Some(edited.as_str())] {
            assert!(matches!(Compared::of(Some(&edited), &new, base), Compared::Mixed(_)));
        }
        assert!(matches!(Compared::of(Some("Listen 80\n"), &new, Some(&old)), Compared::Mixed(_)));
    }
}
