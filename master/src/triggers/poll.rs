//! Looks at repositories that no webhook reaches, and delivers what changed.
//!
//! What a person expects, at the first look after a start:
//! - a branch whose newest delivery names another commit moved while nobody looked: it is delivered;
//! - a project without any run gets one for its main branch, so that something is seen at once;
//! - every other branch is taken as known: adding `poll` to an old repository starts no run for each of its branches.
//!
//! After the first look every branch that is new or moved is delivered. A delivery's key holds branch and commit, so that the same news
//! is the same delivery, over restarts too.

use std::collections::BTreeMap;
use std::time::Duration;

use windlass_core::input::Delivery;
use windlass_core::model::{Digest, ProjectName, Revision};
use windlass_core::world::DeliveryState;
use windlass_core::{Answer, Input, State};

use super::Triggers;
use super::git::Place;
use crate::engine::Published;
use crate::inbox::Inbox;
use crate::tasks::Tasks;

/// Tips of the branches at the last look, by full name.
type Tips = BTreeMap<String, Revision>;

/// Looks at this project's repository every `interval` until the master stops.
pub fn poll(
    tasks: &Tasks,
    triggers: Triggers,
    inbox: Inbox,
    published: Published,
    project: ProjectName,
    interval: windlass_core::model::Duration,
) {
    let shutdown = tasks.shutdown.clone();
    tasks.spawn("poll a repository", async move {
        let looks = look_often(&triggers, &inbox, &published, &project, Duration::from_millis(interval.ms()));
        shutdown.run_until_cancelled(looks).await;
    });
}

async fn look_often(
    triggers: &Triggers,
    inbox: &Inbox,
    published: &Published,
    project: &ProjectName,
    interval: Duration,
) {
    let mut known: Option<Tips> = None;
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(place) = triggers.place(project) else { continue };
        let tips: Tips = match triggers.repositories().branches(&place).await {
            Ok(branches) => branches.into_iter().collect(),
            Err(error) => {
                tracing::warn!(%project, %error, "a repository cannot be looked at");
                continue;
            }
        };
        let news = match &known {
            None => first_look(&published.state(), &place, &tips),
            Some(known) => later_look(&place, known, &tips),
        };
        if deliver(inbox, news).await {
            known = Some(tips);
        }
    }
}

/// True if every delivery was answered, so that the next look begins after these tips.
async fn deliver(inbox: &Inbox, news: Vec<Delivery>) -> bool {
    for delivery in news {
        let key = delivery.key.clone();
        match inbox.submit(Input::Deliver(delivery)).await {
            Ok(Answer::Refused(refusal)) => tracing::warn!(delivery = %key, %refusal, "a polled change was refused"),
            Ok(_) => tracing::info!(delivery = %key, "polling saw a change"),
            Err(_) => return false,
        }
    }
    true
}

/// What is delivered at the first look after a start.
fn first_look(state: &State, place: &Place, tips: &Tips) -> Vec<Delivery> {
    let has_runs = state.projects.get(&place.project).is_some_and(|project| project.next_run > 1);
    let main = format!("refs/heads/{}", place.main_branch);
    let news = tips.iter().filter_map(|(reference, tip)| match newest(state, &place.project, reference) {
        Some(known) if known.delivery.revision == *tip => None,
        Some(known) => Some(delivery(place, reference, tip, Some(known.delivery.revision.clone()))),
        None => (!has_runs && *reference == main).then(|| delivery(place, reference, tip, None)),
    });
    news.collect()
}

/// What is delivered at every later look.
fn later_look(place: &Place, known: &Tips, tips: &Tips) -> Vec<Delivery> {
    let moved = tips.iter().filter(|(reference, tip)| known.get(*reference) != Some(*tip));
    moved.map(|(reference, tip)| delivery(place, reference, tip, known.get(reference).cloned())).collect()
}

fn newest<'s>(state: &'s State, project: &ProjectName, reference: &str) -> Option<&'s DeliveryState> {
    let of_branch = state
        .deliveries
        .values()
        .filter(|known| known.delivery.project == *project && known.delivery.reference == reference);
    of_branch.max_by_key(|known| known.taken)
}

fn delivery(place: &Place, reference: &str, revision: &Revision, before: Option<Revision>) -> Delivery {
    let key = format!("poll:{}:{reference}:{revision}", place.project);
    Delivery {
        body: Digest::of(key.as_bytes()),
        key,
        project: place.project.clone(),
        reference: reference.to_owned(),
        revision: revision.clone(),
        before,
        actor: "poll".to_owned(),
    }
}

#[cfg(test)]
mod tests;
