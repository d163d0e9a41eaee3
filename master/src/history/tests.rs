use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use windlass_core::fact::ReopenedRun;
use windlass_core::model::{Commit, Outcome, ProjectName, RunId, RunPlan, Trigger, TriggerKind, UnixMs};
use windlass_core::{Fact, Recorded, State};
use windlass_disk::RealDisk;

use super::key::Kind;
use super::store::Store;
use super::{Cursor, Error, History, RunFilter, Threads};
use crate::engine::Published;
use crate::facts::{Checkpoint, Checkpoints, Committer, Facts, Files};

const CLUSTER: [u8; 16] = [7; 16];

/// A journal with a history that follows it.
struct World {
    history: History,
    threads: Threads,
    stop: CancellationToken,
    committer: Committer,
    published: Published,
    checkpoints: Checkpoints,
    state: State,
}

impl World {
    fn open(dir: &Path) -> Result<Self, Error> {
        let disk = Arc::new(RealDisk);
        let (journal, checkpoints) = (dir.join("journal"), dir.join("checkpoints"));
        let files = Files { disk, journal, checkpoints, cluster_id: CLUSTER, segment_bytes: 64 * 1024 };
        let (facts, state) = Facts::start(&files).expect("the journal opens");
        let checkpoints = files.checkpoints();
        let published = Published::new(State::default());
        published.publish(state.clone(), facts.last_lsn());
        let stop = CancellationToken::new();
        let (history, threads) =
            History::start(dir, CLUSTER, facts.reader(), checkpoints.clone(), published.clone(), stop.clone())?;
        let committer = facts.into_committer().expect("a thread");
        Ok(Self { history, threads, stop, committer, published, checkpoints, state })
    }

    async fn believe(&mut self, facts: Vec<Fact>) {
        let at = UnixMs(self.state.now.0 + 1);
        for fact in &facts {
            self.state.apply(at, fact);
        }
        let recorded = facts.into_iter().map(|fact| Recorded { at, fact }).collect();
        let lsn = self.committer.commit(1, recorded).await.expect("durable");
        self.published.publish(self.state.clone(), lsn);
    }

    /// A run that is created, ended and closed in one turn.
    async fn over(&mut self, number: u64, branch: &str, outcome: Outcome) {
        let run = id(number);
        self.believe(vec![
            created(&run, branch),
            Fact::RunEnded { run: run.clone(), outcome },
            Fact::RunClosed { run },
        ])
        .await;
    }

    fn checkpoint(&self) {
        let checkpoint = Checkpoint { mark: self.committer.place().mark, state: self.published.state() };
        self.checkpoints.write(&checkpoint).expect("written");
    }

    async fn caught_up(&self) {
        while self.history.applied_lsn() < self.published.lsn() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn numbers(&self, filter: RunFilter, before: Option<Cursor>, limit: usize) -> Vec<u64> {
        let runs = self.answered(|| self.history.list_runs(filter.clone(), before.clone(), limit)).await;
        runs.iter().map(|run| run.id.number).collect()
    }

    /// What it answers when it has caught up and says so.
    async fn answered<T, A: Future<Output = Result<T, Error>>>(&self, ask: impl Fn() -> A) -> T {
        self.caught_up().await;
        loop {
            match ask().await {
                Err(Error::Rebuilding { .. }) => tokio::time::sleep(Duration::from_millis(1)).await,
                answer => break answer.expect("it answers"),
            }
        }
    }

    /// Also waits until the children that other tests start have no copy of the history's lock any more.
    async fn close(self, dir: &Path) {
        self.caught_up().await;
        self.stop.cancel();
        drop(self.history);
        tokio::task::block_in_place(|| self.threads.join());
        self.committer.close();
        while windlass_disk::lock::is_locked(&dir.join("history-1").join("db")).expect("Linux lists its locks") {
            tokio::task::yield_now().await;
        }
    }
}

fn id(number: u64) -> RunId {
    RunId { project: ProjectName::new("shop").expect("a name"), number }
}

fn created(run: &RunId, branch: &str) -> Fact {
    let commit = Commit {
        revision: "a".repeat(40).parse().expect("a revision"),
        title: "Greet ".repeat(3_000),
        author: String::new(),
        time: UnixMs(1),
        position: 1,
    };
    Fact::RunCreated {
        run: run.clone(),
        trigger: Trigger { kind: TriggerKind::Manual, actor: "anna".to_owned(), time: UnixMs(1) },
        branch: branch.to_owned(),
        commit,
        plan: Box::new(RunPlan::default()),
        problems: Vec::new(),
        unread: None,
        delivery: None,
        trust: Default::default(),
    }
}

async fn three_runs(dir: &Path) -> World {
    let mut world = World::open(dir).expect("a new history");
    world.over(1, "main", Outcome::Succeeded).await;
    world.over(2, "main", Outcome::Cancelled).await;
    world.over(3, "side", Outcome::Succeeded).await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_are_over_are_listed_newest_first_page_by_page() {
    let dir = tempfile::tempdir().expect("a folder");
    let world = three_runs(dir.path()).await;
    assert_eq!(world.numbers(RunFilter::default(), None, 10).await, [3, 2, 1]);
    assert_eq!(world.numbers(RunFilter::default(), None, 2).await, [3, 2]);
    let created_ms = world.answered(|| world.history.run(id(2))).await.expect("it is there").created.0;
    let before = Some(Cursor { created_ms, run: id(2) });
    assert_eq!(world.numbers(RunFilter::default(), before, 10).await, [1]);
    let main = RunFilter { branch: Some("main".to_owned()), ..RunFilter::default() };
    assert_eq!(world.numbers(main, None, 10).await, [2, 1]);
    let good = RunFilter { outcome: Some("succeeded".to_owned()), ..RunFilter::default() };
    assert_eq!(world.numbers(good, None, 10).await, [3, 1]);
    world.close(dir.path()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_run_is_stored_in_parts_and_read_whole() {
    let dir = tempfile::tempdir().expect("a folder");
    let world = three_runs(dir.path()).await;
    world.caught_up().await;
    let run = world.answered(|| world.history.run(id(1))).await.expect("it is there");
    assert_eq!(run.commit.title.len(), 18_000);
    assert_eq!(world.answered(|| world.history.run(id(9))).await, None);
    world.close(dir.path()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_history_rebuilds_itself_and_answers_the_same() {
    let dir = tempfile::tempdir().expect("a folder");
    let world = three_runs(dir.path()).await;
    world.numbers(RunFilter::default(), None, 10).await;
    let before = world.answered(|| world.history.list_runs(RunFilter::default(), None, 10)).await;
    world.close(dir.path()).await;
    std::fs::remove_dir_all(dir.path().join("history-1")).expect("it was there");
    let world = World::open(dir.path()).expect("it begins anew");
    assert_eq!(world.numbers(RunFilter::default(), None, 10).await, [3, 2, 1]);
    let after = world.answered(|| world.history.list_runs(RunFilter::default(), None, 10)).await;
    assert_eq!(after, before);
    world.close(dir.path()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_history_answers_the_same_after_the_next_start() {
    let dir = tempfile::tempdir().expect("a folder");
    three_runs(dir.path()).await.close(dir.path()).await;
    let db = dir.path().join("history-1").join("db");
    let len = std::fs::metadata(&db).expect("sled's file").len();
    std::fs::write(&db, vec![0x5a; usize::try_from(len).expect("small")]).expect("written");
    let world = World::open(dir.path()).expect("it begins anew");
    assert_eq!(world.numbers(RunFilter::default(), None, 10).await, [3, 2, 1]);
    world.close(dir.path()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_is_not_ours_is_set_aside_and_rebuilt() {
    let dir = tempfile::tempdir().expect("a folder");
    three_runs(dir.path()).await.close(dir.path()).await;
    let here = dir.path().join("history-1");
    std::fs::remove_dir_all(&here).expect("it was there");
    drop(super::store::Store::open(&here, [8; 16]).expect("a new one, of another cluster"));
    let world = World::open(dir.path()).expect("it begins anew");
    assert_eq!(world.numbers(RunFilter::default(), None, 10).await, [3, 2, 1]);
    world.close(dir.path()).await;
    assert!(dir.path().join("history-1.set-aside-1").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_done_again_is_in_no_list_until_it_is_over_again_and_then_once() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut world = three_runs(dir.path()).await;
    let before = world.answered(|| world.history.run(id(2))).await.expect("it is over");
    let again = Fact::JobsRetried {
        run: id(2),
        reopened: ReopenedRun::of(&before).map(Box::new),
        jobs: Vec::new(),
        by: "mara".to_owned(),
    };
    let ended = |outcome| vec![Fact::RunEnded { run: id(2), outcome }, Fact::RunClosed { run: id(2) }];
    let all = RunFilter::default;
    let with = |outcome: &str| RunFilter { outcome: Some(outcome.to_owned()), ..all() };
    world.believe(vec![again.clone()]).await;
    assert_eq!(world.numbers(all(), None, 10).await, [3, 1]);
    world.believe(ended(Outcome::Succeeded)).await;
    assert_eq!(world.numbers(with("succeeded"), None, 10).await, [3, 2, 1]);
    // All of it in one turn, as a history that is rebuilt takes many at once.
    world.believe([vec![again], ended(Outcome::TimedOut)].concat()).await;
    assert_eq!(world.numbers(all(), None, 10).await, [3, 2, 1]);
    assert_eq!(world.numbers(with("timed_out"), None, 10).await, [2]);
    assert_eq!(world.numbers(with("succeeded"), None, 10).await, [3, 1], "it is not what it was");
    world.close(dir.path()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_goes_on_from_a_checkpoint_that_it_has_passed() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut world = three_runs(dir.path()).await;
    world.checkpoint();
    world.over(4, "main", Outcome::Succeeded).await;
    world.checkpoint();
    world.close(dir.path()).await;
    for damaged in std::fs::read_dir(dir.path().join("journal")).expect("listed") {
        let path = damaged.expect("an entry").path();
        let mut bytes = std::fs::read(&path).expect("read");
        bytes[80] ^= 1;
        std::fs::write(&path, bytes).expect("written");
    }
    let world = World::open(dir.path()).expect("nothing before the checkpoint is read");
    assert_eq!(world.numbers(RunFilter::default(), None, 10).await, [4, 3, 2, 1]);
    assert_eq!(world.history.lost(), []);
    world.close(dir.path()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_of_an_old_segment_takes_the_runs_in_it_and_names_them() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut world = World::open(dir.path()).expect("a new history");
    for number in 1..=20 {
        world.over(number, "main", Outcome::Succeeded).await;
        if number == 12 || number == 16 {
            world.checkpoint();
        }
    }
    let listed = world.numbers(RunFilter::default(), None, 100).await;
    assert_eq!(listed.len(), 20);
    world.close(dir.path()).await;
    let mut segments: Vec<_> = std::fs::read_dir(dir.path().join("journal"))
        .expect("listed")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    segments.sort();
    let damaged = &segments[2];
    let mut bytes = std::fs::read(damaged).expect("read");
    bytes[100] ^= 1;
    std::fs::write(damaged, bytes).expect("written");
    std::fs::remove_dir_all(dir.path().join("history-1")).expect("it was there");
    for _ in 0..2 {
        let world = World::open(dir.path()).expect("damage of an old segment stops nothing");
        let left = world.numbers(RunFilter::default(), None, 100).await;
        let lost: Vec<u64> = listed.iter().copied().filter(|number| !left.contains(number)).collect();
        assert!(!lost.is_empty() && lost.len() < 10, "{lost:?}");
        let named: Vec<u64> = listed.iter().copied().filter(|number| world.history.has_lost(&id(*number))).collect();
        assert_eq!(named, lost);
        world.close(dir.path()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_ahead_of_the_journal_proves_that_the_journal_was_cut() {
    let dir = tempfile::tempdir().expect("a folder");
    three_runs(dir.path()).await.close(dir.path()).await;
    std::fs::remove_dir_all(dir.path().join("journal")).expect("it was there");
    let error = World::open(dir.path()).err().expect("it must not start");
    assert!(matches!(error, Error::JournalCut { last: 0, .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_have_expired_leave_nothing_and_a_rebuild_says_the_same() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut world = World::open(dir.path()).expect("a new history");
    for number in 1..=5 {
        world.over(number, "main", Outcome::Succeeded).await;
    }
    assert_eq!(world.numbers(RunFilter::default(), None, 10).await, [5, 4, 3, 2, 1]);
    let project = id(1).project;
    world.believe(vec![Fact::RunsExpired { project: project.clone(), below: 3 }]).await;
    assert_eq!(world.numbers(RunFilter::default(), None, 10).await, [5, 4, 3]);
    assert_eq!(world.answered(|| world.history.run(id(2))).await, None);
    assert!(world.answered(|| world.history.run(id(3))).await.is_some());
    // One that ends and expires with the same record leaves nothing either.
    let run = id(6);
    let over = [
        created(&run, "main"),
        Fact::RunEnded { run: run.clone(), outcome: Outcome::Cancelled },
        Fact::RunClosed { run },
        Fact::RunsExpired { project, below: 7 },
    ];
    world.believe(over.into()).await;
    assert!(world.numbers(RunFilter::default(), None, 10).await.is_empty());
    world.close(dir.path()).await;
    std::fs::remove_dir_all(dir.path().join("history-1")).expect("it was there");
    let world = World::open(dir.path()).expect("it is rebuilt");
    assert!(world.numbers(RunFilter::default(), None, 10).await.is_empty());
    world.close(dir.path()).await;
    let store = Store::open(&dir.path().join("history-1"), CLUSTER).expect("it opens").0;
    let kinds = [Kind::Run, Kind::RunByTime, Kind::RunByOutcome, Kind::Attempt, Kind::AttemptByAgent, Kind::Part];
    for kind in kinds {
        assert_eq!(store.scan(&[kind as u8]).expect("it reads"), [], "{kind:?}");
    }
}
