//! A deployment that runs on this machine, and what keeps it running while its code changes.

pub mod daemons;
pub mod deployed;
pub mod gate;
pub mod line;
pub mod rolling;
pub mod scratch;
pub mod server;
pub mod traffic;
