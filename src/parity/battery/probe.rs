//! What looks out of the site: added to its WSGI script, or around its application.

use std::path::Path;

use anyhow::Result;
use serde_json::json;

use crate::files;
use crate::scaffold::templates::python_literal;

const PROBE: &str = include_str!("probe.py");

/// Starts runserver with the probe around the application.
pub const RUNSERVER: &str = include_str!("runserver.py");

/// Headers of balancers, as WSGI has them.
const FORWARDED: [&str; 9] = [
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_SCHEME",
    "HTTP_X_FORWARDED_SSL",
    "HTTP_X_REAL_IP",
    "HTTP_X_CLIENT_IP",
    "HTTP_FORWARDED",
];

/// The probe as the end of a WSGI script: `token` is the word it answers to, `folder` where it finds its files,
/// `variables` are names of those that the site must have.
///
/// # Errors
/// When the folder can't be expressed.
pub fn tail(token: &str, folder: &Path, variables: &[&str]) -> Result<String> {
    let folder = python_literal(files::config_text(folder)?);
    // JSON's lists and strings are Python's too.
    let names = format!(
        "\n\nTOKEN = {}\nFOLDER = {folder}\nFORWARDED = {}\nVARIABLES = {}",
        json!(token),
        json!(FORWARDED),
        json!(variables)
    );
    Ok(format!("{names}{PROBE}application = djwsgi_parity(application)\n"))
}

/// The WSGI script of development at `script`, with `tail` at its end. It is not copied: it knows its place.
///
/// # Errors
/// When the path can't be expressed.
pub fn around(script: &Path, tail: &str) -> Result<String> {
    let script = python_literal(files::config_text(script)?);
    Ok(format!(
        "__file__ = {script}\nwith open(__file__, \"rb\") as file:\n    exec(compile(file.read(), __file__, \"exec\"))\n{tail}"
    ))
}
