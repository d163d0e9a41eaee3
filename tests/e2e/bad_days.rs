//! Things that are not there, or there twice: one clear sentence with the way out, and nothing lost.

use serde_json::json;
use windlass_tests::harness::until;

use crate::windlass;

#[test]
fn a_port_in_use_is_one_sentence_with_the_way_out() {
    let world = windlass().start();
    let address = world.master.address("http");
    let other = world.folder().join("other").display().to_string();
    let init = world.master.run(&["init", "--data-dir", &other]);
    assert_eq!(init.code, Some(0), "{}", init.err);
    world.master.configure(&address, "127.0.0.1:0");
    let second = world.master.run(&["serve", "--data-dir", &other]);
    assert_eq!(second.code, Some(1), "{}", second.err);
    assert!(second.err.contains(&format!("cannot listen on {address}")), "{}", second.err);
    assert!(second.err.contains("hint: "), "{}", second.err);
}

#[test]
fn a_data_directory_has_one_master() {
    let world = windlass().start();
    let second = world.master.run(&["serve"]);
    assert_eq!(second.code, Some(1), "{}", second.err);
    assert!(second.err.contains("is used by another process"), "{}", second.err);
    let again = world.master.run(&["init"]);
    assert_ne!(again.code, Some(0));
}

#[test]
fn a_data_directory_of_another_cluster_is_refused_and_not_changed() {
    let mut world = windlass().start();
    assert_eq!(world.master.stop(), Some(0));
    let other = world.folder().join("other");
    let init = world.master.run(&["init", "--data-dir", &other.display().to_string()]);
    assert_eq!(init.code, Some(0), "{}", init.err);
    let journal = world.master.data_dir().join("journal");
    let segment = std::fs::read_dir(&journal).expect("it is there").next().expect("a segment").expect("a segment");
    let name = segment.file_name();
    std::fs::copy(other.join("journal").join(&name), journal.join(&name)).expect("copied");
    let before = std::fs::read(journal.join(&name)).expect("it is there");
    let start = world.master.run(&["serve"]);
    assert_eq!(start.code, Some(75), "{}", start.err);
    assert!(start.err.contains("belongs to another cluster"), "{}", start.err);
    assert!(std::fs::read(journal.join(&name)).expect("it is there") == before, "nothing was changed");
}

#[test]
fn a_join_token_serves_once() {
    let mut world = windlass().builder("b1").start();
    let api = world.api();
    let reply = api.post("/join-tokens", &json!({ "name": "b2", "labels": {} }));
    let token = reply.body["token"].as_str().expect("a token").to_owned();
    let second = world.folder().join("second").display().to_string();
    let config = world.folder().join("second.toml").display().to_string();
    let join = |state: &str| {
        let args = ["join", api.url(), "--token-file", "-", "--config", &config, "--state-dir", state];
        world.program.run_with("windlass-agent", args, &[], &token)
    };
    let first = join(&second);
    assert_eq!(first.code, Some(0), "{}", first.err);
    let again = join(&world.folder().join("third").display().to_string());
    assert_ne!(again.code, Some(0));
    assert!(again.err.contains("was used"), "{}", again.err);
    assert!(again.err.contains("hint: "), "{}", again.err);
    assert_eq!(world.agent("b1").name(), "b1");
}

#[test]
fn a_job_waits_for_an_agent_that_is_down_and_says_so() {
    let mut world = windlass().builder("b1").start();
    world.agent("b1").kill();
    let run = world.run("jobs:\n  a: {runs-on: role=build, run: echo hello}\n");
    let api = world.api();
    until("the job says why it waits", || {
        let reason = api.get(&format!("/runs/{run}")).body["jobs"][0]["waiting"]["reason"].clone();
        (reason == "agents_away").then_some(())
    });
    let agent = world.agent("b1");
    agent.start(&api);
    assert_eq!(api.ended(&run)["outcome"], "succeeded");
}

#[test]
fn a_repository_that_is_gone_is_one_sentence() {
    let world = windlass().builder("b1").start();
    std::fs::rename(world.repository.bare(), world.folder().join("elsewhere.git")).expect("it is ours");
    let reply = world.api().post("/projects/shop/runs", &json!({ "branch": "main" }));
    assert!(reply.status >= 400, "{reply:?}");
    let detail = reply.body["detail"].as_str().expect("a sentence").to_owned();
    assert!(detail.contains("shop.git"), "{detail}");
}

#[test]
fn whoever_has_no_token_learns_nothing() {
    let world = windlass().start();
    let api = world.api();
    let outsider = world.program.run_with("windlass", ["runs"], &[("WINDLASS_URL", api.url())], "");
    assert_eq!(outsider.code, Some(2), "{}", outsider.err);
    assert!(outsider.err.contains("hint: "), "{}", outsider.err);
    let wrong = [("WINDLASS_URL", api.url()), ("WINDLASS_TOKEN", "wl_nonsense")];
    let refused = world.program.run_with("windlass", ["runs"], &wrong, "");
    assert_eq!(refused.code, Some(6), "{}", refused.err);
    let nobody = [("WINDLASS_URL", "http://127.0.0.1:1"), ("WINDLASS_TOKEN", "wl_nonsense")];
    let away = world.program.run_with("windlass", ["runs"], &nobody, "");
    assert_eq!(away.code, Some(7), "{}", away.err);
}

#[test]
fn a_full_disk_is_one_sentence_and_nothing_is_lost() {
    if !rustix::process::geteuid().is_root() {
        assert!(std::env::var_os("CI").is_none(), "CI runs as root, so that a full disk is proven");
        skipped("a full disk: it takes root to mount a small volume");
        return;
    }
    let world = windlass().builder("b1").small_disk().start();
    let run = world.run("jobs:\n  a: {run: seq 1 1000}\n");
    let api = world.api();
    assert_eq!(api.ended(&run)["outcome"], "succeeded");
    let filler = world.master.data_dir().join("filler");
    let mut file = std::fs::File::create(&filler).expect("the volume can be written");
    let full = std::io::copy(&mut std::io::repeat(0), &mut file).expect_err("the volume is small");
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    let said = world.windlass(&["run", "shop"]);
    assert_eq!(said.code, Some(7), "{}", said.err);
    assert!(said.err.contains("disk is full; free some space"), "{}", said.err);
    drop(file);
    std::fs::remove_file(&filler).expect("it is ours");
    let again = until("there is room again", || {
        let reply = api.post("/projects/shop/runs", &json!({ "branch": "main" }));
        (reply.status == 201).then(|| reply.body["id"].as_str().expect("a run has an id").to_owned())
    });
    assert_eq!(api.ended(&again)["outcome"], "succeeded");
    let numbers: String = (1..=1000).map(|n| format!("{n}\n")).collect();
    assert_eq!(String::from_utf8_lossy(&api.log(&run, "a", "run").0), numbers);
    assert_eq!(String::from_utf8_lossy(&api.log(&again, "a", "run").0), numbers);
}

/// Says what is skipped, also where the output of tests that pass is captured.
pub(crate) fn skipped(what: &str) {
    use std::io::Write;
    writeln!(std::io::stderr(), "skipped: {what}").expect("somebody reads");
}
