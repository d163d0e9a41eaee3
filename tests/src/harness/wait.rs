//! Waiting for what other processes do: asked again and again, with a limit that says what was missing.

use std::time::{Duration, Instant};

/// So long a test waits for anything; only a failure takes it.
pub const WAIT: Duration = Duration::from_secs(60);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);

/// Asks until there is an answer; panics with `what` after [`WAIT`].
#[track_caller]
pub fn until<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    until_within(WAIT, what, ask)
}

/// The same with another limit, for what takes minutes on a good day.
#[track_caller]
pub fn until_within<T>(limit: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < limit, "waited {limit:?} in vain until {what}");
        std::thread::sleep(LOOK);
    }
}
