//! Damaged files: a small data directory, one of its files changed as bad disks and bad hands change files, and a start.
//!
//! Every sample has a number, and the same number makes the same sample. What must come of it: the same state and the same history, or a
//! refusal that names a file, or history that is named as lost; never another state, and never other bytes. Records, logs and what an
//! agent remembers are damaged by the targets of `fuzz`, which are part of each round here.

mod base;
mod harm;
mod history;
mod sample;

pub use base::{Base, small_files};
pub use harm::copy_dir;
pub use history::answers;
pub use sample::{Ending, Kind, sample};
