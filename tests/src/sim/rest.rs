//! I18: what must be so when the faults are over and all hosts are up. Whatever is otherwise for two minutes on end is a violation.

use std::collections::{BTreeMap, BTreeSet};

use windlass_core::State;
use windlass_core::model::{Fence, RunId};
use windlass_core::place::{Waiting, explain};

use super::event::Event;
use super::host::SECOND;
use super::life::Life;
use super::world::World;

/// So long anything may take.
const PATIENCE: u64 = 120 * SECOND;
/// Between two looks.
const LOOK: u64 = 5 * SECOND;

/// What is not as it must be at rest, and since when.
#[derive(Debug, Default)]
pub struct Rest(BTreeMap<String, u64>);

impl Rest {
    /// What has been wrong for too long.
    fn look(&mut self, now: u64, unrest: BTreeSet<String>) -> Vec<String> {
        self.0.retain(|what, _| unrest.contains(what));
        for what in unrest {
            self.0.entry(what).or_insert(now);
        }
        self.0.iter().filter(|(_, since)| now - **since >= PATIENCE).map(|(what, _)| what.clone()).collect()
    }
}

impl World {
    pub(super) fn look_at_rest(&mut self) {
        self.after(LOOK, Event::Rest);
        self.quieten();
        let unrest = match &self.master {
            Some(master) => unrest(&master.state, &self.model.lives),
            None => BTreeSet::from(["the master is down".to_owned()]),
        };
        for what in self.rest.look(self.now, unrest) {
            self.model.complain(format!("I18: {what}"));
        }
        let numbers: BTreeSet<&RunId> = self.model.runs.values().collect();
        if numbers.len() != self.model.runs.len() {
            self.model.complain("I17: two keys made one run".to_owned());
        }
    }

    /// A fault that was planned and did not strike is no fault any more.
    fn quieten(&mut self) {
        if let Some(master) = &self.master {
            master.process.spare();
        }
        self.master_disk.spare();
        for machine in &self.machines {
            machine.disk.spare();
            machine.program.as_ref().inspect(|program| program.process.spare());
            machine.shims.values().for_each(|running| running.shim.process.spare());
        }
    }
}

fn unrest(state: &State, lives: &BTreeMap<Fence, Life>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (fence, place) in state.attempts.iter() {
        let lives = lives.get(fence).is_some_and(|life| life.shim || life.living > 0);
        let ended = state.attempt(*fence).is_some_and(|(_, attempt)| attempt.outcome().is_some());
        match (lives, ended) {
            (true, _) => {}
            (false, true) => _ = found.insert(format!("{fence} ({} {}) ended and is not closed", place.run, place.job)),
            (false, false) => {
                _ = found.insert(format!("{fence} ({} {}) neither runs nor ended", place.run, place.job));
            }
        }
    }
    for run in state.runs.values() {
        for job in &run.jobs {
            match explain(state, run, job) {
                None | Some(Waiting::Needs(_) | Waiting::AgentsFull(_) | Waiting::Unsettled { .. }) => {}
                Some(why) => _ = found.insert(format!("{} {} waits: {why}", run.id, job.plan.key)),
            }
        }
    }
    found
}
