//! What the view believes while it follows the journal, and what it does about a part of an old segment that cannot be read.
//!
//! Behind such a gap nothing that began before can be told truly. So what was open is forgotten, and from the next checkpoint on the
//! state is what was written there; runs that ended in between and are not whole are named, and have no rows.

use std::collections::{BTreeMap, BTreeSet};

use windlass_core::model::{DeploymentId, ProjectName, RunId};
use windlass_core::world::Map;
use windlass_core::{Fact, State, Touched};

use super::rows::LostRuns;
use crate::facts::{Checkpoint, TurnRead};

/// The state as of `seen`.
#[derive(Debug)]
pub(super) struct Fold {
    pub(super) state: State,
    /// The lsn of the last fact in it.
    pub(super) seen: u64,
    gap: Option<Gap>,
}

/// What is known of a gap until the checkpoint behind it is reached.
#[derive(Debug)]
struct Gap {
    /// Open when it began.
    open: BTreeSet<RunId>,
    /// The same of deployments.
    deployments: BTreeSet<DeploymentId>,
    /// Number of the next run of each project when it began.
    before: BTreeMap<ProjectName, u64>,
    /// The first run of each project that was created behind it.
    created: BTreeMap<ProjectName, u64>,
    until: Checkpoint,
}

/// The state is true again.
#[derive(Debug)]
pub(super) struct Mended {
    /// Have no rows, and never get any.
    pub(super) runs: Vec<LostRuns>,
    /// Were open before the gap and are not now: their rows tell something that is not true any more.
    pub(super) deployments: Vec<DeploymentId>,
}

impl Fold {
    /// From a checkpoint on, or from the first fact.
    pub(super) fn from(base: Option<&Checkpoint>) -> Self {
        let state = base.map_or_else(State::default, |base| base.state.as_ref().clone());
        Self { state, seen: base.map_or(0, |base| base.mark.last_lsn), gap: None }
    }

    /// Folds a turn; `Mended` if it was the last one before the state is true again.
    pub(super) fn turn(&mut self, turn: &TurnRead) -> (Touched, Option<Mended>) {
        let mut touched = Touched::default();
        for recorded in &turn.facts {
            if let (Some(gap), Fact::RunCreated { run, .. }) = (&mut self.gap, &recorded.fact) {
                gap.created.entry(run.project.clone()).or_insert(run.number);
            }
            touched.merge(self.state.apply(recorded.at, &recorded.fact));
        }
        self.seen = turn.last_lsn();
        (touched, self.mend())
    }

    /// Facts are missing up to somewhere before `until`.
    pub(super) fn begin_gap(&mut self, until: Checkpoint) {
        let open = self.state.runs.keys().cloned();
        let deployments = self.state.deployments.values().filter(|deployment| !deployment.is_ended());
        let deployments = deployments.map(|deployment| deployment.id.clone());
        match &mut self.gap {
            Some(gap) => {
                gap.open.extend(open);
                gap.deployments.extend(deployments);
                gap.until = until;
                // What lies between two gaps is not worth the trouble of counting it apart.
                gap.created.clear();
            }
            None => {
                let before =
                    self.state.projects.iter().map(|(name, project)| (name.clone(), project.next_run)).collect();
                let (open, deployments, created) = (open.collect(), deployments.collect(), BTreeMap::new());
                self.gap = Some(Gap { open, deployments, before, created, until });
            }
        }
        self.state.runs = Map::default();
        self.state.attempts = Map::default();
        self.state.deployments = Map::default();
    }

    fn mend(&mut self) -> Option<Mended> {
        let gap = self.gap.take_if(|gap| gap.until.mark.last_lsn <= self.seen)?;
        self.state = gap.until.state.as_ref().clone();
        let open_then = gap.open.iter().map(|run| (run.project.clone(), run.number));
        let mut lost: BTreeSet<(ProjectName, u64)> = open_then.collect();
        for (name, project) in &self.state.projects {
            let first = gap.before.get(name).copied().unwrap_or(1);
            let next = gap.created.get(name).copied().unwrap_or(project.next_run);
            lost.extend((first..next).map(|number| (name.clone(), number)));
        }
        lost.retain(|(project, number)| {
            !self.state.runs.contains_key(&RunId { project: project.clone(), number: *number })
        });
        let deployments = gap.deployments.into_iter().filter(|id| !self.state.deployments.contains_key(id)).collect();
        Some(Mended { runs: LostRuns::from_numbers(lost), deployments })
    }
}
