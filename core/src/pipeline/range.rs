//! What times and numbers may be, by key.

use crate::model::{Duration, limits};

/// The times that a key takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// The key.
    pub(super) key: &'static str,
    /// What it is called in a sentence.
    pub(super) noun: &'static str,
    /// The shortest.
    pub(super) least: Duration,
    /// The longest.
    pub(super) most: Duration,
    /// What else than the longest may be done.
    pub(super) beyond: &'static str,
}

/// The whole numbers that a key takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbers {
    /// The key.
    pub(super) key: &'static str,
    /// The least.
    pub(super) least: u32,
    /// The most.
    pub(super) most: u32,
}

const ZERO: Duration = Duration::from_ms(0);
const TENTH: Duration = Duration::from_ms(100);
const SECOND: Duration = Duration::from_secs(1);
const TEN_MINUTES: Duration = Duration::from_secs(600);
const HOUR: Duration = Duration::from_secs(3_600);
const WEEK: Duration = Duration::from_secs(604_800);

pub(super) const TIMEOUT: Times =
    Times { key: "timeout", noun: "a time-out", least: SECOND, most: WEEK, beyond: ", or split the job" };
pub(super) const SILENT_TIMEOUT: Times =
    Times { key: "silent-timeout", noun: "a silent time-out", least: SECOND, most: WEEK, beyond: ", or leave it out" };
pub(super) const GRACE: Times =
    Times { key: "grace", noun: "a grace", least: ZERO, most: TEN_MINUTES, beyond: " or less" };
pub(super) const CLEANUP: Times =
    Times { key: "cleanup", noun: "a cleanup", least: ZERO, most: TEN_MINUTES, beyond: " or less" };
pub(super) const BAKE: Times = Times { key: "bake", noun: "a bake", least: ZERO, most: WEEK, beyond: " or less" };
pub(super) const HOOK_TIMEOUT: Times =
    Times { key: "timeout", noun: "a time-out of a hook", least: SECOND, most: HOUR, beyond: " or less" };
pub(super) const GATE_EVERY: Times =
    Times { key: "every", noun: "an interval of samples", least: TENTH, most: HOUR, beyond: " or less" };
pub(super) const GATE_TIMEOUT: Times =
    Times { key: "timeout", noun: "a time-out of a sample", least: TENTH, most: TEN_MINUTES, beyond: " or less" };
pub(super) const GATE_STEADY: Times =
    Times { key: "steady", noun: "a steady time", least: ZERO, most: HOUR, beyond: " or less" };
pub(super) const GATE_GRACE: Times =
    Times { key: "grace", noun: "a grace of a gate", least: ZERO, most: HOUR, beyond: " or less" };
pub(super) const GATE_DEADLINE: Times =
    Times { key: "deadline", noun: "a deadline", least: TENTH, most: HOUR, beyond: " or less" };

pub(super) const PIDS: Numbers = Numbers { key: "pids", least: *limits::PIDS.start(), most: *limits::PIDS.end() };
pub(super) const KEEP: Numbers = Numbers { key: "keep", least: 1, most: 100 };
pub(super) const GATE_FALL: Numbers = Numbers { key: "fall", least: 1, most: 1_000 };
pub(super) const GATE_FLAPS: Numbers = Numbers { key: "flaps", least: 0, most: 1_000 };

/// The most targets that a batch or budget may name.
pub(super) const TARGETS: u32 = 100_000;
