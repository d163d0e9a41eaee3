//! A world that is kept over rounds: runs are started in it, a fault strikes, and it comes to rest.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, WaitOptions, waitpid};
use serde_json::json;
use windlass_tests::harness::{Api, Windlass, World, children_of, processes_in, until_within};

use crate::check::{Allowed, Check, header, text};
use crate::dice::Dice;
use crate::events::Reading;
use crate::findings::Findings;
use crate::truth::Truth;

/// After a fault everything is at rest by then; only a failure takes it.
pub(crate) const REST: Duration = Duration::from_secs(90);

/// Between two starts of runs.
const GAP: Duration = Duration::from_millis(60);

/// What was acknowledged to somebody who looked while the fault struck.
#[derive(Debug, Default)]
pub(crate) struct Seen(BTreeMap<String, u64>);

impl Seen {
    /// So many bytes of this log were durable.
    pub(crate) fn durable(&self, path: &str) -> u64 {
        self.0.get(path).copied().unwrap_or(0)
    }

    fn note(&mut self, path: String, durable: u64) {
        let known = self.0.entry(path).or_default();
        *known = durable.max(*known);
    }
}

/// What is started in a round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) round: u64,
    pub(crate) runs: u64,
    /// Between two starts.
    pub(crate) gap: Duration,
}

/// The world.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) seed: u64,
    /// Tells the keys of one stage from those of another.
    name: String,
    /// The last event that was read.
    pub(crate) event: u64,
}

impl Stage {
    /// Starts the world and pushes the one pipeline that all rounds run.
    pub(crate) fn set(windlass: Windlass, seed: u64, name: String) -> Self {
        let world = windlass.start();
        let truth = truth_in(world.folder());
        world.repository.push_commit("Chaos", &[("windlass.yaml", &pipeline(world.program.path(), &truth, seed))]);
        Self { world, seed, name, event: 0 }
    }

    /// Starts runs, one after the other, each by a key that is asked until it is answered; meanwhile `strike` does its worst.
    /// Returns what was answered, and what `strike` returned.
    pub(crate) fn under_load<T>(
        &mut self,
        round: u64,
        runs: u64,
        findings: &mut Findings,
        strike: impl FnOnce(&mut World) -> T,
    ) -> (Vec<String>, T) {
        self.under(&Load { round, runs, gap: GAP }, findings, strike)
    }

    /// The same with another time between two starts.
    pub(crate) fn under<T>(
        &mut self,
        load: &Load,
        findings: &mut Findings,
        strike: impl FnOnce(&mut World) -> T,
    ) -> (Vec<String>, T) {
        let Load { round, runs, gap } = *load;
        let api = self.world.api();
        let keys: Vec<String> = (0..runs).map(|n| format!("{}-{round}-{n}", self.name)).collect();
        let (ids, struck) = std::thread::scope(|scope| {
            let asking = scope.spawn(|| {
                let start = |key: &String| {
                    std::thread::sleep(gap);
                    start_run(&api, key)
                };
                keys.iter().map(start).collect::<Vec<String>>()
            });
            let struck = strike(&mut self.world);
            // What it waited for in vain is what the round says.
            (asking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), struck)
        });
        for (key, id) in keys.iter().zip(&ids) {
            findings.acknowledged += 1;
            let again = start_run(&api, key);
            if again != *id {
                findings.violation(format!("key {key} made {id} and {again}"));
            }
        }
        (ids, struck)
    }

    /// Waits until the runs are over, everything is forgotten and nothing runs any more.
    pub(crate) fn rest(&mut self, runs: &[String]) {
        let api = self.world.api();
        for run in runs {
            until_within(REST, &format!("{run} is at rest"), || {
                let reply = api.get(&format!("/runs/{run}?wait=2s"));
                (reply.body["state"] == "ended").then_some(())
            });
        }
        for agent in &self.world.agents {
            let attempts = agent.state_dir().join("attempts");
            until_within(REST, &format!("{} has forgotten every attempt", agent.name()), || {
                let mut left = std::fs::read_dir(&attempts).ok()?;
                left.next().is_none().then_some(())
            });
        }
        let daemons: Vec<u32> =
            self.world.agents.iter().filter_map(|agent| agent.pid()).chain(self.world.master.pid()).collect();
        until_within(REST, "no process is left over", || {
            let left = processes_in(self.world.folder());
            let of_daemon = |pid: &Pid| daemons.contains(&pid.as_raw_nonzero().get().cast_unsigned());
            left.iter().all(of_daemon).then_some(())
        });
    }

    /// Compares what the master says of these runs with the truth.
    pub(crate) fn check(&self, runs: &[String], allowed: Allowed, seen: &Seen, findings: &mut Findings) {
        let truth = Truth::read(&truth_in(self.world.folder()));
        let api = self.world.api();
        let check = Check { api: &api, truth: &truth, seed: self.seed, allowed, seen };
        for run in runs {
            check.run(run, findings);
        }
    }

    /// The newest runs, and how much of their logs is durable: what somebody may rely on.
    pub(crate) fn look(world: &World) -> Seen {
        let api = world.api();
        let mut seen = Seen::default();
        let runs = api.get("/runs?limit=3").body;
        for run in runs["items"].as_array().into_iter().flatten() {
            let id = text(&run["id"]);
            for (job, step) in JOBS {
                let path = format!("/runs/{id}/jobs/{job}/steps/{step}/log?attempt=1");
                if let Some((_, headers)) = api.bytes(&path) {
                    seen.note(path, header(&headers, "windlass-log-durable").parse().unwrap_or(0));
                }
            }
        }
        seen
    }

    /// Reads events from where the last round ended until the master is gone.
    pub(crate) fn read_events(&self) -> Reading {
        Reading::begin(self.world.api(), self.event)
    }
}

/// Jobs and steps of the one pipeline. Doing `again` twice is harmless.
pub(crate) const JOBS: [(&str, &str); 4] = [("two", "one"), ("two", "two"), ("one", "one"), ("again", "one")];

fn pipeline(program: &Path, truth: &Path, seed: u64) -> String {
    let step = |name: &str| format!("{{name: {name}, run: [{program:?}, work, {truth:?}, {:?}]}}", seed.to_string());
    format!(
        "defaults: {{runs-on: role=build, checkout: false, workspace: fresh, timeout: 2m}}
jobs:
  two: {{steps: [{}, {}]}}
  one: {{steps: [{}]}}
  again: {{idempotent: true, steps: [{}]}}
",
        step("one"),
        step("two"),
        step("one"),
        step("one")
    )
}

/// Where commands count their starts: in the world, and in nothing that is cut.
fn truth_in(folder: &Path) -> PathBuf {
    folder.join("truth")
}

fn start_run(api: &Api, key: &str) -> String {
    let begun = std::time::Instant::now();
    loop {
        let reply = api.post_once("/projects/shop/runs", key, &json!({ "branch": "main" }));
        if reply.status == 201 {
            return text(&reply.body["id"]);
        }
        assert!(begun.elapsed() < REST, "no run is started by {key}: {reply:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Takes up shims that ended: they outlive who started them and become our children. Whatever else ends is waited for by its owner.
pub(crate) fn reap_shims() {
    for pid in children_of(std::process::id()) {
        let name = std::fs::read_to_string(format!("/proc/{}/comm", pid.as_raw_nonzero())).unwrap_or_default();
        // A shim is started as `/proc/self/exe`.
        if name.trim() == "exe" {
            // It may still run.
            let _ = waitpid(Some(pid), WaitOptions::NOHANG);
        }
    }
}

/// Sleeps until the fault strikes.
pub(crate) fn pause(dice: &mut Dice, most: Duration) {
    std::thread::sleep(dice.within(most));
}
