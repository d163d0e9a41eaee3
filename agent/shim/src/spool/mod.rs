//! The disk thread: it alone writes the record and the logs, so that a stuck disk holds up no clock and no cancel.
//!
//! - [`handle`]: what the loop asks for
//! - [`queue`]: what waits between the two threads, bounded in bytes
//! - [`writer`]: the thread
//! - [`log`]: one step's log with its share of the quota
//!
//! Invariant: what was asked first is done first, and an answer is given only when everything before it is on disk as far as it must
//! be. After the first failed sync nothing more is written ([`Lost`]). A full disk is not a failure: it is tried again.

mod handle;
mod log;
mod queue;
mod writer;

pub(crate) use handle::Spool;
pub use handle::{Chunk, Stream};
pub use log::{Quota, StepLog};
pub use queue::Lost;
pub(crate) use writer::Files;

#[cfg(test)]
mod tests;
