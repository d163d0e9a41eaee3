//! Reads facts on threads of their own, because reading the journal blocks on the disk: a piece for an event stream, or all of them.

use std::io;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use windlass_core::Recorded;

use crate::facts::{Error, Reader};

/// Readers that may wait. Each takes about a millisecond; a full queue makes the reader of events wait.
const WAITING: usize = 64;

type Facts = Vec<(u64, Recorded)>;

#[derive(Debug)]
struct Ask {
    from: u64,
    end: u64,
    max: usize,
    reply: oneshot::Sender<Result<Facts, Error>>,
}

/// Reads committed facts. Cheap to clone; the thread ends with the last handle.
#[derive(Debug, Clone)]
pub struct JournalReader {
    asks: mpsc::Sender<Ask>,
    reader: Reader,
}

/// Facts that damage of the journal keeps from being read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unread {
    /// The first lsn.
    pub(super) first: u64,
    /// The last one.
    pub(super) last: u64,
    /// Names the file.
    pub(super) why: String,
}

impl JournalReader {
    /// Starts the thread.
    pub fn start(reader: Reader) -> io::Result<Self> {
        let (sender, mut asks) = mpsc::channel::<Ask>(WAITING);
        let thread = reader.clone();
        std::thread::Builder::new().name("event reader".to_owned()).spawn(move || {
            while let Some(ask) = asks.blocking_recv() {
                // Whoever asked may have gone away.
                let _ = ask.reply.send(thread.read_from(ask.from, ask.end, ask.max));
            }
        })?;
        Ok(Self { asks: sender, reader })
    }

    /// Facts from the lsn `from` on, at most about `max`, up to `end`, a committed lsn.
    pub(super) async fn read_from(&self, from: u64, end: u64, max: usize) -> Result<Facts, Error> {
        let (reply, answer) = oneshot::channel();
        self.asks.send(Ask { from, end, max, reply }).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }

    /// Folds every fact up to `end`, a committed lsn, in one pass. Damage does not end it: what is told there is named.
    pub(super) async fn fold<T: Send + 'static>(
        &self,
        end: u64,
        stop: CancellationToken,
        start: T,
        each: impl Fn(&mut T, &Recorded) + Send + 'static,
    ) -> Result<(T, Vec<Unread>), Error> {
        let (reply, answer) = oneshot::channel();
        let reader = self.reader.clone();
        let thread = std::thread::Builder::new().name("journal fold".to_owned());
        // Whoever asked may have gone away; a master that stops ends it.
        let begun = thread.spawn(move || drop(reply.send(fold(&reader, end, &stop, start, each))));
        begun.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }
}

fn fold<T>(
    reader: &Reader,
    end: u64,
    stop: &CancellationToken,
    mut told: T,
    each: impl Fn(&mut T, &Recorded),
) -> Result<(T, Vec<Unread>), Error> {
    let (mut follower, mut next, mut unread) = (reader.follow(1)?, 1, Vec::new());
    while next <= end {
        if stop.is_cancelled() {
            return Err(Error::Closed);
        }
        match follower.next(end) {
            Ok(None) => break,
            Ok(Some(turn)) => {
                next = turn.last_lsn() + 1;
                turn.facts.iter().for_each(|recorded| each(&mut told, recorded));
            }
            Err(error) if error.is_damage() => {
                let behind = follower.skip()?.map_or(end + 1, |lost| lost.next.min(end + 1));
                if behind > next {
                    unread.push(Unread { first: next, last: behind - 1, why: error.to_string() });
                }
                next = behind;
            }
            Err(error) => return Err(error),
        }
    }
    Ok((told, unread))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use windlass_core::Fact;
    use windlass_core::model::UnixMs;

    use super::*;
    use crate::facts::{Facts, Files};

    const FACTS: u64 = 400;

    /// A journal of several small segments; the paths of these, oldest first.
    async fn journal(dir: &std::path::Path) -> (Reader, Vec<std::path::PathBuf>) {
        let (journal, checkpoints) = (dir.join("journal"), dir.join("checkpoints"));
        let disk = Arc::new(windlass_disk::RealDisk);
        let files = Files { disk, journal, checkpoints, cluster_id: [7; 16], segment_bytes: 8 * 1024 };
        let (facts, _) = Facts::start(&files).expect("a new journal");
        let reader = facts.reader();
        let committer = facts.into_committer().expect("a thread");
        for number in 1..=FACTS {
            let fact = Fact::MasterPaused { for_ms: number };
            committer.commit(1, vec![Recorded { at: UnixMs(number), fact }]).await.expect("durable");
        }
        committer.close();
        let listed = std::fs::read_dir(dir.join("journal")).expect("listed");
        let mut paths: Vec<_> = listed.map(|entry| entry.expect("an entry").path()).collect();
        paths.sort();
        assert!(paths.len() > 3, "{paths:?}");
        (reader, paths)
    }

    /// The lsns that are told, and what is named.
    fn told(reader: &Reader) -> (Vec<u64>, Vec<Unread>) {
        let each = |seen: &mut Vec<u64>, recorded: &Recorded| seen.push(recorded.at.0);
        fold(reader, FACTS, &CancellationToken::new(), Vec::new(), each).expect("damage does not end it")
    }

    fn damage(path: &std::path::Path) {
        let mut bytes = std::fs::read(path).expect("read");
        bytes[200] ^= 1;
        std::fs::write(path, bytes).expect("written");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_cannot_be_read_is_named_and_the_rest_is_told() {
        let dir = tempfile::tempdir().expect("a folder");
        let (reader, segments) = journal(dir.path()).await;
        let all: Vec<u64> = (1..=FACTS).collect();
        assert_eq!(told(&reader), (all.clone(), Vec::new()));
        for segment in [&segments[1], segments.last().expect("some")] {
            damage(segment);
            let (seen, unread) = told(&reader);
            let named: Vec<u64> = unread.iter().flat_map(|lost| lost.first..=lost.last).collect();
            assert!(!named.is_empty() && !seen.is_empty());
            let mut both = [seen, named].concat();
            both.sort_unstable();
            assert_eq!(both, all, "each fact is told or named, once");
            let file = segment.file_name().and_then(|name| name.to_str()).expect("a name");
            assert!(unread.iter().any(|lost| lost.why.contains(file)), "{file}: {unread:?}");
        }
        std::fs::remove_file(&segments[0]).expect("it was there");
        assert_eq!(told(&reader).1[0].first, 1, "the first may be missing altogether");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_master_that_stops_waits_for_no_reader() {
        let dir = tempfile::tempdir().expect("a folder");
        let (reader, _) = journal(dir.path()).await;
        let stop = CancellationToken::new();
        stop.cancel();
        let folded = fold(&reader, FACTS, &stop, (), |(), _| {});
        assert!(matches!(folded, Err(Error::Closed)));
    }
}
