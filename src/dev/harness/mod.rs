//! The harness in mod_wsgi's daemon processes, from outside: its files, its messages, its line, and
//! the listener that requests go to.

pub mod control;
pub mod files;
pub mod message;
pub mod route;
