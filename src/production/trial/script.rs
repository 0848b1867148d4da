//! The WSGI script of a rehearsal.

use std::path::Path;

use anyhow::Result;

use crate::files;
use crate::production::deployment::Deployment;
use crate::scaffold::templates::python_literal;

/// A quoted value without its closing quote.
fn without_end(quoted: &str) -> &str {
    quoted.strip_suffix('"').unwrap_or(quoted)
}

/// The script as the rehearsal runs it.
///
/// # Errors
/// When a path can't be expressed.
pub fn script(deployment: &Deployment, text: &str, folder: &Path) -> Result<String> {
    let (site, places) = (deployment.site, &deployment.places);
    let moves = [
        (places.env_file.clone(), folder.join("etc/secrets.env")),
        (places.there(&site.python.prefix), site.python.prefix.clone()),
        (places.there(&site.root), site.root.clone()),
    ];
    let mut text = text.to_owned();
    for (from, to) in moves.iter().filter(|(from, to)| from != to) {
        let (from, to) = (python_literal(files::config_text(from)?), python_literal(files::config_text(to)?));
        text = text.replace(&from, &to);
        text = text.replace(&format!("{}/", without_end(&from)), &format!("{}/", without_end(&to)));
    }
    Ok(text)
}
