mod fakes;
mod full;
mod lost;

use std::path::Path;
use std::sync::Arc;

use windlass_core::attempt::LineBody;
use windlass_core::model::{Envelope, Fence, NotStarted, Outcome, Workspace};
use windlass_disk::{Disk, RealDisk};
use windlass_proto::convert::{Assignments, Cancel, Drain, Put, envelope_digest};

use super::state::{Settings, State};
use crate::attempts::State as Memory;
use crate::attempts::fixture::{BOOT, Fixture, envelope, exit, fixture_on};
use crate::config::Config;

use fakes::{FakeGroups, FakeShims, Survive, TestHost};

const SESSION: u64 = 3;
const POLICY: &str = "[policy]\nprojects = [\"shop\"]";

struct Host {
    fixture: Fixture,
    host: Arc<TestHost>,
    shims: FakeShims,
    state: State,
}

fn settings(fixture: &Fixture, policy: &str) -> Settings {
    let text = format!("master = \"m:1\"\nslots = 2\n{policy}");
    let config = Config::parse(&text, Path::new("agent.toml"), fixture.store.dir().path()).expect("right");
    Settings {
        agent: "b1".to_owned(),
        slots: config.slots,
        policy: config.policy,
        services: config.services,
        work_dir: fixture.folder.path().join("work"),
        user: crate::config::files::own_user(),
        boot_id: BOOT.to_owned(),
        exe: "/proc/self/exe".into(),
        ballast_bytes: 4096,
    }
}

fn host_with(policy: &str, shims: FakeShims) -> Host {
    host_on(Arc::new(RealDisk), policy, shims)
}

fn host_on(disk: Arc<dyn Disk>, policy: &str, shims: FakeShims) -> Host {
    let host = Arc::new(TestHost::default());
    let fixture = fixture_on(disk, Arc::clone(&host) as Arc<dyn crate::host::Host>);
    let state = state(&fixture, policy, &shims);
    Host { fixture, host, shims, state }
}

fn state(fixture: &Fixture, policy: &str, shims: &FakeShims) -> State {
    let memory = Memory::load(Arc::clone(&fixture.disk), fixture.store.dir(), "cluster").expect("read");
    let settings = settings(fixture, policy);
    let mut state = State::new(fixture.store.clone(), memory, settings, Box::new(shims.clone()), None);
    state.session = Some(SESSION);
    state
}

fn host() -> Host {
    host_with(POLICY, FakeShims::default())
}

fn put(fence: u64, envelope: Envelope) -> Put {
    Put {
        fence: Fence(fence),
        digest: envelope_digest(&envelope),
        envelope: Some(envelope),
        secrets: Default::default(),
    }
}

fn cancel(fence: u64) -> Cancel {
    Cancel { fence: Fence(fence), force: false, by: "mara".to_owned(), why: "wrong".to_owned() }
}

impl Host {
    fn assign(&mut self, set: Assignments) {
        self.state.assign(SESSION, set).expect("the disk is well");
    }

    fn put(&mut self, fence: u64) {
        self.assign(Assignments { put: vec![put(fence, envelope())], ..Assignments::default() });
    }

    fn look(&mut self) {
        self.state.look(true).expect("the disk is well");
    }

    /// After this time somebody looks.
    fn later(&mut self, span_ms: u64) {
        self.host.passes(span_ms);
        self.look();
    }

    /// A new agent takes up what the one before left.
    fn restart(&mut self) {
        self.state = state(&self.fixture, POLICY, &self.shims);
        self.state.take_up().expect("the disk is well");
    }

    fn bodies(&self, fence: u64) -> Vec<LineBody> {
        let holdings = self.state.holdings();
        let attempt = holdings.attempts.get(&Fence(fence));
        attempt.map(|attempt| attempt.lines.iter().map(|line| line.body.clone()).collect()).unwrap_or_default()
    }

    fn void(&self, fence: u64) -> Option<Outcome> {
        match self.bodies(fence).pop() {
            Some(LineBody::Void { outcome }) => Some(outcome),
            Some(_) | None => None,
        }
    }
}

fn not_started(reason: NotStarted) -> Option<Outcome> {
    Some(Outcome::NotStarted { reason })
}

#[test]
fn what_is_put_is_accepted_once_and_its_shim_holds_the_lock() {
    let mut host = host();
    host.put(11);
    host.put(11);
    assert_eq!(host.shims.count(), 1);
    assert!(matches!(host.bodies(11)[..], [LineBody::Accepted { .. }]));
    let dir = host.fixture.store.dir().attempt(Fence(11));
    let place: windlass_shim::Place =
        serde_json::from_slice(&std::fs::read(windlass_shim::Place::path_in(dir.path())).expect("there"))
            .expect("JSON");
    assert!(place.workspace.is_dir() && place.workspace.ends_with("work/shop/build"));
    host.look();
    assert_eq!(host.bodies(11).len(), 1, "its lock is held, so nothing is concluded");
}

#[test]
fn the_record_is_followed_to_its_end_and_forgotten_with_its_directory() {
    let mut host = host();
    host.put(11);
    host.shims.writes(11, 2, LineBody::Go);
    host.shims.writes(11, 3, exit(vec![]));
    host.shims.dies(11);
    host.look();
    assert_eq!(host.bodies(11)[1..], [LineBody::Go, exit(vec![])]);
    host.assign(Assignments { forget: vec![Fence(11)], floor: 11, ..Assignments::default() });
    assert!(host.state.holdings().attempts.is_empty());
    assert!(host.fixture.store.list().expect("listed").is_empty());
    host.put(11);
    assert!(host.state.holdings().attempts.is_empty(), "not above the floor: refused for ever");
}

#[test]
fn a_shim_that_dies_is_concluded() {
    let mut host = host();
    host.put(11);
    host.shims.dies(11);
    host.look();
    assert_eq!(host.void(11), not_started(NotStarted::ShimFailed));
}

#[test]
fn one_that_the_master_has_closed_while_its_shim_lives_is_stopped_and_not_forgotten() {
    let mut host = host();
    host.put(11);
    host.assign(Assignments { forget: vec![Fence(11)], ..Assignments::default() });
    assert_eq!(host.bodies(11).len(), 1);
    host.shims.dies(11);
    host.look();
    assert_eq!(host.void(11), Some(Outcome::Cancelled));
    host.assign(Assignments { forget: vec![Fence(11)], ..Assignments::default() });
    assert!(host.state.holdings().attempts.is_empty());
}

#[test]
fn a_shim_that_cannot_be_spawned_leaves_void() {
    let mut host = host_with(POLICY, FakeShims { broken: true, ..FakeShims::default() });
    host.put(11);
    assert!(matches!(host.bodies(11)[0], LineBody::Accepted { .. }));
    assert_eq!(host.void(11), not_started(NotStarted::ShimFailed));
}

#[test]
fn slots_and_policy_say_no_with_their_rule() {
    let mut host = host();
    for fence in [11, 12, 13] {
        host.put(fence);
    }
    assert_eq!(host.void(13), not_started(NotStarted::Busy));
    let other = Envelope { run: "docs#1".parse().expect("a run"), ..envelope() };
    host.assign(Assignments { put: vec![put(14, other)], ..Assignments::default() });
    assert_eq!(host.void(14), not_started(NotStarted::DeniedByAgent("projects".to_owned())));
    let mut closed = host_with("", FakeShims::default());
    closed.put(11);
    assert_eq!(closed.void(11), not_started(NotStarted::DeniedByAgent("policy".to_owned())));
    assert_eq!(closed.shims.count(), 0);
}

#[test]
fn a_cancel_before_the_shim_is_void_and_after_it_a_file() {
    let mut host = host();
    let set = Assignments { put: vec![put(11, envelope())], cancel: vec![cancel(11)], ..Assignments::default() };
    host.assign(set);
    assert_eq!(host.void(11), Some(Outcome::Cancelled));
    assert_eq!(host.bodies(11).len(), 1);
    host.put(12);
    host.assign(Assignments { cancel: vec![cancel(12)], ..Assignments::default() });
    assert!(host.fixture.store.dir().attempt(Fence(12)).cancel().exists());
    assert_eq!(host.void(12), None);
}

#[test]
fn a_cancel_counts_for_a_put_in_a_later_message_of_its_set() {
    let mut host = host();
    host.assign(Assignments { full: true, more: true, cancel: vec![cancel(11)], ..Assignments::default() });
    host.assign(Assignments { full: true, floor: 10, put: vec![put(11, envelope())], ..Assignments::default() });
    assert_eq!(host.void(11), Some(Outcome::Cancelled));
    assert_eq!(host.state.memory.floor(), Fence(10), "the floor counts when the set is whole");
}

#[test]
fn assignments_of_another_session_have_no_effect() {
    let mut host = host();
    let set = Assignments { put: vec![put(11, envelope())], floor: 99, ..Assignments::default() };
    host.state.assign(SESSION - 1, set.clone()).expect("ignored");
    host.state.session = None;
    host.state.assign(SESSION, set).expect("ignored");
    assert!(host.state.holdings().attempts.is_empty());
    assert_eq!(host.state.memory.floor(), Fence(0));
}

#[test]
fn a_new_agent_re_attaches_to_live_shims_and_concludes_the_rest() {
    let mut host = host();
    host.put(11);
    host.put(12);
    host.shims.dies(12);
    host.restart();
    assert_eq!(host.shims.count(), 1, "what is found is never started");
    assert_eq!(host.void(12), not_started(NotStarted::AgentRestart));
    host.shims.writes(11, 2, LineBody::Go);
    host.look();
    assert_eq!(host.bodies(11).len(), 2);
    assert!(host.state.held[&Fence(11)].workspace().is_some(), "its workspace is not given to another");
}

#[test]
fn no_two_attempts_share_a_workspace_and_a_fresh_one_goes_with_its_attempt() {
    let mut host = host();
    host.put(11);
    host.put(12);
    let work = host.fixture.folder.path().join("work");
    let of = |host: &Host, fence| host.state.held[&Fence(fence)].workspace().cloned();
    assert_eq!(of(&host, 11), Some(work.join("shop/build")));
    assert_eq!(of(&host, 12), Some(work.join("shop/build.2")));
    host.shims.dies(11);
    host.look();
    let fresh = Envelope { workspace: Workspace::Fresh, ..envelope() };
    host.assign(Assignments { put: vec![put(13, fresh)], ..Assignments::default() });
    let folder = of(&host, 13).expect("it lives");
    assert_eq!(folder, work.join("fresh/13"));
    host.shims.dies(13);
    host.look();
    host.assign(Assignments { forget: vec![Fence(13)], ..Assignments::default() });
    assert!(!folder.exists());
}

#[test]
fn a_pause_stands_until_it_is_ended_and_heartbeats_say_so() {
    let mut host = host();
    let drain = |on, by: &str| Some(Drain { on, by: by.to_owned() });
    let told = |host: &Host| host.state.room().expect("the disk is well").draining;
    assert!(!told(&host));
    host.assign(Assignments { drain: drain(true, "ines"), ..Assignments::default() });
    host.put(11);
    assert!(told(&host), "a set that says nothing of it changes nothing");
    assert_eq!(host.shims.count(), 1, "what was placed before is done");
    host.assign(Assignments { drain: drain(false, ""), ..Assignments::default() });
    assert!(!told(&host));
}

#[test]
fn room_for_evidence_is_kept_and_given_up_when_nothing_else_is_left() {
    let mut host = host();
    let ballast = host.fixture.store.dir().ballast();
    host.look();
    assert_eq!(std::fs::metadata(&ballast).map(|it| it.len()).ok(), Some(4096));
    host.put(11);
    host.host.fills(true);
    host.look();
    assert!(!ballast.exists());
    host.put(12);
    assert_eq!(host.void(12), not_started(NotStarted::DiskLow), "nothing new is taken");
    host.shims.dies(11);
    host.look();
    assert_eq!(host.void(11), not_started(NotStarted::ShimFailed), "what was promised is concluded");
    host.host.fills(false);
    host.look();
    assert!(ballast.exists());
}
