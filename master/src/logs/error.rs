//! What can go wrong with the logs of a master.

use std::sync::Arc;

use super::LogKey;

/// What the verbs of this room return.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a log is not written or not read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The log writer or reader has ended: the master stops, or [`super::Logs::failed`] tells why.
    #[error("the logs are closed")]
    Stopped,
    /// The log was not opened, or is sealed.
    #[error("step {} of attempt {} has no open log", .0.step, .0.fence)]
    NotOpen(LogKey),
    /// A log's files cannot be read or written.
    #[error(transparent)]
    Log(Arc<windlass_disk::log::Error>),
    /// The threads cannot be started.
    #[error("cannot start a thread for the logs: {0}")]
    Thread(Arc<std::io::Error>),
}

impl Error {
    /// Whether the volume is full: nothing was done, and it may be tried again.
    pub fn is_no_space(&self) -> bool {
        let Self::Log(error) = self else { return false };
        matches!(&**error, windlass_disk::log::Error::Disk(error) if error.is_no_space())
    }
}

impl From<windlass_disk::log::Error> for Error {
    fn from(error: windlass_disk::log::Error) -> Self {
        Self::Log(Arc::new(error))
    }
}

impl From<windlass_disk::Error> for Error {
    fn from(error: windlass_disk::Error) -> Self {
        windlass_disk::log::Error::from(error).into()
    }
}
