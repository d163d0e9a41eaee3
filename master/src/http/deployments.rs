//! Deployments: lists, one of them, and its abort.

use std::sync::Arc;

use axum::http::StatusCode;
use windlass_core::deploy::Deployment;
use windlass_core::input::DeploymentVerb;
use windlass_core::model::deployment::DeploymentPlan;
use windlass_core::model::{DeploymentId, LaneId};
use windlass_core::{Answer as Answered, Input};
use windlass_proto::api::{self, Page};

use super::answer::{Answer, empty, ok};
use super::api::Api;
use super::call::Call;
use super::lanes::{demanded, plan_named, release_id};
use super::problem::Refused;
use super::shape;

async fn find(api: &Api, id: &DeploymentId) -> Result<Arc<Deployment>, Refused> {
    if let Some(deployment) = api.published.state().deployments.get(id) {
        return Ok(Arc::clone(deployment));
    }
    let over = api.history.deployment(id.clone()).await?;
    over.map(Arc::new).ok_or_else(|| Refused::not_found(format_args!("deployment {id}")))
}

/// `GET /deployments`: newest first, as many as a page holds.
pub(super) async fn list(call: Call) -> Answer {
    let lane: Option<LaneId> = call.value("lane", "a lane, as `shop/production`")?;
    let limit = call.limit()?;
    let state = call.api.published.state();
    let lanes: Vec<LaneId> = match lane {
        Some(lane) => vec![lane],
        None => state.lanes.keys().cloned().collect(),
    };
    let mut found: Vec<Deployment> = Vec::new();
    for lane in lanes {
        let live = state.deployments.values().filter(|deployment| deployment.id.lane == lane);
        let live: Vec<Deployment> = live.map(|deployment| Deployment::clone(deployment)).collect();
        let over = call.api.history.deployments(lane, limit).await?;
        let over = over.into_iter().filter(|over| live.iter().all(|live| live.id != over.id));
        found.extend(over.collect::<Vec<_>>());
        found.extend(live);
    }
    found.sort_by(|a, b| (b.requested, &b.id).cmp(&(a.requested, &a.id)));
    found.truncate(limit);
    ok(&Page { items: found.iter().map(|one| shape::deployment(&state, one)).collect(), next: None })
}

/// `GET /deployments/{deployment}`; with `wait` it answers when the deployment changes.
pub(super) async fn get(call: Call) -> Answer {
    let id: DeploymentId = call.param("deployment")?;
    let mut deployment = find(&call.api, &id).await?;
    if let Some(wait) = call.wait()? {
        // Whatever ends the wait, the deployment is read anew.
        let _ = tokio::time::timeout(wait, changed(&call.api, &deployment)).await;
        deployment = find(&call.api, &id).await?;
    }
    ok(&shape::deployment(&call.api.published.state(), &deployment))
}

/// Until the deployment is not what it was, or the master stops. One that is over changes no more.
async fn changed(api: &Api, was: &Arc<Deployment>) {
    let mut lsn = api.published.lsn();
    loop {
        match api.published.state().deployments.get(&was.id) {
            Some(now) if Arc::ptr_eq(now, was) && now.ended.is_none() => {}
            Some(_) | None => return,
        }
        let news = api.tasks.shutdown.run_until_cancelled(api.published.changed(lsn)).await;
        let Some(news) = news else { return };
        lsn = news;
    }
}

/// `POST /deployments/{deployment}/abort`: what was touched takes its way back, or stays where it is.
pub(super) async fn abort(call: Call) -> Answer {
    let deployment: DeploymentId = call.param("deployment")?;
    let asked: api::AbortRequest = call.json()?;
    let reason = demanded(&asked.reason)?;
    let hold = asked.hold.map(|word| release_id(&deployment.lane.service, &word, "/hold")).transpose()?;
    submit(&call, deployment, DeploymentVerb::Abort(hold), reason).await?;
    empty(StatusCode::ACCEPTED)
}

/// `POST /deployments/{deployment}/pause`: what is in flight reaches its end.
pub(super) async fn pause(call: Call) -> Answer {
    act(&call, DeploymentVerb::Pause).await?;
    get(call).await
}

/// `POST /deployments/{deployment}/resume`
pub(super) async fn resume(call: Call) -> Answer {
    act(&call, DeploymentVerb::Resume).await?;
    get(call).await
}

/// `POST /deployments/{deployment}/approve`: exactly the plan that the digits name.
pub(super) async fn approve(call: Call) -> Answer {
    let id: DeploymentId = call.param("deployment")?;
    let asked: api::ApproveRequest = call.json()?;
    let state = call.api.published.state();
    let proposed = state.deployments.get(&id).and_then(|found| found.proposed.as_ref()).map(DeploymentPlan::digest);
    let plan = plan_named(&asked.plan, proposed)?;
    submit(&call, id, DeploymentVerb::Approve(plan), String::new()).await?;
    get(call).await
}

async fn act(call: &Call, verb: DeploymentVerb) -> Result<(), Refused> {
    let deployment: DeploymentId = call.param("deployment")?;
    let asked: api::ReasonRequest = call.json()?;
    let reason = demanded(&asked.reason)?;
    submit(call, deployment, verb, reason).await
}

async fn submit(call: &Call, deployment: DeploymentId, verb: DeploymentVerb, reason: String) -> Result<(), Refused> {
    let by = call.subject().to_owned();
    if call.earlier().is_some() {
        return Ok(());
    }
    match call.submit(Input::Deployment { deployment, verb, by, reason }).await? {
        Answered::Refused(refusal) => Err(refusal.into()),
        _ => Ok(()),
    }
}
