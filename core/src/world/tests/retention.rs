//! What expires, what does not, and that nobody is woken for nothing.

use super::harness::{World, name};
use crate::effect::Effect;
use crate::fact::Fact;
use crate::input::Input;
use crate::model::{Config, Duration, Outcome, ProjectName, Retention, RunId, UnixMs};
use crate::retention::{KEPT_ALWAYS, has_expired, has_lost_logs, old_below};
use crate::touched::Touched;
use crate::world::{effects, next_deadline};

const ONE: &str = "jobs:\n  build: {run: make}\n";
const DAY: Duration = Duration::from_secs(24 * 3600);

fn days(count: u64) -> Duration {
    Duration::from_ms(count * DAY.ms())
}

fn run(number: u64) -> RunId {
    RunId { project: name("shop"), number }
}

/// A master that keeps logs for 10 days and runs for 30, at the beginning of a day.
fn world() -> World {
    let mut world = World::new();
    world.now = UnixMs(100 * DAY.ms());
    world.agent(1, &[]);
    let retention = Retention { runs: Some(days(30)), logs: Some(days(10)) };
    let config = Config { retention, ..world.state.config.as_ref().clone() };
    world.input(Input::Configure(Box::new(config)));
    world
}

impl World {
    /// So many runs that are over.
    fn runs(&mut self, count: u64) {
        for _ in 0..count {
            let run = self.run(ONE);
            self.carry_out(&run, "build", Outcome::Succeeded);
        }
    }

    /// Wakes at each deadline up to a time, as the engine does.
    fn live_until(&mut self, until: UnixMs) {
        while let Some(due) = next_deadline(&self.state, self.now).filter(|due| *due <= until) {
            assert!(due > self.now, "a deadline that has come was met: {due:?}");
            self.now = due;
            let facts = self.facts.len();
            self.input(Input::Wake);
            assert!(self.facts.len() > facts, "nobody is woken for nothing");
        }
        self.now = until;
    }

    /// Up to which number the logs, and the runs, have expired.
    fn expired(&self) -> (u64, u64) {
        let shop = self.state.projects.get(&name::<ProjectName>("shop")).expect("it is configured");
        (shop.logs.from, shop.runs.from)
    }
}

#[test]
fn logs_expire_first_and_runs_later_day_by_day() {
    let mut world = world();
    let begun = world.now;
    world.runs(5);
    world.now = begun.after(DAY);
    world.runs(3 + KEPT_ALWAYS);
    world.live_until(begun.after(days(11)).before(Duration::from_ms(1)));
    assert_eq!(world.expired(), (0, 0), "the last of the day is not ten days old yet");
    world.live_until(begun.after(days(11)));
    assert_eq!(world.expired(), (6, 0), "those of the first day");
    assert!(has_lost_logs(&world.state, &run(5)) && !has_lost_logs(&world.state, &run(6)));
    world.live_until(begun.after(days(12)));
    assert_eq!(world.expired(), (9, 0), "all but the newest twenty");
    world.live_until(begun.after(days(31)));
    assert_eq!(world.expired(), (9, 6));
    assert!(has_expired(&world.state, &run(5)) && !has_expired(&world.state, &run(6)));
    world.live_until(begun.after(days(400)));
    assert_eq!(world.expired(), (9, 9), "the newest are kept whatever their age");
    world.assert_replays();
}

#[test]
fn a_run_that_is_not_over_holds_back_its_project_and_nobody_is_woken_for_it() {
    let mut world = world();
    let begun = world.now;
    world.runs(2);
    let open = world.run(ONE);
    world.begin(&open, "build");
    world.runs(KEPT_ALWAYS);
    world.now = begun.after(days(11));
    world.input(Input::Wake);
    assert_eq!(world.expired(), (open.number, 0));
    assert_eq!(next_deadline(&world.state, world.now), Some(begun.after(days(31))), "of the first two runs");
    world.live_until(begun.after(days(90)));
    assert_eq!(world.expired(), (3, 3));
    let fence = world.fence(&open, "build");
    world.carry_out_rest(fence, Outcome::Succeeded);
    assert_eq!(world.expired(), (4, 4), "it was old, and is over now");
    world.assert_replays();
}

#[test]
fn many_runs_expire_with_facts_of_a_bounded_number_each() {
    let mut world = world();
    let begun = world.now;
    for _ in 0..2_500 {
        let created = world.run(ONE);
        world.input(Input::CancelRun { run: created, jobs: vec![], by: "anna".into(), why: "x".into(), force: false });
        let open: Vec<RunId> = world.state.runs.keys().cloned().collect();
        for run in open {
            let fence = world.fence(&run, "build");
            let void = crate::attempt::LineBody::Void { outcome: Outcome::Cancelled };
            world.report(fence, 1, void);
        }
    }
    let facts = world.facts.len();
    world.live_until(begun.after(days(11)));
    let below: Vec<u64> = world.facts[facts..]
        .iter()
        .filter_map(|(_, fact)| if let Fact::LogsExpired { below, .. } = fact { Some(*below) } else { None })
        .collect();
    assert_eq!(below, [1_000, 2_000, 2_501 - KEPT_ALWAYS]);
}

#[test]
fn a_project_may_have_times_of_its_own_and_without_times_nothing_expires() {
    for (own, expired) in [
        (Retention { runs: Some(days(3)), logs: Some(days(2)) }, (2, 2)),
        (Retention { runs: Some(days(30)), logs: Some(days(2)) }, (2, 0)),
        (Retention::default(), (0, 0)),
    ] {
        let mut world = world();
        let begun = world.now;
        let mut config = world.state.config.as_ref().clone();
        config.retention_by_project.insert(name("shop"), own);
        world.input(Input::Configure(Box::new(config)));
        world.runs(1 + KEPT_ALWAYS);
        world.live_until(begun.after(days(5)));
        assert_eq!(world.expired(), expired, "{own:?}");
    }
}

#[test]
fn the_files_of_expired_logs_are_to_be_removed_then_and_at_every_start() {
    let mut world = world();
    let remove = Effect::RemoveLogs(name("shop"));
    let all = Touched { all: true, ..Touched::default() };
    let begun = world.now;
    world.runs(1 + KEPT_ALWAYS);
    assert!(!effects(&world.state, &all).contains(&remove), "nothing has expired");
    world.live_until(begun.after(days(11)));
    assert!(effects(&world.state, &all).contains(&remove), "a crash may have come between fact and files");
    let shop = Touched { projects: [name("shop")].into(), ..Touched::default() };
    assert!(effects(&world.state, &shop).contains(&remove));
}

#[test]
fn a_run_whose_logs_have_expired_is_not_taken_up_again() {
    let mut world = world();
    let begun = world.now;
    world.runs(1 + KEPT_ALWAYS);
    world.live_until(begun.after(days(11)));
    let over = std::sync::Arc::new(world.find(&run(1)).clone());
    let again =
        Input::Retry { run: run(1), over: Some(over), jobs: vec![super::harness::key("build")], by: "mara".to_owned() };
    let refusal = world.refusal(again);
    assert!(refusal.to_string().contains("the logs of shop#1 have expired"), "{refusal}");
}

#[test]
fn a_clock_that_leapt_deletes_nothing_and_neither_does_a_project_that_is_gone() {
    let mut world = world();
    world.runs(30);
    world.now = world.now.after(days(3_650));
    world.input(Input::Begin { epoch: 2, restored: false });
    assert_eq!(
        (world.expired(), next_deadline(&world.state, world.now)),
        ((0, 0), None),
        "years went by, or the clock is wrong"
    );
    let projects = world.state.config.projects.clone();
    let gone = Config { projects: Default::default(), ..world.state.config.as_ref().clone() };
    world.input(Input::Configure(Box::new(gone.clone())));
    world.input(Input::Begin { epoch: 3, restored: false });
    assert_eq!(
        (world.expired(), next_deadline(&world.state, world.now)),
        ((0, 0), None),
        "nobody says how long it is kept"
    );
    world.input(Input::Configure(Box::new(Config { projects, ..gone })));
    world.input(Input::Wake);
    assert_eq!(world.expired(), (11, 11), "the newest twenty stay");
    world.assert_replays();
}

#[test]
fn logs_are_old_by_day_but_not_of_open_or_the_newest_runs_nor_by_a_clock_that_leapt() {
    let mut world = world();
    let begun = world.now;
    world.runs(2);
    world.now = begun.after(DAY);
    let open = world.run(ONE);
    world.begin(&open, "build");
    world.runs(1 + KEPT_ALWAYS);
    let old = |world: &World, age| old_below(&world.state, world.now, &name("shop"), age);
    world.now = begun.after(days(3)).before(Duration::from_ms(1));
    assert_eq!(old(&world, days(2)), 1, "the first day is not over so long");
    world.now = begun.after(days(3));
    assert_eq!((old(&world, days(2)), old(&world, days(3))), (3, 1), "those of the first day");
    world.now = begun.after(days(4));
    assert_eq!(old(&world, days(2)), open.number, "it may still write");
    let fence = world.fence(&open, "build");
    world.carry_out_rest(fence, Outcome::Succeeded);
    assert_eq!(old(&world, days(2)), 5, "all but the newest twenty");
    world.now = begun.after(days(3_650));
    world.input(Input::Begin { epoch: 2, restored: false });
    assert_eq!(old(&world, days(2)), 0, "nobody knows how late it is");
}
