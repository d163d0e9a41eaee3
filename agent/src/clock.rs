//! The clocks of this host. Nothing about work is decided by the wall clock.

use rustix::time::{ClockId, clock_gettime};

/// `CLOCK_BOOTTIME` in nanoseconds: it counts while the host sleeps and never steps.
pub fn boottime_ns() -> u64 {
    nanoseconds(ClockId::Boottime)
}

/// The wall clock in milliseconds since 1970; for people.
pub fn wall_ms() -> i64 {
    i64::try_from(nanoseconds(ClockId::Realtime) / 1_000_000).unwrap_or(i64::MAX)
}

/// The kernel's name for this boot.
pub fn boot_id() -> std::io::Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

fn nanoseconds(clock: ClockId) -> u64 {
    let now = clock_gettime(clock);
    let ns = i128::from(now.tv_sec) * 1_000_000_000 + i128::from(now.tv_nsec);
    u64::try_from(ns).unwrap_or(0)
}
