//! What users write, through the real parsers: it comes back as given, becomes no directive, no statement
//! and no command, and widens no grant.
//!
//! `DJWSGI_CASES` says how many values to try (`make fuzz`); without it there are a few hundred of each kind.

mod apache;
mod config;
mod diff;
mod production;
mod python;
mod shell;
mod site;
mod systemd;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseResult, TestRunner};

/// Characters that mean something to at least one of the parsers, and some that mean nothing.
const PIECES: [&str; 39] = [
    "\"", "'", "\\", "$", "${HOME}", "${", "}", "{", "%", "%{", "#", "<", ">", "[", "]", "*", "?", " ", ":", ";", "&",
    "|", "!", "~", "`", "(", ")", "=", ",", "^", "a", "b.c", "HOME", "ü", "日", "\u{feff}", "\u{2028}", "expr=", "-",
];

/// Text on one line; never empty, and neither "." nor "..".
fn line() -> impl Strategy<Value = String> {
    let piece = prop_oneof![8 => proptest::sample::select(&PIECES[..]).prop_map(str::to_owned), 1 => "[a-z_]{1,6}"];
    let text = proptest::collection::vec(piece, 1..8).prop_map(|pieces| pieces.concat());
    text.prop_filter("names of folders", |text| text != "." && text != "..")
}

/// An absolute path of such names.
fn path() -> impl Strategy<Value = String> {
    proptest::collection::vec(line(), 1..4).prop_map(|names| format!("/{}", names.join("/")))
}

/// How often a kind of value is tried.
enum Often {
    /// As often as was asked for.
    Each,
    /// One time in ten: Apache reads two whole configs for each.
    Tenth,
}

/// Tries as many values as were asked for, in batches of `size`.
fn batches<S: Strategy>(often: &Often, strategy: S, size: usize, test: impl Fn(Vec<S::Value>) -> TestCaseResult) {
    let asked = std::env::var("DJWSGI_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(200);
    let cases = match often {
        Often::Each => asked,
        Often::Tenth => asked / 10,
    };
    let config = Config {
        cases: u32::try_from(usize::max(cases / size, 1)).unwrap_or(u32::MAX),
        failure_persistence: None,
        max_shrink_iters: 40,
        ..Config::default()
    };
    let batch = proptest::collection::vec(strategy, size);
    if let Err(failure) = TestRunner::new(config).run(&batch, test) {
        panic!("{failure}");
    }
}
