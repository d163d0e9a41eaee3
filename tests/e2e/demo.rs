//! `windlass demo` is the first thing that people see: it must end well, tell the truth, and leave nothing.

use std::path::Path;

use serde_json::Value;
use windlass_tests::harness::Program;

#[test]
fn the_demo_deploys_fails_and_recovers() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let program = Program::new(env!("CARGO_BIN_EXE_windlass-under-test"), home.path());
    let temporary = home.path().display().to_string();
    // A compiler that rustup manages is found by these; without them the demo would use its built-in copy of the service.
    let rustup = std::env::var("RUSTUP_HOME")
        .unwrap_or_else(|_| format!("{}/.rustup", std::env::var("HOME").unwrap_or_default()));
    let toolchain = std::env::var("RUSTUP_TOOLCHAIN").unwrap_or_default();
    let env = [("TMPDIR", temporary.as_str()), ("RUSTUP_HOME", &rustup), ("RUSTUP_TOOLCHAIN", &toolchain)];
    let used: Vec<_> = env.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let demo = program.run_with("windlass", ["demo", "--output", "json"], &used, "");
    assert_eq!(demo.code, Some(0), "{}{}", demo.out, demo.err);
    let lines: Vec<Value> = demo.out.lines().map(|line| serde_json::from_str(line).expect("a JSON object")).collect();
    assert!(lines.iter().all(Value::is_object));
    let summary = &lines.last().expect("a summary")["summary"];
    assert_eq!(summary["runs"].as_array().map(Vec::len), Some(2), "{summary:#}");
    assert_eq!(summary["deployments"][0]["outcome"], "succeeded", "{summary:#}");
    assert_eq!(summary["deployments"][1]["outcome"], "rolled_back", "{summary:#}");
    assert_eq!(summary["targets_on_last_good"], 3, "{summary:#}");
    assert_eq!(summary["log_gaps"], 0, "{summary:#}");
    for measured in ["commit_to_production_ms", "recovery_ms", "log_bytes"] {
        assert!(summary[measured].as_u64().is_some_and(|figure| figure > 0), "{measured}: {summary:#}");
    }
    assert!(is_empty(home.path()), "the demo left files behind");
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).expect("it is ours").next().is_none()
}
