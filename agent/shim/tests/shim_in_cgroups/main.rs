//! The tests of `../shim` where the kernel keeps the processes of a job in a cgroup, and what only that can do.

#[path = "../shim/harness.rs"]
mod harness;

#[path = "../shim/logs.rs"]
mod logs;
#[path = "../shim/start.rs"]
mod start;
#[path = "../shim/steps.rs"]
mod steps;
#[path = "../shim/stop.rs"]
mod stop;
#[path = "../shim/tree.rs"]
mod tree;

mod groups;

/// Each job has a cgroup.
const IN_CGROUPS: bool = true;
