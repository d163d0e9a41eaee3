//! What is on the agent's disk: its small state file, and one directory per attempt with record and logs.
//!
//! Called by `work`, which decides, and by `link`, which reads and ships. Invariant: only who holds the lock of a record writes it; what
//! a function here calls written is durable; a directory with a whole line is deleted only by [`Store::forget`]. Deliberately absent:
//! decisions, which are core's, and processes.

mod ballast;
mod conclude;
mod error;
mod logs;
mod paths;
mod place;
mod record;
mod state;
mod store;
mod unproven;

pub use ballast::Ballast;
pub use conclude::{Concluded, conclude};
pub use error::{Error, Result};
pub use logs::{end_logs, spool_bytes};
pub use paths::{AttemptDir, StateDir};
pub use place::place_of;
pub use record::{Ending, Follow, Lines, OwnRecord, accepted_of, read_lines};
pub use state::State;
pub use store::Store;
pub use unproven::Unproven;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
