//! What was put on the server, by which edits of hand are told later.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::scaffold::provenance;

/// Its file, in the folder of a set.
pub const RECORD: &str = ".installed.json";

/// A set as it was put there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Tells it from every other.
    pub id: String,
    /// Digests of its files, by name.
    pub files: BTreeMap<String, String>,
}

impl Record {
    /// Of `files`, names and texts.
    pub fn of<'a>(id: String, files: impl Iterator<Item = (&'a str, &'a [u8])>) -> Self {
        Self { id, files: files.map(|(name, text)| (name.to_owned(), digest(text))).collect() }
    }

    /// Whether the file `name` was put there with `text`.
    pub fn has(&self, name: &str, text: &str) -> bool {
        self.files.get(name).is_some_and(|own| *own == digest(text.as_bytes()))
    }
}

/// Whether `text` of the file `name` is as djwsgi put it there, by `record`, or without one by its own first line.
pub fn is_as_put(record: Option<&Record>, name: &str, text: &str) -> bool {
    record.map_or_else(|| provenance::is_untouched(text), |record| record.has(name, text))
}

fn digest(text: &[u8]) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
