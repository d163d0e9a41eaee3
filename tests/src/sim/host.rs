//! A host: its disk, its clocks, its processes.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use windlass_agent::host::{Host, Volume};

use super::rng::Rng;

/// Nanoseconds in a second, and in a millisecond.
pub const SECOND: u64 = 1_000_000_000;
/// Nanoseconds in a millisecond.
pub const MS: u64 = 1_000_000;

/// When simulated time begins: milliseconds since 1970.
pub const BEGIN_MS: i64 = 1_700_000_000_000;

const VOLUME_BYTES: u64 = 100 << 30;

/// The clocks of one host. Clones are the same ones.
#[derive(Debug, Clone, Default)]
pub struct Clocks(Arc<Hands>);

#[derive(Debug, Default)]
struct Hands {
    /// True time.
    now_ns: AtomicU64,
    /// How much faster than true time the host's clocks go, in millionths.
    drift: AtomicI64,
    /// How far the wall clock is off, in milliseconds.
    skew_ms: AtomicI64,
}

impl Clocks {
    /// Clocks that drift by up to 5 %.
    pub fn new(rng: &mut Rng) -> Self {
        let clocks = Self::default();
        let drift = i64::try_from(rng.between(0, 100_000)).unwrap_or(0) - 50_000;
        clocks.0.drift.store(if rng.per_mille(500) { 0 } else { drift }, Ordering::Relaxed);
        clocks
    }

    /// Steps to a true time.
    pub fn set(&self, now_ns: u64) {
        self.0.now_ns.store(now_ns, Ordering::Relaxed);
    }

    /// Steps the wall clock alone.
    pub fn step_wall(&self, ms: i64) {
        self.0.skew_ms.store(ms, Ordering::Relaxed);
    }

    /// What the host's steady clock shows.
    pub fn boot_ns(&self) -> u64 {
        let now = self.0.now_ns.load(Ordering::Relaxed);
        let drift = i128::from(self.0.drift.load(Ordering::Relaxed));
        let off = i128::from(now) * drift / 1_000_000;
        u64::try_from(i128::from(now) + off).unwrap_or(0)
    }

    /// What its wall clock shows, in milliseconds.
    pub fn wall_ms(&self) -> i64 {
        let steady = i64::try_from(self.boot_ns() / MS).unwrap_or(0);
        BEGIN_MS + steady + self.0.skew_ms.load(Ordering::Relaxed)
    }
}

impl Host for Clocks {
    fn boottime_ns(&self) -> u64 {
        self.boot_ns()
    }

    fn wall_ms(&self) -> i64 {
        Clocks::wall_ms(self)
    }

    fn volume(&self, _: &Path) -> io::Result<Volume> {
        Ok(Volume { total_bytes: VOLUME_BYTES, free_bytes: VOLUME_BYTES / 2 })
    }

    fn make_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn remove_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}
