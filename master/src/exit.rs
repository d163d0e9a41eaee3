//! Why the program ends, as an exit code and a sentence with the way out.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

/// Why the program cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Wrong configuration, each error with its place and way out.
    #[error(transparent)]
    Config(#[from] crate::config::Errors),
    /// There is no master in the data directory.
    #[error("{} holds no master", .0.display())]
    NoMaster(PathBuf),
    /// There is one already.
    #[error("{} holds a master already", .0.display())]
    MasterExists(PathBuf),
    /// Another process uses the data directory.
    #[error("{} is used by another process", .0.display())]
    Locked(PathBuf),
    /// The address cannot be listened to.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// A file or directory.
    #[error("cannot {what} {}: {source}", path.display())]
    File {
        /// The verb.
        what: &'static str,
        /// The path.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The journal, at the start.
    #[error("cannot open the journal: {0}")]
    Facts(crate::facts::Error),
    /// The history says that the journal was cut.
    #[error(transparent)]
    History(#[from] crate::history::Error),
    /// Keys and certificates.
    #[error(transparent)]
    Identity(#[from] crate::identity::Error),
    /// The key that seals secrets.
    #[error("cannot use the key for secrets: {0}")]
    SecretKey(#[from] crate::secrets::KeyError),
    /// A sealed value, while the key is changed.
    #[error("cannot seal a secret anew: {0}")]
    Secrets(crate::secrets::Error),
    /// Logs, at the start.
    #[error("cannot open the logs: {0}")]
    Logs(String),
    /// Old logs are not where they should be.
    #[error(transparent)]
    MovedLogs(#[from] crate::logs::MovedError),
    /// A log could not be synced: what is on disk is unknown.
    #[error("cannot sync the logs: {0}")]
    LogsFailed(String),
    /// Artifacts, at the start.
    #[error("cannot open the blobs: {0}")]
    Blobs(String),
    /// A commit failed: what is on disk is unknown.
    #[error("cannot commit: {0}")]
    Commit(crate::facts::Error),
    /// The configuration is more than can be recorded.
    #[error("cannot begin with this configuration: {0}")]
    Refused(windlass_core::Refusal),
    /// A backup or a copy goes into an empty directory only.
    #[error("{} is not empty", .0.display())]
    NotEmpty(PathBuf),
    /// A backup that cannot be used.
    #[error("{}: {why}", path.display())]
    Backup {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A thread or the runtime.
    #[error("cannot start: {0}")]
    Start(io::Error),
    /// Nobody can read what we say.
    #[error("cannot print: {0}")]
    Print(io::Error),
}

impl Failure {
    fn code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::NoMaster(_) | Self::Refused(_) => 78,
            Self::Facts(error) if error.is_damage() => 75,
            Self::History(crate::history::Error::JournalCut { .. }) => 75,
            Self::Commit(_) | Self::LogsFailed(_) => 74,
            Self::Identity(_) | Self::SecretKey(_) | Self::MovedLogs(_) => 78,
            Self::MasterExists(_)
            | Self::Locked(_)
            | Self::Listen { .. }
            | Self::File { .. }
            | Self::Facts(_)
            | Self::History(_)
            | Self::Secrets(_)
            | Self::Logs(_)
            | Self::Blobs(_)
            | Self::NotEmpty(_)
            | Self::Backup { .. }
            | Self::Start(_)
            | Self::Print(_) => 1,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoMaster(dir) => format!("windlass-master init --data-dir {}", dir.display()),
            Self::MasterExists(_) => {
                "start it with `windlass-master serve`, or choose an empty data directory".to_owned()
            }
            Self::MovedLogs(crate::logs::MovedError::Elsewhere { lie, .. }) => {
                format!("move the directory, then write the new path into `.moved-logs` in the data directory; or name {} again", lie.display())
            }
            Self::MovedLogs(crate::logs::MovedError::Disk(_)) => return None,
            Self::MovedLogs(crate::logs::MovedError::Same(_)) => {
                "name a directory elsewhere as `logs.move_to`, or remove the key".to_owned()
            }
            Self::MovedLogs(crate::logs::MovedError::NotTheirs(dir)) => {
                format!("is the volume of {} mounted? If it is another master's, name another directory as `logs.move_to`", dir.display())
            }
            Self::NotEmpty(_) => "name a directory that is empty or does not exist".to_owned(),
            Self::Locked(_) => "stop the other master first; two never share a data directory".to_owned(),
            Self::Listen { source, .. } if source.kind() == io::ErrorKind::AddrInUse => {
                "another process listens there: stop it, or set `http.listen` or `agents.listen` in master.toml"
                    .to_owned()
            }
            Self::Listen { .. } => "set `http.listen` and `agents.listen` in master.toml".to_owned(),
            Self::Facts(error) if error.is_damage() => {
                "nothing was changed; `windlass-master doctor` says more, `windlass-master doctor --copy DIR` saves what can be read"
                    .to_owned()
            }
            Self::History(_) => {
                "nothing was changed; restore the journal directory from the same backup as the rest".to_owned()
            }
            Self::Commit(_) | Self::LogsFailed(_) => {
                "look at the disk under the data directory, then start the master again: it goes on from what is there"
                    .to_owned()
            }
            Self::Refused(_) => "make master.toml shorter: all of it is recorded at once".to_owned(),
            Self::SecretKey(crate::secrets::KeyError::Mode { path, .. }) => format!("chmod 600 {}", path.display()),
            Self::SecretKey(crate::secrets::KeyError::Unfinished(_)) => {
                "`windlass-master secrets rekey` goes on with it".to_owned()
            }
            Self::SecretKey(crate::secrets::KeyError::Credential) => {
                "stop the master, put the credential's bytes into `secrets.key_file`, change the key there, and make a credential of the new one"
                    .to_owned()
            }
            Self::Secrets(crate::secrets::Error::NotOurs(path)) => format!(
                "restore {} from a backup, or move it away: then that value must be set anew; nothing else is lost, call it again",
                path.display()
            ),
            Self::Config(_)
            | Self::Secrets(_)
            | Self::SecretKey(_)
            | Self::File { .. }
            | Self::Facts(_)
            | Self::Identity(_)
            | Self::Logs(_)
            | Self::Blobs(_)
            | Self::Backup { .. }
            | Self::Start(_)
            | Self::Print(_) => return None,
        })
    }
}

/// Prints what failed, and gives the exit code.
pub fn report(result: Result<(), Failure>) -> ExitCode {
    let Err(failure) = result else { return ExitCode::SUCCESS };
    let mut text = format!("error: {failure}");
    if let Some(hint) = failure.hint() {
        let _ = write!(text, "\nhint: {hint}");
    }
    // Where this cannot be printed the exit code must do.
    let _ = writeln!(io::stderr().lock(), "{text}");
    ExitCode::from(failure.code())
}

/// An error with its causes, as one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let _ = write!(text, ": {cause}");
        next = cause.source();
    }
    text
}
