use super::harness::{World, key};
use crate::input::Input;
use crate::model::{AgentId, Outcome, RunId};
use crate::place::explain;

fn waiting(world: &World, run: &RunId, job: &str) -> Option<(&'static str, String)> {
    let run = world.live(run);
    let job = run.job(&key(job)).expect("the run has the job");
    explain(&world.state, run, job).map(|waiting| (waiting.reason(), waiting.to_string()))
}

fn agent_of(world: &World, run: &RunId, job: &str) -> Option<AgentId> {
    world.live(run).job(&key(job)).expect("the run has the job").attempt().map(|attempt| attempt.agent)
}

#[test]
fn labels_decide_where_a_job_may_run() {
    let mut world = World::new();
    let x86 = world.agent(1, &[("role", "build"), ("arch", "x86_64")]);
    let arm = world.agent(2, &[("role", "build"), ("arch", "arm64")]);
    let rows = [
        ("role=build, arch=arm64", Some(arm)),
        ("arch=arm64|riscv64", Some(arm)),
        ("role=build, !arch=arm64", Some(x86)),
        ("agent=a1", Some(x86)),
        ("role=deploy", None),
        ("!role", None),
    ];
    for (terms, expected) in rows {
        let run = world.run(&format!("jobs:\n  build: {{runs-on: '{terms}', run: make}}\n"));
        assert_eq!(agent_of(&world, &run, "build"), expected, "{terms}");
        if expected.is_some() {
            world.carry_out(&run, "build", Outcome::Succeeded);
        }
    }
}

#[test]
fn every_waiting_job_has_one_reason() {
    let mut world = World::new();
    let run = world.run("jobs:\n  a: {runs-on: role=build, run: x}\n  b: {needs: [a], run: y}\n");
    assert_eq!(waiting(&world, &run, "a"), Some(("no_agent", "none matches `role=build`".to_owned())));
    assert_eq!(waiting(&world, &run, "b"), Some(("needs", "waits for a".to_owned())));
    let agent = world.enrol(1, &[("role", "build")]);
    assert_eq!(waiting(&world, &run, "a").map(|why| why.0), Some("not_taken"), "it never said what it takes");
    world.hello(agent, 1, Vec::new());
    assert_eq!(waiting(&world, &run, "a"), Some(("placed", "placed on a1, not accepted yet".to_owned())));
    world.begin(&run, "a");
    assert_eq!(waiting(&world, &run, "a"), None);
    world.input(Input::SessionEnded { agent, session: 1 });
    let second = world.run("jobs:\n  a: {runs-on: role=build, run: x}\n");
    assert_eq!(waiting(&world, &second, "a").map(|why| why.0), Some("agents_away"));
}

#[test]
fn slots_bound_what_an_agent_does_at_once() {
    let mut world = World::new();
    world.agent(1, &[]);
    let runs: Vec<RunId> = (0..3).map(|_| world.run("jobs:\n  build: {run: make}\n")).collect();
    assert_eq!(waiting(&world, &runs[2], "build"), Some(("agents_full", "a1: every slot is taken".to_owned())));
    world.carry_out(&runs[0], "build", Outcome::Succeeded);
    assert!(agent_of(&world, &runs[2], "build").is_some(), "the oldest that waits gets the slot");
}

#[test]
fn a_job_that_cannot_be_placed_blocks_none_behind_it() {
    let mut world = World::new();
    let agent = world.agent(1, &[]);
    let stuck = world.run("jobs:\n  build: {runs-on: gpu, run: make}\n");
    let next = world.run("jobs:\n  build: {run: make}\n");
    assert_eq!(agent_of(&world, &stuck, "build"), None);
    assert_eq!(agent_of(&world, &next, "build"), Some(agent));
}

#[test]
fn jobs_spread_over_the_agents_with_most_free_slots() {
    let mut world = World::new();
    let first = world.agent(1, &[]);
    let second = world.agent(2, &[]);
    let run = world.run("jobs:\n  a: {run: x}\n  b: {run: y}\n  c: {run: z}\n");
    let chosen: Vec<_> = ["a", "b", "c"].iter().map(|job| agent_of(&world, &run, job)).collect();
    assert_eq!(chosen, [Some(first), Some(second), Some(first)]);
}

#[test]
fn an_agent_with_an_environment_is_never_taken_by_chance() {
    let mut world = World::new();
    let agent = world.agent(1, &[("role", "web")]);
    let entry = world.state.agents.get(&agent).expect("enrolled").as_ref().clone();
    let mut target = entry;
    target.register.environments.insert(super::harness::name("production"));
    world.state.agents.insert_mut(agent, std::sync::Arc::new(target));
    let anywhere = world.run("jobs:\n  build: {run: make}\n");
    assert_eq!(agent_of(&world, &anywhere, "build"), None);
    let named = world.run("jobs:\n  build: {runs-on: role=web, run: make}\n");
    assert_eq!(agent_of(&world, &named, "build"), Some(agent));
}
