//! What people read, from answers as the API gives them.

use serde_json::{Value, json};
use windlass_core::model::UnixMs;
use windlass_proto::api::{Agent, Run};

use super::{agents, runs};
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
