//! One target: what it runs on each of its lanes, what they want, and why that is not the same.

use windlass_proto::api::{Agent, AgentState, Lane};

use crate::text::{Reader, deployment_id, release_number};

/// A sentence for each lane of the target.
pub fn why(agent: &Agent, lanes: &[Lane], reader: &Reader) -> String {
    let of_it = |lane: &&Lane| {
        let known = agent.services.iter().any(|service| service.lane == lane.id);
        let owed = lane.owed.iter().any(|owed| owed.target == agent.name);
        let stray = lane.drifted.iter().chain(&lane.left).any(|stray| stray.target == agent.name);
        known || owed || stray || agent.register.environments.contains(&lane.environment)
    };
    let lines: Vec<String> = lanes.iter().filter(of_it).map(|lane| on(agent, lane, reader)).collect();
    if lines.is_empty() { format!("{} is a target of no lane", agent.name) } else { lines.join("\n") }
}

fn on(agent: &Agent, lane: &Lane, reader: &Reader) -> String {
    let service = agent.services.iter().find(|service| service.lane == lane.id);
    let running = service.and_then(|service| service.running.as_deref()).map(release_number);
    let runs = match (running, service) {
        (Some(name), Some(service)) => format!("runs {} {name} (generation {})", lane.service, service.generation),
        _ => format!("is not known to run {}", lane.service),
    };
    let wants = match &lane.desired {
        Some(desired) => format!("{} wants {desired} (generation {})", lane.id, lane.generation),
        None => format!("{} wants nothing yet", lane.id),
    };
    let mut parts = vec![format!("{} {runs}; {wants}", agent.name)];
    parts.extend(silence(agent, reader));
    parts.extend(debt(agent, lane, reader));
    parts.extend(lane.drifted.iter().filter(|stray| stray.target == agent.name).map(|_| {
        let converge = format!("windlass converge {} {} {}", lane.service, lane.environment, agent.name);
        format!("nobody owes it that: it was moved by something else, and only a person moves it back: `{converge}`")
    }));
    let left = lane.left.iter().filter(|stray| stray.target == agent.name);
    parts.extend(left.map(|stray| format!("{}; `windlass forget {}` takes it off the list", stray.why, agent.name)));
    if service.is_some_and(|service| service.drained) {
        parts.push("it is out of traffic until it has what the lane wants".to_owned());
    }
    if service.is_some_and(|service| service.held_by_hand) {
        parts.push("held by hand on its host".to_owned());
    }
    if parts.len() == 1 && running == lane.desired.as_deref() {
        parts.push("as it should be".to_owned());
    }
    format!("{}.", parts.join("; "))
}

fn silence(agent: &Agent, reader: &Reader) -> Option<String> {
    match (agent.state, agent.since) {
        (AgentState::Connected, _) => None,
        (_, Some(since)) => Some(format!("no session since {}", reader.time(since))),
        (_, None) => Some("it was never connected".to_owned()),
    }
}

fn debt(agent: &Agent, lane: &Lane, reader: &Reader) -> Option<String> {
    let owed = lane.owed.iter().find(|owed| owed.target == agent.name)?;
    let desired = lane.desired.as_deref().unwrap_or("nothing");
    let what = format!("the lane owes it {desired} since {} ({})", reader.time(owed.since), owed.why);
    let next = match (owed.waits_for_person, &lane.catch_up_stopped, owed.next_try, &lane.catch_up) {
        (true, ..) => format!("a person looks first, then `windlass converge {} {}`", lane.service, lane.environment),
        (false, Some(why), ..) => format!("a person looks first: {why}"),
        (false, None, Some(time), _) => format!("it is tried again at {}", reader.second(time)),
        (false, None, None, Some(id)) if agent.state == AgentState::Connected => {
            format!("{} brings it there", deployment_id(id))
        }
        (false, None, None, _) => format!("when it can be changed it gets {desired} only, whatever came between"),
    };
    Some(format!("{what}; {next}"))
}
