//! The first release is in service, visitors come, and the second one is deployed.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use windlass_tests::harness::{Program, Windlass, World, until};

use crate::Case;
use crate::balancer::{Balancer, free_port, most_out};
use crate::load::Load;
use crate::verdict::Seen;

/// The environment says nothing, so that one of three may be out.
const MAX_UNAVAILABLE: usize = 1;
/// A line of the access log is there by then.
const WRITTEN_WITHIN: Duration = Duration::from_secs(10);
const TARGETS: [&str; 3] = ["web1", "web2", "web3"];

/// Plays it in a temporary folder that is gone afterwards, with all processes.
pub fn play(case: Case) -> Seen {
    let executable = std::env::current_exe().expect("the system says where this program is");
    let executable = executable.display().to_string();
    let targets = TARGETS.map(|name| (name, free_port()));
    let mut windlass = Windlass::new(&executable).builder("b1");
    for (name, port) in targets {
        windlass = windlass.target_at(name, port);
    }
    let mut world = windlass.start();
    let balancer = Balancer::start(&world.folder().join("balancer"), &targets);
    let keeper = Keeper::start(&world.program);
    let files = Files { executable, keeper: &keeper, world: world.folder().display().to_string() };
    deploy(&world, &files, "one", false);
    let first = world.api().deployed("shop.production.1");
    assert_eq!(first["outcome"], "succeeded", "{first:#}");

    let (began, moved, logged) = (Instant::now(), balancer.moves().len(), balancer.logged());
    assert!(logged.is_empty(), "nobody asked so far: {logged:?}");
    let load = Load::start(&balancer.url());
    until("visitors are answered", || balancer.logged().values().any(|count| *count > 100).then_some(()));
    deploy(&world, &files, "two", case == Case::Bad);
    if case == Case::MasterKilled {
        let api = world.api();
        until("a target is confirmed", || {
            let deployment = api.get("/deployments/shop.production.2").body;
            let mut targets = deployment["targets"].as_array()?.iter();
            targets.any(|target| target["state"] == "confirmed").then_some(())
        });
        world.master.kill();
        world.master.start();
    }
    let outcome = world.api().deployed("shop.production.2")["outcome"].as_str().unwrap_or_default().to_owned();
    let before: u64 = balancer.logged().values().sum();
    until("visitors go on", || (balancer.logged().values().sum::<u64>() > before + 100).then_some(()));
    let answers = load.stop();
    let took = began.elapsed();
    // The balancer writes a line after it has answered; what never comes is for the verdict.
    let (answered, since) = (answers.iter().filter(|answer| answer.said.is_ok()).count() as u64, Instant::now());
    let is_written = || balancer.logged().values().sum::<u64>() >= answered || since.elapsed() > WRITTEN_WITHIN;
    until("the balancer wrote everything down", || is_written().then_some(()));
    let most_out = most_out(&balancer.moves()[moved..]);
    Seen { case, answers, logged: balancer.logged(), most_out, max_unavailable: MAX_UNAVAILABLE, outcome, took }
}

struct Files<'a> {
    executable: String,
    keeper: &'a Keeper,
    world: String,
}

impl Files<'_> {
    fn pipeline(&self) -> String {
        let Self { executable, world, .. } = self;
        let socket = self.keeper.socket.display();
        format!(
            r#"
services:
  shop:
    artifact: shop.tar
    root: /srv/shop
    hooks:
      drain: "{executable} balancer drain {world}/balancer"
      stop: "{executable} as-windlass keeper-ask {socket} stop"
      start: "{executable} as-windlass keeper-ask {socket} start"
      undrain: "{executable} balancer ready {world}/balancer"
    identity: {{ http: "http://127.0.0.1:1/release" }}
    gates:
      up: {{ http: "http://127.0.0.1:1/healthz", every: 100ms, steady: 300ms, grace: 2s, deadline: 20s }}
      alone: {{ command: "{alone}", every: 100ms, steady: 300ms, grace: 0s, deadline: 20s }}
jobs:
  build: {{ runs-on: role=build, run: chmod +x shop, artifacts: {{ shop.tar: [shop, edition, bad] }} }}
  production:
    needs: [build]
    deploy: {{ service: shop, environment: production, strategy: [{{ targets: 1, bake: 1s, budget: 0 }}, {{ targets: rest, bake: 1s }}] }}
"#,
            alone = ALONE.replace("CLAIM", &format!("{world}/claim")),
        )
    }
}

/// Where the release says that it is bad, only the first target that asks is well.
const ALONE: &str = "grep -q no bad || { mkdir CLAIM 2>/dev/null && echo $WINDLASS_TARGET > CLAIM/by; test $(cat CLAIM/by) = $WINDLASS_TARGET; }";

fn deploy(world: &World, files: &Files<'_>, edition: &str, is_bad: bool) {
    let shop = format!("#!/bin/sh\nexec {} as-windlass demo-service good\n", files.executable);
    let bad = if is_bad { "yes\n" } else { "no\n" };
    let contents = [("windlass.yaml", &files.pipeline()[..]), ("shop", &shop), ("edition", edition), ("bad", bad)];
    world.repository.push_commit(edition, &contents);
    world.start_run();
}

/// Starts and stops services for the hooks, as a supervisor does; what it started ends with it.
struct Keeper {
    child: Child,
    socket: PathBuf,
}

impl Keeper {
    fn start(program: &Program) -> Self {
        let mut command = program.command("windlass");
        command.arg("keeper").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut folder = String::new();
        let stdout = child.stdout.take().expect("it was piped");
        BufReader::new(stdout).read_line(&mut folder).expect("it says where its folder is");
        Self { child, socket: PathBuf::from(folder.trim()).join("keeper.sock") }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // It ends what it started, and itself, when its input is closed.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
