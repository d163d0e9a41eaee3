//! A master that is lost and comes back from a backup: what happened since is found out, and nothing runs twice.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use windlass_tests::harness::{World, until};

use crate::windlass;

/// Counts its starts, and waits until it is let go.
fn pipeline(folder: &Path, job: &str) -> String {
    let folder = folder.display();
    let script = format!("echo start >> {folder}/starts-{job}; while ! test -e {folder}/go-{job}; do sleep 0.05; done");
    format!("jobs:\n  {job}: {{runs-on: role=build, run: '{script}'}}\n")
}

/// Starts a run of one job, and waits until it has begun.
fn begin(world: &World, job: &str) -> String {
    let run = world.run(&pipeline(world.folder(), job));
    world.appears(&format!("starts-{job}"));
    run
}

fn let_go(world: &World, job: &str) {
    std::fs::write(world.folder().join(format!("go-{job}")), "").expect("the world's folder can be written");
}

/// A run from its begin to its end.
fn whole(world: &World, job: &str) -> String {
    let run = begin(world, job);
    let_go(world, job);
    assert_eq!(world.api().ended(&run)["outcome"], "succeeded");
    run
}

/// The attempts that the agent still keeps.
fn kept(world: &mut World) -> usize {
    let attempts = world.agent("b1").state_dir().join("attempts");
    std::fs::read_dir(attempts).expect("the agent has it").count()
}

fn job_of(world: &World, run: &str) -> Value {
    world.api().get(&format!("/runs/{run}")).body["jobs"][0].clone()
}

/// The master dies with all it has; what the backup has of it is put in its place.
fn lose_and_restore(world: &mut World, backup: &str) {
    world.master.kill();
    let (data, lost, restored) =
        (world.master.data_dir(), world.folder().join("lost"), world.folder().join("restored"));
    let output = world.master.run(&["restore", backup, &restored.display().to_string()]);
    assert_eq!(output.code, Some(0), "{}", output.err);
    std::fs::rename(&data, &lost).expect("nobody uses it");
    std::fs::rename(&restored, &data).expect("nobody uses it");
    let copied = Command::new("cp").arg("-a").arg(lost.join("identity")).arg(&data).status();
    assert!(copied.expect("cp runs").success());
    world.master.start();
}

#[test]
fn a_restored_master_holds_everything_finds_out_what_happened_and_runs_nothing_twice() {
    let mut world = windlass().builder("b1").slots(4).start();
    assert_eq!(whole(&world, "over"), "shop.1");
    let held = begin(&world, "held");
    let gone = begin(&world, "gone");
    until("only two attempts are open", || (kept(&mut world) == 2).then_some(()));
    let backup = world.folder().join("backup").display().to_string();
    let output = world.master.run(&["backup", &backup]);
    assert_eq!(output.code, Some(0), "{}", output.err);

    let_go(&world, "gone");
    assert_eq!(world.api().ended(&gone)["outcome"], "succeeded");
    let since = [whole(&world, "later"), begin(&world, "unheard")];
    assert_eq!(since, ["shop.4", "shop.5"]);
    until("what is over is forgotten", || (kept(&mut world) == 2).then_some(()));

    lose_and_restore(&mut world, &backup);
    let api = world.api();
    let projects = world.windlass(&["projects"]);
    assert!(projects.err.contains("windlass projects start shop"), "{}", projects.err);
    until("the agent is back", || (api.get("/agents/b1").body["state"] == "connected").then_some(()));
    until("nobody holds it", || (job_of(&world, &gone)["outcome"]["reason"] == "restored").then_some(()));
    assert_eq!(job_of(&world, &gone)["outcome"]["kind"], "unknown");
    let found = until("the agent says what it holds", || {
        api.get("/agents/b1").body["found"].as_array().filter(|found| !found.is_empty()).cloned()
    });
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].to_string().contains("unheard"), "{found:?}");
    assert_eq!(api.get("/runs/shop.1").body["outcome"], "succeeded");
    for run in since {
        assert_eq!(api.get(&format!("/runs/{run}")).status, 404, "{run} was made after the backup");
    }

    let new = world.run(&pipeline(world.folder(), "new"));
    assert_eq!(new, "shop.1004", "no number means two things");
    assert_eq!(job_of(&world, &new)["waiting"]["reason"], "stopped");
    let_go(&world, "held");
    assert_eq!(api.ended(&held)["outcome"], "succeeded", "what is held goes on");
    assert_eq!(job_of(&world, &new)["state"], "waiting");
    assert!(!world.folder().join("starts-new").exists(), "nothing is placed before a person has looked");
    let started = world.windlass(&["projects", "start", "shop", "--reason", "b1 is back"]);
    assert_eq!(started.code, Some(0), "{}", started.err);
    let_go(&world, "new");
    assert_eq!(api.ended(&new)["outcome"], "succeeded");
    let again = api.post("/projects/shop/start", &json!({ "reason": "b1 is back" }));
    assert_eq!(again.status, 409, "it is started: {again:?}");

    let_go(&world, "unheard");
    until("what was found has ended", || world.agent("b1").shims().is_empty().then_some(()));
    for job in ["over", "held", "gone", "later", "unheard", "new"] {
        let starts = std::fs::read_to_string(world.folder().join(format!("starts-{job}"))).expect("it began");
        assert_eq!(starts.lines().count(), 1, "{job}");
    }
}
