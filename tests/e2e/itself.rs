//! Windlass builds Windlass: its own repository, through a master and an agent.

use std::path::Path;

use crate::windlass;
use windlass_tests::harness::until_within;

/// A build from an empty folder on a busy machine.
const BUILD: std::time::Duration = std::time::Duration::from_secs(20 * 60);

/// Cargo, its toolchains and a target folder that is kept, because steps inherit nothing.
fn pipeline(target: &Path) -> String {
    let home = |name: &str, folder: &str| {
        let default = || format!("{}/{folder}", std::env::var("HOME").unwrap_or_default());
        std::env::var(name).unwrap_or_else(|_| default())
    };
    let path = std::env::var("PATH").unwrap_or_default();
    let (cargo, rustup) = (home("CARGO_HOME", ".cargo"), home("RUSTUP_HOME", ".rustup"));
    format!(
        "env: {{ PATH: {path:?}, CARGO_HOME: {cargo:?}, RUSTUP_HOME: {rustup:?}, CARGO_TARGET_DIR: {:?} }}
defaults: {{ runs-on: role=build, timeout: 30m }}
jobs:
  fmt: {{ run: cargo fmt --all --check }}
  test:
    needs: [fmt]
    steps:
      - {{ name: clippy, run: cargo clippy --offline --locked -p windlass-core -p windlass-disk -- -D warnings }}
      - {{ name: test, run: cargo test --offline --locked --quiet -p windlass-core -p windlass-disk }}
",
        target.display().to_string()
    )
}

#[test]
fn windlass_checks_its_own_repository() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let world = windlass().builder("b1").start();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("itself");
    copy_sources(root, &world);
    let run = world.run(&pipeline(&target));
    let api = world.api();
    let ended = until_within(BUILD, "the run has ended", || {
        let body = api.get(&format!("/runs/{run}?wait=30s")).body;
        (body["state"] == "ended").then_some(body)
    });
    assert_eq!(ended["outcome"], "succeeded", "{ended:#}\n{}", world.windlass(&["logs", &run]).out);
    let tested = api.log(&run, "test", "test").0;
    assert!(String::from_utf8_lossy(&tested).contains("test result: ok"));
}

/// The sources as they stand, committed in the world's repository.
fn copy_sources(root: &Path, world: &windlass_tests::harness::World) {
    let listed = std::process::Command::new("git")
        .current_dir(root)
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .output()
        .expect("git is installed");
    let names = String::from_utf8(listed.stdout).expect("our names are UTF-8");
    let files: Vec<(String, String)> = names
        .split('\0')
        .filter(|name| !name.is_empty())
        .filter_map(|name| Some((name.to_owned(), std::fs::read_to_string(root.join(name)).ok()?)))
        .collect();
    assert!(files.len() > 50, "the sources are a git repository");
    let borrowed: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    world.repository.commit("Windlass", &borrowed);
}
