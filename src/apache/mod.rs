//! Apache: where it is, what it can do, how its config is quoted, and what it says of a config.

pub mod check;
pub mod effective;
pub mod launch;
pub mod locate;
pub mod mod_wsgi;
pub mod modules;
pub mod quote;
pub mod sample;
