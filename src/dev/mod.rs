//! `djwsgi dev`: a private Apache in the foreground, supervised.

pub mod address;
pub mod conf;
pub mod event;
pub mod harness;
pub mod last_words;
pub mod life;
pub mod output;
pub mod react;
pub mod ready;
pub mod reload;
pub mod runtime;
pub mod server;
pub mod settings;
pub mod slots;
pub mod supervisor;
