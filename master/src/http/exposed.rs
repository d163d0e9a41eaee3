//! Which values of secrets agents got: what must be changed after an incident. Read from the journal, where each delivery is a fact.

use std::collections::{BTreeMap, BTreeSet};

use windlass_core::fact::SecretFact;
use windlass_core::model::{AgentId, RunId, UnixMs};
use windlass_core::secret::SecretId;
use windlass_core::{Fact, Recorded, State};
use windlass_proto::api::{self, ProblemKind};

use super::answer::{Answer, ok};
use super::call::{Call, cut};
use super::journal::Unread;
use super::problem::{Refused, internal};

/// What describes the route in the OpenAPI document.
pub(super) const QUERY: &[(&str, &str)] = &[
    ("agent", "what this agent got; also one that was removed"),
    ("run", "what agents got for this run"),
    ("since", "what was delivered at this time or later, as `2026-11-22T14:02:07.113Z`"),
];

/// Which deliveries.
struct Filter {
    agents: Option<BTreeSet<AgentId>>,
    run: Option<RunId>,
    since: UnixMs,
}

/// `GET /secrets/exposed`: by project, environment and name.
pub(super) async fn list(call: Call) -> Answer {
    let state = call.api.published.state();
    let filter = filter(&call, &state)?;
    let (end, stop) = (call.api.published.lsn(), call.api.tasks.shutdown.clone());
    let take = move |found: &mut Found, recorded: &Recorded| filter.take(recorded, found);
    let (found, unread) =
        call.api.journal.fold(end, stop, Found::new(), take).await.map_err(|error| internal(&error))?;
    let items = found.into_iter().map(|((secret, number), exposed)| shown(&state, secret, number, exposed));
    let unread = unread.into_iter().map(|Unread { first, last, why }| api::UnreadFacts { first, last, why });
    ok(&api::ExposedSecrets { items: items.collect(), unread: unread.collect() })
}

fn filter(call: &Call, state: &State) -> Result<Filter, Refused> {
    let run: Option<RunId> = call.value("run", "a run, as `shop.42`")?;
    let since: Option<api::Time> = call.value("since", "a time, as `2026-11-22T14:02:07.113Z`")?;
    let agents = call.text("agent").map(|name| {
        let named = state.agents.values().filter(|agent| agent.register.name.as_str() == name);
        let ids: BTreeSet<AgentId> = named.map(|agent| agent.id).collect();
        if ids.is_empty() { Err(Refused::not_found(format_args!("agent {:?}", cut(name)))) } else { Ok(ids) }
    });
    let agents = agents.transpose()?;
    if agents.is_none() && run.is_none() && since.is_none() {
        return Err(Refused::new(ProblemKind::BadRequest, "name an agent, a run or a time"));
    }
    Ok(Filter { agents, run, since: since.map_or(UnixMs(0), |time| time.0) })
}

/// By secret and number of its value.
type Found = BTreeMap<(SecretId, u32), Exposed>;

/// Deliveries of one value.
struct Exposed {
    agents: BTreeSet<AgentId>,
    deliveries: u64,
    first: UnixMs,
    last: UnixMs,
}

impl Filter {
    fn take(&self, recorded: &Recorded, found: &mut Found) {
        let Recorded { at, fact: Fact::Secret(SecretFact::Delivered { run, agent, secrets, .. }) } = recorded else {
            return;
        };
        let of_agent = self.agents.as_ref().is_none_or(|agents| agents.contains(agent));
        if !of_agent || *at < self.since || self.run.as_ref().is_some_and(|wanted| wanted != run) {
            return;
        }
        for grant in secrets {
            let new = || Exposed { agents: BTreeSet::new(), deliveries: 0, first: *at, last: *at };
            let exposed = found.entry((grant.secret.clone(), grant.number)).or_insert_with(new);
            exposed.agents.insert(*agent);
            exposed.deliveries += 1;
            exposed.last = *at;
        }
    }
}

fn shown(state: &State, secret: SecretId, number: u32, exposed: Exposed) -> api::ExposedSecret {
    let name =
        |id: &AgentId| state.agents.get(id).map_or_else(|| id.to_string(), |agent| agent.register.name.to_string());
    let current = state.secrets.get(&secret).is_some_and(|known| known.number == number && !known.is_deleted);
    let mut agents: Vec<String> = exposed.agents.iter().map(name).collect();
    agents.sort();
    api::ExposedSecret {
        project: secret.project.to_string(),
        environment: secret.environment.as_ref().map(ToString::to_string),
        name: secret.name.to_string(),
        number,
        changed: !current,
        agents,
        deliveries: exposed.deliveries,
        first: exposed.first.into(),
        last: exposed.last.into(),
    }
}
