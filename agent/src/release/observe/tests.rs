use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration as StdDuration;

use tokio::sync::mpsc;
use windlass_core::deploy::gate::Sample;
use windlass_core::model::{Change, Duration, Health, Observation, Probe, Running};

use super::lane::Lane;
use super::look::{Seen, Stage};
use super::*;
use crate::release::fixture::{NEW, change, fast_gate, install, layout, serve};
use crate::release::record::{Line, Mark, TargetRecord};
use crate::tasks::Tasks;

fn a_change() -> Change {
    let (_dir, layout) = layout();
    change(&layout)
}

fn seen(at_s: u64, mark: Mark, sample: Sample) -> Seen {
    let gate = fast_gate(Probe::Command(vec!["true".to_owned()]));
    Seen {
        stage: Stage { seen: 7, mark: Some(mark), linked: Some(NEW.to_owned()), held_by_hand: false },
        running: Running::Release(NEW.to_owned()),
        gates: vec![gate],
        samples: vec![sample],
        at: Duration::from_secs(at_s),
    }
}

#[test]
fn health_counts_from_the_commit_and_a_bake_is_sampled_fast() {
    let mut lane = Lane::new(a_change());
    lane.fold(seen(0, Mark::Switched, Sample::Good));
    assert_eq!(lane.pace(), Duration::from_secs(10));
    let first = lane.fold(seen(100, Mark::Committed, Sample::Good));
    assert_eq!(
        (first.healthy_for, first.health, lane.pace()),
        (Duration::default(), Health::Healthy, Duration::from_ms(10))
    );
    let later = lane.fold(seen(102, Mark::Committed, Sample::Good));
    assert_eq!((later.healthy_for, later.generation), (Duration::from_secs(2), 7));
    let bake = lane.change().bake;
    for at_s in 103..=100 + bake.ms() / 1000 {
        assert_eq!(lane.pace(), Duration::from_ms(10), "the bake goes on at {at_s} s");
        let sample = lane.fold(seen(at_s, Mark::Committed, Sample::Good));
        assert!(lane.is_worth_sending(&sample, Duration::from_secs(at_s)), "the one that completes it too");
    }
    assert_eq!(lane.pace(), Duration::from_secs(10));
}

#[test]
fn where_a_way_back_ended_is_said_again_for_a_while() {
    let mut lane = Lane::new(a_change());
    lane.fold(seen(0, Mark::Switched, Sample::Good));
    let back = lane.fold(seen(1, Mark::Reverted, Sample::Good));
    lane.was_sent(back.clone(), Duration::from_secs(1));
    let again = lane.fold(seen(2, Mark::Reverted, Sample::Good));
    assert!(lane.is_worth_sending(&again, Duration::from_secs(2)));
    assert_eq!(lane.pace(), Duration::from_ms(10));
    let later = lane.fold(seen(16, Mark::Reverted, Sample::Good));
    assert!(!lane.is_worth_sending(&later, Duration::from_secs(16)));
}

#[test]
fn a_break_sets_health_back_and_counts_as_a_flap() {
    let mut lane = Lane::new(a_change());
    for (at, sample) in [(0, Sample::Good), (1, Sample::Bad("500".to_owned()))] {
        lane.fold(seen(at, Mark::Committed, sample));
    }
    let back = lane.fold(seen(2, Mark::Committed, Sample::Good));
    assert_eq!((back.flaps, back.healthy_for), (2, Duration::default()));
    let reverted = lane.fold(seen(3, Mark::Reverted, Sample::Good));
    assert_eq!(reverted.flaps, 0);
}

#[test]
fn what_changed_is_sent_and_everything_once_a_minute() {
    let mut lane = Lane::new(a_change());
    let at = Duration::from_secs;
    let first = lane.fold(seen(0, Mark::Switched, Sample::Good));
    assert!(lane.is_worth_sending(&first, at(0)));
    lane.was_sent(first, at(0));
    let same = lane.fold(seen(10, Mark::Switched, Sample::Good));
    assert!(!lane.is_worth_sending(&same, at(10)));
    assert!(lane.is_worth_sending(&same, at(60)));
    let other = Observation { running: Running::Nothing, ..same };
    assert!(lane.is_worth_sending(&other, at(11)));
    let baking = lane.fold(seen(12, Mark::Committed, Sample::Good));
    lane.was_sent(baking.clone(), at(12));
    assert!(lane.is_worth_sending(&baking, at(13)));
}

#[test]
fn a_stale_change_is_not_taken() {
    let change = a_change();
    let mut lane = Lane::new(change.clone());
    assert!(!lane.take(Change { generation: 6, ..change.clone() }));
    assert!(!lane.take(change.clone()));
    assert!(lane.take(Change { generation: 8, ..change }));
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

async fn next(observations: &mut mpsc::Receiver<Observation>, is_it: impl Fn(&Observation) -> bool) -> Observation {
    let wait = async {
        loop {
            let observation = observations.recv().await.expect("the observer lives");
            if is_it(&observation) {
                return observation;
            }
        }
    };
    tokio::time::timeout(StdDuration::from_secs(120), wait).await.expect("it comes")
}

#[test]
fn an_observer_sees_a_service_commit_fail_and_come_back_also_after_a_restart() {
    let (dir, layout) = layout();
    let broken = Arc::new(AtomicBool::new(false));
    let is_broken = Arc::clone(&broken);
    let address =
        serve(move |_, _| if is_broken.load(Ordering::SeqCst) { (500, String::new()) } else { (200, NEW.to_owned()) });
    let mut change = change(&layout);
    change.spec.identity = Probe::Http(format!("http://{address}/"));
    install(&dir, &layout, change.clone(), NEW, true);
    let mut record = TargetRecord::open(&layout).expect("a record");
    record.append(Line::of(&change, Mark::Committed)).expect("synced");
    let observed = dir.path().join("observed");
    runtime().block_on(async {
        for start in 0..2 {
            let tasks = Tasks::new();
            let observer = Observer { dir: observed.clone(), local: Default::default(), tasks: tasks.clone() };
            let (tell, changes) = mpsc::channel(1);
            let (say, mut observations) = mpsc::channel(1);
            tasks.task("observer", observe_loop(observer, changes, say));
            if start == 0 {
                tell.send(change.clone()).await.expect("it listens");
            }
            let good = next(&mut observations, |seen| seen.healthy_for > Duration::default()).await;
            assert_eq!((good.generation, good.health), (7, Health::Healthy));
            assert_eq!((good.linked.as_deref(), good.running), (Some(NEW), Running::Release(NEW.to_owned())));
            broken.store(true, Ordering::SeqCst);
            let bad = next(&mut observations, |seen| seen.health == Health::Unhealthy).await;
            assert_eq!((bad.running, bad.healthy_for), (Running::Nothing, Duration::default()));
            broken.store(false, Ordering::SeqCst);
            next(&mut observations, |seen| seen.health == Health::Healthy && seen.flaps == 2).await;
            drop(observations);
            tasks.end().await;
        }
    });
}

#[test]
fn a_host_where_nothing_is_installed_says_so() {
    let (dir, layout) = layout();
    let change = change(&layout);
    runtime().block_on(async {
        let tasks = Tasks::new();
        let observer = Observer { dir: dir.path().join("observed"), local: Default::default(), tasks: tasks.clone() };
        let (tell, changes) = mpsc::channel(1);
        let (say, mut observations) = mpsc::channel(1);
        tasks.task("observer", observe_loop(observer, changes, say));
        tell.send(change).await.expect("it listens");
        let seen = next(&mut observations, |_| true).await;
        assert_eq!(
            (seen.linked, seen.running, seen.health, seen.generation),
            (None, Running::Nothing, Health::NoData, 0)
        );
        tasks.end().await;
    });
}
