//! Agents.

use windlass_proto::api::Page;

use super::answer::{Answer, ok};
use super::call::{Call, cut};
use super::problem::Refused;
use super::shape;

/// `GET /agents`: by name.
pub(super) async fn list(call: Call) -> Answer {
    let state = call.api.published.state();
    let mut items: Vec<_> = state.agents.values().map(|agent| shape::agent(&state, agent)).collect();
    items.sort_by(|a, b| a.name.cmp(&b.name));
    ok(&Page { items, next: None })
}

/// `GET /agents/{agent}`, by its name.
pub(super) async fn get(call: Call) -> Answer {
    let name = call.text_param("agent");
    let state = call.api.published.state();
    let agent = state.agents.values().find(|agent| agent.register.name.as_str() == name);
    let agent = agent.ok_or_else(|| Refused::not_found(format_args!("agent {:?}", cut(name))))?;
    ok(&shape::agent(&state, agent))
}
