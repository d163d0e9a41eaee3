//! The master's view of repositories: bare clones under `git/` in the data directory, read with the git CLI.
//!
//! Called by `http` (a manual start), by `deliveries` and by `poll`. Invariant: never a checkout, never a hook, never a prompt; only
//! `https` and `ssh`, or `file` for a folder that `master.toml` allows; refs are full names that passed [`reference`]'s grammar. Absent:
//! credentials, submodules, large-file storage, a limit on the size of a clone.

mod changes;
mod clone;
mod commit;
mod content;
mod process;
pub mod reference;

pub use clone::{Ask, Place, Repositories};

#[cfg(test)]
mod tests;
