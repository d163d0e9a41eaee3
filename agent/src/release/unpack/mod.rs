//! Our own extractor of artifacts: a tar, a compressed tar, or a single file becomes the folder of a release.
//!
//! Called by `install`. Invariant: nothing is written outside the new folder, whatever the archive says or another process
//! does meanwhile; an archive that breaks a rule is refused whole, and its folder is the caller's to remove. Deliberately
//! absent: hard links, special files, owners, times, extended attributes, sparse files.

mod archive;
mod beneath;
mod names;
mod raw;

pub use archive::{Limits, extract};
pub use raw::Refusal;

#[cfg(test)]
mod tests;
