//! Requests that come again.

use serde_json::json;

use super::access::enrol;
use super::master::{Master, Response};
use crate::http::idempotency::Keys;
use crate::http::routes::routes;

/// Signed in, with this key.
fn once(master: &Master, key: &str, path: &str, body: &str) -> Response {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    master.ask("POST", &format!("/api/v1{path}"), &headers, body.as_bytes())
}

/// The status, and whether it is called a repeat.
fn told(response: &Response) -> (u16, bool) {
    (response.status, response.headers.get("idempotency-replayed").is_some_and(|value| value == "true"))
}

#[test]
fn the_same_idempotency_key_is_the_same_run_and_another_body_is_refused() {
    let master = Master::start();
    let start = |key: &str, body: &str| once(&master, key, "/projects/shop/runs", body);
    let first = start("k1", r#"{"branch": "main"}"#);
    assert_eq!((first.status, first.headers.get("idempotency-replayed")), (201, None));
    let again = start("k1", r#"{"branch": "main"}"#);
    assert_eq!((again.status, again.headers["idempotency-replayed"].as_str()), (201, "true"));
    assert_eq!(again.json()["id"], first.json()["id"]);
    let other = start("k1", r#"{"branch": "main", "jobs": ["build"]}"#);
    assert_eq!((other.status, other.problem().as_str()), (409, "idempotency-mismatch"));
    assert_eq!(start("k2", r#"{"branch": "main", "jobs": ["build"]}"#).json()["id"], "shop.2");
}

#[test]
fn a_retry_and_a_cancel_that_come_again_do_nothing_and_are_answered_as_before() {
    let master = Master::start();
    assert_eq!(master.post("/api/v1/projects/shop/runs", &json!({})).status, 201);
    let ask = |key: &str, verb: &str, body: &str| once(&master, key, &format!("/runs/shop.1/{verb}"), body);
    let state = || master.get("/api/v1/runs/shop.1").json()["state"].clone();
    assert_eq!(told(&ask("c1", "cancel", "{}")), (202, false));
    assert_eq!(state(), "ended");
    assert_eq!(told(&ask("c1", "cancel", "{}")), (202, true), "it was right when it came first");
    assert_eq!(ask("c2", "cancel", "{}").status, 409, "another one is another request");

    let first = ask("r1", "retry", "{}");
    assert_eq!((told(&first), state()), ((200, false), json!("waiting")), "{}", first.text());
    assert_eq!(told(&ask("c2", "cancel", "{}")), (202, false), "what was refused may be asked again");
    let again = ask("r1", "retry", "{}");
    assert_eq!((told(&again), state()), ((200, true), json!("ended")), "it is not done a second time");
    assert_eq!(again.json()["id"], "shop.1");
    assert_eq!(told(&ask("c1", "cancel", "{}")), (202, true));

    for (verb, body) in [("retry", r#"{"jobs": ["build"]}"#), ("retry", ""), ("cancel", "{}")] {
        let other = ask("r1", verb, body);
        assert_eq!((other.status, other.problem().as_str()), (409, "idempotency-mismatch"), "{verb} {body}");
    }
    assert_eq!(state(), "ended");
}

#[test]
fn a_verb_of_an_agent_is_carried_out_once_and_a_key_belongs_to_its_path() {
    let master = Master::start();
    enrol(&master, "web1");
    let ask = |key: &str, verb: &str| once(&master, key, &format!("/agents/web1/{verb}"), r#"{"reason": "disk swap"}"#);
    assert_eq!(told(&ask("k1", "pause")), (200, false));
    let other = ask("k1", "resume");
    assert_eq!((other.status, other.problem().as_str()), (409, "idempotency-mismatch"), "the same body elsewhere");
    assert_eq!(told(&ask("k2", "resume")), (200, false));
    let late = ask("k1", "pause");
    assert_eq!((told(&late), &late.json()["paused"]), ((200, true), &json!(null)), "it is not paused again");
}

#[test]
fn a_key_belongs_to_a_subject() {
    let master = Master::start();
    assert_eq!(told(&once(&master, "k", "/projects/shop/runs", "{}")), (201, false));
    let made = master.post("/api/v1/tokens", &json!({"subject": "ci-shop"})).json();
    let bearer = format!("Bearer {}", made["token"].as_str().expect("shown once"));
    let headers = [("authorization", bearer.as_str()), ("idempotency-key", "k")];
    let theirs = master.send("POST", "/api/v1/projects/shop/runs", &headers, b"");
    assert_eq!((theirs.status, &theirs.json()["id"]), (201, &json!("shop.2")));
}

/// Every row that keeps keys refuses what is none; those that change something and keep none refuse every key.
#[test]
fn each_post_that_changes_something_checks_its_key() {
    let master = Master::start();
    let mut kept = 0;
    for route in routes() {
        let path = route.path.replace("{project}", "shop").replace("{run}", "shop.1").replace("{agent}", "web1");
        let path = path.trim_start_matches("/api/v1");
        let bad: &[&str] = match route.keys {
            Keys::Kept => &["", "with space", "\u{fc}", "x\ty"],
            Keys::Refused => &["", "k"],
            Keys::Ignored => continue,
        };
        kept += usize::from(route.keys == Keys::Kept);
        for key in bad.iter().copied().chain([["x"; 256].concat().as_str()]) {
            let response = once(&master, key, path, "{}");
            assert_eq!((response.status, response.problem().as_str()), (400, "bad-request"), "{path} {key:?}");
        }
    }
    assert!(kept >= 11, "{kept} rows keep keys");
}
