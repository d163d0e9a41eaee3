//! The end of what a lost shim left behind, and what the agent does about shims that hang. Once a second; nothing here waits.

use std::path::PathBuf;
use std::sync::Arc;

use windlass_core::attempt::hung::{Asked, Remedy, Seen, hung};
use windlass_core::attempt::strays::{Group, Tidy};
use windlass_core::attempt::{Ladder, Line, LineBody, Rung};
use windlass_core::model::{Duration, Fence};
use windlass_shim::Cgroup;

use super::groups::Groups;
use super::held::{Held, Live, Standing};
use super::state::State;
use crate::attempts::{Result, Unproven, place_of};

/// An attempt whose shim is gone and whose record we hold, until its group is empty.
pub(super) struct Sweep {
    unproven: Unproven,
    job: Cgroup,
    ladder: Ladder,
    /// The folder nobody else may use.
    pub(super) workspace: Option<PathBuf>,
}

impl Sweep {
    /// Kills at once.
    pub(super) fn begin(
        unproven: Unproven,
        job: Cgroup,
        workspace: Option<PathBuf>,
        now_ms: u64,
        groups: &dyn Groups,
    ) -> Self {
        let (ladder, first) = Ladder::start(now_ms, Duration::from_ms(0));
        let sweep = Self { unproven, job, ladder, workspace };
        sweep.climb(first, groups);
        sweep
    }

    pub(super) fn lines(&self) -> &[Arc<Line>] {
        self.unproven.lines()
    }

    /// True if nobody is left. What can be shown of it is in the record.
    fn is_over(&mut self, now_ms: u64, groups: &dyn Groups) -> Result<bool> {
        if groups.is_empty(&self.job).unwrap_or(false) {
            return Ok(true);
        }
        while let Some(rung) = self.ladder.due(now_ms) {
            match rung {
                Rung::Stuck => self.unproven.stuck(&format!("the group {}", self.job.path().display()))?,
                Rung::Term | Rung::Kill => self.climb(rung, groups),
            }
        }
        Ok(false)
    }

    fn climb(&self, rung: Rung, groups: &dyn Groups) {
        if let Err(error) = groups.kill(&self.job) {
            tracing::error!(group = %self.job.path().display(), ?rung, %error, "a group cannot be killed");
        }
    }
}

impl State {
    /// Kills what a lost shim left behind, and holds its record meanwhile.
    pub(super) fn begin_sweep(&mut self, fence: Fence, unproven: Unproven) {
        let Some(job) = unproven.group().cloned() else { return };
        let dir = self.store.dir().attempt(fence);
        let workspace = place_of(self.store.disk(), &dir).map(|place| place.workspace);
        let sweep = Sweep::begin(unproven, job, workspace, self.now_ms(), self.spawner.groups());
        self.held.insert(fence, Held::sweeping(fence, dir, sweep));
    }

    /// Goes on with the sweep of an attempt; true if its record grew.
    pub(super) fn sweep(&mut self, fence: Fence) -> Result<bool> {
        let now_ms = self.now_ms();
        let Some(Held { attempt, standing: Standing::Sweeping(sweep) }) = self.held.get_mut(&fence) else {
            return Ok(false);
        };
        let over = sweep.is_over(now_ms, self.spawner.groups())?;
        let grew = attempt.lines.len() < sweep.lines().len();
        if grew {
            Arc::make_mut(attempt).lines = sweep.lines().to_vec();
        }
        if !over {
            return Ok(grew);
        }
        let lines = sweep.unproven.conclude(&self.store)?;
        let dir = self.store.dir().attempt(fence);
        self.held.insert(fence, Held::ended(self.store.disk(), fence, dir, lines));
        Ok(true)
    }

    /// Ends shims that hang, as core decides. Their locks are free then.
    pub(super) fn rescue(&mut self) {
        let now_ms = self.now_ms();
        let groups = self.spawner.groups();
        for (fence, held) in &mut self.held {
            let lines = &held.attempt.lines;
            let Standing::Live(live) = &mut held.standing else { continue };
            if live.remedied {
                continue;
            }
            let seen = seen(lines.iter().map(|line| (&line.body, line.boottime_ns / 1_000_000)), live);
            let (grace, cleanup) = held.attempt.envelope().map_or_else(Default::default, |it| (it.grace, it.cleanup));
            if let Some(remedy) = hung(now_ms, &seen, grace, cleanup) {
                live.remedied = true;
                tracing::error!(%fence, ?remedy, "its shim hangs");
                live.apply(remedy, groups);
            }
        }
    }

    /// Removes groups that nobody needs, and ends what lives without an attempt.
    pub(super) fn tidy(&mut self) {
        let groups = self.spawner.groups();
        let attempts = match groups.attempts() {
            Ok(attempts) => attempts,
            Err(error) => return tracing::warn!(%error, "the groups of jobs cannot be listed"),
        };
        let open = |fence: &Fence| self.held.get(fence).is_some_and(Held::is_live);
        let found = attempts.into_iter().filter_map(|fence| {
            let of = groups.of(fence)?;
            Some((of.clone(), Group { fence, open: open(&fence), empty: groups.is_empty(&of.job).unwrap_or(false) }))
        });
        let found: Vec<_> = found.collect();
        let now_ms = self.store.host().boottime_ns() / 1_000_000;
        let seen: Vec<Group> = found.iter().map(|(_, group)| *group).collect();
        for tidy in self.strays.look(now_ms, &seen) {
            let (Tidy::Remove(fence) | Tidy::Kill(fence)) = tidy;
            let Some((of, _)) = found.iter().find(|(_, group)| group.fence == fence) else { continue };
            let done = match tidy {
                Tidy::Remove(_) => groups.remove(&of.job).and_then(|()| groups.remove(&of.shim)),
                Tidy::Kill(_) => {
                    tracing::error!(%fence, "processes without an attempt are killed");
                    groups.kill(&of.job)
                }
            };
            if let Err(error) = done {
                // A shim that writes its last line is in its group still.
                tracing::debug!(%fence, %error, "left for the next look");
            }
        }
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.store.host().boottime_ns() / 1_000_000
    }
}

impl Live {
    /// A cancel was given to the shim.
    pub(super) fn was_asked(&mut self, at_ms: u64, force: bool) {
        match &mut self.asked {
            Some(asked) if asked.force || !force => {}
            Some(_) | None => self.asked = Some(Asked { at_ms, force }),
        }
    }

    fn apply(&mut self, remedy: Remedy, groups: &dyn Groups) {
        match remedy {
            Remedy::Alarm => {}
            Remedy::KillShim => self.kill_shim(groups),
            Remedy::KillJobThenShim => {
                if let Some(cgroups) = &self.cgroups {
                    tell(groups.kill(&cgroups.job));
                }
                self.kill_shim(groups);
            }
        }
    }

    /// By the handle of the spawn, or by its group: one that was found has no other name that is sure.
    fn kill_shim(&mut self, groups: &dyn Groups) {
        if let Some(shim) = &mut self.shim {
            tell(shim.kill());
        } else if let Some(cgroups) = &self.cgroups {
            tell(groups.kill(&cgroups.shim));
        }
    }
}

fn tell(killed: std::io::Result<()>) {
    if let Err(error) = killed {
        tracing::error!(%error, "it cannot be killed");
    }
}

fn seen<'a>(lines: impl Iterator<Item = (&'a LineBody, u64)>, live: &Live) -> Seen {
    let (mut go, mut stuck_ms, mut accepted_ms) = (false, None, live.found_ms);
    for (body, at_ms) in lines {
        match body {
            LineBody::Accepted { .. } => accepted_ms = accepted_ms.max(at_ms),
            LineBody::Go => go = true,
            LineBody::Stuck { .. } => stuck_ms = Some(at_ms),
            LineBody::StepStarted { .. }
            | LineBody::StepEnded { .. }
            | LineBody::Void { .. }
            | LineBody::Exit { .. } => {}
        }
    }
    Seen { accepted_ms, go, stuck_ms, asked: live.asked, grouped: live.cgroups.is_some() }
}
