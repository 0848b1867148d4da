//! What can happen to a running `djwsgi dev`: one queue for all of it.

use super::output::Line;

/// An entry of the queue.
#[derive(Debug)]
pub enum Event {
    /// The Apache of this number of start has ended; how, in words.
    Exited(u32, String),
    /// The site has answered its first request with this status.
    Answered(u32, u16),
    /// Ctrl-C, TERM or HUP.
    Stop,
    /// The time that the state asked for has come.
    Deadline,
    /// The settings of djwsgi have changed and a new config is in place.
    Reconfigured,
    /// Apache or the site wrote something.
    Wrote(Line),
    /// A request was answered: the line to show, and its status.
    Request(String, u16),
    /// Changed settings that can't be used, and why.
    Rejected(anyhow::Error),
    /// Something the user should look at.
    Warning(String),
}
