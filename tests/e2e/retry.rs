//! What failed is done again in the same run, and nothing that was there is lost.

use serde_json::{Value, json};
use windlass_tests::harness::{World, until};

use crate::windlass;

/// All of `runs` as the API lists them, once the history can be asked.
fn listed(world: &World, query: &str) -> Vec<String> {
    let items = until("the history answers", || {
        let reply = world.api().get(&format!("/runs{query}"));
        reply.body["items"].as_array().cloned()
    });
    items.iter().map(|run| run["id"].as_str().expect("a run has an id").to_owned()).collect()
}

fn outcomes(job: &Value) -> Vec<Value> {
    let attempts = job["attempts"].as_array().expect("a job has attempts");
    attempts.iter().map(|attempt| attempt["outcome"]["kind"].clone()).collect()
}

#[test]
fn a_run_that_failed_is_tried_again_and_keeps_its_earlier_attempts_and_logs() {
    let mut world = windlass().builder("b1").start();
    let mended = world.folder().join("mended");
    let pipeline = format!(
        "jobs:\n  lint: {{run: echo lint}}\n  build: {{run: 'echo try; test -e {}'}}\n  after: {{needs: [build], run: echo after}}\n",
        mended.display()
    );
    world.repository.push_commit("Build", &[("windlass.yaml", &pipeline)]);
    let failed = world.windlass(&["run", "shop"]);
    assert_eq!(failed.code, Some(1), "{}", failed.err);
    assert!(failed.err.contains("windlass retry shop#1"), "{}", failed.err);
    until("it is in the history", || (listed(&world, "?outcome=failed") == ["shop.1"]).then_some(()));

    let unknown = world.windlass(&["retry", "shop#1", "biuld"]);
    assert_eq!(unknown.code, Some(5), "{}", unknown.err);
    std::fs::write(&mended, "").expect("the world's folder can be written");
    let again = world.windlass(&["retry", "shop#1"]);
    assert_eq!(again.code, Some(0), "{}", again.err);
    assert!(again.out.contains("shop#1: build, after again"), "{}", again.out);
    let ended = world.api().ended("shop.1");
    assert_eq!(ended["outcome"], "succeeded", "{ended:#}");
    let job = |world: &World, job: &str| world.api().get(&format!("/runs/shop.1/jobs/{job}")).body;
    let check = |world: &World| {
        assert_eq!(listed(world, ""), ["shop.1"]);
        assert_eq!(outcomes(&job(world, "build")), [json!("failed"), json!("succeeded")]);
        assert_eq!(outcomes(&job(world, "lint")), [json!("succeeded")]);
        assert_eq!(listed(world, "?outcome=succeeded"), ["shop.1"]);
        assert!(listed(world, "?outcome=failed").is_empty(), "it is not what it was");
        let log = world.windlass(&["logs", "shop#1", "build", "run", "--attempt", "1"]);
        assert_eq!(log.out, "try\n", "{}", log.err);
    };
    until("it is over for the history too", || (listed(&world, "?outcome=succeeded") == ["shop.1"]).then_some(()));
    check(&world);
    world.master.kill();
    std::fs::remove_dir_all(world.master.data_dir().join("history-1")).expect("it was there");
    world.master.start();
    check(&world);
    let nothing = world.windlass(&["retry", "shop#1"]);
    assert_eq!(nothing.code, Some(8), "{}", nothing.err);
    assert!(nothing.err.contains("no job of shop#1 has failed"), "{}", nothing.err);
}

#[test]
fn a_retry_that_is_sent_again_after_the_master_died_is_not_done_twice() {
    let mut world = windlass().builder("b1").start();
    world.repository.push_commit("Build", &[("windlass.yaml", "jobs:\n  build: {run: 'exit 1'}\n")]);
    assert_eq!(world.windlass(&["run", "shop"]).code, Some(1));
    // The answer shows the run, which a master that begins anew reads from its history.
    let retry = |world: &World| {
        until("the run can be read", || {
            let reply = world.api().post_once("/runs/shop.1/retry", "r1", &json!({}));
            (reply.status != 503).then_some(reply.status)
        })
    };
    let over = |world: &World| {
        until("it is over again", || (listed(world, "?outcome=failed") == ["shop.1"]).then_some(()));
    };
    over(&world);
    assert_eq!(retry(&world), 200);
    world.api().ended("shop.1");
    over(&world);
    world.master.kill();
    world.master.start();
    assert_eq!(retry(&world), 200);
    let attempts = world.api().get("/runs/shop.1/jobs/build").body["attempts"].as_array().map(Vec::len);
    assert_eq!((attempts, &world.api().get("/runs/shop.1").body["state"]), (Some(2), &json!("ended")));
    let other = world.api().post_once("/runs/shop.1/retry", "r1", &json!({ "jobs": ["build"] }));
    assert_eq!((other.status, &other.body["code"]), (409, &json!("idempotency-mismatch")));
}
