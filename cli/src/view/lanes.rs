//! Lanes and plans: what runs where, and what would be done.

use std::collections::BTreeMap;

use windlass_proto::api::{Agent, Lane, OwedTarget, Plan, StrayTarget};

use crate::text::{deployment_id, release_number, span, table};

/// So many debts are named.
const NAMED: usize = 5;

/// All lanes, with what the targets said last.
pub fn status(lanes: &[Lane], agents: &[Agent]) -> String {
    if lanes.is_empty() {
        return "nothing was deployed yet".to_owned();
    }
    let rows: Vec<Vec<String>> = lanes.iter().map(|lane| row(lane, agents)).collect();
    table(&rows)
}

fn row(lane: &Lane, agents: &[Agent]) -> Vec<String> {
    let desired = lane.desired.as_ref().map_or_else(|| "desires nothing".to_owned(), |name| format!("desired {name}"));
    let by_hand: Vec<&str> = held(lane, agents).collect();
    let mut news = news(lane);
    if !by_hand.is_empty() {
        news.push(format!("held by hand: {}", by_hand.join(", ")));
    }
    vec![lane.id.clone(), desired, running(lane, agents), news.join(" · ")]
}

/// Targets that somebody on the host moved.
fn held<'a>(lane: &Lane, agents: &'a [Agent]) -> impl Iterator<Item = &'a str> {
    let is_held = |agent: &&Agent| agent.services.iter().any(|service| service.lane == lane.id && service.held_by_hand);
    agents.iter().filter(is_held).map(|agent| agent.name.as_str())
}

/// `r18 3 of 3`, or `r78 162 · r77 14 · unknown 24`.
fn running(lane: &Lane, agents: &[Agent]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for agent in agents.iter().filter(|agent| agent.register.environments.contains(&lane.environment)) {
        let service = agent.services.iter().find(|service| service.lane == lane.id);
        let name = service.and_then(|service| service.running.as_deref()).map_or("unknown", release_number);
        *counts.entry(name).or_default() += 1;
    }
    let total: usize = counts.values().sum();
    match counts.iter().collect::<Vec<_>>().as_slice() {
        [] => "no target".to_owned(),
        [(name, count)] => format!("{name} {count} of {total}"),
        several => several.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(" · "),
    }
}

fn news(lane: &Lane) -> Vec<String> {
    let mut news = vec![match &lane.active {
        Some(active) => format!("{} goes on", deployment_id(active)),
        None => "idle".to_owned(),
    }];
    news.extend(lane.pending.iter().map(|pending| format!("{} waits", deployment_id(pending))));
    news.extend(lane.last_good.iter().map(|name| format!("last good {name}")));
    news.extend(lane.lock.iter().map(|lock| match &lock.by {
        Some(by) => format!("locked by {by}: {}", lock.why),
        None => format!("locked: {}", lock.why),
    }));
    news.extend(lane.refused.iter().map(|refused| format!("refuses {}: \"{}\"", refused.release, refused.why)));
    news.extend(lane.catch_up.iter().map(|id| format!("{} brings targets to it", deployment_id(id))));
    if !lane.owed.is_empty() {
        news.push(owes(lane));
    }
    news.extend(lane.catch_up_stopped.iter().map(|why| format!("a person looks first: {why}")));
    news.extend(strays("MIXED", &lane.drifted));
    news.extend(strays("left", &lane.left));
    if lane.fenced {
        news.push(format!("restored from a backup: `windlass lane adopt {} {}`", lane.service, lane.environment));
    }
    news
}

/// The longest debts by name, the others as a number.
fn owes(lane: &Lane) -> String {
    let mut owed: Vec<&OwedTarget> = lane.owed.iter().collect();
    owed.sort_by_key(|owed| owed.since);
    let person = |owed: &OwedTarget| if owed.waits_for_person { ", a person looks first" } else { "" };
    let named: Vec<String> =
        owed.iter().take(NAMED).map(|owed| format!("{} ({}{})", owed.target, owed.why, person(owed))).collect();
    let more = owed.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("owes {}{more}", named.join(", "))
}

fn strays(word: &str, strays: &[StrayTarget]) -> Option<String> {
    let each: Vec<String> = strays.iter().map(|stray| format!("{} ({})", stray.target, stray.why)).collect();
    (!each.is_empty()).then(|| format!("{word}: {}", each.join(", ")))
}

/// A plan. Its digest is cut to what `--plan` needs.
pub fn plan(plan: &Plan) -> String {
    let digest = plan.digest.get(..8).unwrap_or(&plan.digest);
    let targets: usize = plan.batches.iter().map(|batch| batch.targets.len()).sum();
    let mut lines = vec![format!("plan {digest}  {} on {} · {targets} targets", plan.release, plan.lane)];
    for (number, batch) in (1..).zip(&plan.batches) {
        let names = batch.targets.join(", ");
        let bake = span(batch.bake_ms);
        let manual = if batch.manual { "; a person lets the next one begin" } else { "" };
        lines.push(format!(
            "  batch {number}   {names}   bake {bake}, budget {}, {} at a time{manual}",
            batch.budget, batch.at_once
        ));
    }
    lines.push(format!("  way back  {}", ways_back(plan)));
    lines.push(format!("  never     more than {} of {targets} out of service", plan.max_unavailable));
    let owed = plan.stragglers.iter().map(|owed| format!("  owed      {} is not reached: {}", owed.target, owed.why));
    lines.extend(owed);
    lines.join("\n")
}

fn ways_back(plan: &Plan) -> String {
    let mut by_release: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for way in &plan.ways_back {
        let to = way.to.as_deref().map_or("stop, and remove it (nothing ran here before)", release_number);
        by_release.entry(to).or_default().push(&way.target);
    }
    let total = plan.ways_back.len();
    let texts = by_release.iter().map(|(to, targets)| format!("{to}, on {} of {total} targets", targets.len()));
    texts.collect::<Vec<_>>().join(" · ")
}
