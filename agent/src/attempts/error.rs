//! What can go wrong with the agent's files.

use std::path::PathBuf;

/// What functions of this room return.
pub type Result<T> = std::result::Result<T, Error>;

/// Why the agent's files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] windlass_disk::Error),
    /// A line could not be appended to a record.
    #[error(transparent)]
    Record(#[from] windlass_disk::record::WriteError),
    /// A log could not be read or ended.
    #[error(transparent)]
    Log(#[from] windlass_disk::log::Error),
    /// The operating system refused something beside the disk.
    #[error("{what} {}: {why}", path.display())]
    Io {
        /// What was tried, as a verb.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        why: std::io::Error,
    },
    /// A newer program wrote a record that is still open.
    #[error("{} has a line of format {format}, which this program does not read", path.display())]
    NewerRecord {
        /// The record.
        path: PathBuf,
        /// Of the line.
        format: u16,
    },
    /// The state directory belongs to another cluster than the certificate.
    #[error("the state directory belongs to cluster {found}, the certificate to {ours}")]
    OtherCluster {
        /// In the state file.
        found: String,
        /// In the certificate.
        ours: String,
    },
}

impl Error {
    /// True where the volume is full: nothing is unknown, and it may pass.
    pub fn is_no_space(&self) -> bool {
        use windlass_disk::record::WriteError;
        match self {
            Self::Disk(error) | Self::Record(WriteError::Disk(error)) => error.is_no_space(),
            Self::Log(windlass_disk::log::Error::Disk(error)) => error.is_no_space(),
            Self::Io { why, .. } => why.kind() == std::io::ErrorKind::StorageFull,
            Self::Record(WriteError::Payload(_))
            | Self::Log(_)
            | Self::NewerRecord { .. }
            | Self::OtherCluster { .. } => false,
        }
    }

    /// A thread could not be started.
    pub(crate) fn io_of_thread(why: std::io::Error) -> Self {
        Self::Io { what: "start a thread of", path: PathBuf::from("/proc/self"), why }
    }

    pub(crate) fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |why| Self::Io { what, path, why }
    }
}
