//! Pipeline files that are wrong: each error with its place and a suggestion.

use serde_json::json;
use windlass_tests::harness::until;

use crate::windlass;

const BROKEN: [(&str, &str, &str); 5] = [
    (
        "unknown key",
        "jobs:\n  build:\n    run-on: role=build\n    run: make\n",
        "windlass.yaml:3:5: error[unknown-key]",
    ),
    ("not text", "jobs:\n  build:\n    run: make\n    env: { RUST: 1.90 }\n", "windlass.yaml:4:18: error[not-text]"),
    (
        "cycle",
        "jobs:\n  a: { needs: [b], run: x }\n  b: { needs: [a], run: y }\n",
        "error[cycle]: jobs need each other",
    ),
    ("wrong type", "jobs:\n  build: [make]\n", "error[wrong-type]"),
    ("two documents", "jobs:\n  a: { run: x }\n---\njobs:\n  b: { run: y }\n", "error[bad-yaml]"),
];

#[test]
fn lint_prints_each_error_with_its_place() {
    let world = windlass().start();
    for (what, text, expected) in BROKEN {
        let path = world.folder().join("windlass.yaml");
        std::fs::write(&path, text).expect("the world's folder can be written");
        let linted = world.program.run("windlass", ["lint", "windlass.yaml"]);
        assert_eq!(linted.code, Some(1), "{what}: {}{}", linted.out, linted.err);
        let said = format!("{}{}", linted.out, linted.err);
        assert!(said.contains(expected), "{what}: {said}");
        assert!(said.contains('^'), "{what}: a caret marks the place: {said}");
    }
}

#[test]
fn a_pushed_file_with_errors_makes_a_failed_run_that_carries_them() {
    let world = windlass().polling().start();
    world.repository.push_commit("Break it", &[("windlass.yaml", BROKEN[0].1)]);
    let api = world.api();
    let run = until("polling made a run", || {
        api.get("/runs?project=shop").body["items"][0]["id"].as_str().map(str::to_owned)
    });
    let ended = api.ended(&run);
    assert_eq!(ended["outcome"], "failed", "{ended:#}");
    assert_eq!(ended["jobs"].as_array().map(Vec::len), Some(0));
    assert_eq!(ended["problems"][0]["line"], 3, "{ended:#}");
    assert_eq!(ended["problems"][0]["code"], "unknown-key", "{ended:#}");
}

#[test]
fn a_manual_start_of_a_file_with_errors_is_refused_with_them() {
    let world = windlass().start();
    world.repository.push_commit("Break it", &[("windlass.yaml", BROKEN[2].1)]);
    let reply = world.api().post("/projects/shop/runs", &json!({ "branch": "main" }));
    assert_eq!(reply.status, 422, "{reply:?}");
    assert_eq!(reply.body["code"], "pipeline-errors", "{reply:?}");
    let said = world.windlass(&["run", "shop"]);
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(said.err.contains("error[cycle]"), "{}", said.err);
}
