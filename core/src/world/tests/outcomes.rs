use super::harness::{World, held, key};
use crate::agent::view;
use crate::answer::Refusal;
use crate::attempt::line::LineBody;
use crate::attempt::{AttemptPhase, AttemptState};
use crate::effect::Effect;
use crate::fact::Fact;
use crate::input::{Input, LogSeal};
use crate::job::{Job, JobState};
use crate::model::{
    AgentId, Digest, Duration, Failure, Fence, NotStarted, Outcome, RunId, Settler, UnknownReason, Verdict,
};
use crate::place::explain;
use crate::run::RunState;
use crate::touched::Touched;
use crate::world::effects;

const FAIL: &str = "jobs:\n  build: {run: make}\n  test: {needs: [build], run: make test}\n";
const HOLD: &str = "jobs:\n  build: {run: make, on-unknown: hold}\n  test: {needs: [build], run: make test}\n";
const IDEMPOTENT: &str = "jobs:\n  build: {run: make, idempotent: true}\n";
const BOTH: &str = "jobs:\n  build: {run: make, idempotent: true, on-unknown: hold}\n";

fn unknown(reason: UnknownReason) -> Outcome {
    Outcome::Unknown { reason }
}

fn settle(run: &RunId, verdict: Verdict) -> Input {
    let reason = "I looked".to_owned();
    Input::Settle { run: run.clone(), job: key("build"), verdict, by: "mara".to_owned(), reason }
}

fn cancel(run: &RunId) -> Input {
    let (by, why) = ("anna".to_owned(), "wrong branch".to_owned());
    Input::CancelRun { run: run.clone(), jobs: vec![key("build")], by, why, force: false }
}

impl World {
    fn build(&self, run: &RunId) -> Job {
        Job::clone(self.find(run).job(&key("build")).expect("build"))
    }

    fn attempt(&self, run: &RunId, number: usize) -> AttemptState {
        AttemptState::clone(&self.build(run).attempts[number - 1])
    }

    /// The run's job `build` is running, then its agent is silent until it is lost.
    fn lose(&mut self, text: &str) -> (RunId, AgentId, Fence) {
        let agent = self.agent(1, &[]);
        let run = self.run(text);
        let fence = self.begin(&run, "build");
        self.input(Input::SessionEnded { agent, session: 1 });
        self.step(Duration::from_secs(600));
        (run, agent, fence)
    }

    fn exit(&mut self, fence: Fence, index: u32, outcome: Outcome) {
        self.report(fence, index, LineBody::Exit { outcome, logs: vec![None], cancel_too_late: false });
    }

    fn settled(&self) -> Vec<(Verdict, Settler)> {
        let found = self.facts.iter().filter_map(|(_, fact)| match fact {
            Fact::Settled { settlement, .. } => Some((settlement.verdict, settlement.by.clone())),
            _ => None,
        });
        found.collect()
    }
}

#[test]
fn an_unknown_job_fails_its_run_and_stays_unknown() {
    let mut world = World::new();
    let (run, _, _) = world.lose(FAIL);
    assert_eq!(world.outcome(&run, "build"), Some(unknown(UnknownReason::AgentLost)));
    assert_eq!(world.settled(), [(Verdict::Failed, Settler::Policy)]);
    assert_eq!(world.outcome(&run, "test"), Some(Outcome::Skipped { why: "build unknown".to_owned() }));
    world.assert_replays();
}

#[test]
fn a_held_run_waits_for_a_person_and_says_how_to_settle_it() {
    let mut world = World::new();
    let (run, _, _) = world.lose(HOLD);
    let live = world.live(&run);
    assert!(live.is_held());
    assert_eq!(world.build(&run).state, JobState::Held);
    let waiting = explain(&world.state, live, &world.build(&run)).expect("it waits");
    assert_eq!(waiting.reason(), "unsettled");
    assert_eq!(
        waiting.to_string(),
        "attempt 1 is unknown(agent_lost): `windlass settle shop#1 build succeeded|failed|again`"
    );
    world.step(Duration::from_secs(86_400));
    assert_eq!(world.outcome(&run, "build"), None, "for as long as it takes");
    assert!(world.settled().is_empty());
    world.assert_replays();
}

#[test]
fn a_person_settles_a_held_job_beside_its_outcome() {
    let lost = unknown(UnknownReason::AgentLost);
    for (verdict, test_runs) in [(Verdict::Succeeded, true), (Verdict::Failed, false)] {
        let mut world = World::new();
        let (run, _, _) = world.lose(HOLD);
        world.agent(2, &[]);
        world.input(settle(&run, verdict));
        assert_eq!(world.outcome(&run, "build"), Some(lost.clone()), "never rewritten");
        assert_eq!(world.build(&run).counts_as_success(), test_runs);
        assert_eq!(!world.find(&run).job(&key("test")).expect("test").attempts.is_empty(), test_runs);
        assert_eq!(world.settled(), [(verdict, Settler::Person("mara".to_owned()))]);
        if test_runs {
            world.carry_out(&run, "test", Outcome::Succeeded);
            assert_eq!(world.find(&run).state, RunState::Ended(Outcome::Succeeded));
        }
        world.assert_replays();
    }
}

#[test]
fn only_a_person_or_an_idempotent_job_has_an_attempt_after_an_unknown_one() {
    let rows = [
        (FAIL, None, None),
        (HOLD, None, None),
        (HOLD, Some(Verdict::Failed), None),
        (HOLD, Some(Verdict::Succeeded), None),
        (HOLD, Some(Verdict::Again), Some(Settler::Person("mara".to_owned()))),
        (IDEMPOTENT, None, Some(Settler::Policy)),
    ];
    for (text, verdict, by) in rows {
        let mut world = World::new();
        let (run, _, first) = world.lose(text);
        world.agent(2, &[]);
        if let Some(verdict) = verdict {
            world.input(settle(&run, verdict));
        }
        let job = world.build(&run);
        assert_eq!(job.attempts.len() == 2, by.is_some(), "{text} {verdict:?}");
        let despite = world.facts.iter().rev().find_map(|(_, fact)| match fact {
            Fact::JobPlaced { despite, fence, .. } if *fence != first => Some(despite.clone()),
            _ => None,
        });
        if by.is_some() {
            assert_eq!(despite, Some(by), "the placement names who allows it");
        }
        world.assert_replays();
    }
}

#[test]
fn the_truth_replaces_unknown_once_before_a_settlement() {
    let mut world = World::new();
    let (run, agent, fence) = world.lose(HOLD);
    world.hello(agent, 2, vec![held(fence, 3)]);
    assert_eq!(world.live(&run).job(&key("build")).map(|job| job.state.clone()), Some(JobState::Held));
    world.exit(fence, 3, Outcome::Succeeded);
    assert_eq!(world.outcome(&run, "build"), Some(Outcome::Succeeded), "the truth");
    assert_eq!(world.attempt(&run, 1).late, None);
    assert!(!world.find(&run).job(&key("test")).expect("test").attempts.is_empty(), "and the run goes on with it");
    assert!(matches!(world.refusal(settle(&run, Verdict::Failed)), Refusal::NothingToSettle(_)));
    world.assert_replays();
}

#[test]
fn truth_after_the_settlement_is_late_and_changes_nothing() {
    let mut world = World::new();
    let (run, agent, fence) = world.lose(HOLD);
    world.input(settle(&run, Verdict::Failed));
    let ended = world.find(&run).state.clone();
    world.hello(agent, 2, vec![held(fence, 3)]);
    world.exit(fence, 3, Outcome::Succeeded);
    let attempt = world.attempt(&run, 1);
    assert_eq!(attempt.late, Some(Outcome::Succeeded));
    assert_eq!(attempt.outcome(), Some(&unknown(UnknownReason::AgentLost)));
    assert_eq!(world.outcome(&run, "build"), Some(unknown(UnknownReason::AgentLost)));
    assert_eq!(world.find(&run).state, ended);
    assert!(world.state.runs.is_empty(), "and now nothing is open");
    world.assert_replays();
}

#[test]
fn what_is_settled_and_still_held_is_cancelled() {
    let mut world = World::new();
    let (run, agent, fence) = world.lose(HOLD);
    world.hello(agent, 2, vec![held(fence, 3)]);
    let before = view(&world.state, agent, &[fence].into());
    assert!(before.cancel.is_empty() && before.forget.is_empty(), "not settled: it goes on");
    world.input(settle(&run, Verdict::Failed));
    let after = view(&world.state, agent, &[fence].into());
    let (cancelled, word) = after.cancel.first().expect("its remains are stopped");
    assert_eq!((*cancelled, word.by.as_str()), (fence, "mara"));
    assert_eq!(word.why, "settled as failed by mara: I looked");
    assert!(after.put.is_empty() && after.forget.is_empty());
    world.exit(fence, 3, Outcome::Cancelled);
    let done = view(&world.state, agent, &[fence].into());
    assert!(done.cancel.is_empty() && done.forget.contains(&fence));
}

#[test]
fn what_is_settled_and_never_arrived_is_taken_up_as_cancelled() {
    let mut world = World::new();
    let agent = world.agent(1, &[]);
    let run = world.run(FAIL);
    let fence = world.fence(&run, "build");
    world.input(Input::SessionEnded { agent, session: 1 });
    world.step(Duration::from_secs(600));
    world.hello(agent, 2, Vec::new());
    let told = view(&world.state, agent, &[].into());
    assert!(told.put.contains(&fence) && told.cancel.iter().any(|(cancelled, _)| *cancelled == fence));
    world.report(fence, 1, LineBody::Void { outcome: Outcome::Cancelled });
    assert_eq!(world.attempt(&run, 1).late, Some(Outcome::Cancelled));
    assert!(world.state.attempts.is_empty() && world.state.runs.is_empty());
}

#[test]
fn lines_of_a_lost_attempt_do_not_bring_it_back_to_life() {
    let mut world = World::new();
    let agent = world.agent(1, &[]);
    let run = world.run(HOLD);
    let fence = world.fence(&run, "build");
    let envelope = world.envelope(fence);
    world.input(Input::SessionEnded { agent, session: 1 });
    world.step(Duration::from_secs(600));
    world.hello(agent, 2, vec![held(fence, 2)]);
    world.report(fence, 1, super::harness::accepted(fence, envelope));
    world.report(fence, 2, LineBody::Go);
    let lost = unknown(UnknownReason::AgentLost);
    assert_eq!(world.attempt(&run, 1).phase, AttemptPhase::Ended(lost), "I5");
    assert!(world.attempt(&run, 1).started.is_some(), "what is known of it is shown");
    world.exit(fence, 3, Outcome::Succeeded);
    assert_eq!(world.attempt(&run, 1).outcome(), Some(&Outcome::Succeeded));
}

#[test]
fn three_attempts_of_ours_are_the_most_and_then_on_unknown_decides() {
    for (text, state) in [(IDEMPOTENT, None), (BOTH, Some(JobState::Held))] {
        let mut world = World::new();
        world.agent(1, &[]);
        let run = world.run(text);
        for outcome in [Outcome::NotStarted { reason: NotStarted::Busy }, unknown(UnknownReason::ShimLost)] {
            world.carry_out(&run, "build", outcome);
        }
        world.carry_out(&run, "build", unknown(UnknownReason::Reboot));
        assert_eq!(world.build(&run).attempts.len(), 3);
        match state {
            Some(state) => assert_eq!(world.build(&run).state, state),
            None => assert_eq!(world.outcome(&run, "build"), Some(unknown(UnknownReason::Reboot))),
        }
    }
}

#[test]
fn a_persons_again_counts_anew() {
    let mut world = World::new();
    world.agent(1, &[]);
    let run = world.run(BOTH);
    for _ in 0..3 {
        world.carry_out(&run, "build", unknown(UnknownReason::ShimLost));
    }
    world.input(settle(&run, Verdict::Again));
    assert_eq!(world.build(&run).attempts.len(), 4);
    world.carry_out(&run, "build", Outcome::NotStarted { reason: NotStarted::Busy });
    assert_eq!(world.build(&run).attempts.len(), 5);
    world.carry_out(&run, "build", Outcome::Succeeded);
    assert_eq!(world.find(&run).state, RunState::Ended(Outcome::Succeeded));
    world.assert_replays();
}

#[test]
fn again_keeps_the_attempt_before_and_its_truth_is_late() {
    let mut world = World::new();
    let (run, first_agent, first) = world.lose(IDEMPOTENT);
    world.agent(2, &[]);
    let second = world.fence(&run, "build");
    assert!(second > first);
    world.hello(first_agent, 2, vec![held(first, 3)]);
    assert!(view(&world.state, first_agent, &[first].into()).cancel.iter().any(|(fence, _)| *fence == first));
    world.exit(first, 3, Outcome::Cancelled);
    assert_eq!(world.outcome(&run, "build"), None, "the second attempt decides");
    world.carry_out(&run, "build", Outcome::Succeeded);
    assert_eq!(world.outcome(&run, "build"), Some(Outcome::Succeeded));
    assert_eq!(world.attempt(&run, 1).late, Some(Outcome::Cancelled));
    world.assert_replays();
}

#[test]
fn settling_is_refused_where_something_is_proven_or_settled() {
    let mut world = World::new();
    let (run, _, _) = world.lose(HOLD);
    world.input(cancel(&run));
    let Refusal::NothingToSettle(why) = world.refusal(settle(&run, Verdict::Again)) else { panic!("refused") };
    assert_eq!(why, "build is being cancelled");
    assert_eq!(world.outcome(&run, "build"), None, "a cancel proves nothing");
    world.agent(2, &[]);
    world.input(settle(&run, Verdict::Succeeded));
    let Refusal::NothingToSettle(why) = world.refusal(settle(&run, Verdict::Failed)) else { panic!("refused") };
    assert_eq!(why, "attempt 1 of build is settled as succeeded by mara: I looked");
    let open = world.run(FAIL);
    let Refusal::NothingToSettle(why) = world.refusal(settle(&open, Verdict::Failed)) else { panic!("refused") };
    assert_eq!(why, "attempt 1 of build is open");
}

#[test]
fn a_cancel_between_two_attempts_ends_the_job() {
    let not_started = Outcome::NotStarted { reason: NotStarted::Reboot };
    let lost = unknown(UnknownReason::ShimLost);
    for (text, first, then) in [(FAIL, not_started, Outcome::Cancelled), (IDEMPOTENT, lost.clone(), lost)] {
        let mut world = World::new();
        let agent = world.agent(1, &[]);
        let run = world.run(text);
        let fence = world.begin(&run, "build");
        world.input(Input::SessionEnded { agent, session: 1 });
        world.hello(agent, 2, vec![held(fence, 3)]);
        // The only agent takes no more work in this session.
        let mut away = World::hello_of(agent, 3, vec![held(fence, 3)]);
        away.offer.slots = 0;
        world.input(Input::Hello { hello: Box::new(away), sessions_before: u64::MAX });
        world.exit(fence, 3, first);
        assert_eq!(world.outcome(&run, "build"), None, "it waits for another attempt");
        world.input(cancel(&run));
        assert_eq!(world.outcome(&run, "build"), Some(then));
    }
}

#[test]
fn an_attempt_whose_agent_is_gone_is_closed_by_the_masters_own_seals() {
    for reason in [UnknownReason::AgentLostState, UnknownReason::AgentRemoved, UnknownReason::Restored] {
        let mut world = World::new();
        world.agent(1, &[]);
        let run = world.run(FAIL);
        let fence = world.begin(&run, "build");
        let gone = Fact::AttemptGone { fence, reason };
        let touched = world.state.apply(world.now, &gone);
        world.facts.push((world.now, gone));
        assert!(world.state.attempts.contains_key(&fence), "its logs are open");
        assert!(effects(&world.state, &touched).contains(&Effect::EndLogs(fence)), "{reason}");
        let seal = LogSeal { fence, step: 1, total: 7, digest: Digest::of(b"x"), gaps: 1, damaged: false };
        world.input(Input::LogsEnded { fence, seals: vec![seal.clone()] });
        assert!(!world.state.attempts.contains_key(&fence), "closed");
        assert_eq!(world.attempt(&run, 1).steps[0].sealed, Some(seal));
        world.input(Input::LogsEnded { fence, seals: Vec::new() });
        assert_eq!(world.outcome(&run, "build"), Some(unknown(reason)));
        world.assert_replays();
    }
}

#[test]
fn the_logs_of_an_attempt_that_may_come_back_are_not_ended() {
    let mut world = World::new();
    let (_, _, fence) = world.lose(FAIL);
    let all = Touched { all: true, ..Touched::default() };
    assert!(!effects(&world.state, &all).contains(&Effect::EndLogs(fence)));
    world.input(Input::LogsEnded { fence, seals: Vec::new() });
    assert!(world.state.attempts.contains_key(&fence), "its agent has them");
}

#[test]
fn a_failed_job_is_not_settled_by_anybody() {
    let mut world = World::new();
    world.agent(1, &[]);
    let run = world.run("jobs:\n  build: {run: make, on-unknown: hold, idempotent: true}\n");
    world.carry_out(&run, "build", Outcome::Failed { how: Failure::Code(1) });
    assert!(world.settled().is_empty());
    assert_eq!(world.build(&run).attempts.len(), 1);
}
