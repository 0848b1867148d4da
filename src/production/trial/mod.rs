//! The production config on this machine: read by the real Apache, or run on loopback.

mod certificates;
pub mod frame;
pub mod place;
pub mod rehearsal;
mod rewriter;
mod script;
pub mod server_check;
pub mod stage;
pub mod token;
