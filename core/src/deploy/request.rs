//! From a `deploy` entry whose needs have ended to a release and a deployment that waits for its lane; and who may ask for one.

use super::drift::drifted;
use super::end;
use super::plan::next_deployment;
use super::state::Deployment;
use crate::answer::Refusal;
use crate::fact::{DeploymentFact, Fact};
use crate::job::Job;
use crate::model::deployment::{DeploymentKind, DeploymentOutcome};
use crate::model::{
    DeployWork, DeploymentId, Digest, LaneId, NotStarted, Outcome, ProjectName, Release, ReleaseId, ServiceName,
    ServiceSpec, UnixMs,
};
use crate::run::Run;
use crate::run::state::Artifact;
use crate::world::State;

/// Who asked, if a run did it by itself.
pub(super) const PIPELINE: &str = "pipeline";

/// The word for everybody with the right `deploy`.
const PEOPLE: &str = "people";

/// What follows for an entry that may start: its deployment, or its end.
pub(super) fn request(state: &State, at: UnixMs, run: &Run, job: &Job, work: &DeployWork) -> Vec<Fact> {
    let ended = |outcome| vec![Fact::JobEnded { run: run.id.clone(), job: job.plan.key.clone(), outcome }];
    let rejected = |why: String| ended(Outcome::NotStarted { reason: NotStarted::Rejected(why) });
    let lane = LaneId { service: work.service.clone(), environment: work.environment.clone() };
    if let Err(refusal) = allowed(state, &lane, &run.id.project, &run.branch, PIPELINE) {
        return rejected(refusal.to_string());
    }
    let Some(spec) = run.services.get(&work.service) else {
        return rejected(format!("the pipeline has no service {}", work.service));
    };
    let Some(artifact) = run.artifact(&work.artifact_of, &spec.artifact) else {
        return rejected(format!("{} stored no artifact {}", work.artifact_of, spec.artifact));
    };
    if let Some(newer) = newer_pending(state, &lane, run) {
        return ended(Outcome::Skipped { why: format!("superseded by {newer}, which is newer on {}", run.branch) });
    }
    let (made, release) = release(state, at, run, spec, artifact, &work.service);
    let id = next_deployment(state, &lane);
    let mut facts: Vec<Fact> = made.into_iter().collect();
    facts.extend(supersede_pending(state, &lane, &id));
    facts.push(Fact::Deployment(DeploymentFact::Requested {
        id,
        kind: DeploymentKind::Forward,
        release,
        run: run.id.clone(),
        entry: job.plan.key.clone(),
        by: PIPELINE.to_owned(),
        reason: String::new(),
        strategy: work.strategy.clone(),
        rules: work.rules,
        plan: None,
        takes_over: false,
        skips_self_test: false,
    }));
    facts
}

/// Ends the deployment that waits for the lane, because `by` takes its place.
pub(super) fn supersede_pending(state: &State, lane: &LaneId, by: &DeploymentId) -> Vec<Fact> {
    let pending = state.lanes.get(lane).and_then(|lane| lane.pending.as_ref()).and_then(|id| state.deployments.get(id));
    let Some(pending) = pending else { return Vec::new() };
    end::facts(state, pending, end::End::plain(DeploymentOutcome::Superseded, format!("superseded by {by}")))
}

/// The pending deployment, if it comes from a later commit of the same branch.
fn newer_pending(state: &State, lane: &LaneId, run: &Run) -> Option<DeploymentId> {
    let id = state.lanes.get(lane)?.pending.as_ref()?;
    let other = state.runs.get(&state.deployments.get(id)?.run)?;
    (other.branch == run.branch && other.commit.position > run.commit.position).then(|| id.clone())
}

/// The release of this artifact, definition and settings: the same digest is the same release.
fn release(
    state: &State,
    at: UnixMs,
    run: &Run,
    spec: &ServiceSpec,
    artifact: &Artifact,
    service: &ServiceName,
) -> (Option<Fact>, ReleaseId) {
    let digest = release_digest(&artifact.digest, spec);
    let first = ReleaseId { service: service.clone(), number: 0 };
    let last = ReleaseId { service: service.clone(), number: u64::MAX };
    let known = state.releases.range(first..=last).map(|(_, release)| release).find(|known| known.digest == digest);
    if let Some(known) = known {
        return (None, known.id.clone());
    }
    let number = state.services.get(service).map_or(1, |known| known.next_release);
    let id = ReleaseId { service: service.clone(), number };
    let release = Release {
        id: id.clone(),
        digest,
        artifact: artifact.digest,
        artifact_bytes: artifact.size,
        spec: spec.clone(),
        revision: run.commit.revision.clone(),
        position: run.commit.position,
        title: run.commit.title.clone(),
        branch: run.branch.clone(),
        run: run.id.clone(),
        created: at,
    };
    (Some(Fact::Deployment(DeploymentFact::ReleaseMade { release: Box::new(release) })), id)
}

fn release_digest(artifact: &Digest, spec: &ServiceSpec) -> Digest {
    Digest::of(&serde_json::to_vec(&(artifact, spec)).expect("a service definition is plain data"))
}

/// Who deploys here, and from where. It holds for pipelines and people; an order between releases only for pipelines.
pub(super) fn allowed(
    state: &State,
    lane: &LaneId,
    project: &ProjectName,
    branch: &str,
    by: &str,
) -> Result<(), Refusal> {
    let environment = &lane.environment;
    let unknown = || Refusal::EnvironmentUnknown(environment.to_string());
    let rails = state.config.environments.get(environment).ok_or_else(unknown)?;
    let no = |why: String| Err(Refusal::Rejected(why));
    if let Some(owner) = state.services.get(&lane.service).filter(|known| known.project != *project) {
        return no(format!("the service {} belongs to {}, not to {project}", lane.service, owner.project));
    }
    if !rails.projects.contains(project) {
        return no(format!("{environment} does not take the project {project}"));
    }
    let main = state.config.projects.get(project).is_some_and(|known| known.main_branch == branch);
    let branch_holds = if rails.branches.is_empty() { main } else { rails.branches.contains(branch) };
    if !branch_holds {
        return no(format!("{environment} does not take the branch {branch:?} of {project}"));
    }
    let named = rails.deployers.contains(by) || (by != PIPELINE && rails.deployers.contains(PEOPLE));
    if named { Ok(()) } else { no(format!("{environment} is not deployed by {by}")) }
}

/// A pipeline moves its lane forward only: never to a refused release, never to an older one, never across branches.
pub(super) fn is_forward(state: &State, deployment: &Deployment) -> Result<(), Refusal> {
    let lane = state.lanes.get(&deployment.id.lane);
    let (Some(lane), Some(release)) = (lane, state.releases.get(&deployment.release)) else { return Ok(()) };
    if deployment.by != PIPELINE {
        return Ok(());
    }
    let revision = |id: &ReleaseId| state.releases.get(id).map(|known| known.revision.clone());
    if let Some(why) = lane.refusal(release, revision) {
        return Err(Refusal::Rejected(format!("{} refuses {}: {why}", lane.id, release.name())));
    }
    if let Some((agent, why)) = drifted(state, lane).first() {
        let name = state.agents.get(agent).map_or_else(|| agent.to_string(), |agent| agent.register.name.to_string());
        let why =
            format!("{} is mixed, only a person starts anything: {name}: {why}; see `windlass converge`", lane.id);
        return Err(Refusal::Rejected(why));
    }
    let desired = lane.desired.as_ref().and_then(|id| state.releases.get(id));
    let (Some(desired), Some(run)) = (desired, state.runs.get(&deployment.run)) else { return Ok(()) };
    if desired.branch != run.branch {
        let why = format!(
            "{} runs {} of branch {:?}: there is no order between it and {:?}, so that a person must ask",
            lane.id,
            desired.name(),
            desired.branch,
            run.branch
        );
        return Err(Refusal::Rejected(why));
    }
    if run.commit.position < desired.position {
        let why = format!(
            "{} is commit {} of {}, {} is {}: older than what {} runs",
            release.name(),
            run.commit.position,
            run.branch,
            desired.name(),
            desired.position,
            lane.id
        );
        return Err(Refusal::Rejected(why));
    }
    Ok(())
}
