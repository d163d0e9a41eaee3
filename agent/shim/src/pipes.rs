//! Bytes from the steps to the spool, in the order they were read.
//!
//! What is read is masked first: see `windlass_core::mask`. It may hold back bytes that could begin a secret.
//!
//! A lone read goes on at once; reads within 2 ms of the last are joined. When the spool takes no more the pipes wait, as any pipe
//! does; when the disk has then made no progress for 5 s, bytes are read on, counted and dropped, so that no disk stalls a step.
//!
//! | flow | what happens | becomes |
//! |---|---|---|
//! | open | the spool is full | blocked: nothing is read |
//! | blocked, dropping | the spool takes what waited | open; what was dropped is told |
//! | blocked | the disk did something | blocked, counted anew |
//! | blocked | 5 s without | dropping: bytes are counted only |

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::io::Errno;
use windlass_core::mask::{Masker, Needles};

use crate::spool::{Chunk, Spool, Stream};

/// The most that is read at once, and the most that is joined.
const READ_MAX: usize = 64 * 1024;

const JOIN_WITHIN_NS: u64 = 2_000_000;

const DROP_AFTER_NS: u64 = 5_000_000_000;

/// All pipes that somebody may still write to.
#[derive(Debug)]
pub(crate) struct Pipes {
    feeds: Vec<Feed>,
    flow: Flow,
    buffer: Vec<u8>,
    needles: Arc<Needles>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Open,
    Blocked { since_ns: u64, progress: u64 },
    Dropping,
}

/// The two streams of a step, which may outlive it.
#[derive(Debug)]
struct Feed {
    stdout: Tap,
    stderr: Tap,
    seen: Seen,
    sent_ns: u64,
    heard_ns: u64,
}

/// One stream: where it comes from, until it is over, and what hides secrets in it.
#[derive(Debug)]
struct Tap {
    pipe: Option<OwnedFd>,
    masker: Masker,
}

/// What may be seen of a step and has not gone on.
#[derive(Debug)]
struct Seen {
    step: u32,
    began_ns: u64,
    /// At most a few: nothing is read while they cannot go on.
    waiting: VecDeque<Chunk>,
    dropped_bytes: u64,
}

/// One stream of one step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source {
    step: u32,
    stream: Stream,
}

impl Pipes {
    pub(crate) fn new(needles: Arc<Needles>) -> Self {
        Self { feeds: Vec::new(), flow: Flow::Open, buffer: vec![0; READ_MAX], needles }
    }

    /// What is looked for.
    pub(crate) fn needles(&self) -> &Needles {
        &self.needles
    }

    /// The streams of a step that begins now. They must not block.
    pub(crate) fn add(&mut self, step: u32, began_ns: u64, stdout: OwnedFd, stderr: OwnedFd) {
        let tap = |pipe| Tap { pipe: Some(pipe), masker: Masker::new(Arc::clone(&self.needles)) };
        let seen = Seen { step, began_ns, waiting: VecDeque::new(), dropped_bytes: 0 };
        let (stdout, stderr) = (tap(stdout), tap(stderr));
        self.feeds.push(Feed { stdout, stderr, seen, sent_ns: 0, heard_ns: began_ns });
    }

    /// What is to be polled: nothing while the pipes wait.
    pub(crate) fn sources(&self) -> Vec<(Source, BorrowedFd<'_>)> {
        if matches!(self.flow, Flow::Blocked { .. }) {
            return Vec::new();
        }
        let of = |feed: &Feed, stream| Source { step: feed.seen.step, stream };
        let both =
            |feed| [(of(feed, Stream::Stdout), &feed.stdout.pipe), (of(feed, Stream::Stderr), &feed.stderr.pipe)];
        let open = self.feeds.iter().flat_map(both);
        open.filter_map(|(source, end)| end.as_ref().map(|end| (source, end.as_fd()))).collect()
    }

    /// Whether a stream is open, or bytes wait.
    pub(crate) fn is_empty(&self) -> bool {
        self.feeds.is_empty()
    }

    /// When joined reads go on.
    pub(crate) fn deadline_ns(&self) -> Option<u64> {
        let waits = |feed: &&Feed| self.flow == Flow::Open && !feed.seen.waiting.is_empty();
        self.feeds.iter().filter(waits).map(Feed::due_ns).min()
    }

    /// When the step's last byte was read; none if both streams are closed. While the pipes wait, silence proves nothing.
    pub(crate) fn heard_ns(&self, step: u32, now_ns: u64) -> Option<u64> {
        let feed = self.feeds.iter().find(|feed| feed.seen.step == step)?;
        Some(if matches!(self.flow, Flow::Blocked { .. }) { now_ns } else { feed.heard_ns })
    }

    /// Reads once from a stream that has something, or is at its end.
    pub(crate) fn read(&mut self, source: Source, spool: &Spool, now_ns: u64) {
        let Some(feed) = self.feeds.iter_mut().find(|feed| feed.seen.step == source.step) else { return };
        let Some(pipe) = &feed.tap(source.stream).pipe else { return };
        let is_dropping = self.flow == Flow::Dropping;
        match rustix::io::read(pipe, &mut self.buffer) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            Ok(0) | Err(_) => feed.close(source.stream, now_ns, is_dropping),
            Ok(read) => {
                feed.take(source.stream, &self.buffer[..read], now_ns, is_dropping);
                let is_due = now_ns >= feed.due_ns() || feed.is_full();
                if !is_dropping && is_due && !feed.seen.waiting.is_empty() {
                    self.flow = self.flow.after(feed.send(spool, now_ns), spool, now_ns);
                }
            }
        }
    }

    /// Does what is due: joined reads, a flow that may open again, streams that are over.
    pub(crate) fn tick(&mut self, spool: &Spool, now_ns: u64) {
        for feed in &mut self.feeds {
            let due = self.flow != Flow::Open || feed.is_over() || now_ns >= feed.due_ns();
            if due && !feed.seen.waiting.is_empty() {
                let sent = feed.send(spool, now_ns);
                self.flow = self.flow.after(sent, spool, now_ns);
                if !sent {
                    break;
                }
            }
        }
        if self.flow == Flow::Open {
            self.feeds.iter_mut().for_each(|feed| feed.tell_dropped(spool, now_ns));
        }
        self.feeds.retain(|feed| {
            let over = feed.is_over() && feed.seen.waiting.is_empty() && feed.seen.dropped_bytes == 0;
            if over {
                spool.end(feed.seen.step, now_ns.saturating_sub(feed.seen.began_ns));
            }
            !over
        });
    }

    /// Closes every stream that is not among these. For when nobody of ours is left who could write: who still holds the other end
    /// was given it by a step and is not waited for.
    pub(crate) fn close_all_but(&mut self, ready: &[Source], now_ns: u64) {
        if matches!(self.flow, Flow::Blocked { .. }) {
            return;
        }
        let is_dropping = self.flow == Flow::Dropping;
        for feed in &mut self.feeds {
            for stream in [Stream::Stdout, Stream::Stderr] {
                if !ready.iter().any(|source| source.step == feed.seen.step && source.stream == stream) {
                    feed.close(stream, now_ns, is_dropping);
                }
            }
        }
    }
}

impl Flow {
    /// After a try to send.
    fn after(self, sent: bool, spool: &Spool, now_ns: u64) -> Self {
        if sent {
            return Self::Open;
        }
        let progress = spool.progress();
        match self {
            Self::Open => Self::Blocked { since_ns: now_ns, progress },
            Self::Blocked { progress: before, .. } if before != progress => {
                Self::Blocked { since_ns: now_ns, progress }
            }
            Self::Blocked { since_ns, .. } if now_ns >= since_ns + DROP_AFTER_NS => Self::Dropping,
            Self::Blocked { .. } | Self::Dropping => self,
        }
    }
}

impl Feed {
    fn tap(&self, stream: Stream) -> &Tap {
        match stream {
            Stream::Stdout => &self.stdout,
            Stream::Stderr => &self.stderr,
        }
    }

    /// A stream, and where what may be seen of it goes.
    fn parts(&mut self, stream: Stream) -> (&mut Tap, &mut Seen) {
        match stream {
            Stream::Stdout => (&mut self.stdout, &mut self.seen),
            Stream::Stderr => (&mut self.stderr, &mut self.seen),
        }
    }

    /// What is read while the pipes drop is masked all the same: a secret may begin there and end behind.
    fn take(&mut self, stream: Stream, data: &[u8], now_ns: u64, is_dropping: bool) {
        self.heard_ns = now_ns;
        let (tap, seen) = self.parts(stream);
        tap.masker.push(data, &mut |piece| seen.take(stream, piece, now_ns, is_dropping));
    }

    /// The stream is over: what was held back goes on.
    fn close(&mut self, stream: Stream, now_ns: u64, is_dropping: bool) {
        let (tap, seen) = self.parts(stream);
        if tap.pipe.take().is_some() {
            tap.masker.finish(&mut |piece| seen.take(stream, piece, now_ns, is_dropping));
        }
    }

    fn is_over(&self) -> bool {
        self.stdout.pipe.is_none() && self.stderr.pipe.is_none()
    }

    fn due_ns(&self) -> u64 {
        self.sent_ns + JOIN_WITHIN_NS
    }

    fn is_full(&self) -> bool {
        let waiting = &self.seen.waiting;
        waiting.len() > 1 || waiting.back().is_some_and(|chunk| chunk.data.len() >= READ_MAX)
    }

    /// Gives the spool all that waits. False if it takes no more.
    fn send(&mut self, spool: &Spool, now_ns: u64) -> bool {
        while let Some(chunk) = self.seen.waiting.pop_front() {
            if let Err(chunk) = spool.offer(chunk) {
                self.seen.waiting.push_front(chunk);
                return false;
            }
            self.sent_ns = now_ns;
        }
        true
    }

    /// What was dropped came behind all that waited.
    fn tell_dropped(&mut self, spool: &Spool, now_ns: u64) {
        let seen = &mut self.seen;
        if seen.dropped_bytes > 0 {
            let at_ns = now_ns.saturating_sub(seen.began_ns);
            spool.dropped(seen.step, at_ns, std::mem::take(&mut seen.dropped_bytes));
        }
    }
}

impl Seen {
    /// Joins a piece to the one before, unless that was of the other stream: the order of the bytes is kept.
    fn take(&mut self, stream: Stream, piece: &[u8], now_ns: u64, is_dropping: bool) {
        if is_dropping {
            self.dropped_bytes += piece.len() as u64;
            return;
        }
        // A mask may be longer than the secret, and what was held comes at once.
        for data in piece.chunks(READ_MAX) {
            match self.waiting.back_mut() {
                Some(last) if last.stream == stream && last.data.len() + data.len() <= READ_MAX => {
                    last.data.extend_from_slice(data);
                }
                Some(_) | None => {
                    let at_ns = now_ns.saturating_sub(self.began_ns);
                    self.waiting.push_back(Chunk { step: self.step, stream, at_ns, data: data.to_vec() });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use rustix::pipe::{PipeFlags, pipe_with};

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// A step that writes to its standard output only.
    fn one_step() -> (Pipes, OwnedFd) {
        let pipe = || pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).expect("a pipe");
        let ((stdout, ours), (stderr, _closed)) = (pipe(), pipe());
        let mut pipes = Pipes::new(Arc::new(Needles::of([])));
        pipes.add(1, 0, stdout, stderr);
        (pipes, ours)
    }

    fn read_all(pipes: &mut Pipes, spool: &Spool, now_ns: u64) {
        for source in pipes.sources().into_iter().map(|(source, _)| source).collect::<Vec<_>>() {
            pipes.read(source, spool, now_ns);
        }
        pipes.tick(spool, now_ns);
    }

    #[test]
    fn a_lone_read_goes_at_once_and_quick_ones_are_joined() {
        let (mut pipes, step) = one_step();
        let spool = Spool::stuck();
        let ms = |ms: u64| SECOND + ms * 1_000_000;
        for (at, text, sent, waits_until) in
            [(0, "a", 1, None), (1, "b", 0, Some(2)), (1, "c", 0, Some(2)), (2, "d", 3, None), (9, "e", 1, None)]
        {
            rustix::io::write(&step, text.as_bytes()).expect("room");
            read_all(&mut pipes, &spool, ms(at));
            assert_eq!(spool.catch_up().0, sent, "{text}");
            assert_eq!(pipes.deadline_ns(), waits_until.map(ms), "{text}");
        }
    }

    #[test]
    fn a_stuck_disk_makes_the_pipes_wait_and_after_five_seconds_drop() {
        let (mut pipes, step) = one_step();
        let spool = Spool::stuck();
        let block = vec![b'x'; READ_MAX];
        let (mut written, mut now_ns) = (0_u64, SECOND);
        let mut write = || written += rustix::io::write(&step, &block).map_or(0, |len| len as u64);
        while !pipes.sources().is_empty() {
            write();
            now_ns += JOIN_WITHIN_NS;
            read_all(&mut pipes, &spool, now_ns);
        }
        write();
        pipes.tick(&spool, now_ns + 5 * SECOND - 1);
        assert!(pipes.sources().is_empty(), "nothing is read for five seconds");
        pipes.tick(&spool, now_ns + 5 * SECOND);
        for _ in 0..100 {
            read_all(&mut pipes, &spool, now_ns + 5 * SECOND);
            write();
        }
        read_all(&mut pipes, &spool, now_ns + 5 * SECOND);
        drop(step);
        let (before, told) = spool.catch_up();
        assert_eq!(told, 0, "it is told when the disk goes on");
        pipes.tick(&spool, now_ns + 6 * SECOND);
        let (waited, dropped) = spool.catch_up();
        assert!(dropped >= 90 * READ_MAX as u64, "the step was not held up");
        assert_eq!(before as u64 + waited as u64 + dropped, written, "every byte is stored or counted");
        // A child that another test forks holds the pipe open until it execs.
        let until = Instant::now() + Duration::from_secs(10);
        while !pipes.is_empty() {
            assert!(Instant::now() < until, "both streams are over");
            read_all(&mut pipes, &spool, now_ns + 6 * SECOND);
        }
    }
}
