//! What the agent does without an assignment: it looks at the services of its host, and takes the way back of a change that was
//! interrupted. Before the first session, and whenever the job of a change has ended.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use windlass_core::model::{Change, Fence, LaneId, Observation};

use crate::attempts::StateDir;
use crate::config::Config;
use crate::link::Seen;
use crate::release::observe::{Observer, kept, observe_loop};
use crate::release::place::LocalServices;
use crate::release::recover::recover;
use crate::tasks::Tasks;
use crate::work::{Holdings, Phase, Work};

/// Changes on their way to the observer: one per deployment job, and a step that finds no room waits.
const CHANGES: usize = 16;
/// Observations on their way to the link, which only keeps the newest of each lane.
const OBSERVATIONS: usize = 16;

/// Takes the way back of what was interrupted, then starts to look. Gives where changes are told, and what is seen.
pub(crate) fn start(
    config: &Config,
    dir: &StateDir,
    work: &Work,
    tasks: &Tasks,
) -> std::io::Result<(mpsc::Sender<Change>, Seen)> {
    let recovery = Recovery {
        observed: dir.observed(),
        services: config.services.clone(),
        holdings: work.holdings(),
        ended: BTreeSet::new(),
    };
    recovery.recover_all();
    let stop = tasks.stop().clone();
    tasks.thread("recover", async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = recovery.run() => {}
        }
    })?;
    let (changes, asked) = mpsc::channel(CHANGES);
    let (observations, seen) = mpsc::channel(OBSERVATIONS);
    let observer = Observer { dir: dir.observed(), local: config.services.clone(), tasks: tasks.clone() };
    tasks.thread("observer", observe_loop(observer, asked, observations))?;
    let (newest, told) = watch::channel(Arc::new(BTreeMap::new()));
    let stop = tasks.stop().clone();
    tasks.task("seen", async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = gather(seen, newest) => {}
        }
    });
    Ok((changes, told))
}

/// The newest observation of each lane, for the next session too.
async fn gather(mut seen: mpsc::Receiver<Observation>, newest: watch::Sender<Arc<BTreeMap<LaneId, Observation>>>) {
    while let Some(observation) = seen.recv().await {
        newest.send_modify(|all| _ = Arc::make_mut(all).insert(observation.lane.clone(), observation));
    }
}

/// Ends interrupted changes. Blocks while hooks run.
struct Recovery {
    observed: PathBuf,
    services: LocalServices,
    holdings: watch::Receiver<Arc<Holdings>>,
    /// Attempts of lanes whose end was acted on.
    ended: BTreeSet<Fence>,
}

impl Recovery {
    async fn run(mut self) {
        loop {
            let ended = ended_of_lanes(&self.holdings.borrow_and_update());
            if !ended.is_subset(&self.ended) {
                self.recover_all();
            }
            self.ended = ended;
            if self.holdings.changed().await.is_err() {
                return;
            }
        }
    }

    /// A change that touched its target and was neither committed nor reverted goes back, unless its job may still be at it.
    fn recover_all(&self) {
        let changes = match kept(&self.observed) {
            Ok(changes) => changes,
            Err(error) => {
                tracing::error!(%error, "whether a change was interrupted is not known");
                return;
            }
        };
        for change in changes {
            let lane = change.deployment.lane.clone();
            if may_still_run(&self.holdings.borrow(), &lane) {
                continue;
            }
            match recover(&change, &self.services) {
                Ok(None) => {}
                Ok(Some(ended)) => tracing::warn!(%lane, ?ended, "an interrupted change was ended"),
                Err(error) => tracing::error!(%lane, %error, "an interrupted change could not be ended"),
            }
        }
    }
}

fn ended_of_lanes(holdings: &Holdings) -> BTreeSet<Fence> {
    let of_lanes = holdings.attempts.values().filter(|attempt| attempt.lane().is_some());
    of_lanes.filter(|attempt| attempt.phase() == Phase::Ended).map(|attempt| attempt.fence).collect()
}

/// Whether a job of the lane is under a shim, or ended in this boot without proof that its processes are gone.
fn may_still_run(holdings: &Holdings, lane: &LaneId) -> bool {
    let mut of_lane = holdings.attempts.values().filter(|attempt| attempt.lane() == Some(lane));
    of_lane.any(|attempt| attempt.phase() != Phase::Ended || attempt.may_have_survivors())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use windlass_core::attempt::{Line, LineBody};
    use windlass_core::model::{Envelope, Outcome, UnknownReason};

    use super::*;
    use crate::attempts::AttemptDir;
    use crate::attempts::fixture::envelope;
    use crate::work::Attempt;

    fn holding(last: Option<LineBody>) -> Holdings {
        let envelope = Envelope { lane: Some(("shop/production".parse().expect("a lane"), 3)), ..envelope() };
        let accepted =
            LineBody::Accepted { fence: Fence(7), envelope: Box::new(envelope), boot_id: "this-boot".to_owned() };
        let line = |(body, index)| Arc::new(Line { format: 1, index, boottime_ns: 0, wall_ms: 0, body });
        let lines = std::iter::once(accepted).chain(last).zip(1..).map(line).collect();
        let attempt = Attempt { fence: Fence(7), dir: AttemptDir::new(Path::new("/a")), lines, grouped: false };
        Holdings { attempts: BTreeMap::from([(Fence(7), Arc::new(attempt))]) }
    }

    fn exit(outcome: Outcome) -> Option<LineBody> {
        Some(LineBody::Exit { outcome, logs: vec![], cancel_too_late: false })
    }

    #[test]
    fn no_way_back_starts_while_the_job_of_the_lane_may_be_at_it() {
        let (ours, other) = ("shop/production".parse().expect("a lane"), "shop/staging".parse().expect("a lane"));
        let unknown = |reason| exit(Outcome::Unknown { reason });
        for (last, expected) in [
            (None, true),
            (Some(LineBody::Go), true),
            (unknown(UnknownReason::ShimLost), true),
            (unknown(UnknownReason::EvidenceDamaged), true),
            (unknown(UnknownReason::Reboot), false),
            (exit(Outcome::Cancelled), false),
        ] {
            let holdings = holding(last);
            assert_eq!(may_still_run(&holdings, &ours), expected, "{holdings:?}");
            assert!(!may_still_run(&holdings, &other));
            let is_over = matches!(holdings.attempts[&Fence(7)].phase(), Phase::Ended);
            assert_eq!(!ended_of_lanes(&holdings).is_empty(), is_over);
        }
    }
}
