//! Ctrl-C, TERM and HUP while a command works: noticed by every wait, so that what was begun is
//! cleaned up; a second one ends the process at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use anyhow::{Context, Result};
use signal_hook::SigId;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::ui::problem::Exit;

static REQUESTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
static SHUTDOWNS: Mutex<Vec<SigId>> = Mutex::new(Vec::new());

/// Starts listening; from here on the first signal no longer ends the process by itself.
///
/// # Errors
/// When the system refuses a handler.
pub fn listen() -> Result<()> {
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        let failed = "cannot install a signal handler";
        // In this order: the first signal finds the flag unset.
        let shutdown =
            signal_hook::flag::register_conditional_shutdown(signal, Exit::Interrupted as i32, Arc::clone(&REQUESTED))
                .context(failed)?;
        signal_hook::flag::register(signal, Arc::clone(&REQUESTED)).context(failed)?;
        if let Ok(mut shutdowns) = SHUTDOWNS.lock() {
            shutdowns.push(shutdown);
        }
    }
    Ok(())
}

/// From here on somebody else decides what a second signal means.
pub fn hand_over() {
    if let Ok(mut shutdowns) = SHUTDOWNS.lock() {
        for shutdown in shutdowns.drain(..) {
            signal_hook::low_level::unregister(shutdown);
        }
    }
}

/// Ends every wait, as a signal would.
pub fn request() {
    REQUESTED.store(true, Ordering::Relaxed);
}

/// Takes a [`request`] back.
pub fn forget() {
    REQUESTED.store(false, Ordering::Relaxed);
}

/// Whether a signal has arrived.
pub fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}
