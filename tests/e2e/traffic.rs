//! Visitors notice nothing of a deployment.

use serde_json::Value;
use windlass_tests::harness::Program;

use crate::bad_days::skipped;

#[test]
fn no_request_fails_while_three_targets_behind_a_real_proxy_are_changed() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let seen = Program::new(env!("CARGO_BIN_EXE_traffic"), home.path()).run("traffic", ["--case", "good", "--json"]);
    if seen.code == Some(2) {
        assert!(std::env::var_os("CI").is_none(), "{}", seen.out);
        return skipped(&format!("traffic: {}", seen.out));
    }
    assert_eq!(seen.code, Some(0), "{}{}", seen.out, seen.err);
    let seen: Value = serde_json::from_str(&seen.out).expect("one JSON document");
    assert_eq!((&seen["failed"], &seen["most_out"], &seen["outcome"]), (&0.into(), &1.into(), &"succeeded".into()));
    assert_eq!(seen["answers"].as_object().map(serde_json::Map::len), Some(2), "{seen:#}");
}
