//! The keys of each block: those that are read, and those that the language has but this version does not carry out.
//! A key that is in neither list does not exist.

/// The keys of one block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keys {
    /// Read and carried out.
    pub(super) known: &'static [&'static str],
    /// Refused until a later version, each with what to do instead (empty: nothing).
    pub(super) later: &'static [(&'static str, &'static str)],
}

pub(super) const FILE: Keys = Keys {
    known: &["on", "env", "defaults", "services", "jobs"],
    later: &[
        ("params", "use `env`"),
        ("include", "write the jobs into this file"),
        ("notify", ""),
        ("cancel-superseded", ""),
        ("priority", ""),
    ],
};

pub(super) const ON: Keys = Keys {
    known: &["push", "manual"],
    later: &[
        ("pull-request", "use `push`"),
        ("schedule", "let cron call `windlass run`"),
        ("upstream", "let a job of that project call `windlass run`"),
    ],
};

pub(super) const PUSH: Keys = Keys { known: &["branches", "tags", "paths"], later: &[] };

const JOB_LATER: &[(&str, &str)] = &[
    ("matrix", "write one job for each combination"),
    ("retry", ""),
    ("continue-on-error", "a step has this key"),
    ("concurrency", ""),
    ("locks", ""),
    ("slots", ""),
    ("approve", ""),
    ("outputs", "pass a file: `artifacts` and `inputs`"),
    ("cache", ""),
    ("reports", "keep the files as `artifacts`"),
    ("user", ""),
];

pub(super) const JOB: Keys = Keys {
    known: &[
        "needs",
        "if",
        "runs-on",
        "run",
        "steps",
        "deploy",
        "timeout",
        "silent-timeout",
        "grace",
        "cleanup",
        "env",
        "secrets",
        "idempotent",
        "on-unknown",
        "limits",
        "artifacts",
        "inputs",
        "checkout",
        "workspace",
    ],
    later: JOB_LATER,
};

pub(super) const LIMITS: Keys = Keys { known: &["memory", "cpu", "pids"], later: &[] };

pub(super) const DEFAULTS: Keys = Keys {
    known: &[
        "if",
        "runs-on",
        "timeout",
        "silent-timeout",
        "grace",
        "cleanup",
        "env",
        "secrets",
        "idempotent",
        "on-unknown",
        "limits",
        "artifacts",
        "inputs",
        "checkout",
        "workspace",
    ],
    later: JOB_LATER,
};

pub(super) const STEP: Keys = Keys {
    known: &["name", "run", "shell", "env", "secrets", "dir", "timeout", "if", "continue-on-error"],
    later: &[],
};

pub(super) const SECRET: Keys = Keys { known: &["as"], later: &[] };

pub(super) const ARTIFACT: Keys = Keys { known: &["paths", "optional"], later: &[("expire", ""), ("if", "")] };

pub(super) const INPUT: Keys = Keys { known: &["from", "to"], later: &[("optional", "")] };

pub(super) const DEPLOY: Keys = Keys {
    known: &["service", "environment", "strategy", "on-failure", "after-rollback", "prepare", "accept-incomplete"],
    later: &[("before", "use a job that this entry needs"), ("gates", "use the `gates` of the service")],
};

pub(super) const BATCH: Keys = Keys { known: &["targets", "bake", "budget", "promote"], later: &[] };

pub(super) const SERVICE: Keys = Keys {
    known: &["artifact", "root", "settings", "hooks", "gates", "identity", "keep"],
    later: &[
        ("unit", "use the hooks `start` and `stop`"),
        ("apply", "use the hooks `start` and `stop`"),
        ("shared", ""),
        ("steps", "use `root` and the hooks `start` and `stop`"),
        ("rollback", "use `root` and the hooks `start` and `stop`"),
        ("secrets", ""),
    ],
};

pub(super) const HOOKS: Keys = Keys { known: &["preflight", "drain", "stop", "start", "undrain"], later: &[] };

pub(super) const HOOK: Keys = Keys { known: &["run", "timeout"], later: &[("from", "")] };

pub(super) const GATE: Keys = Keys {
    known: &["http", "tcp", "command", "every", "timeout", "steady", "fall", "flaps", "grace", "deadline"],
    later: &[("metric", "use `command`"), ("session", ""), ("from", "")],
};

pub(super) const IDENTITY: Keys = Keys { known: &["http", "command"], later: &[] };
