//! What happened, as a number that two runs of a seed must share, and in words where somebody reads them.

/// The events of a run.
#[derive(Debug, Default)]
pub struct Trace {
    /// A hash over all events.
    pub hash: u64,
    /// How many there were.
    pub events: u64,
    words: Option<Vec<String>>,
}

impl Trace {
    /// Keeps words if somebody will read them.
    pub fn new(in_words: bool) -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, events: 0, words: in_words.then(Vec::new) }
    }

    /// Notes one event.
    pub fn note(&mut self, at_ns: u64, kind: u64, about: u64, words: impl FnOnce() -> String) {
        self.events += 1;
        for part in [at_ns, kind, about] {
            self.hash = (self.hash ^ part).wrapping_mul(0x0100_0000_01b3).rotate_left(17);
        }
        if let Some(kept) = &mut self.words {
            kept.push(format!("{:>12.6} {}", at_ns as f64 / 1e9, words()));
        }
    }

    /// The events in words.
    pub fn words(&self) -> &[String] {
        self.words.as_deref().unwrap_or_default()
    }
}
