//! The queryable history in sled: a view of the facts, rebuilt from the journal when it is missing, damaged or behind.
//!
//! One thread folds committed turns in order, from a checkpoint on that the view has passed, and applies what they add, `applied_lsn` in the
//! same batch; nobody waits for it. A second one owns sled, which may hang, and is given up then. What is live is answered from the
//! published state, what is over from here. Deliberately absent: any truth of its own. A new layout is a new directory, never a migration.

mod fold;
mod follow;
mod handle;
mod keeper;
mod key;
mod query;
mod rows;
mod store;

pub use handle::{Error, History, Threads};
pub use query::{Cursor, RunFilter};
pub use rows::LostRuns;

#[cfg(test)]
mod tests;
