//! Projects, and what was delivered to them.

use axum::http::StatusCode;
use windlass_core::model::ProjectName;
use windlass_core::{Answer as Answered, Input};
use windlass_proto::api::{self, Page};

use super::answer::{Answer, empty, ok};
use super::call::Call;
use super::lanes::demanded;
use super::problem::Refused;
use super::shape;

/// `GET /projects`
pub(super) async fn list(call: Call) -> Answer {
    let state = call.api.published.state();
    let watched = &call.api.config.watched;
    let projects = state.config.projects.iter();
    let items = projects.map(|(name, project)| shape::project(&state, name, project, watched.get(name))).collect();
    ok(&Page { items, next: None })
}

/// `GET /projects/{project}`
pub(super) async fn get(call: Call) -> Answer {
    let name: ProjectName = call.param("project")?;
    let state = call.api.published.state();
    let project = state.config.projects.get(&name);
    let project = project.ok_or_else(|| Refused::not_found(format_args!("project {name}")))?;
    ok(&shape::project(&state, &name, project, call.api.config.watched.get(&name)))
}

/// `POST /projects/{project}/start`: after a restore, jobs of it are placed again.
pub(super) async fn start(call: Call) -> Answer {
    let project: ProjectName = call.param("project")?;
    let asked: api::ReasonRequest = call.json()?;
    let input = Input::StartProject { project, by: call.subject().to_owned(), reason: demanded(&asked.reason)? };
    if call.earlier().is_none()
        && let Answered::Refused(refusal) = call.submit(input).await?
    {
        return Err(refusal.into());
    }
    empty(StatusCode::ACCEPTED)
}

/// `GET /projects/{project}/deliveries`: newest first, as many as a page holds.
pub(super) async fn deliveries(call: Call) -> Answer {
    let name: ProjectName = call.param("project")?;
    let limit = call.limit()?;
    let state = call.api.published.state();
    if !state.config.projects.contains_key(&name) {
        return Err(Refused::not_found(format_args!("project {name}")));
    }
    let of_project = state.deliveries.values().filter(|known| known.delivery.project == name);
    let mut known: Vec<_> = of_project.collect();
    known.sort_by_key(|known| std::cmp::Reverse(known.taken));
    ok(&Page { items: known.into_iter().take(limit).map(shape::delivery).collect(), next: None })
}
