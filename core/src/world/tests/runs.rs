use super::harness::{World, key, start};
use crate::answer::{Answer, Refusal};
use crate::attempt::line::{INDEX_LAST, LineBody};
use crate::fact::Fact;
use crate::input::Input;
use crate::job::JobState;
use crate::model::{Duration, Failure, NotStarted, Outcome, UnknownReason};
use crate::run::RunState;

const TWO: &str = "jobs:\n  build: {run: make}\n  test: {needs: [build], run: make test}\n";
const ONE: &str = "jobs:\n  build: {run: make}\n";
const IDEMPOTENT: &str = "jobs:\n  build: {run: make, idempotent: true}\n";

fn failed(code: u8) -> Outcome {
    Outcome::Failed { how: Failure::Code(code) }
}

fn not_started(reason: NotStarted) -> Outcome {
    Outcome::NotStarted { reason }
}

fn unknown() -> Outcome {
    Outcome::Unknown { reason: UnknownReason::ShimLost }
}

#[test]
fn a_run_goes_from_waiting_to_closed() {
    let mut world = World::new();
    world.agent(1, &[]);
    let run = world.run(TWO);
    assert_eq!(world.live(&run).state, RunState::Running);
    assert!(world.live(&run).job(&key("test")).is_some_and(|job| job.state == JobState::Waiting));
    world.carry_out(&run, "build", Outcome::Succeeded);
    world.carry_out(&run, "test", Outcome::Succeeded);
    assert!(world.state.runs.is_empty(), "nothing of it is open");
    assert!(world.state.attempts.is_empty());
    assert_eq!(world.find(&run).state, RunState::Ended(Outcome::Succeeded));
    world.assert_replays();
}

#[test]
fn what_needs_a_failed_job_is_skipped_with_the_reason() {
    let mut world = World::new();
    world.agent(1, &[]);
    let run = world.run(TWO);
    world.carry_out(&run, "build", failed(2));
    assert_eq!(world.outcome(&run, "build"), Some(failed(2)));
    assert_eq!(world.outcome(&run, "test"), Some(Outcome::Skipped { why: "build failed".to_owned() }));
    let how = Failure::Broken("build".to_owned());
    assert_eq!(world.find(&run).state, RunState::Ended(Outcome::Failed { how }));
}

#[test]
fn conditions_look_at_the_needed_jobs() {
    let rows = [
        ("success", Outcome::Succeeded, true),
        ("success", failed(1), false),
        ("success", Outcome::TimedOut, false),
        ("failure", Outcome::Succeeded, false),
        ("failure", failed(1), true),
        ("always", Outcome::Succeeded, true),
        ("always", failed(1), true),
    ];
    for (word, outcome, placed) in rows {
        let mut world = World::new();
        world.agent(1, &[]);
        let run = world.run(&format!("jobs:\n  a: {{run: x}}\n  b: {{needs: [a], if: {word}, run: y}}\n"));
        world.carry_out(&run, "a", outcome.clone());
        let b = world.find(&run).job(&key("b")).expect("b");
        assert_eq!(!b.attempts.is_empty(), placed, "if: {word} after {outcome}");
    }
}

#[test]
fn what_follows_an_attempt_is_this_table() {
    let denied = NotStarted::DeniedByAgent("projects".to_owned());
    let rows = [
        (ONE, Outcome::Succeeded, false),
        (ONE, failed(1), false),
        (ONE, Outcome::TimedOut, false),
        (ONE, unknown(), false),
        (IDEMPOTENT, unknown(), true),
        (ONE, not_started(NotStarted::Busy), true),
        (ONE, not_started(NotStarted::DiskLow), true),
        (ONE, not_started(NotStarted::AgentRestart), true),
        (ONE, not_started(NotStarted::ShimFailed), true),
        (ONE, not_started(NotStarted::Reboot), true),
        (ONE, not_started(denied), false),
        (ONE, not_started(NotStarted::SetupFailed("no workspace".to_owned())), false),
    ];
    for (text, outcome, again) in rows {
        let mut world = World::new();
        world.agent(1, &[]);
        let run = world.run(text);
        world.carry_out(&run, "build", outcome.clone());
        let job = world.find(&run).job(&key("build")).expect("build").clone();
        assert_eq!(job.attempts.len(), if again { 2 } else { 1 }, "{outcome}");
        assert_eq!(job.outcome().is_none(), again, "{outcome}");
    }
}

#[test]
fn three_attempts_are_the_most_for_reasons_of_ours() {
    let mut world = World::new();
    world.agent(1, &[]);
    let run = world.run(ONE);
    for _ in 0..3 {
        let fence = world.fence(&run, "build");
        world.report(fence, 1, LineBody::Void { outcome: not_started(NotStarted::Busy) });
    }
    assert_eq!(world.outcome(&run, "build"), Some(not_started(NotStarted::Busy)));
    assert_eq!(world.find(&run).job(&key("build")).expect("build").attempts.len(), 3);
}

#[test]
fn fences_rise_over_attempts_and_epochs() {
    let mut world = World::new();
    let agent = world.agent(1, &[]);
    let run = world.run(ONE);
    let first = world.fence(&run, "build");
    world.report(first, 1, LineBody::Void { outcome: not_started(NotStarted::Busy) });
    let second = world.fence(&run, "build");
    assert!(second > first);
    world.report(second, 1, LineBody::Void { outcome: not_started(NotStarted::Busy) });
    let third = world.fence(&run, "build");
    world.input(Input::Begin { epoch: 2, restored: false });
    world.hello(agent, 2, Vec::new());
    let next = world.run(ONE);
    let fourth = world.fence(&next, "build");
    assert!(third > second && fourth > third);
    assert_eq!(fourth.0 >> 28, 2);
}

#[test]
fn a_cancel_before_the_placement_ends_the_job_at_once() {
    let mut world = World::new();
    let run = world.run(TWO);
    world.input(cancel(&run, &[]));
    assert_eq!(world.outcome(&run, "build"), Some(Outcome::Cancelled));
    assert_eq!(world.find(&run).state, RunState::Ended(Outcome::Cancelled));
}

fn cancel(run: &crate::model::RunId, jobs: &[&str]) -> Input {
    Input::CancelRun {
        run: run.clone(),
        jobs: jobs.iter().map(|job| key(job)).collect(),
        by: "anna".to_owned(),
        why: "wrong branch".to_owned(),
        force: false,
    }
}

#[test]
fn a_running_job_is_cancelled_only_when_its_agent_says_so() {
    let mut world = World::new();
    let agent = world.agent(1, &[]);
    let run = world.run(ONE);
    let fence = world.begin(&run, "build");
    world.input(cancel(&run, &["build"]));
    assert_eq!(world.outcome(&run, "build"), None, "stopping is not an outcome");
    let view = crate::agent::view(&world.state, agent, &[fence].into());
    assert!(view.cancel.iter().any(|(cancelled, word)| *cancelled == fence && word.by == "anna"));
    world.report(fence, 3, LineBody::Exit { outcome: Outcome::Cancelled, logs: vec![None], cancel_too_late: false });
    assert_eq!(world.outcome(&run, "build"), Some(Outcome::Cancelled));
    assert!(matches!(world.refusal(cancel(&run, &[])), Refusal::RunUnknown(_)), "it is closed");
}

#[test]
fn a_job_that_a_run_does_not_have_is_refused_by_name() {
    let mut world = World::new();
    let run = world.run(ONE);
    assert_eq!(world.refusal(cancel(&run, &["bulid"])), Refusal::JobUnknown(run, key("bulid")));
}

#[test]
fn the_truth_about_a_lost_agent_arrives_late_and_changes_no_outcome() {
    let mut world = World::new();
    let agent = world.agent(1, &[]);
    let run = world.run(ONE);
    let fence = world.begin(&run, "build");
    world.input(Input::SessionEnded { agent, session: 1 });
    world.step(Duration::from_secs(599));
    assert_eq!(world.outcome(&run, "build"), None, "absence proves nothing yet");
    world.step(Duration::from_secs(1));
    let lost = Outcome::Unknown { reason: UnknownReason::AgentLost };
    assert_eq!(world.outcome(&run, "build"), Some(lost.clone()));
    assert!(world.state.attempts.contains_key(&fence), "it may still be running");
    world.hello(agent, 2, vec![super::harness::held(fence, 3)]);
    world.report(fence, 3, LineBody::Exit { outcome: Outcome::Succeeded, logs: vec![None], cancel_too_late: false });
    let job = world.find(&run).job(&key("build")).expect("build").clone();
    assert_eq!(job.outcome(), Some(&lost), "the run went on with it");
    let attempt = job.attempt().expect("one");
    assert_eq!(attempt.outcome(), Some(&lost), "it was settled by then");
    assert_eq!(attempt.late, Some(Outcome::Succeeded), "kept and shown as late");
    assert!(world.state.runs.is_empty(), "and now nothing is open");
}

#[test]
fn damaged_evidence_may_skip_lines_once() {
    let mut world = World::new();
    world.agent(1, &[]);
    let run = world.run(ONE);
    let fence = world.begin(&run, "build");
    let outcome = Outcome::Unknown { reason: UnknownReason::EvidenceDamaged };
    let body = LineBody::Exit { outcome: outcome.clone(), logs: vec![None], cancel_too_late: false };
    world.report(fence, INDEX_LAST, body);
    assert_eq!(world.outcome(&run, "build"), Some(outcome));
}

#[test]
fn an_attempt_closes_when_every_log_is_sealed_and_not_before() {
    let mut world = World::new();
    let agent = world.agent(1, &[]);
    let run = world.run(ONE);
    let fence = world.begin(&run, "build");
    let steps = world.envelope(fence).steps.len();
    let end = crate::attempt::LogEnd { total: 1, digest: Some(crate::model::Digest::of(b"x")) };
    let logs = vec![Some(end); steps];
    world.report(fence, 3, LineBody::Exit { outcome: Outcome::Succeeded, logs, cancel_too_late: false });
    assert!(world.state.agents.get(&agent).is_some_and(|agent| agent.open.contains(&fence)));
    let floor = world.state.agents.get(&agent).map(|agent| agent.floor());
    assert_eq!(floor, Some(fence.0 - 1));
    for step in 1..=u32::try_from(steps).expect("few") {
        assert!(world.state.attempts.contains_key(&fence));
        let digest = crate::model::Digest::of(b"x");
        let seal = crate::input::LogSeal { fence, step, total: 1, digest, gaps: 0, damaged: false };
        world.input(Input::LogSealed(seal.clone()));
        world.input(Input::LogSealed(seal));
    }
    assert!(!world.state.attempts.contains_key(&fence));
    let view = crate::agent::view(&world.state, agent, &[fence].into());
    assert!(view.forget.contains(&fence) && view.put.is_empty());
    assert_eq!(view.floor, fence.0);
    let sealed = world.facts.iter().filter(|(_, fact)| matches!(fact, Fact::LogSealed { .. })).count();
    assert_eq!(sealed, steps, "a repeated seal adds nothing");
}

#[test]
fn a_chosen_job_brings_what_it_needs() {
    let mut world = World::new();
    let text = "jobs:\n  a: {run: x}\n  b: {needs: [a], run: y}\n  c: {run: z}\n";
    let mut chosen = start(text);
    chosen.jobs = vec![key("b")];
    let Answer::Run { run, .. } = world.input(Input::StartRun(Box::new(chosen))) else { panic!("a run") };
    let keys: Vec<&str> = world.live(&run).jobs.iter().map(|job| job.plan.key.as_str()).collect();
    assert_eq!(keys, ["a", "b"]);
}
