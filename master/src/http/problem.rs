//! Why a request is not answered with a success. The one place where refusals become HTTP.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use windlass_core::Refusal;
use windlass_core::input::ReadError;
use windlass_core::model::Problem as PipelineProblem;
use windlass_proto::api::{FieldError, Problem, ProblemKind};

use crate::inbox::Stopped;

/// A refusal on its way to becoming problem details.
#[derive(Debug, Clone)]
pub(super) struct Refused {
    pub(super) kind: ProblemKind,
    pub(super) detail: String,
    pub(super) hint: Option<String>,
    pub(super) errors: Vec<FieldError>,
    pub(super) problems: Vec<PipelineProblem>,
}

impl Refused {
    pub(super) fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), hint: None, errors: Vec::new(), problems: Vec::new() }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// 404 in words that are the same whether a thing is missing or may not be seen.
    pub(super) fn not_found(what: impl std::fmt::Display) -> Self {
        Self::new(ProblemKind::NotFound, format!("there is no {what}"))
    }

    /// A member or parameter that is wrong.
    pub(super) fn member(kind: ProblemKind, pointer: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let errors = vec![FieldError { pointer: pointer.to_owned(), detail: detail.clone() }];
        Self { errors, ..Self::new(kind, format!("{pointer}: {detail}")) }
    }

    /// Problem details, naming the path that was asked for and the request.
    pub(super) fn into_response(self, instance: &str, request_id: &str) -> Response<Body> {
        let problem = Problem {
            kind: format!("/problems/{}", self.kind.word()),
            title: self.kind.title().to_owned(),
            status: self.kind.status(),
            detail: self.detail,
            instance: instance.chars().take(256).collect(),
            code: self.kind,
            request_id: request_id.to_owned(),
            hint: self.hint,
            errors: self.errors,
            problems: self.problems,
        };
        let body = serde_json::to_vec(&problem).expect("problem details are plain data");
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = StatusCode::from_u16(self.kind.status()).expect("every kind has a status");
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.kind == ProblemKind::NotSignedIn {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if matches!(self.kind, ProblemKind::Starting | ProblemKind::TooMany | ProblemKind::DiskLow) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        let kind = match &refusal {
            Refusal::ProjectUnknown(_)
            | Refusal::RunUnknown(_)
            | Refusal::JobUnknown(..)
            | Refusal::EnvironmentUnknown(_)
            | Refusal::NoRelease(_)
            | Refusal::ReleaseUnknown(_)
            | Refusal::DeploymentUnknown(_)
            | Refusal::SecretUnknown(_)
            | Refusal::JoinTokenUnknown(_)
            | Refusal::AgentUnknown
            | Refusal::AgentRemoved => ProblemKind::NotFound,
            Refusal::Problems(_) => ProblemKind::PipelineErrors,
            Refusal::NoPipeline(_) => ProblemKind::WrongParams,
            Refusal::KeyMismatch(_) => ProblemKind::IdempotencyMismatch,
            Refusal::NoSpace => ProblemKind::DiskLow,
            Refusal::TooBig { .. } => ProblemKind::TooBig,
            Refusal::NothingToSettle(_)
            | Refusal::RunEnded(_)
            | Refusal::JoinTokenUsed(_)
            | Refusal::JoinTokenExpired(_)
            | Refusal::AgentNameTaken(_)
            | Refusal::Protocol(_)
            | Refusal::StaleMaster { .. }
            | Refusal::Quarantined(_)
            | Refusal::HelloLate
            | Refusal::SessionOver
            | Refusal::Hole { .. }
            | Refusal::NotYours(_)
            | Refusal::PlanChanged { .. }
            | Refusal::DeploymentEnded(_)
            | Refusal::SecretRaced(_)
            | Refusal::Rejected(_) => ProblemKind::Conflict,
        };
        let changed = matches!(refusal, Refusal::PlanChanged { .. });
        let hint = changed.then(|| "look at the plan again, and ask with its digest".to_owned());
        let problems = if let Refusal::Problems(problems) = refusal { problems } else { Vec::new() };
        Self { hint, problems, ..Self::new(kind, detail) }
    }
}

impl From<Stopped> for Refused {
    fn from(stopped: Stopped) -> Self {
        Self::new(ProblemKind::Starting, stopped.to_string())
    }
}

impl From<ReadError> for Refused {
    fn from(error: ReadError) -> Self {
        let kind = match &error {
            ReadError::RevisionGone(_) => ProblemKind::WrongParams,
            ReadError::RepositoryAway(_) => ProblemKind::RepositoryAway,
            ReadError::TooBig(_) => ProblemKind::TooBig,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<crate::history::Error> for Refused {
    fn from(error: crate::history::Error) -> Self {
        use crate::history::Error;
        match &error {
            Error::Rebuilding { .. } | Error::Behind { .. } | Error::Away(_) | Error::Closed => {
                Self::new(ProblemKind::Starting, error.to_string())
            }
            Error::Full => Self::new(ProblemKind::DiskLow, error.to_string()),
            Error::Store(_) | Error::Journal(_) | Error::JournalCut { .. } => internal(&error),
        }
    }
}

impl From<crate::logs::Error> for Refused {
    fn from(error: crate::logs::Error) -> Self {
        use crate::logs::Error;
        match &error {
            Error::Stopped => Self::new(ProblemKind::Starting, error.to_string()),
            Error::NotOpen(_) | Error::Log(_) | Error::Thread(_) => internal(&error),
        }
    }
}

impl From<crate::blobs::Error> for Refused {
    fn from(error: crate::blobs::Error) -> Self {
        internal(&error)
    }
}

/// Our own log says what happened; the answer gives no inner path away.
pub(super) fn internal(error: &(dyn std::error::Error + 'static)) -> Refused {
    tracing::error!(error, "a request failed");
    Refused::new(ProblemKind::Internal, "the master's own log says more, by the id of this request")
}
