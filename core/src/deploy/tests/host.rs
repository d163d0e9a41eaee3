//! A host of a test: what is true on it, and what its agent does with a job.

use super::world::lane_id;
use crate::model::*;

/// What a host does with the next jobs it gets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fate {
    /// Every job succeeds.
    Good,
    /// Preparing fails.
    DiskFull,
    /// A change fails and the way back works.
    FailsCheck,
    /// A change fails, and so does every way back.
    Breaks,
    /// A change works, and every way back fails.
    NoReturn,
}

/// A host as it really is.
#[derive(Debug, Clone)]
pub(super) struct Host {
    pub(super) agent: AgentId,
    pub(super) session: Option<u64>,
    pub(super) fate: Fate,
    pub(super) seen: Option<Observation>,
    pub(super) incarnation: u64,
}

impl Host {
    pub(super) fn carry_out(&mut self, phase: Phase, change: &Change, cancelled: bool) -> Outcome {
        let failed = Outcome::Failed { how: Failure::Code(1) };
        let way_back_works = !matches!(self.fate, Fate::Breaks | Fate::NoReturn);
        if let Some(seen) = self.seen.as_mut().filter(|_| change.lets_go) {
            seen.held_by_hand = false;
        }
        match (phase, self.fate) {
            (Phase::Prepare, Fate::DiskFull) => failed,
            (Phase::Prepare, _) => Outcome::Succeeded,
            (Phase::Change, Fate::FailsCheck | Fate::Breaks) => {
                self.go_back(change, way_back_works);
                failed
            }
            (Phase::Change, _) if cancelled => {
                self.go_back(change, way_back_works);
                Outcome::Cancelled
            }
            (Phase::Change, _) => {
                self.runs(Some(change.release.clone()), change.generation, Health::Healthy);
                Outcome::Succeeded
            }
            (Phase::Revert, _) => {
                self.go_back(change, way_back_works);
                if way_back_works { Outcome::Succeeded } else { failed }
            }
        }
    }

    fn go_back(&mut self, change: &Change, works: bool) {
        match (works, &change.way_back) {
            (false, _) => {
                self.runs(None, change.generation, Health::Unhealthy);
                if let Some(seen) = &mut self.seen {
                    seen.linked = Some(change.release.clone());
                }
            }
            (true, WayBack::Absent) => self.runs(None, change.generation, Health::NoData),
            (true, WayBack::Release(name)) => self.runs(Some(name.clone()), change.generation, Health::Healthy),
        }
        if let Some(seen) = self.seen.as_mut().filter(|_| works) {
            seen.drained = change.stays_drained && change.way_back != WayBack::Absent;
        }
    }

    fn runs(&mut self, release: Option<String>, generation: u64, health: Health) {
        self.seen = Some(Observation {
            lane: lane_id(),
            linked: release.clone(),
            running: release.map_or(Running::Nothing, Running::Release),
            healthy_for: Duration::default(),
            flaps: 0,
            generation,
            held_by_hand: false,
            drained: false,
            health,
        });
    }
}
