//! `djwsgi wait`: returns when the running `djwsgi dev` serves what is on the disk.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::cli::WaitArgs;
use crate::dev::harness::message::Served;
use crate::dev::runtime::{self, Running};
use crate::files;
use crate::interrupt;
use crate::site::discover;
use crate::ui::problem::Problem;
use crate::ui::term::Ui;

/// Pause between looks at a `dev` that is still starting.
const LOOK: Duration = Duration::from_millis(20);

/// Waits and prints the number of the build that serves.
///
/// # Errors
/// When no `dev` runs for the site, it does not get there in time, or the site can't be loaded.
pub fn run(ui: &Ui, args: &WaitArgs) -> Result<()> {
    let root = discover::project_root(&files::current_folder()?, args.project_dir.as_deref())?;
    let end = Instant::now() + Duration::from_secs(args.timeout);
    let served = ask(&control(&root, end)?, end)?;
    ui.data(&format!("{}\n", served.build))?;
    if !served.loaded {
        return Err(Problem::findings("the site can't be loaded; the terminal of djwsgi dev says why").into());
    }
    Ok(())
}

/// The socket of the running `dev`, once it serves.
fn control(root: &Path, end: Instant) -> Result<UnixStream> {
    loop {
        match runtime::find(root) {
            None => {
                return Err(Problem::environment("no djwsgi dev runs for this site").hint("djwsgi dev").into());
            }
            Some(Running { url, .. }) if url.is_empty() => {}
            Some(Running { control: Some(socket), .. }) => {
                return UnixStream::connect(&socket).with_context(|| format!("cannot connect to {}", socket.display()));
            }
            Some(Running { control: None, .. }) => {
                return Err(Problem::environment("this djwsgi dev does not know what it serves")
                    .hint("start it without --reload, or with --reload standby")
                    .into());
            }
        }
        if Instant::now() >= end {
            return Err(too_late());
        }
        if interrupt::requested() {
            return Err(Problem::interrupted().into());
        }
        thread::sleep(LOOK);
    }
}

fn ask(mut stream: &UnixStream, end: Instant) -> Result<Served> {
    stream.write_all(b"{\"said\":\"wait\"}\n").context("djwsgi dev does not listen")?;
    let mut answer = String::new();
    let mut reader = BufReader::new(stream);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(too_late());
        }
        stream.set_read_timeout(Some(left.min(Duration::from_millis(200)))).context("cannot wait")?;
        match reader.read_line(&mut answer) {
            Ok(0) => return Err(Problem::findings("djwsgi dev ended meanwhile").into()),
            Ok(_) => return serde_json::from_str(&answer).context("djwsgi dev answered something else"),
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) =>
            {
                if interrupt::requested() {
                    return Err(Problem::interrupted().into());
                }
            }
            Err(error) => return Err(error).context("djwsgi dev does not answer"),
        }
    }
}

fn too_late() -> anyhow::Error {
    Problem::findings("djwsgi dev does not serve what is on the disk yet")
        .hint("see its terminal, or give it more time: --timeout 300")
        .into()
}
