//! Facts that people must hear of, told to the log when they are durable.

use windlass_core::fact::AgentFact;
use windlass_core::{Fact, State};

/// What of these facts people must hear of.
pub(super) fn of(facts: &[Fact]) -> Vec<AgentFact> {
    let about_agents = facts.iter().filter_map(|fact| if let Fact::Agent(fact) = fact { Some(fact) } else { None });
    about_agents.cloned().collect()
}

/// Tells it.
pub(super) fn tell(state: &State, alarms: &[AgentFact]) {
    alarms.iter().for_each(|fact| about_agent(state, fact));
}

fn about_agent(state: &State, fact: &AgentFact) {
    let name = state.agents.get(&fact.agent()).map_or_else(String::new, |agent| agent.register.name.to_string());
    match fact {
        AgentFact::Quarantined { why, .. } => {
            tracing::error!(agent = name, %why, "an agent is in quarantine: look at its host, then `windlass agents readmit`");
        }
        AgentFact::SilentTooLong { .. } => {
            tracing::error!(
                agent = name,
                "an agent is silent, and a job on this target is open: nobody knows how it stands"
            );
        }
        AgentFact::AttemptFound { found, .. } => {
            tracing::warn!(agent = name, fence = %found.fence, run = found.run.escape_debug().to_string(),
                "an agent holds an attempt from between the backup and its restore");
        }
        AgentFact::Readmitted { by, reason, .. } => tracing::info!(agent = name, by, reason, "readmitted an agent"),
        AgentFact::Removed { by, reason, .. } => tracing::warn!(agent = name, by, reason, "removed an agent"),
        AgentFact::Paused { by, reason, .. } => tracing::info!(agent = name, by, reason, "paused an agent"),
        AgentFact::Resumed { by, .. } => tracing::info!(agent = name, by, "resumed an agent"),
    }
}
