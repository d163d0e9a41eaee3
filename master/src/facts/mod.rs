//! The journal as the master uses it: append a turn, read from an lsn. The seam for a journal that lives elsewhere.
//!
//! Called by `engine` (commit), `history` and `http` (read). Nobody else knows that there is a journal.

mod codec;
mod commit;
mod journal;
mod read;

pub use codec::{DecodeError, decode, encode};
pub use commit::Committer;
pub use journal::{Error, Facts};
pub use read::{Follower, Reader, TurnRead};

#[cfg(test)]
mod tests;
