//! Parts die, nothing is lost and nothing runs twice.

use crate::windlass;
use windlass_tests::harness::until;

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
