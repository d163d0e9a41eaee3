//! What can go wrong with a blob.

use windlass_core::model::Digest;

/// What the functions of this room return.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a blob is not stored or not read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is none of this digest.
    #[error("there is no blob {0}")]
    Missing(Digest),
    /// More or fewer bytes came than were announced.
    #[error("the blob {digest} has {found} bytes, {announced} were announced")]
    Size {
        /// What was to be stored.
        digest: Digest,
        /// Bytes that came.
        found: u64,
        /// Bytes that were announced.
        announced: u64,
    },
    /// The bytes are not those that the digest was made of; nothing was stored.
    #[error("the blob {wanted} has the digest {found}")]
    Mismatch {
        /// What was to be stored.
        wanted: Digest,
        /// What came.
        found: Digest,
    },
    /// The store refused.
    #[error("the store refuses: {0}")]
    Store(#[from] object_store::Error),
    /// The folder cannot be made.
    #[error(transparent)]
    Disk(#[from] windlass_disk::Error),
}
