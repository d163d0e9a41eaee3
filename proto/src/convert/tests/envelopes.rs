//! Any envelope, and sets of assignments.

use std::collections::BTreeMap;

use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use windlass_core::model::{
    Action, Attempt, Builtin, Change, Collect, CollectFrom, Command, Digest, Duration, Envelope, FetchFile, Gate, Hook,
    HookCommand, Probe, RunIf, ServiceSpec, Step, WayBack, Workspace,
};

use super::super::{Assignments, Cancel, Drain, Put, envelope_digest};
use super::values::{digest, fence, pairs, text};

/// One step, nothing optional.
pub(super) fn plain() -> Envelope {
    Envelope {
        run: "shop#42".parse().expect("a run"),
        job: "build".parse().expect("a job"),
        attempt: Attempt(1),
        env: BTreeMap::new(),
        steps: vec![Step {
            name: "compile".to_owned(),
            run_if: RunIf::Success,
            timeout: Duration::from_secs(0),
            dir: String::new(),
            env: BTreeMap::new(),
            secrets: Default::default(),
            secret_files: Default::default(),
            tolerate: false,
            action: Action::Command(Command { argv: vec!["true".to_owned()], script: None }),
        }],
        timeout: Duration::from_secs(60),
        silent_timeout: Duration::from_secs(0),
        grace: Duration::from_secs(30),
        cleanup: Duration::from_secs(60),
        log_quota_bytes: 1 << 20,
        slots: 1,
        limits: Default::default(),
        workspace: Workspace::Warm,
        lane: None,
    }
}

/// The plain one with an environment of so many bytes.
pub(super) fn with_env_of(bytes: usize) -> Envelope {
    Envelope { env: BTreeMap::from([("PAD".to_owned(), "x".repeat(bytes))]), ..plain() }
}

fn seconds() -> impl Strategy<Value = Duration> {
    any::<u32>().prop_map(|count| Duration::from_secs(u64::from(count)))
}

fn change() -> impl Strategy<Value = Change> {
    let way_back = prop_oneof![Just(WayBack::Absent), text().prop_map(WayBack::Release)];
    (digest(), any::<(u64, u64)>(), way_back, seconds(), pairs()).prop_map(
        |(artifact, (generation, artifact_bytes), way_back, bake, settings)| Change {
            service: "shop".parse().expect("a service"),
            environment: "production".parse().expect("an environment"),
            target: "web1".parse().expect("an agent"),
            deployment: "shop/production#31".parse().expect("a deployment"),
            generation,
            release: "r18-4f2a91c0".to_owned(),
            artifact,
            artifact_bytes,
            spec: spec(settings, bake),
            way_back,
            bake,
            skips_self_test: generation % 5 == 0,
            stays_drained: generation % 2 == 0,
            lets_go: generation % 3 == 0,
        },
    )
}

fn spec(settings: BTreeMap<String, String>, span: Duration) -> ServiceSpec {
    let gate = Gate {
        probe: Probe::Http("http://127.0.0.1:8080/healthz".to_owned()),
        every: span,
        timeout: span,
        steady: span,
        fall: 3,
        flaps: 3,
        grace: span,
        deadline: span,
    };
    let stop = HookCommand { argv: vec!["stop".to_owned(), "shop".to_owned()], timeout: span };
    ServiceSpec {
        artifact: "shop.tar.zst".to_owned(),
        root: "/srv/shop".to_owned(),
        settings,
        hooks: BTreeMap::from([(Hook::Stop, stop)]),
        gates: BTreeMap::from([("up".to_owned(), gate)]),
        identity: Probe::Command(vec!["cat".to_owned()]),
        keep: 5,
    }
}

fn builtin() -> impl Strategy<Value = Builtin> {
    let checkout = (text(), option::of(text())).prop_map(|(url, reference)| Builtin::Checkout {
        url,
        revision: "4f".repeat(20).parse().expect("a revision"),
        reference,
    });
    let fetch = (text(), digest(), text())
        .prop_map(|(name, digest, to)| Builtin::Fetch { files: vec![FetchFile { name, digest, to }] });
    let from = prop_oneof![text().prop_map(CollectFrom::File), vec(text(), 0..3).prop_map(CollectFrom::Tar)];
    let put = (text(), from, any::<bool>())
        .prop_map(|(name, from, optional)| Builtin::Put { artifacts: vec![Collect { name, from, optional }] });
    let changes = prop_oneof![
        change().prop_map(Builtin::Drain),
        change().prop_map(Builtin::Prepare),
        change().prop_map(Builtin::Switch),
        change().prop_map(Builtin::Check),
        change().prop_map(Builtin::Commit),
        change().prop_map(Builtin::WayBack),
    ];
    prop_oneof![checkout, fetch, put, changes]
}

fn step() -> impl Strategy<Value = Step> {
    let command =
        (vec(text(), 1..3), option::of(".{1,20}")).prop_map(|(argv, script)| Action::Command(Command { argv, script }));
    let action = prop_oneof![command, builtin().prop_map(Action::Builtin)];
    let run_if = prop::sample::select(vec![RunIf::Success, RunIf::Failure, RunIf::Always]);
    let secret = || prop::sample::select(vec!["KEY", "TAX_KEY", "A1"]).prop_map(|name| name.parse().expect("a name"));
    let secrets = (btree_set(secret(), 0..3), btree_set(secret(), 0..3), any::<bool>());
    (text(), run_if, seconds(), text(), pairs(), secrets, action).prop_map(
        |(name, run_if, timeout, dir, env, (secrets, secret_files, tolerate), action)| Step {
            secrets,
            secret_files,
            name,
            run_if,
            timeout,
            dir,
            env,
            tolerate,
            action,
        },
    )
}

pub(super) fn envelope() -> impl Strategy<Value = Envelope> {
    let workspace = prop::sample::select(vec![Workspace::Warm, Workspace::Clean, Workspace::Fresh]);
    let lane = option::of(any::<u64>().prop_map(|n| ("shop/production".parse().expect("a lane"), n)));
    let times = (seconds(), seconds(), seconds(), seconds());
    let numbers = (1..u32::MAX, any::<u64>(), any::<u32>());
    (pairs(), vec(step(), 0..4), workspace, lane, times, numbers).prop_map(
        |(env, steps, workspace, lane, (timeout, silent_timeout, grace, cleanup), (attempt, quota, slots))| Envelope {
            attempt: Attempt(attempt),
            env,
            steps,
            timeout,
            silent_timeout,
            grace,
            cleanup,
            log_quota_bytes: quota,
            slots,
            workspace,
            lane,
            ..plain()
        },
    )
}

pub(super) fn assignments() -> impl Strategy<Value = Assignments> {
    let put = (fence(), envelope(), any::<bool>()).prop_map(|(fence, envelope, is_held)| Put {
        fence,
        digest: envelope_digest(&envelope),
        envelope: (!is_held).then_some(envelope),
        secrets: Default::default(),
    });
    let cancel =
        (fence(), any::<bool>(), text(), text()).prop_map(|(fence, force, by, why)| Cancel { fence, force, by, why });
    let flags = any::<(bool, bool, u64)>();
    let drain = option::of((any::<bool>(), text()).prop_map(|(on, by)| Drain { on, by }));
    (flags, vec(put, 0..4), vec(cancel, 0..4), vec(fence(), 0..4), drain).prop_map(
        |((full, more, floor), put, cancel, forget, drain)| Assignments {
            full,
            more,
            floor,
            put,
            cancel,
            forget,
            drain,
        },
    )
}

/// A digest that no envelope here has.
pub(super) fn other_digest() -> Digest {
    Digest::of(b"something else")
}
