//! Values of secrets: sealed on disk, opened only to be delivered. Who may have which is core's to decide.
//!
//! Called by `http` (seal, erase) and `link` (open). Invariant: a value is on disk only sealed, its key is outside the data directory, and
//! a value that was opened lives in a [`Secret`](windlass_core::model::Secret), which is overwritten when it is dropped.
//!
//! Reading order: `key`, `seal` (one value, one file), `handle`.

mod handle;
mod key;
mod rekey;
mod seal;

pub use handle::{Error, Secrets};
pub use key::{Key, KeyError, make_key};
pub use rekey::rekey;

#[cfg(test)]
mod tests;
