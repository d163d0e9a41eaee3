//! Why something on the target could not be done.

use std::io;
use std::path::{Path, PathBuf};

use windlass_core::model::Digest;

use super::unpack::Refusal;

/// What went wrong on the target; each variant fits after "cannot …:".
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] windlass_disk::Error),
    /// The operating system refused something that does not go through the disk.
    #[error("{operation} {}: {source}", path.display())]
    Io {
        /// A verb.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// One of our own files on the target is not what was written.
    #[error("{} is damaged: {why}", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// In which way.
        why: String,
    },
    /// A hand that is too late.
    #[error("generation {asked} is older than {seen}, which this target has seen")]
    Stale {
        /// What was asked.
        asked: u64,
        /// The highest the record names.
        seen: u64,
    },
    /// An earlier change of this target was neither committed nor reverted.
    #[error("generation {generation} left this target between touched and committed")]
    Interrupted {
        /// Of the earlier change.
        generation: u64,
    },
    /// `current` is not a symlink to a release of ours.
    #[error("{} was not made by us ({what}); taking over such a service is not supported yet", path.display())]
    Outside {
        /// The path of `current`.
        path: PathBuf,
        /// What it is.
        what: String,
    },
    /// Somebody on this host moved the service.
    #[error("held by hand: {0}; only a person moves this service (`windlass-agent let-go`)")]
    Held(String),
    /// A person asked for what is so already, or cannot be.
    #[error("{0}")]
    Nothing(String),
    /// The plan rests on something that is not so.
    #[error("the plan does not fit this target: {0}")]
    PlanMismatch(String),
    /// The change asks for something that this target cannot do.
    #[error("not supported: {0}")]
    Unsupported(String),
    /// A release on disk is not there or not what was unpacked.
    #[error("release {release} on this target is not whole: {why}")]
    NotWhole {
        /// Its name.
        release: String,
        /// What is missing or differs.
        why: String,
    },
    /// The artifact is not the one that was released.
    #[error("the artifact has digest {found}, not {wanted}")]
    WrongArtifact {
        /// What it should be.
        wanted: Digest,
        /// What it is.
        found: Digest,
    },
    /// The archive breaks a rule.
    #[error("the archive is refused: {0}")]
    Archive(#[from] Refusal),
    /// The volume is too full to begin.
    #[error("{} has {free} bytes free, {needed} are needed", path.display())]
    NoRoom {
        /// Of the volume.
        path: PathBuf,
        /// Bytes.
        free: u64,
        /// Bytes.
        needed: u64,
    },
    /// A hook ended otherwise than 0.
    #[error("hook {hook} {how}")]
    Hook {
        /// Which.
        hook: &'static str,
        /// How it ended.
        how: String,
    },
    /// Gates or identity did not pass.
    #[error("check failed: {0}")]
    Check(String),
}

impl Error {
    /// For `map_err`: an operation of the operating system on a path.
    pub fn io<'a>(operation: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::Io { operation, path: path.to_owned(), source }
    }
}

/// What everything in this room returns.
pub type Result<T> = std::result::Result<T, Error>;
