//! What a ring found.

/// Sums over rounds.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Rounds that were played.
    pub(crate) rounds: u64,
    /// Faults that really struck.
    pub(crate) struck: u64,
    /// Starts, counted by the commands themselves.
    pub(crate) starts: usize,
    /// Attempts by how they ended, as `unknown(shim_lost)`.
    pub(crate) outcomes: std::collections::BTreeMap<String, usize>,
    /// Bytes of logs that were compared with what the command wrote.
    pub(crate) bytes: usize,
    /// Acknowledged runs and events that were looked for afterwards.
    pub(crate) acknowledged: usize,
    /// What must not be.
    pub(crate) violations: Vec<String>,
}

impl Findings {
    /// Something that must not be.
    pub(crate) fn violation(&mut self, what: String) {
        self.violations.push(what);
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.rounds += other.rounds;
        self.struck += other.struck;
        self.starts += other.starts;
        self.bytes += other.bytes;
        self.acknowledged += other.acknowledged;
        for (outcome, count) in other.outcomes {
            *self.outcomes.entry(outcome).or_default() += count;
        }
        self.violations.extend(other.violations);
    }

    /// What is printed at the end.
    pub(crate) fn summary(&self, ring: &str, seed: u64, seconds: u64) -> String {
        let outcomes: Vec<String> = self.outcomes.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
        let mut text = format!(
            "{ring}: {} rounds, {} faults struck, {} starts, {} log bytes compared, {} acknowledged runs and events found again, seed {seed}, {seconds} s\n",
            self.rounds, self.struck, self.starts, self.bytes, self.acknowledged
        );
        text += &format!("{ring}: attempts: {}\n", outcomes.join(", "));
        for violation in &self.violations {
            text += &format!("VIOLATION: {violation}\n");
        }
        let bound = match self.struck {
            _ if !self.violations.is_empty() => String::new(),
            0 => ": nothing struck, so nothing is proven".to_owned(),
            struck => format!(": below 3/{struck} with 95 % confidence"),
        };
        text + &format!("{} rounds, {} violations{bound}\n", self.rounds, self.violations.len())
    }
}
