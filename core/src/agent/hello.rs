//! Who is let in. What the master does with a Hello; the first match counts:
//!
//! | finding | then |
//! |---|---|
//! | not enrolled here, or removed; protocol neither ours nor the one before; in quarantine | refused |
//! | its connection is older than the session that the agent has or had last, and its `incarnation` is below the one on file | refused: it came late |
//! | `max_epoch` above ours | refused: another master may exist |
//! | a person readmitted it | this Hello is the new base: what it does not hold is gone, `unknown(agent_lost_state)`; let in |
//! | `incarnation` is 1 and one is on file, it may be a target | quarantine: it lost its memory |
//! | the same, it is no target | what it does not hold is gone, `unknown(agent_lost_state)`; let in |
//! | `incarnation` not above the one on file | quarantine: a clone, or a directory that was rolled back |
//! | an attempt believed accepted, not placed before a restore, is not held; a record has fewer lines than acknowledged | the same |
//! | none of these | let in: `AgentSeen`; the older session is void |
//!
//! Reconciliation, for every Hello that is let in and nowhere else. What is open and held brings the master up to date by its reports;
//! [`view`](super::view) says the rest.
//!
//! | master believes | agent holds | then |
//! |---|---|---|
//! | placed | nothing | put again; the floor protects |
//! | open, placed before a restore | nothing | gone, `unknown(restored)` |
//! | open | it | reports and logs go on |
//! | never heard of: given by the master that was backed up, above the last fence known here | it | `AttemptFound` |
//! | closed | it | forget |

use super::standing::{Quarantine, Standing};
use super::state::Agent;
use crate::answer::{Answer, Decision, Refusal};
use crate::attempt::AttemptState;
use crate::attempt::line::INDEX_LAST;
use crate::fact::{AgentFact, Fact};
use crate::input::{Held, Hello};
use crate::model::{Fence, UnknownReason};
use crate::world::State;

/// The version of the agent link that we speak; the one before is understood too.
pub const PROTOCOL: u32 = 1;

enum Verdict {
    Refused(Refusal),
    Quarantine(Quarantine),
    LetIn(Base),
}

/// What a Hello that is let in is compared with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Base {
    /// What the master believes.
    Believed,
    /// Itself: what it does not say is lost.
    New,
}

/// See the tables above.
pub fn hello(state: &State, hello: Hello, sessions_before: u64) -> Decision {
    let Some(agent) = state.agents.get(&hello.agent) else { return Decision::refuse(Refusal::AgentUnknown) };
    match judge(state, agent, &hello, sessions_before) {
        Verdict::Refused(refusal) => Decision::refuse(refusal),
        Verdict::Quarantine(why) => {
            let fact = Fact::Agent(AgentFact::Quarantined { agent: agent.id, why: why.clone() });
            Decision { facts: vec![fact], answer: Answer::Refused(Refusal::Quarantined(why)) }
        }
        Verdict::LetIn(base) => let_in(state, agent, hello, base),
    }
}

fn judge(state: &State, agent: &Agent, hello: &Hello, sessions_before: u64) -> Verdict {
    if !is_spoken(hello.protocol, PROTOCOL) {
        return Verdict::Refused(Refusal::Protocol(hello.protocol));
    }
    let is_readmitted = match &agent.standing {
        Standing::Removed(_) => return Verdict::Refused(Refusal::AgentRemoved),
        Standing::Quarantined { why, .. } => return Verdict::Refused(Refusal::Quarantined(why.clone())),
        Standing::Readmitted(_) => true,
        Standing::Good => false,
    };
    // A slow connection may bring a Hello when the agent has given it up long ago and a newer one was let in. A copy that dialled on such
    // a connection dials again, and is found then.
    let is_older = agent.seen_in == state.epoch && agent.seen_as > sessions_before;
    if is_older && hello.incarnation < agent.incarnation {
        return Verdict::Refused(Refusal::HelloLate);
    }
    if hello.max_epoch > state.epoch {
        return Verdict::Refused(Refusal::StaleMaster { ours: state.epoch, theirs: hello.max_epoch });
    }
    let lost_memory = hello.incarnation == 1 && agent.incarnation > 0;
    let on_file = agent.incarnation;
    if is_readmitted {
        Verdict::LetIn(Base::New)
    } else if lost_memory && agent.may_be_target() {
        Verdict::Quarantine(Quarantine::LostState(format!("its incarnation is 1, {on_file} is on file")))
    } else if lost_memory {
        Verdict::LetIn(Base::New)
    } else if hello.incarnation <= on_file {
        let how = format!("its incarnation is {}, {on_file} is on file", hello.incarnation);
        Verdict::Quarantine(Quarantine::Copied(how))
    } else {
        let missing = agent.open.iter().find_map(|fence| missing(state, *fence, hello));
        missing.map_or(Verdict::LetIn(Base::Believed), |how| Verdict::Quarantine(Quarantine::Copied(how)))
    }
}

/// Ours, and the one before.
fn is_spoken(theirs: u32, ours: u32) -> bool {
    theirs == ours || (theirs > 0 && theirs + 1 == ours)
}

/// An honest disk cannot lose what it reported. What is gone already is not missed again.
fn missing(state: &State, fence: Fence, hello: &Hello) -> Option<String> {
    let (_, attempt) = state.attempt(fence).filter(|(_, attempt)| !attempt.gone)?;
    match held(hello, fence) {
        None if state.placed_before_restore(fence) => None,
        None => (attempt.acked > 0).then(|| format!("attempt {fence} was accepted, it is not held now")),
        Some(held) => is_shorter(held, attempt)
            .then(|| format!("attempt {fence} had {} lines, it has {} now", attempt.acked, held.lines)),
    }
}

fn held(hello: &Hello, fence: Fence) -> Option<&Held> {
    hello.held.iter().find(|held| held.fence == fence)
}

/// The line of damaged evidence has the highest index there is, whatever stands before it.
fn is_shorter(held: &Held, attempt: &AttemptState) -> bool {
    attempt.acked != INDEX_LAST && held.lines < attempt.acked
}

fn let_in(state: &State, agent: &Agent, hello: Hello, base: Base) -> Decision {
    let session = state.sessions + 1;
    let acked = hello.held.iter().map(|held| (held.fence, acked(state, held.fence))).collect();
    let gone = agent.open.iter().filter_map(|fence| {
        let reason = gone(state, *fence, &hello, base)?;
        Some(Fact::AttemptGone { fence: *fence, reason })
    });
    let found = hello.held.iter().filter(|held| is_found(state, agent, held.fence));
    let found = found.map(|held| Fact::Agent(AgentFact::AttemptFound { agent: agent.id, found: held.clone() }));
    let mut facts: Vec<Fact> = gone.chain(found).collect();
    let seen = Fact::AgentSeen {
        agent: hello.agent,
        session,
        incarnation: hello.incarnation,
        boot_id: hello.boot_id,
        program: hello.program,
        offer: hello.offer,
    };
    facts.insert(0, seen);
    Decision { facts, answer: Answer::Welcome { epoch: state.epoch, session, acked } }
}

/// What became of the evidence of an attempt that is open here and not held there; none: it is held, or put again.
fn gone(state: &State, fence: Fence, hello: &Hello, base: Base) -> Option<UnknownReason> {
    let (_, attempt) = state.attempt(fence).filter(|(_, attempt)| !attempt.gone)?;
    let is_held = held(hello, fence).is_some_and(|held| !is_shorter(held, attempt));
    if is_held {
        None
    } else if base == Base::New {
        Some(UnknownReason::AgentLostState)
    } else if state.placed_before_restore(fence) {
        Some(UnknownReason::Restored)
    } else {
        None
    }
}

/// Given by the master whose backup this is, after the backup was made.
fn is_found(state: &State, agent: &Agent, fence: Fence) -> bool {
    state.placed_before_restore(fence) && Some(fence) > agent.last_fence && !agent.found.contains_key(&fence)
}

fn acked(state: &State, fence: Fence) -> u32 {
    state.attempt(fence).map_or(0, |(_, attempt)| attempt.acked)
}

#[cfg(test)]
mod tests {
    use super::is_spoken;

    #[test]
    fn our_protocol_and_the_one_before_are_spoken() {
        let rows =
            [(1, 1, true), (0, 1, false), (2, 1, false), (3, 3, true), (2, 3, true), (1, 3, false), (4, 3, false)];
        for (theirs, ours, spoken) in rows {
            assert_eq!(is_spoken(theirs, ours), spoken, "{theirs} to {ours}");
        }
    }
}
