//! How development and production differ, and why they may.
//!
//! `reader` has Apache read both configs, `view` makes them comparable, `config`, `environment` and `settings` say
//! what differs, and the modules of reasons why that is allowed. `edits` finds what somebody has made of the
//! generated production config: no reason holds for that. `battery` asks the servers themselves.

pub mod battery;
pub mod config;
pub mod difference;
mod edits;
pub mod environment;
mod reader;
mod reasons;
pub mod settings;
mod settings_reasons;
mod stand_ins;
mod view;
