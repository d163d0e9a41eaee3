//! Deliveries, manual starts and cancels become runs; a run ends with its last job.

use crate::answer::{Answer, Decision, Refusal};
use crate::fact::Fact;
use crate::input::{Delivery, PipelineFile, ReadError, StartRun};
use crate::job::JobState;
use crate::job::decide::{Next, Readiness, next, readiness};
use crate::model::{
    Commit, Duration, Failure, JobKey, NotStarted, Outcome, Problem, ProjectName, RunId, RunPlan, SecretName,
    Settlement, Trigger, TriggerKind, Trust, UnixMs,
};
use crate::pipeline::{self, PushEvent};
use crate::run::{Run, RunState};
use crate::secret;
use crate::world::{DeliveryResult, DeliveryState, State};

/// The same change delivered again within this time is the same delivery.
const SAME_CHANGE: Duration = Duration::from_secs(600);

/// A delivery is durable before it is answered; what it means is read afterwards.
pub fn deliver(state: &State, at: UnixMs, delivery: Delivery) -> Decision {
    if !state.config.projects.contains_key(&delivery.project) {
        return Decision::refuse(Refusal::ProjectUnknown(delivery.project.to_string()));
    }
    if let Some(known) = state.deliveries.get(&delivery.key) {
        if known.delivery.body != delivery.body {
            return Decision::refuse(Refusal::KeyMismatch(delivery.key));
        }
        return delivered(known, true);
    }
    let same_change = |known: &&DeliveryState| {
        let same = |a: &Delivery, b: &Delivery| {
            (&a.project, &a.reference, &a.before, &a.revision) == (&b.project, &b.reference, &b.before, &b.revision)
        };
        at.since(known.taken) < SAME_CHANGE && same(&known.delivery, &delivery)
    };
    if let Some(known) = state.deliveries.values().find(same_change) {
        return delivered(known, true);
    }
    let answer = Answer::Delivered { run: None, nothing: None, again: false };
    Decision { facts: vec![Fact::DeliveryTaken { delivery }], answer }
}

fn delivered(known: &DeliveryState, again: bool) -> Decision {
    let (run, nothing) = match &known.result {
        DeliveryResult::Reading => (None, None),
        DeliveryResult::Run(run) => (Some(run.clone()), None),
        DeliveryResult::Nothing(why) => (None, Some(why.clone())),
    };
    Decision { facts: Vec::new(), answer: Answer::Delivered { run, nothing, again } }
}

/// The fetch for a delivery is done: it makes exactly one run, or a kept reason why it made none.
pub fn pipeline_read(state: &State, at: UnixMs, key: &str, read: Result<PipelineFile, ReadError>) -> Decision {
    let Some(known) = state.deliveries.get(key) else { return Decision::done(Vec::new()) };
    match known.result {
        DeliveryResult::Reading => {}
        DeliveryResult::Run(_) | DeliveryResult::Nothing(_) => return Decision::done(Vec::new()),
    }
    let delivery = &known.delivery;
    let made = match read {
        Ok(file) => read_file(state, delivery, file),
        Err(error) => {
            let commit = Commit {
                revision: delivery.revision.clone(),
                title: String::new(),
                author: String::new(),
                time: at,
                position: 0,
            };
            Ok(Made { commit, plan: RunPlan::default(), problems: Vec::new(), unread: Some(error.to_string()) })
        }
    };
    let made = match made {
        Ok(made) => made,
        Err(why) => {
            let fact = Fact::DeliveryMatchedNothing { key: key.to_owned(), why };
            return Decision::done(vec![fact]);
        }
    };
    let trigger = Trigger { kind: TriggerKind::Push, actor: delivery.actor.clone(), time: known.taken };
    let branch = branch_of(&delivery.reference).to_owned();
    let trust = trust(state, &delivery.project, &delivery.reference);
    let origin = Origin { project: &delivery.project, trigger, branch, delivery: Some(key.to_owned()), trust };
    Decision::done(vec![run_created(state, origin, made)])
}

struct Made {
    commit: Commit,
    plan: RunPlan,
    problems: Vec<Problem>,
    unread: Option<String>,
}

struct Origin<'a> {
    project: &'a ProjectName,
    trigger: Trigger,
    branch: String,
    delivery: Option<String>,
    trust: Trust,
}

fn read_file(state: &State, delivery: &Delivery, file: PipelineFile) -> Result<Made, String> {
    let name = file_name(state, &delivery.project);
    let Some(text) = file.text else {
        return Err(format!("there is no {name} at {}", file.commit.revision.short()));
    };
    let parsed = pipeline::parse(name, &text);
    let commit = file.commit;
    let Some(pipeline) = parsed.pipeline else {
        return Ok(Made { commit, plan: RunPlan::default(), problems: parsed.problems, unread: None });
    };
    let push = PushEvent {
        branch: delivery.reference.strip_prefix("refs/heads/").map(str::to_owned),
        tag: delivery.reference.strip_prefix("refs/tags/").map(str::to_owned),
        changed: file.changed,
        message: commit.title.clone(),
    };
    pipeline::fires(&pipeline, &push).map_err(|why| why.to_string())?;
    Ok(Made { commit, plan: pipeline::expand(&pipeline), problems: parsed.problems, unread: None })
}

fn file_name<'a>(state: &'a State, project: &ProjectName) -> &'a str {
    state.config.projects.get(project).map_or("windlass.yaml", |project| project.file.as_str())
}

fn branch_of(reference: &str) -> &str {
    reference.strip_prefix("refs/heads/").or_else(|| reference.strip_prefix("refs/tags/")).unwrap_or(reference)
}

/// The fetch has proven that the revision is reachable from the ref.
fn trust(state: &State, project: &ProjectName, reference: &str) -> Trust {
    let main = state.config.projects.get(project).map(|project| format!("refs/heads/{}", project.main_branch));
    if main.as_deref() == Some(reference) { Trust::Protected } else { Trust::Ordinary }
}

fn run_created(state: &State, origin: Origin<'_>, made: Made) -> Fact {
    Fact::RunCreated {
        run: next_run(state, origin.project),
        trigger: origin.trigger,
        branch: origin.branch,
        commit: made.commit,
        plan: Box::new(made.plan),
        problems: made.problems,
        unread: made.unread,
        delivery: origin.delivery,
        trust: origin.trust,
    }
}

/// The identity of the next run of a project.
pub fn next_run(state: &State, project: &ProjectName) -> RunId {
    let number = state.projects.get(project).map_or(1, |project| project.next_run);
    RunId { project: project.clone(), number }
}

/// A person starts a run. Errors of the file refuse it, because somebody is there to read them.
pub fn start_run(state: &State, at: UnixMs, start: StartRun) -> Decision {
    if !state.config.projects.contains_key(&start.project) {
        return Decision::refuse(Refusal::ProjectUnknown(start.project.to_string()));
    }
    let name = file_name(state, &start.project);
    let Some(text) = start.file.text else {
        let why = format!("there is no {name} at {}", start.file.commit.revision.short());
        return Decision::refuse(Refusal::NoPipeline(why));
    };
    let parsed = pipeline::parse(name, &text);
    let Some(pipeline) = parsed.pipeline else { return Decision::refuse(Refusal::Problems(parsed.problems)) };
    if !pipeline.on.manual {
        return Decision::refuse(Refusal::Rejected(format!("{name} says `manual: false`")));
    }
    let mut plan = pipeline::expand(&pipeline);
    if let Err(unknown) = keep_only(&mut plan, &start.jobs) {
        return Decision::refuse(Refusal::JobUnknown(next_run(state, &start.project), unknown));
    }
    let trigger = Trigger { kind: TriggerKind::Manual, actor: start.by, time: at };
    let trust = trust(state, &start.project, &format!("refs/heads/{}", start.branch));
    let origin = Origin { project: &start.project, trigger, branch: start.branch, delivery: None, trust };
    let made = Made { commit: start.file.commit, plan, problems: parsed.problems, unread: None };
    let run = next_run(state, &start.project);
    Decision { facts: vec![run_created(state, origin, made)], answer: Answer::Run { run } }
}

/// Keeps these jobs and what they need; no names: all.
fn keep_only(plan: &mut RunPlan, jobs: &[JobKey]) -> Result<(), JobKey> {
    if jobs.is_empty() {
        return Ok(());
    }
    let mut wanted: Vec<JobKey> = Vec::new();
    let mut open = jobs.to_vec();
    while let Some(key) = open.pop() {
        let job = plan.jobs.iter().find(|job| job.key == key).ok_or(key.clone())?;
        if !wanted.contains(&key) {
            open.extend(job.needs.iter().cloned());
            wanted.push(key);
        }
    }
    plan.jobs.retain(|job| wanted.contains(&job.key));
    Ok(())
}

/// A person stops jobs of a run; a deployment in progress takes its way back.
pub fn cancel(state: &State, run: &RunId, jobs: &[JobKey], by: &str, why: &str, force: bool) -> Decision {
    let Some(live) = state.runs.get(run) else { return Decision::refuse(Refusal::RunUnknown(run.clone())) };
    if let Some(unknown) = jobs.iter().find(|key| live.job(key).is_none()) {
        return Decision::refuse(Refusal::JobUnknown(run.clone(), unknown.clone()));
    }
    if live.is_ended() {
        return Decision::refuse(Refusal::RunEnded(run.clone()));
    }
    let mut facts = Vec::new();
    let chosen = live.jobs.iter().filter(|job| jobs.is_empty() || jobs.contains(&job.plan.key));
    for job in chosen {
        match &job.state {
            JobState::Ended(_) => {}
            JobState::Deploying(deployment) => {
                facts.extend(crate::deploy::decide::decide_abort(state, deployment, None, by, why).facts);
            }
            JobState::Waiting | JobState::Attempting | JobState::Held if is_change_of_target(job) => {}
            JobState::Waiting | JobState::Attempting | JobState::Held => facts.push(Fact::CancelAsked {
                run: run.clone(),
                job: job.plan.key.clone(),
                by: by.to_owned(),
                why: why.to_owned(),
                force,
            }),
        }
    }
    Decision::done(facts)
}

/// Jobs of a deployment end with it: its abort decides which of them are stopped.
fn is_change_of_target(job: &crate::job::Job) -> bool {
    match &job.plan.work {
        crate::model::Work::Steps(work) => work.target.is_some(),
        crate::model::Work::Deploy(_) => false,
    }
}

/// What now follows in a run: jobs that are skipped, cancelled or over, and the end of the run itself.
pub fn advance(state: &State, run: &Run) -> Vec<Fact> {
    if run.is_ended() {
        return close(state, run);
    }
    let mut facts: Vec<Fact> = run.jobs.iter().filter_map(|job| job_fact(state, run, job)).collect();
    if facts.is_empty() && run.jobs.iter().all(|job| job.outcome().is_some()) {
        facts.push(Fact::RunEnded { run: run.id.clone(), outcome: outcome_of(run) });
    }
    facts
}

fn job_fact(state: &State, run: &Run, job: &crate::job::Job) -> Option<Fact> {
    let ended = |outcome| Some(Fact::JobEnded { run: run.id.clone(), job: job.plan.key.clone(), outcome });
    let no_secret = |name: SecretName| ended(Outcome::NotStarted { reason: NotStarted::Secret(name.to_string()) });
    match &job.state {
        JobState::Waiting if job.cancel.is_some() => ended(Outcome::Cancelled),
        JobState::Waiting => match readiness(run, job) {
            Readiness::Skip(why) => ended(Outcome::Skipped { why }),
            Readiness::Ready => secret::missing(state, run, job).and_then(no_secret),
            Readiness::Waits(_) => None,
        },
        JobState::Attempting => match next(job) {
            Next::End(outcome) => ended(outcome),
            Next::Settle(settlement) => settled(run, job, settlement),
            Next::Hold => Some(Fact::JobHeld { run: run.id.clone(), job: job.plan.key.clone() }),
            Next::Again => secret::missing(state, run, job).and_then(no_secret),
            Next::Open => None,
        },
        JobState::Held | JobState::Deploying(_) | JobState::Ended(_) => None,
    }
}

fn settled(run: &Run, job: &crate::job::Job, settlement: Settlement) -> Option<Fact> {
    let attempt = job.attempt()?;
    Some(Fact::Settled {
        run: run.id.clone(),
        job: job.plan.key.clone(),
        attempt: attempt.number,
        fence: attempt.fence,
        settlement,
    })
}

/// Jobs that a deployment made do not count: its entry speaks for them.
fn outcome_of(run: &Run) -> Outcome {
    if let Some(unread) = &run.unread {
        return Outcome::Failed { how: Failure::Broken(unread.clone()) };
    }
    if run.jobs.is_empty() {
        let errors = run.problems.len();
        return Outcome::Failed { how: Failure::Broken(format!("the pipeline file has {errors} errors")) };
    }
    let counting = || run.jobs.iter().filter(|job| !is_change_of_target(job));
    let bad = |outcome: &Outcome| match outcome {
        Outcome::Failed { .. } | Outcome::TimedOut | Outcome::NotStarted { .. } | Outcome::Unknown { .. } => true,
        Outcome::Succeeded | Outcome::Cancelled | Outcome::Skipped { .. } => false,
    };
    let failed: Vec<&str> = counting()
        .filter(|job| job.outcome().is_some_and(bad) && !job.counts_as_success())
        .map(|job| job.plan.key.as_str())
        .collect();
    if !failed.is_empty() {
        return Outcome::Failed { how: Failure::Broken(failed.join(", ")) };
    }
    if counting().any(|job| job.outcome() == Some(&Outcome::Cancelled)) {
        Outcome::Cancelled
    } else {
        Outcome::Succeeded
    }
}

fn close(state: &State, run: &Run) -> Vec<Fact> {
    let open_attempt = run.jobs.iter().flat_map(|job| &job.attempts).any(|attempt| !attempt.closed);
    let open_deployment = state.deployments.values().any(|deployment| {
        deployment.run == run.id && !matches!(deployment.state, crate::deploy::DeploymentState::Ended(_))
    });
    match run.state {
        RunState::Ended(_) if !open_attempt && !open_deployment => vec![Fact::RunClosed { run: run.id.clone() }],
        RunState::Ended(_) | RunState::Waiting | RunState::Running => Vec::new(),
    }
}
