//! What an agent may not say, and what people decide about agents.

use std::process::Command;

use serde_json::Value;
use windlass_tests::harness::{World, until};

use crate::windlass;

const HELLO: &str = "jobs:\n  a: {run: echo hello}\n";

fn is_quarantined(world: &World, name: &str, kind: &str) {
    let api = world.api();
    until(&format!("{name} is in quarantine"), || {
        (api.get(&format!("/agents/{name}")).body["quarantine"]["kind"] == kind).then_some(())
    });
}

fn is(world: &World, name: &str, state: &str) {
    let api = world.api();
    until(&format!("{name} is {state}"), || (api.get(&format!("/agents/{name}")).body["state"] == state).then_some(()));
}

/// Asks with the client.
fn asks(world: &World, args: &[&str]) -> String {
    let output = world.windlass(args);
    assert_eq!(output.code, Some(0), "{args:?}: {}", output.err);
    output.out
}

fn waits_because(world: &World, run: &str) -> Value {
    world.api().get(&format!("/runs/{run}/why")).body
}

#[test]
fn a_state_directory_that_was_rolled_back_is_quarantined_until_a_person_readmits_it() {
    let mut world = windlass().builder("b1").start();
    let (api, state) = (world.api(), world.agent("b1").state_dir());
    let kept = state.with_extension("kept");
    world.agent("b1").stop();
    is(&world, "b1", "gone");
    assert!(Command::new("cp").arg("-a").args([&state, &kept]).status().expect("cp runs").success());
    world.agent("b1").start(&api);
    world.agent("b1").stop();
    std::fs::remove_dir_all(&state).expect("nobody uses it");
    std::fs::rename(&kept, &state).expect("nobody uses it");
    world.agent("b1").spawn();
    is_quarantined(&world, "b1", "copied");
    let run = world.run(HELLO);
    assert!(asks(&world, &["agents"]).contains("quarantine: copied"));
    assert!(asks(&world, &["agents", "show", "b1"]).contains("rolled back"));
    assert!(waits_because(&world, &run).to_string().contains("agents_away"));
    asks(&world, &["agents", "readmit", "b1", "--reason", "its disk was restored"]);
    assert_eq!(api.ended(&run)["outcome"], "succeeded");
}

#[test]
fn a_target_that_lost_its_memory_is_quarantined_until_a_person_readmits_it() {
    let mut world = windlass().target("web1").start();
    let state = world.agent("web1").state_dir().join("state");
    world.agent("web1").kill();
    std::fs::remove_file(&state).expect("it is there");
    world.agent("web1").spawn();
    is_quarantined(&world, "web1", "lost_state");
    asks(&world, &["agents", "readmit", "web1", "--reason", "a new disk"]);
    is(&world, "web1", "connected");
}

#[test]
fn a_pause_stands_over_restarts_of_both_sides() {
    let mut world = windlass().builder("b1").start();
    asks(&world, &["agents", "pause", "b1", "--reason", "disk swap"]);
    world.master.kill();
    world.master.start();
    world.agent("b1").kill();
    let api = world.api();
    world.agent("b1").start(&api);
    let run = world.run(HELLO);
    until("the job waits for the end of the pause", || {
        waits_because(&world, &run).to_string().contains("b1 is paused by admin").then_some(())
    });
    assert!(asks(&world, &["agents"]).contains("paused by admin"));
    until("the agent knows it", || world.agent("b1").said().contains("nothing new follows").then_some(()));
    asks(&world, &["agents", "resume", "b1", "--reason", "swapped"]);
    assert_eq!(api.ended(&run)["outcome"], "succeeded");
}

#[test]
fn a_host_can_pause_itself_and_stays_so_over_its_restart() {
    let mut world = windlass().builder("b1").start();
    let state = world.agent("b1").state_dir().display().to_string();
    let says = |world: &World, args: &[&str]| {
        let args = [args, &["--state-dir", &state]].concat();
        let output = world.program.run("windlass-agent", args);
        assert_eq!(output.code, Some(0), "{}", output.err);
    };
    let api = world.api();
    says(&world, &["pause", "--reason", "disk swap"]);
    until("the master knows", || (api.get("/agents/b1").body["paused_on_host"] == "disk swap").then_some(()));
    world.agent("b1").kill();
    world.agent("b1").start(&api);
    let run = world.run(HELLO);
    until("the job waits for the end of the pause", || {
        waits_because(&world, &run).to_string().contains("b1 is paused on its host").then_some(())
    });
    assert!(asks(&world, &["agents"]).contains("paused on its host: \"disk swap\""));
    assert!(asks(&world, &["agents", "show", "b1"]).contains("kills"), "and how it ends jobs");
    says(&world, &["resume"]);
    assert_eq!(api.ended(&run)["outcome"], "succeeded");
}

#[test]
fn a_host_says_who_it_is_and_what_it_holds_also_while_its_agent_is_down_and_then_leaves() {
    let mut world = windlass().builder("b1").start();
    let api = world.api();
    let place = {
        let (config, state) = (world.agent("b1").config(), world.agent("b1").state_dir());
        [config, state].map(|path| path.display().to_string())
    };
    let here = |world: &World, args: &[&str]| {
        let args = [args, &["--config", &place[0], "--state-dir", &place[1]]].concat();
        world.program.run("windlass-agent", args)
    };
    let status = |world: &World| -> serde_json::Value {
        let output = here(world, &["status", "--output", "json"]);
        assert_eq!(output.code, Some(0), "{}", output.err);
        serde_json::from_str(&output.out).expect("one document")
    };
    // The master knows of the session a moment before its Welcome arrives.
    let well = until("the agent has its session", || Some(status(&world)).filter(|well| well["connected"] == true));
    assert_eq!((&well["running"], &well["name"]), (&true.into(), &"b1".into()));
    assert_eq!((&well["agent"], &well["attempts"]), (&api.get("/agents/b1").body["id"], &serde_json::json!([])));
    asks(&world, &["agents", "pause", "b1", "--reason", "disk swap"]);
    until("the agent knows it", || (status(&world)["paused_by_master"] == true).then_some(()));
    asks(&world, &["agents", "resume", "b1", "--reason", "swapped"]);

    let run = world.run("jobs:\n  a: {run: 'echo begun; sleep 600'}\n");
    api.log_reaches(&run, "a", "run", 6);
    world.agent("b1").kill();
    let down = status(&world);
    assert_eq!((&down["running"], &down["connected"]), (&false.into(), &false.into()), "{down:#}");
    assert_eq!((&down["attempts"][0]["state"], &down["attempts"][0]["job"]), (&"running".into(), &"a".into()));
    let text = here(&world, &["status"]).out;
    assert!(text.contains("the agent does not run") && text.contains("shop#1 a attempt 1"), "{text}");
    let refused = here(&world, &["leave", "--discard"]);
    assert!(refused.code == Some(1) && refused.err.contains("still run"), "{}", refused.err);

    world.agent("b1").start(&api);
    assert_eq!(here(&world, &["leave"]).code, Some(1), "the agent runs");
    asks(&world, &["cancel", &run.replace('.', "#")]);
    until("nothing is held", || (status(&world)["attempts"] == serde_json::json!([])).then_some(()));
    world.agent("b1").stop();
    let left = here(&world, &["leave"]);
    assert_eq!(left.code, Some(0), "{}", left.err);
    assert!(left.out.contains("windlass agents remove"), "{}", left.out);
    for gone in [["status"], ["run"], ["leave"]] {
        let output = here(&world, &gone);
        assert_eq!(output.code, Some(78), "{gone:?}: {}", output.err);
    }
    assert!(asks(&world, &["agents", "remove", "b1", "--reason", "it left"]).contains("removed by admin"));
}

#[test]
fn a_job_that_asks_for_more_than_its_host_gives_is_denied_and_one_that_asks_for_less_runs() {
    let mut world = windlass().start();
    let grant = serde_json::json!({ "name": "b1", "labels": {} });
    world.add_agent(&grant, "[policy]\nprojects = [\"shop\"]\n[limits]\nmemory = \"1GiB\"\npids = 100\n");
    let outcome = |limits: &str| {
        let run = world.run(&format!("jobs:\n  a: {{limits: {limits}, run: 'true'}}\n"));
        world.api().ended(&run)["jobs"][0]["outcome"].clone()
    };
    assert_eq!(outcome("{memory: 512MiB, cpu: 0.5, pids: 50}")["kind"], "succeeded");
    let denied = outcome("{pids: 101}");
    assert_eq!(denied["kind"], "not_started", "{denied:#}");
    assert!(denied["reason"].to_string().contains("limits.pids"), "{denied:#}");
}

#[test]
fn a_removed_agent_does_not_come_back_and_what_it_had_is_unknown() {
    let mut world = windlass().builder("b1").start();
    let run = world.run("jobs:\n  a: {run: 'echo begun; sleep 600'}\n");
    let api = world.api();
    api.log_reaches(&run, "a", "run", 6);
    let removed = asks(&world, &["agents", "remove", "b1", "--reason", "sold"]);
    assert!(removed.contains("removed by admin"), "{removed}");
    let ended = api.ended(&run);
    assert_eq!(ended["jobs"][0]["outcome"]["kind"], "unknown", "{ended:#}");
    assert_eq!(ended["jobs"][0]["outcome"]["reason"], "agent_removed", "{ended:#}");
    until("the agent is told", || world.agent("b1").said().contains("was removed").then_some(()));
    assert_eq!(api.get("/agents").body["items"], serde_json::json!([]));
    world.agent("b1").kill();
}
