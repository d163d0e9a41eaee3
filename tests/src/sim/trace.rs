//! What happened, as a number that two runs of a seed must share, and in words where somebody reads them.

use std::collections::VecDeque;

/// The events of a run.
#[derive(Debug, Default)]
pub struct Trace {
    /// A hash over all events.
    pub hash: u64,
    /// How many there were.
    pub events: u64,
    words: VecDeque<String>,
    kept: usize,
}

/// How many events somebody will read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Words {
    /// None.
    None,
    /// The last ones.
    Last(usize),
    /// All of them.
    All,
}

impl Trace {
    /// Keeps words if somebody will read them.
    pub fn new(words: Words) -> Self {
        let kept = match words {
            Words::None => 0,
            Words::Last(kept) => kept,
            Words::All => usize::MAX,
        };
        Self { hash: 0xcbf2_9ce4_8422_2325, events: 0, words: VecDeque::new(), kept }
    }

    /// Notes one event.
    pub fn note(&mut self, at_ns: u64, kind: u64, about: u64, words: impl FnOnce() -> String) {
        self.events += 1;
        for part in [at_ns, kind, about] {
            self.hash = (self.hash ^ part).wrapping_mul(0x0100_0000_01b3).rotate_left(17);
        }
        if self.kept > 0 {
            self.words.push_back(format!("{:>12.6} {}", at_ns as f64 / 1e9, words()));
            if self.words.len() > self.kept {
                self.words.pop_front();
            }
        }
    }

    /// The events in words.
    pub fn into_words(self) -> Vec<String> {
        self.words.into()
    }
}
