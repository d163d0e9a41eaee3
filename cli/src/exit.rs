//! Exit codes of the client, all in one place.

use windlass_proto::api::{Deployment, OutcomeKind, ProblemKind, Run, RunState};

/// A deployment that was followed waits for a person.
const PAUSED: u8 = 4;

/// How the client ends. Codes of deployments come from the master and stand for confirmed target state only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or succeeded.
    Done,
    /// Failed, or the file has errors.
    Failed,
    /// Wrong usage.
    Usage,
    /// There is no such thing.
    NotFound,
    /// Not signed in, or not allowed.
    NotAllowed,
    /// The master is not reachable or not ready.
    NotReachable,
    /// Refused in the present state.
    Refused,
    /// Cancelled.
    Cancelled,
    /// Nothing can be proven about the outcome.
    Unknown,
    /// As a deployment ended.
    Deployment(u8),
    /// Our bug, or the master's.
    Bug,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 5,
            Self::NotAllowed => 6,
            Self::NotReachable => 7,
            Self::Refused => 8,
            Self::Cancelled => 9,
            Self::Unknown => 11,
            Self::Deployment(code) => code,
            Self::Bug => 70,
        }
    }

    /// Of a run that was followed.
    pub fn of_run(run: &Run) -> Self {
        match (run.state, run.outcome) {
            (RunState::Waiting | RunState::Running | RunState::Held, _) | (RunState::Ended, None) => Self::Unknown,
            (RunState::Ended, Some(kind)) => match kind {
                OutcomeKind::Succeeded | OutcomeKind::Skipped | OutcomeKind::Tolerated => Self::Done,
                OutcomeKind::Failed | OutcomeKind::TimedOut | OutcomeKind::NotStarted => Self::Failed,
                OutcomeKind::Cancelled => Self::Cancelled,
                OutcomeKind::Unknown => Self::Unknown,
            },
        }
    }

    /// Of a deployment that was followed.
    pub fn of_deployment(deployment: &Deployment) -> Self {
        match deployment.exit_code {
            Some(0) => Self::Done,
            Some(code) => Self::Deployment(code),
            None if deployment.paused.is_some() => Self::Deployment(PAUSED),
            None => Self::Unknown,
        }
    }

    /// Of a problem that the master answered.
    pub fn of_problem(kind: ProblemKind) -> Self {
        match kind {
            ProblemKind::BadRequest
            | ProblemKind::MethodNotAllowed
            | ProblemKind::UnsupportedType
            | ProblemKind::BadRange
            | ProblemKind::TooBig
            | ProblemKind::WrongParams => Self::Usage,
            ProblemKind::NotSignedIn | ProblemKind::NotAllowed => Self::NotAllowed,
            ProblemKind::NotFound | ProblemKind::Expired => Self::NotFound,
            ProblemKind::Conflict | ProblemKind::IdempotencyMismatch => Self::Refused,
            ProblemKind::PipelineErrors => Self::Failed,
            ProblemKind::TooMany
            | ProblemKind::TooSlow
            | ProblemKind::RepositoryAway
            | ProblemKind::Starting
            | ProblemKind::DiskLow => Self::NotReachable,
            ProblemKind::Internal => Self::Bug,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_that_are_documented() {
        let documented = [
            (Exit::Done, 0),
            (Exit::Failed, 1),
            (Exit::Usage, 2),
            (Exit::NotFound, 5),
            (Exit::NotAllowed, 6),
            (Exit::NotReachable, 7),
            (Exit::Refused, 8),
            (Exit::Cancelled, 9),
            (Exit::Unknown, 11),
            (Exit::Deployment(20), 20),
            (Exit::Bug, 70),
        ];
        for (exit, code) in documented {
            assert_eq!(exit.code(), code, "{exit:?}");
        }
    }

    #[test]
    fn every_problem_has_a_code_that_is_not_success() {
        for kind in ProblemKind::ALL {
            assert_ne!(Exit::of_problem(kind), Exit::Done, "{}", kind.word());
        }
        assert_eq!(Exit::of_problem(ProblemKind::NotFound), Exit::NotFound);
        assert_eq!(Exit::of_problem(ProblemKind::Conflict), Exit::Refused);
    }
}
