//! Secrets of a project: set, listed by name, deleted. No route gives a value.

use axum::http::StatusCode;
use bytes::Bytes;
use windlass_core::input::SetSecret;
use windlass_core::model::{InvalidSecret, ProjectName, Secret};
use windlass_core::secret::{Grant, SecretId, next_number};
use windlass_core::{Answer as Answered, Input};
use windlass_proto::api::{self, Page, ProblemKind};
use zeroize::Zeroize;

use super::answer::{Answer, empty, json, ok};
use super::call::Call;
use super::limits::REASON_BYTES;
use super::problem::{Refused, internal};
use super::room;
use crate::secrets::Error;

/// `GET /projects/{project}/secrets`: by name.
pub(super) async fn list(call: Call) -> Answer {
    let project: ProjectName = call.param("project")?;
    let state = call.api.published.state();
    if !state.config.projects.contains_key(&project) {
        return Err(Refused::not_found(format_args!("project {project}")));
    }
    let of_project = state.secrets.iter().filter(|(id, known)| id.project == project && !known.is_deleted);
    let items = of_project.map(|(id, known)| api::Secret {
        name: id.name.to_string(),
        environment: id.environment.as_ref().map(ToString::to_string),
        number: known.number,
        unprotected: known.unprotected,
        set: known.set.into(),
        by: known.by.clone(),
        delivered: known.delivered.map(Into::into),
    });
    ok(&Page { items: items.collect(), next: None })
}

/// `PUT /projects/{project}/secrets/{name}`: the body is the value.
pub(super) async fn set(mut call: Call) -> Answer {
    let value = value(std::mem::take(&mut call.body))?;
    let secret = id(&call)?;
    let unprotected = call.flag("unprotected")?;
    room::demand(&call.api)?;
    if !call.api.published.state().config.projects.contains_key(&secret.project) {
        return Err(Refused::not_found(format_args!("project {}", secret.project)));
    }
    let bytes = u32::try_from(value.expose().len()).expect("a value has at most 64 KiB");
    let _alone = call.api.secrets.alone().await;
    let number = next_number(&call.api.published.state(), &secret);
    let grant = Grant { secret: secret.clone(), number };
    let sealed = call.api.secrets.seal(grant, value).await.map_err(|error| not_sealed(&call, &error))?;
    let by = call.subject().to_owned();
    tracing::info!(%secret, number, %by, "a secret is set");
    submit(&call, Input::SetSecret(SetSecret { secret, number, unprotected, bytes, sealed, by })).await?;
    json(StatusCode::CREATED, &api::SecretSet { number })
}

/// `DELETE /projects/{project}/secrets/{name}`
pub(super) async fn delete(call: Call) -> Answer {
    let secret = id(&call)?;
    let reason = call.text("reason").unwrap_or_default().to_owned();
    if reason.is_empty() || reason.len() > REASON_BYTES {
        return Err(Refused::member(ProblemKind::BadRequest, "reason", "say why, in at most 1024 bytes"));
    }
    let _alone = call.api.secrets.alone().await;
    let last = next_number(&call.api.published.state(), &secret) - 1;
    let by = call.subject().to_owned();
    tracing::info!(%secret, %by, "a secret is deleted");
    submit(&call, Input::DeleteSecret { secret: secret.clone(), by, reason }).await?;
    call.api.secrets.erase(secret, last).await.map_err(|error| internal(&error))?;
    empty(StatusCode::NO_CONTENT)
}

fn id(call: &Call) -> Result<SecretId, Refused> {
    let environment = call.value("environment", "the name of an environment")?;
    let name = call.text_param("name").parse();
    let name = name.map_err(|_| {
        let rule = "1 to 63 of A-Z, 0-9 and `_`, beginning with a letter, and not with WINDLASS_";
        Refused::member(ProblemKind::WrongParams, "name", rule)
    })?;
    Ok(SecretId { project: call.param("project")?, environment, name })
}

/// Takes the body over; what is left of it is overwritten where it is ours alone.
fn value(body: Bytes) -> Result<Secret, Refused> {
    let value = Secret::new(body.to_vec());
    if let Ok(mut body) = body.try_into_mut() {
        body.as_mut().zeroize();
    }
    value.map_err(|error| match error {
        InvalidSecret::TooShort(_) => Refused::new(ProblemKind::WrongParams, error.to_string()),
        InvalidSecret::TooLong(_) => Refused::new(ProblemKind::TooBig, error.to_string()),
    })
}

fn not_sealed(call: &Call, error: &Error) -> Refused {
    match error {
        Error::NoKey => {
            let path = call.api.config.secret_key.display();
            let hint = format!(
                "on the master's host: head -c 32 /dev/urandom > {path}; chmod 600 {path}; then start it again"
            );
            Refused::new(ProblemKind::Conflict, error.to_string()).hint(hint)
        }
        Error::Disk(_) | Error::NotOurs(_) | Error::System(_) => internal(error),
    }
}

async fn submit(call: &Call, input: Input) -> Result<(), Refused> {
    if let Answered::Refused(refusal) = call.api.inbox.submit(input).await? { Err(refusal.into()) } else { Ok(()) }
}
