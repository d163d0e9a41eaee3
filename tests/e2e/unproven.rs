//! Jobs of which nothing can be proven: the run waits, and goes on as a named person says.

use std::path::Path;

use serde_json::{Value, json};
use windlass_tests::harness::{Output, World, until};

use crate::bad_days::skipped;
use crate::windlass;

/// Its first start copies for ever; a later one is done at once.
fn pipeline(folder: &Path) -> String {
    let folder = folder.display();
    let copy = format!("echo start >> {folder}/starts; test $(wc -l < {folder}/starts) -gt 1 || sleep 600");
    format!("jobs:\n  copy: {{on-unknown: hold, run: '{copy}'}}\n  after: {{needs: [copy], run: echo after}}\n")
}

/// Follows a run of it with the client, until `lost` has taken the proof away and the client has left the run.
fn followed(world: &mut World, lost: impl FnOnce(&mut World)) -> Output {
    world.repository.push_commit("Copy", &[("windlass.yaml", &pipeline(world.folder()))]);
    let (program, folder, api) = (world.program.clone(), world.folder().to_owned(), world.api());
    let following = std::thread::spawn(move || {
        let env = [("WINDLASS_URL", api.url()), ("WINDLASS_TOKEN", api.token())];
        program.run_with("windlass", ["run", "shop"], &env, "")
    });
    until("the job has begun", || folder.join("starts").exists().then_some(()));
    lost(world);
    following.join().expect("the client ends")
}

/// A run whose job has begun and whose shim is killed; it is held.
fn held(world: &World) -> String {
    let _ = std::fs::remove_file(world.folder().join("starts"));
    let run = world.run(&pipeline(world.folder()));
    world.appears("starts");
    world.agents[0].kill_shims();
    let api = world.api();
    until("the run is held", || (api.get(&format!("/runs/{run}")).body["state"] == "held").then_some(()));
    run
}

fn job(world: &World, run: &str, job: &str) -> Value {
    world.api().get(&format!("/runs/{run}/jobs/{job}")).body
}

/// What the client refuses, with its exit code.
fn refused(world: &World, args: &[&str], code: i32, says: &str) {
    let output = world.windlass(args);
    assert_eq!(output.code, Some(code), "{args:?}: {}", output.err);
    assert!(output.err.contains(says), "{args:?}: {}", output.err);
}

#[test]
fn a_run_whose_shim_was_killed_waits_for_a_person_and_goes_on_as_it_says() {
    let mut world = windlass().builder("b1").start();
    let left = followed(&mut world, |world| world.agents[0].kill_shims());
    assert_eq!(left.code, Some(11), "{}{}", left.out, left.err);
    assert!(left.err.contains("hint: windlass settle shop#1 copy succeeded|failed|again --reason"), "{}", left.err);
    let before = job(&world, "shop.1", "copy");
    assert_eq!(before["attempts"][0]["outcome"]["kind"], "unknown", "{before:#}");
    assert_eq!(before["attempts"][0]["outcome"]["reason"], "shim_lost", "{before:#}");

    refused(&world, &["settle", "shop#9", "copy", "again", "--reason", "x"], 5, "there is no run shop#9");
    refused(&world, &["settle", "shop#1", "cpoy", "again", "--reason", "x"], 5, "run shop#1 has no job cpoy");
    refused(&world, &["settle", "shop#1", "after", "failed", "--reason", "x"], 8, "after was not placed yet");
    refused(&world, &["settle", "shop#1", "copy", "maybe", "--reason", "x"], 2, "succeeded, failed, again");
    refused(&world, &["settle", "shop#1", "copy", "again"], 2, "--reason");
    refused(&world, &["settle", "shop#1", "copy", "again", "--reason", " "], 2, "say how you know");

    let again = world.windlass(&["settle", "shop#1", "copy", "again", "--reason", "it can be repeated"]);
    assert_eq!(again.code, Some(0), "{}", again.err);
    let ended = world.api().ended("shop.1");
    assert_eq!(ended["outcome"], "succeeded", "{ended:#}");
    let after = job(&world, "shop.1", "copy");
    assert_eq!(after["attempts"][0]["outcome"]["kind"], "unknown", "it is never rewritten: {after:#}");
    let settlement = &after["attempts"][0]["settlement"];
    assert_eq!((&settlement["as"], &settlement["by"]), (&json!("again"), &json!("admin")), "{after:#}");
    assert_eq!(settlement["reason"], "it can be repeated", "{after:#}");
    assert_eq!(after["attempts"][1]["outcome"]["kind"], "succeeded", "{after:#}");
    let starts = std::fs::read_to_string(world.folder().join("starts")).expect("it began");
    assert_eq!(starts.lines().count(), 2, "once, and once more because a person said so");
    refused(&world, &["settle", "shop#1", "copy", "failed", "--reason", "x"], 8, "error[conflict]");
}

#[test]
fn settled_as_succeeded_or_failed_the_run_goes_on_so_and_the_outcome_stays_unknown() {
    let world = windlass().builder("b1").start();
    let api = world.api();
    for (word, after, outcome) in [("succeeded", "succeeded", "succeeded"), ("failed", "skipped", "failed")] {
        let run = held(&world);
        let path = format!("/runs/{run}/jobs/copy/settle");
        let reply = api.post(&path, &json!({ "as": word, "reason": "I looked" }));
        assert_eq!(reply.status, 200, "{reply:?}");
        let again = api.post(&path, &json!({ "as": "again", "reason": "I changed my mind" }));
        assert_eq!((again.status, &again.body["code"]), (409, &json!("conflict")), "{again:?}");
        let ended = api.ended(&run);
        assert_eq!(ended["outcome"], outcome, "{ended:#}");
        let (copy, next) = (&ended["jobs"][0], &ended["jobs"][1]);
        assert_eq!(
            (&copy["outcome"]["kind"], &copy["settlement"]["as"]),
            (&json!("unknown"), &json!(word)),
            "{ended:#}"
        );
        assert_eq!(next["outcome"]["kind"], after, "{ended:#}");
    }
}

#[test]
fn a_run_whose_host_was_power_cycled_waits_for_a_person_too() {
    if !rustix::process::geteuid().is_root() {
        assert!(std::env::var_os("CI").is_none(), "CI runs as root, so that a reboot is proven");
        skipped("a reboot: it takes root to give a process another boot id");
        return;
    }
    let mut world = windlass().builder("b1").start();
    let left = followed(&mut world, |world| world.agents[0].power_cycle());
    assert_eq!(left.code, Some(11), "{}{}", left.out, left.err);
    assert!(left.err.contains("hint: windlass settle shop#1 copy"), "{}", left.err);
    let attempt = &job(&world, "shop.1", "copy")["attempts"][0];
    assert_eq!(attempt["outcome"]["reason"], "reboot", "{attempt:#}");
    let settled = world.windlass(&["settle", "shop#1", "copy", "succeeded", "--reason", "the copy is whole"]);
    assert_eq!(settled.code, Some(0), "{}", settled.err);
    assert_eq!(world.api().ended("shop.1")["outcome"], "succeeded");
}
