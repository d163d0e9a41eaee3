//! What the processes of a step do, by chance: how long they run, what they write, whether they listen to TERM, what they leave behind.

use windlass_core::model::Fence;

use super::host::{MS, SECOND};
use super::rng::Rng;

/// What a step will do if nobody stops it.
#[derive(Debug, Clone)]
pub struct Script {
    /// True time that its first process takes.
    pub takes_ns: u64,
    /// Its exit code.
    pub code: u8,
    /// When it writes, since its start, and what.
    pub writes: Vec<(u64, Vec<u8>)>,
    /// How long after TERM it ends; none: it does not listen.
    pub listens_ns: Option<u64>,
    /// How long after KILL it is gone.
    pub dies_ns: u64,
    /// How long a process that it leaves behind lives; none: it leaves none.
    pub leaves_ns: Option<u64>,
}

impl Script {
    /// Of a step of an attempt; the same for the same seed.
    pub fn of(seed: u64, fence: Fence, step: u32) -> Self {
        let mut rng = Rng::new(seed ^ fence.0.rotate_left(20) ^ u64::from(step));
        let longest = if rng.per_mille(150) { 400 } else { 40 };
        let takes_ns = rng.between(50 * MS, longest * SECOND);
        let count = rng.between(0, 10);
        let mut writes: Vec<(u64, Vec<u8>)> = (0..count).map(|_| (rng.between(0, takes_ns), text(&mut rng))).collect();
        writes.sort_by_key(|(at, _)| *at);
        leak(seed, &mut writes, &mut rng);
        Self {
            takes_ns,
            code: if rng.per_mille(850) { 0 } else { 3 },
            writes,
            listens_ns: rng.per_mille(800).then(|| rng.between(0, 3 * SECOND)),
            dies_ns: if rng.per_mille(20) { 45 * SECOND } else { MS },
            leaves_ns: rng.per_mille(100).then(|| rng.between(SECOND, 900 * SECOND)),
        }
    }
}

/// Which stream a write goes to, by its number, counted from 0.
pub fn is_stderr(number: usize) -> bool {
    number % 5 == 4
}

/// Often a secret is in what is written, and the two parts of it come at two times.
fn leak(seed: u64, writes: &mut [(u64, Vec<u8>)], rng: &mut Rng) {
    if writes.is_empty() || !rng.per_mille(400) {
        return;
    }
    let (secret, first) = (super::secrets::leak(seed, rng), rng.index(writes.len()));
    let cut = rng.index(secret.len() + 1);
    let (begin, end) = secret.split_at(cut);
    let next = (first + 1..writes.len()).find(|next| is_stderr(*next) == is_stderr(first));
    writes[first].1.extend_from_slice(begin);
    match next {
        Some(next) => _ = writes[next].1.splice(0..0, end.iter().copied()),
        None => writes[first].1.extend_from_slice(end),
    }
}

fn text(rng: &mut Rng) -> Vec<u8> {
    let len = if rng.per_mille(100) { rng.between(1, 20_000) } else { rng.between(1, 400) };
    (0..len).map(|at| if at % 60 == 59 { b'\n' } else { b'a' + u8::try_from(rng.any() % 26).unwrap_or(0) }).collect()
}

/// One process.
#[derive(Debug, Clone)]
pub struct Proc {
    /// Of which step.
    pub step: u32,
    /// The first process of the step.
    pub leader: bool,
    /// When it began.
    pub began_ns: u64,
    /// When it ends, as far as that is known.
    pub ends_ns: u64,
    /// What ends it: an exit code, or a signal.
    pub end: End,
    script: Script,
}

/// How a process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By itself.
    Code(u8),
    /// By a signal.
    Signal(i32),
}

/// The processes of an attempt. They know nothing of shims.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    procs: Vec<Proc>,
}

impl Tree {
    /// A step is executed.
    pub fn exec(&mut self, step: u32, now: u64, script: Script) {
        let (ends_ns, end) = (now + script.takes_ns, End::Code(script.code));
        self.procs.push(Proc { step, leader: true, began_ns: now, ends_ns, end, script });
    }

    /// Time passes: who has ended by now is gone, and what it leaves behind is there. How the leader ended, once it has.
    pub fn pass(&mut self, now: u64) -> Option<(u32, u64, End)> {
        let mut ended = None;
        let mut left = Vec::new();
        for proc in self.procs.iter().filter(|proc| proc.ends_ns <= now && proc.leader) {
            ended = Some((proc.step, proc.ends_ns, proc.end));
            let natural = matches!(proc.end, End::Code(_));
            if let Some(leaves_ns) = proc.script.leaves_ns.filter(|_| natural) {
                let ends_ns = proc.ends_ns + leaves_ns;
                left.push(Proc { leader: false, began_ns: proc.ends_ns, ends_ns, end: End::Code(0), ..proc.clone() });
            }
        }
        self.procs.retain(|proc| proc.ends_ns > now);
        left.retain(|proc| proc.ends_ns > now);
        self.procs.extend(left);
        ended
    }

    /// TERM to the group of a step, or to all.
    pub fn term(&mut self, now: u64, step: Option<u32>) {
        for proc in self.procs.iter_mut().filter(|proc| step.is_none_or(|step| proc.step == step)) {
            if let Some(listens_ns) = proc.script.listens_ns {
                proc.finish(now + listens_ns, End::Signal(15));
            }
        }
    }

    /// KILL to the group of a step, or to all.
    pub fn kill(&mut self, now: u64, step: Option<u32>) {
        for proc in self.procs.iter_mut().filter(|proc| step.is_none_or(|step| proc.step == step)) {
            let dies_ns = proc.script.dies_ns;
            proc.finish(now + dies_ns, End::Signal(9));
        }
    }

    /// How many live.
    pub fn living(&self) -> usize {
        self.procs.len()
    }

    /// How many live at a time that may be ahead of the last look.
    pub fn living_at(&self, now: u64) -> usize {
        let lives = |proc: &&Proc| match proc.script.leaves_ns {
            Some(leaves_ns) if proc.leader && matches!(proc.end, End::Code(_)) => proc.ends_ns + leaves_ns > now,
            Some(_) | None => proc.ends_ns > now,
        };
        self.procs.iter().filter(lives).count()
    }

    /// When the next one ends.
    pub fn next_end_ns(&self) -> Option<u64> {
        self.procs.iter().map(|proc| proc.ends_ns).min()
    }

    /// When the first process of a step ends.
    pub fn leader_ends_ns(&self, step: u32) -> Option<u64> {
        self.procs.iter().find(|proc| proc.leader && proc.step == step).map(|proc| proc.ends_ns)
    }

    /// The power is gone.
    pub fn clear(&mut self) {
        self.procs.clear();
    }
}

impl Proc {
    fn finish(&mut self, at: u64, end: End) {
        if at < self.ends_ns {
            (self.ends_ns, self.end) = (at, end);
        }
    }
}
