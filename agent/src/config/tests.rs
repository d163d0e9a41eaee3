use std::path::Path;

use windlass_core::model::{Action, Attempt, Builtin, Command, Duration, Envelope, Limits, RunIf, Step, Workspace};

use super::*;
use crate::release::place::LocalServices;

fn parse(text: &str) -> Result<Config, Error> {
    Config::parse(text, Path::new("agent.toml"), Path::new("/var/lib/windlass-agent"))
}

fn envelope(project: &str, lane: Option<&str>) -> Envelope {
    let action = Action::Command(Command { argv: vec!["true".to_owned()], script: None });
    Envelope {
        run: format!("{project}#1").parse().expect("a run"),
        job: "build".parse().expect("a job"),
        attempt: Attempt(1),
        env: Default::default(),
        steps: vec![step(action)],
        timeout: Duration::from_secs(60),
        silent_timeout: Duration::from_secs(0),
        grace: Duration::from_secs(5),
        cleanup: Duration::from_secs(5),
        log_quota_bytes: 1024,
        slots: 1,
        limits: Default::default(),
        workspace: Workspace::Warm,
        lane: lane.map(|lane| (lane.parse().expect("a lane"), 1)),
    }
}

fn step(action: Action) -> Step {
    Step {
        name: "one".to_owned(),
        run_if: RunIf::Success,
        timeout: Duration::from_secs(0),
        dir: String::new(),
        env: Default::default(),
        secrets: Default::default(),
        secret_files: Default::default(),
        tolerate: false,
        action,
    }
}

#[test]
fn a_small_file_has_defaults_and_takes_no_work() {
    let config = parse("master = \"cd.example.org:8471\"\n").expect("it is right");
    assert_eq!((config.slots, config.work_dir.to_str()), (1, Some("/var/lib/windlass-work")));
    assert_eq!(config.policy.denies(&envelope("shop", None), &LocalServices::new()), Some("policy"));
    assert!(!config.policy.takes_jobs());
}

#[test]
fn how_jobs_are_ended_can_be_fixed() {
    let kill = |text: &str| parse(&format!("master = \"m:1\"\n{text}")).map(|config| config.kill);
    let table = [
        ("", Kill::Auto),
        ("[process]\nkill = \"cgroup\"", Kill::Cgroup),
        ("[process]\nkill = \"group\"", Kill::Group),
    ];
    for (text, expected) in table {
        assert_eq!(kill(text).expect("it is right"), expected, "{text}");
    }
    kill("[process]\nkill = \"both\"").expect_err("no such way");
}

#[test]
fn a_job_may_ask_for_less_than_the_host_gives_and_for_no_more() {
    let text =
        "master = \"m:1\"\n[policy]\nprojects = [\"shop\"]\n[limits]\nmemory = \"1GiB\"\ncpu = 0.5\npids = 100\n";
    let policy = parse(text).expect("it is right").policy;
    assert_eq!(policy.limits, Limits { memory_bytes: 1 << 30, cpu_milli: 500, pids: 100 });
    let asks = |limits| policy.denies(&Envelope { limits, ..envelope("shop", None) }, &LocalServices::new());
    assert_eq!(asks(Limits::default()), None);
    assert_eq!(asks(Limits { cpu_milli: 500, ..Limits::default() }), None);
    assert_eq!(asks(Limits { pids: 101, ..Limits::default() }), Some("limits.pids"));
    for (wrong, key) in [("memory = \"1GB\"", "limits.memory"), ("cpu = 0", "limits.cpu"), ("pids = 0", "limits.pids")]
    {
        let error = parse(&format!("master = \"m:1\"\n[limits]\n{wrong}\n")).expect_err("it is wrong").to_string();
        assert!(error.contains(key), "{error}");
    }
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    let error = parse("master = \"m:1\"\n\n[policy]\nproject = [\"shop\"]\n").expect_err("a wrong key");
    let text = error.to_string();
    assert!(
        text.starts_with("agent.toml, line 4: ") && text.contains("`project`") && text.contains("`projects`"),
        "{text}"
    );
    parse("master = \"m:1\"\n[policy]\nunits = []\n").expect_err("not carried out by this version");
}

#[test]
fn values_that_break_their_rule_are_refused() {
    for (line, key) in [
        ("master = \"cd.example.org\"", "master"),
        ("master = \"https://m:1\"", "master"),
        ("master = \"m:0\"", "master"),
        ("master = \"m:1\"\nslots = 1001", "slots"),
        ("master = \"m:1\"\nwork.dir = \"relative\"", "work.dir"),
        ("master = \"m:1\"\nwork.dir = \"/var/lib/windlass-agent/work\"", "work.dir"),
        ("master = \"m:1\"\npolicy.steps = \"hooks\"", "policy.steps"),
        ("master = \"m:1\"\npolicy.same_user = false", "policy.same_user"),
        ("master = \"m:1\"\npolicy.run_as = [\"nobody-of-that-name\"]", "policy.run_as"),
        ("master = \"m:1\"\npolicy = { projects = [\"*\"], environments = [\"p\"] }", "policy.projects"),
        ("master = \"m:1\"\npolicy.release_roots = [\"/srv/../etc\"]", "policy.release_roots"),
        ("master = \"m:1\"\nlabels = { \"a=b\" = \"c\" }", "labels"),
    ] {
        let error = parse(line).expect_err(line);
        assert!(matches!(&error, Error::Value { key: found, .. } if found == key), "{line}: {error}");
    }
}

#[test]
fn the_policy_names_the_rule_that_says_no() {
    let policy = |text: &str| parse(&format!("master = \"m:1\"\n[policy]\n{text}")).expect(text).policy;
    let none = LocalServices::new();
    let build = policy("projects = [\"shop\"]");
    assert_eq!(build.denies(&envelope("shop", None), &none), None);
    assert_eq!(build.denies(&envelope("docs", None), &none), Some("projects"));
    assert_eq!(build.denies(&envelope("shop", Some("shop/production")), &none), Some("environments"));
    let target = policy("projects = [\"shop\"]\nenvironments = [\"production\"]\nservices = [\"shop\"]");
    assert_eq!(target.denies(&envelope("shop", Some("shop/production")), &none), None);
    assert_eq!(target.denies(&envelope("shop", Some("docs/production")), &none), Some("services"));
    assert_eq!(target.denies(&envelope("shop", None), &none), Some("jobs"));
    assert!(!target.takes_jobs());
    let both = policy("projects = [\"shop\"]\nenvironments = [\"production\"]\njobs = true");
    assert_eq!(both.denies(&envelope("shop", None), &none), None);
    let quiet = policy("projects = [\"*\"]\nsteps = \"none\"");
    assert_eq!(quiet.denies(&envelope("shop", None), &none), Some("steps"));
    let put = Action::Builtin(Builtin::Put { artifacts: vec![] });
    let only_built_in = Envelope { steps: vec![step(put)], ..envelope("shop", None) };
    assert_eq!(quiet.denies(&only_built_in, &none), None);
    assert_ne!(build.digest(), both.digest());
}
