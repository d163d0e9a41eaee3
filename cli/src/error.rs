//! Why a command could not be carried out: its kind, what caused it, and the way out.

use std::io;
use std::path::PathBuf;

use windlass_proto::api::Problem;

use crate::exit::Exit;
use crate::output::Screen;

/// What went wrong. Messages are fragments that name the object.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was typed makes no sense.
    #[error("{text}")]
    Usage {
        /// What is wrong.
        text: String,
        /// The way out.
        hint: String,
    },
    /// Nothing says where the master is.
    #[error("no master is known")]
    NoMaster,
    /// The client's file, or another that was named.
    #[error("cannot {what} {}", path.display())]
    File {
        /// The verb.
        what: &'static str,
        /// The path.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{} is not right: {why}", path.display())]
    FileWrong {
        /// The path.
        path: PathBuf,
        /// What is wrong.
        why: String,
        /// The way out.
        hint: String,
    },
    /// The master does not answer.
    #[error("cannot reach the master at {url}")]
    NotReachable {
        /// Its address.
        url: String,
        /// Why not.
        source: ureq::Error,
    },
    /// An answer broke off.
    #[error("the answer of {url} broke off")]
    BrokeOff {
        /// What was asked for.
        url: String,
        /// Why.
        source: io::Error,
    },
    /// The master answered with a problem.
    #[error("{}", .0.detail)]
    Problem(Box<Problem>),
    /// What answered is no Windlass, or one that is too different.
    #[error("the answer of {url} is not understood: status {status}, {why}")]
    NotUnderstood {
        /// What was asked for.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What is wrong with it.
        why: String,
    },
    /// Standard input or output.
    #[error("cannot {what}")]
    Terminal {
        /// The verb.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// A delivery was not taken.
    #[error("{reference} was not delivered")]
    NotDelivered {
        /// The ref.
        reference: String,
        /// Why not.
        source: Box<Error>,
    },
    /// The demo could not go on.
    #[error("cannot go on with the demo: {what}")]
    Demo {
        /// What did not work.
        what: String,
        /// The way out.
        hint: String,
    },
}

/// What most of the client returns.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The kind, in kebab-case as problem types are.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Usage { .. } => "usage",
            Self::NoMaster => "no-master",
            Self::File { .. } | Self::FileWrong { .. } => "file",
            Self::NotReachable { .. } => "not-reachable",
            Self::BrokeOff { .. } => "broke-off",
            Self::Problem(problem) => problem.code.word(),
            Self::NotUnderstood { .. } => "not-understood",
            Self::Terminal { .. } => "terminal",
            Self::NotDelivered { .. } => "not-delivered",
            Self::Demo { .. } => "demo",
        }
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage { .. } => Exit::Usage,
            Self::NoMaster => Exit::NotAllowed,
            Self::NotReachable { .. } | Self::BrokeOff { .. } => Exit::NotReachable,
            Self::Problem(problem) => Exit::of_problem(problem.code),
            Self::NotDelivered { source, .. } => source.exit(),
            Self::File { .. }
            | Self::FileWrong { .. }
            | Self::NotUnderstood { .. }
            | Self::Terminal { .. }
            | Self::Demo { .. } => Exit::Failed,
        }
    }

    /// What to do next.
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Usage { hint, .. } | Self::FileWrong { hint, .. } | Self::Demo { hint, .. } => hint.clone(),
            Self::NoMaster => "windlass login URL, or set WINDLASS_URL and WINDLASS_TOKEN".to_owned(),
            Self::NotReachable { .. } => {
                "is the master running, and is this its address? windlass login URL".to_owned()
            }
            Self::BrokeOff { .. } => "the same command again goes on from what is there".to_owned(),
            Self::Problem(problem) => problem.hint.clone().unwrap_or_default(),
            Self::NotUnderstood { .. } => "is this the address of a Windlass master?".to_owned(),
            Self::NotDelivered { source, .. } => source.hint().unwrap_or_default(),
            Self::File { .. } | Self::Terminal { .. } => String::new(),
        };
        (!hint.is_empty()).then_some(hint)
    }

    /// True where the reader of our output is gone: nobody is left to be told.
    pub fn is_closed_output(&self) -> bool {
        matches!(self, Self::Terminal { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
    }

    /// True where asking again later makes sense.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::NotReachable { .. } | Self::BrokeOff { .. })
            || matches!(self, Self::Problem(problem) if Exit::of_problem(problem.code) == Exit::NotReachable)
    }

    /// Prints kind, chain of causes and hint.
    pub fn report(&self, screen: &mut Screen) -> Result<()> {
        screen.note(&format!("error[{}]: {self}", self.kind()))?;
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            screen.note(&format!("  because: {error}"))?;
            cause = error.source();
        }
        if let Self::Problem(problem) = self {
            for error in &problem.errors {
                screen.note(&format!("  {}: {}", error.pointer, error.detail))?;
            }
            if !problem.problems.is_empty() {
                screen.note(windlass_core::pipeline::render(&problem.problems).trim_end())?;
            }
        }
        match self.hint() {
            Some(hint) => screen.note(&format!("hint: {hint}")),
            None => Ok(()),
        }
    }
}
