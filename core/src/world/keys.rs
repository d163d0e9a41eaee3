//! Keys by which a repeated request is known, and when they are forgotten.
//!
//! | key | forgotten |
//! |---|---|
//! | of a delivery | 30 days after it was taken, once it is known what became of it |
//! | of a request of the API | after 24 hours |
//!
//! Forgetting is a fact, so that every fold of the facts knows the same keys. It is made at most once a minute for each of the two.

use serde::{Deserialize, Serialize};

use super::state::{DeliveryResult, DeliveryState, State};
use super::turn::decide;
use crate::answer::{Answer, Decision, Refusal};
use crate::fact::Fact;
use crate::input::{Delivery, Input, RequestKey};
use crate::model::{DeliveryKey, DeploymentId, Digest, Duration, RunId, UnixMs};
use crate::touched::Touched;

const DELIVERIES_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
const KEYS_KEPT: Duration = Duration::from_secs(24 * 3600);

/// What is due is left lying for so long, so that one fact forgets many keys.
const GATHER: Duration = Duration::from_secs(60);

/// What a key was used for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedKey {
    /// Digest of the request.
    pub(super) request: Digest,
    pub(super) run: Option<RunId>,
    pub(super) deployment: Option<DeploymentId>,
}

impl UsedKey {
    fn answer(&self) -> Answer {
        match (self.run.clone(), self.deployment.clone()) {
            (Some(run), Some(deployment)) => Answer::Deployment { deployment, run },
            (Some(run), None) => Answer::Run { run },
            (None, _) => Answer::Done,
        }
    }
}

/// Decides what a request asks for, if none with its key was carried out yet. One that is refused may be asked again.
pub(super) fn once(state: &State, at: UnixMs, key: RequestKey, input: Input) -> Decision {
    match state.answered(&key) {
        Err(refusal) => return Decision::refuse(refusal),
        Ok(Some(answer)) => return Decision { facts: Vec::new(), answer: Answer::Again(Box::new(answer)) },
        Ok(None) => {}
    }
    let mut decision = decide(state, at, input);
    let (run, deployment) = match &decision.answer {
        Answer::Refused(_) => return decision,
        Answer::Run { run } => (Some(run.clone()), None),
        Answer::Deployment { deployment, run } => (Some(run.clone()), Some(deployment.clone())),
        Answer::Done
        | Answer::Again(_)
        | Answer::Delivered { .. }
        | Answer::Enrolled(_)
        | Answer::Welcome { .. }
        | Answer::Acked { .. } => (None, None),
    };
    decision.facts.push(Fact::KeyUsed { key: key.name, request: key.request, run, deployment });
    decision
}

/// What is forgotten now.
pub(super) fn advance(state: &State, at: UnixMs) -> Vec<Fact> {
    if state.leapt {
        return Vec::new();
    }
    let is_due = |due: Option<UnixMs>| due.is_some_and(|due| due <= at);
    let mut facts = Vec::new();
    if is_due(delivery_due(state)) {
        facts.push(Fact::DeliveriesForgotten { taken_until: at.before(DELIVERIES_KEPT) });
    }
    if is_due(key_due(state)) {
        facts.push(Fact::KeysForgotten { used_until: at.before(KEYS_KEPT) });
    }
    facts
}

/// When the next key is forgotten.
pub(super) fn next_deadline(state: &State) -> Option<UnixMs> {
    let dues = [delivery_due(state), key_due(state)].into_iter().flatten();
    dues.min().filter(|_| !state.leapt)
}

fn delivery_due(state: &State) -> Option<UnixMs> {
    let (taken, key) = state.deliveries_by_age.peek()?;
    (!is_reading(state, key)).then(|| taken.after(DELIVERIES_KEPT).after(GATHER))
}

fn key_due(state: &State) -> Option<UnixMs> {
    state.keys_by_age.peek().map(|(used, _)| used.after(KEYS_KEPT).after(GATHER))
}

/// It will make exactly one run, or a kept reason why not: it is needed until then, and younger ones wait for it.
fn is_reading(state: &State, key: &DeliveryKey) -> bool {
    state.deliveries.get(key).is_some_and(|known| known.result == DeliveryResult::Reading)
}

impl State {
    pub(super) fn take(&mut self, at: UnixMs, delivery: &Delivery, touched: &mut Touched) {
        let state = DeliveryState { delivery: delivery.clone(), taken: at, result: DeliveryResult::Reading };
        self.deliveries.insert_mut(delivery.key.clone(), state);
        self.deliveries_by_age.enqueue_mut((at, delivery.key.clone()));
        touched.deliveries.insert(delivery.key.clone());
    }

    pub(super) fn settle_delivery(&mut self, key: &DeliveryKey, result: DeliveryResult, touched: &mut Touched) {
        if let Some(known) = self.deliveries.get(key) {
            let state = DeliveryState { result, ..known.clone() };
            self.deliveries.insert_mut(key.clone(), state);
            touched.deliveries.insert(key.clone());
        }
    }

    /// What an earlier request with this key was answered; a refusal if it was another request.
    pub fn answered(&self, key: &RequestKey) -> Result<Option<Answer>, Refusal> {
        match self.keys.get(&key.name) {
            None => Ok(None),
            Some(used) if used.request == key.request => Ok(Some(used.answer())),
            Some(_) => {
                let chosen = key.name.split_once('\n').map_or(key.name.as_str(), |(_, chosen)| chosen);
                Err(Refusal::KeyMismatch(chosen.to_owned()))
            }
        }
    }

    /// Keys of requests, by what is said of them.
    pub(super) fn keep_keys(&mut self, at: UnixMs, fact: &Fact) {
        if let Fact::KeyUsed { key, request, run, deployment } = fact {
            let used = UsedKey { request: *request, run: run.clone(), deployment: deployment.clone() };
            self.keys.insert_mut(key.clone(), used);
            self.keys_by_age.enqueue_mut((at, key.clone()));
        } else if let Fact::KeysForgotten { used_until } = fact {
            self.forget_keys(*used_until);
        }
    }

    pub(super) fn forget_deliveries(&mut self, taken_until: UnixMs) {
        while let Some((taken, key)) = self.deliveries_by_age.peek().cloned()
            && taken <= taken_until
            && !is_reading(self, &key)
        {
            self.deliveries_by_age.dequeue_mut();
            self.deliveries.remove_mut(&key);
        }
    }

    fn forget_keys(&mut self, used_until: UnixMs) {
        while let Some((used, key)) = self.keys_by_age.peek().cloned()
            && used <= used_until
        {
            self.keys_by_age.dequeue_mut();
            self.keys.remove_mut(&key);
        }
    }
}
