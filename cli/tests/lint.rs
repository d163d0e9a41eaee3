//! `windlass lint` as people and scripts meet it: the program, files with mistakes, exit codes.

use std::process::{Command, Output};

use serde_json::Value;

fn lint(text: &str, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("windlass.yaml"), text).expect("it can be written");
    let mut program = Command::new(env!("CARGO_BIN_EXE_windlass"));
    program.arg("lint").args(arguments).current_dir(folder.path()).env("LANG", "C.UTF-8").output().expect("it runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("it is text")
}

/// A broken file, and the first line of what is said about it.
const BROKEN: [(&str, &str); 5] = [
    (
        "jobs:\n  build:\n    run-on: role=build\n    run: make\n",
        "windlass.yaml:3:5: error[unknown-key]: job `build` has no key `run-on`",
    ),
    (
        "jobs:\n  test: { run: make }\n  test: { run: make }\n",
        "windlass.yaml:3:3: error[duplicate-key]: job `test` is defined twice",
    ),
    (
        "jobs:\n  test: { run: make, timeout: 10d }\n",
        "windlass.yaml:2:31: error[out-of-range]: a time-out of 10 days is more than the 7 days allowed",
    ),
    (
        "jobs:\n  one: { run: x, needs: [two] }\n  two: { run: x, needs: [one] }\n",
        "windlass.yaml:3:26: error[cycle]: jobs need each other: two → one → two",
    ),
    ("on: { push: true }\n", "windlass.yaml:1:1: error[missing-key]: the file has no `jobs`"),
];

#[test]
fn a_broken_file_is_told_with_its_place_and_exit_code_1() {
    for (file, first) in BROKEN {
        let output = lint(file, &[]);
        assert_eq!(text(&output.stdout).lines().next(), Some(first), "{file}");
        assert_eq!(output.status.code(), Some(1), "{file}");
        assert_eq!(text(&output.stderr), "", "{file}");
    }
}

#[test]
fn a_file_without_a_problem_is_told_by_exit_code_0_alone() {
    let output = lint("jobs: { test: { run: make test } }\n", &[]);
    assert_eq!((output.status.code(), text(&output.stdout), text(&output.stderr)), (Some(0), "", ""));
}

#[test]
fn json_is_one_document_with_every_problem() {
    let output = lint("jobs:\n  a: { run: x, rn: y }\n  b: { run: 1.20 }\n", &["--output", "json"]);
    let problems: Vec<Value> = serde_json::from_slice(&output.stdout).expect("one JSON document");
    let codes: Vec<&str> = problems.iter().filter_map(|problem| problem["code"].as_str()).collect();
    assert_eq!(codes, ["unknown-key", "not-text"]);
    assert_eq!((&problems[0]["line"], &problems[0]["column"]), (&Value::from(2), &Value::from(16)));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_file_that_is_not_there_is_no_lint_error() {
    let output = lint("", &["elsewhere.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "");
    assert!(text(&output.stderr).starts_with("error[file]: cannot read elsewhere.yaml\n  because: "), "{output:?}");
}

#[test]
fn wrong_usage_is_exit_code_2_and_a_master_that_is_away_7() {
    let program = |arguments: &[&str]| {
        let home = tempfile::tempdir().expect("a folder");
        let mut program = Command::new(env!("CARGO_BIN_EXE_windlass"));
        let signed_in = [("WINDLASS_URL", "http://127.0.0.1:1"), ("WINDLASS_TOKEN", "wl_x")];
        program.args(arguments).env("HOME", home.path()).envs(signed_in).output().expect("it runs")
    };
    assert_eq!(program(&["show", "42"]).status.code(), Some(2));
    let away = program(&["runs"]);
    assert_eq!(away.status.code(), Some(7));
    assert!(text(&away.stderr).contains("\nhint: "), "{away:?}");
}
