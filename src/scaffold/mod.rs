//! The files djwsgi writes: rendered from templates, compared with what is there, written whole.

pub mod hookup;
pub mod plan;
pub mod provenance;
pub mod site_files;
pub mod templates;
pub mod write;
