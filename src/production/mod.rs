//! Production: the config and everything that a deployment consists of, checked before a byte is written.
//!
//! `deployment` decides, `output` renders, `readiness` and `trial::server_check` refuse what would be a bad
//! production, `trial` runs it on loopback, and `prove` shows that it keeps its promises.

pub mod advice;
pub mod deployment;
pub mod manifest;
pub mod modules;
pub mod output;
pub mod places;
pub mod prove;
pub mod readiness;
pub mod secrets;
mod server;
pub mod trial;
pub mod versions;
