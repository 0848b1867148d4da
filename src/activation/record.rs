//! What was put on the server, by which edits of hand are told later.

use std::collections::BTreeMap;
use std::time::SystemTime;

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
}

/// Whether `text` of the file `name` is as djwsgi put it there, by `record`, or where it is not noted by its own first
/// line.
pub fn is_as_put(record: Option<&Record>, name: &str, text: &str) -> bool {
    let noted = record.and_then(|record| record.files.get(name));
    noted.map_or_else(|| provenance::is_untouched(text), |own| *own == digest(text.as_bytes()))
}

/// A new id.
pub fn id() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{}-{}", now.as_nanos(), std::process::id())
}

fn digest(text: &[u8]) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
