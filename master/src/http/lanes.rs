//! Lanes: what stands on them, the plan of the next deployment, and the verbs `deploy` and `rollback`.

use std::sync::Arc;

use axum::http::StatusCode;
use windlass_core::input::{LaneVerb, Manner};
use windlass_core::model::{AgentName, Digest, EnvironmentName, LaneId, Release, ReleaseId, ServiceName};
use windlass_core::{Answer as Answered, Input, State, deploy};
use windlass_proto::api::{self, Page, ProblemKind};

use super::answer::{Answer, json, ok};
use super::call::{Call, cut};
use super::problem::Refused;
use super::runs::reason_of;
use super::shape;

/// The fewest digits of a plan's digest that name it.
const PLAN_DIGITS_MIN: usize = 4;

/// `GET /lanes`
pub(super) async fn list(call: Call) -> Answer {
    let state = call.api.published.state();
    ok(&Page { items: state.lanes.values().map(|lane| shape::lane(&state, lane)).collect(), next: None })
}

/// `GET /lanes/{service}/{environment}`
pub(super) async fn get(call: Call) -> Answer {
    let id = lane_of(&call)?;
    let state = call.api.published.state();
    let lane = state.lanes.get(&id).ok_or_else(|| Refused::not_found(format_args!("lane {id} yet")))?;
    ok(&shape::lane(&state, lane))
}

/// `GET /lanes/{service}/{environment}/plan`: what `deploy` would do now.
pub(super) async fn plan(call: Call) -> Answer {
    let lane = lane_of(&call)?;
    let asked: Option<ReleaseId> =
        call.text("release").map(|word| release_id(&lane.service, word, "release")).transpose()?;
    let state = call.api.published.state();
    let release = release_of(&state, &lane, asked.as_ref())?;
    ok(&shape::plan(&lane, &deploy::plan(&state, &lane, &release)?))
}

/// `POST /lanes/{service}/{environment}/deploy`
pub(super) async fn deploy(call: Call) -> Answer {
    let lane = lane_of(&call)?;
    let asked: api::DeployRequest = call.json()?;
    let release = asked.release.map(|word| release_id(&lane.service, &word, "/release")).transpose()?;
    if let Some(answered) = call.earlier() {
        return started(answered.clone());
    }
    let state = call.api.published.state();
    let plan = asked.plan.map(|digits| whole_digest(&state, &lane, release.as_ref(), &digits)).transpose()?;
    let needs_reason = asked.take_over || asked.skip_self_test;
    let reason = if needs_reason { demanded(&asked.reason)? } else { reason_of(&asked.reason)? };
    let manner =
        Manner { take_over: asked.take_over, downgrade: asked.downgrade, skip_self_test: asked.skip_self_test };
    let input = Input::Deploy { lane, release, plan, manner, by: call.subject().to_owned(), reason };
    started(call.submit(input).await?)
}

/// `POST /lanes/{service}/{environment}/rollback`
pub(super) async fn rollback(call: Call) -> Answer {
    let lane = lane_of(&call)?;
    let asked: api::RollbackRequest = call.json()?;
    let to = asked.to.map(|word| release_id(&lane.service, &word, "/to")).transpose()?;
    let reason = demanded(&asked.reason)?;
    if let Some(answered) = call.earlier() {
        return started(answered.clone());
    }
    let input = Input::Rollback { lane, to, by: call.subject().to_owned(), reason };
    started(call.submit(input).await?)
}

/// `POST /lanes/{service}/{environment}/lock`
pub(super) async fn lock(call: Call) -> Answer {
    let asked: api::ReasonRequest = call.json()?;
    act(call, LaneVerb::Lock, &asked.reason).await
}

/// `POST /lanes/{service}/{environment}/unlock`
pub(super) async fn unlock(call: Call) -> Answer {
    let asked: api::ReasonRequest = call.json()?;
    act(call, LaneVerb::Unlock, &asked.reason).await
}

/// `POST /lanes/{service}/{environment}/allow`
pub(super) async fn allow(call: Call) -> Answer {
    let asked: api::AllowRequest = call.json()?;
    let release = release_id(&lane_of(&call)?.service, &asked.release, "/release")?;
    act(call, LaneVerb::Allow(release), &asked.reason).await
}

/// `POST /lanes/{service}/{environment}/converge`
pub(super) async fn converge(call: Call) -> Answer {
    let asked: api::ConvergeRequest = call.json()?;
    let target = asked.target.as_deref().map(target_name).transpose()?;
    act(call, LaneVerb::Converge(target), &asked.reason).await
}

/// `POST /lanes/{service}/{environment}/forget`
pub(super) async fn forget(call: Call) -> Answer {
    let asked: api::ForgetRequest = call.json()?;
    let target = target_name(&asked.target)?;
    act(call, LaneVerb::Forget(target), &asked.reason).await
}

fn target_name(name: &str) -> Result<AgentName, Refused> {
    let wrong = || format!("{:?} is not the name of a target", cut(name));
    AgentName::new(name).map_err(|_| Refused::member(ProblemKind::WrongParams, "/target", wrong()))
}

/// `POST /lanes/{service}/{environment}/adopt`
pub(super) async fn adopt(call: Call) -> Answer {
    let asked: api::ReasonRequest = call.json()?;
    act(call, LaneVerb::Adopt, &asked.reason).await
}

/// Answers with the lane as it is then.
async fn act(call: Call, verb: LaneVerb, reason: &str) -> Answer {
    let lane = lane_of(&call)?;
    let input = Input::Lane { lane, verb, by: call.subject().to_owned(), reason: demanded(reason)? };
    if call.earlier().is_none()
        && let Answered::Refused(refusal) = call.submit(input).await?
    {
        return Err(refusal.into());
    }
    get(call).await
}

fn started(answered: Answered) -> Answer {
    match answered {
        Answered::Deployment { deployment, run } => {
            let started = api::DeploymentStarted { deployment: deployment.in_path(), run: run.in_path() };
            json(StatusCode::ACCEPTED, &started)
        }
        Answered::Refused(refusal) => Err(refusal.into()),
        other => unreachable!("a verb of a lane is answered by a deployment or a refusal, not by {other:?}"),
    }
}

pub(super) fn lane_of(call: &Call) -> Result<LaneId, Refused> {
    let service: ServiceName = call.param("service")?;
    let environment: EnvironmentName = call.param("environment")?;
    let lane = LaneId { service, environment };
    let state = call.api.published.state();
    if state.config.environments.contains_key(&lane.environment) || state.lanes.contains_key(&lane) {
        return Ok(lane);
    }
    Err(Refused::not_found(format_args!("environment {}", lane.environment)))
}

/// `r18`, `18` or `shop r18`.
pub(super) fn release_id(service: &ServiceName, word: &str, pointer: &str) -> Result<ReleaseId, Refused> {
    let whole =
        if word.contains(' ') { word.to_owned() } else { format!("{service} r{}", word.trim_start_matches('r')) };
    let id: Option<ReleaseId> = whole.parse().ok().filter(|id: &ReleaseId| id.service == *service);
    let wrong = || format!("{:?} is not a release of {service}, as `r18`", cut(word));
    id.ok_or_else(|| Refused::member(ProblemKind::WrongParams, pointer, wrong()))
}

/// The release that is asked for, else the newest of the service.
fn release_of(state: &State, lane: &LaneId, asked: Option<&ReleaseId>) -> Result<Arc<Release>, Refused> {
    let found = match asked {
        Some(id) => state.releases.get(id),
        None => {
            let of_service = state.releases.values().filter(|release| release.id.service == lane.service);
            of_service.max_by_key(|release| release.id.number)
        }
    };
    found.cloned().ok_or_else(|| match asked {
        Some(id) => Refused::not_found(format_args!("release {id}")),
        None => Refused::not_found(format_args!("release of {} yet", lane.service)),
    })
}

/// The digest that these first digits name, if they are those of the plan as it is now. A whole digest is the engine's to compare.
fn whole_digest(state: &State, lane: &LaneId, release: Option<&ReleaseId>, digits: &str) -> Result<Digest, Refused> {
    if let Ok(whole) = digits.parse() {
        return Ok(whole);
    }
    let now = deploy::plan(state, lane, &*release_of(state, lane, release)?)?.digest();
    plan_named(digits, Some(now))
}

/// The digest that these digits name: all of it, or the beginning of the present one; without a present one they name nothing.
pub(super) fn plan_named(digits: &str, now: Option<Digest>) -> Result<Digest, Refused> {
    if let Ok(whole) = digits.parse() {
        return Ok(whole);
    }
    let hex = digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if !hex || digits.len() < PLAN_DIGITS_MIN {
        return Err(Refused::member(
            ProblemKind::WrongParams,
            "/plan",
            "it is not the digest of a plan, or its beginning",
        ));
    }
    match now {
        Some(now) if now.to_string().starts_with(digits) => Ok(now),
        Some(now) => Err(windlass_core::Refusal::PlanChanged { now }.into()),
        // The engine says why there is none.
        None => Ok(Digest::of(digits.as_bytes())),
    }
}

/// A reason that must be given.
pub(super) fn demanded(reason: &str) -> Result<String, Refused> {
    if reason.trim().is_empty() {
        return Err(Refused::member(ProblemKind::WrongParams, "/reason", "say why"));
    }
    reason_of(reason)
}
