//! The clocks of the shim. Everything is counted on the one that also runs while the host sleeps.

use rustix::time::{ClockId, Timespec, clock_gettime};

/// `CLOCK_BOOTTIME` in nanoseconds.
pub(crate) fn boot_ns() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    let (secs, nanos) = (u64::try_from(now.tv_sec), u64::try_from(now.tv_nsec));
    secs.unwrap_or(0) * 1_000_000_000 + nanos.unwrap_or(0)
}

/// `CLOCK_BOOTTIME` in milliseconds.
pub(crate) fn boot_ms() -> u64 {
    boot_ns() / 1_000_000
}

/// Wall clock in milliseconds since 1970, for people.
pub(crate) fn wall_ms() -> i64 {
    let now = clock_gettime(ClockId::Realtime);
    now.tv_sec * 1_000 + now.tv_nsec / 1_000_000
}

/// A span for `poll`.
pub(crate) fn span(nanos: u64) -> Timespec {
    let secs = i64::try_from(nanos / 1_000_000_000).unwrap_or(i64::MAX);
    let rest = i64::try_from(nanos % 1_000_000_000).expect("it is below a thousand million");
    Timespec { tv_sec: secs, tv_nsec: rest }
}
