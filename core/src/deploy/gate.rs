//! The verdict over samples, pure. A built-in `check` folds the samples of each gate into a [`Gauge`]; the observer of a
//! target folds whole looks into a [`Watch`], whose health and `healthy_for` decide a bake. Time is the target's own clock
//! (`CLOCK_BOOTTIME`), given with every sample. Deliberately absent: asking anything, and gates of the whole deployment.
//!
//! ```text
//! Gauge, from    good                bad                      foreign                 missing
//! nothing        good(now)           nothing in grace,        nothing in grace,       nothing
//!                                    else bad(1)              else foreign
//! good           good                bad(1), flap             foreign, flap           gap
//! gap            good(now)           bad(1)                   foreign                 gap
//! bad(n)         good(now), flap     bad(n+1)                 foreign                 bad(n)
//! foreign        good(now), flap     bad(1)                   foreign                 foreign
//! ```
//! It passes when samples that were good without a break cover `steady`: from the first to the last of them, not to the present.

use std::fmt;

use crate::model::{Duration, Gate, Health, ServiceSpec};

/// What one question to a service gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sample {
    /// As it should be.
    Good,
    /// Not as it should be; the text is for people.
    Bad(String),
    /// The question could not be asked, which says nothing about the service; the text is for people.
    Missing(String),
    /// The process names this other release. Only an identity gives it.
    Foreign(String),
}

/// What the samples of a gate say so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Good without a break for long enough.
    Pass,
    /// It will not pass.
    Fail(Why),
    /// Neither yet.
    Undecided,
}

/// Why a gate fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// So many bad samples in a row; the last one's text.
    Fall(u32, String),
    /// It has not passed by then; the newest trouble's text, if any.
    Deadline(Duration, String),
    /// So many changes between good and bad.
    Flaps(u32),
    /// The process names this release.
    OtherRelease(String),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fall(times, text) => write!(f, "{text}, {times} times in a row"),
            Self::Deadline(span, text) if text.is_empty() => write!(f, "not passed after {span}"),
            Self::Deadline(span, text) => write!(f, "not passed after {span}: {text}"),
            Self::Flaps(times) => write!(f, "it flaps: {times} changes between good and bad"),
            Self::OtherRelease(name) => write!(f, "the running process names {name}"),
        }
    }
}

/// The samples of one gate, folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gauge {
    began: Duration,
    streak: Streak,
    flaps: u32,
    trouble: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Streak {
    Nothing,
    Good { since: Duration, last: Duration },
    Gap,
    Bad { run: u32 },
    Foreign { name: String },
}

impl Gauge {
    /// A gauge whose grace and deadline count from `began`.
    pub fn new(began: Duration) -> Self {
        Self { began, streak: Streak::Nothing, flaps: 0, trouble: String::new() }
    }

    /// Folds one sample, by the table above.
    pub fn fold(&mut self, gate: &Gate, at: Duration, sample: &Sample) {
        let in_grace = self.streak == Streak::Nothing && span(self.began, at) < gate.grace;
        let next = match sample {
            Sample::Good => self.after_good(at),
            Sample::Bad(text) => {
                self.trouble.clone_from(text);
                if in_grace { Streak::Nothing } else { self.after_bad() }
            }
            Sample::Foreign(name) => {
                self.trouble = format!("the running process names {name}");
                if in_grace { Streak::Nothing } else { Streak::Foreign { name: name.clone() } }
            }
            Sample::Missing(text) => {
                self.trouble.clone_from(text);
                self.after_missing()
            }
        };
        if is_flap(&self.streak, &next) {
            self.flaps += 1;
        }
        self.streak = next;
    }

    fn after_good(&self, at: Duration) -> Streak {
        match self.streak {
            Streak::Good { since, .. } => Streak::Good { since, last: at },
            Streak::Nothing | Streak::Gap | Streak::Bad { .. } | Streak::Foreign { .. } => {
                Streak::Good { since: at, last: at }
            }
        }
    }

    fn after_bad(&self) -> Streak {
        match self.streak {
            Streak::Bad { run } => Streak::Bad { run: run + 1 },
            Streak::Nothing | Streak::Good { .. } | Streak::Gap | Streak::Foreign { .. } => Streak::Bad { run: 1 },
        }
    }

    fn after_missing(&self) -> Streak {
        match &self.streak {
            Streak::Good { .. } | Streak::Gap => Streak::Gap,
            other @ (Streak::Nothing | Streak::Bad { .. } | Streak::Foreign { .. }) => other.clone(),
        }
    }

    /// The verdict of a check at `now`.
    pub fn verdict(&self, gate: &Gate, now: Duration) -> Verdict {
        if let Some(why) = self.failure(gate, true) {
            return Verdict::Fail(why);
        }
        match self.streak {
            Streak::Good { since, last } if span(since, last) >= gate.steady => Verdict::Pass,
            Streak::Nothing | Streak::Good { .. } | Streak::Gap | Streak::Bad { .. } | Streak::Foreign { .. } => {
                if span(self.began, now) >= gate.deadline {
                    Verdict::Fail(Why::Deadline(gate.deadline, self.trouble.clone()))
                } else {
                    Verdict::Undecided
                }
            }
        }
    }

    /// Changes between good and bad so far.
    pub fn flaps(&self) -> u32 {
        self.flaps
    }

    fn failure(&self, gate: &Gate, count_flaps: bool) -> Option<Why> {
        match &self.streak {
            Streak::Foreign { name } => return Some(Why::OtherRelease(name.clone())),
            Streak::Bad { run } if *run >= gate.fall => return Some(Why::Fall(*run, self.trouble.clone())),
            Streak::Bad { .. } | Streak::Nothing | Streak::Good { .. } | Streak::Gap => {}
        }
        (count_flaps && self.flaps > gate.flaps).then_some(Why::Flaps(self.flaps))
    }

    fn good_since(&self) -> Option<Duration> {
        match self.streak {
            Streak::Good { since, .. } => Some(since),
            Streak::Nothing | Streak::Gap | Streak::Bad { .. } | Streak::Foreign { .. } => None,
        }
    }
}

fn is_flap(from: &Streak, to: &Streak) -> bool {
    let good = |streak: &Streak| matches!(streak, Streak::Good { .. });
    let bad = |streak: &Streak| matches!(streak, Streak::Bad { .. } | Streak::Foreign { .. });
    (good(from) && bad(to)) || (bad(from) && good(to))
}

fn span(from: Duration, to: Duration) -> Duration {
    Duration::from_ms(to.ms().saturating_sub(from.ms()))
}

/// Identity has no times of its own: it goes at the pace of the service's gates, taking the more patient value of each, and
/// by the defaults where there is no gate.
pub fn identity_gate(spec: &ServiceSpec) -> Gate {
    let pick = |of: fn(&Gate) -> Duration, default: u64| {
        spec.gates.values().map(of).max().unwrap_or(Duration::from_secs(default))
    };
    let count = |of: fn(&Gate) -> u32| spec.gates.values().map(of).max().unwrap_or(3);
    Gate {
        probe: spec.identity.clone(),
        every: spec.gates.values().map(|gate| gate.every).min().unwrap_or(Duration::from_secs(2)),
        timeout: pick(|gate| gate.timeout, 5),
        steady: pick(|gate| gate.steady, 10),
        fall: count(|gate| gate.fall),
        flaps: count(|gate| gate.flaps),
        grace: pick(|gate| gate.grace, 10),
        deadline: pick(|gate| gate.deadline, 60),
    }
}

/// One look at a service: a sample of identity and of every gate, in the order of the watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// When it began.
    pub at: Duration,
    /// One for each gate of the watch.
    pub samples: Vec<Sample>,
    /// Whether the longest bake has not passed yet: only then flaps make a service unhealthy.
    pub baking: bool,
}

/// All looks since the last change, folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    gates: Vec<(Gate, Gauge)>,
    newest: Duration,
    health: Health,
}

impl Watch {
    /// A watch that begins now. There is no grace: what is watched has passed its check.
    pub fn new(gates: Vec<Gate>, now: Duration) -> Self {
        let gates = gates.into_iter().map(|gate| (Gate { grace: Duration::default(), ..gate }, Gauge::new(now)));
        Self { gates: gates.collect(), newest: now, health: Health::NoData }
    }

    /// Folds one look. Looks further apart than `longest_gap` break what was good: time without samples is not health.
    pub fn fold(&mut self, look: &Look, longest_gap: Duration) {
        let uncovered = span(self.newest, look.at) > longest_gap;
        for ((gate, gauge), sample) in self.gates.iter_mut().zip(&look.samples) {
            if uncovered {
                gauge.fold(gate, look.at, &Sample::Missing("no samples for a while".to_owned()));
            }
            gauge.fold(gate, look.at, sample);
        }
        self.newest = look.at;
        self.health = self.next_health(look.baking);
    }

    /// Healthy once all are good; unhealthy once one fails; between the two it stays what it was.
    fn next_health(&self, baking: bool) -> Health {
        if self.gates.iter().any(|(gate, gauge)| gauge.failure(gate, baking).is_some()) {
            Health::Unhealthy
        } else if self.gates.iter().all(|(_, gauge)| gauge.good_since().is_some()) {
            Health::Healthy
        } else {
            self.health
        }
    }

    /// What gates and identity say.
    pub fn health(&self) -> Health {
        self.health
    }

    /// All good without a break for so long, up to the newest look.
    pub fn healthy_for(&self) -> Duration {
        let each = self.gates.iter().map(|(_, gauge)| gauge.good_since().map(|since| span(since, self.newest)));
        match (self.health, each.min().flatten()) {
            (Health::Healthy, Some(shortest)) => shortest,
            (Health::Healthy | Health::Unhealthy | Health::NoData, _) => Duration::default(),
        }
    }

    /// The most changes between good and bad that one gate has seen.
    pub fn flaps(&self) -> u32 {
        self.gates.iter().map(|(_, gauge)| gauge.flaps()).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
