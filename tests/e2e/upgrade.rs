//! A host gets a new agent while jobs run.

use std::path::Path;

use serde_json::json;
use windlass_tests::harness::{Agent, Windlass, until};

const JOBS: usize = 10;
const LINES: usize = 2_000;

/// Ten jobs that talk, wait until they are let go, talk on, and end with codes of their own.
fn pipeline(folder: &Path) -> String {
    let folder = folder.display();
    let job = |number: usize| {
        let half = LINES / 2;
        let script = format!(
            "echo start >> {folder}/starts-{number}; seq 1 {half}; while ! test -e {folder}/go; do sleep 0.05; done; seq {} {LINES}; exit {number}",
            half + 1
        );
        format!("  talk-{number}: {{runs-on: role=build, run: '{script}'}}\n")
    };
    let jobs: String = (1..=JOBS).map(job).collect();
    format!("jobs:\n{jobs}")
}

/// What the shims of an agent execute, one path each.
fn programs_of_shims(agent: &Agent) -> Vec<String> {
    let program = |shim| Some(std::fs::read_link(format!("/proc/{shim}/exe")).ok()?.display().to_string());
    agent.shims().into_iter().filter_map(program).collect()
}

#[test]
fn agent_binary_replaced_and_restarted_while_ten_jobs_run() {
    let bin = tempfile::tempdir().expect("a temporary folder");
    let program = bin.path().join("windlass");
    let built = Path::new(env!("CARGO_BIN_EXE_windlass-under-test"));
    std::fs::copy(built, &program).expect("copied");
    let mut world = Windlass::new(program.to_str().expect("a path of ours")).start();
    let grant = json!({ "name": "b1", "labels": { "role": "build" } });
    world.add_agent(&grant, &format!("slots = {JOBS}\n[policy]\nprojects = [\"shop\"]\nsteps = \"any\"\n"));
    let run = world.run(&pipeline(world.folder()));
    for number in 1..=JOBS {
        world.api().log_reaches(&run, &format!("talk-{number}"), "run", 3_000);
    }

    let new = bin.path().join("windlass.new");
    std::fs::copy(built, &new).expect("copied");
    std::fs::rename(&new, &program).expect("replaced, as an upgraded package does");
    assert_eq!(world.agent("b1").stop(), Some(0));
    let api = world.api();
    world.agent("b1").start(&api);
    let old = format!("{} (deleted)", program.display());
    assert_eq!(programs_of_shims(world.agent("b1")), vec![old; JOBS], "the shims go on with the old program");
    std::fs::write(world.folder().join("go"), "").expect("the world's folder can be written");

    let ended = api.ended(&run);
    let jobs = ended["jobs"].as_array().expect("a run has jobs");
    assert_eq!(jobs.len(), JOBS, "{ended:#}");
    for number in 1..=JOBS {
        let name = format!("talk-{number}");
        let job = jobs.iter().find(|job| job["key"] == name.as_str());
        assert_eq!(job.map(|job| job["outcome"]["code"].clone()), Some(json!(number)), "{ended:#}");
        let (log, _) = api.log(&run, &name, "run");
        let numbers: Vec<usize> = String::from_utf8_lossy(&log).lines().filter_map(|line| line.parse().ok()).collect();
        assert_eq!(numbers, (1..=LINES).collect::<Vec<_>>(), "{name}");
        let starts = std::fs::read_to_string(world.folder().join(format!("starts-{number}"))).expect("it started");
        assert_eq!(starts.lines().count(), 1, "{name}");
    }
    until("no shim is left", || programs_of_shims(world.agent("b1")).is_empty().then_some(()));
}
