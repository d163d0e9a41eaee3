//! How big a pipeline file and its parts may be. Each is checked before the memory is taken.

/// Bytes of the file.
pub(super) const FILE_BYTES: usize = 256 * 1024;
/// Bytes of the plan of a run, as it is recorded.
pub(super) const PLAN_BYTES: usize = 2 * 1024 * 1024;
/// Levels of lists and maps.
pub(super) const DEPTH: usize = 24;
/// Scalars, lists and maps together.
pub(super) const NODES: usize = 10_000;
/// Jobs of a pipeline.
pub(super) const JOBS: usize = 200;
/// Steps of one job.
pub(super) const STEPS_PER_JOB: usize = 100;
/// Steps of all jobs.
pub(super) const STEPS: usize = 500;
/// Artifacts of one job.
pub(super) const ARTIFACTS_PER_JOB: usize = 100;
/// Entries of a strategy.
pub(super) const BATCHES: usize = 100;
/// Bytes of a path or glob.
pub(super) const PATH_BYTES: usize = 1024;
/// Bytes of one part of a path.
pub(super) const PATH_PART_BYTES: usize = 255;
/// Bytes of the value of an environment variable.
pub(super) const ENV_VALUE_BYTES: usize = 128 * 1024;
/// Bytes of the name of an environment variable.
pub(super) const ENV_NAME_BYTES: usize = 128;
/// Bytes of the value of a label.
pub(super) const LABEL_VALUE_BYTES: usize = 255;
/// Bytes of the address of a probe.
pub(super) const URL_BYTES: usize = 1024;
