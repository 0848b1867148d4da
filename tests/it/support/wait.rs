//! Waiting for a condition, with a deadline.

use std::time::{Duration, Instant};

/// Longer than anything a healthy machine needs, however slow.
pub const LONG: Duration = Duration::from_secs(60);

const LOOK: Duration = Duration::from_millis(20);

/// Waits until `look` finds something.
///
/// # Panics
/// When `limit` passes first; `what` says what was waited for.
pub fn until<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < limit, "waited {limit:?} in vain for {what}");
        std::thread::sleep(LOOK);
    }
}
