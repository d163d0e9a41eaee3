//! What can go wrong with the identity of a cluster.

use std::path::PathBuf;

use super::csr::CsrError;

/// What the functions of this room return.
pub type Result<T> = std::result::Result<T, Error>;

/// Why there is no identity, or no certificate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A certificate authority is made once in the life of a cluster.
    #[error("{} holds an identity already", .0.display())]
    Exists(PathBuf),
    /// Nothing was made here yet; `init` does it.
    #[error("{} holds no identity", .0.display())]
    Missing(PathBuf),
    /// Others than the owner can read a key.
    #[error("{} has the mode {mode:03o}: run `chmod {wanted:o} {}`", path.display(), path.display())]
    Mode {
        /// The file or directory.
        path: PathBuf,
        /// What it is.
        mode: u32,
        /// What it should be.
        wanted: u32,
    },
    /// A file is not what was written.
    #[error("{} is damaged: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] windlass_disk::Error),
    /// The request for a certificate is refused.
    #[error("the certificate request is refused: {0}")]
    Csr(#[from] CsrError),
    /// A certificate could not be signed.
    #[error("cannot sign: {0}")]
    Sign(#[from] rcgen::Error),
    /// The TLS settings could not be made.
    #[error(transparent)]
    Tls(#[from] windlass_proto::tls::Error),
    /// The operating system gave no random bytes.
    #[error("the operating system gives no random bytes")]
    Random,
}
