//! The ordinary jobs that a deployment makes, each for one target.
//!
//! | job | steps | attempts |
//! |---|---|---|
//! | `ENTRY/prepare@TARGET` | `prepare` | again if nothing is proven: it touches nothing that serves |
//! | `ENTRY/change@TARGET` of a catch-up | `drain`, `prepare`, then the same | started once |
//! | `ENTRY/change@TARGET` | `switch`, `check`, `commit`; `way_back`, always | started once |
//! | `ENTRY/revert@TARGET`, `….2` | `way_back` | each is a job of its own |

use std::collections::BTreeMap;

use super::gate::identity_gate;
use super::state::{Deployment, Target};
use crate::job::Job;
use crate::job::envelope::builtin;
use crate::model::deployment::DeploymentKind;
use crate::model::{
    Builtin, Change, Duration, JobKey, JobPlan, Limits, OnUnknown, Phase, Release, RunIf, ServiceSpec, Step, StepsWork,
    TargetWork, WayBack, Work, Workspace,
};
use crate::world::State;

/// For fetching and unpacking a release.
const PREPARE_TIMEOUT: Duration = Duration::from_secs(3_600);

/// Stop and start are given this long where there is no hook for them.
const HOOK_DEFAULT: Duration = Duration::from_secs(30);

/// What links, records and small waits may add to a change.
const MARGIN: Duration = Duration::from_secs(60);

/// From the polite signal to the kill.
const GRACE: Duration = Duration::from_secs(10);

/// What a job changes, if a deployment made it.
pub fn change_of(job: &Job) -> Option<&TargetWork> {
    match &job.plan.work {
        Work::Steps(work) => work.target.as_ref(),
        Work::Deploy(_) => None,
    }
}

/// The job for one part of the change of a target. None if the release is not known, which the plan has excluded.
pub(super) fn job(
    state: &State,
    deployment: &Deployment,
    target: &Target,
    phase: Phase,
    generation: u64,
) -> Option<JobPlan> {
    let release = state.releases.get(&deployment.release)?;
    let change = change(state, deployment, target, release, generation);
    let clock = change_time(&release.spec);
    let (steps, timeout, cleanup) = match phase {
        Phase::Prepare => (vec![builtin(Builtin::Prepare(change))], PREPARE_TIMEOUT, Duration::default()),
        Phase::Change if deployment.kind == DeploymentKind::CatchUp => {
            let all = Duration::from_ms(PREPARE_TIMEOUT.ms() + clock.ms());
            (catch_up_steps(change), all, clock)
        }
        Phase::Change => (change_steps(change), clock, clock),
        Phase::Revert => (vec![builtin(Builtin::WayBack(change))], clock, Duration::default()),
    };
    let work = StepsWork {
        runs_on: Vec::new(),
        env: BTreeMap::new(),
        steps,
        timeout,
        silent_timeout: Duration::default(),
        grace: GRACE,
        cleanup,
        idempotent: phase == Phase::Prepare,
        on_unknown: OnUnknown::Fail,
        checkout: false,
        limits: Limits::default(),
        workspace: Workspace::Fresh,
        inputs: Vec::new(),
        artifacts: Vec::new(),
        target: Some(TargetWork { deployment: deployment.id.clone(), agent: target.target.agent, generation, phase }),
    };
    let key = key(deployment, target, phase);
    Some(JobPlan { key, needs: Vec::new(), run_if: RunIf::Always, work: Work::Steps(work) })
}

/// Out of traffic first: what it serves is not what the lane wants.
fn catch_up_steps(change: Change) -> Vec<Step> {
    let first = [builtin(Builtin::Drain(change.clone())), builtin(Builtin::Prepare(change.clone()))];
    first.into_iter().chain(change_steps(change)).collect()
}

fn change_steps(change: Change) -> Vec<Step> {
    let way_back = Step { run_if: RunIf::Always, ..builtin(Builtin::WayBack(change.clone())) };
    vec![
        builtin(Builtin::Switch(change.clone())),
        builtin(Builtin::Check(change.clone())),
        builtin(Builtin::Commit(change)),
        way_back,
    ]
}

fn change(state: &State, deployment: &Deployment, target: &Target, release: &Release, generation: u64) -> Change {
    let catches_up = deployment.kind == DeploymentKind::CatchUp;
    let debt = state.lanes.get(&deployment.id.lane).and_then(|lane| lane.owed.get(&target.target.agent));
    Change {
        service: deployment.id.lane.service.clone(),
        environment: deployment.id.lane.environment.clone(),
        target: target.target.name.clone(),
        deployment: deployment.id.clone(),
        generation,
        release: release.name(),
        artifact: release.artifact,
        artifact_bytes: release.artifact_bytes,
        spec: release.spec.clone(),
        way_back: target.way_back.clone(),
        bake: deployment.longest_bake(),
        skips_self_test: deployment.skips_self_test,
        stays_drained: catches_up && target.way_back != WayBack::Release(release.name()),
        lets_go: catches_up && debt.is_some_and(|debt| debt.by.is_some()),
    }
}

fn key(deployment: &Deployment, target: &Target, phase: Phase) -> JobKey {
    let plain = format!("{}/{}@{}", deployment.entry, phase.word(), target.target.name);
    let text = match (phase, target.reverts) {
        (Phase::Revert, 1..) => format!("{plain}.{}", target.reverts + 1),
        (Phase::Prepare, _) if target.prepares > 0 => format!("{plain}.{}", target.prepares + 1),
        (Phase::Prepare | Phase::Change | Phase::Revert, _) => plain,
    };
    text.parse().expect("an entry, a word and a name make a key")
}

/// The longest that a change, or a way back, of a healthy host takes: its hooks, its check and a margin.
fn change_time(spec: &ServiceSpec) -> Duration {
    let hooks: u64 = spec.hooks.values().map(|hook| hook.timeout.ms()).sum();
    let deadlines = spec.gates.values().map(|gate| gate.deadline.ms());
    let check = deadlines.chain([identity_gate(spec).deadline.ms()]).max().unwrap_or_default();
    Duration::from_ms(hooks + 2 * HOOK_DEFAULT.ms() + check + MARGIN.ms())
}
