//! Why a shim leaves without VOID or EXIT.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

/// What ends a shim early. Nothing more is started, and the evidence on disk is concluded by the agent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The agent did not hand over what was agreed.
    #[error("{what}")]
    Agreement {
        /// A fragment that names what is missing or wrong.
        what: String,
    },
    /// A file of the attempt could not be read.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The kernel refused what the shim needs to be one.
    #[error("{what}: {source}")]
    System {
        /// The call.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Record or logs could not be written or synced.
    #[error(transparent)]
    Lost(#[from] crate::spool::Lost),
}

impl Error {
    pub(crate) fn agreement(what: impl Into<String>) -> Self {
        Self::Agreement { what: what.into() }
    }

    pub(crate) fn system(what: &'static str) -> impl FnOnce(rustix::io::Errno) -> Self {
        move |errno| Self::System { what, source: errno.into() }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Agreement { .. } | Self::System { .. } => ExitCode::from(70),
            Self::File { .. } | Self::Lost(_) => ExitCode::from(74),
        }
    }
}
