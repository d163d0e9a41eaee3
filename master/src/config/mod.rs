//! `master.toml`: as written, then checked. Called by `app` at the start, before anything is opened.
//!
//! Reading order: [`checked`] (what comes out), `written` (the keys of the file), `check`
//! (from one to the other, with `scalars`, `projects` and `environments`), `later` (documented
//! keys that this version refuses), `file` (who may have written it), `variables` (flags and environment above it).
//!
//! Invariant: a [`Config`] exists only if every key of the file and every `WINDLASS_MASTER_*` variable is known and fits; nothing that
//! was written is ignored. Precedence: flag, environment, file, default. Absent: reading the file again while the master runs.

mod check;
pub mod checked;
mod environments;
mod error;
mod file;
mod later;
mod limits;
mod load;
mod projects;
mod repository;
mod retention;
mod scalars;
mod variables;
mod written;

pub use checked::{Config, HookKey, OldLogs, Sizes, Watched};
pub use error::{Error, Errors};
pub use load::{Source, load, parse};
pub use variables::Scalars;

/// Exit code of a process that was configured wrongly.
pub const EXIT_CODE: u8 = 78;

#[cfg(test)]
mod tests;
