//! Projects and deliveries.

use windlass_core::State;
use windlass_core::model::{Project, ProjectName, RunId};
use windlass_core::world::{DeliveryResult, DeliveryState};
use windlass_proto::api;

use crate::config::Watched;

/// A project that is configured.
pub(in crate::http) fn project(
    state: &State,
    name: &ProjectName,
    project: &Project,
    watched: Option<&Watched>,
) -> api::Project {
    let stopped = state.projects.get(name).and_then(|known| known.stopped);
    let next = state.projects.get(name).map_or(1, |known| known.next_run);
    let last = next.checked_sub(1).filter(|number| *number > 0);
    api::Project {
        name: name.to_string(),
        git: project.git.clone(),
        file: project.file.clone(),
        main_branch: project.main_branch.clone(),
        hook: watched.is_some_and(|watched| watched.hook.is_some()),
        poll_ms: watched.and_then(|watched| watched.poll).map(|poll| poll.ms()),
        stopped: stopped.map(Into::into),
        last_run: last.map(|number| RunId { project: name.clone(), number }.in_path()),
    }
}

/// A delivery and what became of it. What makes its key unique per hook is ours and not shown.
pub(in crate::http) fn delivery(known: &DeliveryState) -> api::Delivery {
    let (state, run, nothing) = match &known.result {
        DeliveryResult::Reading => (api::DeliveryState::Reading, None, None),
        DeliveryResult::Run(run) => (api::DeliveryState::Run, Some(run.in_path()), None),
        DeliveryResult::Nothing(why) => (api::DeliveryState::Nothing, None, Some(why.clone())),
    };
    let delivery = &known.delivery;
    let hook = format!("hook:{}:", delivery.project);
    api::Delivery {
        id: delivery.key.strip_prefix(&hook).unwrap_or(&delivery.key).to_owned(),
        project: delivery.project.to_string(),
        reference: delivery.reference.clone(),
        revision: delivery.revision.to_string(),
        before: delivery.before.as_ref().map(ToString::to_string),
        actor: delivery.actor.clone(),
        taken: known.taken.into(),
        state,
        run,
        nothing,
    }
}
