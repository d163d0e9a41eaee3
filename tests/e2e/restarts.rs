//! Parts die, nothing is lost and nothing runs twice.

use std::path::Path;

use crate::windlass;
use windlass_tests::harness::until;

/// Counts its own start outside of the workspace, talks, and waits until it is let go.
fn talker(folder: &Path) -> String {
    let folder = folder.display();
    let script = format!(
        "echo start >> {folder}/starts; seq 1 5000; while ! test -e {folder}/go; do echo tick; sleep 0.05; done; seq 5001 10000; exit 3"
    );
    format!("jobs:\n  talk: {{runs-on: role=build, run: '{script}'}}\n")
}

fn starts(folder: &Path) -> usize {
    std::fs::read_to_string(folder.join("starts")).expect("it started").lines().count()
}

fn let_go(folder: &Path) {
    std::fs::write(folder.join("go"), "").expect("the world's folder can be written");
}

/// All numbers in order, with any number of ticks between.
fn is_whole(log: &[u8]) -> bool {
    let text = String::from_utf8_lossy(log);
    let numbers: Vec<u32> = text.lines().filter(|line| *line != "tick").filter_map(|line| line.parse().ok()).collect();
    numbers == (1..=10_000).collect::<Vec<u32>>()
}

#[test]
fn a_killed_master_loses_no_log_byte_and_starts_nothing_twice() {
    let mut world = windlass().builder("b1").start();
    let run = world.run(&talker(world.folder()));
    world.api().log_reaches(&run, "talk", "run", 20_000);
    world.master.kill();
    let_go(world.folder());
    world.master.start();
    let api = world.api();
    let ended = api.ended(&run);
    assert_eq!(ended["jobs"][0]["outcome"]["code"], 3, "{ended:#}");
    assert!(is_whole(&api.log(&run, "talk", "run").0));
    assert_eq!(starts(world.folder()), 1);
}

#[test]
fn a_killed_agent_leaves_the_step_running_and_its_end_arrives() {
    let mut world = windlass().builder("b1").start();
    let run = world.run(&talker(world.folder()));
    let api = world.api();
    api.log_reaches(&run, "talk", "run", 20_000);
    world.agent("b1").kill();
    let_go(world.folder());
    let agent = world.agent("b1");
    agent.start(&api);
    let ended = api.ended(&run);
    assert_eq!(ended["jobs"][0]["outcome"]["code"], 3, "{ended:#}");
    assert!(is_whole(&api.log(&run, "talk", "run").0));
    assert_eq!(starts(world.folder()), 1);
}

#[test]
fn an_agent_forgets_what_is_safe_with_the_master() {
    let mut world = windlass().builder("b1").start();
    let run = world.run("jobs:\n  a: {run: echo hello}\n");
    assert_eq!(world.api().ended(&run)["outcome"], "succeeded");
    let attempts = world.agent("b1").state_dir().join("attempts");
    until("the attempt's directory is gone", || {
        std::fs::read_dir(&attempts).expect("the agent has it").next().is_none().then_some(())
    });
}

#[test]
fn the_journal_is_the_truth_and_the_history_can_be_deleted() {
    let mut world = windlass().builder("b1").start();
    for text in ["jobs:\n  a: {run: echo one}\n", "jobs:\n  a: {run: exit 4}\n", "jobs:\n  a: {run: echo three}\n"] {
        let run = world.run(text);
        world.api().ended(&run);
    }
    settled(&world);
    let before = world.windlass(&["runs", "--output", "json"]);
    assert_eq!(before.code, Some(0), "{}", before.err);
    assert!(before.out.contains("shop.3"), "{}", before.out);
    assert_eq!(world.master.stop(), Some(0));
    std::fs::remove_dir_all(world.master.data_dir().join("history-1")).expect("it was there");
    world.master.start();
    let after = until("the history is rebuilt", || {
        let listed = world.windlass(&["runs", "--output", "json"]);
        (listed.code == Some(0)).then_some(listed.out)
    });
    assert_eq!(after, before.out);
}

/// Nothing of any run is open: every log is sealed and every attempt forgotten.
fn settled(world: &windlass_tests::harness::World) {
    let api = world.api();
    until("every log is sealed", || {
        let runs = api.get("/runs").body["items"].as_array().cloned()?;
        let sealed = runs.iter().all(|run| {
            let id = run["id"].as_str().expect("a run has an id");
            let (_, headers) = api.log(id, "a", "run");
            headers.iter().any(|(name, value)| name == "windlass-log-state" && value == "sealed")
        });
        sealed.then_some(())
    });
}

#[test]
fn a_clean_stop_ends_with_code_0() {
    let mut world = windlass().builder("b1").start();
    assert_eq!(world.agent("b1").stop(), Some(0));
    assert_eq!(world.master.stop(), Some(0));
}
