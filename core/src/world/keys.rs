//! Keys by which a repeated request is known, and when they are forgotten.
//!
//! | key | forgotten |
//! |---|---|
//! | of a delivery | 30 days after it was taken, once it is known what became of it |
//! | of a request of the API | after 24 hours |
//!
//! Forgetting is a fact, so that every fold of the facts knows the same keys. It is made at most once a minute for each of the two.

use super::state::{DeliveryResult, DeliveryState, State};
use crate::fact::Fact;
use crate::input::Delivery;
use crate::model::{DeliveryKey, Duration, RunId, UnixMs};
use crate::touched::Touched;

const DELIVERIES_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
const KEYS_KEPT: Duration = Duration::from_secs(24 * 3600);

/// What is due is left lying for so long, so that one fact forgets many keys.
const GATHER: Duration = Duration::from_secs(60);

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

    pub(super) fn keep_key(&mut self, at: UnixMs, key: &str, run: &RunId) {
        self.keys.insert_mut(key.to_owned(), run.clone());
        self.keys_by_age.enqueue_mut((at, key.to_owned()));
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

    pub(super) fn forget_keys(&mut self, used_until: UnixMs) {
        while let Some((used, key)) = self.keys_by_age.peek().cloned()
            && used <= used_until
        {
            self.keys_by_age.dequeue_mut();
            self.keys.remove_mut(&key);
        }
    }
}
