//! What the agent should be doing: all of it first, then the difference after each commit that touched it.

use std::collections::BTreeSet;

use tokio::sync::Notify;
use windlass_core::State;
use windlass_core::agent::{self, Standing, view::CancelWord};
use windlass_core::model::{AgentId, Envelope, Fence, Secrets};
use windlass_core::secret::Grant;
use windlass_proto::convert::{Assignments, Cancel, Down, Drain, Put, envelope_digest};

use super::end::End;
use super::outbound::Outbound;
use crate::link::Link;

/// What one session has told its agent to do.
pub(super) struct Wants<'a> {
    link: &'a Link,
    session: u64,
    told: Told,
}

/// What an agent was told, and what it holds because of it.
#[derive(Debug)]
pub struct Told {
    agent: AgentId,
    held: BTreeSet<Fence>,
    view: Option<agent::Assignments>,
}

impl<'a> Wants<'a> {
    pub(super) fn new(link: &'a Link, agent: AgentId, session: u64, held: BTreeSet<Fence>) -> Self {
        Self { link, session, told: Told::new(agent, held) }
    }

    /// Tells until the session ends.
    pub(super) async fn run(mut self, out: &Outbound, stale: &Notify) -> End {
        loop {
            let state = self.link.published.state();
            if let Some(end) = self.disowned(&state) {
                return end;
            }
            if let Some(mut assignments) = self.told.next(&state) {
                let granted: Vec<Vec<Grant>> = assignments.put.iter().map(|put| granted(&state, put)).collect();
                drop(state);
                for (put, grants) in assignments.put.iter_mut().zip(granted).filter(|(_, grants)| !grants.is_empty()) {
                    match self.link.secrets.open(grants).await {
                        Ok(secrets) => put.secrets = secrets,
                        // The agent says which one it lacks.
                        Err(error) => tracing::error!(fence = %put.fence, %error, "secrets are not delivered"),
                    }
                }
                if let Err(end) = out.send(Down::Assignments(assignments)).await {
                    return end;
                }
            }
            stale.notified().await;
        }
    }

    /// Why this session does not count any more; none if it does.
    fn disowned(&self, state: &State) -> Option<End> {
        let agent = state.agents.get(&self.told.agent)?;
        if agent.session() == Some(self.session) {
            return None;
        }
        Some(match &agent.standing {
            Standing::Quarantined { why, .. } => End::Void(format!("this agent is in quarantine: {why}")),
            Standing::Removed(word) => End::Void(format!("this agent was removed by {}: {}", word.by, word.reason)),
            Standing::Good | Standing::Readmitted(_) => End::Replaced,
        })
    }
}

impl Told {
    /// Nothing was told yet; `held` is what the Hello names.
    pub fn new(agent: AgentId, held: BTreeSet<Fence>) -> Self {
        Self { agent, held, view: None }
    }

    /// What to tell now: everything the first time, then what changed; none if nothing did.
    pub fn next(&mut self, state: &State) -> Option<Assignments> {
        let view = agent::view(state, self.agent, &self.held);
        let before = self.view.as_ref();
        let new_put = view.put.iter().filter(|fence| before.is_none_or(|before| !before.put.contains(fence)));
        let new_cancel =
            view.cancel.iter().filter(|cancel| before.is_none_or(|before| !before.cancel.contains(cancel)));
        let assignments = Assignments {
            full: before.is_none(),
            more: false,
            floor: view.floor,
            put: new_put.filter_map(|fence| self.put(state, *fence)).collect(),
            cancel: new_cancel.map(cancel).collect(),
            forget: view.forget.iter().copied().collect(),
            drain: before.is_none_or(|before| before.drain != view.drain).then(|| drain(&view)),
        };
        let same_floor = before.is_some_and(|before| before.floor == view.floor);
        let Assignments { put, cancel, forget, drain, .. } = &assignments;
        let nothing = put.is_empty() && cancel.is_empty() && forget.is_empty() && drain.is_none();
        self.held.extend(assignments.put.iter().map(|put| put.fence));
        self.held.retain(|fence| !view.forget.contains(fence));
        self.view = Some(view);
        (!nothing || !same_floor).then_some(assignments)
    }

    /// The envelope is left out where the agent has it.
    fn put(&self, state: &State, fence: Fence) -> Option<Put> {
        let (_, attempt) = state.attempt(fence)?;
        let envelope = (!self.held.contains(&fence)).then(|| Envelope::clone(&attempt.envelope));
        let digest = envelope_digest(&attempt.envelope);
        Some(Put { fence, digest, envelope, secrets: Secrets::default() })
    }
}

/// What goes with an envelope; where the agent has that, it had the secrets too.
fn granted(state: &State, put: &Put) -> Vec<Grant> {
    let attempt = put.envelope.as_ref().and_then(|_| state.attempt(put.fence));
    attempt.map(|(_, attempt)| attempt.secrets.clone()).unwrap_or_default()
}

fn cancel((fence, word): &(Fence, CancelWord)) -> Cancel {
    let CancelWord { force, by, why } = word.clone();
    Cancel { fence: *fence, force, by, why }
}

fn drain(view: &agent::Assignments) -> Drain {
    Drain { on: view.drain.is_some(), by: view.drain.clone().unwrap_or_default() }
}
