//! Why a session ended.

use windlass_proto::convert::{self, Refused};

use crate::work::{Fatal, StaleMaster};

/// What functions of the link return.
pub type Result<T> = std::result::Result<T, Error>;

/// Why there is no session, or no more.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody answers, or not a master of ours.
    #[error("no connection to {master}: {why}")]
    Dial {
        /// What was dialled.
        master: String,
        /// With all causes.
        why: String,
    },
    /// The master says no.
    #[error("the master refuses: {:?}, {}", .0.reason, .0.detail)]
    Refused(Refused),
    /// A call failed.
    #[error("{}", .0.message())]
    Call(Box<tonic::Status>),
    /// What came breaks the rules of the link.
    #[error("a message breaks the rules: {0}")]
    Message(#[from] convert::Error),
    /// Something else came where a certain message was due.
    #[error("{0} was due")]
    Due(&'static str),
    /// Nothing came for too long.
    #[error("the master is silent")]
    Silent,
    /// The master ended it.
    #[error("the master ended the session")]
    Ended,
    /// Somebody on this host paused it, or ended the pause.
    #[error("what this host takes has changed: the master is told anew")]
    Changed,
    /// The master's epoch is over.
    #[error(transparent)]
    Stale(#[from] StaleMaster),
    /// The work thread has ended.
    #[error(transparent)]
    Fatal(#[from] Fatal),
    /// A log could not be read.
    #[error(transparent)]
    Log(#[from] windlass_disk::log::Error),
}

impl From<tonic::Status> for Error {
    fn from(status: tonic::Status) -> Self {
        Self::Call(Box::new(status))
    }
}

/// An error with all its causes in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}
