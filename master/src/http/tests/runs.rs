//! Runs from their start to their end, as a tool sees them.

use serde_json::json;

use super::master::{Master, commit};

#[test]
fn a_run_is_started_waits_for_an_agent_and_is_cancelled() {
    let master = Master::start();
    let started = master.post("/api/v1/projects/shop/runs", &json!({}));
    assert_eq!(
        (started.status, started.headers["location"].as_str()),
        (201, "/api/v1/runs/shop.1"),
        "{}",
        started.text()
    );
    let run = started.json();
    assert_eq!((&run["id"], &run["state"], &run["branch"]), (&json!("shop.1"), &json!("waiting"), &json!("main")));
    assert_eq!((&run["revision"], &run["title"]), (&json!(master.revision), &json!("Begin")));
    assert_eq!((&run["trigger"]["kind"], &run["trigger"]["actor"]), (&json!("manual"), &json!("admin")));
    assert_eq!(run["jobs"][0]["waiting"]["reason"], "no_agent");
    assert_eq!(run["jobs"][1]["waiting"], json!({"reason": "needs", "text": "waits for build"}));
    let why = master.get("/api/v1/runs/shop.1/why").json();
    assert_eq!(why["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(master.get("/api/v1/queue").json()["items"], why["items"]);
    let plan = master.get("/api/v1/runs/shop.1/plan").json();
    assert_eq!(plan["jobs"][1]["needs"], json!(["build"]));
    assert_eq!(plan["jobs"][0]["steps"][0]["script"], "make");

    let cancelled = master.post("/api/v1/runs/shop.1/cancel", &json!({"reason": "wrong branch"}));
    assert_eq!((cancelled.status, cancelled.text().as_str()), (202, ""));
    let ended = master.get("/api/v1/runs/shop.1").json();
    assert_eq!((&ended["state"], &ended["outcome"]), (&json!("ended"), &json!("cancelled")));
    let again = master.post("/api/v1/runs/shop.1/cancel", &json!({}));
    assert_eq!((again.status, again.problem().as_str()), (409, "conflict"));
}

#[test]
fn runs_are_listed_newest_first_in_pages_whether_live_or_over() {
    let master = Master::start();
    for _ in 0..5 {
        assert_eq!(master.post("/api/v1/projects/shop/runs", &json!({})).status, 201);
    }
    for over in [1, 3] {
        assert_eq!(master.post(&format!("/api/v1/runs/shop.{over}/cancel"), &json!({})).status, 202);
    }
    let (mut seen, mut path) = (Vec::new(), "/api/v1/runs?limit=2".to_owned());
    loop {
        let page = master.get(&path).json();
        seen.extend(
            page["items"].as_array().expect("items").iter().map(|run| run["number"].as_u64().expect("a number")),
        );
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/v1/runs?limit=2&cursor={next}");
    }
    assert_eq!(seen, [5, 4, 3, 2, 1]);
    let cancelled = master.get("/api/v1/runs?project=shop&outcome=cancelled").json();
    let numbers: Vec<_> =
        cancelled["items"].as_array().expect("items").iter().map(|run| run["number"].clone()).collect();
    assert_eq!(numbers, [json!(3), json!(1)]);
    assert_eq!(master.get("/api/v1/runs?project=docs").json(), json!({"items": [], "next": null}));
}

#[test]
fn what_cannot_be_started_says_why() {
    let master = Master::start();
    let start = |project: &str, body: serde_json::Value| {
        let response = master.post(&format!("/api/v1/projects/{project}/runs"), &body);
        (response.status, response.problem())
    };
    assert_eq!(start("nothing", json!({})), (404, "not-found".to_owned()));
    assert_eq!(start("shop", json!({"branch": "--upload-pack=id"})), (422, "wrong-params".to_owned()));
    assert_eq!(start("shop", json!({"branch": "nothing"})), (422, "wrong-params".to_owned()));
    assert_eq!(start("shop", json!({"revision": "HEAD"})), (422, "wrong-params".to_owned()));
    assert_eq!(start("shop", json!({"revision": "0123456789".repeat(4)})), (422, "wrong-params".to_owned()));
    assert_eq!(start("shop", json!({"jobs": ["no-such"]})), (404, "not-found".to_owned()));
    assert_eq!(start("shop", json!({"params": {}})), (422, "wrong-params".to_owned()));
    assert_eq!(master.get("/api/v1/runs").json()["items"], json!([]), "nothing came of it");
}

#[test]
fn errors_of_the_pipeline_file_are_the_answer_to_a_manual_start() {
    let master = Master::start();
    std::fs::write(master.repository().join("windlass.yaml"), "jobs:\n  build:\n    runn: make\n").expect("a file");
    commit(&master.repository(), "Break it");
    let response = master.post("/api/v1/projects/shop/runs", &json!({}));
    assert_eq!((response.status, response.problem().as_str()), (422, "pipeline-errors"));
    let problems = &response.json()["problems"];
    let unknown = problems.as_array().expect("problems").iter().find(|problem| problem["code"] == "unknown-key");
    assert_eq!(unknown.map(|problem| &problem["line"]), Some(&json!(3)), "{problems}");
    let lint = master.post("/api/v1/lint", &json!({"text": "jobs:\n  build:\n    runn: make\n"})).json();
    assert_eq!((&lint["ok"], &lint["problems"]), (&json!(false), problems), "`lint` says the same");
}

#[test]
fn a_settlement_that_settles_nothing_says_why() {
    let master = Master::start();
    master.post("/api/v1/projects/shop/runs", &json!({}));
    let settle = |run: &str, job: &str, body: serde_json::Value| {
        let response = master.post(&format!("/api/v1/runs/{run}/jobs/{job}/settle"), &body);
        (response.status, response.problem(), response.json()["detail"].as_str().expect("a sentence").to_owned())
    };
    let word = || json!({"as": "failed", "reason": "I looked"});
    let open = settle("shop.1", "build", word());
    assert_eq!((open.0, open.1.as_str()), (409, "conflict"));
    assert_eq!(open.2, "there is nothing to settle: build was not placed yet");
    assert_eq!(settle("shop.1", "nothing", word()).0, 404);
    assert_eq!(settle("shop.9", "build", word()).0, 404);
    for wrong in
        [json!({"as": "maybe", "reason": "x"}), json!({"as": "failed"}), json!({"as": "failed", "reason": " "})]
    {
        assert_eq!(settle("shop.1", "build", wrong.clone()).0, 422, "{wrong}");
    }
    master.post("/api/v1/runs/shop.1/cancel", &json!({}));
    assert_eq!(settle("shop.1", "build", word()).0, 409, "it has ended");
}

#[test]
fn wait_answers_when_the_run_changes() {
    let master = Master::start();
    master.post("/api/v1/projects/shop/runs", &json!({}));
    let began = std::time::Instant::now();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| master.get("/api/v1/runs/shop.1?wait=60s").json());
        // Whichever comes first: a run that has ended changes no more, so the waiter is answered at once.
        master.post("/api/v1/runs/shop.1/cancel", &json!({}));
        assert_eq!(waiting.join().expect("an answer")["state"], "ended");
    });
    assert!(began.elapsed() < std::time::Duration::from_secs(50), "nobody waited for the clock");
    assert_eq!(master.get("/api/v1/runs/shop.1?wait=soon").status, 400);
}

#[test]
fn what_is_not_there_is_404_in_the_same_words_for_every_kind_of_id() {
    let master = Master::start();
    for path in [
        "/api/v1/runs/shop.99",
        "/api/v1/runs/shop",
        "/api/v1/runs/nothing.1/log?format=jsonl",
        "/api/v1/projects/nothing",
        "/api/v1/agents/nothing",
        "/api/v1/agents/$%7Bjndi:x%7D",
        "/api/v1/lanes/shop/staging",
        "/api/v1/lanes/shop/production",
        "/api/v1/lanes/shop/production/plan",
        "/api/v1/deployments/shop.production.1",
    ] {
        let response = master.get(path);
        assert_eq!((response.status, response.problem().as_str()), (404, "not-found"), "{path}");
    }
    let deploy = master.post("/api/v1/lanes/shop/production/deploy", &json!({}));
    assert_eq!((deploy.status, deploy.problem().as_str()), (404, "not-found"), "there is no release yet");
    let rollback = master.post("/api/v1/lanes/shop/production/rollback", &json!({"reason": " "}));
    assert_eq!((rollback.status, rollback.problem().as_str()), (422, "wrong-params"), "a reason is demanded");
}

#[test]
fn events_are_replayed_from_the_journal_and_a_foreign_id_is_told_to_begin_anew() {
    let master = Master::start();
    let reset = master.ask("GET", "/api/v1/events", &[("last-event-id", "999999999")], b"");
    assert!(reset.text().contains("event: reset"), "{}", reset.text());
    assert_eq!(master.ask("GET", "/api/v1/events", &[("last-event-id", "x")], b"").status, 400);
    master.post("/api/v1/projects/shop/runs", &json!({}));
    master.post("/api/v1/runs/shop.1/cancel", &json!({}));
    let path = "/api/v1/events?kind=run.&run=shop.1";
    let replayed = master.follow(path, ("last-event-id", "0"), "event: run.ended");
    let kinds: Vec<&str> = replayed.lines().filter_map(|line| line.strip_prefix("event: ")).map(str::trim).collect();
    assert_eq!(kinds, ["run.created", "run.ended"], "{replayed}");
    assert!(replayed.contains(r#""run":"shop.1""#) && replayed.contains("id: "), "{replayed}");
}
