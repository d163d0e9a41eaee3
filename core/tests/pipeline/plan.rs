//! From the file to the plan of a run.

use insta::{assert_debug_snapshot, assert_snapshot};
use windlass_core::model::{Action, RunPlan, StepsWork, Work};
use windlass_core::pipeline::expand;

use crate::{lint, read};

fn plan(text: &str) -> RunPlan {
    let parsed = read(text);
    assert!(parsed.problems.is_empty(), "{}", lint(text));
    expand(&parsed.pipeline.expect("a file without problems is a pipeline"))
}

/// The job of this name, which has steps.
fn steps<'p>(plan: &'p RunPlan, key: &str) -> &'p StepsWork {
    let job = plan.jobs.iter().find(|job| job.key.as_str() == key).expect("the job is in the file");
    match &job.work {
        Work::Steps(work) => work,
        Work::Deploy(_) => panic!("{key} deploys"),
    }
}

fn command(work: &StepsWork, step: usize) -> String {
    match &work.steps[step].action {
        Action::Command(command) => {
            format!("{} <{}>", command.argv.join(" "), command.script.as_deref().unwrap_or("no file"))
        }
        Action::Builtin(builtin) => builtin.name().to_owned(),
    }
}

#[test]
fn the_smallest_file_is_one_job_for_any_agent() {
    assert_debug_snapshot!(plan("jobs:\n  test:\n    run: make test\n"));
}

const SHOP: &str = r#"
on: { push: { branches: [main] } }
services:
  shop:
    artifact: shop.tar.zst
    root: /srv/shop
    hooks: { start: 'keeper start', stop: [keeper, stop], drain: { run: 'lb drain "$WINDLASS_TARGET"', timeout: 5s } }
    identity: { http: "http://127.0.0.1:8080/release" }
    gates: { up: { http: "http://127.0.0.1:8080/healthz", every: 200ms, steady: 600ms } }
  unused: { artifact: shop.tar.zst, root: /srv/other, identity: { command: release } }
jobs:
  build: { runs-on: role=build, steps: [{ name: compile, run: cargo build }], artifacts: { shop.tar.zst: { paths: [shop, prices.csv] } } }
  test: { needs: [build], inputs: [shop.tar.zst], run: ./test.sh }
  production:
    needs: [test]
    deploy: { service: shop, environment: production, strategy: [{ targets: 1, bake: 2s, budget: 0 }, { targets: rest, bake: 2s }] }
"#;

#[test]
fn a_service_is_built_tested_and_deployed() {
    assert_debug_snapshot!(plan(SHOP));
}

#[test]
fn defaults_fill_what_a_job_lacks_and_only_env_is_merged() {
    let plan = plan(
        "env: { A: file, B: file, C: file }
defaults: { runs_on: role=build, timeout: 20m, env: { B: defaults, C: defaults }, idempotent: true, workspace: clean, checkout: false }
jobs:
  own: { run: x, timeout: 1h30m, env: { C: job }, idempotent: false, runs-on: { arch: [arm64, amd64] }, grace: 0s }
  plain: { run: x }
",
    );
    let own = steps(&plan, "own");
    let env: Vec<&str> = own.env.values().map(String::as_str).collect();
    assert_eq!(env, ["file", "defaults", "job"]);
    assert_eq!(own.timeout.to_string(), "1h30m");
    assert_eq!(own.runs_on[0].to_string(), "arch=arm64|amd64");
    assert_eq!((own.grace.ms(), own.idempotent, own.checkout), (0, false, false));
    let plain = steps(&plan, "plain");
    assert_eq!((plain.timeout.to_string().as_str(), plain.grace.ms(), plain.cleanup.ms()), ("20m", 30_000, 60_000));
    assert_eq!((plain.idempotent, plain.runs_on[0].to_string().as_str()), (true, "role=build"));
}

#[test]
fn a_script_goes_through_its_shell_and_a_list_through_none() {
    let plan = plan(
        "jobs:
  a:
    steps:
      - { run: make test }
      - { name: strict, run: make test, shell: bash, if: always, dir: sub/, continue-on-error: true, timeout: 10s }
      - { run: print(1), shell: [python3, -I] }
      - { run: [./drop, --quiet, 15, true] }
",
    );
    let work = steps(&plan, "a");
    let commands: Vec<String> = (0..4).map(|step| command(work, step)).collect();
    assert_snapshot!(commands.join("\n"), @r"
    /bin/sh -e <make test>
    bash --noprofile --norc -eo pipefail <make test>
    python3 -I <print(1)>
    ./drop --quiet 15 true <no file>
    ");
    let names: Vec<&str> = work.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["1", "strict", "3", "4"]);
    assert_eq!((work.steps[1].dir.as_str(), work.steps[1].tolerate, work.steps[1].timeout.ms()), ("sub", true, 10_000));
}

#[test]
fn an_input_comes_from_the_needed_job_that_makes_it() {
    let plan = plan(
        "jobs:
  one: { run: x, artifacts: [dist/x.tar] }
  two: { run: x, artifacts: [x.tar] }
  between: { run: x, needs: [one] }
  far: { run: x, needs: [between], inputs: [x.tar] }
  chosen: { run: x, needs: [one, two], inputs: { x.tar: { from: two, to: in/ } } }
",
    );
    let input = |job: &str| format!("{:?}", steps(&plan, job).inputs);
    assert_eq!(input("far"), r#"[InputSpec { name: "x.tar", from: one, to: "." }]"#);
    assert_eq!(input("chosen"), r#"[InputSpec { name: "x.tar", from: two, to: "in" }]"#);
}

#[test]
fn a_preset_stands_for_its_list() {
    for (preset, batches) in [
        ("rolling", "1 - -, 50% - -, rest - -"),
        ("canary", "1 10m 0, 50% - -, rest - -"),
        ("all_at_once", "rest - -"),
        ("[{ targets: 10%, bake: 12h, budget: 3% }]", "10% 12h 3%"),
    ] {
        let text = SHOP.replace("[{ targets: 1, bake: 2s, budget: 0 }, { targets: rest, bake: 2s }]", preset);
        let plan = plan(&text);
        let Some(Work::Deploy(deploy)) = plan.jobs.last().map(|job| &job.work) else { panic!("production deploys") };
        let shown = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        let told: Vec<String> = deploy
            .strategy
            .iter()
            .map(|batch| {
                let bake = shown(batch.bake.map(|bake| bake.to_string()));
                format!("{} {bake} {}", batch.targets, shown(batch.budget.map(|budget| budget.to_string())))
            })
            .collect();
        assert_eq!(told.join(", "), batches);
        assert_eq!(deploy.artifact_of.as_str(), "build");
    }
}

#[test]
fn limits_of_a_job_are_read_and_what_is_out_of_range_is_said() {
    let plan = |limits: &str| {
        let text = format!("defaults:\n  limits: {{pids: 7}}\njobs:\n  a: {{run: make{limits}}}\n");
        windlass_core::pipeline::parse("windlass.yaml", &text)
    };
    let limits = |text: &str| {
        let parsed = plan(text);
        let plan = windlass_core::pipeline::expand(&parsed.pipeline.expect("it is right"));
        let limits = steps(&plan, "a").limits;
        (limits.memory_bytes, limits.cpu_milli, limits.pids)
    };
    assert_eq!(limits(""), (0, 0, 7), "those of `defaults`");
    assert_eq!(limits(", limits: {memory: 512MiB, cpu: 0.5}"), (512 << 20, 500, 0), "they replace those of `defaults`");
    assert_eq!(limits(", limits: {cpu: 2, pids: 100}"), (0, 2_000, 100));
    for (wrong, says) in [
        ("memory: 512", "`memory` takes a size from 1MiB to 1PiB, not `512`"),
        ("cpu: 0", "`cpu` takes processors from 0.01 to 1000, not `0`"),
        ("pids: 0", "`pids` takes a whole number from 1 to 4194304, not `0`"),
        ("disk: 1GiB", "`limits` has no key `disk`"),
    ] {
        let problems = plan(&format!(", limits: {{{wrong}}}")).problems;
        assert!(problems.iter().any(|problem| problem.text.contains(says)), "{wrong}: {problems:?}");
    }
}
