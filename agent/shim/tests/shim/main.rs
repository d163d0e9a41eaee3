//! The shim on real processes: each test makes the directory of an attempt, as an agent would, and starts the program on it.
//! `../shim_in_cgroups` runs the same tests with a cgroup for each job.

mod harness;

mod logs;
mod secrets;
mod start;
mod steps;
mod stop;
mod tree;

/// Jobs are kept together by process groups and orphans only.
const IN_CGROUPS: bool = false;
