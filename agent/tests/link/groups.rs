//! What a killed shim leaves behind, where the kernel keeps it together and where not.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use windlass_core::attempt::LineBody;
use windlass_core::model::{Fence, Outcome, UnknownReason};
use windlass_proto::v1;

use crate::agent::{Agent, Host};
use crate::identity::Cluster;
use crate::jobs::{job, sh};
use crate::master::Master;

const FENCE: Fence = Fence(11);

/// A daemon that left its session and ignores TERM, and a step that waits.
const SCRIPT: &str =
    "echo $$ > step; (setsid sh -c 'trap \"\" TERM; echo $$ > pid; while :; do sleep 0.1; done' &); exec sleep 1000";

/// Starts an agent that ends jobs in this way, and a job; gives the number of its daemon.
async fn scene(kill: &str) -> (Master, Host, Agent, Pid) {
    let cluster = Cluster::new();
    let (master, port) = Master::start(&cluster).await;
    let host = Host::new(&cluster, port);
    host.add(&format!("[process]\nkill = {kill:?}\n"));
    let agent = host.start();
    master.wants(FENCE, job(vec![sh(SCRIPT)]));
    let file = host.workspace().join("pid");
    master.until("it runs", |told| told.lines.get(&FENCE).is_some_and(|lines| lines.len() > 2)).await;
    let text = eventually("the daemon", || fs::read_to_string(&file).ok().filter(|text| text.ends_with('\n'))).await;
    (master, host, agent, pid(text.trim()))
}

fn pid(text: &str) -> Pid {
    Pid::from_raw(text.parse().expect("a number")).expect("not zero")
}

async fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let waited = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            if let Some(answer) = ask() {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("{what}: never"))
}

/// The shim of the attempt in this directory.
fn shim(dir: &Path) -> Option<Pid> {
    let numbers = fs::read_dir("/proc").ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let found = numbers.filter(|number| {
        let words = fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = words.split(|byte| *byte == 0).collect();
        words.get(1) == Some(&b"shim".as_slice()) && words.get(2) == Some(&dir.as_os_str().as_encoded_bytes())
    });
    found.map(|number| pid(&number)).next()
}

fn is_alive(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    stat.is_ok_and(|stat| !stat.rsplit(") ").next().unwrap_or_default().starts_with('Z'))
}

fn is_lost(end: &LineBody) -> bool {
    let lost = Outcome::Unknown { reason: UnknownReason::ShimLost };
    matches!(end, LineBody::Exit { outcome, .. } if *outcome == lost)
}

fn offered(master: &Master) -> i32 {
    master.told().hellos.last().and_then(|hello| hello.offer.as_ref().map(|offer| offer.kill)).expect("it said hello")
}

#[tokio::test]
async fn what_a_killed_shim_leaves_behind_is_gone_when_its_end_is_told() {
    let (master, host, agent, daemon) = scene("auto").await;
    if offered(&master) != i32::from(v1::KillMode::KillCgroup) {
        assert!(std::env::var_os("CI").is_none(), "a cgroup2 mount must be writable in CI");
        writeln!(std::io::stderr(), "not proven here: no cgroup2 mount is writable").expect("somebody reads");
        let step = fs::read_to_string(host.workspace().join("step")).expect("it ran");
        for left in [daemon, pid(step.trim())] {
            kill_process(left, Signal::KILL).expect("it lives");
        }
        return;
    }
    kill_process(shim(&host.attempt(FENCE)).expect("it lives"), Signal::KILL).expect("it lives");
    assert!(is_lost(&master.end_of(FENCE).await));
    assert!(!is_alive(daemon));
    agent.kill();
}

#[tokio::test]
async fn in_process_groups_nobody_is_ended_by_a_guess() {
    let (master, host, agent, daemon) = scene("group").await;
    assert_eq!(offered(&master), i32::from(v1::KillMode::KillGroup));
    kill_process(shim(&host.attempt(FENCE)).expect("it lives"), Signal::KILL).expect("it lives");
    assert!(is_lost(&master.end_of(FENCE).await));
    assert!(is_alive(daemon), "it may be anybody's");
    let step = fs::read_to_string(host.workspace().join("step")).expect("it ran");
    for left in [daemon, pid(step.trim())] {
        kill_process(left, Signal::KILL).expect("it lives");
    }
    agent.kill();
}
