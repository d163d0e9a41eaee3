//! One lane on this host: when it is looked at, what the looks add up to, and what of it is worth saying.

use windlass_core::deploy::gate::{Look, Watch};
use windlass_core::model::{Change, Duration, Health, Observation, Running};

use super::look::{Seen, Stage};
use crate::release::record::Mark;

/// Between two looks when nothing bakes.
const CALM: Duration = Duration::from_secs(10);
/// An observation is repeated after this, though nothing changed.
const REPEAT: Duration = Duration::from_secs(60);
/// After a change or a way back every sample is sent for so long, so that one of them arrives after the job's end.
const HEARD: Duration = Duration::from_secs(15);
/// Looks that may be missed before what was good counts as broken.
const MISSED_LOOKS: u64 = 3;

/// What is known of a lane. Pure: the looks come from outside.
#[derive(Debug)]
pub(super) struct Lane {
    change: Change,
    now: Option<Now>,
    sent: Option<(Duration, Observation)>,
}

#[derive(Debug)]
struct Now {
    stage: Stage,
    watch: Watch,
    running: Running,
    awaited: Awaited,
    /// The newest look is waited for, the one that completes a bake too.
    baking: bool,
    pace: Duration,
}

/// How long somebody waits for every sample.
#[derive(Debug, Clone, Copy)]
enum Awaited {
    /// Nobody does.
    Not,
    /// Until it was good without a break for so long: a bake.
    Good(Duration),
    /// Until then: the master has to hear where a way back ended, and counts only what is said after the job's end.
    Until(Duration),
}

impl Awaited {
    fn after(stage: &Stage, at: Duration, bake: Duration) -> Self {
        match stage.mark {
            Some(Mark::Committed) => Self::Good(bake.max(HEARD)),
            Some(Mark::Drained | Mark::Reverted | Mark::Stuck) => {
                Self::Until(Duration::from_ms(at.ms().saturating_add(HEARD.ms())))
            }
            Some(_) | None => Self::Not,
        }
    }

    fn is_on(self, watch: &Watch, at: Duration) -> bool {
        match self {
            Self::Not => false,
            Self::Good(span) => watch.healthy_for() < span,
            Self::Until(end) => at < end,
        }
    }
}

impl Lane {
    pub(super) fn new(change: Change) -> Self {
        Self { change, now: None, sent: None }
    }

    pub(super) fn change(&self) -> &Change {
        &self.change
    }

    /// Watches for this change from now on. True if it is another one.
    pub(super) fn take(&mut self, change: Change) -> bool {
        let is_new = change != self.change && change.generation >= self.change.generation;
        if is_new {
            self.change = change;
        }
        is_new
    }

    /// Folds a look. A new stage begins a new count; `committed` begins a bake, and so does a start of the agent after it,
    /// because how much of the bake had passed is not known then.
    pub(super) fn fold(&mut self, seen: Seen) -> Observation {
        let every = seen.gates.iter().map(|gate| gate.every).min().unwrap_or(CALM);
        let timeouts: u64 = seen.gates.iter().map(|gate| gate.timeout.ms()).sum();
        let mut now = match self.now.take() {
            Some(now) if now.stage == seen.stage => now,
            Some(_) | None => {
                let awaited = Awaited::after(&seen.stage, seen.at, self.change.bake);
                let watch = Watch::new(seen.gates, seen.at);
                Now { stage: seen.stage, watch, running: Running::Nothing, awaited, baking: false, pace: CALM }
            }
        };
        let baking = now.awaited.is_on(&now.watch, seen.at);
        let longest_gap = Duration::from_ms(MISSED_LOOKS * (now.pace.ms() + timeouts));
        if now.stage.linked.is_some() {
            now.watch.fold(&Look { at: seen.at, samples: seen.samples, baking }, longest_gap);
        }
        now.running = seen.running;
        now.baking = baking;
        now.pace = if now.awaited.is_on(&now.watch, seen.at) { every.min(CALM) } else { CALM };
        let observation = self.observation(&now);
        self.now = Some(now);
        observation
    }

    /// What cannot be looked at is not known to be well.
    pub(super) fn fold_trouble(&mut self) -> Observation {
        self.now = None;
        self.observed(None, Running::Nothing, 0)
    }

    fn observation(&self, now: &Now) -> Observation {
        let watch = &now.watch;
        Observation {
            healthy_for: watch.healthy_for(),
            flaps: watch.flaps(),
            health: watch.health(),
            held_by_hand: now.stage.held_by_hand,
            drained: now.stage.mark == Some(Mark::Drained),
            ..self.observed(now.stage.linked.clone(), now.running.clone(), now.stage.seen)
        }
    }

    fn observed(&self, linked: Option<String>, running: Running, generation: u64) -> Observation {
        Observation {
            lane: self.change.deployment.lane.clone(),
            linked,
            running,
            healthy_for: Duration::default(),
            flaps: 0,
            generation,
            held_by_hand: false,
            drained: false,
            health: Health::NoData,
        }
    }

    /// Until the next look.
    pub(super) fn pace(&self) -> Duration {
        self.now.as_ref().map_or(CALM, |now| now.pace)
    }

    /// Each sample of a bake, what changed, and everything once a minute. `healthy_for` alone grows without being news.
    pub(super) fn is_worth_sending(&self, observation: &Observation, at: Duration) -> bool {
        let baking = self.now.as_ref().is_some_and(|now| now.baking);
        let Some((sent_at, sent)) = &self.sent else { return true };
        let same = Observation { healthy_for: sent.healthy_for, ..observation.clone() } == *sent;
        baking || !same || at.ms().saturating_sub(sent_at.ms()) >= REPEAT.ms()
    }

    pub(super) fn was_sent(&mut self, observation: Observation, at: Duration) {
        self.sent = Some((at, observation));
    }
}
