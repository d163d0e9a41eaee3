use std::fs;
use std::path::Path;
use std::process::Command;

use windlass_core::attempt::LineBody;
use windlass_core::model::{Builtin, Collect, CollectFrom, Digest, Failure, Fence, FetchFile, Outcome, Revision};
use windlass_proto::convert::Cancel;
use windlass_proto::convert::logs::LogId;
use windlass_proto::v1;

use crate::agent::Host;
use crate::identity::Cluster;
use crate::jobs::{builtin, job, sh};
use crate::master::Master;

const FENCE: Fence = Fence(11);

async fn scene() -> (Master, Host) {
    let cluster = Cluster::new();
    let (master, port) = Master::start(&cluster).await;
    (master, Host::new(&cluster, port))
}

fn outcome(end: &LineBody) -> &Outcome {
    match end {
        LineBody::Exit { outcome, .. } | LineBody::Void { outcome } => outcome,
        other => panic!("not an end: {other:?}"),
    }
}

/// For what nobody tells: looked at again and again.
async fn eventually(what: &str, mut fits: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(std::time::Duration::from_secs(60), async {
        while !fits() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("{what}: never"));
}

fn lines(from: u32, to: u32) -> String {
    (from..=to).map(|n| format!("{n}\n")).collect()
}

#[tokio::test]
async fn an_attempt_is_accepted_started_ended_shipped_and_forgotten() {
    let (master, host) = scene().await;
    let agent = host.start();
    master.wants(FENCE, job(vec![sh("seq 1 20000"), sh("echo two >&2; echo three")]));
    let end = master.end_of(FENCE).await;
    assert_eq!(outcome(&end), &Outcome::Succeeded);
    assert_eq!(master.log(FENCE, 1).await, lines(1, 20_000).into_bytes());
    let second = String::from_utf8(master.log(FENCE, 2).await).expect("text");
    assert!(second.contains("two\n") && second.contains("three\n") && second.len() == 10, "{second:?}");
    let told: Vec<LineBody> = master.told().lines[&FENCE].iter().map(|line| line.body.clone()).collect();
    assert!(matches!(&told[..2], [LineBody::Accepted { .. }, LineBody::Go]), "{told:?}");
    assert!(host.attempt(FENCE).exists(), "kept until the master says forget");
    master.change(|told| told.forgotten.push(FENCE));
    eventually("forgotten", || !host.attempt(FENCE).exists()).await;
    assert!(agent.stop(), "a polite end is a good one");
}

#[tokio::test]
async fn files_that_were_open_when_the_agent_was_started_are_in_nobodys_way() {
    let (master, host) = scene().await;
    let agent = host.start_with_open_files();
    master.wants(FENCE, job(vec![sh("ls /proc/self/fd | tr '\\n' ' '")]));
    assert_eq!(outcome(&master.end_of(FENCE).await), &Outcome::Succeeded);
    assert_eq!(master.log(FENCE, 1).await, b"0 1 2 3 ", "3 is the listing");
    assert!(agent.stop());
}

#[tokio::test]
async fn a_killed_agent_leaves_its_job_running_and_the_next_one_re_attaches() {
    let (master, host) = scene().await;
    let go = host.folder().join("go");
    let script = format!("seq 1 1000; while ! test -e {}; do sleep 0.02; done; seq 1001 2000", go.display());
    let agent = host.start();
    master.wants(FENCE, job(vec![sh(&script)]));
    let log = LogId { fence: FENCE, step: 1 };
    master
        .until("the first half", |told| told.logs.get(&log).is_some_and(|bytes| bytes.len() == lines(1, 1000).len()))
        .await;
    agent.kill();
    fs::write(&go, b"").expect("written");
    let agent = host.start();
    let end = master.end_of(FENCE).await;
    assert_eq!(outcome(&end), &Outcome::Succeeded);
    assert_eq!(master.log(FENCE, 1).await, lines(1, 2000).into_bytes());
    let hello = master.told().hellos.last().cloned().expect("it said hello");
    assert_eq!((hello.incarnation, hello.max_epoch), (2, 5));
    assert_eq!(hello.held.len(), 1);
    assert_eq!((hello.held[0].fence, hello.held[0].run.as_str()), (FENCE.0, "shop#1"));
    let starts = master.told().lines[&FENCE].iter().filter(|line| line.body == LineBody::Go).count();
    assert_eq!(starts, 1);
    agent.kill();
}

#[tokio::test]
async fn what_ends_while_the_agent_is_away_is_told_by_the_next_one() {
    let (master, host) = scene().await;
    let (go, over) = (host.folder().join("go"), host.folder().join("over"));
    let script =
        format!("while ! test -e {}; do sleep 0.02; done; echo late; touch {}; exit 7", go.display(), over.display());
    let agent = host.start();
    master.wants(FENCE, job(vec![sh(&script)]));
    master.until("started", |told| told.lines.get(&FENCE).is_some_and(|lines| lines.len() >= 3)).await;
    agent.kill();
    fs::write(&go, b"").expect("written");
    let record = host.attempt(FENCE).join("record");
    eventually("ended", || fs::read_to_string(&record).expect("there").contains("\"exit\"")).await;
    let agent = host.start();
    let end = master.end_of(FENCE).await;
    assert_eq!(outcome(&end), &Outcome::Failed { how: Failure::Code(7) });
    assert_eq!(master.log(FENCE, 1).await, b"late\n");
    let hello = master.told().hellos.last().cloned().expect("it said hello");
    assert_eq!(hello.held[0].phase, i32::from(v1::Phase::Ended));
    agent.kill();
}

#[tokio::test]
async fn a_lost_session_loses_no_byte_and_starts_nothing_twice() {
    let (master, host) = scene().await;
    let agent = host.start();
    let script = "for part in 1 2 3 4 5 6 7 8; do seq $part 8 20000; sleep 0.1; done";
    master.wants(FENCE, job(vec![sh(script)]));
    let log = LogId { fence: FENCE, step: 1 };
    for part in 1..4 {
        master.until("more", |told| told.logs.get(&log).is_some_and(|bytes| bytes.len() > part * 10_000)).await;
        master.cut();
    }
    assert_eq!(outcome(&master.end_of(FENCE).await), &Outcome::Succeeded);
    let expected: String = (1..=8).flat_map(|part| (part..=20_000).step_by(8)).map(|n| format!("{n}\n")).collect();
    assert_eq!(text(&master, FENCE, 1).await, expected);
    let indexes: Vec<u32> = master.told().lines[&FENCE].iter().map(|line| line.index).collect();
    assert_eq!(indexes, (1..=indexes.len() as u32).collect::<Vec<_>>());
    agent.kill();
}

#[tokio::test]
async fn a_master_of_an_epoch_that_is_over_has_no_effect() {
    let (master, host) = scene().await;
    let agent = host.start();
    master.until("connected", |told| told.heartbeats > 0).await;
    master.change(|told| told.epoch = 4);
    master.cut();
    master.wants(FENCE, job(vec![sh("true")]));
    master.until("dialled twice more", |told| told.hellos.len() >= 3).await;
    assert!(!master.told().lines.contains_key(&FENCE) && !host.attempt(FENCE).exists());
    master.change(|told| told.epoch = 6);
    assert_eq!(outcome(&master.end_of(FENCE).await), &Outcome::Succeeded);
    agent.kill();
}

#[tokio::test]
async fn a_cancel_ends_the_process_tree() {
    let (master, host) = scene().await;
    let agent = host.start();
    master.wants(FENCE, job(vec![sh("echo begun; sleep 600 & sleep 600")]));
    let log = LogId { fence: FENCE, step: 1 };
    master.until("begun", |told| told.logs.get(&log).is_some_and(|bytes| bytes == b"begun\n")).await;
    let cancel = Cancel { fence: FENCE, force: false, by: "mara".to_owned(), why: "wrong branch".to_owned() };
    master.change(|told| told.cancelled.push(cancel));
    assert_eq!(outcome(&master.end_of(FENCE).await), &Outcome::Cancelled);
    agent.kill();
}

#[tokio::test]
async fn artifacts_go_up_from_one_job_and_come_down_into_another() {
    let (master, host) = scene().await;
    let agent = host.start();
    let collect = |name: &str, from| Collect { name: name.to_owned(), from, optional: false };
    let artifacts = vec![
        collect("notes.txt", CollectFrom::File("out/notes.txt".to_owned())),
        collect("shop.tar.zst", CollectFrom::Tar(vec!["out/**".to_owned()])),
    ];
    let steps = vec![sh("mkdir out; seq 1 100000 > out/notes.txt"), builtin(Builtin::Put { artifacts })];
    master.wants(FENCE, job(steps));
    assert_eq!(outcome(&master.end_of(FENCE).await), &Outcome::Succeeded, "{}", text(&master, FENCE, 2).await);
    let notes = lines(1, 100_000).into_bytes();
    assert_eq!(master.told().artifacts["notes.txt"], Digest::of(&notes));
    assert!(master.told().artifacts.contains_key("shop.tar.zst"));
    let files = vec![FetchFile { name: "notes.txt".to_owned(), digest: Digest::of(&notes), to: "in".to_owned() }];
    master.wants(Fence(12), job(vec![builtin(Builtin::Fetch { files }), sh("wc -l < in/notes.txt")]));
    assert_eq!(outcome(&master.end_of(Fence(12)).await), &Outcome::Succeeded, "{}", text(&master, Fence(12), 1).await);
    assert_eq!(master.log(Fence(12), 2).await, b"100000\n");
    assert_eq!(fs::read(host.workspace().join("in/notes.txt")).expect("there"), notes);
    assert_eq!(fs::read_dir(host.state().join("blobs")).expect("listed").count(), 0, "nothing is left behind");
    agent.kill();
}

async fn text(master: &Master, fence: Fence, step: u32) -> String {
    String::from_utf8_lossy(&master.log(fence, step).await).into_owned()
}

#[tokio::test]
async fn a_checkout_brings_exactly_the_revision_and_cleans_what_is_not_ignored() {
    let (master, host) = scene().await;
    let repository = host.folder().join("repo");
    let first = commit(&repository, "one");
    let second = commit(&repository, "two");
    let agent = host.start();
    let url = repository.display().to_string();
    for (fence, revision) in [(11, &first), (12, &second), (13, &first)] {
        let checkout = Builtin::Checkout {
            url: url.clone(),
            revision: revision.clone(),
            reference: Some("refs/heads/main".to_owned()),
        };
        let look = "cat file; test ! -e stray; touch stray kept.ignored; git rev-parse HEAD";
        master.wants(Fence(fence), job(vec![builtin(checkout), sh(look)]));
        let end = master.end_of(Fence(fence)).await;
        assert_eq!(outcome(&end), &Outcome::Succeeded, "{}", text(&master, Fence(fence), 1).await);
        let content = if *revision == first { "one" } else { "two" };
        assert_eq!(text(&master, Fence(fence), 2).await, format!("{content}\n{revision}\n"));
    }
    assert!(host.workspace().join("kept.ignored").exists());
    let gone = Builtin::Checkout { url: "/nowhere/repo".to_owned(), revision: first, reference: None };
    let fresh = windlass_core::model::Envelope {
        workspace: windlass_core::model::Workspace::Fresh,
        ..job(vec![builtin(gone)])
    };
    master.wants(Fence(14), fresh);
    assert_eq!(outcome(&master.end_of(Fence(14)).await), &Outcome::Failed { how: Failure::Code(75) });
    assert!(text(&master, Fence(14), 1).await.contains("/nowhere/repo"));
    agent.kill();
}

/// A commit of one file on the main branch.
fn commit(repository: &Path, content: &str) -> Revision {
    let git = |args: &[&str]| {
        let output = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"])
            .args(args)
            .current_dir(repository)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .expect("git runs");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    fs::create_dir_all(repository).expect("made");
    if !repository.join(".git").exists() {
        git(&["init", "--quiet"]);
    }
    fs::write(repository.join("file"), format!("{content}\n")).expect("written");
    fs::write(repository.join(".gitignore"), "*.ignored\n").expect("written");
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", content]);
    git(&["rev-parse", "HEAD"]).trim().parse().expect("a revision")
}

#[tokio::test]
async fn a_second_agent_on_one_state_directory_does_not_start() {
    let (master, host) = scene().await;
    let agent = host.start();
    master.until("connected", |told| told.heartbeats > 0).await;
    let second = host.run("run");
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(said.contains("another agent runs on") && said.contains("hint: "), "{said}");
    agent.kill();
}

#[tokio::test]
async fn a_wrong_configuration_is_refused_with_its_place() {
    let (_master, host) = scene().await;
    assert_eq!(host.run("check").status.code(), Some(0));
    host.configure("master = \"m:1\"\nslot = 4\n");
    for verb in ["check", "run"] {
        let refused = host.run(verb);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(78), "{said}");
        assert!(said.contains("agent.toml, line 2") && said.contains("`slot`") && said.contains("hint: "), "{said}");
    }
}
