//! Envelopes of `shop#1 build`.

use std::collections::BTreeMap;

use windlass_core::model::{Action, Attempt, Builtin, Command, Duration, Envelope, RunIf, Step, Workspace};

pub fn job(steps: Vec<Step>) -> Envelope {
    Envelope {
        run: "shop#1".parse().expect("a run"),
        job: "build".parse().expect("a job"),
        attempt: Attempt(1),
        env: BTreeMap::new(),
        steps,
        timeout: Duration::from_secs(120),
        silent_timeout: Duration::from_secs(0),
        grace: Duration::from_secs(5),
        cleanup: Duration::from_secs(5),
        log_quota_bytes: 16 * 1024 * 1024,
        slots: 1,
        limits: Default::default(),
        workspace: Workspace::Warm,
        lane: None,
    }
}

pub fn sh(script: &str) -> Step {
    let argv = ["/bin/sh", "-ec", script].map(str::to_owned).to_vec();
    step("sh", Action::Command(Command { argv, script: None }))
}

pub fn builtin(builtin: Builtin) -> Step {
    step(builtin.name(), Action::Builtin(builtin))
}

fn step(name: &str, action: Action) -> Step {
    Step {
        name: name.to_owned(),
        run_if: RunIf::Success,
        timeout: Duration::from_secs(0),
        dir: String::new(),
        env: BTreeMap::new(),
        secrets: Default::default(),
        secret_files: Default::default(),
        tolerate: false,
        action,
    }
}
