//! Where requests go: a socket at the path to which mod_wsgi connects for each request.
//!
//! A new socket is bound beside the path and renamed over it. The rename is atomic, so each request
//! goes to the old listener or to the new one, and those at the new one wait there until a process
//! accepts them: none is refused, and none that comes later reaches the old code.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixListener;
use std::path::Path;

use nix::sys::socket::{Backlog, listen};

/// Requests that may wait for a build.
const BACKLOG: i32 = 1024;

/// The listener of one or more builds.
pub struct Route(UnixListener);

impl Route {
    /// Makes new requests wait here. `place`: the path mod_wsgi connects to; `number`: tells
    /// listeners apart.
    ///
    /// # Errors
    /// When the socket can't be made.
    pub fn open(place: &Path, number: u64) -> io::Result<Self> {
        let path = place.with_file_name(format!("slot-{number}"));
        let _ = fs::remove_file(&path);
        let listener = UnixListener::bind(&path)?;
        // The standard library's backlog is shorter than the queue of a page full of images.
        listen(&listener, Backlog::new(BACKLOG)?)?;
        fs::rename(&path, place)?;
        Ok(Self(listener))
    }
}

impl AsFd for Route {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
