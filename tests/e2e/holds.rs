//! What people hold: a lane, a deployment, a batch, everything.

use windlass_tests::harness::{World, until};

use crate::deployments::{all_serve, deploy, pipeline, three_targets};
use crate::windlass;

fn done(world: &World, args: &[&str]) -> String {
    let output = world.windlass(args);
    assert_eq!(output.code, Some(0), "{args:?}: {}{}", output.out, output.err);
    output.out
}

fn refused(world: &World, args: &[&str], code: i32, says: &str) {
    let output = world.windlass(args);
    assert_eq!(output.code, Some(code), "{args:?}: {}{}", output.out, output.err);
    assert!(output.err.contains(says), "{args:?}: {}", output.err);
}

#[test]
fn a_locked_lane_starts_nothing_and_everybody_is_told_whose_lock_it_is() {
    let world = three_targets();
    let api = world.api();
    deploy(&world, "one", false);
    assert_eq!(api.deployed("shop.production.1")["outcome"], "succeeded");
    let locked = done(&world, &["lock", "shop", "production", "--reason", "fair week"]);
    assert!(locked.contains("locked by admin: fair week"), "{locked}");
    let run = deploy(&world, "two", false);
    let why = || api.get(&format!("/runs/{run}/why")).body["items"][0]["waiting"]["text"].clone();
    until("the entry waits for its lane", || (why() == "shop/production is locked by admin: fair week").then_some(()));
    refused(&world, &["lock", "shop", "production", "--reason", "again"], 8, "locked by admin: fair week");
    refused(&world, &["lock", "shpo", "production", "--reason", "typo"], 5, "shpo has no release yet");
    refused(&world, &["unlock", "shop", "production"], 2, "--reason");
    assert!(all_serve(&world, "r1"));
    let back = world.windlass(&["rollback", "shop", "production", "--reason", "no lock holds it", "--follow"]);
    assert_eq!(back.code, Some(0), "{}{}", back.out, back.err);
    done(&world, &["unlock", "shop", "production", "--reason", "over"]);
    assert_eq!(api.deployed("shop.production.2")["outcome"], "succeeded");
    assert!(all_serve(&world, "r2"));
}

#[test]
fn a_batch_that_a_person_promotes_waits_and_the_follower_leaves_with_code_4() {
    let world = three_targets();
    let api = world.api();
    let manual = pipeline("300ms").replace("budget: 0 }", "budget: 0, promote: manual }");
    assert!(manual.contains("promote"), "{manual}");
    world.repository.push_commit("one", &[("windlass.yaml", &manual), ("site/index.html", "one")]);
    world.start_run();
    let paused = || api.get("/deployments/shop.production.1").body["paused"]["reason"] == "promote";
    until("the first batch has passed", || paused().then_some(()));
    let shown = done(&world, &["resume", "shop/production#1", "--reason", "it looks well", "--follow"]);
    assert!(shown.contains("SUCCEEDED"), "{shown}");
    refused(&world, &["resume", "shop/production#1", "--reason", "x"], 8, "shop/production#1 has ended");
    world.repository.push_commit("two", &[("site/index.html", "two")]);
    let run = world.start_run();
    until("it is paused again", || (api.get("/deployments/shop.production.2").body["state"] == "paused").then_some(()));
    let why = world.windlass(&["why", &run]);
    assert!(why.out.contains("`windlass resume shop/production#2`"), "{}{}", why.out, why.err);
    done(&world, &["abort", "shop/production#2", "--reason", "no"]);
    assert_eq!(api.deployed("shop.production.2")["outcome"], "rolled_back");
    done(&world, &["allow", "shop", "production", "r2", "--reason", "it was well"]);
    let followed = world.windlass(&["deploy", "shop", "production", "--follow"]);
    assert_eq!(followed.code, Some(4), "{}{}", followed.out, followed.err);
    assert!(followed.out.contains("next: windlass resume shop/production#3"), "{}", followed.out);
}

#[test]
fn everything_can_be_stopped_and_goes_on_by_a_persons_word_also_over_a_restart() {
    let mut world = three_targets();
    let api = world.api();
    deploy(&world, "one", false);
    assert_eq!(api.deployed("shop.production.1")["outcome"], "succeeded");
    let slow = pipeline("30s");
    world.repository.push_commit("two", &[("windlass.yaml", &slow), ("site/index.html", "two")]);
    world.start_run();
    until("the canary bakes", || (api.get("/deployments/shop.production.2").body["state"] == "baking").then_some(()));
    done(&world, &["stop-all", "--reason", "fire"]);
    world.master.kill();
    world.master.start();
    let status =
        until("the master answers", || Some(world.windlass(&["status"])).filter(|status| status.code == Some(0)));
    assert!(status.err.contains("everything is stopped by admin: fire"), "{}{}", status.out, status.err);
    assert_eq!(api.get("/deployments/shop.production.2").body["paused"]["reason"], "stop_all");
    refused(&world, &["resume", "shop/production#2", "--reason", "x"], 8, "stop-all --lift");
    done(&world, &["abort", "shop/production#2", "--reason", "a person may"]);
    assert_eq!(api.deployed("shop.production.2")["outcome"], "rolled_back");
    assert!(all_serve(&world, "r1"));
    done(&world, &["stop-all", "--lift", "--reason", "it is out"]);
    refused(&world, &["stop-all", "--lift", "--reason", "twice"], 8, "nothing is stopped");
}

#[test]
fn a_plan_waits_for_the_people_whom_the_environment_names() {
    let world = windlass().builder("b1").target("web1").rail("approvals = { required = 1, from = [\"lena\"] }").start();
    let api = world.api();
    let run = deploy(&world, "one", false);
    let proposed = until("a plan is proposed", || {
        let deployment = api.get("/deployments/shop.production.1").body;
        (deployment["state"] == "awaiting_approval").then(|| deployment["proposed"].clone())
    });
    let digits = proposed["digest"].as_str().expect("a digest").get(..8).expect("64 digits").to_owned();
    let why = world.windlass(&["why", &run]);
    let way_out = format!("waits for 1 approval of lena: `windlass approve shop/production#1 --plan {digits}`");
    assert!(why.out.contains(&way_out), "{}{}", why.out, why.err);
    let approve = ["approve", "shop/production#1", "--plan", &digits];
    refused(&world, &approve, 8, "production is approved by lena, not by admin");
    let token = done(&world, &["token", "lena"]).trim().to_owned();
    let lena = [("WINDLASS_URL", api.url()), ("WINDLASS_TOKEN", token.as_str())];
    let other = world.program.run_with("windlass", ["approve", "shop/production#1", "--plan", "0123abcd"], &lena, "");
    assert_eq!(other.code, Some(8), "{}{}", other.out, other.err);
    assert!(other.err.contains("the plan has changed"), "{}", other.err);
    let approved = world.program.run_with("windlass", approve, &lena, "");
    assert_eq!(approved.code, Some(0), "{}{}", approved.out, approved.err);
    assert_eq!(api.deployed("shop.production.1")["outcome"], "succeeded");
}

#[test]
fn a_fix_takes_the_place_of_what_fails_and_no_lock_or_freeze_holds_it() {
    let three = windlass().builder("b1").target("web1").target("web2").target("web3");
    let always =
        ["Mon 00:00 - Thu 12:00 UTC", "Thu 12:00 - Mon 00:00 UTC"].map(|window| format!("{window:?}")).join(", ");
    let mut world = three.start();
    let api = world.api();
    deploy(&world, "one", false);
    assert_eq!(api.deployed("shop.production.1")["outcome"], "succeeded");
    let slow = pipeline("60s");
    world.repository.push_commit("two", &[("windlass.yaml", &slow), ("site/index.html", "two")]);
    world.start_run();
    until("the canary bakes", || (api.get("/deployments/shop.production.2").body["state"] == "baking").then_some(()));
    let take_over =
        ["deploy", "shop", "production", "--release", "r3", "--take-over", "--reason", "the fix", "--follow"];
    refused(&world, &take_over[..6], 2, "--reason");
    let quick = pipeline("300ms");
    world.repository.push_commit("three", &[("windlass.yaml", &quick), ("site/index.html", "three")]);
    world.start_run();
    until("the fix is built", || (api.get("/deployments/shop.production.3").body["state"] == "queued").then_some(()));
    refused(&world, &take_over, 8, "is baking and neither paused nor on its way back");
    done(&world, &["pause", "shop/production#2", "--reason", "errors"]);
    done(&world, &["lock", "shop", "production", "--reason", "incident"]);
    world.master.rail(&format!("freeze = [{always}]"));
    world.master.stop();
    world.master.start();
    let taken = world.windlass(&take_over);
    assert_eq!(taken.code, Some(0), "{}{}", taken.out, taken.err);
    assert!(all_serve(&world, "r3"));
    let old = api.deployed("shop.production.2");
    assert_eq!((&old["outcome"], &old["exit_code"]), (&"aborted".into(), &30.into()), "{old:#}");
    assert!(old["why"].to_string().contains("taken over by shop/production#4"), "{old:#}");
    let status = done(&world, &["status"]);
    assert!(status.contains("refuses r2: \"taken over by admin: the fix\""), "{status}");
    done(&world, &["unlock", "shop", "production", "--reason", "over"]);
    let run = deploy(&world, "four", false);
    let why = || api.get(&format!("/runs/{run}/why")).body["items"][0]["waiting"]["text"].to_string();
    until("the freeze holds it", || why().contains("nothing starts in production within ").then_some(()));
}
