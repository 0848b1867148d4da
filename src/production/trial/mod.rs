//! The production config on this machine: read by the real Apache, or run on loopback.

mod certificates;
pub mod rehearsal;
pub mod server_check;
pub mod stage;
