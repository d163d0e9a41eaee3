//! Numbers of the configuration: bounds and defaults.

use windlass_core::model::Duration;

/// The most bytes that `master.toml` may have.
pub(super) const FILE_BYTES: u64 = 1024 * 1024;
/// The most bytes that the key of a hook may have.
pub(super) const KEY_FILE_BYTES: u64 = 4096;

/// A silent agent's open attempts end `unknown` after this.
pub(super) const LOST_AFTER: Duration = Duration::from_secs(600);
/// A touched target silent for so long is a failure.
pub(super) const TARGET_LOST_AFTER: Duration = Duration::from_secs(120);
/// Log bytes that one attempt may store.
pub(super) const LOG_PER_ATTEMPT: u64 = 256 * 1024 * 1024;
/// Between these lies `limits.log_per_attempt`.
pub(super) const LOG_PER_ATTEMPT_RANGE: (u64, u64) = (64 * 1024, 16 * 1024 * 1024 * 1024);
/// Between these lies `lost_after`, of agents and of targets.
pub(super) const LOST_AFTER_RANGE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(7 * 86_400));
/// Between these lies `poll`: a repository is not asked more often than a person would.
pub(super) const POLL_RANGE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(86_400));

/// Runs are kept for so long.
pub(super) const RUNS_KEPT: Duration = Duration::from_secs(400 * 86_400);
/// The logs of their steps are kept for so long.
pub(super) const LOGS_KEPT: Duration = Duration::from_secs(90 * 86_400);
/// Logs move when their runs are so old, if they move.
pub(super) const MOVE_AFTER: Duration = Duration::from_secs(30 * 86_400);
/// Between these lie `retention.runs`, `retention.logs` and `logs.move_after`.
pub(super) const KEPT_RANGE: (Duration, Duration) = (Duration::from_secs(86_400), Duration::from_secs(36_500 * 86_400));

/// Bytes of a new segment of the journal.
pub(super) const SEGMENT: u64 = 64 * 1024 * 1024;
/// Between these lies `disk.segment`: it holds a few of the longest records.
pub(super) const SEGMENT_RANGE: (u64, u64) = (16 * 1024 * 1024, 1024 * 1024 * 1024);
/// Bytes that are kept for the journal.
pub(super) const BALLAST: u64 = 256 * 1024 * 1024;
/// Between these lies `disk.ballast`; nothing: there is none.
pub(super) const BALLAST_RANGE: (u64, u64) = (0, 16 * 1024 * 1024 * 1024);

pub(super) const DATA_DIR: &str = "/var/lib/windlass";
pub(super) const HTTP_LISTEN: &str = "127.0.0.1:8470";
pub(super) const AGENTS_LISTEN: &str = "127.0.0.1:8471";
pub(super) const PIPELINE_FILE: &str = "windlass.yaml";
pub(super) const MAIN_BRANCH: &str = "main";
