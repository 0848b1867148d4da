//! The site: where it is, what it is called, its settings file, and everything resolved at once.

pub mod alias;
pub mod application;
pub mod config;
pub mod discover;
pub mod hosts;
pub mod monitor_place;
pub mod name;
pub mod resolve;
pub mod variables;
