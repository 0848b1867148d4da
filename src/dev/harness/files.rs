//! The files of the harness, written anew at every start.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::dev::runtime::Runtime;
use crate::files;

const PACKAGE: &str = "djwsgi_harness";

const FILES: [(&str, &str); 13] = [
    ("slot.wsgi", include_str!("../../../harness/slot.wsgi")),
    ("djwsgi_harness/__init__.py", include_str!("../../../harness/djwsgi_harness/__init__.py")),
    ("djwsgi_harness/ahead.py", include_str!("../../../harness/djwsgi_harness/ahead.py")),
    ("djwsgi_harness/control.py", include_str!("../../../harness/djwsgi_harness/control.py")),
    ("djwsgi_harness/imports.py", include_str!("../../../harness/djwsgi_harness/imports.py")),
    ("djwsgi_harness/leading.py", include_str!("../../../harness/djwsgi_harness/leading.py")),
    ("djwsgi_harness/page.py", include_str!("../../../harness/djwsgi_harness/page.py")),
    ("djwsgi_harness/reads.py", include_str!("../../../harness/djwsgi_harness/reads.py")),
    ("djwsgi_harness/saves.py", include_str!("../../../harness/djwsgi_harness/saves.py")),
    ("djwsgi_harness/serving.py", include_str!("../../../harness/djwsgi_harness/serving.py")),
    ("djwsgi_harness/slot.py", include_str!("../../../harness/djwsgi_harness/slot.py")),
    ("djwsgi_harness/spare.py", include_str!("../../../harness/djwsgi_harness/spare.py")),
    ("djwsgi_harness/standby.py", include_str!("../../../harness/djwsgi_harness/standby.py")),
];

/// Seconds of loading after which a standby is left behind wherever the load is.
const SPREAD: f64 = 0.06;

/// Compiled modules that are kept: each save adds one.
const MOST_COMPILED: usize = 4000;

/// What the harness must know before djwsgi can talk to it.
#[derive(Serialize)]
struct Config<'a> {
    socket: &'a Path,
    run: &'a Path,
    state: &'a Path,
    cache: &'a Path,
    warm: &'a Path,
    script: &'a Path,
    roots: &'a [PathBuf],
    spread: f64,
    /// Processes that serve.
    processes: u16,
    /// The number of the start of Apache.
    start: u32,
}

/// The script that mod_wsgi runs, in the state folder `state`.
pub fn entry(state: &Path) -> PathBuf {
    state.join("slot.wsgi")
}

/// The list of packages to import ahead.
pub fn warm_list(runtime: &Runtime) -> PathBuf {
    runtime.state.join("packages.json")
}

/// Where compiled modules are kept.
fn cache(runtime: &Runtime) -> PathBuf {
    runtime.state.join("compiled")
}

/// Writes the harness for the site at `root`, for start number `start` of Apache.
///
/// # Errors
/// When the state can't be written.
pub fn write(runtime: &Runtime, root: &Path, roots: &[PathBuf], processes: u16, start: u32) -> Result<()> {
    let create = |folder: &Path| fs::create_dir_all(folder).map_err(|error| files::unwritable(folder, error));
    create(&runtime.state.join(PACKAGE))?;
    create(&cache(runtime))?;
    tidy(&cache(runtime));
    for (name, text) in FILES {
        let path = runtime.state.join(name);
        if files::read_if_exists(&path)?.as_deref() != Some(text) {
            files::write_private(&path, text)?;
        }
    }
    let config = Config {
        socket: &runtime.control_socket(),
        run: &runtime.run,
        state: &runtime.state,
        cache: &cache(runtime),
        warm: &warm_list(runtime),
        script: &runtime.script(root),
        roots,
        spread: SPREAD,
        processes,
        start,
    };
    let text = serde_json::to_string(&config).context("cannot write the harness")?;
    files::write_private(&runtime.state.join("harness.json"), &text)
}

/// Empties the folder of compiled modules when it has become large; they are made again.
fn tidy(cache: &Path) {
    let files: Vec<PathBuf> = fs::read_dir(cache).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    if files.len() > MOST_COMPILED {
        for file in files {
            let _ = fs::remove_file(file);
        }
    }
}
