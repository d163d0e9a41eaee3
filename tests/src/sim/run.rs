//! One seed from beginning to end.

use std::collections::BTreeMap;

use super::faults::KINDS;
use super::span::Span;
use super::trace::Words;
use super::world::World;

/// What a seed gave.
#[derive(Debug)]
pub struct Report {
    /// Which.
    pub seed: u64,
    /// What was found wrong; empty: nothing.
    pub violations: Vec<String>,
    /// A hash over all events.
    pub hash: u64,
    /// How many events there were.
    pub events: u64,
    /// Simulated seconds.
    pub seconds: u64,
    /// How often each kind of fault was injected.
    pub injected: [u64; KINDS.len()],
    /// What the state of the master took at the end.
    pub state_bytes: u64,
    /// What came of damaged files.
    pub met: BTreeMap<&'static str, u64>,
    /// Commands that were executed.
    pub attempts: u64,
    /// Events in words, if they were asked for.
    pub words: Vec<String>,
}

impl Report {
    /// Of a seed whose code panicked.
    pub fn of_panic(seed: u64) -> Self {
        let violations = vec!["a panic".to_owned()];
        let (injected, words) = ([0; KINDS.len()], Vec::new());
        let met = BTreeMap::new();
        Self { seed, violations, hash: 0, events: 0, seconds: 0, injected, state_bytes: 0, met, attempts: 0, words }
    }
}

/// Plays a seed.
pub fn run(seed: u64, span: Span, with_faults: bool, words: Words) -> Report {
    let mut world = World::new(seed, span, with_faults, words);
    let violations = world.run();
    Report {
        seed,
        violations,
        hash: world.trace.hash,
        events: world.trace.events,
        seconds: span.end() / 1_000_000_000,
        injected: world.injected,
        state_bytes: world.model.state_bytes,
        met: world.model.met.clone(),
        attempts: world.model.lives.values().filter(|life| life.spawned > 0).count() as u64,
        words: world.trace.into_words(),
    }
}
