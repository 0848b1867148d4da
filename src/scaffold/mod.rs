//! The files djwsgi writes: rendered from templates, compared with what is there, written whole.

pub mod compare;
pub mod conf;
pub mod hookup;
pub mod plan;
pub mod provenance;
pub mod script;
pub mod shell;
pub mod site_files;
pub mod systemd;
pub mod templates;
pub mod write;
