//! Everything a person sees: talk on stderr, data on stdout, questions, progress, errors.

pub mod printer;
pub mod problem;
pub mod progress;
pub mod prompt;
pub mod report;
pub mod term;
