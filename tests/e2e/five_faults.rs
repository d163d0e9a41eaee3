//! The five faults that other systems were measured by: each step is started once, its log is whole, its exit code is its own.

use std::path::Path;
use std::time::Duration;

use windlass_tests::harness::World;

use crate::windlass;

/// The time that a stopped agent stands still: longer than the silence after which either side ends a session.
const FROZEN: Duration = Duration::from_secs(20);

/// Counts its own start outside of the workspace, and waits until it is let go; says `while_waiting` meanwhile.
fn counter(folder: &Path, while_waiting: &str) -> String {
    let folder = folder.display();
    let script = format!(
        "echo start >> {folder}/starts; seq 1 5000; while ! test -e {folder}/go; do {while_waiting} sleep 0.05; done; seq 5001 10000; exit 3"
    );
    format!("jobs:\n  count: {{runs-on: role=build, run: '{script}'}}\n")
}

fn let_go(folder: &Path) {
    std::fs::write(folder.join("go"), "").expect("the world's folder can be written");
}

/// A world in which the step runs and has said so much.
fn running(while_waiting: &str) -> (World, String) {
    let world = windlass().builder("b1").start();
    let run = world.run(&counter(world.folder(), while_waiting));
    world.api().log_reaches(&run, "count", "run", 20_000);
    (world, run)
}

/// One start, the whole log, the right exit code.
fn holds(world: &World, run: &str) {
    let api = world.api();
    let ended = api.ended(run);
    assert_eq!(ended["jobs"][0]["outcome"]["code"], 3, "{ended:#}");
    let (log, _) = api.log(run, "count", "run");
    let text = String::from_utf8_lossy(&log);
    let numbers: Vec<&str> = text.lines().filter(|line| *line != "tick").collect();
    assert!(numbers.iter().map(|line| (*line).to_owned()).eq((1..=10_000).map(|n| n.to_string())), "the log is whole");
    let starts = std::fs::read_to_string(world.folder().join("starts")).expect("it started");
    assert_eq!(starts.lines().count(), 1);
}

#[test]
fn kill_9_of_the_server_loses_no_log_byte_and_starts_nothing_twice() {
    let (mut world, run) = running("echo tick;");
    world.master.kill();
    let_go(world.folder());
    world.master.start();
    holds(&world, &run);
}

#[test]
fn kill_9_of_the_agent_leaves_a_talking_step_running_and_its_end_arrives() {
    let (mut world, run) = running("echo tick;");
    let api = world.api();
    world.agent("b1").kill();
    let_go(world.folder());
    world.agent("b1").start(&api);
    holds(&world, &run);
}

#[test]
fn kill_9_of_the_agent_leaves_a_silent_step_running_and_its_end_arrives() {
    let (mut world, run) = running("");
    let api = world.api();
    world.agent("b1").kill();
    let agent = world.agent("b1");
    agent.start(&api);
    let_go(world.folder());
    holds(&world, &run);
}

#[test]
fn an_agent_that_stands_still_for_20_s_goes_on_as_if_nothing_had_been() {
    let (mut world, run) = running("echo tick;");
    world.agent("b1").freeze();
    // This is the fault itself, and not a wait for something.
    std::thread::sleep(FROZEN);
    let_go(world.folder());
    world.agent("b1").thaw();
    holds(&world, &run);
}

#[test]
fn a_restart_of_the_server_disturbs_no_step() {
    let (mut world, run) = running("echo tick;");
    assert_eq!(world.master.stop(), Some(0));
    let_go(world.folder());
    world.master.start();
    holds(&world, &run);
}
