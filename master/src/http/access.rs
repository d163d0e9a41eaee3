//! Tokens: who am I, a new API token, a new join token.

use axum::http::StatusCode;
use windlass_core::input::JoinToken;
use windlass_core::model::{AgentName, AgentRegister, Duration, EnvironmentName, Name, ProjectName, UnixMs};
use windlass_core::{Answer as Answered, Input};
use windlass_proto::api::{self, ProblemKind};

use super::answer::{Answer, json, ok};
use super::auth::not_signed_in;
use super::call::Call;
use super::problem::{Refused, internal};
use crate::clock::wall;
use crate::identity::{JoinGrant, new_api_token};

/// Life of a join token, unless said otherwise.
const JOIN_SECS: u32 = 15 * 60;
/// The longest life of a join token.
const JOIN_SECS_MAX: u32 = 24 * 3600;
/// The longest life of an API token.
const DAYS_MAX: u32 = 365;
/// Labels of an agent.
const LABELS_MAX: usize = 64;

/// `GET /me`
pub(super) async fn me(call: Call) -> Answer {
    let caller = call.caller.as_ref().ok_or_else(not_signed_in)?;
    ok(&api::Me {
        subject: caller.subject.clone(),
        grants: vec!["admin".to_owned()],
        token: caller.token.clone(),
        expires: caller.expires.into(),
        master: call.api.config.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        now: wall().into(),
    })
}

/// `POST /tokens`
pub(super) async fn token(call: Call) -> Answer {
    let asked: api::TokenRequest = call.json()?;
    if Name::new(&asked.subject).is_err() {
        return Err(Refused::member(ProblemKind::WrongParams, "/subject", "it is not a name, as `anna` or `ci-shop`"));
    }
    if !(1..=DAYS_MAX).contains(&asked.days) {
        return Err(Refused::member(ProblemKind::WrongParams, "/days", "a token is good for 1 to 365 days"));
    }
    let expires = in_secs(asked.days * 24 * 3600);
    let (token, kept) = new_api_token(&asked.subject, expires).map_err(|error| internal(&error))?;
    let id = kept.id.clone();
    tracing::info!(token = %id, subject = %asked.subject, by = %call.subject(), "an API token was made");
    submit(&call, Input::MakeToken(kept)).await?;
    json(StatusCode::CREATED, &api::TokenAnswer { id, token, subject: asked.subject, expires: expires.into() })
}

/// `POST /join-tokens`
pub(super) async fn join_token(call: Call) -> Answer {
    let asked: api::JoinTokenRequest = call.json()?;
    let secs = asked.expires_in_secs.unwrap_or(JOIN_SECS);
    if !(1..=JOIN_SECS_MAX).contains(&secs) {
        return Err(Refused::member(ProblemKind::WrongParams, "/expires_in_secs", "1 to 86400"));
    }
    let register = register(&call, asked)?;
    let grant = JoinGrant { register, expires: in_secs(secs), by: call.subject().to_owned() };
    let (token, kept) = call.api.enroller.identity().join_token(grant).map_err(|error| internal(&error))?;
    let JoinToken { id, expires, .. } = kept.clone();
    tracing::info!(token = %id, agent = %kept.register.name, by = %call.subject(), "a join token was made");
    submit(&call, Input::MakeJoinToken(kept)).await?;
    json(StatusCode::CREATED, &api::JoinTokenAnswer { id, token, expires: expires.into() })
}

async fn submit(call: &Call, input: Input) -> Result<(), Refused> {
    if let Answered::Refused(refusal) = call.api.inbox.submit(input).await? { Err(refusal.into()) } else { Ok(()) }
}

fn in_secs(secs: u32) -> UnixMs {
    wall().after(Duration::from_secs(u64::from(secs)))
}

/// What the token fixes; only what operators know can be named.
fn register(call: &Call, asked: api::JoinTokenRequest) -> Result<AgentRegister, Refused> {
    let wrong = |pointer: &str, detail: String| Refused::member(ProblemKind::WrongParams, pointer, detail);
    let config = call.api.published.state().config.clone();
    let name = AgentName::new(&asked.name).map_err(|error| wrong("/name", error.to_string()))?;
    let visible = |value: &str| !value.is_empty() && value.len() <= 255 && value.bytes().all(|b| b.is_ascii_graphic());
    let bad = asked.labels.iter().find(|(key, value)| Name::new(key).is_err() || !visible(value));
    if let Some((key, _)) = bad {
        return Err(wrong("/labels", format!("{key:?} or its value is not a label")));
    }
    if asked.labels.len() > LABELS_MAX {
        return Err(wrong("/labels", "at most 64".to_owned()));
    }
    let project = |text: &String| {
        let known = ProjectName::new(text).ok().filter(|name| config.projects.contains_key(name));
        known.ok_or_else(|| wrong("/projects", format!("there is no project {text:?}")))
    };
    let environment = |text: &String| {
        let known = EnvironmentName::new(text).ok().filter(|name| config.environments.contains_key(name));
        known.ok_or_else(|| wrong("/environments", format!("there is no environment {text:?}")))
    };
    Ok(AgentRegister {
        name,
        projects: asked.projects.iter().map(project).collect::<Result<_, _>>()?,
        environments: asked.environments.iter().map(environment).collect::<Result<_, _>>()?,
        labels: asked.labels,
        jobs: asked.jobs,
    })
}
