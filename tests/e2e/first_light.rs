//! From a push to a green run, its artifact and its whole log.

use serde_json::json;
use windlass_tests::harness::{HOOK_KEY, until};

use crate::windlass;

const COUNT: &str = r#"
jobs:
  count:
    runs-on: role=build
    steps:
      - { name: out, run: seq 1 20000 }
      - { name: both, run: "echo to out; echo to err >&2" }
      - { name: pack, run: "seq 1 500 > numbers.txt; mkdir -p d; echo x > d/x" }
    artifacts: { numbers.tar.zst: [numbers.txt, "d/**"] }
  check:
    needs: [count]
    runs-on: role=build
    inputs: [numbers.tar.zst]
    run: "tar --version >/dev/null; test -s numbers.tar.zst; echo \"$WINDLASS_RUN $WINDLASS_JOB $WINDLASS_BRANCH\""
"#;

fn numbers(to: u32) -> Vec<u8> {
    (1..=to).flat_map(|n| format!("{n}\n").into_bytes()).collect()
}

#[test]
fn a_manual_run_ends_green_with_every_byte_of_its_log() {
    let world = windlass().builder("b1").start();
    let run = world.run(COUNT);
    let api = world.api();
    let ended = api.ended(&run);
    assert_eq!(ended["outcome"], "succeeded", "{ended:#}");
    let (bytes, headers) = api.log(&run, "count", "out");
    assert_eq!(bytes, numbers(20_000));
    let header = |name: &str| headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    assert_eq!(header("windlass-log-state").as_deref(), Some("sealed"));
    assert_eq!(header("windlass-log-length"), Some(bytes.len().to_string()));
    let (both, _) = api.log(&run, "count", "both");
    assert_eq!(both.len(), "to out\nto err\n".len());
    let (check, _) = api.log(&run, "check", "run");
    assert_eq!(String::from_utf8_lossy(&check), "shop#1 check main\n");
    let artifacts = api.get(&format!("/runs/{run}/artifacts")).body;
    assert_eq!(artifacts["items"][0]["name"], "numbers.tar.zst", "{artifacts:#}");
}

#[test]
fn a_push_is_delivered_by_the_hook_of_the_repository() {
    let world = windlass().builder("b1").start();
    let url = format!("{}/hooks/shop", world.api().url());
    let hook = format!(
        "#!/bin/sh\nexec -a windlass {} post-receive {url} --secret-file {}/hook.key\n",
        world.program.path().display(),
        world.folder().display()
    );
    install_hook(&world, &hook.replace("exec -a windlass", "exec"));
    let revision = world.repository.push_commit("Count", &[("windlass.yaml", COUNT)]);
    let api = world.api();
    let run = until("the push made a run", || {
        let runs = api.get("/runs?project=shop").body;
        runs["items"][0]["id"].as_str().map(str::to_owned)
    });
    let ended = api.ended(&run);
    assert_eq!(ended["outcome"], "succeeded", "{ended:#}");
    assert_eq!(ended["revision"], revision);
    assert_eq!(ended["trigger"]["kind"], "push");
    assert!(!HOOK_KEY.is_empty());
}

fn install_hook(world: &windlass_tests::harness::World, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = world.repository.bare().join("hooks/post-receive");
    std::fs::write(&path, text).expect("the repository is ours");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("the repository is ours");
}

#[test]
fn polling_sees_a_push_when_no_delivery_reaches_us() {
    let world = windlass().builder("b1").polling().start();
    world.repository.push_commit("Count", &[("windlass.yaml", COUNT)]);
    let api = world.api();
    let run = until("polling made a run", || {
        let runs = api.get("/runs?project=shop").body;
        runs["items"][0]["id"].as_str().map(str::to_owned)
    });
    assert_eq!(api.ended(&run)["outcome"], "succeeded");
}

#[test]
fn a_cancel_stops_the_whole_tree() {
    let world = windlass().builder("b1").start();
    let run = world.run("jobs:\n  sleep: {run: 'echo up; sleep 1000 & sleep 1000', grace: 1s}\n");
    let api = world.api();
    api.log_reaches(&run, "sleep", "run", 3);
    let reply = api.post(&format!("/runs/{run}/cancel"), &json!({ "reason": "wrong branch" }));
    assert_eq!(reply.status, 202, "{reply:?}");
    assert_eq!(api.ended(&run)["outcome"], "cancelled");
}

#[test]
fn a_failing_step_names_its_code_and_what_needs_it_is_skipped() {
    let world = windlass().builder("b1").start();
    let run = world.run("jobs:\n  a: {run: 'echo no; exit 7'}\n  b: {needs: [a], run: echo never}\n");
    let ended = world.api().ended(&run);
    assert_eq!(ended["outcome"], "failed");
    assert_eq!(ended["jobs"][0]["outcome"]["code"], 7, "{ended:#}");
    assert_eq!(ended["jobs"][1]["outcome"]["kind"], "skipped", "{ended:#}");
}
