//! A deployment that runs on this machine, and what keeps it running while its code changes.

mod daemons;
pub mod deployed;
mod line;
pub mod rolling;
pub mod scratch;
