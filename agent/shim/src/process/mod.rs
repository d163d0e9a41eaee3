//! Everything that touches processes, and the only unsafe code of Windlass.
//!
//! - [`session`]: what the shim makes of itself at the start
//! - [`spawn`]: a child that is set up and waits before it executes anything
//! - [`tree`]: the descendants: who ended, who is left, signals to them
//! - [`pidfd`]: a signal that cannot meet a stranger
//! - [`cgroup`]: processes that the kernel keeps together
//!
//! Invariant: a pid is used only while its process cannot have been reaped by anybody: ours are reaped here alone.

mod cgroup;
mod pidfd;
mod session;
mod spawn;
mod tree;

pub use cgroup::{CONTROLLERS, Cgroup};
pub use session::keep_inherited;
pub(crate) use session::{Fuse, become_session, take_record};
pub(crate) use spawn::{Launch, Report, Streams, Waiting, spawn};
pub(crate) use tree::{Ended, Tree};
