//! Jobs of a run that are done again.

use std::sync::Arc;

use super::harness::{World, key, once};
use crate::answer::{Answer, Refusal};
use crate::attempt::line::LineBody;
use crate::fact::{Fact, ReopenedRun};
use crate::input::Input;
use crate::model::{Duration, Failure, NotStarted, Outcome, RunId, Settler};
use crate::run::RunState;

const THREE: &str = "jobs:\n  lint: {run: lint}\n  build: {run: make}\n  test: {needs: [build], run: make test}\n";

fn failed() -> Outcome {
    Outcome::Failed { how: Failure::Code(1) }
}

impl World {
    /// As the history has it, if it left the state.
    fn over(&self, run: &RunId) -> Option<Arc<crate::run::Run>> {
        (!self.state.runs.contains_key(run)).then(|| Arc::new(self.find(run).clone()))
    }

    fn again(&self, run: &RunId, jobs: &[&str]) -> Input {
        let jobs = jobs.iter().map(|job| key(job)).collect();
        Input::Retry { run: run.clone(), over: self.over(run), jobs, by: "mara".to_owned() }
    }

    fn retry(&mut self, run: &RunId, jobs: &[&str]) {
        let input = self.again(run, jobs);
        assert_eq!(self.input(input), Answer::Done);
    }

    fn rejected(&mut self, run: &RunId, jobs: &[&str]) -> String {
        let input = self.again(run, jobs);
        match self.refusal(input) {
            Refusal::Rejected(why) => why,
            other => panic!("{other}"),
        }
    }

    fn attempts(&self, run: &RunId, job: &str) -> usize {
        self.find(run).job(&key(job)).expect("the run has the job").attempts.len()
    }

    /// `lint` is good, `build` fails, `test` is skipped, and the run has left the state.
    fn failed_run(&mut self) -> RunId {
        self.agent(1, &[]);
        let run = self.run(THREE);
        self.carry_out(&run, "lint", Outcome::Succeeded);
        self.carry_out(&run, "build", failed());
        assert!(!self.state.runs.contains_key(&run), "it is over");
        run
    }
}

#[test]
fn what_the_history_knew_before_the_last_retry_is_not_taken_for_the_run() {
    let mut world = World::new();
    let run = world.failed_run();
    let stale = world.over(&run);
    world.retry(&run, &[]);
    world.carry_out(&run, "build", failed());
    assert!(!world.state.runs.contains_key(&run), "it is over again");
    let late = Input::Retry { run: run.clone(), over: stale, jobs: vec![key("build")], by: "mara".to_owned() };
    let refusal = world.refusal(late);
    assert!(matches!(&refusal, Refusal::Rejected(why) if why.contains("try again in a moment")), "{refusal}");
    world.retry(&run, &[]);
    assert_eq!(world.attempts(&run, "build"), 3, "each attempt has its own number");
    world.assert_replays();
}

#[test]
fn what_failed_and_what_needs_it_is_done_again_in_a_run_that_was_over() {
    let mut world = World::new();
    let run = world.failed_run();
    let before = world.find(&run).clone();
    world.retry(&run, &[]);
    assert_eq!(world.live(&run).state, RunState::Running);
    assert_eq!(ReopenedRun::of(world.live(&run)), None, "it is open");
    assert_eq!((world.attempts(&run, "lint"), world.attempts(&run, "build"), world.attempts(&run, "test")), (1, 2, 0));
    let build = |run: &crate::run::Run| run.job(&key("build")).expect("build").attempts[0].clone();
    assert_eq!(build(world.live(&run)), build(&before), "an earlier attempt stays as it is");
    world.carry_out(&run, "build", Outcome::Succeeded);
    world.carry_out(&run, "test", Outcome::Succeeded);
    assert!(!world.state.runs.contains_key(&run), "it is over again");
    assert_eq!(world.find(&run).state, RunState::Ended(Outcome::Succeeded));
    assert_eq!(world.attempts(&run, "lint"), 1);
    world.assert_replays();
}

#[test]
fn a_job_that_is_named_is_done_again_whatever_its_outcome_and_while_others_run() {
    let mut world = World::new();
    world.agent(1, &[]);
    let run = world.run(THREE);
    world.carry_out(&run, "build", Outcome::Succeeded);
    world.carry_out(&run, "test", Outcome::Succeeded);
    world.begin(&run, "lint");
    world.retry(&run, &["build"]);
    assert_eq!((world.attempts(&run, "build"), world.attempts(&run, "test"), world.attempts(&run, "lint")), (2, 1, 1));
    assert_eq!(world.outcome(&run, "test"), None, "it needs what is done again");
    world.carry_out(&run, "build", Outcome::Succeeded);
    assert_eq!(world.attempts(&run, "test"), 2);
    world.assert_replays();
}

#[test]
fn a_retry_with_a_key_is_carried_out_once() {
    let mut world = World::new();
    let run = world.failed_run();
    let asked = once("k", world.again(&run, &[]));
    assert_eq!(world.input(asked.clone()), Answer::Done);
    world.carry_out(&run, "build", failed());
    assert_eq!(world.input(asked), Answer::Again(Box::new(Answer::Done)), "it comes late, and must not begin another");
    assert_eq!(world.attempts(&run, "build"), 2);
    world.assert_replays();
}

#[test]
fn a_request_that_was_refused_may_be_asked_again_with_its_key() {
    let mut world = World::new();
    world.agent(1, &[]);
    let run = world.run(THREE);
    let asked = once("k", world.again(&run, &["lint"]));
    assert!(matches!(world.refusal(asked.clone()), Refusal::Rejected(_)));
    world.carry_out(&run, "lint", failed());
    assert_eq!(world.input(asked), Answer::Done);
}

#[test]
fn what_cannot_be_done_again_says_why_and_changes_nothing() {
    let mut world = World::new();
    world.agent(1, &[]);
    let run = world.run(THREE);
    assert_eq!(world.rejected(&run, &[]), "no job of shop#1 has failed: name those that shall be done again");
    assert_eq!(world.rejected(&run, &["build"]), "build is not over: cancel it first, or wait for it");
    world.carry_out(&run, "build", Outcome::Succeeded);
    world.begin(&run, "test");
    assert_eq!(world.rejected(&run, &["build"]), "test is not over: cancel it first, or wait for it");
    let input = world.again(&run, &["biuld"]);
    assert_eq!(world.refusal(input), Refusal::JobUnknown(run.clone(), key("biuld")));
    let other = RunId { number: 7, ..run };
    let input = Input::Retry { run: other.clone(), over: None, jobs: Vec::new(), by: "mara".to_owned() };
    assert_eq!(world.refusal(input), Refusal::RunUnknown(other));
}

#[test]
fn a_job_that_may_still_be_running_is_done_again_only_if_a_person_names_it() {
    let mut world = World::new();
    let agent = world.agent(1, &[]);
    let run = world.run("jobs:\n  build: {run: make}\n");
    world.begin(&run, "build");
    world.input(Input::SessionEnded { agent, session: 1 });
    world.step(Duration::from_secs(600));
    world.agent(2, &[]);
    let why = world.rejected(&run, &[]);
    assert!(why.contains("may still be running") && why.contains("windlass retry shop#1 build"), "{why}");
    world.retry(&run, &["build"]);
    let placed = world.facts.iter().rev().find_map(|(_, fact)| match fact {
        Fact::JobPlaced { attempt, despite, .. } => Some((attempt.0, despite.clone())),
        _ => None,
    });
    assert_eq!(placed, Some((2, Some(Settler::Person("mara".to_owned())))));
    world.assert_replays();
}

#[test]
fn after_a_person_asked_the_attempts_that_are_ours_are_counted_anew() {
    let mut world = World::new();
    world.agent(1, &[]);
    let run = world.run("jobs:\n  build: {run: make}\n");
    let busy = || Outcome::NotStarted { reason: NotStarted::Busy };
    let refuse = |world: &mut World| {
        let fence = world.fence(&run, "build");
        world.report(fence, 1, LineBody::Void { outcome: busy() });
    };
    (0..3).for_each(|_| refuse(&mut world));
    assert_eq!(world.outcome(&run, "build"), Some(busy()));
    world.retry(&run, &[]);
    (0..2).for_each(|_| refuse(&mut world));
    assert_eq!((world.outcome(&run, "build"), world.attempts(&run, "build")), (None, 6));
    world.carry_out(&run, "build", Outcome::Succeeded);
    assert_eq!(world.find(&run).state, RunState::Ended(Outcome::Succeeded));
    world.assert_replays();
}
