//! What a lane owes is paid: to who was away, to who joins, and to what a person wants back in line.

use serde_json::{Value, json};
use windlass_tests::harness::{World, until};

use crate::deployments::{all_serve, pipeline, served};
use crate::windlass;

fn lane(world: &World) -> Value {
    world.api().get("/lanes/shop/production").body
}

fn away(world: &World, name: &str) {
    let api = world.api();
    until("it counts as away", || (api.get(&format!("/agents/{name}")).body["state"] != "connected").then_some(()));
}

/// `two` fails its gate on a host on which `broken` lies beside the service; nobody asks `one` for that.
fn deploy(world: &World, content: &str) {
    let gate = if content == "two" { "test ! -e ../../broken" } else { "true" };
    let text = pipeline("300ms").replace("test ! -e bad", gate);
    assert!(text.contains(gate), "{text}");
    world.repository.push_commit(content, &[("windlass.yaml", &text), ("site/index.html", content)]);
    world.start_run();
}

/// Three on r1, and r2 while `web2` was away.
fn one_missed_r2() -> World {
    let three = windlass().builder("b1").target("web1").target("web2").target("web3");
    let mut world = three.rail("max_unavailable = 2").start();
    let api = world.api();
    deploy(&world, "one");
    assert_eq!(api.deployed("shop.production.1")["outcome"], "succeeded");
    world.agent("web2").kill();
    away(&world, "web2");
    deploy(&world, "two");
    assert_eq!(api.deployed("shop.production.2")["outcome"], "incomplete");
    assert_eq!(lane(&world)["owed"][0]["target"], "web2");
    world
}

#[test]
fn who_was_away_is_drained_and_gets_the_release_when_it_is_back() {
    let mut world = one_missed_r2();
    let api = world.api();
    assert!(world.windlass(&["status"]).out.contains("owes web2 (away)"));
    world.agent("web2").start(&api);
    let catch_up = api.deployed("shop.production.3");
    assert_eq!((&catch_up["kind"], &catch_up["outcome"]), (&json!("catch_up"), &json!("succeeded")), "{catch_up:#}");
    assert!(all_serve(&world, "r2"), "{:?}", served(&world));
    let lane = until("the debt is paid", || Some(lane(&world)).filter(|lane| lane["owed"] == json!([])));
    assert_eq!((&lane["last_good"], &lane["catch_up"]), (&json!("r2"), &Value::Null), "{lane:#}");
    let run = catch_up["run"].as_str().expect("a run");
    let (log, _) = api.log(run, "deploy~change@web2", "drain");
    let text = String::from_utf8_lossy(&log);
    assert!(text.contains("is out of traffic"), "{text}");
}

#[test]
fn who_fails_stays_out_of_traffic_and_a_person_brings_it_there() {
    let mut world = one_missed_r2();
    let api = world.api();
    let broken = world.folder().join("web2").join("broken");
    std::fs::write(&broken, "").expect("the world's folder can be written");
    world.agent("web2").start(&api);
    let catch_up = api.deployed("shop.production.3");
    assert_eq!((&catch_up["kind"], &catch_up["outcome"]), (&json!("catch_up"), &json!("incomplete")), "{catch_up:#}");
    let debt = lane(&world)["owed"][0].clone();
    assert_eq!((&debt["target"], debt["next_try"].is_string()), (&json!("web2"), true), "{debt:#}");
    assert!(served(&world)[1].starts_with("r1-"), "{:?}", served(&world));
    let service = || api.get("/agents/web2").body["services"][0].clone();
    let out = until("it says that it is out of traffic", || Some(service()).filter(|seen| seen["drained"] == true));
    assert_eq!(out["health"], "healthy", "out of traffic it is, and well: {out:#}");
    let why = world.windlass(&["why", "web2"]);
    assert!(why.out.contains("it is out of traffic until it has what the lane wants"), "{}{}", why.out, why.err);
    std::fs::remove_file(&broken).expect("it was made");
    let converge = ["converge", "shop", "production", "web2", "--reason", "it is mended"];
    let asked = world.windlass(&converge);
    assert_eq!(asked.code, Some(0), "{}{}", asked.out, asked.err);
    until("the debt is paid", || (lane(&world)["owed"] == json!([])).then_some(()));
    assert!(all_serve(&world, "r2") && service()["drained"] == false, "{:?}", served(&world));
    let again = world.windlass(&converge);
    assert!(again.code != Some(0) && again.err.contains("web2 runs r2-"), "{}{}", again.out, again.err);
    let forgotten = world.windlass(&["forget", "web2", "--reason", "sold"]);
    assert!(forgotten.err.contains("no lane lists web2"), "{}", forgotten.err);
}
