//! The journal as the master uses it: append a turn, read from an lsn. The seam for a journal that lives elsewhere.
//!
//! Called by `engine` (commit), `history` and `http` (read). Nobody else knows that there is a journal. Invariant: what the facts say from
//! the first one on, and what a checkpoint and the facts behind it say, is the same state.

mod checkpoint;
mod checkpointer;
mod codec;
mod commit;
mod journal;
mod read;

pub use checkpoint::{Checkpoint, Checkpoints, Unusable};
pub use checkpointer::{Checkpointer, Pace, Turns};
pub use codec::{DecodeError, decode, encode};
pub use commit::{Committer, Place};
pub use journal::{Error, Facts, Files, fold};
pub use read::{Follower, Reader, TurnRead};

#[cfg(test)]
mod tests;
