//! Agents.

use windlass_proto::api::{Agent, AgentState, FoundAttempt, KillMode, Word};

use super::master::skew;
use crate::text::{Reader, size, table, visible};

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

/// All of one agent that a person may need to know.
pub fn one(agent: &Agent, reader: &Reader) -> String {
    let mut rows: Vec<Vec<String>> = vec![
        vec![agent.name.clone(), state(agent, reader)],
        vec!["slots".to_owned(), format!("{} of {} taken", agent.slots_used, agent.slots)],
        vec!["labels".to_owned(), labels(agent)],
        vec!["takes".to_owned(), takes(agent)],
        vec!["program".to_owned(), agent.program.clone()],
    ];
    rows.extend(vitals(agent).map(|(name, text)| vec![name.to_owned(), text]));
    let mut add = |name: &str, text: String| rows.push(vec![name.to_owned(), text]);
    if let Some(quarantine) = &agent.quarantine {
        add("quarantine", format!("{}: {}", quarantine.kind, quarantine.why));
        add("hint", format!("look at its host, then windlass agents readmit {} --reason …", agent.name));
    }
    if let Some(word) = &agent.paused {
        add("paused", said(word, reader));
    }
    if let Some(word) = &agent.readmitted {
        add("readmitted", format!("{}; its next hello is believed", said(word, reader)));
    }
    if let Some(word) = &agent.removed {
        add("removed", said(word, reader));
    }
    if let Some(since) = agent.silent_since {
        add("silent", format!("since {} ({})", reader.time(since), reader.ago(since)));
    }
    if let Some(since) = agent.alarm {
        let since = reader.time(since);
        add("ALARM", format!("a job on this target is open and nobody knows how it stands, since {since}"));
    }
    if let Some(turned) = &agent.turned_away {
        add("refused", format!("{} ({})", visible(&turned.why), reader.ago(turned.time)));
    }
    for found in &agent.found {
        let FoundAttempt { fence, run, job, attempt, lines } = found;
        let (run, job) = (visible(run), visible(job));
        add("found", format!("{run} {job} attempt {attempt}, of after the backup: {lines} lines in attempts/{fence}"));
    }
    table(&rows)
}

/// How it ends processes, and what its last heartbeat said.
fn vitals(agent: &Agent) -> impl Iterator<Item = (&'static str, String)> {
    let kill = match agent.kill_mode {
        KillMode::Cgroup => "by cgroup: nothing of a job is left behind",
        KillMode::Group => "by process group: if a shim is lost, its processes may live on",
    };
    let spool = agent.spool_bytes.map(|bytes| ("spool", format!("{} wait for the master", size(bytes))));
    let disk = agent.disk_free_bytes.map(|bytes| ("disk", format!("{} free", size(bytes))));
    let skew =
        skew(agent.clock_ahead_ms).map(|skew| ("CLOCK", format!("{skew} the master's; nothing is decided by it")));
    [Some(("kills", kill.to_owned())), spool, disk, skew].into_iter().flatten()
}

fn said(word: &Word, reader: &Reader) -> String {
    format!("by {}: {:?} ({})", word.by, word.reason, reader.ago(word.time))
}

fn state(agent: &Agent, reader: &Reader) -> String {
    if let Some(word) = &agent.removed {
        return format!("removed by {}: {:?}", word.by, word.reason);
    }
    if let Some(quarantine) = &agent.quarantine {
        return format!("quarantine: {} since {}", quarantine.kind, reader.time(quarantine.since));
    }
    match (&agent.paused, &agent.paused_on_host, agent.state) {
        (Some(word), _, AgentState::Connected) => format!("paused by {}: {:?}", word.by, word.reason),
        (None, Some(reason), AgentState::Connected) => format!("paused on its host: {:?}", visible(reason)),
        (Some(word), _, _) => format!("paused by {}, {}", word.by, presence(agent, reader)),
        (None, _, _) => presence(agent, reader),
    }
}

fn presence(agent: &Agent, reader: &Reader) -> String {
    match (agent.state, agent.since) {
        (AgentState::Connected, _) => match skew(agent.clock_ahead_ms) {
            Some(skew) => format!("connected, clock {skew} the master's"),
            None => "connected".to_owned(),
        },
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
