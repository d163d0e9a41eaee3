//! The way back by hand, on the host itself: no master, no agent, no artifact is needed for it.

use serde_json::Value;
use windlass_tests::harness::{Agent, Output, World, until};

use crate::deployments::{all_serve, deploy, served, three_targets};

fn asks(world: &World, agent: &Agent, args: &[&str]) -> Output {
    let (config, state) = (agent.config().display().to_string(), agent.state_dir().display().to_string());
    let all = args.iter().copied().chain(["--config", &config, "--state-dir", &state]);
    world.program.run_with("windlass-agent", all, &[], "")
}

fn target<'d>(deployment: &'d Value, name: &str) -> &'d Value {
    let mut targets = deployment["targets"].as_array().expect("targets").iter();
    targets.find(|target| target["name"] == name).expect("a target of it")
}

#[test]
fn a_person_on_the_host_goes_back_with_all_else_down_and_only_a_person_moves_it_then() {
    let mut world = three_targets();
    let api = world.api();
    for (number, content) in [(1, "one"), (2, "two")] {
        deploy(&world, content, false);
        assert_eq!(api.deployed(&format!("shop.production.{number}"))["outcome"], "succeeded");
    }
    world.master.kill();
    world.agent("web2").kill();
    std::fs::remove_dir_all(world.master.data_dir().join("blobs")).expect("artifacts were stored");
    let web2 = world.agents.iter().find(|agent| agent.name() == "web2").expect("it was joined");
    let revert = ["revert", "shop", "--reason", "checkout is broken"];
    let wrong = asks(&world, web2, &["revert", "shpo", "--reason", "x"]);
    assert_eq!(wrong.code, Some(1), "{}{}", wrong.out, wrong.err);
    assert!(wrong.err.contains("no such service as shpo") && wrong.err.contains("shop/production"), "{}", wrong.err);
    let back = asks(&world, web2, &revert);
    assert_eq!(back.code, Some(0), "{}{}", back.out, back.err);
    assert!(back.out.contains("shop runs r1-") && back.out.contains("let-go shop"), "{}", back.out);
    assert!(served(&world)[1].starts_with("r1-"), "{:?}", served(&world));
    let twice = asks(&world, web2, &revert);
    assert_eq!(twice.code, Some(1), "{}{}", twice.out, twice.err);
    assert!(twice.err.contains("is in place already; here lie r2-"), "{}", twice.err);

    world.master.start();
    world.agent("web2").start(&api);
    let is_held = |wanted: bool| {
        until("the master knows", || {
            let shown = api.get("/agents/web2").body["services"][0]["held_by_hand"] == wanted;
            shown.then_some(())
        });
    };
    is_held(true);
    assert!(world.windlass(&["status"]).out.contains("held by hand: web2"));
    assert!(world.windlass(&["status"]).out.contains("MIXED: web2 (it runs r1-"));
    deploy(&world, "three", false);
    let third = api.deployed("shop.production.3");
    assert_eq!(third["outcome"], "rejected", "{third:#}");
    assert!(third["why"].to_string().contains("shop/production is mixed"), "{third:#}");
    // A person may, and the others get it.
    let partly = world.windlass(&["deploy", "shop", "production", "--follow"]);
    assert_eq!(partly.code, Some(3), "{}{}", partly.out, partly.err);
    let fourth = api.deployed("shop.production.4");
    assert_eq!((&fourth["outcome"], &target(&fourth, "web2")["why"]), (&"incomplete".into(), &"held by hand".into()));
    assert!(served(&world)[1].starts_with("r1-"), "{:?}", served(&world));
    let web2 = world.agents.iter().find(|agent| agent.name() == "web2").expect("it was joined");
    let let_go = asks(&world, web2, &["let-go", "shop"]);
    assert_eq!(let_go.code, Some(0), "{}{}", let_go.out, let_go.err);
    assert_eq!(asks(&world, web2, &["let-go", "shop"]).code, Some(1), "nobody holds it");
    is_held(false);
    until("the lane pays what it owes", || all_serve(&world, "r3").then_some(()));
}
