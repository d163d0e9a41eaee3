//! Artifacts by digest: `blobs/ab/cd/<64 hex digits>`.
//!
//! Called by `link` (Put, Fetch) and by `http` (downloads). Invariant: what has a name here is whole, synced, and has the digest that
//! its name says. Deliberately absent: which run an artifact belongs to (the state knows), removal, other stores than a local folder.

mod error;
mod store;
mod upload;

pub use error::{Error, Result};
pub use store::{Blobs, PART_BYTES};
pub use upload::Upload;

#[cfg(test)]
mod tests;
