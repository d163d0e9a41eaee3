//! Releases reach three targets, and come back.
//!
//! The service is a static one: no process, `running` is what it serves. The demo deploys one that is a process.

use serde_json::{Value, json};
use windlass_tests::harness::{Api, World, until};

use crate::windlass;

/// `bad` in the release makes its gate fail; `bake` is how long each batch bakes.
pub(crate) fn pipeline(bake: &str) -> String {
    format!(
        r#"
services:
  shop:
    artifact: shop.tar
    root: /srv/shop
    hooks: {{ start: cp WINDLASS_RELEASE ../../running, stop: rm -f ../../running }}
    identity: {{ command: cat ../../running }}
    gates: {{ up: {{ command: "test ! -e bad", every: 100ms, steady: 200ms, grace: 0s, deadline: 20s }} }}
jobs:
  build: {{ runs-on: role=build, run: "true", artifacts: {{ shop.tar: ["site/**", bad] }} }}
  production:
    needs: [build]
    deploy: {{ service: shop, environment: production, strategy: [{{ targets: 1, bake: {bake}, budget: 0 }}, {{ targets: rest, bake: {bake} }}] }}
"#
    )
}

pub(crate) fn three_targets() -> World {
    windlass().builder("b1").target("web1").target("web2").target("web3").start()
}

pub(crate) fn deploy(world: &World, content: &str, bad: bool) -> String {
    let mut files = vec![("windlass.yaml", pipeline("300ms")), ("site/index.html", content.to_owned())];
    if bad {
        files.push(("bad", "x".to_owned()));
    }
    let borrowed: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    world.repository.push_commit(content, &borrowed);
    world.start_run()
}

/// What each target serves.
pub(crate) fn served(world: &World) -> Vec<String> {
    let read = |name: &str| {
        let path = world.folder().join(name).join("running");
        std::fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default()
    };
    ["web1", "web2", "web3"].map(read).to_vec()
}

fn release(deployment: &Value) -> String {
    deployment["release"].as_str().expect("a release").to_owned()
}

pub(crate) fn all_serve(world: &World, release: &str) -> bool {
    served(world).iter().all(|name| name.starts_with(&format!("{release}-")))
}

#[test]
fn a_good_release_is_confirmed_by_every_target() {
    let world = three_targets();
    let run = deploy(&world, "one", false);
    let api = world.api();
    let deployment = api.deployed("shop.production.1");
    assert_eq!(deployment["outcome"], "succeeded", "{deployment:#}");
    assert!(all_serve(&world, &release(&deployment)), "{:?}", served(&world));
    assert_eq!(api.ended(&run)["outcome"], "succeeded");
    let status = world.windlass(&["status"]);
    assert!(status.out.contains("shop/production"), "{}{}", status.out, status.err);
    assert!(status.out.contains("3 of 3"), "{}", status.out);
}

#[test]
fn a_bad_release_goes_back_by_itself_and_untouched_targets_stay_alone() {
    let world = three_targets();
    deploy(&world, "one", false);
    let api = world.api();
    assert_eq!(api.deployed("shop.production.1")["outcome"], "succeeded");
    let run = deploy(&world, "two", true);
    let deployment = api.deployed("shop.production.2");
    assert_eq!(deployment["outcome"], "rolled_back", "{deployment:#}");
    assert!(all_serve(&world, "r1"), "{:?}", served(&world));
    let touched = |target: &&Value| target["touched"] == true;
    assert_eq!(deployment["targets"].as_array().map(|targets| targets.iter().filter(touched).count()), Some(1));
    assert_eq!(api.ended(&run)["outcome"], "failed");
    let followed = world.windlass(&["deploy", "shop", "production", "--follow"]);
    assert_ne!(followed.code, Some(0), "the lane refuses it: {}{}", followed.out, followed.err);
}

#[test]
fn a_deployment_that_was_skipped_begins_when_what_it_needs_is_done_again_and_is_not_done_again_itself() {
    let world = three_targets();
    let mended = world.folder().join("mended");
    let text = pipeline("300ms").replace(r#"run: "true""#, &format!("run: test -e {}", mended.display()));
    assert!(text.contains("test -e /"), "{text}");
    world.repository.push_commit("one", &[("windlass.yaml", &text), ("site/index.html", "one")]);
    let run = world.start_run();
    let api = world.api();
    let failed = api.ended(&run);
    assert_eq!(failed["jobs"][1]["outcome"]["kind"], "skipped", "{failed:#}");
    std::fs::write(&mended, "").expect("the world's folder can be written");
    let again = api.post(&format!("/runs/{run}/retry"), &json!({}));
    assert_eq!(again.status, 200, "{again:?}");
    assert_eq!(api.deployed("shop.production.1")["outcome"], "succeeded");
    assert_eq!(api.ended(&run)["outcome"], "succeeded");
    for job in ["build", "production", "production/change@web1"] {
        let refused = api.post(&format!("/runs/{run}/retry"), &json!({ "jobs": [job] }));
        assert_eq!((refused.status, &refused.body["code"]), (409, &json!("conflict")), "{job}: {refused:?}");
        assert!(refused.body["detail"].to_string().contains("deployment"), "{job}: {refused:?}");
    }
}

#[test]
fn a_person_can_go_back_and_forward_again() {
    let world = three_targets();
    let api = world.api();
    deploy(&world, "one", false);
    assert_eq!(api.deployed("shop.production.1")["outcome"], "succeeded");
    deploy(&world, "two", false);
    assert_eq!(api.deployed("shop.production.2")["outcome"], "succeeded");
    let back = api.post("/lanes/shop/production/rollback", &json!({ "to": "r1", "reason": "two is slow" }));
    assert!(back.status == 200 || back.status == 201 || back.status == 202, "{back:?}");
    assert_eq!(api.deployed("shop.production.3")["outcome"], "succeeded");
    assert!(all_serve(&world, "r1"), "{:?}", served(&world));
    let forward = world.windlass(&["deploy", "shop", "production", "--release", "r2", "--follow"]);
    assert_eq!(forward.code, Some(0), "{}{}", forward.out, forward.err);
    assert!(all_serve(&world, "r2"), "{:?}", served(&world));
}

#[test]
fn a_target_that_is_away_is_owed_the_release_by_name() {
    let mut world = three_targets();
    world.agent("web2").kill();
    let api = world.api();
    until("web2 counts as away", || (api.get("/agents/web2").body["state"] != "connected").then_some(()));
    deploy(&world, "one", false);
    let deployment = api.deployed("shop.production.1");
    assert_eq!(deployment["outcome"], "incomplete", "{deployment:#}");
    let owed = deployment["targets"].as_array().expect("targets").iter().find(|target| target["name"] == "web2");
    assert!(owed.is_none_or(|target| target["state"] == "owed"), "{deployment:#}");
    assert_eq!(served(&world)[1], "");
}

#[test]
fn a_master_killed_in_a_rollout_goes_on_with_it() {
    let mut world = three_targets();
    deploy(&world, "one", false);
    changing(&world.api());
    world.master.kill();
    world.master.start();
    let deployment = world.api().deployed("shop.production.1");
    assert_eq!(deployment["outcome"], "succeeded", "{deployment:#}");
    assert!(all_serve(&world, "r1"), "{:?}", served(&world));
}

fn changing(api: &Api) {
    until("a target is being changed", || {
        let state = api.get("/deployments/shop.production.1").body["state"].clone();
        (state == "changing" || state == "baking").then_some(())
    });
}
