//! What people read, from answers as the API gives them.

use serde_json::{Value, json};
use windlass_core::model::UnixMs;
use windlass_proto::api::{Agent, Deployment, Lane, Master, Run};

use super::{agents, deployment, lanes, master, runs, targets};
use crate::exit::Exit;
use crate::text::Reader;

/// 2026-11-22T14:05:00Z, in UTC.
fn reader() -> Reader {
    Reader { now: UnixMs(1_795_356_300_000), zone: jiff::tz::TimeZone::UTC }
}

fn job(key: &str, state: &str, outcome: Value) -> Value {
    json!({ "key": key, "needs": [], "state": state, "stopping": false, "attempt": 1, "agent": "b1", "waiting": null,
        "outcome": outcome, "started": "2026-11-22T14:02:08.000Z", "ended": null })
}

fn run(state: &str, outcome: Value, jobs: &[Value]) -> Run {
    let run = json!({ "id": "shop.43", "project": "shop", "number": 43, "state": state, "outcome": outcome,
        "revision": "4f2a91c0".repeat(5), "title": "Tax table 2026", "author": "Mara", "branch": "main",
        "trigger": { "kind": "manual", "actor": "mara", "time": "2026-11-22T14:02:07.113Z" },
        "created": "2026-11-22T14:02:07.113Z", "started": "2026-11-22T14:02:07.200Z", "ended": null, "jobs": jobs });
    serde_json::from_value(run).expect("it has the shape of a run")
}

#[test]
fn a_list_of_runs_names_what_failed() {
    let failed = json!({ "kind": "failed", "code": 101 });
    let jobs = [job("build", "ended", json!({ "kind": "succeeded" })), job("test", "ended", failed)];
    insta::assert_snapshot!(runs::list(&[run("ended", json!("failed"), &jobs)], &reader()));
}

#[test]
fn a_running_run_says_how_far_it_is() {
    let jobs = [job("build", "ended", json!({ "kind": "succeeded" })), job("test", "running", Value::Null)];
    let run = run("running", Value::Null, &jobs);
    assert_eq!(runs::state(&run), "running 1/2");
    insta::assert_snapshot!(runs::one(&run, &reader()));
}

#[test]
fn an_agent_without_a_session_says_since_when() {
    let agent = json!({ "name": "web3", "id": "7aa835da-3bd5-49d4-8072-e734ec3afbf4", "state": "gone",
        "since": "2026-11-22T09:14:00.000Z", "slots_used": 0, "slots": 4, "labels": { "role": "web", "agent": "web3" },
        "register": { "name": "web3", "labels": { "role": "web" }, "projects": [], "environments": ["production"], "jobs": false },
        "takes_projects": ["shop"], "takes_environments": ["production"], "program": "windlass-agent 0.1.0",
        "enrolled": "2026-11-01T09:14:00.000Z", "services": [] });
    let agent: Agent = serde_json::from_value(agent).expect("it has the shape of an agent");
    insta::assert_snapshot!(agents::list(&[agent], &reader()));
}

#[test]
fn one_agent_says_all_that_a_person_must_know() {
    let word = |reason: &str| json!({ "by": "ines", "reason": reason, "time": "2026-11-22T13:00:00.000Z" });
    let agent = json!({ "name": "web3", "id": "7aa835da-3bd5-49d4-8072-e734ec3afbf4", "state": "gone",
        "since": "2026-11-22T09:14:00.000Z", "slots_used": 1, "slots": 4, "labels": { "role": "web", "agent": "web3" },
        "register": { "name": "web3", "labels": { "role": "web" }, "projects": [], "environments": ["production"], "jobs": false },
        "takes_projects": ["shop"], "takes_environments": ["production"], "program": "windlass-agent 0.1.0",
        "enrolled": "2026-11-01T09:14:00.000Z", "services": [], "paused": word("disk swap"),
        "quarantine": { "kind": "copied", "why": "its incarnation is 5, 5 is on file", "since": "2026-11-22T12:00:00.000Z" },
        "silent_since": "2026-11-22T12:00:00.000Z", "alarm": "2026-11-22T12:10:00.000Z",
        "turned_away": { "time": "2026-11-22T14:00:00.000Z", "why": "this agent is in quarantine" },
        "kill_mode": "cgroup", "spool_bytes": 4301220, "disk_free_bytes": 7516192768_u64, "clock_ahead_ms": -90500,
        "found": [{ "fence": "481287471104", "run": "shop#44", "job": "build", "attempt": 1, "lines": 3 }] });
    let agent: Agent = serde_json::from_value(agent).expect("it has the shape of an agent");
    insta::assert_snapshot!(agents::one(&agent, &reader()));
}

/// An agent whose clock is so far ahead, in milliseconds.
fn with_clock(name: &str, ahead: i64) -> Agent {
    let agent = json!({ "name": name, "id": "7aa835da-3bd5-49d4-8072-e734ec3afbf4", "state": "connected",
        "since": "2026-11-22T09:14:00.000Z", "slots_used": 0, "slots": 4, "labels": {},
        "register": { "name": name, "labels": {}, "projects": [], "environments": [], "jobs": false },
        "takes_projects": [], "takes_environments": [], "program": "", "enrolled": "2026-11-01T09:14:00.000Z",
        "services": [], "clock_ahead_ms": ahead });
    serde_json::from_value(agent).expect("it has the shape of an agent")
}

#[test]
fn what_is_wrong_with_the_master_and_with_clocks_is_said_with_the_way_out() {
    let with = |level: &str, ahead: i64, lost: Value, stopped: Value| -> Master {
        let disk = json!({ "level": level, "total_bytes": 53687091200_u64, "free_bytes": 2147483648_u64 });
        let master = json!({ "name": "cd", "version": "0.1.0", "epoch": 7, "now": "2026-11-22T14:05:00.000Z",
            "clock_ahead_ms": ahead, "disk": disk, "lost_runs": lost, "stopped": stopped });
        serde_json::from_value(master).expect("it has the shape of a master")
    };
    let good = with("plenty", 60_000, json!([]), json!([]));
    assert!(master::warnings(Some(&good), &[with_clock("b1", -60_000)]).is_empty());
    let lost = json!([{ "project": "shop", "first": 3, "last": 9 }, { "project": "docs", "first": 1, "last": 1 }]);
    let bad = with("tight", -75_000, lost, json!(["shop"]));
    insta::assert_snapshot!(master::warnings(Some(&bad), &[with_clock("b1", 0), with_clock("b2", 61_000)]).join("\n"));
}

#[test]
fn a_master_that_is_too_old_to_say_how_it_is_is_no_error_and_clocks_are_still_compared() {
    let told = master::warnings(None, &[with_clock("b2", 61_000)]);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("this master is older than this client"), "{told:?}");
    assert!(told[1].starts_with("the clock of b2"), "{told:?}");
}

fn deployment(state: &str, targets: &[(&str, &str, Option<&str>)]) -> Deployment {
    let target = |(name, state, running): &(&str, &str, Option<&str>)| {
        json!({ "name": name, "state": state, "why": null, "batch": 0, "way_back": "r17-90ab12cd", "job": null,
            "touched": *state != "waiting", "since": "2026-11-22T14:02:10.000Z", "running": running })
    };
    let targets: Vec<Value> = targets.iter().map(target).collect();
    let batch = json!({ "targets": ["web1"], "at_once": 1, "bake_ms": 2000, "budget": 0 });
    let deployment = json!({ "id": "shop.production.31", "lane": "shop/production", "number": 31, "kind": "forward",
        "release": "r18", "state": state, "batch": 0, "outcome": null, "exit_code": null, "why": "", "run": "shop.43",
        "entry": "production", "by": "pipeline", "reason": "", "generation": 58, "failures": 0, "batches": [batch],
        "targets": targets, "requested": "2026-11-22T14:02:07.000Z", "started": "2026-11-22T14:02:07.000Z",
        "rollback_started": null, "ended": null });
    serde_json::from_value(deployment).expect("it has the shape of a deployment")
}

#[test]
fn each_change_of_a_target_is_one_line() {
    let before = deployment("changing", &[("web1", "changing", Some("r17-90ab12cd")), ("web2", "waiting", None)]);
    let now = deployment("baking", &[("web1", "confirmed", Some("r18-4f2a91c0")), ("web2", "waiting", None)]);
    let told = deployment::changes(Some(&before), &now, &reader());
    assert_eq!(told, ["baking  batch 1 of 1: web1", "14:02:10  web1      confirmed, r18 answers"]);
    assert!(deployment::changes(Some(&now), &now, &reader()).is_empty());
}

#[test]
fn the_end_of_a_deployment_says_what_answers_and_the_exit_code() {
    let mut over =
        deployment("ended", &[("web1", "reverted", Some("r17-90ab12cd")), ("web2", "waiting", Some("r17-90ab12cd"))]);
    over.outcome = Some("rolled_back".to_owned());
    over.exit_code = Some(20);
    over.why = "gate up".to_owned();
    over.ended = Some("2026-11-22T14:02:49.000Z".parse().expect("a time"));
    let text = deployment::ended(&over);
    assert_eq!(text, "ROLLED BACK in 42 s · 2 of 2 targets answer r17 · gate up · exit code 20");
    assert_eq!(Exit::of_deployment(&over), Exit::Deployment(20));
}

fn owing_lane() -> Lane {
    let owed = |target: &str, why: &str, more: Value| {
        let mut debt = json!({ "target": target, "why": why, "since": "2026-11-22T13:00:00.000Z" });
        debt.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        debt
    };
    let lane = json!({ "id": "kiosk/kiosks", "service": "kiosk", "environment": "kiosks", "generation": 214,
        "desired": "r78", "last_good": "r77", "active": null, "pending": null, "last": "kiosk.kiosks.9", "lock": null,
        "refused": [], "catch_up": null, "fenced": false,
        "owed": [owed("oslo-12", "away", json!({})),
            owed("oslo-13", "deploy/change@oslo-13 failed(1)", json!({ "next_try": "2026-11-22T14:10:00.000Z" })),
            owed("oslo-14", "stuck: the disk is full", json!({ "waits_for_person": true }))],
        "drifted": [{ "target": "oslo-15", "why": "it runs r70-00000000, held by hand" }],
        "left": [{ "target": "oslo-16", "why": "it left, and runs r70-00000000" }] });
    serde_json::from_value(lane).expect("it has the shape of a lane")
}

fn kiosk(name: &str, state: &str, running: &str, more: Value) -> Agent {
    let mut service = json!({ "lane": "kiosk/kiosks", "linked": running, "running": running, "health": "healthy",
        "healthy_for_ms": 0, "flaps": 0, "generation": 198, "held_by_hand": false, "drained": false });
    service.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    let agent = json!({ "name": name, "id": "7aa835da-3bd5-49d4-8072-e734ec3afbf4", "state": state,
        "since": "2026-11-22T07:41:00.000Z", "slots_used": 0, "slots": 4, "labels": {},
        "register": { "name": name, "labels": {}, "projects": [], "environments": ["kiosks"], "jobs": false },
        "takes_projects": [], "takes_environments": [], "program": "", "enrolled": "2026-11-01T09:14:00.000Z",
        "services": [service] });
    serde_json::from_value(agent).expect("it has the shape of an agent")
}

#[test]
fn a_target_that_is_not_as_its_lane_wants_it_is_told_why_and_what_comes_next() {
    let lanes = [owing_lane()];
    let all = [
        kiosk("oslo-12", "gone", "r75-00000000", json!({})),
        kiosk("oslo-13", "connected", "r75-00000000", json!({ "drained": true })),
        kiosk("oslo-14", "connected", "r75-00000000", json!({ "health": "unhealthy" })),
        kiosk("oslo-15", "connected", "r70-00000000", json!({ "held_by_hand": true })),
        kiosk("oslo-16", "connected", "r70-00000000", json!({})),
        kiosk("oslo-17", "connected", "r78-00000000", json!({})),
    ];
    let each: Vec<String> = all.iter().map(|agent| targets::why(agent, &lanes, &reader())).collect();
    insta::assert_snapshot!(each.join("\n"));
    insta::assert_snapshot!(lanes::status(&lanes, &all));
}
