//! Going live: a generated set takes the place of the one that serves, and back.

mod certificates;
mod disk;
pub mod edits;
mod layout;
mod modules;
pub mod parcel;
pub mod place;
pub mod private;
mod record;
pub mod recovery;
pub mod rehearsal;
pub mod removal;
mod renewed;
pub mod requirements;
pub mod stage;
pub mod steps;
pub mod store;
pub mod switch;
pub mod traces;
