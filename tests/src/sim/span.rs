//! How long a seed is played, and what is spread over that time.

use std::collections::BTreeMap;

use windlass_core::model::{Config, Duration, Project, Retention};

use super::host::SECOND;
use super::people::project;

const HOUR: u64 = 3_600 * SECOND;

/// How long a seed is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// One hour.
    Hour,
    /// So many days.
    Days(u64),
}

impl Span {
    /// Hours of work and faults.
    pub fn hours(self) -> u64 {
        match self {
            Self::Hour => 1,
            Self::Days(days) => days * 24,
        }
    }

    /// The end of a run.
    pub fn end(self) -> u64 {
        self.hours() * HOUR
    }

    /// Faults end here; half of the rest is time to recover.
    pub fn faults_end(self) -> u64 {
        self.end() - 700 * SECOND
    }

    /// Runs are asked for until then.
    pub fn ask_end(self) -> u64 {
        self.end() - 1_100 * SECOND
    }

    /// Runs that are asked for.
    pub fn wishes(self) -> u64 {
        20 * self.hours()
    }

    /// Somebody who answers for ever makes more: an hour has some ten thousand.
    pub fn events_max(self) -> u64 {
        match self {
            Self::Hour => 1_000_000,
            Self::Days(_) => 100_000 * self.hours(),
        }
    }

    /// Between two checkpoints, at most. Of an hour more are seen than there would be in earnest.
    pub fn checkpoint_every(self) -> u64 {
        match self {
            Self::Hour => 300 * SECOND,
            Self::Days(_) => 1_200 * SECOND,
        }
    }

    /// One start of the master in so many is compared with the journal from its first record; the others from the start before.
    pub fn fold_all_every(self) -> u64 {
        match self {
            Self::Hour => 1,
            Self::Days(_) => 10,
        }
    }

    /// What the operators configured. In days something expires.
    pub fn config(self, log_per_attempt: u64) -> Config {
        let shop = Project {
            git: "/srv/git/shop".to_owned(),
            file: "windlass.yaml".to_owned(),
            main_branch: "main".to_owned(),
        };
        let days = |days: u64| (self != Self::Hour).then(|| Duration::from_secs(days * 24 * 3_600));
        Config {
            projects: BTreeMap::from([(project(), shop)]),
            lost_after: Duration::from_secs(600),
            log_per_attempt,
            retention: Retention { runs: days(3), logs: days(1) },
            ..Config::default()
        }
    }
}
