//! The one clock of this room: `CLOCK_BOOTTIME`, which counts sleep of the host and never steps.

use windlass_core::model::Duration;

use crate::clock;

/// Time since the host booted.
pub fn boottime() -> Duration {
    Duration::from_ms(clock::boottime_ns() / 1_000_000)
}

/// The time from `earlier` to now.
pub fn since(earlier: Duration) -> Duration {
    Duration::from_ms(boottime().ms().saturating_sub(earlier.ms()))
}

/// As the standard library wants it.
pub fn std(span: Duration) -> std::time::Duration {
    std::time::Duration::from_millis(span.ms())
}
