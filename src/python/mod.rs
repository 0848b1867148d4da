//! The site's Python: the interpreter, the mod_wsgi it has, and what Django says of the site.

pub mod choose;
pub mod django;
pub mod interpreter;
