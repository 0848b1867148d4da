//! The instant reload of `djwsgi dev`: notices saves, decides with [`crate::dev::slots`], and has the
//! processes of the harness do it.

mod acts;
mod content;
mod disk;
mod poll;
mod reloader;
mod saved;
mod source;
mod told;
mod waiting;
mod watch;
mod witness;

pub use reloader::{Reloader, Settings};
pub use saved::Saved;
