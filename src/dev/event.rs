//! What can happen to a running `djwsgi dev`: one queue for all of it.

use super::harness::message::{Said, Variables};
use super::output::Line;
use super::reload::{Saved, Settings};
use super::slots::Id;

/// An entry of the queue.
#[derive(Debug)]
pub enum Event {
    /// The Apache of this number of start has ended; how, in words.
    Exited(u32, String),
    /// The site has been loaded under the Apache of this number of start; `false`: in vain, and an
    /// error page answers.
    Loaded(u32, bool),
    /// The site has answered its first request with this status.
    Answered(u32, u16),
    /// Ctrl-C, TERM or HUP.
    Stop,
    /// The time that the state asked for has come.
    Deadline,
    /// The settings of djwsgi have changed and a new config is in place; with them
    /// what the instant reload must know.
    Reconfigured(Option<Settings>),
    /// The variables of the site that differ from those Apache was started with.
    Environment(Variables),
    /// Apache or the site wrote something.
    Wrote(Line),
    /// A request was answered: the line to show, and its status.
    Request(String, u16),
    /// Changed settings that can't be used, and why.
    Rejected(anyhow::Error),
    /// A process of the harness said something.
    Harness(Id, Said),
    /// A connection of the harness ended.
    HarnessGone(Id),
    /// Something in a watched folder was saved.
    Saved(Saved),
    /// Something the user should look at.
    Warning(String),
}
