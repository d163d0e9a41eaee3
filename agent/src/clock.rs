//! The clocks of this host. Nothing about work is decided by the wall clock.

use std::io;
use std::path::Path;

use rustix::time::{ClockId, clock_gettime};

/// `CLOCK_BOOTTIME` in nanoseconds: it counts while the host sleeps and never steps.
pub fn boottime_ns() -> u64 {
    nanoseconds(ClockId::Boottime)
}

/// The wall clock in milliseconds since 1970; for people.
pub fn wall_ms() -> i64 {
    i64::try_from(nanoseconds(ClockId::Realtime) / 1_000_000).unwrap_or(i64::MAX)
}

/// Where the kernel names this boot.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The kernel's name for this boot. An empty one would make every boot look like this one, so it is an error.
pub fn boot_id() -> io::Result<String> {
    boot_id_in(Path::new(BOOT_ID))
}

fn boot_id_in(file: &Path) -> io::Result<String> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", file.display()));
    match std::fs::read_to_string(file).map_err(named)?.trim() {
        "" => Err(named(io::Error::new(io::ErrorKind::InvalidData, "the file is empty"))),
        id => Ok(id.to_owned()),
    }
}

fn nanoseconds(clock: ClockId) -> u64 {
    let now = clock_gettime(clock);
    let ns = i128::from(now.tv_sec) * 1_000_000_000 + i128::from(now.tv_nsec);
    u64::try_from(ns).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_without_a_name_is_an_error_that_says_where() {
        assert!(!boot_id().expect("Linux has one").is_empty());
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = dir.path().join("boot_id");
        for text in ["", "\n"] {
            std::fs::write(&file, text).expect("written");
            let error = boot_id_in(&file).expect_err("it is empty").to_string();
            assert_eq!(error, format!("{}: the file is empty", file.display()));
        }
    }
}
