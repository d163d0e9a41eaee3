//! Agents.

use windlass_proto::api::{Agent, AgentState};

use crate::text::{Reader, table};

/// A list of agents.
pub fn list(agents: &[Agent], reader: &Reader) -> String {
    let head = ["NAME", "STATE", "SLOTS", "LABELS", "TAKES"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(agents.iter().map(|agent| {
        let slots = format!("{}/{}", agent.slots_used, agent.slots);
        vec![agent.name.clone(), state(agent, reader), slots, labels(agent), takes(agent)]
    }));
    table(&rows)
}

fn state(agent: &Agent, reader: &Reader) -> String {
    match (agent.state, agent.since) {
        (AgentState::Connected, _) => "connected".to_owned(),
        (AgentState::Enrolled, _) | (AgentState::Gone, None) => "never seen".to_owned(),
        (AgentState::Gone, Some(since)) => format!("no session since {} ({})", reader.time(since), reader.ago(since)),
    }
}

fn labels(agent: &Agent) -> String {
    let shown = agent.labels.iter().filter(|(name, _)| !["os", "arch", "agent"].contains(&name.as_str()));
    shown.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

fn takes(agent: &Agent) -> String {
    let projects = agent.takes_projects.join(", ");
    match (agent.takes_environments.as_slice(), projects.is_empty()) {
        ([], true) => "nothing: its agent.toml has no [policy]".to_owned(),
        ([], false) => projects,
        (environments, _) => format!("deployments to {}", environments.join(", ")),
    }
}
