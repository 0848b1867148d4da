//! djwsgi.toml of any content: an error or a config, never a panic.

use proptest::prelude::*;

use super::{Often, batches, line};
use crate::site::config::Config;

#[test]
fn any_settings_file_is_read_or_refused() {
    let keys =
        ["name", "settings", "application", "server-name", "mount", "url", "root", "threads", "user", "tls", "csp"];
    let value = prop_oneof![
        line().prop_map(|text| toml::Value::from(text).to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        line(),
    ];
    let entry = (proptest::sample::select(keys.to_vec()), value).prop_map(|(key, value)| format!("{key} = {value}\n"));
    let section = proptest::sample::select(&["site", "static", "media", "prod", "env", "dev", "x"][..]);
    let part = (section, proptest::collection::vec(entry, 0..4));
    let like_ours = proptest::collection::vec(part, 0..4).prop_map(|parts| {
        let parts = parts.into_iter().map(|(section, entries)| format!("[{section}]\n{}", entries.concat()));
        parts.collect::<String>()
    });
    batches(&Often::Each, prop_oneof![like_ours, any::<String>(), "\\PC{0,200}"], 20, |texts| {
        let folder = tempfile::tempdir()?;
        for text in texts {
            std::fs::write(folder.path().join("djwsgi.toml"), &text)?;
            if let Err(error) = Config::load(folder.path(), crate::site::config::Layers::All) {
                prop_assert!(error.to_string().contains("djwsgi.toml"), "{text:?}: {error}");
            }
        }
        Ok(())
    });
}
