//! Backups of the data directory, what is made of them, and copies of a directory that is damaged.
//!
//! A backup is hot and asks nobody: it reads files under rules that make this safe beside a running master. Segments only grow, and a
//! record counts when it verifies; checkpoints, full segments and blobs never change; the index of a log is copied before its bytes. So a
//! backup ends at a record's end, with a checkpoint of its own there. `identity/` is in none of them: keys go elsewhere.
//!
//! ```text
//! manifest.json    what there is, with the BLAKE3 of each file; written last, and without it there is no backup
//! journal/ checkpoints/ logs/ blobs/ secrets/      as in the data directory
//! ```
//! Called by `windlass-master backup`, `restore` and `doctor`. Invariant: nothing is written into the data directory that is read.

mod copy;
mod doctor;
mod make;
mod manifest;
mod mark;
mod restore;

pub use doctor::doctor;
pub use make::backup;
pub use mark::Mark;
pub use restore::restore;

#[cfg(test)]
mod tests;
