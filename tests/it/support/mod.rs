//! What the tests share: a prepared machine, a folder a test, sites, a running server.

pub mod answer;
pub mod http2;
pub mod live;
pub mod machine;
pub mod production;
pub mod reload;
pub mod sandbox;
pub mod server;
pub mod wait;

pub use machine::{Flavor, machine};
pub use sandbox::{Sandbox, Shown};
pub use server::Server;
pub use wait::{LONG, until};

/// Runs a test body once for each mod_wsgi.
pub fn on_both(body: impl Fn(Flavor)) {
    for flavor in [Flavor::Distribution, Flavor::Pypi] {
        eprintln!("on mod_wsgi: {flavor:?}");
        body(flavor);
    }
}
