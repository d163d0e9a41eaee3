//! The queryable history in sled: a view of the facts, rebuilt from the journal when it is missing, damaged or behind.
//!
//! One thread applies committed turns in order, `applied_lsn` in the same batch; nobody waits for it. What is live is answered from the
//! published state, what is over from here. Deliberately absent: any truth of its own. A new layout is a new directory, never a migration.

mod follow;
mod handle;
mod key;
mod query;
mod rows;
mod store;

pub use handle::{Error, History, Threads};
pub use query::{Cursor, RunFilter};

#[cfg(test)]
mod tests;
