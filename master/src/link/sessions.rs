//! Who is connected: one session for each agent, the newest.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use windlass_core::model::AgentId;

use crate::turned::TurnedAway;
use crate::vitals::Vitals;

/// The sessions of all agents. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Sessions {
    seats: Arc<Mutex<BTreeMap<AgentId, Seat>>>,
    turned: TurnedAway,
    vitals: Vitals,
}

/// The place of one live session.
#[derive(Debug, Clone)]
pub(super) struct Seat {
    /// Its number.
    pub(super) session: u64,
    /// Told when what its agent should be doing may have changed. Many tellings are one.
    pub(super) stale: Arc<Notify>,
    /// Cancelled when it is over; the calls for bytes that belong to it end with it.
    pub(super) over: CancellationToken,
}

impl Sessions {
    /// What these agents should be doing may have changed: their sessions send them the difference. Never waits.
    pub fn refresh(&self, agents: impl IntoIterator<Item = AgentId>) {
        let seats = self.lock();
        let touched = agents.into_iter().filter_map(|agent| seats.get(&agent));
        touched.for_each(|seat| seat.stale.notify_one());
    }

    /// Ends the session of this agent, if it has one; it may dial again.
    pub fn disconnect(&self, agent: AgentId) {
        if let Some(seat) = self.lock().remove(&agent) {
            seat.over.cancel();
        }
    }

    /// Whose last Hello was refused.
    pub fn turned(&self) -> &TurnedAway {
        &self.turned
    }

    /// What the last heartbeats said.
    pub fn vitals(&self) -> &Vitals {
        &self.vitals
    }

    /// Seats a session that was let in; the older one of the agent is over. `None` if a newer one sits already.
    pub(super) fn sit(&self, agent: AgentId, session: u64) -> Option<Seat> {
        let mut seats = self.lock();
        if seats.get(&agent).is_some_and(|seat| seat.session > session) {
            return None;
        }
        let seat = Seat { session, stale: Arc::default(), over: CancellationToken::new() };
        if let Some(older) = seats.insert(agent, seat.clone()) {
            older.over.cancel();
        }
        Some(seat)
    }

    /// The session is over, for whatever reason.
    pub(super) fn leave(&self, agent: AgentId, seat: &Seat) {
        seat.over.cancel();
        let mut seats = self.lock();
        if seats.get(&agent).is_some_and(|present| present.session == seat.session) {
            seats.remove(&agent);
        }
    }

    /// The present session of the agent, if it has this number.
    pub(super) fn present(&self, agent: AgentId, session: u64) -> Option<Seat> {
        self.lock().get(&agent).filter(|seat| seat.session == session).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<AgentId, Seat>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent() -> AgentId {
        "0190b2b0-0000-4000-8000-00000000000a".parse().expect("an id")
    }

    #[test]
    fn the_newest_session_of_an_agent_is_the_only_one() {
        let sessions = Sessions::default();
        let first = sessions.sit(agent(), 1).expect("nobody sits");
        let second = sessions.sit(agent(), 2).expect("it is newer");
        assert!(first.over.is_cancelled() && !second.over.is_cancelled());
        assert!(sessions.sit(agent(), 1).is_none());
        assert!(sessions.present(agent(), 1).is_none());
        sessions.leave(agent(), &first);
        assert!(sessions.present(agent(), 2).is_some());
        sessions.disconnect(agent());
        assert!(second.over.is_cancelled() && sessions.present(agent(), 2).is_none());
    }

    #[tokio::test]
    async fn a_telling_before_the_session_listens_is_not_lost() {
        let sessions = Sessions::default();
        let seat = sessions.sit(agent(), 1).expect("nobody sits");
        sessions.refresh([agent()]);
        sessions.refresh([agent()]);
        seat.stale.notified().await;
    }
}
