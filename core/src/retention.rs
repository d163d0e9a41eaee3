//! What expires, and when: first the logs of a run, later the run itself.
//!
//! | of a project | expires |
//! |---|---|
//! | logs, runs | when the day in which the run was created lies `retention` back: counted by day, so that the state keeps a few numbers |
//! | runs that are not over, and all that are newer | never: expiry waits for them |
//! | the newest runs, so many of each project | never |
//! | of a project that is configured no more | nothing |
//! | anything, since the master began with a clock far behind the last fact | nothing, until it begins again |
//!
//! Numbers of runs rise with time, so that "expired" is one number: everything below it has. Facts come first, files and rows go after.

use serde::{Deserialize, Serialize};

use crate::fact::Fact;
use crate::model::{Duration, ProjectName, RunId, UnixMs};
use crate::world::{ProjectState, Queue, State};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The newest runs of a project are kept whatever their age.
pub const KEPT_ALWAYS: u64 = 20;

/// Runs that expire with one fact: what follows from one is done in one go.
const AT_ONCE: u64 = 1_000;

/// How far the runs of a project have expired, and how old the others are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiry {
    /// Lower numbers have expired.
    pub from: u64,
    /// Days in which runs were created, oldest first; none that has expired as a whole.
    days: Queue<Day>,
    /// The last of them, counted since 1970.
    newest: u64,
}

/// A day in which runs were created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Day {
    begins: UnixMs,
    /// The first of them.
    first: u64,
}

impl Expiry {
    /// A run was created.
    pub(crate) fn count(&mut self, at: UnixMs, number: u64) {
        let day = at.0 / DAY.ms();
        if day != self.newest {
            self.newest = day;
            self.days.enqueue_mut(Day { begins: UnixMs(day * DAY.ms()), first: number });
            self.drop_days();
        }
    }

    /// Numbers below this have expired.
    pub(crate) fn expire(&mut self, below: u64) {
        self.from = self.from.max(below);
        self.drop_days();
    }

    fn drop_days(&mut self) {
        while self.days.iter().nth(1).is_some_and(|next| next.first <= self.from) {
            self.days.dequeue_mut();
        }
    }

    /// When the oldest day expires.
    fn due(&self, kept: Duration) -> Option<UnixMs> {
        self.days.peek().map(|day| day.due(kept))
    }

    /// Numbers below this are old enough.
    fn below(&self, at: UnixMs, kept: Duration, next_run: u64) -> u64 {
        self.days.iter().find(|day| day.due(kept) > at).map_or(next_run, |day| day.first)
    }
}

impl Day {
    fn due(&self, kept: Duration) -> UnixMs {
        self.begins.after(DAY).after(kept)
    }
}

/// True if the logs of this run have expired.
pub fn has_lost_logs(state: &State, run: &RunId) -> bool {
    state.projects.get(&run.project).is_some_and(|project| run.number < project.logs.from)
}

/// True if this run has expired.
pub fn has_expired(state: &State, run: &RunId) -> bool {
    state.projects.get(&run.project).is_some_and(|project| run.number < project.runs.from)
}

/// Runs of this project with lower numbers are over and were created so long ago; counted as what expires, and as little sure of the time.
pub fn old_below(state: &State, at: UnixMs, name: &ProjectName, age: Duration) -> u64 {
    match state.projects.get(name) {
        Some(project) if !state.leapt => {
            project.logs.below(at, age, project.next_run).min(may_expire_below(state, name, project))
        }
        Some(_) | None => 0,
    }
}

/// Of a project that is configured no more nobody says how long it is kept.
fn configured(state: &State) -> impl Iterator<Item = (&ProjectName, &ProjectState)> {
    state.projects.iter().filter(|(name, _)| state.config.projects.contains_key(name))
}

/// What expires now.
pub(crate) fn advance(state: &State, at: UnixMs) -> Vec<Fact> {
    let mut facts = Vec::new();
    if state.leapt {
        return facts;
    }
    for (name, project) in configured(state) {
        let kept = state.config.retention_of(name);
        if let Some(below) = expires(state, at, name, project, &project.logs, kept.logs) {
            facts.push(Fact::LogsExpired { project: name.clone(), below });
        }
        if let Some(below) = expires(state, at, name, project, &project.runs, kept.runs) {
            facts.push(Fact::RunsExpired { project: name.clone(), below });
        }
    }
    facts
}

/// When something expires next. What only waits for a run to end, or for newer runs, has no time.
pub(crate) fn next_deadline(state: &State) -> Option<UnixMs> {
    if state.leapt {
        return None;
    }
    let dues = configured(state).flat_map(|(name, project)| {
        let kept = state.config.retention_of(name);
        [(&project.logs, kept.logs), (&project.runs, kept.runs)].into_iter().filter_map(move |(expiry, kept)| {
            let due = expiry.due(kept?)?;
            (may_expire_below(state, name, project) > expiry.from).then_some(due)
        })
    });
    dues.min()
}

fn expires(
    state: &State,
    at: UnixMs,
    name: &ProjectName,
    project: &ProjectState,
    expiry: &Expiry,
    kept: Option<Duration>,
) -> Option<u64> {
    let kept = kept?;
    expiry.due(kept).filter(|due| *due <= at)?;
    let below = expiry.below(at, kept, project.next_run).min(may_expire_below(state, name, project));
    (below > expiry.from).then(|| below.min(expiry.from + AT_ONCE))
}

/// Whatever their age.
fn may_expire_below(state: &State, name: &ProjectName, project: &ProjectState) -> u64 {
    let first = RunId { project: name.clone(), number: 0 };
    let oldest_open = state.runs.range(first..).next().map(|(id, _)| id).filter(|id| id.project == *name);
    let old = (project.last_run + 1).saturating_sub(KEPT_ALWAYS);
    oldest_open.map_or(old, |open| old.min(open.number))
}
