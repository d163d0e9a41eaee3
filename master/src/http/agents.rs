//! Agents, and what people do to them.

use std::sync::Arc;

use windlass_core::agent::Agent;
use windlass_core::input::AgentVerb;
use windlass_core::{Answer as Answered, Input, State};
use windlass_proto::api::{self, Page};

use super::answer::{Answer, ok};
use super::call::{Call, cut};
use super::lanes::demanded;
use super::problem::Refused;
use super::shape;

/// `GET /agents`: by name, without those that were removed.
pub(super) async fn list(call: Call) -> Answer {
    let state = call.api.published.state();
    let known = state.agents.values().filter(|agent| agent.standing.is_known());
    let mut items: Vec<_> = known.map(|agent| shown(&call, &state, agent)).collect();
    items.sort_by(|a, b| a.name.cmp(&b.name));
    ok(&Page { items, next: None })
}

/// `GET /agents/{agent}`, by its name; one that was removed as long as no other has its name.
pub(super) async fn get(call: Call) -> Answer {
    let state = call.api.published.state();
    let agent = find(&call, &state)?;
    ok(&shown(&call, &state, &agent))
}

/// `POST /agents/{agent}/pause`
pub(super) async fn pause(call: Call) -> Answer {
    act(call, AgentVerb::Pause).await
}

/// `POST /agents/{agent}/resume`
pub(super) async fn resume(call: Call) -> Answer {
    act(call, AgentVerb::Resume).await
}

/// `POST /agents/{agent}/readmit`
pub(super) async fn readmit(call: Call) -> Answer {
    act(call, AgentVerb::Readmit).await
}

/// `POST /agents/{agent}/remove`
pub(super) async fn remove(call: Call) -> Answer {
    act(call, AgentVerb::Remove).await
}

/// Answers with the agent as it is now.
async fn act(call: Call, verb: AgentVerb) -> Answer {
    let id = find(&call, &call.api.published.state())?.id;
    let asked: api::ReasonRequest = call.json()?;
    let input = Input::Agent { agent: id, verb, by: call.subject().to_owned(), reason: demanded(&asked.reason)? };
    if call.earlier().is_none()
        && let Answered::Refused(refusal) = call.submit(input).await?
    {
        return Err(refusal.into());
    }
    let state = call.api.published.state();
    let agent = state.agents.get(&id).ok_or_else(|| Refused::not_found(format_args!("agent {id}")))?;
    ok(&shown(&call, &state, agent))
}

fn find(call: &Call, state: &State) -> Result<Arc<Agent>, Refused> {
    let name = call.text_param("agent");
    let named = state.agents.values().filter(|agent| agent.register.name.as_str() == name);
    let found = named.max_by_key(|agent| (agent.standing.is_known(), agent.enrolled)).cloned();
    found.ok_or_else(|| Refused::not_found(format_args!("agent {:?}", cut(name))))
}

fn shown(call: &Call, state: &State, agent: &Agent) -> api::Agent {
    shape::agent(state, agent, call.api.turned.of(agent.id), call.api.vitals.of(agent.id))
}
