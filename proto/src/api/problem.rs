//! What the API answers when it cannot do what was asked: problem details (RFC 9457).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Problem details, `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A path on this master: `/problems/not-found`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same for every problem of the type.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong this time, naming the object.
    pub detail: String,
    /// The path that was asked for.
    pub instance: String,
    /// The last part of the type: `not-found`.
    pub code: ProblemKind,
    /// Names this request in the master's own log.
    pub request_id: String,
    /// The way out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What is wrong in particular members.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Of `pipeline-errors`: what is wrong with the pipeline file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<super::PipelineProblem>)]
    pub problems: Vec<windlass_core::model::Problem>,
}

/// What is wrong with one member of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer, or the name of a query parameter.
    pub pointer: String,
    /// What is wrong.
    pub detail: String,
}

/// The closed list of problem types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// 400: the request is not well formed.
    BadRequest,
    /// 401: no token, or none that is good.
    NotSignedIn,
    /// 403: the token does not allow it.
    NotAllowed,
    /// 404: there is no such thing, or it may not be seen.
    NotFound,
    /// 405: the path does not know this method.
    MethodNotAllowed,
    /// 408: the request took too long.
    TooSlow,
    /// 409: not in the present state.
    Conflict,
    /// 409: the idempotency key was used for another request.
    IdempotencyMismatch,
    /// 410: it was there once.
    Expired,
    /// 413: larger than the limit.
    TooBig,
    /// 415: not the content type that is understood.
    UnsupportedType,
    /// 416: the range lies outside.
    BadRange,
    /// 422: members do not fit what is there.
    WrongParams,
    /// 422: the pipeline file has errors.
    PipelineErrors,
    /// 429: too many requests.
    TooMany,
    /// 500: our fault.
    Internal,
    /// 502: the repository does not answer.
    RepositoryAway,
    /// 503: the master is starting or stopping.
    Starting,
    /// 503: the master's disk is full.
    DiskLow,
}

impl ProblemKind {
    /// Every kind, in the order of their status.
    pub const ALL: [Self; 19] = [
        Self::BadRequest,
        Self::NotSignedIn,
        Self::NotAllowed,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::TooSlow,
        Self::Conflict,
        Self::IdempotencyMismatch,
        Self::Expired,
        Self::TooBig,
        Self::UnsupportedType,
        Self::BadRange,
        Self::WrongParams,
        Self::PipelineErrors,
        Self::TooMany,
        Self::Internal,
        Self::RepositoryAway,
        Self::Starting,
        Self::DiskLow,
    ];

    /// The last part of the type.
    pub fn word(self) -> &'static str {
        self.parts().0
    }

    /// The HTTP status.
    pub fn status(self) -> u16 {
        self.parts().1
    }

    /// The sentence that is the same for all of the type.
    pub fn title(self) -> &'static str {
        self.parts().2
    }

    fn parts(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::BadRequest => ("bad-request", 400, "The request is not well formed"),
            Self::NotSignedIn => ("not-signed-in", 401, "No valid token"),
            Self::NotAllowed => ("not-allowed", 403, "The token does not allow it"),
            Self::NotFound => ("not-found", 404, "There is no such thing"),
            Self::MethodNotAllowed => ("method-not-allowed", 405, "The path does not know this method"),
            Self::TooSlow => ("too-slow", 408, "The request took too long"),
            Self::Conflict => ("conflict", 409, "Not possible in the present state"),
            Self::IdempotencyMismatch => ("idempotency-mismatch", 409, "The key was used for another request"),
            Self::Expired => ("expired", 410, "It is kept no longer"),
            Self::TooBig => ("too-big", 413, "Larger than the limit"),
            Self::UnsupportedType => ("unsupported-type", 415, "The content type is not understood"),
            Self::BadRange => ("bad-range", 416, "The range lies outside"),
            Self::WrongParams => ("wrong-params", 422, "Members of the request do not fit"),
            Self::PipelineErrors => ("pipeline-errors", 422, "The pipeline file has errors"),
            Self::TooMany => ("too-many", 429, "Too many requests"),
            Self::Internal => ("internal", 500, "The master failed"),
            Self::RepositoryAway => ("repository-away", 502, "The repository does not answer"),
            Self::Starting => ("starting", 503, "The master is starting or stopping"),
            Self::DiskLow => ("disk-low", 503, "The master's disk is full"),
        }
    }
}
